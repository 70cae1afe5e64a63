//! What the agent's turns left behind, and whether they go round in circles.
//!
//! Three signs: turns that should have changed something and changed nothing, turns that lead back to the files of two
//! turns before, and a command that fails in the same way again and again while no file changes. All of them end with
//! files that were not there before, or when a person speaks.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::State;
use crate::{
    event::Turn,
    machine::{Now, Rules},
    model::{Cause, Failing, IncidentKind, Loops, PromptRef, Trace},
};

/// How many turns are remembered: enough to recognise files that come back.
const REMEMBERED: usize = 8;

/// What the newest turns left behind.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Trail {
    /// The files after the newest turns, the newest last; no two neighbours are the same.
    files: Vec<String>,
    /// How many turns in a row have changed nothing although they should have.
    unchanged: u32,
    /// How many turns in a row have led back to the files of two turns before.
    swings: u32,
    /// The files at the last look, which may have been in the middle of a turn.
    seen: Option<String>,
    /// The command that fails again and again.
    failing: Option<Failing>,
    /// How often that one had failed when files last changed.
    forgiven: u32,
    /// When a look last found no progress where there might have been some.
    pub(super) in_vain_at: Option<Timestamp>,
    /// When it was last looked at.
    pub(super) looked_at: Option<Timestamp>,
}

impl Trail {
    /// Takes a look into account.
    fn take(&mut self, turn: Turn, trace: Trace, at: Timestamp) {
        let failed_before = self.fails();
        let changed = trace.files.is_some() && trace.files != self.seen;
        if changed || self.failing.as_ref().map(|it| &it.what) != trace.failing.as_ref().map(|it| &it.what) {
            self.forgiven = if changed { trace.failing.as_ref().map_or(0, |failing| failing.times) } else { 0 };
        }
        self.failing = trace.failing;
        let is_new = trace.files.as_ref().is_some_and(|files| !self.files.contains(files));
        if let (Turn::Ended { owed }, Some(files)) = (turn, &trace.files) {
            self.end_turn(files, owed);
        }
        self.seen = trace.files.or_else(|| self.seen.take());
        if (matches!(turn, Turn::Ended { .. }) && !is_new) || self.fails() > failed_before {
            self.in_vain_at = Some(at);
        }
        self.looked_at = Some(at);
    }

    fn end_turn(&mut self, files: &String, owed: bool) {
        let before = self.files.len().checked_sub(2).and_then(|index| self.files.get(index));
        if self.files.last() == Some(files) {
            self.unchanged += u32::from(owed);
            return;
        }
        self.swings = if before == Some(files) { self.swings + 1 } else { 0 };
        self.unchanged = 0;
        self.files.push(files.clone());
        if self.files.len() > REMEMBERED {
            self.files.remove(0);
        }
    }

    fn fails(&self) -> u32 {
        self.failing.as_ref().map_or(0, |failing| failing.times.saturating_sub(self.forgiven))
    }

    fn is_circle(&self, loops: &Loops) -> bool {
        self.unchanged >= loops.unchanged || self.swings >= loops.swings || self.fails() >= loops.failures
    }

    /// What points to a circle, for people and the agent.
    #[must_use]
    pub fn words(&self) -> String {
        let signs = [
            (self.unchanged, "turns in a row have changed nothing"),
            (self.swings, "turns in a row have led back to the files of two turns before"),
            (self.fails(), "runs of a command have failed in the same way while no file changed"),
        ];
        let words: Vec<_> =
            signs.into_iter().filter(|(count, _)| *count > 1).map(|(count, what)| format!("{count} {what}")).collect();
        if words.is_empty() { "nothing has changed for a while".to_owned() } else { words.join(", ") }
    }

    /// A new conversation has run no command yet.
    pub(super) fn begin_anew(&mut self) {
        self.failing = None;
        self.forgiven = 0;
    }
}

impl State {
    pub(super) fn on_traced(&mut self, turn: Turn, trace: Trace, now: &Now<'_>) {
        self.trail.take(turn, trace, now.at);
    }

    /// Whether the agent goes round in circles.
    pub(super) fn is_looping(&self, rules: &Rules) -> bool {
        self.is_running() && self.trail.is_circle(&rules.loops)
    }

    /// A person knows better than we what is a circle.
    pub(super) fn listen_to_people(&mut self, references: &[PromptRef]) {
        if references.iter().any(|it| matches!(it.cause, Cause::Person(_) | Cause::Comment { .. })) {
            self.trail = Trail::default();
            self.incidents.remove(&IncidentKind::AgentLooping);
        }
    }
}

/// Whether a turn that answers these should have changed something.
pub(super) fn owes_a_change(answered: &[PromptRef]) -> bool {
    answered.iter().any(|reference| match &reference.cause {
        Cause::Incident { kind, .. } => matches!(
            kind,
            IncidentKind::ChecksFailed
                | IncidentKind::Conflict
                | IncidentKind::MergeQueueEjected
                | IncidentKind::NoChange
                | IncidentKind::AgentLooping
        ),
        Cause::Task | Cause::Handover | Cause::Person(_) | Cause::Comment { .. } => false,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        event::{ActionOutcome, Hook, Session},
        machine::testing::*,
        model::{TextHash, Usage},
    };

    const LOOPING: IncidentKind = IncidentKind::AgentLooping;
    const NOTHING: [&str; 0] = [];
    const NUDGE: &str = "tell session/hello-3: prompt wanted (agent-looping attempt 1)";

    fn failing(times: u32) -> Failing {
        Failing { what: TextHash::of("npm test"), times }
    }

    fn looked(desk: &mut Desk, turn: Turn, trace: Trace) -> Vec<String> {
        desk.feed(Session::Used {
            generation: desk.generation(),
            usage: Usage::default(),
            turn,
            trace: Box::new(trace),
        })
    }

    /// The agent answers red checks, and leaves these files behind.
    fn answers(desk: &mut Desk, files: &str) -> Vec<String> {
        if desk.state().sending.is_some() {
            desk.delivered();
            desk.takes();
        } else {
            desk.works_on(ci());
        }
        let ended = desk.hook(Hook::TurnEnded);
        desk.pass(secs(1));
        assert!(ended.contains(&"read usage".to_owned()), "{ended:?}");
        looked(desk, Turn::Ended { owed: true }, Trace { files: Some(files.to_owned()), failing: None })
    }

    #[test]
    fn four_turns_that_change_nothing_are_a_circle() {
        let mut desk = Desk::idle(rules());
        for _ in 0..4 {
            assert_eq!(answers(&mut desk, "a"), NOTHING);
        }

        assert_eq!(answers(&mut desk, "a"), [NUDGE]);
    }

    #[test]
    fn files_that_come_and_go_are_a_circle_and_work_that_goes_on_is_none() {
        let mut desk = Desk::idle(rules());
        for files in ["a", "b", "c", "b", "c", "d", "e", "f"] {
            assert_eq!(answers(&mut desk, files), NOTHING);
        }
        for files in ["e", "f"] {
            assert_eq!(answers(&mut desk, files), NOTHING);
        }

        assert_eq!(answers(&mut desk, "e"), [NUDGE]);
    }

    #[test]
    fn a_command_that_fails_in_the_same_way_is_a_circle_only_while_no_file_changes() {
        let mut desk = Desk::idle(rules());
        desk.works_on(ci());
        let look = |desk: &mut Desk, files: &str, times| {
            looked(desk, Turn::Runs, Trace { files: Some(files.to_owned()), failing: Some(failing(times)) })
        };
        look(&mut desk, "a", 1);
        assert_eq!(look(&mut desk, "b", 7), NOTHING, "it has worked on that");
        assert_eq!(look(&mut desk, "b", 12), NOTHING);

        assert_eq!(look(&mut desk, "b", 13), [NUDGE]);
        assert_eq!(look(&mut desk, "c", 14), NOTHING);
        assert_eq!(desk.state().incidents, [].into());
    }

    #[test]
    fn turns_that_owe_no_change_are_no_circle() {
        let mut desk = Desk::idle(rules());
        for _ in 0..20 {
            let trace = Trace { files: Some("a".to_owned()), failing: None };
            assert_eq!(looked(&mut desk, Turn::Ended { owed: false }, trace), NOTHING);
        }
    }

    // Nobody can tell what the files are: then nothing is known, least of all a circle.
    #[test]
    fn what_cannot_be_looked_at_is_no_circle() {
        let mut desk = Desk::idle(rules());
        for _ in 0..20 {
            assert_eq!(looked(&mut desk, Turn::Ended { owed: true }, Trace::default()), NOTHING);
        }
    }

    #[test]
    fn a_circle_is_answered_step_by_step_until_the_files_are_new() {
        let mut desk = Desk::idle(with_fallback(rules()));
        for _ in 0..5 {
            answers(&mut desk, "a");
        }
        desk.tells_itself();
        answers(&mut desk, "a");
        assert_eq!(desk.pass(secs(30)), ["act agent-looping do 1"]);
        assert_eq!(desk.acted(ActionOutcome::Done).last().unwrap(), "launch 2");
        desk.starts();
        answers(&mut desk, "a");
        assert_eq!(desk.pass(secs(30)), ["act agent-looping do 2"]);
        desk.acted(ActionOutcome::Done);
        assert_eq!(desk.state().agent.name.as_str(), "codex");
        desk.starts();

        assert_eq!(answers(&mut desk, "a"), ["act agent-looping escalate 0"]);
        desk.acted(ActionOutcome::Done);
        assert_eq!(answers(&mut desk, "a"), NOTHING);

        answers(&mut desk, "b");
        assert!(!desk.state().incidents.contains_key(&LOOPING));
    }

    #[test]
    fn a_person_who_speaks_ends_it() {
        let mut desk = Desk::idle(rules());
        for _ in 0..5 {
            answers(&mut desk, "a");
        }
        assert!(desk.state().incidents.contains_key(&LOOPING));
        desk.wants(from_person("leave it"));

        desk.delivered();

        assert_eq!(desk.state().incidents, [].into());
    }

    // The look in the middle of a long turn comes with a sign of life, not with a clock of its own.
    #[test]
    fn a_long_turn_is_looked_at_now_and_then() {
        let mut desk = Desk::idle(rules());
        desk.works_on(ci());
        let mut looks = 0;
        for _ in 0..60 {
            desk.pass(mins(1));
            looks += desk.changes().iter().filter(|it| *it == "read usage").count();
        }

        assert_eq!(looks, 6);
    }
}
