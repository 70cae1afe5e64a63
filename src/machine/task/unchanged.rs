//! A turn that ended and left nothing on GitHub, and the ladder of its answer.
//!
//! That is no success: the rule of `no-change` says what is done. The incident ends with the pull request.

use jiff::Timestamp;

use super::{Phase, State};
use crate::{
    effect::Effect,
    event::{self, ActionOutcome},
    machine::{
        Now, context,
        incident::{Incident, Order, Position},
    },
    model::{Cause, IncidentKind, MachineKey, PromptRef},
};

const KIND: IncidentKind = IncidentKind::NoChange;

impl State {
    /// Whether a prompt about it should still be sent.
    pub(super) fn still_nudges(&self, reference: &PromptRef) -> bool {
        let Cause::Incident { kind: KIND, action } = reference.cause else { return false };
        let is_acting = |incident: &Incident| incident.is_acting(reference.revision, action);
        self.phase == Phase::Working && self.no_change.as_ref().is_some_and(is_acting)
    }

    /// The agent has ended a turn, and nothing of it is on GitHub: so it began, or what was tried was in vain.
    pub(super) fn note_no_change(&mut self, now: &Now<'_>, effects: &mut Vec<Effect>) {
        let Some(incident) = &mut self.no_change else {
            self.serial += 1;
            self.no_change = Some(Incident::open(self.serial, now.at, now.rules.settle(KIND)));
            return;
        };
        if incident.is_answering() {
            let order = incident.failed(&failures(), now.at, now.entropy_number());
            self.carry_out_no_change(order, effects);
        }
    }

    /// Answers it, as the rule says.
    pub(super) fn tick_no_change(&mut self, now: &Now<'_>, effects: &mut Vec<Effect>) {
        if self.phase != Phase::Working {
            self.no_change = None;
        }
        let Some(incident) = &self.no_change else { return };
        let is_due = incident.is_due(now.at);
        if is_due {
            let context = context::of_task_incident(self, KIND, now);
            let (plan, beside) = match &incident.plan {
                Some(plan) => (Some(now.rules.renewed(plan, &context)), Vec::new()),
                None => now.rules.answer(&self.key(), &context, incident, None),
            };
            effects.extend(beside);
            if let Some(incident) = &mut self.no_change {
                incident.plan = plan;
            }
        }
        let Some(incident) = &mut self.no_change else { return };
        let order = if incident.is_overdue(now.at) || (is_due && incident.has_nothing_left()) {
            incident.escalate(now.at)
        } else if is_due {
            incident.begin(&failures(), None, now.at)
        } else {
            None
        };
        self.carry_out_no_change(order, effects);
    }

    fn carry_out_no_change(&self, order: Option<Order>, effects: &mut Vec<Effect>) {
        let (Some(order), Some(incident)) = (order, &self.no_change) else { return };
        effects.extend(incident.effect(order, (self.key(), KIND), MachineKey::Session(self.session())));
    }

    pub(super) fn on_prompt_submitted(&mut self, reference: &PromptRef, now: &Now<'_>, effects: &mut Vec<Effect>) {
        let Cause::Incident { kind: KIND, action } = reference.cause else { return };
        let Some(incident) = &mut self.no_change else { return };
        let order = incident.submitted(reference.revision, action, &failures(), now.at);
        self.carry_out_no_change(order, effects);
    }

    pub(super) fn on_acted(
        &mut self,
        which: (u64, Position),
        outcome: &ActionOutcome,
        now: &Now<'_>,
        effects: &mut Vec<Effect>,
    ) {
        let (serial, position) = which;
        let awaited = self.no_change.as_mut().filter(|it| it.serial == serial && it.awaits(position));
        let Some(incident) = awaited else { return self.on_setup_acted(which, outcome, now, effects) };
        let rule = incident.plan.as_ref().map(|plan| plan.rule.clone());
        let order = incident.carried_out(position, outcome, &failures(), now.at);
        let how = rule.and_then(|rule| now.rules.anew(&rule, position.list, position.step));
        if let Some(how) = how.filter(|_| *outcome == ActionOutcome::Done) {
            let to = MachineKey::Session(self.session());
            effects.push(Effect::Tell { to, event: event::Session::AnewWanted { how }.into() });
        }
        self.carry_out_no_change(order, effects);
    }

    /// When the answer goes on.
    pub(super) fn no_change_deadline(&self) -> Option<(Timestamp, &'static str)> {
        self.no_change.as_ref()?.deadline()
    }
}

/// Something was pushed or it was not.
fn failures() -> Vec<String> {
    vec![KIND.as_str().to_owned()]
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        effect::{Act, List},
        event::{Task, Work},
        machine::testing::*,
        model::{Attempt, PrNumber},
    };

    const NOTHING: [&str; 0] = [];
    const NUDGE: &str = "tell session/hello-3: prompt wanted (no-change attempt 1)";

    /// The agent has ended its first turn, and its branch has no new commit.
    fn idle() -> One {
        let mut task = One::new(MachineKey::Task(task_id()), rules());
        let work = Work::Issue(Box::new(issue(ISSUE)));
        task.feed(Task::Claimed { task: task_id(), repo: REPO, work, agent: None });
        task.feed(Task::Prepared { path: "workspaces/hello-3".to_owned(), base: sha('0'), setup: false });
        assert_eq!(task.feed(Task::TurnEnded), ["open pull request"]);
        assert_eq!(task.feed(Task::NothingPushed), NOTHING);
        task
    }

    fn nudge() -> PromptRef {
        let cause = Cause::Incident { kind: KIND, action: 0 };
        PromptRef { from: MachineKey::Task(task_id()), cause, revision: 1, attempt: Attempt(1) }
    }

    // G130
    #[test]
    fn an_agent_that_ends_its_turn_without_a_commit_is_asked_once_and_then_a_person_is_called() {
        let mut task = idle();
        assert_eq!(task.pass(secs(29)), NOTHING);
        assert_eq!(task.pass(secs(1)), [NUDGE]);
        assert!(task.task().still_nudges(&nudge()));
        assert_eq!(task.feed(Task::PromptSubmitted { reference: nudge() }), NOTHING);

        assert_eq!(task.feed(Task::TurnEnded), ["open pull request"]);
        assert_eq!(task.feed(Task::NothingPushed), ["act no-change escalate 0"]);
        let act = Act {
            of: MachineKey::Task(task_id()),
            incident: KIND,
            serial: 1,
            revision: 1,
            rule: "no-change".parse().unwrap(),
            list: List::Escalate,
            step: 0,
            head: None,
            thread: None,
        };
        assert_eq!(task.feed(outcome_of(&act, ActionOutcome::Done)), NOTHING);

        task.feed(Task::TurnEnded);
        assert_eq!(task.feed(Task::NothingPushed), NOTHING, "once is enough");
        assert_eq!(task.pass(mins(600)), NOTHING);
    }

    #[test]
    fn a_push_that_comes_late_ends_it_before_anybody_is_asked() {
        let mut task = idle();
        assert_eq!(task.feed(Task::BranchPushed), ["open pull request"]);
        task.feed(Task::PullOpened { number: PrNumber(7) });

        assert_eq!(task.pass(mins(60)), NOTHING);
        assert_eq!(task.task().no_change, None);
    }

    #[test]
    fn an_answer_with_a_commit_ends_it() {
        let mut task = idle();
        task.pass(secs(30));
        task.feed(Task::PromptSubmitted { reference: nudge() });
        task.feed(Task::TurnEnded);

        task.feed(Task::PullOpened { number: PrNumber(7) });

        assert_eq!(task.task().no_change, None);
        assert!(!task.task().still_nudges(&nudge()));
    }
}
