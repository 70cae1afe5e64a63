//! The only one who types: prompts and what people type take turns, so neither ever lands inside the other.
//!
//! An order is one message; what was begun is finished whoever has lost interest, and an id that was typed once is only
//! ever answered from the record.

use std::{sync::Arc, time::Duration};

use jiff::Timestamp;
use tokio::sync::{mpsc, oneshot};
use tokio_util::sync::CancellationToken;
use tracing::warn;

use super::{protocol::Answer, record::Record, terminal::Terminal};
use crate::{
    boundary::cross,
    clock::Clock,
    model::{PromptId, Submission},
    runtime::{Gate, Message, Settle, Why, settle::Reaction},
};

/// Orders that may wait.
const WORK_MAX: usize = 256;
/// For how long after a person's last key nothing is typed.
const PERSON_QUIET: Duration = Duration::from_secs(3);

/// What a typist is asked to do.
pub(crate) enum Work {
    /// Type a message.
    Submit { message: Message, gate: Gate, answer: oneshot::Sender<Answer> },
    /// Say what is known of a prompt.
    Submission { prompt: PromptId, answer: oneshot::Sender<Answer> },
    /// Type what a person typed.
    Person(Vec<u8>),
}

/// The queue in front of a typist.
#[derive(Clone)]
pub(crate) struct Desk(mpsc::Sender<Work>);

impl Desk {
    /// Hands in work and waits for its answer.
    pub(crate) async fn ask(&self, work: impl FnOnce(oneshot::Sender<Answer>) -> Work) -> Answer {
        let (answer, answered) = oneshot::channel();
        let handed_in = self.0.send(work(answer)).await.is_ok();
        // A typist that is gone left only its record; the client reads that.
        if handed_in { answered.await.unwrap_or(Answer::Gone) } else { Answer::Gone }
    }

    /// Hands in a person's keys.
    pub(crate) async fn person(&self, keys: Vec<u8>) {
        drop(self.0.send(Work::Person(keys)).await);
    }
}

/// Types into one terminal.
pub(crate) struct Typist {
    terminal: Arc<Terminal>,
    record: Record,
    settle: Settle,
    clock: Clock,
    person_at: Option<Timestamp>,
}

impl Typist {
    /// A typist at a terminal.
    pub(crate) const fn new(terminal: Arc<Terminal>, record: Record, settle: Settle, clock: Clock) -> Self {
        Self { terminal, record, settle, clock, person_at: None }
    }

    /// A queue for [`Typist::run`].
    pub(crate) fn desk() -> (Desk, mpsc::Receiver<Work>) {
        let (desk, work) = mpsc::channel(WORK_MAX);
        (Desk(desk), work)
    }

    /// Works until it is told to stop; a message that was begun is finished before.
    pub(crate) async fn run(mut self, mut work: mpsc::Receiver<Work>, stop: CancellationToken) {
        loop {
            let next = tokio::select! {
                biased;
                () = stop.cancelled() => return,
                next = work.recv() => next,
            };
            match next {
                Some(Work::Submit { message, gate, answer }) => drop(answer.send(self.submit(&message, &gate).await)),
                Some(Work::Submission { prompt, answer }) => {
                    drop(answer.send(Answer::Typed(self.record.of(&prompt))));
                }
                Some(Work::Person(keys)) => self.person(keys).await,
                None => return,
            }
        }
    }

    async fn person(&mut self, keys: Vec<u8>) {
        self.person_at = Some(self.clock.now());
        // What does not fit is lost, as at a real terminal.
        self.terminal.type_all(keys).await;
    }

    async fn submit(&mut self, message: &Message, gate: &Gate) -> Answer {
        match self.record.of(message.prompt()) {
            Submission::Untouched => {}
            known @ (Submission::Placed | Submission::Submitted | Submission::Indeterminate) => {
                return Answer::Typed(known);
            }
        }
        let marked = match self.judge(message, gate) {
            Ok(marked) => marked,
            Err(refusal) => return refusal,
        };
        match self.type_message(message, gate, marked).await {
            Ok(()) => Answer::Typed(self.record.of(message.prompt())),
            Err(error) => Answer::Failed { why: format!("cannot record what is typed: {error}") },
        }
    }

    /// Whether the message may be typed now, and if so whether as a bracketed paste.
    fn judge(&self, message: &Message, gate: &Gate) -> Result<bool, Answer> {
        if self.terminal.ended().is_some() {
            return Err(Answer::Gone);
        }
        let quiet = self.person_at.map(|at| self.clock.now().duration_since(at));
        if quiet.is_some_and(|quiet| quiet.unsigned_abs() < PERSON_QUIET) {
            return Err(Answer::NotReceptive(Why::Typing));
        }
        if self.terminal.is_stuffed() {
            return Err(Answer::NotReceptive(Why::NotReading));
        }
        let screen = self.terminal.screen(0);
        gate.judge(&screen, self.terminal.foreground().as_deref(), message).map_err(Answer::NotReceptive)?;
        Ok(screen.bracketed_paste == Some(true))
    }

    async fn type_message(&mut self, message: &Message, gate: &Gate, marked: bool) -> std::io::Result<()> {
        let prompt = message.prompt();
        cross("pty.placing");
        self.record.placing(prompt)?;
        cross("pty.place");
        let silent = self.terminal.echoes() == Some(false);
        let before = self.terminal.revision();
        if !self.terminal.type_all(keys(message.text(), marked)).await {
            warn!(prompt.id = %prompt, "The application did not take all of a prompt; Enter was not typed");
            return Ok(());
        }
        cross("pty.placed");
        self.record.placed(prompt);
        let drawn = self.settled(before, gate.draws()).await;
        let (screen, foreground) = (self.terminal.screen(0), self.terminal.foreground());
        if let Err(why) = gate.judge_enter(&screen, foreground.as_deref(), message, drawn) {
            warn!(prompt.id = %prompt, why = %why, "The text of a prompt was typed, but its Enter was withheld: {why}");
            return Ok(());
        }
        if silent && self.terminal.echoes() == Some(false) {
            self.terminal.watch_for(prompt);
        }
        self.record.submitting(prompt);
        cross("pty.submit");
        if !self.terminal.type_all(b"\r".to_vec()).await {
            warn!(prompt.id = %prompt, "The application did not take the Enter of a prompt");
            return Ok(());
        }
        cross("pty.submitted");
        self.record.submitted(prompt)
    }

    /// Waits until the application has read the text and drawn it; see [`Settle`]. Whether it has. `before` is the revision of
    /// the screen before the text was typed.
    async fn settled(&self, before: u64, draws: bool) -> bool {
        let mut ticks = tokio::time::interval(Settle::LOOK_EVERY);
        ticks.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
        let begin = ticks.tick().await;
        let (mut now, mut revision, mut changed) = (begin, before, None);
        loop {
            if self.terminal.revision() != revision {
                revision = self.terminal.revision();
                changed = Some(now);
            }
            let quiet = changed.map(|changed| now.duration_since(changed));
            let reaction = Reaction { unread: self.terminal.unread(), quiet };
            let over = self.terminal.ended().is_some();
            if over || !self.settle.wait(now.duration_since(begin), reaction, draws) {
                return reaction.is_drawn();
            }
            now = ticks.tick().await;
        }
    }
}

/// The bytes that put a text into a composer without submitting it.
fn keys(text: &str, marked: bool) -> Vec<u8> {
    if marked { [b"\x1b[200~", text.as_bytes(), b"\x1b[201~"].concat() } else { text.as_bytes().to_vec() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_paste_is_marked_only_if_the_application_asked_for_it() {
        assert_eq!(keys("a\nb", true), b"\x1b[200~a\nb\x1b[201~");
        assert_eq!(keys("ab", false), b"ab");
    }
}
