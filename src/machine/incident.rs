//! The ladder that every incident climbs: settle, act, await the answer, back off, escalate.
//!
//! ```text
//! open ─▶ Settling ─due─▶ Acting ─prompt submitted─▶ Answering ─failed─▶ BackingOff ─due─▶ Acting …
//!                            │                          │                     (counts used up)
//!                            ├─ jobs run again ─▶ Rerunning ─red again─▶ Settling   │
//!                            └─ nothing to await ─▶ Resting                        │
//!                                                                    Escalating ◀──┘ ─▶ Escalated
//! ```
//!
//! It knows nothing of checks, reviews or agents: its owner says when the cause is due, when an attempt failed, and
//! drops the incident when the cause has gone. Escalation happens once.
//!
//! Every round has a number of its own, and whatever comes back from the world names the round that it belongs to: the
//! outcome of an action, a prompt that was submitted, a turn that ended. What an older round ordered changes nothing.

use std::collections::BTreeMap;

use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};

use crate::{
    effect::{Act, List},
    event::ActionOutcome,
    model::{Attempt, Cause, IncidentKind, MachineKey, PromptRef, RuleName, Sha},
    reaction::Backoff,
};

/// One cause on one subject, and how far its answer got.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Incident {
    /// Its serial number among its machine's incidents.
    pub serial: u64,
    /// When it began.
    pub opened_at: Timestamp,
    /// Its round, counted from 1; a prompt or an action of an older round is no longer wanted.
    pub revision: u64,
    /// What the answering rule allows. Chosen when the incident first becomes due; it holds until the end.
    pub plan: Option<Plan>,
    /// How many prompts were spent on each failure.
    pub spent: BTreeMap<String, Attempt>,
    /// How many prompts were spent in all.
    pub total: Attempt,
    /// Where it stands.
    pub stage: Stage,
}

/// What the answering rule allows, taken out of the rule.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Plan {
    /// The rule.
    pub rule: RuleName,
    /// Its actions, in order.
    pub steps: Vec<StepKind>,
    /// How many prompts one failure may take.
    pub attempts_max: Attempt,
    /// How many prompts the incident may take.
    pub total_max: Attempt,
    /// The pause after a failed attempt.
    pub backoff: Backoff,
    /// When people are asked, whatever the attempts.
    pub escalate_at: Option<Timestamp>,
    /// How many actions the escalation has.
    pub escalation_steps: u32,
}

/// What an action of a rule means to the ladder.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum StepKind {
    /// Speaks to the agent: an attempt.
    Prompt,
    /// Starts the agent anew: an attempt.
    Restart,
    /// Merges the base into the branch: an attempt.
    Update,
    /// Runs failed jobs again: their verdict is awaited before the rest of the list.
    Rerun,
    /// Anything else.
    Other,
    /// Its own condition does not hold, or the ladder has nothing to do with it.
    Skipped,
}

/// Where an incident stands.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Stage {
    /// More of the same may come; wait, so that what comes together is one prompt.
    Settling {
        /// Until then.
        until: Timestamp,
    },
    /// An action of the rule is being carried out.
    Acting {
        /// Its position.
        step: u32,
        /// The head at the moment of decision.
        head: Option<Sha>,
        /// Whether a prompt of this round was submitted already.
        prompted: bool,
        /// When the turn that answers the prompt ended, if it has.
        turn_ended_at: Option<Timestamp>,
    },
    /// The agent has the prompt.
    Answering {
        /// The head when it was submitted; a verdict on this head says nothing about the answer.
        head: Option<Sha>,
        /// When it was submitted.
        since: Timestamp,
        /// When the agent's turn ended, if it has.
        turn_ended_at: Option<Timestamp>,
    },
    /// An attempt failed; the next one waits.
    BackingOff {
        /// Until then.
        until: Timestamp,
    },
    /// Failed jobs run again; their verdict is next.
    Rerunning,
    /// Everything was said; somebody else has to move.
    Resting,
    /// People are being asked.
    Escalating {
        /// The position in the escalation's actions.
        step: u32,
    },
    /// People were asked.
    Escalated {
        /// When.
        at: Timestamp,
    },
    /// No rule answers this.
    Unanswered,
}

/// Which action of which round: what an outcome has to name in order to count.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Position {
    /// The round.
    pub revision: u64,
    /// Which of the rule's lists.
    pub list: List,
    /// The position in that list.
    pub step: u32,
}

/// What the owner of an incident is to do next.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Order {
    /// Carry out one action.
    Act {
        /// Of which list.
        list: List,
        /// Its position.
        step: u32,
    },
    /// Put the prompt at this position of `do` into the session's queue.
    Prompt {
        /// Its position.
        step: u32,
        /// Which attempt this is.
        attempt: Attempt,
    },
}

impl Incident {
    /// A new incident, which becomes due after `settle`.
    #[must_use]
    pub fn open(serial: u64, now: Timestamp, settle: SignedDuration) -> Self {
        Self {
            serial,
            opened_at: now,
            revision: 0,
            plan: None,
            spent: BTreeMap::new(),
            total: Attempt(0),
            stage: Stage::Settling { until: now + settle },
        }
    }

    /// The cause changed: what is queued about the older one is withdrawn, and the new one settles.
    pub fn revise(&mut self, now: Timestamp, settle: SignedDuration) {
        if !self.is_with_people() {
            self.stage = Stage::Settling { until: now + settle };
        }
    }

    /// Whether it only waits for others: for jobs that run again, or for somebody who was told everything.
    #[must_use]
    pub const fn waits_for_others(&self) -> bool {
        matches!(self.stage, Stage::Rerunning | Stage::Resting)
    }

    /// Whether failed jobs run again.
    #[must_use]
    pub const fn is_rerunning(&self) -> bool {
        matches!(self.stage, Stage::Rerunning)
    }

    /// Everything about the cause was said in another round: somebody else has to move.
    pub fn rest(&mut self) {
        self.stage = Stage::Resting;
    }

    /// The action or prompt of this round that is being carried out, as far as its position in `do` says so.
    #[must_use]
    pub fn is_acting(&self, revision: u64, step: u32) -> bool {
        self.revision == revision && matches!(self.stage, Stage::Acting { step: current, .. } if current == step)
    }

    /// Whether the outcome of an action at `position` is awaited.
    #[must_use]
    pub fn awaits(&self, position: Position) -> bool {
        let current = match (&self.stage, position.list) {
            (Stage::Acting { step, .. }, List::Do) | (Stage::Escalating { step }, List::Escalate) => Some(*step),
            _ => None,
        };
        self.revision == position.revision && current == Some(position.step)
    }

    /// Whether the next answer may begin.
    #[must_use]
    pub fn is_due(&self, now: Timestamp) -> bool {
        match self.stage {
            Stage::Settling { until } | Stage::BackingOff { until } => now >= until,
            // The facts may have changed so that a rule answers now.
            Stage::Unanswered => true,
            Stage::Acting { .. }
            | Stage::Answering { .. }
            | Stage::Rerunning
            | Stage::Resting
            | Stage::Escalating { .. }
            | Stage::Escalated { .. } => false,
        }
    }

    /// Whether no rule was looked for yet.
    #[must_use]
    pub const fn is_new(&self) -> bool {
        self.plan.is_none() && matches!(self.stage, Stage::Settling { .. })
    }

    /// Whether an attempt is open.
    #[must_use]
    pub const fn is_answering(&self) -> bool {
        matches!(self.stage, Stage::Answering { .. })
    }

    /// Whether the action at `position`, which is being carried out, starts the agent anew.
    #[must_use]
    pub fn is_restart(&self, position: Position) -> bool {
        self.is_step(position, StepKind::Restart)
    }

    /// Whether the action at `position`, which is being carried out, merges the base into the branch.
    #[must_use]
    pub fn is_update(&self, position: Position) -> bool {
        self.is_step(position, StepKind::Update)
    }

    /// Whether the action at `position`, which is being carried out, is of this kind.
    fn is_step(&self, position: Position, wanted: StepKind) -> bool {
        let kind = self.plan.as_ref().and_then(|plan| plan.steps.get(position.step as usize));
        position.list == List::Do && self.awaits(position) && kind == Some(&wanted)
    }

    /// Whether people were or are being asked.
    #[must_use]
    pub const fn is_with_people(&self) -> bool {
        matches!(self.stage, Stage::Escalating { .. } | Stage::Escalated { .. })
    }

    /// Whether the time that the rule gives has passed without an end.
    #[must_use]
    pub fn is_overdue(&self, now: Timestamp) -> bool {
        !self.is_with_people() && self.escalates_at().is_some_and(|at| now >= at)
    }

    /// Which attempt the next prompt about `failures` is.
    #[must_use]
    pub fn next_attempt(&self, failures: &[String]) -> Attempt {
        failures.iter().filter_map(|failure| self.spent.get(failure)).max().copied().unwrap_or(Attempt(0)).next()
    }

    /// Begins the next round: acts, or escalates if the counts are used up.
    pub fn begin(&mut self, failures: &[String], head: Option<Sha>, now: Timestamp) -> Option<Order> {
        let Some(plan) = &self.plan else {
            self.stage = Stage::Unanswered;
            return None;
        };
        let spent = self.is_spent(plan, failures);
        self.revision += 1;
        if spent {
            return self.escalate(now);
        }
        self.stage = Stage::Acting { step: 0, head, prompted: false, turn_ended_at: None };
        self.next_order(failures).or_else(|| self.end_of_list(now))
    }

    /// An action was carried out; the next one follows. `now` is when.
    pub fn acted(
        &mut self,
        position: Position,
        outcome: &ActionOutcome,
        failures: &[String],
        now: Timestamp,
    ) -> Option<Order> {
        if !self.awaits(position) {
            return None;
        }
        let failed = matches!(outcome, ActionOutcome::Failed(_));
        let rerun = *outcome == ActionOutcome::Done && self.is_step(position, StepKind::Rerun);
        match &mut self.stage {
            // What failed for good stops the list. If the agent was not even told, people are.
            Stage::Acting { prompted: false, .. } if failed => self.escalate(now),
            Stage::Acting { .. } if failed => self.end_of_list(now),
            // An agent that was told already answers sooner than the jobs.
            Stage::Acting { prompted: false, .. } if rerun => {
                self.stage = Stage::Rerunning;
                None
            }
            Stage::Acting { step, .. } => {
                *step += 1;
                self.next_order(failures).or_else(|| self.end_of_list(now))
            }
            Stage::Escalating { step } => {
                *step += 1;
                self.next_escalation(now)
            }
            Stage::Settling { .. }
            | Stage::Answering { .. }
            | Stage::BackingOff { .. }
            | Stage::Rerunning
            | Stage::Resting
            | Stage::Escalated { .. }
            | Stage::Unanswered => None,
        }
    }

    /// The prompt or restart at `step` of a round reached the agent: an attempt begins.
    pub fn submitted(&mut self, revision: u64, step: u32, failures: &[String], now: Timestamp) -> Option<Order> {
        if !self.is_acting(revision, step) {
            return None;
        }
        for failure in failures {
            let spent = self.spent.entry(failure.clone()).or_insert(Attempt(0));
            *spent = spent.next();
        }
        self.total = self.total.next();
        if let Stage::Acting { step: current, prompted, .. } = &mut self.stage {
            *current += 1;
            *prompted = true;
        }
        self.next_order(failures).or_else(|| self.end_of_list(now))
    }

    /// The turn that answers the prompt of a round ended.
    pub fn turn_ended(&mut self, revision: u64, now: Timestamp) {
        if self.revision == revision
            && let Stage::Acting { prompted: true, turn_ended_at, .. } | Stage::Answering { turn_ended_at, .. } =
                &mut self.stage
        {
            turn_ended_at.get_or_insert(now);
        }
    }

    /// The open attempt failed: the next one waits, or people are asked at this moment.
    pub fn failed(&mut self, failures: &[String], now: Timestamp, entropy: u64) -> Option<Order> {
        let plan = self.plan.as_ref()?;
        if self.is_spent(plan, failures) {
            return self.escalate(now);
        }
        self.stage = Stage::BackingOff { until: now + wait(plan, self.total, entropy) };
        None
    }

    /// Asks people, once.
    pub fn escalate(&mut self, now: Timestamp) -> Option<Order> {
        if self.is_with_people() {
            return None;
        }
        self.stage = Stage::Escalating { step: 0 };
        self.next_escalation(now)
    }

    /// Forgets what was spent: a person wants it tried again.
    pub fn rearm(&mut self, now: Timestamp) {
        self.spent.clear();
        self.total = Attempt(0);
        self.opened_at = now;
        self.plan = None;
        self.stage = Stage::Settling { until: now };
    }

    /// Grants so many prompts more. What was with people goes on.
    pub fn allow(&mut self, more: Attempt, now: Timestamp) {
        let Some(plan) = &mut self.plan else { return };
        plan.attempts_max.0 = plan.attempts_max.0.saturating_add(more.0);
        plan.total_max.0 = plan.total_max.0.saturating_add(more.0);
        plan.escalate_at = None;
        if self.is_with_people() {
            self.stage = Stage::Settling { until: now };
        }
    }

    /// The next moment at which something is due, and what.
    #[must_use]
    pub fn deadline(&self) -> Option<(Timestamp, &'static str)> {
        let own = match self.stage {
            Stage::Settling { until } => Some((until, "settled")),
            Stage::BackingOff { until } => Some((until, "next attempt")),
            Stage::Acting { .. }
            | Stage::Answering { .. }
            | Stage::Rerunning
            | Stage::Resting
            | Stage::Escalating { .. }
            | Stage::Escalated { .. }
            | Stage::Unanswered => None,
        };
        let escalation = match self.stage {
            Stage::Escalating { .. } | Stage::Escalated { .. } | Stage::Unanswered => None,
            Stage::Settling { .. }
            | Stage::Acting { .. }
            | Stage::Answering { .. }
            | Stage::BackingOff { .. }
            | Stage::Rerunning
            | Stage::Resting => self.escalates_at().map(|at| (at, "escalation")),
        };
        own.into_iter().chain(escalation).min()
    }

    /// One of its actions, as an order to the world.
    #[must_use]
    pub fn act(&self, of: MachineKey, kind: IncidentKind, at: (List, u32), head: Option<Sha>) -> Option<Act> {
        let (list, step) = at;
        let rule = self.plan.as_ref()?.rule.clone();
        let (incident, serial, revision) = (kind, self.serial, self.revision);
        Some(Act { of, incident, serial, revision, rule, list, step, head, thread: None })
    }

    /// One of its prompts, as an entry in a session's queue.
    #[must_use]
    pub const fn prompt(&self, from: MachineKey, kind: IncidentKind, at: (u32, Attempt)) -> PromptRef {
        let (action, attempt) = at;
        PromptRef { from, cause: Cause::Incident { kind, action }, revision: self.revision, attempt }
    }

    fn escalates_at(&self) -> Option<Timestamp> {
        self.plan.as_ref().and_then(|plan| plan.escalate_at)
    }

    // A new failure starts its own count: people are asked when all that fails now is used up, or the whole streak is.
    fn is_spent(&self, plan: &Plan, failures: &[String]) -> bool {
        let used_up = |failure: &String| self.spent.get(failure).is_some_and(|spent| *spent >= plan.attempts_max);
        self.total >= plan.total_max || (!failures.is_empty() && failures.iter().all(used_up))
    }

    fn next_order(&mut self, failures: &[String]) -> Option<Order> {
        let attempt = self.next_attempt(failures);
        let (Some(plan), Stage::Acting { step, .. }) = (&self.plan, &mut self.stage) else { return None };
        loop {
            match plan.steps.get(*step as usize)? {
                StepKind::Skipped => *step += 1,
                StepKind::Prompt => return Some(Order::Prompt { step: *step, attempt }),
                StepKind::Restart | StepKind::Rerun | StepKind::Update | StepKind::Other => {
                    return Some(Order::Act { list: List::Do, step: *step });
                }
            }
        }
    }

    fn end_of_list(&mut self, now: Timestamp) -> Option<Order> {
        let Stage::Acting { head, prompted, turn_ended_at, .. } = &self.stage else { return None };
        self.stage = if *prompted {
            Stage::Answering { head: head.clone(), since: now, turn_ended_at: *turn_ended_at }
        } else {
            Stage::Resting
        };
        None
    }

    fn next_escalation(&mut self, now: Timestamp) -> Option<Order> {
        let steps = self.plan.as_ref().map_or(0, |plan| plan.escalation_steps);
        let Stage::Escalating { step } = self.stage else { return None };
        if step < steps {
            return Some(Order::Act { list: List::Escalate, step });
        }
        self.stage = Stage::Escalated { at: now };
        None
    }
}

fn wait(plan: &Plan, attempt: Attempt, entropy: u64) -> SignedDuration {
    SignedDuration::try_from(plan.backoff.delay(attempt.0, entropy)).unwrap_or(SignedDuration::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::machine::testing::{START, mins, secs, sha};

    const HEAD: &str = "the same failure";

    fn plan(steps: &[StepKind], attempts: u32, total: u32) -> Plan {
        Plan {
            rule: "a-rule".parse().unwrap(),
            steps: steps.to_vec(),
            attempts_max: Attempt(attempts),
            total_max: Attempt(total),
            backoff: Backoff { jitter: 0.0, ..Backoff::default() },
            escalate_at: Some(START + mins(45)),
            escalation_steps: 2,
        }
    }

    fn opened(plan: Plan) -> Incident {
        Incident { plan: Some(plan), ..Incident::open(1, START, secs(20)) }
    }

    fn failures(names: &[&str]) -> Vec<String> {
        names.iter().map(|name| (*name).to_owned()).collect()
    }

    fn begin(incident: &mut Incident, names: &[&str]) -> Option<Order> {
        incident.begin(&failures(names), Some(sha('a')), START)
    }

    fn submit(incident: &mut Incident, names: &[&str]) -> Option<Order> {
        let Stage::Acting { step, .. } = incident.stage else { panic!("nothing to submit in {:?}", incident.stage) };
        incident.submitted(incident.revision, step, &failures(names), START)
    }

    fn done(incident: &mut Incident, list: List, step: u32) -> Option<Order> {
        let position = Position { revision: incident.revision, list, step };
        incident.acted(position, &ActionOutcome::Done, &failures(&[HEAD]), START)
    }

    const fn prompt(step: u32, attempt: u32) -> Order {
        Order::Prompt { step, attempt: Attempt(attempt) }
    }

    const fn act(list: List, step: u32) -> Order {
        Order::Act { list, step }
    }

    #[test]
    fn an_incident_is_due_when_it_has_settled() {
        let incident = Incident::open(1, START, secs(20));

        assert!(!incident.is_due(START + secs(19)));
        assert!(incident.is_due(START + secs(20)));
        assert_eq!(incident.deadline(), Some((START + secs(20), "settled")));
    }

    #[test]
    fn actions_run_in_order_and_skipped_ones_are_left_out() {
        let steps = [StepKind::Skipped, StepKind::Other, StepKind::Prompt, StepKind::Skipped, StepKind::Other];
        let mut incident = opened(plan(&steps, 3, 6));

        assert_eq!(begin(&mut incident, &[HEAD]), Some(act(List::Do, 1)));
        assert_eq!(done(&mut incident, List::Do, 1), Some(prompt(2, 1)));
        assert_eq!(submit(&mut incident, &[HEAD]), Some(act(List::Do, 4)));
        assert_eq!(done(&mut incident, List::Do, 4), None);
        assert!(incident.is_answering());
    }

    #[test]
    fn a_rule_without_prompt_leaves_nothing_to_await() {
        let mut incident = opened(plan(&[StepKind::Other], 3, 6));

        begin(&mut incident, &[HEAD]);
        done(&mut incident, List::Do, 0);

        assert_eq!(incident.stage, Stage::Resting);
    }

    #[test]
    fn a_failed_attempt_waits_longer_each_time() {
        let mut incident = opened(plan(&[StepKind::Prompt], 9, 9));
        let mut waits = Vec::new();
        for _ in 0..3 {
            begin(&mut incident, &[HEAD]);
            submit(&mut incident, &[HEAD]);
            incident.failed(&failures(&[HEAD]), START, 0);
            waits.push(incident.deadline());
        }

        let next = |wait| Some((START + secs(wait), "next attempt"));
        assert_eq!(waits, [next(30), next(60), next(120)]);
    }

    // S04, S19
    #[test]
    fn used_up_attempts_escalate_at_once_and_only_once() {
        let mut incident = opened(plan(&[StepKind::Prompt], 2, 6));
        begin(&mut incident, &[HEAD]);
        submit(&mut incident, &[HEAD]);
        assert_eq!(incident.failed(&failures(&[HEAD]), START, 0), None);
        assert_eq!(begin(&mut incident, &[HEAD]), Some(prompt(0, 2)));
        submit(&mut incident, &[HEAD]);

        assert_eq!(incident.failed(&failures(&[HEAD]), START, 0), Some(act(List::Escalate, 0)));
        assert_eq!(incident.escalate(START), None);
        assert_eq!(done(&mut incident, List::Escalate, 0), Some(act(List::Escalate, 1)));
        assert_eq!(done(&mut incident, List::Escalate, 1), None);
        assert_eq!(incident.stage, Stage::Escalated { at: START });
        assert_eq!(incident.escalate(START), None);
        assert_eq!((incident.total, incident.deadline()), (Attempt(2), None));
    }

    #[test]
    fn a_new_failure_beside_a_used_up_one_starts_its_own_count() {
        let mut incident = opened(plan(&[StepKind::Prompt], 1, 6));
        begin(&mut incident, &["a"]);
        submit(&mut incident, &["a"]);

        assert_eq!(incident.failed(&failures(&["a", "b"]), START, 0), None);
        assert_eq!(begin(&mut incident, &["b"]), Some(prompt(0, 1)));
    }

    // G074
    #[test]
    fn ever_new_failures_are_capped_by_the_total() {
        let mut incident = opened(plan(&[StepKind::Prompt], 3, 4));
        let mut prompts = 0;
        let mut order = begin(&mut incident, &["0"]);
        while let Some(Order::Prompt { .. }) = order {
            prompts += 1;
            submit(&mut incident, &[&prompts.to_string()]);
            let next = format!("{}", prompts + 1);
            order = incident.failed(&failures(&[&next]), START, 0).or_else(|| begin(&mut incident, &[&next]));
        }

        assert_eq!((prompts, order), (4, Some(act(List::Escalate, 0))));
    }

    #[test]
    fn the_escalation_is_not_advanced_by_the_outcome_of_an_earlier_action() {
        let mut incident = opened(plan(&[StepKind::Other, StepKind::Prompt], 3, 6));
        begin(&mut incident, &[HEAD]);
        incident.escalate(START);

        assert_eq!(done(&mut incident, List::Do, 0), None);
        assert_eq!(incident.stage, Stage::Escalating { step: 0 });
    }

    #[test]
    fn what_an_older_round_ordered_changes_nothing() {
        let mut incident = opened(plan(&[StepKind::Other, StepKind::Prompt], 3, 6));
        begin(&mut incident, &[HEAD]);
        incident.rearm(START);
        incident.plan = Some(plan(&[StepKind::Other, StepKind::Prompt], 3, 6));
        begin(&mut incident, &[HEAD]);
        let before = incident.clone();

        let old = Position { revision: 1, list: List::Do, step: 0 };
        assert_eq!(incident.acted(old, &ActionOutcome::Done, &[], START), None);
        assert_eq!(incident.submitted(1, 0, &[], START), None);
        incident.turn_ended(1, START);
        assert_eq!(incident, before);
    }

    #[test]
    fn a_prompt_that_is_reported_twice_is_one_attempt() {
        let mut incident = opened(plan(&[StepKind::Prompt], 3, 6));
        begin(&mut incident, &[HEAD]);
        submit(&mut incident, &[HEAD]);

        assert_eq!(incident.submitted(incident.revision, 0, &failures(&[HEAD]), START), None);
        assert_eq!(incident.total, Attempt(1));
    }

    #[test]
    fn a_turn_that_ends_while_the_rule_goes_on_is_remembered() {
        let mut incident = opened(plan(&[StepKind::Prompt, StepKind::Other], 3, 6));
        begin(&mut incident, &[HEAD]);
        submit(&mut incident, &[HEAD]);
        incident.turn_ended(1, START + secs(5));
        done(&mut incident, List::Do, 1);

        let ended = Some(START + secs(5));
        assert_eq!(incident.stage, Stage::Answering { head: Some(sha('a')), since: START, turn_ended_at: ended });
    }

    #[test]
    fn a_list_that_fails_before_the_agent_was_told_calls_people() {
        let mut incident = opened(plan(&[StepKind::Other, StepKind::Prompt], 3, 6));
        begin(&mut incident, &[HEAD]);
        let position = Position { revision: 1, list: List::Do, step: 0 };

        let order = incident.acted(position, &ActionOutcome::Failed("no".to_owned()), &[], START);

        assert_eq!(order, Some(act(List::Escalate, 0)));
    }

    #[test]
    fn a_list_that_fails_after_the_agent_was_told_stops_and_awaits_the_answer() {
        let mut incident = opened(plan(&[StepKind::Prompt, StepKind::Other, StepKind::Other], 3, 6));
        begin(&mut incident, &[HEAD]);
        submit(&mut incident, &[HEAD]);
        let position = Position { revision: 1, list: List::Do, step: 1 };

        let order = incident.acted(position, &ActionOutcome::Failed("no".to_owned()), &[], START);

        assert_eq!((order, incident.is_answering()), (None, true));
    }

    // S79
    #[test]
    fn an_escalation_goes_on_when_one_of_its_actions_fails() {
        let mut incident = opened(plan(&[StepKind::Prompt], 3, 6));
        begin(&mut incident, &[HEAD]);
        incident.escalate(START);
        let position = Position { revision: 1, list: List::Escalate, step: 0 };

        let order = incident.acted(position, &ActionOutcome::Failed("no".to_owned()), &[], START);

        assert_eq!(order, Some(act(List::Escalate, 1)));
    }

    // S85
    #[test]
    fn people_are_asked_when_the_time_is_up_wherever_it_stands() {
        let mut incident = opened(plan(&[StepKind::Prompt], 3, 6));
        begin(&mut incident, &[HEAD]);
        assert_eq!(incident.deadline(), Some((START + mins(45), "escalation")));
        assert!(!incident.is_overdue(START + mins(45) - secs(1)));

        assert!(incident.is_overdue(START + mins(45)));
        incident.escalate(START + mins(45));
        assert!(!incident.is_overdue(START + mins(90)));
    }

    #[test]
    fn an_incident_that_no_rule_answers_is_asked_about_again() {
        let mut incident = Incident::open(1, START, secs(0));
        assert!(incident.is_new());

        assert_eq!(begin(&mut incident, &[]), None);

        assert_eq!((incident.stage.clone(), incident.revision, incident.deadline()), (Stage::Unanswered, 0, None));
        assert!(incident.is_due(START) && !incident.is_new());
    }

    // G132
    #[test]
    fn a_rearmed_incident_counts_from_the_start() {
        let mut incident = opened(plan(&[StepKind::Prompt], 1, 1));
        begin(&mut incident, &[HEAD]);
        submit(&mut incident, &[HEAD]);
        incident.failed(&failures(&[HEAD]), START, 0);
        assert!(incident.is_with_people());

        incident.rearm(START + mins(1));
        incident.plan = Some(plan(&[StepKind::Prompt], 1, 1));

        assert_eq!(begin(&mut incident, &[HEAD]), Some(prompt(0, 1)));
        assert_eq!(incident.total, Attempt(0));
    }

    #[test]
    fn only_a_restart_that_is_being_carried_out_is_one() {
        let mut incident = opened(plan(&[StepKind::Restart], 3, 6));
        begin(&mut incident, &[]);
        let at = |revision, list| Position { revision, list, step: 0 };

        assert!(incident.is_restart(at(1, List::Do)));
        assert!(!incident.is_restart(at(0, List::Do)));
        assert!(!incident.is_restart(at(1, List::Escalate)));
        submit(&mut incident, &[]);
        assert!(!incident.is_restart(at(1, List::Do)));
    }
}
