//! What a new snapshot changes, and what the agent's turn has not changed.

use std::collections::BTreeSet;

use jiff::Timestamp;

use super::{
    Green, Now, Red, State,
    checks::{Verdict, selected, verdict},
    reviews,
};
use crate::{
    effect::Effect,
    machine::incident::{Incident, Stage},
    model::{Check, IncidentKind, Lifecycle, Mergeability, Sha, Snapshot},
};

// 5, 10, 15 … s: GitHub computes mergeability in the background and sends no event when it has.
const MERGEABILITY_LOOKS_MAX: u32 = 8;

/// 5, 10, 15 … s: for so many looks a head that GitHub told of is waited for.
const TOLD_LOOKS_MAX: u32 = 8;

/// The incidents that only a new commit can answer. A reviewer can also be answered in words.
const ANSWERED_BY_A_PUSH: [IncidentKind; 4] =
    [IncidentKind::ChecksFailed, IncidentKind::Conflict, IncidentKind::BehindBase, IncidentKind::MergeQueueEjected];

impl State {
    pub(super) fn take_facts(&mut self, snapshot: Snapshot, now: &Now<'_>) {
        self.hear_people(&snapshot);
        self.take_head(&snapshot, now);
        self.take_requests(&snapshot, now);
        self.snapshot = Some(snapshot);
        self.take_silence(now);
        self.take_verdict(now);
        self.await_told_head(now);
        self.ask_for_mergeability(now);
    }

    fn take_head(&mut self, new: &Snapshot, now: &Now<'_>) {
        let Some(old) = self.snapshot.as_ref().filter(|old| old.head.sha != new.head.sha) else { return };
        let base = [&old.base.sha, &new.base.sha];
        let merged = new.head.merged.as_ref();
        let updated = merged.is_some_and(|(from, with)| *from == old.head.sha && base.contains(&with));
        if updated {
            self.stands_for.insert(old.head.sha.clone());
        } else {
            self.stands_for.clear();
            self.ledger.pushed(&new.head.sha, now.at);
        }
        self.mergeability_asked = 0;
        self.incidents.remove(&IncidentKind::ChecksMissing);
    }

    /// Looks again while GitHub shows another head than the one it told of.
    ///
    /// It may show the old one for seconds after a push, and in bad times for minutes. What it told of may also be the
    /// older one, if the delivery comes late; so this has an end.
    pub(super) fn await_told_head(&mut self, now: &Now<'_>) {
        let (Some(told), Some(snapshot)) = (&mut self.told, &self.snapshot) else { return };
        let there = told.head == snapshot.head.sha || snapshot.lifecycle != Lifecycle::Open;
        if there || told.looks >= TOLD_LOOKS_MAX {
            self.told = None;
            return;
        }
        told.looks += 1;
        let pause = now.rules.pace.look_interval * i32::try_from(told.looks).unwrap_or(i32::MAX);
        self.look.want(now.at + pause);
    }

    /// Who asks for more after people were called in wants the agent back.
    fn take_requests(&mut self, snapshot: &Snapshot, now: &Now<'_>) {
        let kind = IncidentKind::ChangesRequested;
        let before = self.snapshot.as_ref().map(|it| reviews::outstanding(it, kind)).unwrap_or_default();
        let after = reviews::outstanding(snapshot, kind);
        self.ledger.observe(snapshot, now.at);
        let incident = self.incidents.get_mut(&kind);
        if let Some(incident) = incident.filter(|it| it.is_with_people() && !after.is_subset(&before)) {
            incident.rearm(now.at);
            incident.revise(now.at, now.rules.settle(kind));
        }
    }

    pub(super) fn take_verdict(&mut self, now: &Now<'_>) {
        let Some(snapshot) = &self.snapshot else { return };
        let head = snapshot.head.sha.clone();
        let counted = selected(&snapshot.checks, now.rules.checks(IncidentKind::ChecksFailed));
        match verdict(&counted) {
            Verdict::Red(red) => {
                self.green = None;
                self.take_red(head, &red, now);
            }
            Verdict::Green => {
                self.red = None;
                let names = counted.iter().map(|check| format!("{:?} {} {:?}", check.kind, check.name, check.job));
                self.take_green(Green { head, checks: names.collect(), since: now.at });
            }
            Verdict::None if self.has_no_checks(now.rules) => {
                self.red = None;
                self.take_green(Green { head, checks: BTreeSet::new(), since: now.at });
            }
            Verdict::None | Verdict::Pending | Verdict::Blocked => {
                self.green = None;
                self.red = None;
            }
        }
    }

    fn take_red(&mut self, head: Sha, red: &[Check], now: &Now<'_>) {
        match &mut self.red {
            Some(known) if known.head == head => {
                if known.asked != red {
                    known.asked.clear();
                    known.failures = None;
                }
            }
            known => *known = Some(Red { head, since: now.at, asked: Vec::new(), failures: None }),
        }
    }

    fn take_green(&mut self, green: Green) {
        let same = self.green.as_ref().is_some_and(|known| known.head == green.head && known.checks == green.checks);
        if !same {
            self.green = Some(green);
        }
    }

    pub(super) fn ask_for_mergeability(&mut self, now: &Now<'_>) {
        let Some(snapshot) = &self.snapshot else { return };
        if snapshot.mergeability != Mergeability::Unknown || !self.is_open() || self.managed.is_none() {
            self.mergeability_asked = 0;
            return;
        }
        if self.mergeability_asked < MERGEABILITY_LOOKS_MAX {
            self.mergeability_asked += 1;
            let pause = now.rules.pace.look_interval * i32::try_from(self.mergeability_asked).unwrap_or(i32::MAX);
            self.look.want(now.at + pause);
        }
    }

    /// Ends attempts whose turn is over and whose head has not moved: the agent changed nothing.
    pub(super) fn judge_unchanged_head(&mut self, now: &Now<'_>, effects: &mut Vec<Effect>) {
        let Some(looked_at) = self.look.ordered_at else { return };
        for kind in ANSWERED_BY_A_PUSH {
            if self.judged_at(kind, now).is_some_and(|at| looked_at >= at) {
                let (failures, entropy) = (self.failure_keys(kind), now.entropy_number());
                let order =
                    self.incidents.get_mut(&kind).and_then(|incident| incident.failed(&failures, now.at, entropy));
                self.carry_out(kind, order, effects);
            }
        }
    }

    /// Wants the look that will judge an answer, whatever other looks came in between.
    pub(super) fn look_at_answers(&mut self, now: &Now<'_>) {
        let judged = ANSWERED_BY_A_PUSH.into_iter().filter_map(|kind| self.judged_at(kind, now)).min();
        if let Some(at) = judged.filter(|at| self.look.ordered_at.is_none_or(|looked_at| looked_at < *at)) {
            self.look.want(at);
        }
    }

    /// From when on a look tells whether the agent's turn has changed the head. GitHub may show the old head for some
    /// seconds after a push.
    fn judged_at(&self, kind: IncidentKind, now: &Now<'_>) -> Option<Timestamp> {
        let Incident { stage: Stage::Answering { head: asked, turn_ended_at: Some(ended), .. }, .. } =
            self.incidents.get(&kind)?
        else {
            return None;
        };
        (asked.as_ref() == self.head()).then(|| *ended + now.rules.pace.no_change_grace)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        event,
        machine::testing::*,
        model::{Attempt, CheckKind, JobRef},
    };

    const CI: IncidentKind = IncidentKind::ChecksFailed;

    #[test]
    fn green_settles_from_the_last_check_that_started_or_changed() {
        let mut pr = Pr::shipped();
        pr.shows(green('a'));
        pr.pass(secs(50));
        pr.shows(green('a').check("lint", PASSED));
        pr.pass(secs(50));
        assert!(!pr.one.pull().is_settled_green(&pr.one.rules, pr.one.at));

        pr.pass(secs(10));

        assert!(pr.one.pull().is_settled_green(&pr.one.rules, pr.one.at));
    }

    #[test]
    fn a_look_that_finds_the_same_does_not_begin_the_wait_anew() {
        let mut pr = Pr::shipped();
        pr.shows(green('a'));
        let known = pr.one.pull().green.clone();
        pr.pass(secs(30));

        pr.hint();

        assert_eq!(pr.one.pull().green, known);
    }

    #[test]
    fn a_run_that_passes_again_begins_the_wait_anew() {
        let rerun = |attempt| {
            let mut pull = snapshot();
            let job = JobRef {
                run: crate::model::RunId(1),
                attempt: Attempt(attempt),
                job: crate::model::JobId(attempt.into()),
            };
            pull.checks = vec![Check { job: Some(job), ..check("test", true, PASSED) }];
            pull
        };
        let mut pr = Pr::shipped();
        pr.shows(rerun(1));
        pr.pass(secs(50));

        pr.shows(rerun(2));

        assert_eq!(pr.one.pull().green.as_ref().unwrap().since, pr.one.at);
    }

    // G056
    #[test]
    fn a_run_and_a_status_of_one_name_are_two_checks() {
        let mut pull = green('a');
        pull.checks.push(Check { kind: CheckKind::Status, ..check("test", true, FAILED) });
        let mut pr = Pr::shipped();

        pr.shows(pull);

        assert!(pr.has(CI) && pr.one.pull().green.is_none());
    }

    #[test]
    fn the_first_failure_of_a_head_counts_and_not_the_last() {
        let mut pr = Pr::shipped();
        pr.shows(red('a'));
        let since = pr.one.at;
        pr.pass(secs(10));

        pr.shows(red('a').check("lint", FAILED));

        assert_eq!(pr.one.pull().red.as_ref().unwrap().since, since);
    }

    // G078
    #[test]
    fn unknown_mergeability_is_asked_for_with_growing_pauses() {
        let mut pr = Pr::shipped();
        pr.shows(green('a').mergeable(Mergeability::Unknown));
        let begun = pr.one.at;
        let mut looked = Vec::new();
        for _ in 0..3 {
            let at = pr.one.deadline().unwrap();
            pr.pass(at.duration_since(pr.one.at));
            looked.push(at.duration_since(begun).as_secs());
        }
        assert_eq!(looked, [5, 15, 30]);

        pr.github = green('a');
        pr.pass(mins(5));

        assert_eq!(pr.one.pull().mergeability_asked, 0);
        assert_eq!(pr.one.deadline(), None);
    }

    // G079
    #[test]
    fn mergeability_that_stays_unknown_is_given_up_until_the_next_hint() {
        let mut pr = Pr::shipped();
        pr.shows(green('a').mergeable(Mergeability::Unknown));
        pr.pass(mins(60));
        let looks = pr.looks;
        assert_eq!((looks, pr.one.deadline()), (2 + MERGEABILITY_LOOKS_MAX, None));

        pr.hint();

        assert_eq!((pr.looks, pr.one.deadline()), (looks + 1, None));
    }

    #[test]
    fn a_new_head_is_asked_for_its_mergeability_anew() {
        let mut pr = Pr::shipped();
        pr.shows(snapshot().mergeable(Mergeability::Unknown));
        pr.pass(mins(60));

        pr.shows(snapshot().head('b').mergeable(Mergeability::Unknown));

        assert_eq!(pr.one.deadline(), Some(pr.one.at + secs(5)));
    }

    // G130: a turn that ends without a commit is an attempt that failed
    #[test]
    fn a_turn_that_changes_nothing_is_a_failed_attempt() {
        let mut pr = Pr::shipped();
        pr.shows(red('a'));
        pr.pass(secs(20));
        pr.submitted(CI);
        pr.pass(mins(1));
        pr.turn_ended(CI);

        pr.pass(secs(19));
        assert!(pr.incident(CI).is_answering());
        pr.pass(secs(1));

        assert!(matches!(pr.incident(CI).stage, Stage::BackingOff { .. }), "{:?}", pr.incident(CI).stage);
        assert_eq!(pr.pass(secs(31)), ["tell session/hello-3: prompt wanted (checks-failed attempt 2)"]);
    }

    #[test]
    fn a_look_between_the_turns_end_and_its_grace_does_not_replace_the_one_that_judges() {
        let mut pr = Pr::shipped();
        pr.shows(red('a'));
        pr.pass(secs(20));
        pr.submitted(CI);
        pr.turn_ended(CI);
        pr.pass(secs(5));
        pr.hint();
        assert!(pr.incident(CI).is_answering());

        pr.pass(secs(15));

        assert!(!pr.incident(CI).is_answering());
    }

    #[test]
    fn a_push_that_shows_late_is_an_answer() {
        let mut pr = Pr::shipped();
        pr.shows(red('a'));
        pr.pass(secs(20));
        pr.submitted(CI);
        pr.turn_ended(CI);
        pr.pass(secs(10));
        pr.github = pending('b');

        pr.pass(mins(5));

        assert!(pr.incident(CI).is_answering());
    }

    #[test]
    fn a_judging_look_that_fails_is_not_repeated_without_pause() {
        let mut pr = Pr::shipped();
        pr.shows(red('a'));
        pr.pass(secs(20));
        pr.submitted(CI);
        pr.turn_ended(CI);
        pr.down = true;
        let looks = pr.looks;

        pr.pass(secs(30));

        assert_eq!(pr.looks - looks, 3);
    }

    #[test]
    fn the_answer_to_an_older_question_about_failures_is_not_taken() {
        let mut one = One::new(pull_key(), rules());
        one.feed(event::Pull::Managed { task: task_id(), session: session_id() });
        let first = red('a');
        let both = red('a').check("lint", FAILED);
        let observed =
            |look, pull: &Snapshot| event::Pull::Observed { look, snapshot: Box::new(pull.clone()), hash: hash(pull) };
        let triaged = |pull: &Snapshot, cause| event::Pull::Triaged {
            head: pull.head.sha.clone(),
            checks: pull.checks.clone(),
            failures: pull.checks.iter().map(|check| failure(check, cause)).collect(),
        };
        one.feed(observed(1, &first));
        one.feed(event::Pull::Hinted { repo: REPO, number: NUMBER, urgent: true });
        assert_eq!(one.feed(observed(2, &both)), ["read failures of lint, test at a"]);

        one.feed(triaged(&first, "old"));
        assert_eq!(one.pull().failures(), []);
        one.feed(triaged(&red('b'), "other head"));
        assert_eq!(one.pull().failures(), []);
        one.feed(triaged(&both, "new"));

        assert_eq!(one.pull().failures().len(), 2);
    }

    // G099
    #[test]
    fn what_was_resolved_and_is_open_again_is_handed_over_again() {
        let kind = IncidentKind::ChangesRequested;
        let open = snapshot().thread("T1", &[("C1", person("ada"))]);
        let mut pr = Pr::shipped();
        pr.shows(open.clone());
        pr.pass(secs(20));
        pr.submitted(kind);
        pr.shows(open.clone().resolved("T1"));
        assert!(!pr.has(kind));

        pr.shows(open);

        assert_eq!(pr.pass(secs(20)), ["tell session/hello-3: prompt wanted (changes-requested attempt 1)"]);
    }

    #[test]
    fn a_deleted_reply_does_not_make_the_rest_of_its_thread_new() {
        let kind = IncidentKind::ChangesRequested;
        let mut pr = Pr::shipped();
        pr.shows(snapshot().thread("T1", &[("C1", person("ada"))]));
        pr.pass(secs(20));
        pr.submitted(kind);
        pr.shows(snapshot().thread("T1", &[("C1", person("ada")), ("C2", person("ada"))]));
        pr.pass(secs(20));
        pr.submitted(kind);

        pr.shows(snapshot().thread("T1", &[("C1", person("ada"))]));

        assert_eq!(pr.pass(mins(30)), [""; 0]);
    }

    fn told(head: char) -> event::Pull {
        event::Pull::HeadTold { repo: REPO, number: NUMBER, head: sha(head) }
    }

    // G047
    #[test]
    fn a_head_that_github_told_of_is_waited_for_and_nothing_starts_from_the_old_one() {
        let mut pr = Pr::shipped();
        pr.shows(red('a'));
        pr.pass(secs(10));
        let looks = pr.looks;
        assert_eq!(pr.feed(told('b')), [""; 0]);
        assert_eq!(pr.pass(secs(40)), [""; 0]);
        assert_eq!(pr.looks - looks, 4, "at once, and after 5, 15 and 30 s");

        pr.github = pending('b');
        pr.pass(secs(60));

        assert_eq!((&pr.one.pull().told, pr.one.pull().head()), (&None, Some(&sha('b'))));
        assert_eq!(pr.pass(mins(10)), [""; 0]);
    }

    // G047: the wait has an end; G021: an old delivery that comes again costs no more than that
    #[test]
    fn a_head_that_never_shows_is_waited_for_a_few_minutes() {
        let mut pr = Pr::shipped();
        pr.shows(red('a'));
        pr.feed(told('e'));

        assert_eq!(pr.pass(secs(170)), [""; 0]);
        assert_eq!(pr.pass(secs(30)), ["tell session/hello-3: prompt wanted (checks-failed attempt 1)"]);
        assert_eq!(pr.one.pull().told, None);
    }

    // G047: a prompt that waits in the queue is about the old head
    #[test]
    fn a_prompt_about_a_head_that_is_known_to_be_gone_is_not_wanted() {
        let mut pr = Pr::shipped();
        pr.shows(red('a'));
        pr.pass(secs(20));
        pr.feed(told('b'));

        assert_eq!(pr.withdrawn(CI), [""; 0]);
    }

    #[test]
    fn a_head_that_is_shown_already_is_not_waited_for() {
        let mut pr = Pr::shipped();
        pr.shows(red('a'));
        pr.feed(told('a'));

        assert_eq!(pr.one.pull().told, None);
    }

    // G039: each looks once, and not all at the same moment
    #[test]
    fn a_push_to_the_base_causes_one_look_of_each_at_a_moment_of_its_own() {
        let mut moments = BTreeSet::new();
        for number in 1..=40 {
            let key = crate::model::MachineKey::Pull { repo: REPO, number: crate::model::PrNumber(number) };
            let mut one = One::new(key, rules());
            let mut looked = Vec::new();
            for _ in 0..10 {
                looked.extend(one.feed(event::Pull::BaseMoved));
            }
            moments.insert(one.deadline().unwrap().duration_since(one.at).as_millis() / 400);
            looked.extend(one.pass(secs(20)));
            assert_eq!(looked, ["look 1"]);
        }

        assert!(moments.len() > 30, "{moments:?}");
        assert!(moments.iter().all(|at| (0..50).contains(at)), "{moments:?}");
    }

    // G092
    #[test]
    fn rules_that_changed_are_asked_for_anew_by_the_next_look() {
        let mut pr = Pr::shipped();
        pr.shows(green('a'));
        let at = pr.one.at;
        pr.feed(event::Pull::RulesChanged);
        pr.pass(secs(20));

        let since =
            pr.one.effects.iter().rev().find_map(|effect| {
                if let Effect::Look { rules_since, .. } = effect { Some(*rules_since) } else { None }
            });
        assert_eq!(since, Some(Some(at)));
    }
}
