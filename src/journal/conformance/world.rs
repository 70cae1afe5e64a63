//! A journal with a clock in hand, and the words in which the cases speak.

use std::{
    any::Any,
    sync::{Arc, Mutex},
    time::Duration,
};

use jiff::{SignedDuration, Timestamp};

use crate::{
    clock::Clock,
    effect::Effect,
    event::{Event, Fleet, Task},
    journal::{Cause, Claimed, Commit, EffectId, Journal, Post, Postponement, Step, Waiting},
    model::{Generation, MachineKey, PrNumber, RepoId, Seq, Version},
};

/// A clock that a test moves.
#[derive(Clone)]
pub(crate) struct Hand(Arc<Mutex<Timestamp>>);

impl Hand {
    pub(crate) fn new() -> Self {
        Self(Arc::new(Mutex::new("2026-11-20T07:00:00Z".parse().unwrap())))
    }

    pub(crate) fn clock(&self) -> Clock {
        let hand = self.clone();
        Clock::from_fn(move || hand.now())
    }

    pub(crate) fn now(&self) -> Timestamp {
        *self.0.lock().unwrap()
    }

    pub(crate) fn forward(&self, seconds: i64) {
        *self.0.lock().unwrap() += SignedDuration::from_secs(seconds);
    }
}

/// An empty journal of some implementation.
pub(crate) struct World {
    pub(crate) journal: Arc<dyn Journal>,
    pub(crate) hand: Hand,
    /// What must live as long as the journal: a directory.
    pub(crate) _keep: Box<dyn Any + Send + Sync>,
}

pub(crate) const LEASE: Duration = Duration::from_secs(60);

impl World {
    pub(crate) fn now(&self) -> Timestamp {
        self.hand.now()
    }

    /// The moment `seconds` from now.
    pub(crate) fn later(&self, seconds: i64) -> Timestamp {
        self.now() + SignedDuration::from_secs(seconds)
    }

    /// Posts an event for a task and returns its row.
    pub(crate) async fn posted(&self, machine: &MachineKey, cause: &str) -> u64 {
        let post = Post { cause: cause.to_owned(), to: machine.clone(), event: Task::TurnEnded.into() };
        self.journal.post(vec![post]).await.unwrap();
        self.waiting().await.into_iter().find(|waiting| waiting.cause == cause).unwrap().row
    }

    pub(crate) async fn waiting(&self) -> Vec<Waiting> {
        self.journal.waiting(1000).await.unwrap()
    }

    pub(crate) async fn causes(&self) -> Vec<String> {
        self.waiting().await.into_iter().map(|waiting| waiting.cause).collect()
    }

    pub(crate) async fn version(&self, machine: &MachineKey) -> Version {
        self.journal.load(machine.clone()).await.unwrap().map_or(Version(0), |stored| stored.version)
    }

    /// A step of a machine on its present version, caused by a fresh event.
    pub(crate) async fn step(&self, machine: &MachineKey) -> Step {
        let expected = self.version(machine).await;
        let row = self.posted(machine, &format!("test/{machine}/{expected}")).await;
        self.step_from(machine, expected, Cause::Inbox(row))
    }

    pub(crate) fn step_from(&self, machine: &MachineKey, expected: Version, cause: Cause) -> Step {
        Step {
            machine: machine.clone(),
            expected,
            cause,
            event: Task::TurnEnded.into(),
            state: format!("{{\"steps\":{}}}", expected.next()),
            lookup: Vec::new(),
            effects: Vec::new(),
            deadline: None,
            rules: "rules-1".to_owned(),
            entropy: [7; 16],
            at: self.now(),
        }
    }

    /// Carries out a step that orders `effects`.
    pub(crate) async fn ordered(&self, machine: &MachineKey, effects: Vec<Effect>) -> Vec<EffectId> {
        let step = Step { effects, ..self.step(machine).await };
        let (version, count) = (step.expected.next(), step.effects.len());
        self.committed(step).await;
        (0..).take(count).map(|index| EffectId { machine: machine.clone(), version, index }).collect()
    }

    pub(crate) async fn committed(&self, step: Step) -> Seq {
        match self.journal.commit(step).await.unwrap() {
            Commit::Committed(seq) => seq,
            other @ (Commit::Conflict | Commit::Duplicate) => panic!("the step was not carried out: {other:?}"),
        }
    }

    /// Put off for so many seconds, without a try.
    pub(crate) fn waits(&self, seconds: i64) -> Postponement {
        Postponement { until: self.later(seconds), why: "test".to_owned(), tried: false }
    }

    pub(crate) async fn claim(&self, max: usize) -> Vec<Claimed> {
        self.journal.claim(self.now(), max, LEASE).await.unwrap()
    }

    pub(crate) async fn claim_one(&self) -> Claimed {
        let mut claimed = self.claim(10).await;
        assert_eq!(claimed.len(), 1, "{claimed:?}");
        claimed.remove(0)
    }
}

pub(crate) fn task(name: &str) -> MachineKey {
    MachineKey::Task(name.parse().unwrap())
}

pub(crate) fn session(name: &str) -> MachineKey {
    MachineKey::Session(name.parse().unwrap())
}

/// An effect in the lane `session/NAME`.
pub(crate) fn stop(name: &str, generation: u32) -> Effect {
    Effect::Stop { session: name.parse().unwrap(), generation: Generation(generation) }
}

/// An effect in the lane `look/1/NUMBER`.
pub(crate) fn looks(number: u64, look: u64) -> Effect {
    Effect::Look { repo: RepoId(1), number: PrNumber(number), look, known: None, rules_since: None }
}

/// An event for the fleet.
pub(crate) fn released(name: &str) -> Event {
    Fleet::SlotReleased { task: name.parse().unwrap() }.into()
}

/// Another event for the fleet.
pub(crate) fn wanted(name: &str) -> Event {
    Fleet::SlotWanted { task: name.parse().unwrap(), repo: RepoId(1) }.into()
}

pub(crate) fn tell_fleet(name: &str) -> Effect {
    Effect::Tell { to: MachineKey::Fleet, event: released(name) }
}
