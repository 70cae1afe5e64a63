//! Checks that give no verdict by themselves, and the incident on them.
//!
//! No list shows what becomes of checks, so a head that waits for them is looked at now and then without a hint. The
//! incident lives until the head changes or is green: people hear of one head once, whatever its checks do meanwhile.

use std::collections::BTreeSet;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::{Now, State, checks::selected};
use crate::{
    effect::Effect,
    machine::{Rules, incident::Stage},
    model::{Check, CheckState, Conclusion, IncidentKind, Mergeability, Missing, Sha, Snapshot},
};

const KIND: IncidentKind = IncidentKind::ChecksMissing;

/// Since when nothing starts or changes on the head.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Silence {
    /// The head.
    pub head: Sha,
    /// The checks and where they stand.
    pub checks: BTreeSet<String>,
    /// Since when that is so.
    pub since: Timestamp,
}

impl State {
    /// Notes whether anything started or changed since the last look.
    pub(super) fn take_silence(&mut self, now: &Now<'_>) {
        let Some(snapshot) = &self.snapshot else { return };
        let described = |check: &Check| format!("{:?} {} {:?} {:?}", check.kind, check.name, check.job, check.state);
        let checks: BTreeSet<String> = snapshot.checks.iter().map(described).collect();
        self.reported |= snapshot.checks.iter().any(|check| check.state != CheckState::Expected);
        let same = |known: &Silence| known.head == snapshot.head.sha && known.checks == checks;
        if !self.silence.as_ref().is_some_and(same) {
            self.silence = Some(Silence { head: snapshot.head.sha.clone(), checks, since: now.at });
        }
    }

    /// Whether the settings say that nothing will ever report here, and nothing has.
    pub(super) const fn has_no_checks(&self, rules: &Rules) -> bool {
        rules.without_checks.is_some() && !self.reported
    }

    /// The checks that count and give no verdict by themselves; `None` for a head on which nothing reports at all.
    #[must_use]
    pub(crate) fn missing(&self, rules: &Rules, at: Timestamp) -> Vec<(Option<&Check>, Missing)> {
        let (Some(snapshot), Some(silence)) = (&self.snapshot, &self.silence) else { return Vec::new() };
        let counted = selected(&snapshot.checks, rules.checks(IncidentKind::ChecksFailed));
        let (unstarted, silent) =
            (at >= silence.since + rules.pace.checks_missing, at >= silence.since + rules.pace.checks_silent);
        if counted.is_empty() {
            let nothing = unstarted && !self.has_no_checks(rules);
            return nothing.then_some((None, Missing::NoChecks)).into_iter().collect();
        }
        let why = |check: &Check| match check.state {
            CheckState::Expected => unstarted.then_some(Missing::NotStarted),
            CheckState::Pending => silent.then_some(Missing::Silent),
            CheckState::Finished(conclusion) => unjudged(conclusion),
        };
        counted.into_iter().filter_map(|check| Some((Some(check), why(check)?))).collect()
    }

    /// When checks that have said nothing so far count as missing.
    pub(super) fn missing_at(&self, rules: &Rules) -> Option<Timestamp> {
        let (snapshot, silence) = (self.snapshot.as_ref()?, self.silence.as_ref()?);
        let answered = self.incidents.get(&KIND).is_some_and(|incident| !incident.is_rerunning());
        if answered || !self.may_miss(snapshot) {
            return None;
        }
        let counted = selected(&snapshot.checks, rules.checks(IncidentKind::ChecksFailed));
        let stands = |state| counted.iter().any(|check| check.state == state);
        let nothing = counted.is_empty() && !self.has_no_checks(rules);
        let unstarted = (nothing || stands(CheckState::Expected)).then_some(rules.pace.checks_missing);
        let silent = stands(CheckState::Pending).then_some(rules.pace.checks_silent);
        unstarted.into_iter().chain(silent).map(|pause| silence.since + pause).min()
    }

    /// When the checks are looked at although nothing was heard of them: their end may have been announced in vain.
    pub(super) fn pending_at(&self, rules: &Rules) -> Option<Timestamp> {
        let (snapshot, silence) = (self.snapshot.as_ref()?, self.silence.as_ref()?);
        let conflicts = snapshot.mergeability == Mergeability::Conflicting;
        if self.managed.is_none() || !self.is_open() || conflicts || !self.awaits_checks(snapshot, rules) {
            return None;
        }
        let looked_at = self.look.ordered_at.unwrap_or(silence.since);
        let mut pause = rules.pace.checks_pending;
        while silence.since + pause <= looked_at && pause < rules.pace.pull_reconcile {
            pause *= 2;
        }
        // From then on the periodic look is as good.
        Some(silence.since + pause).filter(|at| *at > looked_at)
    }

    fn awaits_checks(&self, snapshot: &Snapshot, rules: &Rules) -> bool {
        let counted = selected(&snapshot.checks, rules.checks(IncidentKind::ChecksFailed));
        let waits = |check: &&Check| matches!(check.state, CheckState::Expected | CheckState::Pending);
        counted.iter().any(waits) || (counted.is_empty() && !self.has_no_checks(rules))
    }

    /// Wants the look for which it is time.
    pub(super) fn look_at_pending(&mut self, now: &Now<'_>) {
        if self.pending_at(now.rules).is_some_and(|at| now.at >= at) {
            self.look.want(now.at);
        }
    }

    pub(super) fn tick_missing(&mut self, now: &Now<'_>, effects: &mut Vec<Effect>) {
        let Some(snapshot) = &self.snapshot else { return };
        if self.green.is_some() {
            self.incidents.remove(&KIND);
            return;
        }
        // What somebody was told of stays told.
        let begun = self.incidents.get(&KIND).is_some_and(|it| !matches!(it.stage, Stage::Settling { .. }));
        let missing = self.missing(now.rules, now.at);
        if !self.may_miss(snapshot) || missing.is_empty() {
            if !begun {
                self.incidents.remove(&KIND);
            }
            return;
        }
        let nothing_reports = missing.iter().any(|(check, _)| check.is_none());
        let checks: Vec<Check> = missing.into_iter().filter_map(|(check, _)| check.cloned()).collect();
        self.open(KIND, now);
        // Another run has changed nothing.
        let in_vain = nothing_reports || !self.is_old_news(KIND, &checks);
        if let Some(incident) = self.incidents.get_mut(&KIND).filter(|incident| in_vain && incident.is_rerunning()) {
            incident.revise(now.at, now.rules.settle(KIND));
        }
        self.begin_if_due(KIND, &[], now, effects);
    }

    /// Workflows do not run while there is a conflict, and what is red is answered as such.
    const fn may_miss(&self, snapshot: &Snapshot) -> bool {
        !matches!(snapshot.mergeability, Mergeability::Conflicting) && self.red.is_none()
    }
}

/// Why an end is no verdict; `None` if it is one.
const fn unjudged(conclusion: Conclusion) -> Option<Missing> {
    match conclusion {
        Conclusion::Cancelled => Some(Missing::Interrupted),
        Conclusion::ActionRequired => Some(Missing::NeedsApproval),
        Conclusion::Stale => Some(Missing::Stale),
        Conclusion::Unknown => Some(Missing::Unknown),
        Conclusion::Success
        | Conclusion::Neutral
        | Conclusion::Skipped
        | Conclusion::Failure
        | Conclusion::TimedOut
        | Conclusion::StartupFailure => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        event::{self, ActionOutcome},
        machine::{context, testing::*},
        model::{Attempt, FailureClass, ReviewState::Approved, RunId},
    };

    const NOTHING: [&str; 0] = [];
    const NOTICE: [&str; 1] = ["act checks-missing do 1"];

    fn finished(conclusion: Conclusion) -> CheckState {
        CheckState::Finished(conclusion)
    }

    fn why(pr: &Pr) -> Vec<Missing> {
        pr.one.pull().missing(&pr.one.rules, pr.one.at).into_iter().map(|(_, why)| why).collect()
    }

    // G050: `[skip ci]`, or a filter on paths, leaves a demanded check expected for ever
    #[test]
    fn a_check_that_never_starts_is_told_to_people_once() {
        let mut pr = Pr::shipped();
        pr.shows(snapshot().check("test", EXPECTED));

        assert_eq!(pr.pass(mins(31) - secs(1)), NOTHING);
        assert_eq!(pr.pass(secs(1)), NOTICE);
        assert_eq!(pr.acted(ActionOutcome::Done), NOTHING);
        assert_eq!(why(&pr), [Missing::NotStarted]);
        pr.hint();
        assert_eq!(pr.pass(mins(600)), NOTHING);
    }

    // G018, G052: a check whose end nobody announced, or announced before GitHub showed it, in a repository in which nothing else happens
    #[test]
    fn a_check_that_ends_unheard_is_seen_before_the_hourly_look() {
        let mut pr = Pr::shipped();
        pr.shows(pending('a'));
        pr.pass(mins(3));
        pr.github = red('a');
        assert_eq!(pr.pass(mins(7)), NOTHING);

        assert_eq!(pr.pass(secs(20)), ["tell session/hello-3: prompt wanted (checks-failed attempt 1)"]);
    }

    #[test]
    fn checks_that_say_nothing_are_looked_at_ever_more_rarely() {
        for waits in [pending('a'), snapshot(), snapshot().check("test", EXPECTED)] {
            let mut pr = Pr::shipped();
            pr.shows(waits);
            let mut looks = Vec::new();
            for minute in 1..=300 {
                let before = pr.looks;
                pr.pass(mins(1));
                looks.extend((pr.looks > before).then_some(minute));
            }

            assert_eq!(looks, [10, 20, 40, 80]);
        }
    }

    #[test]
    fn who_waits_for_no_check_is_not_looked_at() {
        let mut unmanaged = Pr::unmanaged(rules());
        unmanaged.shows(pending('a'));
        let mut green_one = Pr::shipped();
        green_one.shows(green('a'));
        let mut conflicting = Pr::shipped();
        conflicting.shows(pending('a').mergeable(Mergeability::Conflicting));
        for mut pr in [unmanaged, green_one, conflicting] {
            let before = pr.looks;

            pr.pass(mins(300));

            assert_eq!(pr.looks, before);
        }
    }

    // What was seen for another reason need not be seen again so soon.
    #[test]
    fn a_look_for_another_reason_counts() {
        let mut pr = Pr::shipped();
        pr.shows(pending('a'));
        pr.pass(mins(9));
        pr.hint();
        pr.pass(mins(3));
        pr.hint();
        let before = pr.looks;

        pr.pass(mins(7));

        assert_eq!(pr.looks, before);
    }

    #[test]
    fn every_check_that_starts_meanwhile_begins_the_wait_anew() {
        let mut pr = Pr::shipped();
        pr.shows(snapshot().check("a", EXPECTED).check("b", EXPECTED));
        pr.pass(mins(29));
        pr.shows(snapshot().check("a", PASSED).check("b", EXPECTED));

        assert_eq!(pr.pass(mins(30)), NOTHING);
        assert_eq!(pr.pass(mins(1)), NOTICE);
    }

    // G050: a red check that is asked for again and never comes back
    #[test]
    fn a_failed_check_that_waits_for_ever_after_it_was_asked_for_again_is_told() {
        let mut pr = Pr::shipped();
        pr.shows(red('a'));
        pr.pass(secs(20));
        pr.submitted(IncidentKind::ChecksFailed);
        pr.shows(snapshot().check("test", EXPECTED));

        assert_eq!(pr.pass(mins(31)), NOTICE);
    }

    #[test]
    fn a_check_that_runs_for_hours_without_a_word_is_told() {
        let mut pr = Pr::shipped();
        pr.shows(pending('a'));

        assert_eq!(pr.pass(mins(6 * 60)), NOTHING);
        assert_eq!(pr.pass(mins(1)), NOTICE);
        assert_eq!(why(&pr), [Missing::Silent]);
    }

    // G062: one notice, however often GitHub says so
    #[test]
    fn a_check_that_waits_for_a_person_is_told_to_people_and_not_to_the_agent() {
        let mut pr = Pr::shipped();
        pr.shows(snapshot().check("test", finished(Conclusion::ActionRequired)));

        assert_eq!(pr.pass(mins(1)), NOTICE);
        pr.acted(ActionOutcome::Done);
        pr.shows(snapshot().check("test", EXPECTED));
        pr.shows(snapshot().check("test", finished(Conclusion::ActionRequired)));
        assert_eq!(pr.pass(mins(60)), NOTHING);
        assert_eq!(why(&pr), [Missing::NeedsApproval]);
    }

    // G060, G063, G011: neither red nor green, and not silent
    #[test]
    fn what_was_interrupted_or_given_up_is_told() {
        for (conclusion, reason) in [
            (Conclusion::Cancelled, Missing::Interrupted),
            (Conclusion::Stale, Missing::Stale),
            (Conclusion::Unknown, Missing::Unknown),
        ] {
            let mut pr = Pr::shipped();
            pr.shows(green('a').check("lint", finished(conclusion)));

            assert_eq!(pr.pass(mins(1)), NOTICE, "{conclusion:?}");
            assert_eq!(why(&pr), [reason]);
            assert!(!pr.has(IncidentKind::ChecksFailed) && pr.one.pull().green.is_none());
        }
    }

    /// Attempt `number` of run 1.
    fn stands(number: u32, state: CheckState) -> Snapshot {
        let mut pull = snapshot();
        pull.checks = vec![attempt(number, state)];
        pull
    }

    /// A run that was cancelled and is started again.
    fn running_again() -> Pr {
        let mut pr = Pr::shipped();
        pr.shows(stands(1, CANCELLED));
        assert_eq!(pr.pass(mins(1)), ["act checks-missing do 0"]);
        assert_eq!(pr.one.pull().reruns(&sha('a')), [(RunId(1), Attempt(1))].into());
        assert_eq!(pr.acted(ActionOutcome::Done), NOTHING);
        pr
    }

    // G060: nobody hears of what passes the second time
    #[test]
    fn what_was_interrupted_is_run_again_once_before_anybody_is_told() {
        let mut pr = running_again();

        pr.shows(stands(2, PENDING));
        pr.shows(stands(2, PASSED));

        assert_eq!(pr.pass(mins(60)), NOTHING);
        assert!(!pr.has(KIND));
    }

    // G060
    #[test]
    fn what_is_interrupted_again_goes_to_people_once() {
        let mut pr = running_again();

        pr.shows(stands(2, PENDING));
        pr.shows(stands(2, CANCELLED));
        assert_eq!(pr.pass(mins(1)), NOTICE);
        assert_eq!(pr.acted(ActionOutcome::Done), NOTHING);
        pr.shows(stands(3, CANCELLED));

        assert_eq!(pr.pass(mins(60)), NOTHING);
    }

    #[test]
    fn what_github_still_shows_of_the_interruption_is_no_second_one() {
        let mut pr = running_again();
        let mut pull = stands(1, CANCELLED);
        pull.labels = vec!["new".to_owned()];

        pr.shows(pull);

        assert_eq!(pr.pass(mins(60)), NOTHING);
    }

    #[test]
    fn a_run_that_was_started_again_and_never_reports_is_told() {
        let mut pr = running_again();
        pr.shows(stands(2, PENDING));

        assert_eq!(pr.pass(mins(6 * 60 + 1)), NOTICE);
    }

    #[test]
    fn a_run_that_cannot_be_started_again_is_told() {
        let mut pr = Pr::shipped();
        pr.shows(stands(1, CANCELLED));
        pr.pass(mins(1));

        let said = pr.acted(ActionOutcome::Failed("GitHub forbids it: the run is too old".to_owned()));

        assert_eq!(said, ["act checks-missing escalate 0"]);
    }

    #[test]
    fn what_waits_for_a_person_beside_an_interruption_is_told_at_once() {
        let mut pr = Pr::shipped();
        pr.shows(stands(1, CANCELLED).check("deploy", finished(Conclusion::ActionRequired)));

        assert_eq!(pr.pass(mins(1)), NOTICE);
    }

    #[test]
    fn a_run_that_goes_on_is_started_again_when_it_has_ended() {
        let mut pr = Pr::shipped();
        let slow = |state| Check { name: "slow".parse().unwrap(), ..attempt(1, state) };
        let mut pull = stands(1, CANCELLED);
        pull.checks.push(slow(PENDING));
        pr.shows(pull);
        assert_eq!(pr.pass(mins(5)), NOTHING);
        let mut pull = stands(1, CANCELLED);
        pull.checks.push(slow(PASSED));

        assert_eq!(pr.shows(pull), ["act checks-missing do 0"]);
    }

    // G060, G061: bad luck and an interruption are one budget
    #[test]
    fn a_run_that_was_started_again_for_its_failure_is_not_started_again_for_an_interruption() {
        let mut pr = Pr::shipped();
        pr.class = FailureClass::Flaky;
        pr.shows(stands(1, FAILED));
        pr.pass(secs(20));
        pr.acted(ActionOutcome::Done);

        pr.shows(stands(2, CANCELLED));

        assert_eq!(pr.pass(mins(1)), NOTICE);
    }

    // G060: a newer push cancels the runs of the older one, and the newer head may show a moment later
    #[test]
    fn an_interruption_that_a_push_explains_is_not_told() {
        let mut pr = Pr::shipped();
        pr.shows(snapshot().check("test", CANCELLED));
        pr.pass(secs(30));
        pr.shows(pending('b'));

        assert_eq!(pr.pass(mins(20)), NOTHING);
        assert!(!pr.has(KIND));
    }

    #[test]
    fn an_interruption_that_ends_before_it_was_told_is_forgotten() {
        let mut pr = Pr::shipped();
        pr.shows(snapshot().check("test", CANCELLED));
        pr.pass(secs(30));
        pr.shows(pending('a'));

        assert_eq!(pr.pass(mins(20)), NOTHING);
        assert!(!pr.has(KIND));
    }

    // S13: what failed is answered as a failure, and the job that was stopped with it is not told beside it
    #[test]
    fn beside_a_failure_nothing_is_missing() {
        let mut pr = Pr::shipped();
        pr.shows(red('a').check("lint", CANCELLED));

        assert_eq!(pr.pass(mins(10)), ["tell session/hello-3: prompt wanted (checks-failed attempt 1)"]);
        assert!(!pr.has(KIND));
    }

    // G081: workflows do not run in a conflict, so their silence means nothing
    #[test]
    fn in_a_conflict_no_check_is_missing() {
        let mut pr = Pr::shipped();
        pr.shows(snapshot().check("test", EXPECTED).mergeable(Mergeability::Conflicting));

        assert_eq!(pr.pass(secs(20)), ["tell session/hello-3: prompt wanted (conflict attempt 1)"]);
        pr.submitted(IncidentKind::Conflict);
        pr.pass(mins(50));
        assert!(!pr.has(KIND));
    }

    #[test]
    fn the_next_head_is_told_of_again_and_green_ends_it() {
        let mut pr = Pr::shipped();
        pr.shows(snapshot().check("test", EXPECTED));
        assert_eq!(pr.pass(mins(31)), NOTICE);
        pr.acted(ActionOutcome::Done);

        pr.shows(snapshot().head('b').check("test", EXPECTED));
        assert!(!pr.has(KIND));
        assert_eq!(pr.pass(mins(31)), NOTICE);
        pr.acted(ActionOutcome::Done);
        pr.shows(green('b'));

        assert!(!pr.has(KIND));
    }

    // G067: by default a person is told; with the setting it becomes green after its pause
    #[test]
    fn a_pull_request_on_which_nothing_ever_reports_does_not_wait_for_ever() {
        let approved = || snapshot().review(person("ada"), Approved);
        let mut pr = Pr::shipped();
        pr.shows(approved());
        assert_eq!(pr.pass(mins(31)), NOTICE);
        assert_eq!(why(&pr), [Missing::NoChecks]);

        let mut pr = Pr::managed(Rules { without_checks: Some(mins(2)), ..rules() });
        pr.shows(approved());
        assert_eq!(pr.pass(mins(2) - secs(1)), NOTHING);
        assert_eq!(pr.pass(secs(1)), ["act approved-and-green do 1"]);
        assert_eq!(pr.acted(ActionOutcome::Done), NOTHING);
        assert_eq!(pr.pass(mins(60)), NOTHING);
    }

    // G067: the setting speaks of repositories without checks, not of checks that are late
    #[test]
    fn a_head_without_checks_is_not_green_where_an_earlier_one_had_some_or_some_are_demanded() {
        for earlier in [pending('b'), snapshot().head('b')] {
            let expects = earlier.checks.is_empty();
            let mut pr = Pr::managed(Rules { without_checks: Some(mins(2)), ..rules() });
            pr.shows(earlier);
            let bare = snapshot().review(person("ada"), Approved);
            pr.shows(if expects { bare.check("test", EXPECTED) } else { bare });

            assert_eq!(pr.pass(mins(31)), NOTICE);
        }
    }

    #[test]
    fn rules_can_speak_of_what_is_missing() {
        let mut pr = Pr::shipped();
        pr.shows(snapshot().check("test", CANCELLED));
        let now = Now { rules: &pr.one.rules, at: pr.one.at, entropy: entropy(0), texts: NO_TEXTS };

        let missing = context::of_pull(pr.one.pull(), KIND, &now).missing;

        let told: Vec<_> = missing.iter().map(|it| (it.job.text.as_str(), it.why)).collect();
        assert_eq!(told, [("test", Missing::Interrupted)]);
    }

    #[test]
    fn a_rule_may_ask_for_another_run_and_people_hear_of_it_only_if_that_does_not_end_it() {
        let own =
            "name: checks-missing\ndo:\n  - label: rerun\nescalate: { after: { time: 1h }, do: [{ notify: {} }] }\n";
        let mut pr = Pr::managed(rules_with(&[own]));
        pr.shows(snapshot().check("test", CANCELLED));
        assert_eq!(pr.pass(mins(1)), ["act checks-missing do 0"]);
        pr.acted(ActionOutcome::Done);
        pr.shows(pending('a'));
        pr.shows(snapshot().check("test", CANCELLED));

        assert_eq!(pr.pass(mins(59)), ["act checks-missing escalate 0"]);
        assert_eq!(pr.feed(event::Pull::DeadlinePassed), NOTHING);
    }
}
