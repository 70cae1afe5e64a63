//! The incidents of the agent itself: it exited, it is silent, it waits for a person.

use jiff::Timestamp;

use super::{Activity, Life, Now, Rules, State};
use crate::{
    effect::{Act, Effect, List},
    event::{ActionOutcome, Anew},
    machine::{
        context,
        incident::{Incident, Order, Plan, Position, Stage, StepKind},
    },
    model::{Cause, IncidentKind, PromptRef},
};

/// The incidents that a session has; all others belong to pull requests, tasks and rules.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Trouble {
    Exited,
    Stuck,
    Looping,
    NeedsInput,
}

impl Trouble {
    const ALL: [Self; 4] = [Self::Exited, Self::Stuck, Self::Looping, Self::NeedsInput];

    const fn of(kind: IncidentKind) -> Option<Self> {
        match kind {
            IncidentKind::AgentExited => Some(Self::Exited),
            IncidentKind::AgentStuck => Some(Self::Stuck),
            IncidentKind::AgentLooping => Some(Self::Looping),
            IncidentKind::AgentNeedsInput => Some(Self::NeedsInput),
            IncidentKind::ChecksFailed
            | IncidentKind::ChecksMissing
            | IncidentKind::ChangesRequested
            | IncidentKind::BotReview
            | IncidentKind::Conflict
            | IncidentKind::BehindBase
            | IncidentKind::MergeQueueEjected
            | IncidentKind::LoopStopped
            | IncidentKind::ApprovedAndGreen
            | IncidentKind::AgentsLost
            | IncidentKind::NoChange
            | IncidentKind::SetupFailed
            | IncidentKind::IssueReady
            | IncidentKind::RuleBroken => None,
        }
    }

    const fn kind(self) -> IncidentKind {
        match self {
            Self::Exited => IncidentKind::AgentExited,
            Self::Stuck => IncidentKind::AgentStuck,
            Self::Looping => IncidentKind::AgentLooping,
            Self::NeedsInput => IncidentKind::AgentNeedsInput,
        }
    }
}

/// Whether a session's own prompt, a person's words or a nudge, should still be sent.
#[must_use]
pub fn still_wanted(state: &State, reference: &PromptRef) -> bool {
    let (kind, action) = match &reference.cause {
        Cause::Person(_) => return true,
        Cause::Task | Cause::Comment { .. } | Cause::Handover => return false,
        Cause::Incident { kind, action } => (kind, action),
    };
    state.incidents.get(kind).is_some_and(|incident| incident.is_acting(reference.revision, *action))
}

/// Whether an action on a session's own incident should still be carried out.
#[must_use]
pub fn still_wanted_act(state: &State, act: &Act) -> bool {
    let position = Position { revision: act.revision, list: act.list, step: act.step };
    // A rule that runs beside the ladder has no step in it.
    state
        .incidents
        .get(&act.incident)
        .is_some_and(|incident| act.serial == 0 || (incident.serial == act.serial && incident.awaits(position)))
}

impl State {
    /// Opens, answers and closes the incidents of the agent itself.
    pub(super) fn tick_incidents(&mut self, now: &Now<'_>, effects: &mut Vec<Effect>) {
        for trouble in Trouble::ALL {
            if self.holds(trouble, now) {
                self.open(trouble.kind(), now);
                self.go_on(trouble, now, effects);
            } else if self.has_passed(trouble, now) {
                self.incidents.remove(&trouble.kind());
            }
        }
    }

    fn holds(&self, trouble: Trouble, now: &Now<'_>) -> bool {
        match trouble {
            Trouble::Exited => matches!(self.life, Life::Exited { .. }) && !self.unjudged,
            Trouble::Looping => self.is_looping(now.rules),
            Trouble::Stuck => self.stuck_at(now.rules).is_some_and(|at| now.at >= at),
            Trouble::NeedsInput => self.activity() == Some(Activity::NeedsInput),
        }
    }

    /// Whether an incident whose cause does not hold is over. A sign of life right after an answer is none: a restarted
    /// agent must have lived for a while, a silent one that was spoken to must have ended its turn.
    fn has_passed(&self, trouble: Trouble, now: &Now<'_>) -> bool {
        let untried = self.incidents.get(&trouble.kind()).is_some_and(|incident| incident.total.0 == 0);
        match trouble {
            Trouble::Exited => self.recovered_at(now.rules).is_some_and(|at| now.at >= at),
            Trouble::Stuck => untried || self.has_nothing_to_do(),
            // An agent that is started anew goes on where it was.
            Trouble::Looping => self.is_running(),
            Trouble::NeedsInput => true,
        }
    }

    fn has_nothing_to_do(&self) -> bool {
        let waits = !self.queue.is_empty() || self.sending.is_some() || !self.open_turn.is_empty();
        self.activity() == Some(Activity::Idle) && !waits
    }

    fn open(&mut self, kind: IncidentKind, now: &Now<'_>) {
        if !self.incidents.contains_key(&kind) {
            self.serial += 1;
            self.incidents.insert(kind, Incident::open(self.serial, now.at, now.rules.settle(kind)));
        }
    }

    fn go_on(&mut self, trouble: Trouble, now: &Now<'_>, effects: &mut Vec<Effect>) {
        let kind = trouble.kind();
        let (failures, entropy) = (vec![kind.as_str().to_owned()], now.entropy_number());
        let in_vain = self.in_vain_at(trouble, now.rules).is_some_and(|at| now.at >= at);
        let Some(incident) = self.incidents.get_mut(&kind) else { return };
        if in_vain {
            incident.unheard(&failures, now.at);
        }
        let is_next = in_vain || incident.is_due(now.at);
        if is_next {
            self.choose_plan(kind, now, effects);
        }
        let Some(incident) = self.incidents.get_mut(&kind) else { return };
        let order = if incident.is_overdue(now.at) || (is_next && incident.has_nothing_left()) {
            incident.escalate(now.at)
        } else if in_vain {
            incident.failed(&failures, now.at, entropy)
        } else if is_next {
            incident.begin(&failures, None, now.at)
        } else {
            None
        };
        self.carry_out(kind, order, effects);
    }

    /// Looks for the rule that answers, when an incident first becomes due; from then on for what that rule does next.
    fn choose_plan(&mut self, kind: IncidentKind, now: &Now<'_>, effects: &mut Vec<Effect>) {
        let Some(incident) = self.incidents.get(&kind) else { return };
        let context = context::of_session(self, kind, now);
        let (plan, beside) = match &incident.plan {
            Some(plan) => (Some(now.rules.renewed(plan, &context)), Vec::new()),
            None => now.rules.answer(&self.key(), &context, incident, None),
        };
        let plan = plan.map(|plan| self.with_possible_successors(plan, now.rules));
        effects.extend(beside);
        if let Some(incident) = self.incidents.get_mut(&kind) {
            incident.plan = plan;
        }
    }

    /// An agent cannot take over from itself, and nobody takes over whom the settings do not name.
    fn with_possible_successors(&self, mut plan: Plan, rules: &Rules) -> Plan {
        for (position, step) in (0..).zip(&mut plan.steps) {
            let possible = match rules.anew(&plan.rule, List::Do, position) {
                Some(Anew::Fallback) => rules.fallback(&self.agent.name).is_some(),
                Some(Anew::With(agent)) => agent != self.agent,
                Some(Anew::Resumed | Anew::Fresh) | None => true,
            };
            if !possible {
                *step = StepKind::Skipped;
            }
        }
        plan
    }

    fn carry_out(&self, kind: IncidentKind, order: Option<Order>, effects: &mut Vec<Effect>) {
        let (Some(order), Some(incident)) = (order, self.incidents.get(&kind)) else { return };
        effects.extend(incident.effect(order, (self.key(), kind), self.key()));
    }

    pub(super) fn on_acted(
        &mut self,
        which: (u64, Position),
        outcome: &ActionOutcome,
        now: &Now<'_>,
        effects: &mut Vec<Effect>,
    ) {
        let (serial, position) = which;
        let mut awaited = self.incidents.iter_mut().filter(|(_, it)| it.serial == serial && it.awaits(position));
        let Some((kind, incident)) = awaited.next() else { return };
        let (kind, failures) = (*kind, vec![kind.as_str().to_owned()]);
        let rule = incident.plan.as_ref().map(|plan| plan.rule.clone());
        let restarts = incident.is_restart(position);
        let order = incident.carried_out(position, outcome, &failures, now.at);
        // Somebody else may have started it again meanwhile.
        let still_holds = Trouble::of(kind).is_some_and(|trouble| self.holds(trouble, now));
        if restarts && *outcome == ActionOutcome::Done && still_holds {
            let how = rule.and_then(|rule| now.rules.anew(&rule, position.list, position.step));
            self.begin_anew(how.unwrap_or(Anew::Resumed), now, effects);
        }
        self.carry_out(kind, order, effects);
    }

    pub(super) fn on_own_prompt_submitted(&mut self, reference: &PromptRef, now: &Now<'_>, effects: &mut Vec<Effect>) {
        let Cause::Incident { kind, action } = &reference.cause else { return };
        let failures = vec![kind.as_str().to_owned()];
        let Some(incident) = self.incidents.get_mut(kind) else { return };
        let order = incident.submitted(reference.revision, *action, &failures, now.at);
        self.carry_out(*kind, order, effects);
    }

    /// When its silence, or the wait of a refused prompt, is too long.
    pub(super) fn stuck_at(&self, rules: &Rules) -> Option<Timestamp> {
        match self.activity()? {
            Activity::Working => Some(self.quiet_since() + rules.pace.stuck),
            // Whom it waits for is a person.
            Activity::NeedsInput => None,
            Activity::Starting | Activity::Idle => {
                self.refused.as_ref().map(|refused| refused.since + rules.pace.stuck)
            }
        }
    }

    /// When the running answer to an incident whose cause still holds counts as one in vain.
    fn in_vain_at(&self, trouble: Trouble, rules: &Rules) -> Option<Timestamp> {
        let incident = self.incidents.get(&trouble.kind())?;
        match (trouble, &incident.stage) {
            // It has had its time.
            (Trouble::Stuck, Stage::Answering { since, .. }) => Some(*since + rules.pace.stuck),
            (Trouble::Looping, Stage::Answering { since, .. }) => self.trail.in_vain_at.filter(|at| at > since),
            // It could not even be asked.
            (Trouble::Stuck | Trouble::Looping, Stage::Acting { .. })
                if incident.is_prompting() && self.refused.is_some() =>
            {
                incident.begun_at.map(|at| at + rules.pace.stuck)
            }
            (Trouble::Exited | Trouble::NeedsInput, Stage::Answering { since, .. }) => Some(*since),
            _ => None,
        }
    }

    /// When an answer that nothing came of is followed by the next one.
    pub(super) fn next_answer_at(&self, rules: &Rules) -> Option<Timestamp> {
        Trouble::ALL.into_iter().filter_map(|trouble| self.in_vain_at(trouble, rules)).min()
    }

    /// When an agent that exited and runs again counts as well.
    pub(super) fn recovered_at(&self, rules: &Rules) -> Option<Timestamp> {
        let exited = self.incidents.contains_key(&IncidentKind::AgentExited) && self.is_running();
        self.launched_at.filter(|_| exited).map(|at| at + rules.pace.recovered)
    }
}

#[cfg(test)]
mod tests {
    use jiff::SignedDuration;

    use super::*;
    use crate::{
        event::{Hook, Refusal, Session},
        machine::testing::*,
        model::Attempt,
    };

    const EXITED: IncidentKind = IncidentKind::AgentExited;
    const STUCK: IncidentKind = IncidentKind::AgentStuck;
    const NOTHING: [&str; 0] = [];

    // S52
    #[test]
    fn a_dead_agent_is_restarted_with_backoff_then_people_are_called_once() {
        let mut desk = Desk::idle(rules());
        assert_eq!(desk.dies(), ["act agent-exited do 0"]);
        assert_eq!(desk.acted(ActionOutcome::Done), ["launch 2, resuming s-1"]);
        desk.starts();
        assert_eq!(desk.dies(), NOTHING);
        assert_eq!(desk.pass(secs(11)), ["act agent-exited do 0"]);
        desk.acted(ActionOutcome::Done);
        desk.starts();
        desk.dies();
        assert_eq!(desk.pass(secs(31)), ["act agent-exited do 1"]);
        assert_eq!(desk.acted(ActionOutcome::Done), ["launch 4"], "what it cannot go on with it does not go on with");
        assert_eq!(desk.starts(), ["prompt launch 4: a handover"]);
        desk.refused(Refusal::Gone);

        assert_eq!(desk.dies(), ["act agent-exited escalate 0"]);
        assert_eq!(desk.acted(ActionOutcome::Done), NOTHING);
        assert_eq!(desk.pass(mins(120)), NOTHING);
        assert_eq!(desk.generation(), crate::model::Generation(4));
    }

    #[test]
    fn a_launch_that_fails_is_an_exit() {
        let mut desk = Desk::launching(rules());
        let generation = desk.generation();

        let said = desk.feed(Session::LaunchFailed { generation, why: "no such program".to_owned() });

        assert_eq!(said, ["act agent-exited do 0"]);
    }

    #[test]
    fn a_restarted_agent_that_lives_for_a_while_is_forgiven() {
        let mut desk = Desk::idle(rules());
        desk.dies();
        desk.acted(ActionOutcome::Done);
        desk.starts();
        desk.pass(mins(4));
        assert!(desk.state().incidents.contains_key(&EXITED));

        desk.pass(mins(2));

        assert!(!desk.state().incidents.contains_key(&EXITED));
    }

    #[test]
    fn a_persons_restart_forgets_what_was_tried() {
        let mut desk = Desk::idle(rules());
        desk.dies();
        let late = outcome_of(&desk.act(), ActionOutcome::Done);
        assert_eq!(desk.feed(Session::RestartWanted), ["launch 2, resuming s-1"]);
        desk.starts();

        assert_eq!(desk.one.feed(late), NOTHING, "a late report restarts no agent that runs");
        assert_eq!(desk.state().incidents, [].into());
    }

    #[test]
    fn a_restart_that_fails_is_an_attempt() {
        let mut desk = Desk::idle(rules());
        desk.dies();

        assert_eq!(desk.acted(ActionOutcome::Failed("no".to_owned())), NOTHING);

        let incident = &desk.state().incidents[&EXITED];
        assert!(matches!(incident.stage, Stage::BackingOff { .. }));
        assert_eq!(incident.total, Attempt(1));
    }

    #[test]
    fn what_is_no_longer_awaited_is_no_longer_wanted() {
        let mut desk = Desk::idle(rules());
        desk.dies();
        let act = desk.act();
        assert!(still_wanted_act(desk.state(), &act));

        desk.acted(ActionOutcome::Done);

        assert!(!still_wanted_act(desk.state(), &act));
    }

    /// Works on red checks and has been silent for ten minutes.
    fn silent(rules: Rules) -> Desk {
        let mut desk = Desk::idle(rules);
        desk.works_on(ci());
        assert_eq!(desk.pass(mins(10) - secs(1)), NOTHING);
        assert_eq!(desk.pass(secs(1)), [NUDGE]);
        desk
    }

    const NUDGE: &str = "tell session/hello-3: prompt wanted (agent-stuck attempt 1)";

    // S51, S57, S82 as far: silent for ten minutes is stuck; each step is taken once, and people are asked once
    #[test]
    fn a_silent_agent_is_asked_begins_anew_is_relieved_and_then_people_are_called() {
        let mut desk = silent(with_fallback(rules()));
        assert_eq!(desk.tells_itself(), ["prompt launch 1: agent-stuck attempt 1"]);
        assert_eq!(desk.delivered(), NOTHING);

        assert_eq!(desk.pass(mins(10) + secs(30)).last().unwrap(), "act agent-stuck do 1");
        let begun = desk.acted(ActionOutcome::Done);
        assert_eq!(begun.last().unwrap(), "launch 2", "with nothing to resume");
        assert_eq!(begun[0], "stop 1");
        assert_eq!(desk.starts(), ["prompt launch 2: a handover"]);
        desk.delivered();
        desk.takes();
        assert_eq!(desk.pass(mins(10) + secs(30)).last().unwrap(), "act agent-stuck do 2");
        assert_eq!(desk.acted(ActionOutcome::Done).last().unwrap(), "launch 3");
        assert_eq!(desk.state().agent.name.as_str(), "codex");
        assert_eq!(desk.starts(), ["prompt launch 3: a handover"]);
        desk.delivered();
        desk.takes();

        assert_eq!(desk.pass(mins(10)).last().unwrap(), "act agent-stuck escalate 0");
        desk.acted(ActionOutcome::Done);
        assert_eq!(desk.pass(mins(120)), NOTHING);
    }

    #[test]
    fn without_a_fallback_people_are_called_right_after_the_fresh_conversation() {
        let mut desk = silent(rules());
        desk.tells_itself();
        desk.delivered();
        desk.pass(mins(10) + secs(30));
        desk.acted(ActionOutcome::Done);
        desk.starts();
        desk.delivered();
        desk.takes();

        assert_eq!(desk.pass(mins(10)), ["act agent-stuck escalate 0"]);
    }

    #[test]
    fn a_fresh_conversation_that_ends_its_turn_is_stuck_no_more() {
        let mut desk = silent(rules());
        desk.tells_itself();
        desk.delivered();
        desk.pass(mins(10) + secs(30));
        desk.acted(ActionOutcome::Done);
        desk.starts();
        assert!(desk.state().incidents.contains_key(&STUCK), "that it came up says nothing yet");
        desk.delivered();
        desk.takes();

        desk.hook(Hook::TurnEnded);

        assert_eq!(desk.state().incidents, [].into());
    }

    #[test]
    fn an_agent_that_cannot_even_be_asked_begins_anew() {
        let mut desk = silent(rules());
        desk.tells_itself();
        let mut said = Vec::new();
        while desk.one.at < START + mins(22) {
            if desk.state().sending.is_some() {
                desk.refused(Refusal::Busy("a dialog".to_owned()));
            }
            said.extend(desk.pass(secs(1)));
        }

        assert!(said.contains(&"act agent-stuck do 1".to_owned()), "{said:?}");
    }

    #[test]
    fn what_was_under_way_is_said_again_after_how_things_stand() {
        let mut desk = Desk::idle(rules());
        desk.works_on(first());

        desk.feed(Session::AnewWanted { how: Anew::Fresh });

        assert_eq!(desk.starts(), ["prompt launch 2: a handover + the task"]);
    }

    // The report of a turn's end can be lost; the screen decides whether the agent can be asked.
    #[test]
    fn a_silent_agent_whose_screen_does_not_allow_it_is_not_typed_to() {
        let mut desk = Desk::idle(rules());
        desk.works_on(ci());
        desk.pass(mins(10));
        desk.tells_itself();

        assert_eq!(desk.refused(Refusal::Busy("it works".to_owned())), NOTHING);

        assert_eq!(desk.state().queue.len(), 1);
        assert_eq!(desk.state().incidents[&STUCK].total, Attempt(0));
    }

    // G027
    #[test]
    fn a_night_in_which_the_machine_slept_is_no_silence() {
        let mut desk = Desk::idle(rules());
        desk.works_on(ci());
        assert_eq!(desk.pass(mins(9)), NOTHING);

        // The machine hears of it before its deadline is looked at.
        desk.one.at += SignedDuration::from_hours(8);
        assert_eq!(desk.feed(Session::ClockJumped { seconds: 8 * 3600 }), NOTHING);

        assert_eq!(desk.pass(secs(59)), NOTHING);
        assert!(!desk.pass(secs(2)).is_empty(), "nine minutes before, one after");
    }

    // G027
    #[test]
    fn nobody_is_asked_about_a_stuck_agent_because_the_machine_slept() {
        let mut desk = Desk::idle(rules());
        desk.works_on(ci());
        desk.pass(mins(10));
        desk.tells_itself();
        desk.delivered();
        desk.one.at += SignedDuration::from_hours(8);

        let said = desk.feed(Session::ClockJumped { seconds: 8 * 3600 });

        assert!(!said.iter().any(|it| it.contains("escalate")), "{said:?}");
        assert_eq!(desk.pass(mins(20)).last().unwrap(), "act agent-stuck do 1");
    }

    // G027
    #[test]
    fn a_clock_that_is_set_back_hangs_nothing_up() {
        let mut desk = Desk::idle(rules());
        desk.works_on(ci());
        desk.one.at += SignedDuration::from_hours(-1);
        desk.feed(Session::ClockJumped { seconds: -3600 });

        assert_eq!(desk.pass(mins(9)), NOTHING);
        assert!(!desk.pass(mins(1)).is_empty(), "ten minutes of silence");
    }

    #[test]
    fn an_agent_that_gives_a_sign_before_it_is_asked_was_not_stuck() {
        let mut desk = Desk::idle(rules());
        desk.works_on(ci());
        desk.pass(mins(10));
        assert!(desk.state().incidents.contains_key(&STUCK));

        desk.changes();

        assert_eq!(desk.state().incidents, [].into());
    }

    #[test]
    fn an_agent_that_waited_for_long_is_not_stuck_when_it_gets_a_prompt() {
        let mut desk = Desk::idle(rules());
        desk.pass(mins(60));
        desk.wants(ci());

        desk.delivered();

        assert_eq!(desk.state().incidents, [].into());
        assert_eq!(desk.pass(mins(9)).len(), 11, "only receipts are looked for");
    }

    #[test]
    fn an_agent_that_takes_the_question_and_falls_silent_again_is_not_asked_for_ever() {
        let mut desk = Desk::idle(rules());
        desk.works_on(ci());
        desk.pass(mins(10));
        desk.tells_itself();
        desk.delivered();
        desk.pass(secs(1));
        desk.takes();
        assert!(desk.state().incidents.contains_key(&STUCK));

        assert_eq!(desk.pass(mins(11)), ["act agent-stuck do 1"]);
    }

    #[test]
    fn an_agent_that_answers_the_question_is_stuck_no_more() {
        let mut desk = Desk::idle(rules());
        desk.works_on(ci());
        desk.pass(mins(10));
        desk.tells_itself();
        desk.delivered();
        desk.takes();

        desk.hook(Hook::TurnEnded);

        assert_eq!(desk.state().incidents, [].into());
    }

    #[test]
    fn a_prompt_that_is_refused_for_long_makes_an_idle_agent_stuck() {
        let mut desk = Desk::idle(rules());
        desk.wants(ci());
        while desk.one.at < START + mins(11) {
            if desk.state().sending.is_some() {
                desk.refused(Refusal::Busy("a person types".to_owned()));
            }
            desk.pass(secs(1));
        }

        assert!(desk.state().incidents.contains_key(&STUCK));
    }

    #[test]
    fn an_agent_that_waits_for_a_person_is_not_stuck_however_long_it_takes() {
        let mut desk = Desk::idle(rules());
        desk.works_on(ci());
        desk.hook(Hook::NeedsInput);

        desk.pass(mins(600));

        assert!(!desk.state().incidents.contains_key(&STUCK));
    }

    const ASKS: &str = "name: asks\non: agent-needs-input\ndo:\n  - notify: { priority: urgent }\n";

    // S56, S82 as far: once per dialog
    #[test]
    fn an_agent_that_waits_for_a_person_is_reported_once_for_each_dialog() {
        let mut desk = Desk::idle(rules_with(&[ASKS]));
        desk.works_on(ci());
        assert_eq!(desk.asks(), ["act asks do 0"]);
        assert_eq!(desk.acted(ActionOutcome::Done), NOTHING);
        assert_eq!(desk.asks(), NOTHING);
        assert_eq!(desk.pass(mins(5)), NOTHING);
        desk.changes();
        assert_eq!(desk.state().incidents, [].into());

        assert_eq!(desk.asks(), ["act asks do 0"]);
    }

    #[test]
    fn rules_beside_act_on_agents_too() {
        let beside = "name: beside\non: agent-exited\nbeside: true\ndo:\n  - notify: { priority: low }\n";
        let mut desk = Desk::idle(rules_with(&[beside]));

        assert_eq!(desk.dies(), ["act beside do 0", "act agent-exited do 0"]);
        assert_eq!(desk.pass(mins(5)), NOTHING);
    }

    #[test]
    fn a_persons_words_are_always_wanted_and_a_tasks_are_for_the_task_to_say() {
        let desk = Desk::idle(rules());

        assert!(still_wanted(desk.state(), &from_person("hello")));
        assert!(!still_wanted(desk.state(), &first()));
        assert!(!still_wanted(desk.state(), &on_pull(STUCK)));
    }
}
