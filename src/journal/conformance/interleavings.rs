//! Random operations against a model that is too simple to be wrong.

use std::{
    collections::{BTreeMap, BTreeSet},
    time::Duration,
};

use jiff::{SignedDuration, Timestamp};
use proptest::{
    prelude::*,
    test_runner::{Config, TestRunner},
};

use super::{World, looks, stop, task, tell_fleet};
use crate::{
    effect::Effect,
    event::{Event, Task},
    journal::{Cause, Claimed, Commit, EffectId, Fenced, Novelty, Post, Step},
    model::{Fence, MachineKey, Seq, Version},
};

#[derive(Debug, Clone)]
enum Op {
    /// Posts cause `.1` for machine `.0`.
    Post(u8, u8),
    /// Steps machine `.0` on its oldest event, from its version or, if `.1`, from the one before.
    Step(u8, bool, Vec<u8>, Option<u8>),
    /// Steps machine `.0` on its deadline, `.1` seconds beside it.
    Wake(u8, u8),
    /// Repeats an earlier step.
    Repeat(u8),
    Claim(u8),
    /// Resolves, notes or postpones an earlier claim.
    Resolve(u8, bool),
    Progress(u8),
    Postpone(u8, u8),
    Reclaim,
    Forward(u8),
}

fn op() -> impl Strategy<Value = Op> {
    prop_oneof![
        3 => (0..3u8, 0..12u8).prop_map(|(machine, cause)| Op::Post(machine, cause)),
        6 => (0..3u8, prop::bool::weighted(0.1), prop::collection::vec(0..6u8, 0..4), prop::option::of(0..40u8))
            .prop_map(|(machine, stale, effects, deadline)| Op::Step(machine, stale, effects, deadline)),
        2 => (0..3u8, prop_oneof![4 => Just(0u8), 1 => Just(1u8)]).prop_map(|(machine, beside)| Op::Wake(machine, beside)),
        1 => any::<u8>().prop_map(Op::Repeat),
        4 => (1..4u8).prop_map(Op::Claim),
        4 => (any::<u8>(), any::<bool>()).prop_map(|(claim, tells)| Op::Resolve(claim, tells)),
        1 => any::<u8>().prop_map(Op::Progress),
        2 => (any::<u8>(), 1..40u8).prop_map(|(claim, seconds)| Op::Postpone(claim, seconds)),
        1 => Just(Op::Reclaim),
        2 => (1..40u8).prop_map(Op::Forward),
    ]
}

fn machine(number: u8) -> MachineKey {
    task(&format!("t-{number}"))
}

/// Three lanes and a tell, so that lanes collide between machines.
fn effect(number: u8) -> Effect {
    match number {
        0 => tell_fleet("a"),
        1 | 2 => stop("s", u32::from(number)),
        3 | 4 => looks(1, u64::from(number)),
        _ => looks(2, 1),
    }
}

#[derive(Debug, Clone)]
struct Open {
    id: EffectId,
    effect: Effect,
    fence: u64,
    lease: Option<Timestamp>,
    not_before: Option<Timestamp>,
    postponed: u32,
    notes: u32,
    progress: Option<String>,
}

#[derive(Debug, Default)]
struct Model {
    causes: BTreeSet<String>,
    /// In the order in which they came.
    waiting: Vec<(String, MachineKey)>,
    machines: BTreeMap<MachineKey, (u64, Option<Timestamp>)>,
    log: Vec<(MachineKey, u64, String)>,
    /// Oldest first.
    open: Vec<Open>,
    consumed: BTreeSet<u64>,
}

impl Model {
    fn post(&mut self, cause: String, to: MachineKey) -> Novelty {
        if self.causes.insert(cause.clone()) {
            self.waiting.push((cause, to));
            Novelty::New
        } else {
            Novelty::Known
        }
    }

    fn version(&self, machine: &MachineKey) -> Version {
        Version(self.machines.get(machine).map_or(0, |(version, _)| *version))
    }

    /// `cause` is the text of the step's cause, as somebody who knows the rows says.
    fn commit(&mut self, step: &Step, cause: Option<String>) -> Commit {
        let deadline = self.machines.get(&step.machine).and_then(|(_, deadline)| *deadline);
        match &step.cause {
            Cause::Inbox(row) if self.consumed.contains(row) => return Commit::Duplicate,
            Cause::Inbox(_) | Cause::Deadline(_) if self.version(&step.machine) != step.expected => {
                return Commit::Conflict;
            }
            Cause::Inbox(row) => {
                self.consumed.insert(*row);
                self.waiting.retain(|(waits, _)| Some(waits) != cause.as_ref());
            }
            Cause::Deadline(at) if deadline != Some(*at) => return Commit::Duplicate,
            Cause::Deadline(_) => {}
        }
        let version = step.expected.next();
        let deadline = step.deadline.as_ref().map(|(at, _)| *at);
        self.machines.insert(step.machine.clone(), (version.0, deadline));
        self.log.push((step.machine.clone(), version.0, cause.unwrap()));
        for (index, effect) in (0..).zip(&step.effects) {
            let id = EffectId { machine: step.machine.clone(), version, index };
            if let Effect::Tell { to, .. } = effect {
                self.post(format!("tell/{}/{version}/{index}", step.machine), to.clone());
            } else {
                let effect = effect.clone();
                let (lease, not_before, progress) = (None, None, None);
                self.open.push(Open { id, effect, fence: 0, lease, not_before, postponed: 0, notes: 0, progress });
            }
        }
        Commit::Committed(Seq(self.log.len() as u64))
    }

    fn claim(&mut self, now: Timestamp, max: usize) -> Vec<(EffectId, u64, u32, Option<String>)> {
        let mut lanes = BTreeSet::new();
        let mut claimed = Vec::new();
        for open in &mut self.open {
            let oldest = lanes.insert(open.effect.lane());
            let free = open.lease.is_none_or(|lease| lease <= now) && open.not_before.is_none_or(|at| at <= now);
            if oldest && free && claimed.len() < max {
                open.fence += 1;
                open.lease = Some(now + SignedDuration::from_secs(60));
                open.not_before = None;
                claimed.push((open.id.clone(), open.fence, open.postponed, open.progress.clone()));
            }
        }
        claimed
    }

    fn held(&mut self, id: &EffectId, fence: Fence) -> Option<&mut Open> {
        self.open.iter_mut().find(|open| open.id == *id && open.fence == fence.0 && open.lease.is_some())
    }

    fn resolve(&mut self, id: &EffectId, fence: Fence, tells: bool) -> Fenced {
        if self.held(id, fence).is_none() {
            return Fenced::Stale;
        }
        self.open.retain(|open| open.id != *id);
        if tells {
            self.post(format!("outcome/{}/{}/{}/{fence}", id.machine, id.version, id.index), id.machine.clone());
        }
        Fenced::Accepted
    }

    fn next_deadline(&self) -> Option<Timestamp> {
        let deadlines = self.machines.values().filter_map(|(_, deadline)| *deadline);
        deadlines.chain(self.open.iter().filter_map(|open| open.not_before)).min()
    }
}

struct Run {
    world: World,
    model: Model,
    claims: Vec<Claimed>,
    steps: Vec<Step>,
}

impl Run {
    async fn apply(&mut self, op: Op) {
        match op {
            Op::Post(to, cause) => self.post(&machine(to), format!("request/{cause}")).await,
            Op::Step(number, stale, effects, deadline) => self.step(&machine(number), stale, &effects, deadline).await,
            Op::Wake(number, beside) => self.wake(&machine(number), beside).await,
            Op::Repeat(which) => {
                if let Some(step) = pick(&self.steps, which) {
                    self.commit(step).await;
                }
            }
            Op::Claim(max) => self.claim(usize::from(max)).await,
            Op::Resolve(which, tells) => self.resolve(which, tells).await,
            Op::Progress(which) => self.progress(which).await,
            Op::Postpone(which, seconds) => self.postpone(which, i64::from(seconds)).await,
            Op::Reclaim => {
                let freed = self.model.open.iter_mut().filter_map(|open| open.lease.take()).count();
                assert_eq!(self.world.journal.reclaim().await.unwrap(), freed);
            }
            Op::Forward(seconds) => self.world.hand.forward(i64::from(seconds)),
        }
    }

    async fn post(&mut self, to: &MachineKey, cause: String) {
        let post = Post { cause: cause.clone(), to: to.clone(), event: Task::TurnEnded.into() };
        let expected = self.model.post(cause, to.clone());
        assert_eq!(self.world.journal.post(vec![post]).await.unwrap(), [expected]);
    }

    async fn step(&mut self, machine: &MachineKey, stale: bool, effects: &[u8], deadline: Option<u8>) {
        let waiting = self.world.waiting().await;
        let Some(event) = waiting.into_iter().find(|waiting| waiting.to == *machine) else { return };
        let version = self.model.version(machine);
        let expected = if stale { Version(version.0.saturating_sub(1)) } else { version };
        let step = self.world.step_from(machine, expected, Cause::Inbox(event.row));
        let deadline = deadline.map(|seconds| (self.world.later(i64::from(seconds)), "test".to_owned()));
        let step = Step { effects: effects.iter().map(|number| effect(*number)).collect(), deadline, ..step };
        self.commit(step).await;
    }

    async fn wake(&mut self, machine: &MachineKey, beside: u8) {
        let Some((version, Some(deadline))) = self.model.machines.get(machine).copied() else { return };
        let at = deadline + SignedDuration::from_secs(i64::from(beside));
        self.commit(self.world.step_from(machine, Version(version), Cause::Deadline(at))).await;
    }

    async fn commit(&mut self, step: Step) {
        let cause = match &step.cause {
            Cause::Inbox(row) => {
                let waiting = self.world.waiting().await;
                waiting.into_iter().find(|waiting| waiting.row == *row).map(|waiting| waiting.cause)
            }
            Cause::Deadline(at) => Some(format!("deadline {at}")),
        };
        let expected = self.model.commit(&step, cause);
        assert_eq!(self.world.journal.commit(step.clone()).await.unwrap(), expected);
        self.steps.push(step);
    }

    async fn claim(&mut self, max: usize) {
        let expected = self.model.claim(self.world.now(), max);
        let claimed = self.world.journal.claim(self.world.now(), max, Duration::from_secs(60)).await.unwrap();
        let seen: Vec<_> = claimed
            .iter()
            .map(|claimed| (claimed.id.clone(), claimed.fence.0, claimed.postponed, claimed.progress.clone()))
            .collect();
        assert_eq!(seen, expected);
        self.claims.extend(claimed);
    }

    async fn resolve(&mut self, which: u8, tells: bool) {
        let Some(claim) = pick(&self.claims, which) else { return };
        let expected = self.model.resolve(&claim.id, claim.fence, tells);
        let outcome: Option<Event> = tells.then(|| Task::TurnEnded.into());
        assert_eq!(self.world.journal.resolve(claim.id, claim.fence, outcome).await.unwrap(), expected);
    }

    async fn progress(&mut self, which: u8) {
        let Some(Claimed { id, fence, .. }) = pick(&self.claims, which) else { return };
        let note = format!("note {which}");
        let expected = match self.model.held(&id, fence) {
            Some(open) => {
                (open.notes, open.progress) = (open.notes + 1, Some(note.clone()));
                let notes = open.notes;
                let cause = format!("outcome/{}/{}/{}/progress/{fence}/{notes}", id.machine, id.version, id.index);
                self.model.post(cause, id.machine.clone());
                Fenced::Accepted
            }
            None => Fenced::Stale,
        };
        let event = Some(Task::TurnEnded.into());
        assert_eq!(self.world.journal.progress(id, fence, note, event).await.unwrap(), expected);
    }

    async fn postpone(&mut self, which: u8, seconds: i64) {
        let Some(claim) = pick(&self.claims, which) else { return };
        let until = self.world.later(seconds);
        let expected = match self.model.held(&claim.id, claim.fence) {
            Some(open) => {
                (open.lease, open.not_before, open.postponed) = (None, Some(until), open.postponed + 1);
                Fenced::Accepted
            }
            None => Fenced::Stale,
        };
        let postponed = self.world.journal.postpone(claim.id, claim.fence, self.world.waits(seconds)).await.unwrap();
        assert_eq!(postponed, expected);
    }

    /// Everything that can be read is what the model says.
    async fn compare(&self) {
        let journal = &self.world.journal;
        let waiting: Vec<_> = self.world.waiting().await.into_iter().map(|event| (event.cause, event.to)).collect();
        assert_eq!(waiting, self.model.waiting);
        let log: Vec<_> = journal.tail(Seq(0), 1000).await.unwrap();
        let log: Vec<_> = log.into_iter().map(|entry| (entry.machine, entry.version.0, entry.cause)).collect();
        assert_eq!(log, self.model.log);
        let versions: Vec<_> = journal.machines(None).await.unwrap();
        let versions: Vec<_> = versions.into_iter().map(|(key, stored)| (key, stored.version.0)).collect();
        let expected: Vec<_> = self.model.machines.iter().map(|(key, (version, _))| (key.clone(), *version)).collect();
        assert_eq!(versions, expected);
        assert_eq!(journal.next_deadline(Timestamp::UNIX_EPOCH).await.unwrap(), self.model.next_deadline());
        assert_eq!(journal.stats().await.unwrap().outbox, self.model.open.len() as u64);
    }
}

fn pick<T: Clone>(from: &[T], which: u8) -> Option<T> {
    // The newest are the interesting ones.
    from.iter().rev().nth(usize::from(which) % from.len().clamp(1, 5)).cloned()
}

pub(crate) fn any_interleaving_does_what_the_model_says(make: fn() -> World) {
    let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
    let mut runner = TestRunner::new(Config { cases: 40, failure_persistence: None, ..Config::default() });
    let ops = prop::collection::vec(op(), 1..60);
    let outcome = runner.run(&ops, |ops| {
        runtime.block_on(async {
            let mut run = Run { world: make(), model: Model::default(), claims: Vec::new(), steps: Vec::new() };
            for op in ops {
                run.apply(op).await;
            }
            run.compare().await;
        });
        Ok(())
    });
    if let Err(error) = outcome {
        panic!("{error}");
    }
}
