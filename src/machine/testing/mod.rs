//! What the tests of the machines share: facts in a few words, one machine on virtual time, and a world of all five.
//!
//! Every step that a test makes is also a test: the state survives JSON, the same step leads to the same end, time alone
//! finds nothing left to do at the same moment, and the next deadline lies in the future.

mod agent;
mod facts;
mod one;
mod words;
mod world;

use std::sync::LazyLock;

use jiff::{SignedDuration, Timestamp};

use super::{Now, Pace, Rules, State, Texts, step};
use crate::{
    effect::{Act, Effect},
    event::{ActionOutcome, Agent, Backlog, Event, Fleet, Pull, Session, Task},
    model::{Loops, MachineKey, Merge, Receipt},
    reaction::{self, Layer, Source},
};

pub(crate) use agent::{Desk, ci, first, from_person, on_pull};
pub(crate) use facts::*;
pub(crate) use one::{One, Pr};
pub(crate) use words::{said, shown};
pub(crate) use world::World;

/// When every test begins.
pub(crate) const START: Timestamp = Timestamp::constant(1_767_225_600, 0);

pub(crate) const fn secs(count: i64) -> SignedDuration {
    SignedDuration::from_secs(count)
}

pub(crate) const fn mins(count: i64) -> SignedDuration {
    SignedDuration::from_mins(count)
}

/// The shipped rules at the usual pace.
pub(crate) fn rules() -> Rules {
    static SHIPPED: LazyLock<Rules> = LazyLock::new(|| rules_with(&[]));
    SHIPPED.clone()
}

/// The shipped rules, and these of the operator over them.
pub(crate) fn rules_with(own: &[&str]) -> Rules {
    let own = own.iter().enumerate().map(|(index, text)| Source {
        layer: Layer::Operator,
        name: format!("{index}.yaml"),
        text: (*text).to_owned(),
    });
    let sources: Vec<Source> = reaction::shipped().into_iter().chain(own).collect();
    let reactions = reaction::Rules::load(&sources)
        .unwrap_or_else(|mistakes| panic!("{}", mistakes.iter().map(ToString::to_string).collect::<String>()));
    let agent =
        Agent { name: "claude".parse().unwrap(), runtime: "pty".to_owned(), receipt: Receipt::Hook, headless: false };
    Rules {
        hash: reactions.hash().to_owned(),
        reactions,
        repo: REPO,
        repo_name: "octo-org/hello".parse().unwrap(),
        repo_url: "https://github.com/octo-org/hello".to_owned(),
        merge: Merge::None,
        without_checks: None,
        report: false,
        acts: 30,
        task_prefix: "hello".to_owned(),
        agents: [(agent.name.clone(), agent.clone())].into(),
        fallbacks: std::collections::BTreeMap::new(),
        agent,
        loops: Loops::default(),
        slots: 2,
        pace: Pace::USUAL,
    }
}

/// The rules, where `codex` is there as well and takes over from the usual agent.
pub(crate) fn with_fallback(mut rules: Rules) -> Rules {
    let codex = Agent { name: "codex".parse().unwrap(), ..rules.agent.clone() };
    rules.fallbacks.insert(rules.agent.name.clone(), codex.name.clone());
    rules.agents.insert(codex.name.clone(), codex);
    rules
}

/// One step, and everything that must hold of every step.
///
/// Returns `None` where the event makes nothing of nothing.
pub(crate) fn checked_step(
    key: &MachineKey,
    state: Option<State>,
    event: &Event,
    now: &Now<'_>,
) -> Option<(State, Vec<Effect>)> {
    let again = state.as_ref().map(through_json);
    let made = step(key, state, event.clone(), now);
    let replayed = step(key, again, event.clone(), now);
    assert_eq!(made, replayed, "a state that was written and read back steps differently");
    let made = made?;
    assert_eq!(through_json(&made.state), made.state);
    if let Some((at, why)) = made.state.next_deadline(now.rules, now.at) {
        assert!(at > now.at, "{why} is due in the past: the engine would not sleep");
    }
    let idle = step(key, Some(made.state.clone()), deadline_of(key), now).unwrap();
    assert_eq!(idle.effects, [], "time alone found something to do right after {event:?}");
    assert_eq!(idle.state, made.state, "time alone changed something right after {event:?}");
    Some((made.state, made.effects))
}

fn through_json(state: &State) -> State {
    serde_json::from_str(&serde_json::to_string(state).unwrap()).unwrap()
}

fn deadline_of(key: &MachineKey) -> Event {
    match key {
        MachineKey::Pull { .. } => Pull::DeadlinePassed.into(),
        MachineKey::Task(_) => Task::DeadlinePassed.into(),
        MachineKey::Session(_) => Session::DeadlinePassed.into(),
        MachineKey::Backlog(_) => Backlog::DeadlinePassed.into(),
        MachineKey::Fleet => Fleet::DeadlinePassed.into(),
    }
}

/// What the executor reports of an action.
pub(crate) fn outcome_of(act: &Act, outcome: ActionOutcome) -> Event {
    let Act { incident, serial, revision, list, step, .. } = *act;
    match act.of {
        MachineKey::Pull { .. } => Pull::Acted { incident, serial, revision, list, step, outcome }.into(),
        MachineKey::Session(_) => Session::Acted { serial, revision, list, step, outcome }.into(),
        MachineKey::Task(_) => Task::Acted { serial, revision, list, step, outcome }.into(),
        MachineKey::Backlog(_) | MachineKey::Fleet => panic!("{act:?} has no incident"),
    }
}

/// The random bytes of the `count`-th step: different ids, and the middle of every jitter.
pub(crate) fn entropy(count: u64) -> [u8; 16] {
    let mut bytes = [0; 16];
    bytes[..8].copy_from_slice(&count.wrapping_mul(0x9E37_79B9_7F4A_7C15).to_le_bytes());
    bytes[12..].copy_from_slice(&0x8000_0000_u32.to_le_bytes());
    bytes
}

/// No words: conditions of the rules here read none.
pub(crate) const NO_TEXTS: &Texts = &Texts::new();
