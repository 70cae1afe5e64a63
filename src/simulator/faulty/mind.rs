//! What the agent makes of keys and of time. Pure: it is told both, and says what is to be done.

use std::time::Duration;

use serde_json::{Value, json};

use super::{
    diary::Note,
    misdeed::{Misdeed, Moment},
};
use crate::simulator::agent::keys::{Key, Keys};

/// What the body has to do.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Deed {
    /// Write this into the diary.
    Note(Note),
    /// Tell the hook.
    Tell(Value),
    /// From now on the session has another id.
    ChangeSession,
    /// Do not read for so long.
    StopReading(Duration),
    /// End, and be started anew.
    End,
    /// Be killed.
    Die,
    /// Become a shell.
    BecomeShell,
}

/// What lies over the composer and gets the keys.
#[derive(Debug)]
pub(super) struct Cover {
    pub(super) what: What,
    until: Duration,
    keys: Keys,
}

/// What can lie over the composer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum What {
    /// The start-up screen.
    Start,
    /// A question whose Enter is consent.
    Question,
    /// The menu of a reached limit.
    Limit,
}

/// What the agent is busy with.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Busy {
    /// A turn.
    Turn,
    /// Its own memory.
    Compaction,
}

/// Misdeeds that wait for their moment.
#[derive(Debug, Default)]
struct Armed {
    lose_enter: bool,
    delay_enter: Option<Duration>,
    in_pieces: bool,
    ask_at_paste: Option<Duration>,
    die: Option<Moment>,
    at_message: Option<AtMessage>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum AtMessage {
    ChangeSession,
    LoseReceipt,
}

/// An Enter whose effect is still to come.
#[derive(Debug)]
struct Delayed {
    at: Duration,
    times: usize,
}

/// The agent without its body.
#[derive(Debug)]
pub(super) struct Mind {
    composer: Keys,
    cover: Option<Cover>,
    busy: Option<(Busy, Duration)>,
    suggestion: Option<(Duration, bool)>,
    delayed: Option<Delayed>,
    waiting: Vec<String>,
    armed: Armed,
    turn: Duration,
}

/// The words that are suggested.
pub(super) const SUGGESTION: &str = "write a test for the parser";

impl Mind {
    /// An agent that comes up until `ready` and whose turns take `turn`.
    pub(super) fn new(ready: Duration, turn: Duration) -> Self {
        Self {
            composer: Keys::default(),
            cover: Some(Cover { what: What::Start, until: ready, keys: Keys::default() }),
            busy: None,
            suggestion: None,
            delayed: None,
            waiting: Vec::new(),
            armed: Armed::default(),
            turn,
        }
    }

    /// What lies over the composer.
    pub(super) fn cover(&self) -> Option<What> {
        self.cover.as_ref().map(|cover| cover.what)
    }

    /// Whether it has come up.
    pub(super) fn is_up(&self) -> bool {
        self.cover() != Some(What::Start)
    }

    /// What it is busy with.
    pub(super) fn busy(&self) -> Option<Busy> {
        self.busy.map(|(busy, _)| busy)
    }

    /// What stands in the composer.
    pub(super) fn draft(&self) -> String {
        self.composer.draft()
    }

    /// Whether words are suggested, and if so whether they are dim.
    pub(super) fn suggests(&self) -> Option<bool> {
        self.suggestion.filter(|_| self.composer.draft().is_empty()).map(|(_, dim)| dim)
    }

    /// Whether it reads in small pieces.
    pub(super) const fn reads_in_pieces(&self) -> bool {
        self.armed.in_pieces
    }

    /// Obeys an order.
    pub(super) fn obey(&mut self, misdeed: Misdeed, now: Duration) -> Vec<Deed> {
        let after = |ms| now + Duration::from_millis(ms);
        match misdeed {
            Misdeed::LoseEnter => self.armed.lose_enter = true,
            Misdeed::DelayEnter { ms } => self.armed.delay_enter = Some(Duration::from_millis(ms)),
            Misdeed::ReadInPieces => self.armed.in_pieces = true,
            Misdeed::Suggest { ms, dim } => self.suggestion = Some((after(ms), dim)),
            // No hook tells of it: agents tell late or never, and the screen has to do.
            Misdeed::Ask { ms } => self.lay(What::Question, after(ms)),
            Misdeed::AskAtPaste { ms } => self.armed.ask_at_paste = Some(Duration::from_millis(ms)),
            Misdeed::ShowLimit { ms } => self.lay(What::Limit, after(ms)),
            Misdeed::BecomeShell => return vec![Deed::BecomeShell],
            Misdeed::Die(moment) => self.armed.die = Some(moment),
            // The next start reads the order itself.
            Misdeed::StartSlowly { .. } => return vec![Deed::End],
            Misdeed::Compact { ms } => self.busy = Some((Busy::Compaction, after(ms))),
            Misdeed::ChangeSession => self.armed.at_message = Some(AtMessage::ChangeSession),
            Misdeed::StopReading { ms } => return vec![Deed::StopReading(Duration::from_millis(ms))],
            Misdeed::LoseReceipt => self.armed.at_message = Some(AtMessage::LoseReceipt),
            Misdeed::Recover => return self.recover(now),
        }
        Vec::new()
    }

    /// Takes one byte of the terminal.
    pub(super) fn press(&mut self, byte: u8, now: Duration) -> Vec<Deed> {
        if let Some(cover) = &mut self.cover {
            return cover.press(byte);
        }
        if byte == b'\r' && self.composer.is_between() {
            return self.enter(now);
        }
        match self.composer.press(byte) {
            Some(Key::Show(text)) if text.chars().nth(1).is_some() => self.pasted(text.len(), now),
            Some(Key::End) => vec![Deed::End],
            Some(Key::Show(_) | Key::Erase(_) | Key::Submit(_) | Key::Interrupt) | None => Vec::new(),
        }
    }

    /// Takes note of the time.
    pub(super) fn tick(&mut self, now: Duration) -> Vec<Deed> {
        let mut deeds = Vec::new();
        if let Some(cover) = self.cover.take_if(|cover| now >= cover.until) {
            deeds.extend(match cover.what {
                What::Start => Some(Deed::Tell(started("startup"))),
                // What was asked about goes on, and is over at once.
                What::Question | What::Limit => self.busy.is_none().then(|| Deed::Tell(stop())),
            });
        }
        self.suggestion.take_if(|(until, _)| now >= *until);
        if let Some(delayed) = self.delayed.take_if(|delayed| now >= delayed.at) {
            let text = self.composer.draft();
            self.clear();
            for _ in 0..delayed.times {
                deeds.extend(self.submit(text.clone(), now));
            }
        }
        if let Some((busy, _)) = self.busy.take_if(|(_, until)| now >= *until) {
            deeds.push(Deed::Tell(match busy {
                Busy::Turn => stop(),
                Busy::Compaction => started("compact"),
            }));
        }
        if self.busy.is_none() && self.cover.is_none() && !self.waiting.is_empty() {
            let next = self.waiting.remove(0);
            deeds.extend(self.take(&next, now));
        }
        deeds
    }

    /// Gets a message without a key. Nothing on the screen is in its way, but an agent that is busy takes it later.
    pub(super) fn receive(&mut self, text: String, now: Duration) -> Vec<Deed> {
        if matches!(self.armed.die, Some(Moment::Paste | Moment::Enter)) {
            return vec![Deed::Die];
        }
        if self.busy.is_some() || self.cover.is_some() {
            self.waiting.push(text);
            return Vec::new();
        }
        self.take(&text, now)
    }

    fn pasted(&mut self, bytes: usize, now: Duration) -> Vec<Deed> {
        let mut deeds = vec![Deed::Note(Note::Pasted(bytes))];
        if let Some(time) = self.armed.ask_at_paste.take() {
            self.lay(What::Question, now + time);
        }
        if self.armed.die == Some(Moment::Paste) {
            deeds.push(Deed::Die);
        }
        deeds
    }

    fn enter(&mut self, now: Duration) -> Vec<Deed> {
        if let Some(delayed) = &mut self.delayed {
            delayed.times += 1;
            return Vec::new();
        }
        if std::mem::take(&mut self.armed.lose_enter) {
            return vec![Deed::Note(Note::Dropped("Enter".to_owned()))];
        }
        if self.armed.die == Some(Moment::Enter) {
            return vec![Deed::Die];
        }
        if let Some(time) = self.armed.delay_enter.take() {
            self.delayed = Some(Delayed { at: now + time, times: 1 });
            return Vec::new();
        }
        if self.suggests().is_some() {
            self.suggestion = None;
            return vec![Deed::Note(Note::Executed(SUGGESTION.to_owned()))];
        }
        let text = self.composer.draft();
        self.clear();
        self.armed.in_pieces = false;
        self.submit(text, now)
    }

    /// A message stands whole. One that comes while the agent is busy waits.
    fn submit(&mut self, text: String, now: Duration) -> Vec<Deed> {
        if text.trim().is_empty() {
            return Vec::new();
        }
        if text.starts_with(['/', '!', '#', '@', '&', '$']) {
            return vec![Deed::Note(Note::Executed(text))];
        }
        if self.busy.is_some() {
            self.waiting.push(text);
            return Vec::new();
        }
        self.take(&text, now)
    }

    fn take(&mut self, text: &str, now: Duration) -> Vec<Deed> {
        let mut deeds = vec![Deed::Note(Note::Taken(text.to_owned()))];
        if self.armed.die == Some(Moment::Taking) {
            deeds.push(Deed::Die);
            return deeds;
        }
        let at_message = self.armed.at_message.take();
        if at_message == Some(AtMessage::ChangeSession) {
            deeds.push(Deed::Tell(json!({ "hook_event_name": "SessionEnd", "reason": "clear" })));
            deeds.push(Deed::ChangeSession);
            deeds.push(Deed::Tell(started("clear")));
        }
        if at_message != Some(AtMessage::LoseReceipt) {
            deeds.push(Deed::Tell(json!({ "hook_event_name": "UserPromptSubmit", "prompt": text })));
        }
        self.busy = Some((Busy::Turn, now + self.turn));
        deeds
    }

    fn lay(&mut self, what: What, until: Duration) {
        self.cover = Some(Cover { what, until, keys: Keys::default() });
    }

    fn recover(&mut self, now: Duration) -> Vec<Deed> {
        let covered = self.cover.take_if(|cover| cover.what == What::Start);
        *self = Self { cover: covered, ..Self::new(now, self.turn) };
        vec![Deed::Tell(stop())]
    }

    fn clear(&mut self) {
        self.composer = Keys::default();
    }
}

impl Cover {
    /// Keys on what lies over the composer.
    fn press(&mut self, byte: u8) -> Vec<Deed> {
        let note = match (self.what, self.keys.press(byte)) {
            (_, None | Some(Key::Erase(_) | Key::Interrupt | Key::End)) => return Vec::new(),
            (What::Start, Some(Key::Show(text) | Key::Submit(text))) => Note::Dropped(text),
            (What::Question | What::Limit, Some(Key::Show(text))) => Note::Executed(text),
            (What::Question, Some(Key::Submit(_))) => Note::Executed("Enter: approved".to_owned()),
            (What::Limit, Some(Key::Submit(_))) => Note::Executed("Enter: bought more".to_owned()),
        };
        vec![Deed::Note(note)]
    }
}

fn started(source: &str) -> Value {
    json!({ "hook_event_name": "SessionStart", "source": source })
}

fn stop() -> Value {
    json!({ "hook_event_name": "Stop", "stop_hook_active": false })
}
