//! What a round on red checks was about: which runs may be started again, whether their verdict is new, and what turned
//! out to be flaky.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};

use super::{Now, State};
use crate::{
    effect::Effect,
    event::{self, Event},
    machine::{
        context,
        incident::{Plan, StepKind},
    },
    model::{Attempt, Check, CheckState, Conclusion, Failure, Flip, IncidentKind, MachineKey, RunId, Sha},
};

const KIND: IncidentKind = IncidentKind::ChecksFailed;

/// What the last round on red checks was about.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Round {
    /// The head.
    pub head: Sha,
    /// The checks that were red.
    pub checks: Vec<Check>,
    /// Which runs were started again on this head, each with the attempt that had failed. Never a second time.
    pub reruns: BTreeMap<RunId, Attempt>,
    /// The failures of jobs that have not passed on this head since.
    pub failed: Vec<Flip>,
}

impl State {
    /// The runs that a rule wants started again on `head`, each with the attempt that failed.
    #[must_use]
    pub fn reruns(&self, head: &Sha) -> BTreeMap<RunId, Attempt> {
        self.round_of(head).map(|round| round.reruns.clone()).unwrap_or_default()
    }

    /// `plan` without re-runs, unless a run can be started again.
    pub(super) fn with_possible_reruns(&self, kind: IncidentKind, mut plan: Plan) -> Plan {
        if kind != KIND || self.rerunnable().is_empty() {
            plan.steps.iter_mut().filter(|step| **step == StepKind::Rerun).for_each(|step| *step = StepKind::Skipped);
        }
        plan
    }

    /// Whether `plan` begins with a re-run of what has not ended yet: GitHub would refuse it.
    pub(super) fn awaits_end_of_run(&self, plan: &Plan) -> bool {
        let first = plan.steps.iter().find(|step| **step != StepKind::Skipped);
        let runs = self.rerunnable();
        let checks = self.snapshot.as_ref().map(|snapshot| &*snapshot.checks).unwrap_or_default();
        let goes_on = |check: &Check| {
            check.state == CheckState::Pending && check.job.is_some_and(|job| runs.contains_key(&job.run))
        };
        first == Some(&StepKind::Rerun) && checks.iter().any(goes_on)
    }

    /// A round begins: notes what it is about.
    pub(super) fn note_round(&mut self, kind: IncidentKind, plan: Option<&Plan>) {
        let Some(red) = self.red.as_ref().filter(|_| kind == KIND) else { return };
        let mut reruns = self.reruns(&red.head);
        if plan.is_some_and(|plan| plan.steps.contains(&StepKind::Rerun)) {
            reruns.extend(self.rerunnable());
        }
        let failures = red.failures.as_deref().unwrap_or_default();
        let failed = failures.iter().filter(|failure| tells(failure)).map(flip).collect();
        self.round = Some(Round { head: red.head.clone(), checks: red.asked.clone(), reruns, failed });
    }

    /// Who waits for others goes on when something else is red than what the last round was about: a newer attempt, a
    /// newer head, another check. Who was only told goes on only for what can be answered differently.
    pub(super) fn take_news(&mut self, red: &[Check], now: &Now<'_>) {
        let Some(incident) = self.incidents.get(&KIND).filter(|incident| incident.waits_for_others()) else { return };
        let Some(round) = &self.round else { return };
        if red.iter().all(|check| round.checks.iter().any(|known| is_same_run(known, check))) {
            return;
        }
        let Some(plan) = incident.plan.as_ref().filter(|_| !incident.is_rerunning()) else {
            return self.revise_checks(now);
        };
        let plan = now.rules.renewed(plan, &context::of_pull(self, KIND, now));
        let plan = self.with_possible_reruns(KIND, plan);
        if plan.steps.iter().any(|step| matches!(step, StepKind::Prompt | StepKind::Restart | StepKind::Rerun)) {
            self.revise_checks(now);
        }
    }

    fn revise_checks(&mut self, now: &Now<'_>) {
        let settle = now.rules.settle(KIND);
        if let Some(incident) = self.incidents.get_mut(&KIND) {
            incident.revise(now.at, settle);
        }
    }

    /// Tells the repository which failed jobs have passed on the same commit.
    pub(super) fn tell_flips(&mut self, effects: &mut Vec<Effect>) {
        let (Some(round), Some(snapshot)) = (&mut self.round, &self.snapshot) else { return };
        if round.head != snapshot.head.sha {
            return;
        }
        let passed: BTreeSet<_> = snapshot
            .checks
            .iter()
            .filter(|check| check.state == CheckState::Finished(Conclusion::Success) && check.job.is_some())
            .filter(|check| round.checks.iter().any(|known| is_same_job(known, check) && !is_same_run(known, check)))
            .map(|check| check.name.clone())
            .collect();
        let (flips, failed) = std::mem::take(&mut round.failed).into_iter().partition(|it| passed.contains(&it.check));
        round.failed = failed;
        let flips: Vec<Flip> = flips;
        if !flips.is_empty() {
            let event = Event::Backlog(event::Backlog::Flipped { flips });
            effects.push(Effect::Tell { to: MachineKey::Backlog(self.repo), event });
        }
    }

    fn round_of(&self, head: &Sha) -> Option<&Round> {
        self.round.as_ref().filter(|round| round.head == *head)
    }

    /// The runs of the red checks that were not started again on this head.
    fn rerunnable(&self) -> BTreeMap<RunId, Attempt> {
        let Some(red) = &self.red else { return BTreeMap::new() };
        let done = self.reruns(&red.head);
        let jobs = red.asked.iter().filter_map(|check| check.job).filter(|job| !done.contains_key(&job.run));
        let mut runs = BTreeMap::new();
        for job in jobs {
            let attempt = runs.entry(job.run).or_insert(job.attempt);
            *attempt = job.attempt.max(*attempt);
        }
        runs
    }
}

/// The same check, whichever attempt.
fn is_same_job(one: &Check, other: &Check) -> bool {
    (&one.name, one.kind, &one.app) == (&other.name, other.kind, &other.app)
}

/// The same attempt of the same check. A job's number says that; which attempt it belongs to, GitHub may not know yet.
fn is_same_run(one: &Check, other: &Check) -> bool {
    let job = |check: &Check| check.job.map(|job| (job.run, job.job));
    is_same_job(one, other) && job(one) == job(other)
}

/// Whether a failure says enough to be known again.
fn tells(failure: &Failure) -> bool {
    failure.job.is_some() && (failure.log.is_some() || !failure.findings.is_empty())
}

fn flip(failure: &Failure) -> Flip {
    Flip { check: failure.check.clone(), fingerprint: failure.fingerprint.clone(), tests: failure.tests.clone() }
}
