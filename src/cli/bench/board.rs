//! What the daemon says of each session and each prompt: read from its journal, as it grows.

use std::{collections::BTreeMap, time::Duration};

use jiff::Timestamp;
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;

use crate::{
    cli::sandbox::Tail,
    machine::{
        State,
        session::{self, Activity, Life, SendEnd},
    },
    model::{Cause, Generation, MachineKey, PromptId, SessionId, TextHash},
};

/// How often the journal is read.
const READ: Duration = Duration::from_millis(25);

/// Everything that was said so far.
#[derive(Debug, Clone, Default)]
pub(super) struct Board {
    /// How each session is.
    pub(super) sessions: BTreeMap<SessionId, Seen>,
    /// Every prompt that was typed or may have been, and those on their way.
    pub(super) prompts: BTreeMap<PromptId, Prompt>,
    /// Which prompt a message became, by the hash of its words; the newest one.
    pub(super) messages: BTreeMap<TextHash, PromptId>,
}

/// How a session is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Seen {
    /// The newest launch.
    pub(super) generation: Generation,
    /// What it does, if it runs.
    pub(super) activity: Option<Activity>,
    /// Whether nothing is on its way to it, and nothing waits.
    pub(super) is_free: bool,
}

/// A prompt.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Prompt {
    /// To whom.
    pub(super) session: SessionId,
    /// Its exact words, by their hash, once they were made.
    pub(super) text: Option<TextHash>,
    /// How it ended, once it has.
    pub(super) end: Option<End>,
}

/// How a prompt ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum End {
    /// It was taken, then.
    Acknowledged(Timestamp),
    /// Nobody can tell.
    Indeterminate,
    /// It was not typed.
    Withdrawn,
}

impl Board {
    /// The end of a message.
    pub(super) fn end_of(&self, message: &TextHash) -> Option<End> {
        self.prompts.get(self.messages.get(message)?)?.end
    }

    /// Whether a session waits for a prompt.
    pub(super) fn is_ready(&self, session: &SessionId) -> bool {
        self.sessions
            .get(session)
            .is_some_and(|seen| seen.is_free && matches!(seen.activity, Some(Activity::Idle | Activity::Starting)))
    }

    fn take(&mut self, state: &session::State) {
        let activity = match state.life {
            Life::Running { activity, .. } => Some(activity),
            Life::Launching | Life::Exited { .. } | Life::Stopping | Life::Ended => None,
        };
        let is_free = state.queue.is_empty() && state.sending.is_none();
        self.sessions.insert(state.session.clone(), Seen { generation: state.generation, activity, is_free });
        for sent in &state.sent {
            let end = match &sent.end {
                SendEnd::Acknowledged(evidence) => End::Acknowledged(evidence.at),
                SendEnd::Indeterminate => End::Indeterminate,
                SendEnd::Withdrawn => End::Withdrawn,
            };
            let prompt = Prompt { session: state.session.clone(), text: sent.text.clone(), end: Some(end) };
            self.prompts.insert(sent.prompt.clone(), prompt);
            self.notice(&sent.prompt, sent.references.iter().map(|reference| &reference.cause));
        }
        if let Some(sending) = &state.sending {
            let prompt = Prompt { session: state.session.clone(), text: sending.text.clone(), end: None };
            self.prompts.insert(sending.prompt.clone(), prompt);
            self.notice(&sending.prompt, sending.references.iter().map(|reference| &reference.cause));
        }
    }

    fn notice<'a>(&mut self, prompt: &PromptId, causes: impl Iterator<Item = &'a Cause>) {
        for cause in causes {
            if let Cause::Person(words) = cause {
                self.messages.insert(words.clone(), prompt.clone());
            }
        }
    }
}

/// Keeps a board up to date until it is told to stop.
pub(super) async fn keep(mut tail: Tail, board: watch::Sender<Board>, stop: CancellationToken) {
    let mut ticks = tokio::time::interval(READ);
    ticks.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
    loop {
        tokio::select! {
            () = stop.cancelled() => return,
            _ = ticks.tick() => {}
        }
        let mut touched: Vec<MachineKey> = tail.news().await.into_iter().map(|entry| entry.machine).collect();
        touched.retain(|machine| matches!(machine, MachineKey::Session(_)));
        touched.sort();
        touched.dedup();
        let mut states = Vec::new();
        for machine in &touched {
            if let Some(State::Session(state)) = tail.state(machine).await {
                states.push(state);
            }
        }
        if !states.is_empty() {
            board.send_modify(|board| states.iter().for_each(|state| board.take(state)));
        }
    }
}
