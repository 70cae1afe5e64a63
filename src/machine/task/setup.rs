//! A setup that fails, and the ladder of its answer.
//!
//! The rule's `restart` runs the setup again: an attempt. When nothing more is tried, the task has failed, and others need
//! not wait for the person that it waits for.

use jiff::Timestamp;

use super::{Phase, State};
use crate::{
    effect::{Act, Effect},
    event::ActionOutcome,
    machine::{
        Now, context,
        incident::{Incident, Order, Position, Stage},
    },
    model::{IncidentKind, MachineKey},
};

const KIND: IncidentKind = IncidentKind::SetupFailed;

/// Whether an action on a task's own incident should still be carried out.
#[must_use]
pub fn still_wanted_act(state: &State, act: &Act) -> bool {
    let position = Position { revision: act.revision, list: act.list, step: act.step };
    let Some(incident) = state.incident(act.incident) else { return false };
    // A rule that runs beside the ladder has no step in it.
    act.serial == 0 || (incident.serial == act.serial && incident.awaits(position))
}

impl State {
    /// The workspace is there; what makes it ready is next.
    pub(super) fn set_up(&mut self, effects: &mut Vec<Effect>) {
        self.phase = Phase::SettingUp;
        self.setup_runs = true;
        effects.push(Effect::SetUp { task: self.task.clone(), repo: self.repo });
    }

    /// Whether its setup runs now, or should.
    #[must_use]
    pub fn is_setting_up(&self) -> bool {
        self.phase == Phase::SettingUp && self.setup_runs
    }

    fn waits_for_setup(&self) -> bool {
        self.phase == Phase::SettingUp && !self.setup_runs
    }

    pub(super) fn on_set_up(&mut self, now: &Now<'_>, effects: &mut Vec<Effect>) {
        if self.is_setting_up() {
            self.setup_runs = false;
            self.setup_failed = None;
            self.begin_work(now, effects);
        }
    }

    pub(super) fn on_setup_failed(&mut self, why: String) {
        if self.is_setting_up() {
            self.setup_runs = false;
            self.trouble = Some(why);
        }
    }

    /// A person does not wait for the backoff.
    pub(super) fn set_up_again(&mut self, effects: &mut Vec<Effect>) {
        if self.waits_for_setup() {
            self.setup_failed = None;
            self.set_up(effects);
        }
    }

    /// One of its own incidents, if it is open.
    #[must_use]
    pub fn incident(&self, kind: IncidentKind) -> Option<&Incident> {
        if kind == KIND {
            self.setup_failed.as_ref()
        } else {
            self.no_change.as_ref().filter(|_| kind == IncidentKind::NoChange)
        }
    }

    /// Answers a setup that failed, as the rule says.
    pub(super) fn tick_setup(&mut self, now: &Now<'_>, effects: &mut Vec<Effect>) {
        if !self.waits_for_setup() {
            return;
        }
        self.open_incident(now);
        self.choose_plan(now, effects);
        let (failures, entropy) = (failures(), now.entropy_number());
        let Some(incident) = &mut self.setup_failed else { return };
        let order = if incident.is_overdue(now.at) {
            incident.escalate(now.at)
        } else if incident.is_due(now.at) {
            incident.begin(&failures, None, now.at)
        } else if incident.is_answering() {
            incident.failed(&failures, now.at, entropy)
        } else {
            None
        };
        let over = is_left_to_people(&incident.stage);
        self.carry_out(order, effects);
        if over {
            self.phase = Phase::Failed;
            self.release_slot(effects);
        }
    }

    fn open_incident(&mut self, now: &Now<'_>) {
        if self.setup_failed.is_none() {
            self.serial += 1;
            self.setup_failed = Some(Incident::open(self.serial, now.at, now.rules.settle(KIND)));
        }
    }

    /// Looks for the rule that answers, when the incident first becomes due.
    fn choose_plan(&mut self, now: &Now<'_>, effects: &mut Vec<Effect>) {
        let due = |incident: &&Incident| incident.plan.is_none() && incident.is_due(now.at);
        let Some(incident) = self.setup_failed.as_ref().filter(due) else { return };
        let context = context::of_task_incident(self, KIND, now);
        let (plan, beside) = now.rules.answer(&self.key(), &context, incident, None);
        effects.extend(beside);
        if let Some(incident) = &mut self.setup_failed {
            incident.plan = plan;
        }
    }

    fn carry_out(&self, order: Option<Order>, effects: &mut Vec<Effect>) {
        let (Some(order), Some(incident)) = (order, &self.setup_failed) else { return };
        // There is no agent yet; a rule that would speak to one does not load.
        effects.extend(incident.effect(order, (self.key(), KIND), MachineKey::Session(self.session())));
    }

    pub(super) fn on_setup_acted(
        &mut self,
        which: (u64, Position),
        outcome: &ActionOutcome,
        now: &Now<'_>,
        effects: &mut Vec<Effect>,
    ) {
        let (serial, position) = which;
        let awaited = self.setup_failed.as_mut().filter(|it| it.serial == serial && it.awaits(position));
        let Some(incident) = awaited else { return };
        let restarts = incident.is_restart(position);
        let order = incident.carried_out(position, outcome, &failures(), now.at);
        if restarts && *outcome == ActionOutcome::Done && self.waits_for_setup() {
            self.set_up(effects);
        }
        self.carry_out(order, effects);
    }

    /// When the answer to a failed setup goes on.
    pub(super) fn setup_deadline(&self) -> Option<(Timestamp, &'static str)> {
        self.setup_failed.as_ref().filter(|_| self.waits_for_setup())?.deadline()
    }
}

/// A setup fails or it does not; its words differ each time.
fn failures() -> Vec<String> {
    vec![KIND.as_str().to_owned()]
}

/// Whether nothing more is tried.
const fn is_left_to_people(stage: &Stage) -> bool {
    match stage {
        Stage::Resting | Stage::Escalating { .. } | Stage::Escalated { .. } | Stage::Unanswered => true,
        Stage::Settling { .. }
        | Stage::Acting { .. }
        | Stage::Answering { .. }
        | Stage::BackingOff { .. }
        | Stage::Rerunning => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        event::{Task, Work},
        machine::testing::*,
    };

    const NOTHING: [&str; 0] = [];
    const BEGINS: [&str; 2] = ["tell session/hello-3: agent wanted", "tell session/hello-3: prompt wanted (the task)"];
    const RESTART: &str = "act setup-failed do 0";

    fn failed() -> Task {
        Task::SetupFailed { why: "setup command `npm ci` ended with 1".to_owned() }
    }

    fn claim() -> Task {
        Task::Claimed { task: task_id(), repo: REPO, work: Work::Issue(Box::new(issue(ISSUE))), agent: None }
    }

    fn prepared() -> Task {
        Task::Prepared { path: "workspaces/hello-3".to_owned(), base: sha('0'), setup: true }
    }

    fn setting_up(own: &[&str]) -> One {
        let mut task = One::new(MachineKey::Task(task_id()), rules_with(own));
        task.feed(claim());
        assert_eq!(task.feed(prepared()), ["set workspace up"]);
        task
    }

    fn acted(task: &mut One, outcome: ActionOutcome) -> Vec<String> {
        let acts = task.effects.iter().rev();
        let newest = acts.filter_map(|effect| if let Effect::Act(act) = effect { Some(act) } else { None }).next();
        let event = outcome_of(newest.expect("an action was ordered"), outcome);
        task.feed(event)
    }

    fn phase(task: &One) -> Phase {
        task.task().phase
    }

    #[test]
    fn the_agent_begins_when_the_setup_has_ended_well() {
        let mut task = setting_up(&[]);
        assert_eq!(phase(&task), Phase::SettingUp);
        assert_eq!(task.feed(prepared()), NOTHING);

        assert_eq!(task.feed(Task::SetUp), BEGINS);
        assert_eq!(task.feed(Task::SetUp), NOTHING);
    }

    #[test]
    fn a_failing_setup_is_tried_again_with_backoff_and_the_next_success_begins_the_work() {
        let mut task = setting_up(&[]);
        assert_eq!(task.feed(failed()), NOTHING, "a moment may mend it");
        assert_eq!(task.task().trouble.as_deref(), Some("setup command `npm ci` ended with 1"));
        assert_eq!(task.pass(secs(10)), [RESTART]);
        assert_eq!(acted(&mut task, ActionOutcome::Done), ["set workspace up"]);
        assert_eq!(task.feed(failed()), NOTHING);
        assert_eq!(task.pass(secs(29)), NOTHING);
        assert_eq!(task.pass(secs(2)), [RESTART]);
        assert_eq!(acted(&mut task, ActionOutcome::Done), ["set workspace up"]);

        assert_eq!(task.feed(Task::SetUp), BEGINS);

        assert_eq!((&task.task().setup_failed, &task.task().trouble), (&None, &None));
    }

    #[test]
    fn a_setup_that_keeps_failing_is_left_to_a_person_once_and_gives_its_slot_back() {
        let mut task = setting_up(&[]);
        task.feed(failed());
        for _ in 0..2 {
            task.pass(mins(10));
            acted(&mut task, ActionOutcome::Done);
            task.feed(failed());
        }
        task.pass(mins(10));
        acted(&mut task, ActionOutcome::Done);

        assert_eq!(task.feed(failed()), ["act setup-failed escalate 0", "tell fleet: slot released"]);
        assert_eq!(phase(&task), Phase::Failed);
        assert_eq!(acted(&mut task, ActionOutcome::Done), NOTHING);
        assert_eq!(task.pass(mins(600)), NOTHING);
        assert_eq!(task.feed(Task::RetryWanted), ["tell backlog/1: spawn wanted"]);
        assert_eq!(task.feed(claim()), ["prepare workspace"]);
        assert_eq!(task.feed(prepared()), ["set workspace up"]);
        assert_eq!(task.task().setup_failed, None, "the count begins anew");
    }

    #[test]
    fn a_person_need_not_wait_for_the_backoff() {
        let mut task = setting_up(&[]);
        assert_eq!(task.feed(Task::RetryWanted), NOTHING, "it runs");
        task.feed(failed());

        assert_eq!(task.feed(Task::RetryWanted), ["set workspace up"]);
        assert_eq!(task.pass(mins(60)), NOTHING);
    }

    #[test]
    fn a_task_that_is_given_up_during_its_setup_has_no_agent_to_end() {
        let mut running = setting_up(&[]);
        assert_eq!(running.feed(Task::StopWanted), ["remove workspace"]);
        assert_eq!(running.feed(Task::SetUp), NOTHING);

        let mut waiting = setting_up(&[]);
        waiting.feed(failed());
        assert_eq!(waiting.feed(Task::StopWanted), ["remove workspace"]);
        assert_eq!(waiting.pass(mins(60)), NOTHING);
    }

    #[test]
    fn an_action_on_a_setup_that_goes_well_meanwhile_is_no_longer_wanted() {
        let mut task = setting_up(&[]);
        task.feed(failed());
        task.pass(secs(10));
        let Some(Effect::Act(act)) = task.effects.last().cloned() else { panic!("an action was ordered") };
        assert!(still_wanted_act(task.task(), &act));

        task.feed(Task::RetryWanted);

        assert!(!still_wanted_act(task.task(), &act));
        assert_eq!(task.feed(outcome_of(&act, ActionOutcome::Done)), NOTHING);
    }

    #[test]
    fn a_rule_that_only_tells_people_leaves_it_to_them() {
        let tells = "name: tells\non: setup-failed\ndo:\n  - notify: { priority: high }\n";
        let mut task = setting_up(&[tells]);

        assert_eq!(task.feed(failed()), ["act tells do 0"]);
        assert_eq!(acted(&mut task, ActionOutcome::Done), ["tell fleet: slot released"]);

        assert_eq!(phase(&task), Phase::Failed);
    }
}
