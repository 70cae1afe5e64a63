//! The pure state machines: from a state, an event, the rules and the time to a state and effects.
//!
//! Invariants, of each machine:
//! - `step` is total: every event is legal in every state; there is no error type.
//! - `step` is synchronous and reads no clock, no file, no network, no environment and no random numbers. Ids and
//!   jitter derive from the 16 random bytes that the engine draws for each entry.
//! - One event has one addressee. A machine reaches another by [`Effect::Tell`] only.
//! - What people see is derived from the state, never stored in it.

pub mod backlog;
#[cfg(test)]
mod budget;
pub mod context;
pub mod fleet;
pub mod incident;
mod jump;
mod own_incident;
mod plan;
#[cfg(test)]
mod properties;
pub mod pull;
mod rules;
pub mod session;
#[cfg(test)]
mod story;
pub mod task;
#[cfg(test)]
pub(crate) mod testing;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::{
    effect::{Act, Effect},
    event::Event,
    model::{LookupKey, MachineKey, PromptRef},
};

pub use context::{Texts, texts_needed, texts_of};
pub(crate) use pull::reviews as reviews_of;
pub use rules::{Pace, Rulebook, Rules};

/// The state of any machine.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum State {
    /// One pull request.
    Pull(Box<pull::State>),
    /// One piece of work.
    Task(Box<task::State>),
    /// One agent.
    Session(Box<session::State>),
    /// One repository's open issues.
    Backlog(Box<backlog::State>),
    /// This installation.
    Fleet(Box<fleet::State>),
}

/// What an event led to.
#[derive(Debug, Clone, PartialEq)]
#[must_use = "a step has effects to carry out"]
pub struct Step {
    /// The state afterwards.
    pub state: State,
    /// What is to be done.
    pub effects: Vec<Effect>,
}

/// What a step sees besides state and event.
#[derive(Debug, Clone, Copy)]
pub struct Now<'a> {
    /// The rules in force.
    pub rules: &'a Rules,
    /// The time.
    pub at: Timestamp,
    /// The random bytes drawn for this entry.
    pub entropy: [u8; 16],
    /// The words that the state refers to by hash, as far as conditions of rules may read them.
    pub texts: &'a Texts,
}

impl Now<'_> {
    /// A random number out of the entry's entropy.
    #[must_use]
    pub fn entropy_number(&self) -> u64 {
        let mut bytes = [0; 8];
        bytes.copy_from_slice(&self.entropy[8..]);
        u64::from_le_bytes(bytes)
    }
}

/// Handles one event. `state` is `None` for a machine that does not exist yet.
///
/// Returns `None` if the event can make nothing of nothing: a machine that was never begun is not made by its echo.
#[must_use]
pub fn step(key: &MachineKey, state: Option<State>, event: Event, now: &Now<'_>) -> Option<Step> {
    let (state, effects) = match (key, event) {
        (MachineKey::Pull { repo, number }, Event::Pull(event)) => {
            let state = match state {
                Some(State::Pull(state)) => *state,
                _ => pull::State::new(*repo, *number),
            };
            let (state, effects) = pull::step(state, event, now);
            (State::Pull(Box::new(state)), effects)
        }
        (MachineKey::Task(_), Event::Task(event)) => {
            let state = if let Some(State::Task(state)) = state { Some(*state) } else { None };
            let (state, effects) = task::step(state, event, now)?;
            (State::Task(Box::new(state)), effects)
        }
        (MachineKey::Session(session), Event::Session(event)) => {
            let state = if let Some(State::Session(state)) = state { Some(*state) } else { None };
            let (state, effects) = session::step(session, state, event, now)?;
            (State::Session(Box::new(state)), effects)
        }
        (MachineKey::Backlog(repo), Event::Backlog(event)) => {
            let state = match state {
                Some(State::Backlog(state)) => *state,
                _ => backlog::State::new(*repo),
            };
            let (state, effects) = backlog::step(state, event, now);
            (State::Backlog(Box::new(state)), effects)
        }
        (MachineKey::Fleet, Event::Fleet(event)) => {
            let state = if let Some(State::Fleet(state)) = state { *state } else { fleet::State::new() };
            let (state, effects) = fleet::step(state, event, now);
            (State::Fleet(Box::new(state)), effects)
        }
        // The addressee is part of the event's row; a mismatch can only be a foreign journal.
        _ => return None,
    };
    Some(Step { state, effects })
}

impl State {
    /// The keys by which the machine is found.
    #[must_use]
    pub fn lookup(&self) -> Vec<LookupKey> {
        match self {
            Self::Pull(state) => state.lookup(),
            Self::Task(state) => state.lookup(),
            Self::Session(state) => state.lookup(),
            Self::Backlog(_) | Self::Fleet(_) => Vec::new(),
        }
    }

    /// The next moment after `now` at which the machine wants to be woken, and why.
    #[must_use]
    pub fn next_deadline(&self, rules: &Rules, now: Timestamp) -> Option<(Timestamp, &'static str)> {
        match self {
            Self::Pull(state) => state.next_deadline(rules, now),
            Self::Task(state) => state.next_deadline(now),
            Self::Session(state) => state.next_deadline(rules, now),
            Self::Backlog(state) => state.next_deadline(now),
            Self::Fleet(state) => state.next_deadline(rules, now),
        }
    }
}

/// Whether a queued prompt should still be sent, on the newest state of the machine that wanted it.
#[must_use]
pub fn still_wanted(state: &State, reference: &PromptRef) -> bool {
    match state {
        State::Pull(state) => pull::still_wanted(state, reference),
        State::Task(state) => task::still_wanted(state, reference),
        State::Session(state) => session::still_wanted(state, reference),
        State::Backlog(_) | State::Fleet(_) => false,
    }
}

/// Whether an action of a rule should still be carried out, on the newest state of the machine whose incident it is.
#[must_use]
pub fn still_wanted_act(state: &State, act: &Act) -> bool {
    match state {
        State::Pull(state) => pull::still_wanted_act(state, act),
        State::Session(state) => session::still_wanted_act(state, act),
        State::Task(state) => task::still_wanted_act(state, act),
        State::Backlog(state) => !state.broken.is_empty(),
        State::Fleet(state) => state.lost.is_some(),
    }
}

#[cfg(test)]
mod tests {
    use super::{testing::*, *};
    use crate::{
        event,
        model::{IncidentKind, RepoId, ReviewState, TextHash},
    };

    fn now(rules: &Rules) -> Now<'_> {
        Now { rules, at: START, entropy: entropy(1), texts: NO_TEXTS }
    }

    #[test]
    fn an_event_for_another_kind_of_machine_makes_nothing() {
        let rules = rules();

        assert_eq!(step(&MachineKey::Fleet, None, event::Backlog::DeadlinePassed.into(), &now(&rules)), None);
        assert_eq!(step(&pull_key(), None, event::Fleet::DeadlinePassed.into(), &now(&rules)), None);
    }

    #[test]
    fn different_entries_draw_different_numbers() {
        let rules = rules();
        let of = |count| Now { entropy: entropy(count), ..now(&rules) };

        assert_eq!(of(1).entropy_number(), of(1).entropy_number());
        assert_ne!(crate::model::PromptId::derive(of(1).entropy, 0), crate::model::PromptId::derive(of(2).entropy, 0));
    }

    #[test]
    fn conditions_on_a_look_may_read_what_it_brings() {
        let mut pr = Pr::shipped();
        pr.shows(snapshot());
        let brought = snapshot().review(person("ada"), ReviewState::ChangesRequested);
        let event = event::Pull::Observed { look: 9, hash: hash(&brought), snapshot: Box::new(brought) }.into();

        let needed = texts_needed(pr.one.state.as_ref(), &event);

        assert!(needed.contains(&TextHash::of("Nearly there.")));
        assert_eq!(texts_needed(pr.one.state.as_ref(), &event::Pull::RetryWanted.into()).len(), 1);
    }

    #[test]
    fn conditions_on_issues_may_read_them() {
        let event =
            event::Backlog::Observed { issues: vec![issue(ISSUE)], pulls: Vec::new(), etag: None, hearing: None }
                .into();

        assert_eq!(texts_needed(None, &event).len(), 2);
    }

    #[test]
    fn each_machine_says_which_of_its_prompts_are_still_wanted() {
        let mut pr = Pr::shipped();
        pr.shows(red('a'));
        pr.pass(secs(20));
        let wanted = pr.reference(IncidentKind::ChecksFailed);
        let pull = pr.one.state.clone().unwrap();
        let session = Desk::idle(rules()).one.state.unwrap();
        let backlog = State::Backlog(Box::new(backlog::State::new(RepoId(1))));

        assert!(still_wanted(&pull, &wanted));
        assert!(still_wanted(&session, &from_person("hello")));
        assert!(!still_wanted(&session, &wanted) && !still_wanted(&backlog, &wanted));
    }
}
