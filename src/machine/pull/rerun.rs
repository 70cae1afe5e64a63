//! What a round on checks was about, red ones or such that gave no verdict: which runs may be started again, whether what
//! they say is new, and what turned out to be flaky.

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

/// What the last round of an incident on checks was about.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Round {
    /// The head.
    pub head: Sha,
    /// The checks that were red, or gave no verdict.
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
        let of_head = self.rounds.values().filter(|round| round.head == *head);
        of_head.flat_map(|round| round.reruns.clone()).collect()
    }

    /// `plan` without re-runs, unless a run can be started again.
    pub(super) fn with_possible_reruns(&self, kind: IncidentKind, mut plan: Plan, now: &Now<'_>) -> Plan {
        if self.rerunnable(kind, now).is_empty() {
            plan.steps.iter_mut().filter(|step| **step == StepKind::Rerun).for_each(|step| *step = StepKind::Skipped);
        }
        plan
    }

    /// Whether `plan` begins with a re-run of what has not ended yet: GitHub would refuse it.
    pub(super) fn awaits_end_of_run(&self, kind: IncidentKind, plan: &Plan, now: &Now<'_>) -> bool {
        let first = plan.steps.iter().find(|step| **step != StepKind::Skipped);
        let runs = self.rerunnable(kind, now);
        let checks = self.snapshot.as_ref().map(|snapshot| &*snapshot.checks).unwrap_or_default();
        let goes_on = |check: &Check| {
            check.state == CheckState::Pending && check.job.is_some_and(|job| runs.contains_key(&job.run))
        };
        first == Some(&StepKind::Rerun) && checks.iter().any(goes_on)
    }

    /// A round begins: notes what it is about.
    pub(super) fn note_round(&mut self, kind: IncidentKind, plan: Option<&Plan>, now: &Now<'_>) {
        let Some(head) = self.head().cloned().filter(|_| matches!(kind, KIND | IncidentKind::ChecksMissing)) else {
            return;
        };
        let mut reruns = self.reruns(&head);
        if plan.is_some_and(|plan| plan.steps.contains(&StepKind::Rerun)) {
            reruns.extend(self.rerunnable(kind, now));
        }
        let failures = if kind == KIND { self.failures() } else { &[] };
        let failed = failures.iter().filter(|failure| tells(failure)).map(flip_of).collect();
        let checks = self.unsound(kind, now);
        self.rounds.insert(kind, Round { head, checks, reruns, failed });
    }

    /// Whether all of `checks` are what the last round was about, and no newer attempts of them.
    pub(super) fn is_old_news(&self, kind: IncidentKind, checks: &[Check]) -> bool {
        let round = self.rounds.get(&kind);
        round.is_some_and(|round| checks.iter().all(|check| round.checks.iter().any(|known| is_same_run(known, check))))
    }

    /// Who waits for others goes on when something else is red than what the last round was about: a newer attempt, a
    /// newer head, another check. Who was only told goes on only for what can be answered differently.
    pub(super) fn take_news(&mut self, red: &[Check], now: &Now<'_>) {
        let Some(incident) = self.incidents.get(&KIND).filter(|incident| incident.waits_for_others()) else { return };
        if !self.rounds.contains_key(&KIND) || self.is_old_news(KIND, red) {
            return;
        }
        let Some(plan) = incident.plan.as_ref().filter(|_| !incident.is_rerunning()) else {
            return self.revise_checks(now);
        };
        let plan = now.rules.renewed(plan, &context::of_pull(self, KIND, now));
        let plan = self.with_possible_reruns(KIND, plan, now);
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
        let (Some(round), Some(snapshot)) = (self.rounds.get_mut(&KIND), &self.snapshot) else { return };
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

    /// The checks that an incident is about now.
    fn unsound(&self, kind: IncidentKind, now: &Now<'_>) -> Vec<Check> {
        if kind == KIND {
            return self.red.as_ref().map(|red| red.asked.clone()).unwrap_or_default();
        }
        self.missing(now.rules, now.at).into_iter().filter_map(|(check, _)| check.cloned()).collect()
    }

    /// The runs of what failed or was interrupted that were not started again on this head, for whichever reason.
    fn rerunnable(&self, kind: IncidentKind, now: &Now<'_>) -> BTreeMap<RunId, Attempt> {
        let (true, Some(head)) = (matches!(kind, KIND | IncidentKind::ChecksMissing), self.head()) else {
            return BTreeMap::new();
        };
        let done = self.reruns(head);
        let checks = self.unsound(kind, now);
        // What has not ended, or waits for somebody's approval, is not mended by another run.
        let ended = checks.iter().filter(|check| kind == KIND || was_broken_off(check.state));
        let jobs = ended.filter_map(|check| check.job).filter(|job| !done.contains_key(&job.run));
        let mut runs = BTreeMap::new();
        for job in jobs {
            let attempt = runs.entry(job.run).or_insert(job.attempt);
            *attempt = job.attempt.max(*attempt);
        }
        runs
    }
}

const fn was_broken_off(state: CheckState) -> bool {
    matches!(state, CheckState::Finished(Conclusion::Cancelled | Conclusion::Stale))
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

fn flip_of(failure: &Failure) -> Flip {
    Flip { check: failure.check.clone(), fingerprint: failure.fingerprint.clone(), tests: failure.tests.clone() }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        event::ActionOutcome,
        machine::{incident::Stage, testing::*},
        model::{FailureClass, Snapshot},
    };

    const NOTHING: [&str; 0] = [];
    const RERUN: [&str; 1] = ["act ci-failed do 0"];
    const NOTICE: [&str; 1] = ["act ci-failed do 1"];

    /// Commit `letter` with one job.
    fn shown(letter: char, job: Check) -> Snapshot {
        let mut pull = snapshot().head(letter);
        pull.checks = vec![job];
        pull
    }

    fn failed(letter: char, number: u32) -> Snapshot {
        shown(letter, attempt(number, FAILED))
    }

    fn prompted(attempt: u32) -> Vec<String> {
        vec![format!("tell session/hello-3: prompt wanted (checks-failed attempt {attempt})")]
    }

    /// A pull request whose first attempt failed so, up to the moment at which that has settled.
    fn settled(class: FailureClass) -> (Pr, Vec<String>) {
        let mut pr = Pr::shipped();
        pr.class = class;
        pr.shows(failed('a', 1));
        let said = pr.pass(secs(20));
        (pr, said)
    }

    fn rerunning(class: FailureClass) -> Pr {
        let (mut pr, said) = settled(class);
        assert_eq!(said, RERUN);
        assert_eq!(pr.acted(ActionOutcome::Done), NOTHING);
        assert_eq!(pr.incident(KIND).stage, Stage::Rerunning);
        pr
    }

    // G061, G064: no agent is woken for what passes by itself
    #[test]
    fn bad_luck_is_run_again_and_no_agent_hears_of_it() {
        for class in [FailureClass::Flaky, FailureClass::Infrastructure, FailureClass::Timeout] {
            let mut pr = rerunning(class);
            assert_eq!(pr.one.pull().reruns(&sha('a')), [(RunId(1), Attempt(1))].into());

            assert_eq!(pr.shows(shown('a', attempt(2, PENDING))), NOTHING);
            pr.shows(shown('a', attempt(2, PASSED)));
            assert_eq!(pr.pass(mins(20)), NOTHING);

            assert!(!pr.has(KIND), "{class:?}");
        }
    }

    // G061
    #[test]
    fn what_no_commit_can_mend_goes_to_people_when_it_happens_again() {
        let mut pr = rerunning(FailureClass::Infrastructure);

        pr.shows(failed('a', 2));
        assert_eq!(pr.pass(secs(20)), NOTICE);
        assert_eq!(pr.acted(ActionOutcome::Done), NOTHING);

        assert_eq!(pr.incident(KIND).stage, Stage::Resting);
        assert_eq!(pr.pass(mins(10)), NOTHING);
    }

    // G061, G064
    #[test]
    fn what_is_red_again_and_can_be_mended_goes_to_the_agent() {
        for class in [FailureClass::Flaky, FailureClass::Timeout, FailureClass::Code] {
            let mut pr = rerunning(FailureClass::Flaky);
            pr.class = class;

            pr.shows(failed('a', 2));

            assert_eq!(pr.pass(secs(20)), prompted(1), "{class:?}");
        }
    }

    #[test]
    fn a_head_is_run_again_once_and_the_next_one_once_more() {
        let mut pr = rerunning(FailureClass::Infrastructure);
        pr.shows(failed('a', 2));
        pr.pass(secs(20));
        pr.acted(ActionOutcome::Done);
        pr.shows(failed('a', 3));
        assert_eq!(pr.pass(mins(10)), NOTHING, "nothing new can be said about this head");

        let mut other = attempt(9, FAILED);
        other.job = other.job.map(|job| crate::model::JobRef { run: RunId(2), ..job });
        pr.shows(shown('b', other));

        assert_eq!(pr.pass(secs(20)), RERUN);
        assert_eq!(pr.one.pull().reruns(&sha('b')), [(RunId(2), Attempt(9))].into());
        assert_eq!(pr.one.pull().reruns(&sha('a')), [].into());
    }

    #[test]
    fn what_github_still_shows_of_the_first_attempt_is_no_verdict_on_the_second() {
        let mut pr = rerunning(FailureClass::Flaky);

        let mut pull = failed('a', 1);
        pull.labels = vec!["new".to_owned()];
        pr.shows(pull);

        assert_eq!(pr.pass(mins(5)), NOTHING);
        assert_eq!(pr.incident(KIND).stage, Stage::Rerunning);
    }

    #[test]
    fn another_red_check_does_not_wait_for_the_jobs_that_run_again() {
        let mut pr = rerunning(FailureClass::Flaky);
        pr.class = FailureClass::Code;
        let mut pull = shown('a', attempt(2, PENDING));
        pull.checks.push(check("lint", true, FAILED));

        pr.shows(pull);

        assert_eq!(pr.pass(secs(20)), prompted(1));
    }

    // G066: the first failed job can be read, but GitHub starts nothing again before its run has ended
    #[test]
    fn a_run_that_goes_on_is_started_again_when_it_has_ended() {
        let mut pr = Pr::shipped();
        pr.class = FailureClass::Infrastructure;
        let slow = |state| Check { name: "slow".parse().unwrap(), ..attempt(1, state) };
        let mut pull = failed('a', 1);
        pull.checks.push(slow(PENDING));
        pr.shows(pull);
        assert_eq!(pr.pass(mins(2)), NOTHING);
        assert_eq!(pr.one.pull().failures().len(), 1);

        let mut pull = failed('a', 1);
        pull.checks.push(slow(PASSED));

        assert_eq!(pr.shows(pull), RERUN);
    }

    // G066
    #[test]
    fn an_agent_hears_of_its_mistake_while_the_run_goes_on() {
        let mut pr = Pr::shipped();
        pr.class = FailureClass::Code;
        let mut pull = failed('a', 1);
        pull.checks.push(Check { name: "slow".parse().unwrap(), ..attempt(1, PENDING) });
        pr.shows(pull);

        assert_eq!(pr.pass(secs(20)), prompted(1));
    }

    #[test]
    fn a_run_that_cannot_be_started_again_is_a_matter_for_people() {
        let (mut pr, _) = settled(FailureClass::Flaky);

        let said = pr.acted(ActionOutcome::Failed("GitHub forbids it: the run is too old".to_owned()));

        assert_eq!(said, ["act ci-failed escalate 0"]);
    }

    #[test]
    fn a_check_without_a_run_is_handed_over_at_once() {
        let mut pr = Pr::shipped();
        pr.class = FailureClass::Flaky;
        pr.shows(red('a'));

        assert_eq!(pr.pass(secs(20)), prompted(1));
    }

    // Billing and permission: people, never the agent
    #[test]
    fn what_the_account_or_a_permission_is_to_blame_for_is_told_to_people_alone() {
        for class in [FailureClass::Billing, FailureClass::Permission] {
            let (mut pr, said) = settled(class);
            assert_eq!(said, NOTICE, "{class:?}");
            pr.acted(ActionOutcome::Done);
            assert_eq!(pr.pass(mins(10)), NOTHING);

            // Once it is paid for, the code is looked at.
            pr.class = FailureClass::Code;
            pr.shows(failed('a', 2));
            assert_eq!(pr.pass(secs(20)), prompted(1));
        }
    }

    #[test]
    fn with_a_mistake_beside_it_both_hear_their_part() {
        let mut one = Pr::shipped();
        one.class = FailureClass::Code;
        let mut pull = failed('a', 1);
        pull.checks.push(check("deploy", true, FAILED));
        one.shows(pull);
        let mut failures = one.one.pull().failures().to_vec();
        let pull_checks = one.one.pull().red.as_ref().unwrap().asked.clone();
        failures[1].class = FailureClass::Permission;
        one.feed(event::Pull::Triaged { head: sha('a'), checks: pull_checks, failures });

        assert_eq!(one.pass(secs(20)), NOTICE);
        assert_eq!(one.acted(ActionOutcome::Done), prompted(1));
    }

    // G064: what flips is told to the repository once, and remembered there
    #[test]
    fn a_job_that_passes_on_the_same_commit_is_told_to_the_repository() {
        let mut pr = rerunning(FailureClass::Infrastructure);

        let told = pr.shows(shown('a', attempt(2, PASSED)));

        assert_eq!(told, ["tell backlog/1: checks flipped"]);
        assert_eq!(pr.hint(), NOTHING);
        assert_eq!(pr.shows(shown('a', attempt(3, PASSED))), NOTHING);
        let Some(Effect::Tell { event: Event::Backlog(event), .. }) = pr
            .one
            .effects
            .iter()
            .rev()
            .find(|effect| matches!(effect, Effect::Tell { to: MachineKey::Backlog(_), .. }))
        else {
            panic!("nothing was told");
        };
        assert_eq!(*event, event::Backlog::Flipped { flips: vec![flip("cause")] });
    }

    // G064
    #[test]
    fn a_new_commit_that_passes_has_flipped_nothing() {
        let mut pr = rerunning(FailureClass::Flaky);

        assert_eq!(pr.shows(shown('b', attempt(2, PASSED))), NOTHING);
    }

    // G074: however it fails, the agent is asked a bounded number of times
    #[test]
    fn luck_that_changes_its_face_does_not_raise_the_budget() {
        let mut pr = rerunning(FailureClass::Flaky);
        let mut prompts = 0;
        for number in 2..40 {
            pr.cause = format!("cause {number}");
            pr.shows(failed('a', number));
            let said = pr.pass(secs(20));
            if said.iter().any(|it| it.contains("prompt wanted")) {
                prompts += 1;
                pr.submitted(KIND);
                pr.turn_ended(KIND);
                pr.pass(secs(40));
            }
        }

        pr.pass(mins(60));

        assert!((1..=6).contains(&prompts), "{prompts} prompts");
        assert!(pr.incident(KIND).is_with_people());
    }
}
