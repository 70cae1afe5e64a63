//! Which incidents the facts call for, and what is due on them.

use jiff::Timestamp;

use super::{
    Green, Now, State, allows_merge, behind,
    checks::{Verdict, fingerprints, selected, verdict},
    covers, reviews,
};
use crate::{
    effect::Effect,
    machine::{
        Rules, context,
        incident::{Incident, Stage},
    },
    model::{Check, IncidentKind, Mergeability},
};

impl State {
    /// Opens, answers and closes incidents as facts and time demand.
    pub(super) fn tick_incidents(&mut self, now: &Now<'_>, effects: &mut Vec<Effect>) {
        // The rules may have changed since the last look.
        self.take_verdict(now);
        if self.tick_stopped(now, effects) {
            return;
        }
        self.tick_checks(now, effects);
        self.tick_missing(now, effects);
        self.tick_changes(IncidentKind::ChangesRequested, now, effects);
        self.tick_changes(IncidentKind::BotReview, now, effects);
        self.tick_replies(now, effects);
        self.tick_conflict(now, effects);
        self.tick_behind(now, effects);
        self.tick_ejected(now, effects);
        self.tick_approved(now, effects);
        self.escalate_overdue(now, effects);
    }

    fn tick_checks(&mut self, now: &Now<'_>, effects: &mut Vec<Effect>) {
        let kind = IncidentKind::ChecksFailed;
        if self.is_settled_green(now.rules, now.at) {
            self.incidents.remove(&kind);
            return;
        }
        let Some(red) = self.red_checks(now.rules) else { return };
        self.triage(&red, effects);
        self.open(kind, now);
        let Some(failures) =
            self.red.as_ref().and_then(|known| known.read(&red)).map(|failures| fingerprints(failures))
        else {
            return;
        };
        self.take_news(&red, now);
        if self.is_answered_by_red(now) {
            let entropy = now.entropy_number();
            let order = self.incidents.get_mut(&kind).and_then(|incident| incident.failed(&failures, now.at, entropy));
            self.carry_out(kind, order, effects);
        }
        self.begin_if_due(kind, &failures, now, effects);
    }

    fn tick_changes(&mut self, kind: IncidentKind, now: &Now<'_>, effects: &mut Vec<Effect>) {
        let Some(snapshot) = &self.snapshot else { return };
        if reviews::outstanding(snapshot, kind).is_empty() {
            self.incidents.remove(&kind);
            return;
        }
        if covers(self, kind).is_empty() {
            // Another prompt has said it all: reviewers are next.
            if let Some(incident) = self.incidents.get_mut(&kind)
                && let Stage::Settling { .. } = incident.stage
            {
                incident.rest();
            }
            return;
        }
        self.open(kind, now);
        let settle = now.rules.settle(kind);
        if let Some(incident) = self.incidents.get_mut(&kind)
            && matches!(incident.stage, Stage::Resting | Stage::Answering { .. })
        {
            incident.revise(now.at, settle);
        }
        let round = |state: &Self| state.incidents.get(&kind).map(|incident| incident.revision);
        let before = round(self);
        self.begin_if_due(kind, &[], now, effects);
        if round(self) != before {
            self.ledger.offer(kind, covers(self, kind));
        }
    }

    fn tick_conflict(&mut self, now: &Now<'_>, effects: &mut Vec<Effect>) {
        let kind = IncidentKind::Conflict;
        let Some(snapshot) = &self.snapshot else { return };
        match snapshot.mergeability {
            // Unknown is not an answer: the conflict stands until GitHub has looked again.
            Mergeability::Unknown => {}
            // What lies below in the stack is still at work: its merge may end the conflict, or bring the next one.
            Mergeability::Conflicting if snapshot.base.pull.is_some() => {
                self.incidents.remove(&kind);
            }
            Mergeability::Clean | Mergeability::Behind => {
                self.incidents.remove(&kind);
            }
            Mergeability::Conflicting => {
                self.open(kind, now);
                let failures = vec!["conflict".to_owned()];
                let entropy = now.entropy_number();
                let in_vain = self.incidents.get(&kind).is_some_and(|incident| self.has_newer_head(incident));
                let answered = self.incidents.get_mut(&kind).filter(|_| in_vain);
                let order = answered.and_then(|incident| incident.failed(&failures, now.at, entropy));
                self.carry_out(kind, order, effects);
                self.begin_if_due(kind, &failures, now, effects);
            }
        }
    }

    fn tick_approved(&mut self, now: &Now<'_>, effects: &mut Vec<Effect>) {
        let kind = IncidentKind::ApprovedAndGreen;
        if !self.may_merge(now.rules, now.at) {
            self.incidents.remove(&kind);
            return;
        }
        if self.announced.as_ref() == self.head() && !self.incidents.contains_key(&kind) {
            return;
        }
        self.open(kind, now);
        self.begin_if_due(kind, &[], now, effects);
    }

    fn escalate_overdue(&mut self, now: &Now<'_>, effects: &mut Vec<Effect>) {
        let overdue: Vec<_> =
            self.incidents.iter().filter(|(_, incident)| incident.is_overdue(now.at)).map(|(kind, _)| *kind).collect();
        for kind in overdue {
            let order = self.incidents.get_mut(&kind).and_then(|incident| incident.escalate(now.at));
            self.carry_out(kind, order, effects);
        }
    }

    pub(super) fn open(&mut self, kind: IncidentKind, now: &Now<'_>) {
        if self.incidents.contains_key(&kind) {
            return;
        }
        self.serial += 1;
        self.incidents.insert(kind, Incident::open(self.serial, now.at, now.rules.settle(kind)));
    }

    pub(super) fn begin_if_due(
        &mut self,
        kind: IncidentKind,
        failures: &[String],
        now: &Now<'_>,
        effects: &mut Vec<Effect>,
    ) {
        let head = self.head().cloned();
        let Some(incident) = self.incidents.get(&kind).filter(|incident| incident.is_due(now.at)) else { return };
        let context = context::of_pull(self, kind, now);
        let (plan, beside) = match &incident.plan {
            Some(plan) => (Some(now.rules.renewed(plan, &context)), Vec::new()),
            None => now.rules.answer(&self.key(), &context, incident, head.as_ref()),
        };
        let plan = plan.map(|plan| self.with_possible_reruns(kind, plan, now));
        if plan.as_ref().is_some_and(|plan| self.awaits_end_of_run(kind, plan, now)) {
            return;
        }
        effects.extend(beside);
        self.note_round(kind, plan.as_ref(), now);
        let order = self.incidents.get_mut(&kind).and_then(|incident| {
            incident.plan = plan;
            incident.begin(failures, head, now.at)
        });
        self.carry_out(kind, order, effects);
    }

    fn triage(&mut self, checks: &[Check], effects: &mut Vec<Effect>) {
        let (repo, number) = (self.repo, self.number);
        let Some(red) = self.red.as_mut().filter(|red| red.asked != checks) else { return };
        red.asked = checks.to_vec();
        red.failures = None;
        effects.push(Effect::Triage { repo, number, head: red.head.clone(), checks: checks.to_vec() });
    }

    fn red_checks(&self, rules: &Rules) -> Option<Vec<Check>> {
        let snapshot = self.snapshot.as_ref()?;
        match verdict(&selected(&snapshot.checks, rules.checks(IncidentKind::ChecksFailed))) {
            Verdict::Red(red) => Some(red),
            Verdict::None | Verdict::Pending | Verdict::Green | Verdict::Blocked => None,
        }
    }

    /// Whether the head has been green long enough to be believed.
    #[must_use]
    pub fn is_settled_green(&self, rules: &Rules, at: Timestamp) -> bool {
        let settled = |green: &Green| at >= green.settles_at(rules);
        self.green.as_ref().is_some_and(|green| Some(&green.head) == self.head() && settled(green))
    }

    /// Whether everything that Antiphon itself can see allows a merge.
    #[must_use]
    pub fn may_merge(&self, rules: &Rules, at: Timestamp) -> bool {
        self.snapshot.as_ref().is_some_and(|snapshot| allows_merge(self, snapshot, rules))
            && self.is_settled_green(rules, at)
    }

    pub(super) fn awaits_green(&self) -> bool {
        let approved = self.snapshot.as_ref().is_some_and(|snapshot| self.is_approved(snapshot));
        let unannounced = approved && self.announced.as_ref() != self.head();
        self.managed.is_some() && (self.incidents.contains_key(&IncidentKind::ChecksFailed) || unannounced)
    }

    pub(super) fn awaits_red(&self) -> bool {
        self.incidents.get(&IncidentKind::ChecksFailed).is_some_and(|incident| self.has_newer_head(incident))
    }

    /// The keys by which the attempts of an incident are counted.
    pub(crate) fn failure_keys(&self, kind: IncidentKind) -> Vec<String> {
        match kind {
            IncidentKind::ChecksFailed | IncidentKind::MergeQueueEjected => fingerprints(self.failures_of(kind)),
            IncidentKind::Conflict => vec!["conflict".to_owned()],
            IncidentKind::BehindBase => vec![behind::FAILURE.to_owned()],
            IncidentKind::ChecksMissing
            | IncidentKind::LoopStopped
            | IncidentKind::ChangesRequested
            | IncidentKind::BotReview
            | IncidentKind::ApprovedAndGreen
            | IncidentKind::AgentStuck
            | IncidentKind::AgentExited
            | IncidentKind::AgentNeedsInput
            | IncidentKind::AgentLooping
            | IncidentKind::AgentsLost
            | IncidentKind::NoChange
            | IncidentKind::SetupFailed
            | IncidentKind::IssueReady
            | IncidentKind::RuleBroken => Vec::new(),
        }
    }

    fn is_answered_by_red(&self, now: &Now<'_>) -> bool {
        let settle = now.rules.settle(IncidentKind::ChecksFailed);
        let settled = self.red.as_ref().is_some_and(|red| now.at >= red.since + settle);
        settled && self.awaits_red()
    }

    pub(super) fn has_newer_head(&self, incident: &Incident) -> bool {
        matches!(&incident.stage, Stage::Answering { head: asked, .. } if asked.as_ref() != self.head())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        event::{self, ActionOutcome},
        machine::{pull::still_wanted_act, testing::*},
        model::{
            Lifecycle, Merge, Merging,
            ReviewState::{Approved, ChangesRequested, Dismissed},
            Snapshot,
        },
    };

    const CI: IncidentKind = IncidentKind::ChecksFailed;
    const REVIEW: IncidentKind = IncidentKind::ChangesRequested;
    const CONFLICT: IncidentKind = IncidentKind::Conflict;
    const READY: IncidentKind = IncidentKind::ApprovedAndGreen;
    const NOTHING: [&str; 0] = [];

    fn wanted(what: &str) -> Vec<String> {
        vec![format!("tell session/hello-3: prompt wanted ({what})")]
    }

    /// Red on commit `a`; the agent has the prompt.
    fn repairing(rules: Rules) -> Pr {
        let mut pr = Pr::managed(rules);
        pr.shows(red('a'));
        pr.pass(secs(20));
        pr.submitted(CI);
        pr
    }

    /// The agent has answered with `letter`, and that is red as well.
    fn answers_red(pr: &mut Pr, letter: char) {
        pr.turn_ended(CI);
        pr.shows(pending(letter));
        pr.shows(red(letter));
    }

    fn twice() -> Rules {
        rules_with(&["name: ci-failed\nretry: { attempts: 2 }"])
    }

    // S01, S02, S71
    #[test]
    fn a_red_check_becomes_one_prompt_after_it_has_settled() {
        let mut pr = Pr::shipped();

        assert_eq!(pr.shows(red('a')), NOTHING);
        assert_eq!(pr.pass(secs(19)), NOTHING);
        assert_eq!(pr.pass(secs(1)), wanted("checks-failed attempt 1"));
        assert_eq!(pr.hint(), NOTHING);
        assert_eq!(pr.submitted(CI), NOTHING);
        pr.hint();
        assert_eq!(pr.pass(mins(10)), NOTHING);
        assert_eq!(pr.incident(CI).total, crate::model::Attempt(1));
    }

    #[test]
    fn failures_that_come_together_are_one_prompt() {
        let mut pr = Pr::shipped();
        pr.shows(red('a'));
        pr.pass(secs(10));
        pr.shows(red('a').check("lint", FAILED));

        assert_eq!(pr.pass(secs(10)), wanted("checks-failed attempt 1"));
        assert_eq!(pr.one.pull().failures().len(), 2);
    }

    // S39: what cannot be found out about one cause holds up no other
    #[test]
    fn a_conflict_is_told_while_the_log_of_a_red_check_cannot_be_read() {
        let mut one = One::new(pull_key(), rules());
        one.feed(event::Pull::Managed { task: task_id(), session: session_id() });
        let pull = red('a').mergeable(Mergeability::Conflicting);
        one.feed(event::Pull::Observed { look: 1, snapshot: Box::new(pull.clone()), hash: hash(&pull) });

        assert_eq!(one.pass(secs(20)), wanted("conflict attempt 1"));
    }

    // S40: nothing happens to the pull request itself
    #[test]
    fn a_base_that_moves_into_a_conflict_is_answered_within_a_minute() {
        let mut pr = Pr::shipped();
        pr.shows(green('a'));
        pr.pass(mins(30));
        pr.github = green('a').mergeable(Mergeability::Conflicting);

        pr.feed(event::Pull::BaseMoved);

        assert_eq!(pr.pass(mins(1)), wanted("conflict attempt 1"));
    }

    // S38
    #[test]
    fn a_stacked_pull_request_hears_of_a_conflict_when_the_one_below_it_is_gone() {
        let mut pr = Pr::shipped();
        let mut stacked = green('a').mergeable(Mergeability::Conflicting);
        stacked.base.pull = Some(crate::model::PrNumber(6));
        pr.shows(stacked.clone());
        assert_eq!(pr.pass(mins(30)), NOTHING);

        stacked.base.pull = None;
        pr.shows(stacked);

        assert_eq!(pr.pass(secs(20)), wanted("conflict attempt 1"));
    }

    // S41
    #[test]
    fn a_rule_can_only_warn_of_conflicts() {
        let own = "name: warn\non: conflict\ndo:\n  - notify: { priority: normal }\n";
        let mut pr = Pr::managed(rules_with(&[own]));

        let mut said = pr.conflicts('a');
        said.extend(pr.acted(ActionOutcome::Done));
        said.extend(pr.pass(mins(120)));

        assert_eq!(said, ["act warn do 0"]);
    }

    // S16, G133: what counts is what was submitted, and the state is written and read back at every step
    #[test]
    fn a_prompt_that_is_never_submitted_is_no_attempt() {
        let mut pr = Pr::shipped();
        pr.shows(red('a'));
        pr.pass(mins(5));

        assert_eq!(pr.incident(CI).total, crate::model::Attempt(0));
    }

    // S11, S18: nothing but a deadline is needed to go on
    #[test]
    fn a_failure_whose_log_takes_long_is_answered_as_soon_as_it_was_read() {
        let mut one = One::new(pull_key(), rules());
        one.feed(event::Pull::Managed { task: task_id(), session: session_id() });
        let pull = red('a');
        one.feed(event::Pull::Observed { look: 1, snapshot: Box::new(pull.clone()), hash: hash(&pull) });
        assert_eq!(one.pass(mins(2)), NOTHING);
        assert_eq!(one.deadline(), None);

        let failures = vec![failure(&pull.checks[0], "cause")];
        let said = one.feed(event::Pull::Triaged { head: sha('a'), checks: pull.checks, failures });

        assert_eq!(said, wanted("checks-failed attempt 1"));
    }

    #[test]
    fn a_rule_may_have_the_agent_begin_anew_before_it_is_told() {
        let own = "name: ci-failed\ndo:\n  - restart: { fresh: true }\n    if: attempt == 2\n  - prompt: CI is red.\n";
        let mut pr = repairing(rules_with(&[own]));
        answers_red(&mut pr, 'b');
        assert_eq!(pr.pass(secs(60)), ["act ci-failed do 0"]);

        let said = pr.acted(ActionOutcome::Done);

        let anew = "tell session/hello-3: new beginning wanted".to_owned();
        assert_eq!(said, [vec![anew], wanted("checks-failed attempt 2")].concat());
    }

    // S04, S19, G133, and the rule of two attempts: three red runs are two prompts with backoff, then one escalation
    #[test]
    fn three_red_runs_with_two_attempts_are_two_prompts_and_one_escalation() {
        let mut pr = repairing(twice());

        answers_red(&mut pr, 'b');
        assert_eq!(pr.pass(secs(20)), NOTHING);
        assert!(matches!(pr.incident(CI).stage, Stage::BackingOff { .. }));
        assert_eq!(pr.pass(secs(29)), NOTHING);
        assert_eq!(pr.pass(secs(2)), wanted("checks-failed attempt 2"));
        pr.submitted(CI);
        answers_red(&mut pr, 'c');
        assert_eq!(pr.pass(secs(20)), ["act ci-failed escalate 0"]);
        assert_eq!(pr.acted(ActionOutcome::Done), ["act ci-failed escalate 1"]);
        assert_eq!(pr.acted(ActionOutcome::Done), ["act ci-failed escalate 2"]);
        assert_eq!(pr.acted(ActionOutcome::Done), NOTHING);

        answers_red(&mut pr, 'd');
        assert_eq!(pr.pass(mins(120)), NOTHING);
    }

    // S05, S09
    #[test]
    fn after_the_escalation_flickering_checks_are_met_with_silence() {
        let mut pr = repairing(twice());
        answers_red(&mut pr, 'b');
        pr.pass(mins(1));
        pr.submitted(CI);
        answers_red(&mut pr, 'c');
        pr.pass(mins(1));
        pr.escalated();

        for _ in 0..8 {
            assert_eq!(pr.shows(pending('c')), NOTHING);
            assert_eq!(pr.pass(mins(1)), NOTHING);
            assert_eq!(pr.shows(red('c')), NOTHING);
            assert_eq!(pr.pass(mins(1)), NOTHING);
        }
    }

    // S09
    #[test]
    fn flickering_on_one_commit_spends_nothing_while_the_agent_works() {
        let mut pr = repairing(twice());
        for _ in 0..8 {
            pr.shows(pending('a'));
            assert_eq!(pr.pass(mins(1)), NOTHING);
            pr.shows(red('a'));
            assert_eq!(pr.pass(mins(1)), NOTHING);
        }
        assert_eq!(pr.incident(CI).total, crate::model::Attempt(1));
    }

    // S06
    #[test]
    fn settled_green_ends_the_incident_and_the_next_failure_starts_anew() {
        let mut pr = repairing(twice());
        answers_red(&mut pr, 'b');
        pr.pass(mins(1));
        pr.submitted(CI);
        answers_red(&mut pr, 'c');
        pr.pass(mins(1));
        pr.escalated();

        pr.shows(green('d'));
        pr.pass(secs(60));
        assert!(!pr.has(CI));
        pr.shows(red('e'));

        assert_eq!(pr.pass(secs(20)), wanted("checks-failed attempt 1"));
    }

    // S04: one pass between two failures settles nothing
    #[test]
    fn a_pass_that_does_not_settle_forgets_nothing() {
        let mut pr = repairing(twice());
        pr.shows(green('b'));
        pr.pass(secs(59));
        pr.shows(red('b'));
        pr.pass(secs(20));

        assert_eq!(pr.pass(secs(31)), wanted("checks-failed attempt 2"));
    }

    // S08
    #[test]
    fn running_checks_resolve_nothing() {
        let mut pr = repairing(rules());
        pr.shows(pending('b'));

        assert_eq!(pr.pass(mins(20)), NOTHING);
        assert!(pr.has(CI));
    }

    #[test]
    fn a_backoff_that_ends_while_checks_run_waits_for_their_verdict() {
        let mut pr = repairing(rules());
        answers_red(&mut pr, 'b');
        pr.pass(secs(20));
        pr.shows(pending('c'));
        assert_eq!(pr.pass(mins(5)), NOTHING);

        assert_eq!(pr.shows(red('c')), wanted("checks-failed attempt 2"));
    }

    // G030, G060
    #[test]
    fn what_fails_or_is_cancelled_on_an_older_commit_is_nobodys_business() {
        let mut pr = Pr::shipped();
        pr.shows(red('a'));
        pr.pass(secs(10));
        pr.shows(pending('b'));

        assert_eq!(pr.pass(mins(10)), NOTHING);
        assert!(pr.one.pull().red.is_none());
    }

    // G060, G061 as far: interrupted is not failed, out of time is
    #[test]
    fn an_interrupted_check_on_the_head_is_no_failure_and_no_success() {
        let mut pr = Pr::shipped();
        pr.shows(snapshot().check("test", CANCELLED));

        assert_eq!(pr.pass(secs(59)), NOTHING);
        assert!(!pr.has(CI) && pr.one.pull().green.is_none());
    }

    // G029
    #[test]
    fn a_prompt_about_a_commit_that_was_replaced_is_withdrawn_and_the_new_one_is_judged() {
        let mut pr = Pr::shipped();
        pr.shows(red('a'));
        pr.pass(secs(20));
        pr.shows(red('b'));

        assert_eq!(pr.withdrawn(CI), NOTHING);
        assert_eq!(pr.pass(secs(20)), wanted("checks-failed attempt 1"));
        pr.submitted(CI);
        assert_eq!(pr.incident(CI).total, crate::model::Attempt(1));
    }

    #[test]
    fn a_withdrawal_that_comes_twice_withdraws_nothing_else() {
        let mut pr = Pr::shipped();
        pr.shows(red('a'));
        pr.pass(secs(20));
        let reference = pr.reference(CI);
        pr.shows(red('b'));
        pr.withdrawn(CI);
        pr.pass(secs(20));
        let state = pr.one.state.clone();

        pr.feed(event::Pull::PromptWithdrawn { reference });

        assert_eq!(pr.one.state, state);
    }

    // S85
    #[test]
    fn the_time_is_up_although_nothing_happens() {
        let mut pr = repairing(rules());

        assert_eq!(pr.pass(mins(45) - secs(21)), NOTHING);
        assert_eq!(pr.pass(secs(1)), ["act ci-failed escalate 0"]);
    }

    // G050 as far: checks that are expected for ever, after a red run
    #[test]
    fn an_answer_whose_checks_never_report_ends_with_people() {
        let mut pr = repairing(rules());
        pr.turn_ended(CI);
        pr.shows(pending('b'));

        assert_eq!(pr.pass(mins(45)), ["act ci-failed escalate 0"]);
    }

    #[test]
    fn a_late_outcome_of_the_rule_is_not_taken_for_the_escalations() {
        let own = "name: ci-failed\ndo:\n  - label: red\n  - prompt: Fix it.\n";
        let mut pr = Pr::managed(rules_with(&[own]));
        pr.shows(red('a'));
        assert_eq!(pr.pass(secs(20)), ["act ci-failed do 0"]);
        let late = outcome_of(&ordered(&pr), ActionOutcome::Done);
        assert_eq!(pr.pass(mins(45)), ["act ci-failed escalate 0"]);

        assert_eq!(pr.feed(late), NOTHING);

        assert_eq!(pr.incident(CI).stage, Stage::Escalating { step: 0 });
    }

    fn ordered(pr: &Pr) -> crate::effect::Act {
        let act = |effect: &Effect| if let Effect::Act(act) = effect { Some(act.clone()) } else { None };
        pr.one.effects.iter().rev().find_map(act).unwrap()
    }

    #[test]
    fn a_prompt_that_waits_when_people_are_asked_is_withdrawn() {
        let mut pr = Pr::shipped();
        pr.shows(red('a'));
        pr.pass(mins(46));
        assert!(pr.incident(CI).is_with_people());

        assert_eq!(pr.withdrawn(CI), NOTHING);

        assert_eq!(pr.incident(CI).stage, Stage::Escalating { step: 0 });
    }

    #[test]
    fn an_agent_that_answers_after_the_escalation_ends_the_incident() {
        let mut pr = repairing(rules());
        pr.pass(mins(45));
        pr.escalated();

        pr.shows(green('b'));
        pr.pass(mins(1));

        assert!(!pr.has(CI));
    }

    #[test]
    fn a_persons_retry_during_an_action_begins_a_round_of_its_own() {
        let own = "name: ci-failed\ndo:\n  - label: red\n  - prompt: Fix it.\n";
        let mut pr = Pr::managed(rules_with(&[own]));
        pr.shows(red('a'));
        pr.pass(secs(20));
        let first = outcome_of(&ordered(&pr), ActionOutcome::Done);

        assert_eq!(pr.feed(event::Pull::RetryWanted), ["act ci-failed do 0"]);
        assert_eq!(pr.feed(first), NOTHING);
        assert_eq!(pr.acted(ActionOutcome::Done), wanted("checks-failed attempt 1"));
    }

    // G035, S15 as far: what no rule answers is asked about again when the facts change
    #[test]
    fn a_draft_that_no_rule_answers_is_answered_once_it_is_ready() {
        let mut pr = Pr::managed(rules_with(&["name: ci-failed\nif: \"!pr.draft\""]));
        pr.shows(red('a').draft());
        assert_eq!(pr.pass(mins(10)), NOTHING);
        assert_eq!(pr.incident(CI).stage, Stage::Unanswered);

        assert_eq!(pr.shows(red('a')), wanted("checks-failed attempt 1"));
    }

    // S12
    #[test]
    fn a_rule_without_prompt_tells_people_and_not_the_agent() {
        let own = "name: tell-only\non: checks-failed\nsettle: 20s\ndo:\n  - notify: { priority: high }\n";
        let mut pr = Pr::managed(rules_with(&[own]));
        pr.shows(red('a'));

        assert_eq!(pr.pass(secs(20)), ["act tell-only do 0"]);
        assert_eq!(pr.acted(ActionOutcome::Done), NOTHING);
        assert_eq!(pr.incident(CI).stage, Stage::Resting);
        assert_eq!(pr.pass(mins(44)), NOTHING);
    }

    #[test]
    fn rules_beside_act_once_and_only_while_the_cause_holds() {
        let beside = "name: beside\non: checks-failed\nbeside: true\ndo:\n  - notify: { priority: low }\n";
        let mut pr = Pr::managed(rules_with(&[beside]));
        pr.shows(red('a'));

        let expected: Vec<_> =
            ["act beside do 0".to_owned()].into_iter().chain(wanted("checks-failed attempt 1")).collect();
        assert_eq!(pr.pass(secs(20)), expected);
        pr.submitted(CI);
        assert_eq!(pr.pass(mins(10)), NOTHING);
        assert!(still_wanted_act(pr.one.pull(), &ordered(&pr)));
        pr.shows(green('b'));
        assert!(!still_wanted_act(pr.one.pull(), &ordered(&pr)));
    }

    #[test]
    fn a_rule_that_changes_which_checks_count_is_followed_without_a_new_look() {
        let mut pr = Pr::shipped();
        pr.shows(green('a').optional("lint", FAILED));
        assert!(!pr.has(CI));

        pr.one.rules = rules_with(&["name: ci-failed\nchecks: all"]);
        pr.feed(event::Pull::DeadlinePassed);
        assert!(pr.has(CI));

        assert_eq!(pr.pass(secs(20)), wanted("checks-failed attempt 1"));
    }

    // G132 in the machine of the pull request: nothing is written for one that is not managed
    #[test]
    fn nothing_is_done_for_a_pull_request_that_is_not_managed() {
        let mut pr = Pr::unmanaged(rules());
        pr.shows(red('a').review(person("ada"), ChangesRequested).mergeable(Mergeability::Conflicting));

        assert_eq!(pr.pass(mins(60)), NOTHING);
        assert_eq!(pr.one.pull().incidents, [].into());
    }

    #[test]
    fn a_red_pull_request_is_answered_as_soon_as_it_is_managed() {
        let mut pr = Pr::unmanaged(rules());
        pr.shows(red('a'));
        pr.feed(event::Pull::Managed { task: task_id(), session: session_id() });

        assert_eq!(pr.pass(secs(20)), wanted("checks-failed attempt 1"));
    }

    #[test]
    fn the_next_owner_is_told_everything_again() {
        let mut pr = Pr::shipped();
        pr.shows(snapshot().review(person("ada"), ChangesRequested));
        pr.pass(secs(20));
        pr.submitted(REVIEW);
        pr.feed(event::Pull::Released);
        assert_eq!(pr.one.pull().incidents, [].into());

        pr.feed(event::Pull::Managed { task: task_id(), session: session_id() });

        assert_eq!(pr.pass(secs(20)), wanted("changes-requested attempt 1"));
    }

    // S21, G093
    #[test]
    fn a_review_with_its_comments_is_one_prompt() {
        let mut pr = Pr::shipped();
        pr.shows(green('a').review(person("ada"), ChangesRequested));
        for index in 1..=7 {
            let thread = format!("T{index}");
            let next = pr.github.clone().thread(&thread, &[("C", person("ada"))]);
            assert_eq!(pr.shows(next), NOTHING);
            pr.pass(secs(1));
        }

        assert_eq!(pr.pass(secs(13)), wanted("changes-requested attempt 1"));
        assert_eq!(covers(pr.one.pull(), REVIEW).len(), 8);
        pr.submitted(REVIEW);
        assert_eq!(pr.pass(mins(60)), NOTHING);
    }

    // S22, S27, S30, S33
    #[test]
    fn each_item_is_handed_over_once_and_again_only_when_a_person_adds_to_it() {
        let mut pr = Pr::shipped();
        let first = snapshot().thread("T1", &[("C1", person("ada"))]);
        pr.shows(first.clone());
        pr.pass(secs(20));
        pr.submitted(REVIEW);
        pr.turn_ended(REVIEW);
        assert_eq!(pr.pass(mins(10)), NOTHING);
        pr.shows(first.clone().thread("T1", &[("C1", person("ada")), ("C2", own())]));
        assert_eq!(pr.pass(mins(10)), NOTHING);

        pr.shows(first.thread("T2", &[("C9", person("bob"))]));
        assert_eq!(pr.pass(secs(20)), wanted("changes-requested attempt 1"));
        assert_eq!(covers(pr.one.pull(), REVIEW), ["thread:T2@C9"]);
    }

    #[test]
    fn what_comes_after_the_words_were_made_is_the_next_prompt() {
        let mut pr = Pr::shipped();
        pr.shows(snapshot().thread("T1", &[("C1", person("ada"))]));
        pr.pass(secs(20));
        let (reference, covers) = (pr.reference(REVIEW), covers(pr.one.pull(), REVIEW));
        pr.shows(snapshot().thread("T1", &[("C1", person("ada"))]).thread("T2", &[("C2", person("ada"))]));

        pr.feed(event::Pull::PromptSubmitted { reference, covers });

        assert_eq!(pr.pass(secs(20)), wanted("changes-requested attempt 1"));
        assert_eq!(super::covers(pr.one.pull(), REVIEW), ["thread:T2@C2"]);
    }

    // S26 and G102 as far: bots are no trigger
    #[test]
    fn bots_strangers_and_ourselves_cause_no_prompt() {
        let mut pr = Pr::shipped();
        pr.shows(
            green('a')
                .review(bot("coderabbit"), ChangesRequested)
                .review(stranger("eve"), ChangesRequested)
                .thread("T1", &[("C1", own())]),
        );

        assert_eq!(pr.pass(mins(60)), NOTHING);
        assert_eq!(pr.one.pull().withheld(), 1);
    }

    // S23
    #[test]
    fn a_rule_can_show_people_a_review_and_leave_the_agent_alone() {
        let own = "name: tell-only\non: changes-requested\nsettle: 20s\ndo:\n  - notify: { text: \"{{#each threads}}{{quote path}}{{/each}}\" }\n";
        let mut pr = Pr::managed(rules_with(&[own]));
        pr.shows(green('a').thread("T1", &[("C1", person("ada"))]));

        assert_eq!(pr.pass(secs(20)), ["act tell-only do 0"]);
        let now = Now { rules: &pr.one.rules, at: pr.one.at, entropy: [0; 16], texts: NO_TEXTS };
        let shown = context::of_pull(pr.one.pull(), REVIEW, &now).threads;
        assert_eq!(shown.iter().map(|it| it.path.text.as_str()).collect::<Vec<_>>(), ["src/greet.rs"]);
        assert_eq!(pr.acted(ActionOutcome::Done), NOTHING);
        assert_eq!(pr.pass(mins(60)), NOTHING);
    }

    // S26, G102
    #[test]
    fn a_named_bot_has_its_own_rule_and_its_own_budget() {
        const BOT: IncidentKind = IncidentKind::BotReview;
        let said = |count: usize| -> Vec<(String, crate::model::Author)> {
            (0..count).map(|index| (format!("C{index}"), review_bot("coderabbit"))).collect()
        };
        let thread = |count: usize| {
            let comments = said(count);
            let comments: Vec<_> = comments.iter().map(|(id, by)| (id.as_str(), by.clone())).collect();
            green('a').thread("T1", &comments)
        };
        let mut pr = Pr::shipped();
        for count in 1..=3 {
            pr.shows(thread(count));
            assert_eq!(pr.pass(mins(1)), wanted("bot-review attempt 1"));
            pr.submitted(BOT);
            pr.turn_ended(BOT);
        }
        assert!(!pr.has(REVIEW));

        pr.shows(thread(4));

        assert_eq!(pr.pass(mins(1)), ["act bot-review escalate 0"]);
        pr.escalated();
        pr.shows(thread(5));
        assert_eq!(pr.pass(mins(60)), NOTHING);
    }

    // G086
    #[test]
    fn a_dismissed_review_ends_the_incident() {
        let mut pr = Pr::shipped();
        pr.shows(snapshot().review(person("ada"), ChangesRequested));
        pr.pass(secs(10));
        pr.shows(snapshot().review(person("ada"), Dismissed));

        assert!(!pr.has(REVIEW));
        assert_eq!(pr.pass(mins(10)), NOTHING);
    }

    // G132: a person who says more after people were asked gets the agent back
    #[test]
    fn a_reviewer_who_returns_after_the_escalation_gets_the_agent_back() {
        let mut pr = Pr::shipped();
        let first = green('a').thread("T1", &[("C1", person("ada"))]);
        pr.shows(first.clone());
        pr.pass(secs(20));
        pr.submitted(REVIEW);
        assert_eq!(pr.pass(mins(120)), ["act changes-requested escalate 0"]);
        pr.escalated();
        pr.hint();
        assert_eq!(pr.pass(mins(120)), NOTHING);

        pr.shows(first.thread("T1", &[("C1", person("ada")), ("C2", person("ada"))]));

        assert_eq!(pr.pass(secs(20)), wanted("changes-requested attempt 1"));
    }

    #[test]
    fn requests_that_used_up_the_total_are_not_begun_again_by_time() {
        let mut pr = Pr::managed(rules_with(&["name: changes-requested\nretry: { attempts: 1, total: 1 }"]));
        let first = green('a').thread("T1", &[("C1", person("ada"))]);
        pr.shows(first.clone());
        pr.pass(secs(20));
        pr.submitted(REVIEW);
        pr.shows(first.thread("T2", &[("C2", person("ada"))]));

        assert_eq!(pr.pass(secs(20)), ["act changes-requested escalate 0"]);
        pr.escalated();
        assert_eq!(pr.pass(mins(600)), NOTHING);
    }

    #[test]
    fn a_persons_retry_hands_everything_over_again() {
        let mut pr = Pr::shipped();
        pr.shows(snapshot().thread("T1", &[("C1", person("ada"))]));
        pr.pass(secs(20));
        pr.submitted(REVIEW);

        assert_eq!(pr.feed(event::Pull::RetryWanted), wanted("changes-requested attempt 1"));
    }

    #[test]
    fn a_prompt_that_would_quote_nobody_is_not_wanted() {
        let mut pr = Pr::shipped();
        pr.shows(green('a').thread("T1", &[("C1", person("ada"))]));
        pr.pass(secs(20));
        let (old, covers) = (pr.reference(REVIEW), covers(pr.one.pull(), REVIEW));
        pr.feed(event::Pull::RetryWanted);
        pr.feed(event::Pull::PromptSubmitted { reference: old, covers });

        assert_eq!(pr.withdrawn(REVIEW), NOTHING);

        assert_eq!(pr.incident(REVIEW).stage, Stage::Resting);
        assert_eq!(pr.pass(mins(60)), NOTHING);
    }

    // S35, S36, G081: no check has reported, and it is not waited for
    #[test]
    fn a_conflict_is_handed_over_once_and_without_any_checks() {
        let mut pr = Pr::shipped();
        assert_eq!(pr.conflicts('a'), NOTHING);

        assert_eq!(pr.pass(secs(20)), wanted("conflict attempt 1"));
        pr.submitted(CONFLICT);
        pr.conflicts('a');
        assert_eq!(pr.pass(mins(30)), NOTHING);
    }

    #[test]
    fn unknown_mergeability_does_not_end_a_conflict() {
        let mut pr = Pr::shipped();
        pr.conflicts('a');
        pr.shows(snapshot().mergeable(Mergeability::Unknown));
        assert!(pr.has(CONFLICT));

        pr.shows(snapshot());
        assert!(!pr.has(CONFLICT));
    }

    #[test]
    fn a_push_that_still_conflicts_is_a_failed_attempt() {
        let mut pr = Pr::shipped();
        pr.conflicts('a');
        pr.pass(secs(20));
        pr.submitted(CONFLICT);
        pr.shows(snapshot().head('b').mergeable(Mergeability::Unknown));
        assert_eq!(pr.conflicts('b'), NOTHING);
        assert_eq!(pr.pass(secs(61)), wanted("conflict attempt 2"));
        pr.submitted(CONFLICT);

        assert_eq!(pr.conflicts('c'), ["act conflict escalate 0"]);
    }

    // G036 as far: the base changed and the branch conflicts with the new one
    #[test]
    fn every_new_conflict_has_a_count_of_its_own() {
        let mut pr = Pr::shipped();
        pr.conflicts('a');
        pr.pass(secs(20));
        pr.submitted(CONFLICT);
        pr.shows(snapshot().head('b'));

        pr.conflicts('b');

        assert_eq!(pr.pass(secs(20)), wanted("conflict attempt 1"));
    }

    // S34
    #[test]
    fn three_causes_at_once_reach_the_agent_each_as_its_own_reference() {
        let mut pr = Pr::shipped();
        pr.shows(red('a').review(person("ada"), ChangesRequested).mergeable(Mergeability::Conflicting));

        let all = ["checks-failed", "changes-requested", "conflict"];
        let expected: Vec<_> = all.iter().flat_map(|kind| wanted(&format!("{kind} attempt 1"))).collect();
        assert_eq!(pr.pass(secs(20)), expected);
    }

    // S42, G053
    #[test]
    fn approved_green_and_mergeable_is_announced_once() {
        let mut pr = Pr::shipped();
        pr.shows(green('a').optional("lint", FAILED).review(person("ada"), Approved));
        assert_eq!(pr.pass(secs(59)), NOTHING);
        assert_eq!(pr.pass(secs(1)), ["act approved-and-green do 1"]);
        assert_eq!(pr.acted(ActionOutcome::Done), NOTHING);

        pr.shows(pending('a').review(person("ada"), Approved));
        assert!(!pr.has(READY));
        pr.shows(green('a').review(person("ada"), Approved));

        assert_eq!(pr.pass(mins(30)), NOTHING);
    }

    fn merging() -> Pr {
        let mut pr = Pr::managed(Rules { merge: Merge::Squash, ..rules() });
        pr.shows(green('a').review(person("ada"), Approved));
        assert_eq!(pr.pass(secs(60)), ["act approved-and-green do 0"]);
        pr
    }

    // G068
    #[test]
    fn a_new_check_after_green_takes_the_verdict_back_and_gives_it_again() {
        let mut pr = merging();
        pr.shows(green('a').check("late", PENDING).review(person("ada"), Approved));
        assert!(!still_wanted_act(pr.one.pull(), &ordered(&pr)));
        assert_eq!(pr.acted(ActionOutcome::Dropped), NOTHING);

        pr.shows(green('a').check("late", PASSED).review(person("ada"), Approved));

        assert_eq!(pr.pass(secs(59)), NOTHING);
        assert_eq!(pr.pass(secs(1)), ["act approved-and-green do 0"]);
    }

    // G083: 409
    #[test]
    fn a_merge_that_was_not_allowed_at_that_moment_is_tried_again_later() {
        let mut pr = merging();

        assert_eq!(pr.acted(ActionOutcome::Dropped), NOTHING);

        assert_eq!(pr.pass(secs(59)), NOTHING);
        assert_eq!(pr.pass(secs(1)), ["act approved-and-green do 0"]);
    }

    // G083: 405 and 422
    #[test]
    fn a_merge_that_is_refused_for_good_is_left_to_people() {
        let mut pr = merging();

        assert_eq!(pr.acted(ActionOutcome::Failed("405".to_owned())), ["act approved-and-green escalate 0"]);
        assert_eq!(pr.acted(ActionOutcome::Done), NOTHING);

        assert!(pr.incident(READY).is_with_people());
        assert_eq!(pr.pass(mins(60)), NOTHING);
    }

    // G075, G085: whatever a fix touches, a person has to have approved exactly that
    #[test]
    fn an_approval_of_an_older_commit_merges_nothing() {
        let mut pr = Pr::managed(Rules { merge: Merge::Squash, ..rules() });
        pr.shows(green('b').approval_of(person("ada"), 'a'));

        assert_eq!(pr.pass(mins(30)), NOTHING);
    }

    // S20, and G067: what becomes of it is told in `missing`
    #[test]
    fn without_any_check_nothing_is_ready() {
        let mut pr = Pr::shipped();
        pr.shows(snapshot().review(person("ada"), Approved).mergeable(Mergeability::Unknown));
        pr.shows(snapshot().review(person("ada"), Approved));

        assert_eq!(pr.pass(mins(30)), NOTHING);
        assert!(!pr.has(READY));
    }

    // G051
    #[test]
    fn one_check_that_still_runs_keeps_it_from_being_green() {
        let mut pr = Pr::shipped();
        pr.shows(green('a').check("other", PENDING).review(person("ada"), Approved));

        assert_eq!(pr.pass(mins(30)), NOTHING);
    }

    // G059
    #[test]
    fn a_check_that_is_asked_for_again_takes_green_back() {
        let mut pr = Pr::shipped();
        pr.shows(green('a').review(person("ada"), Approved));
        pr.pass(secs(30));
        pr.shows(pending('a').review(person("ada"), Approved));

        assert_eq!(pr.pass(mins(30)), NOTHING);
        assert!(pr.one.pull().green.is_none());
    }

    // G064 as far: a failure that passes on the same commit before it has settled is no prompt
    #[test]
    fn a_failure_that_passes_on_the_same_commit_in_time_is_no_prompt() {
        let mut pr = Pr::shipped();
        pr.shows(red('a'));
        pr.pass(secs(10));
        pr.shows(green('a'));

        assert_eq!(pr.pass(mins(10)), NOTHING);
        assert!(!pr.has(CI));
    }

    #[test]
    fn a_draft_and_a_closed_one_are_never_merged() {
        let ready = green('a').review(person("ada"), Approved);
        for shown in [ready.clone().draft(), ready.lifecycle(Lifecycle::Closed)] {
            let mut pr = Pr::managed(Rules { merge: Merge::Squash, ..rules() });
            pr.shows(shown);
            let said = pr.pass(mins(30));
            assert!(!said.iter().any(|said| said.contains("act")), "{said:?}");
        }
    }

    // G091, G087: what GitHub was told to merge, or has in its queue, is not merged by us as well
    #[test]
    fn what_github_merges_by_itself_is_left_to_it() {
        let ready = || green('a').review(person("ada"), Approved);
        for shown in
            [Snapshot { merging: Merging::Automatic, ..ready() }, Snapshot { merging: Merging::Queued, ..ready() }]
        {
            let mut pr = Pr::managed(Rules { merge: Merge::Squash, ..rules() });
            pr.shows(shown);
            assert_eq!(pr.pass(mins(30)), NOTHING);

            assert_eq!(pr.shows(ready()), ["act approved-and-green do 0"]);
        }
    }

    #[test]
    fn a_check_that_the_base_demands_has_a_say_whatever_the_rule_looks_at() {
        let own = rules_with(&["name: ci-failed\nchecks: [lint]"]);
        let mut pr = Pr::managed(Rules { merge: Merge::Squash, ..own });
        pr.shows(snapshot().check("test", FAILED).optional("lint", PASSED).review(person("ada"), Approved));

        assert_eq!(pr.pass(mins(30)), NOTHING);
    }

    // G082, G085: GitHub itself merged the base into what was approved; anything else is another head
    #[test]
    fn an_approval_outlives_an_update_by_github_and_nothing_else() {
        let update = |from, with| {
            let mut pull = green('b').approval_of(person("ada"), 'a');
            pull.head.merged = Some((sha(from), sha(with)));
            pull
        };
        for (shown, merges) in [
            (update('a', '0'), true),
            (update('a', 'e'), false),
            (update('e', '0'), false),
            (green('b').approval_of(person("ada"), 'a'), false),
        ] {
            let mut pr = Pr::managed(Rules { merge: Merge::Squash, ..rules() });
            pr.shows(pending('a').review(person("ada"), Approved));
            pr.shows(shown);
            let said = pr.pass(mins(2));
            assert_eq!(said.contains(&"act approved-and-green do 0".to_owned()), merges, "{said:?}");
        }
    }
}
