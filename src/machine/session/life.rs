//! Launches, signs of life, exits, and what is done about them.

use std::collections::BTreeMap;

use jiff::{SignedDuration, Timestamp};

use super::{Activity, Life, Now, Rules, Screen, SendEnd, SendStage, State, trail::owes_a_change};
use crate::{
    effect::Effect,
    event::{self, Agent, Anew, Hook, Seen, Turn},
    machine::jump::moved,
    model::{Attempt, Cause, Conversation, Generation, MachineKey, PromptId, PromptRef, Receipt, Usage},
};

/// How often the runtime must find nothing before that is a death.
const MISSING_MIN: u32 = 2;

impl State {
    /// Orders a new launch.
    pub(super) fn launch(&mut self, now: &Now<'_>, effects: &mut Vec<Effect>) {
        self.generation = self.generation.next();
        self.life = Life::Launching;
        self.alive_at = now.at;
        self.screen = Screen::default();
        self.missing = 0;
        self.unjudged = false;
        self.not_before = None;
        self.refused = None;
        effects.push(Effect::Launch {
            session: self.session.clone(),
            generation: self.generation,
            repo: self.repo,
            agent: self.agent.clone(),
            workspace: self.workspace.clone(),
            conversation: match (&self.agent_session, &self.copied) {
                (Some(own), _) => Conversation::Continued(own.clone()),
                (None, Some(copied)) => Conversation::Copied(copied.clone()),
                (None, None) => Conversation::New,
            },
        });
    }

    pub(super) fn on_launched(
        &mut self,
        generation: Generation,
        agent_session: Option<String>,
        now: &Now<'_>,
        effects: &mut Vec<Effect>,
    ) {
        if generation == self.generation && matches!(self.life, Life::Launching) {
            // An agent with hooks says itself that its conversation has begun; one that never did cannot be resumed.
            if self.agent.receipt != Receipt::Hook {
                self.agent_session = agent_session.or_else(|| self.agent_session.take());
            }
            self.life = Life::Running { activity: Activity::Starting, since: now.at };
            self.launched_at = Some(now.at);
            self.alive_at = now.at;
            self.tell_fleet(event::Fleet::AgentStarted { session: self.session.clone() }, effects);
        }
    }

    pub(super) fn on_launch_failed(&mut self, generation: Generation, why: String, now: &Now<'_>) {
        if generation == self.generation && matches!(self.life, Life::Launching) {
            self.life = Life::Exited { code: None, at: now.at, why: Some(why) };
        }
    }

    pub(super) fn on_hooked(&mut self, generation: Generation, hook: Hook, now: &Now<'_>, effects: &mut Vec<Effect>) {
        if generation != self.generation {
            return;
        }
        // An agent may be quicker than the report of its launch, and says only once who it is.
        if let Hook::Started { agent_session, transcript } = &hook
            && (self.is_running() || matches!(self.life, Life::Launching))
        {
            self.agent_session = agent_session.clone().or_else(|| self.agent_session.take());
            self.transcript = transcript.clone().or_else(|| self.transcript.take());
        }
        if !self.is_running() {
            return;
        }
        self.alive_at = now.at;
        match hook {
            Hook::Started { .. } => {
                if self.activity() == Some(Activity::Starting) {
                    self.become_active(Activity::Idle, now);
                }
            }
            Hook::PromptTaken { evidence } => {
                self.become_active(Activity::Working, now);
                if let Some(evidence) = evidence {
                    self.on_evidence(evidence);
                }
            }
            Hook::TurnEnded | Hook::TurnFailed { .. } => self.end_turn(now, effects),
            Hook::Waits => self.on_waits(effects),
            Hook::NeedsInput => {
                self.become_active(Activity::NeedsInput, now);
                // Drawing the question is no answer to it.
                self.screen.rests = false;
            }
            Hook::Answered => self.on_answered(now),
            // The process goes on to exit; the runtime says when it has.
            Hook::Ended => {}
        }
    }

    /// Its record is read now and then: what it says of an earlier prompt is old.
    pub(super) fn on_turn_over(
        &mut self,
        generation: Generation,
        prompt: &PromptId,
        now: &Now<'_>,
        effects: &mut Vec<Effect>,
    ) {
        if generation == self.generation && self.awaited_turn() == Some(prompt) {
            self.end_turn(now, effects);
        }
    }

    /// The prompt that the agent works on, if no newer one is on its way.
    #[must_use]
    pub fn awaited_turn(&self) -> Option<&PromptId> {
        let works = self.activity() == Some(Activity::Working) && self.sending.is_none();
        let handed = self.sent.iter().rev().find(|sent| sent.end != SendEnd::Withdrawn);
        handed.filter(|_| works).map(|sent| &sent.prompt)
    }

    /// The agent waits again. Prompts that it has not taken yet belong to the next turn.
    fn end_turn(&mut self, now: &Now<'_>, effects: &mut Vec<Effect>) {
        self.become_active(Activity::Idle, now);
        let untaken = match (&self.sending, self.agent.receipt) {
            (Some(sending), Receipt::Hook | Receipt::Transcript | Receipt::Reads) => sending.references.clone(),
            (Some(_) | None, _) => Vec::new(),
        };
        let (open, answered): (Vec<_>, Vec<_>) =
            std::mem::take(&mut self.open_turn).into_iter().partition(|reference| untaken.contains(reference));
        self.open_turn = open;
        let turn = Turn::Ended { owed: owes_a_change(&answered) };
        self.tell_turn_ended(answered, effects);
        self.tell_task(event::Task::TurnEnded, effects);
        self.meter(turn, effects);
    }

    /// Has the agent's records and its workspace looked at.
    fn meter(&self, turn: Turn, effects: &mut Vec<Effect>) {
        let (session, transcript) = (self.session.clone(), self.transcript.clone());
        effects.push(Effect::Meter { session, generation: self.generation, transcript, turn });
    }

    /// A turn that goes on for long is looked at now and then, whenever the agent gives a sign of life.
    fn meter_long_turn(&mut self, now: &Now<'_>, effects: &mut Vec<Effect>) {
        let Life::Running { activity: Activity::Working, since } = self.life else { return };
        let last = self.trail.looked_at.map_or(since, |at| at.max(since));
        if now.at >= last + now.rules.pace.stuck {
            self.trail.looked_at = Some(now.at);
            self.meter(Turn::Runs, effects);
        }
    }

    /// Takes the reading of a conversation; what came on top of the last one belongs to the newest prompt.
    pub(super) fn on_used(&mut self, usage: &Usage) {
        if usage.is_unknown() {
            return;
        }
        let generation = self.generation;
        let conversation = self.agent_session.clone().unwrap_or_else(|| format!("launch {generation}"));
        let before = self.used.insert(conversation, usage.clone()).unwrap_or_default();
        if let Some(sent) = self.sent.last_mut() {
            let earlier = sent.used.take().unwrap_or_default();
            sent.used = Some(earlier.plus(&usage.since(&before)));
        }
    }

    /// Ends the turn if the agent waits with nothing on its way to it, or if it is no longer there.
    pub(super) fn close_turn(&mut self, effects: &mut Vec<Effect>) {
        match self.life {
            Life::Running { activity: Activity::Idle, .. } if self.sending.is_none() => {
                let answered = std::mem::take(&mut self.open_turn);
                self.tell_turn_ended(answered, effects);
            }
            Life::Running { .. } => {}
            Life::Launching | Life::Exited { .. } | Life::Stopping | Life::Ended => {
                let open = std::mem::take(&mut self.open_turn);
                self.abandon(open, effects);
            }
        }
    }

    /// What was under way when the agent went is answered by nobody. Incidents count that as an attempt and ask again;
    /// nobody but this queue would ask again for the task itself. What was pushed may be enough all the same.
    pub(super) fn abandon(&mut self, open: Vec<PromptRef>, effects: &mut Vec<Effect>) {
        if open.is_empty() {
            return;
        }
        let task = open.iter().filter(|reference| matches!(reference.cause, Cause::Task)).cloned();
        self.queue.splice(0..0, task);
        self.tell_turn_ended(open, effects);
        self.tell_task(event::Task::TurnEnded, effects);
        self.meter(Turn::Ended { owed: false }, effects);
    }

    fn tell_task(&self, event: event::Task, effects: &mut Vec<Effect>) {
        effects.push(Effect::Tell { to: MachineKey::Task(self.task.clone()), event: event.into() });
    }

    fn tell_fleet(&self, event: event::Fleet, effects: &mut Vec<Effect>) {
        effects.push(Effect::Tell { to: MachineKey::Fleet, event: event.into() });
    }

    /// The last sign of life, or the moment since which it does what it is doing.
    pub(super) fn quiet_since(&self) -> Timestamp {
        if let Life::Running { since, .. } = self.life { self.alive_at.max(since) } else { self.alive_at }
    }

    fn tell_turn_ended(&self, answered: Vec<PromptRef>, effects: &mut Vec<Effect>) {
        let mut by_machine = BTreeMap::<_, Vec<_>>::new();
        for reference in answered {
            by_machine.entry(reference.from.clone()).or_default().push(reference);
        }
        for (to, references) in by_machine {
            if let MachineKey::Pull { .. } = to {
                effects.push(Effect::Tell { to, event: event::Pull::TurnEnded { references }.into() });
            }
        }
    }

    pub(super) fn on_probed(&mut self, generation: Generation, seen: &Seen, now: &Now<'_>, effects: &mut Vec<Effect>) {
        if generation != self.generation || !self.is_running() {
            return;
        }
        match *seen {
            Seen::Alive { dialog, changed_at, rests } => {
                self.missing = 0;
                self.alive_at = self.alive_at.max(changed_at);
                self.on_screen(Screen { dialog, rests }, now);
                self.meter_long_turn(now, effects);
            }
            Seen::Exited { code } => self.on_exited(code, now, effects),
            Seen::Gone => {
                self.missing += 1;
                if self.missing >= MISSING_MIN {
                    self.on_exited(None, now, effects);
                }
            }
        }
    }

    fn on_screen(&mut self, screen: Screen, now: &Now<'_>) {
        let before = std::mem::replace(&mut self.screen, screen);
        if self.agent.headless {
            return;
        }
        let answered = (before.dialog && !screen.dialog) || (before.rests && !screen.rests);
        if screen.dialog {
            self.become_active(Activity::NeedsInput, now);
        } else if answered {
            self.on_answered(now);
        }
    }

    fn on_answered(&mut self, now: &Now<'_>) {
        if self.activity() == Some(Activity::NeedsInput) {
            self.become_active(Activity::Working, now);
        }
    }

    /// Without hooks, a screen that rests is the only sign that a turn is over: when it counts as one.
    pub(super) fn turn_over_at(&self, rules: &Rules) -> Option<Timestamp> {
        let silent = self.agent.receipt != Receipt::Hook && self.sending.is_none();
        let rests = self.activity() == Some(Activity::Working) && self.screen.rests;
        (silent && rests).then(|| self.quiet_since() + rules.pace.quiet)
    }

    pub(super) fn end_turn_at_rest(&mut self, now: &Now<'_>, effects: &mut Vec<Effect>) {
        if self.turn_over_at(now.rules).is_some_and(|at| now.at >= at) {
            self.end_turn(now, effects);
        }
    }

    fn on_exited(&mut self, code: Option<i32>, now: &Now<'_>, effects: &mut Vec<Effect>) {
        if self.ending_since.is_some() {
            self.ended(effects);
            return;
        }
        self.life = Life::Exited { code, at: now.at, why: None };
        self.unjudged = true;
        let (session, generation) = (self.session.clone(), self.generation);
        self.tell_fleet(event::Fleet::AgentExited { session, generation }, effects);
    }

    /// An agent that ended with many others is started again, and nothing counts as tried.
    pub(super) fn on_exit_judged(
        &mut self,
        generation: Generation,
        common: bool,
        now: &Now<'_>,
        effects: &mut Vec<Effect>,
    ) {
        if generation != self.generation || !std::mem::take(&mut self.unjudged) {
            return;
        }
        if common && self.ending_since.is_none() {
            self.restart(now, effects);
        }
    }

    pub(super) fn on_stopped(&mut self, generation: Generation, effects: &mut Vec<Effect>) {
        if generation == self.generation && matches!(self.life, Life::Stopping) {
            self.ended(effects);
        }
    }

    /// Starts the agent again where it stopped; one that still runs is ended first.
    pub(super) fn restart(&mut self, now: &Now<'_>, effects: &mut Vec<Effect>) {
        match self.life {
            Life::Exited { .. } => self.launch(now, effects),
            Life::Running { .. } => {
                effects.push(Effect::Stop { session: self.session.clone(), generation: self.generation });
                self.launch(now, effects);
            }
            Life::Launching | Life::Stopping | Life::Ended => {}
        }
    }

    pub(super) fn on_end_wanted(&mut self, now: &Now<'_>, effects: &mut Vec<Effect>) {
        self.ending_since.get_or_insert(now.at);
        if matches!(self.life, Life::Ended) {
            self.tell_task(event::Task::SessionEnded, effects);
        }
    }

    /// A person wants it started anew: what was tried before no longer counts.
    pub(super) fn on_restart_wanted(&mut self, now: &Now<'_>, effects: &mut Vec<Effect>) {
        self.incidents.clear();
        self.restart(now, effects);
    }

    /// Somebody else wants a new beginning: what this session tried before no longer counts.
    pub(super) fn on_anew_wanted(&mut self, how: Anew, now: &Now<'_>, effects: &mut Vec<Effect>) {
        if !matches!(&how, Anew::With(agent) if *agent == self.agent) {
            self.incidents.clear();
            self.begin_anew(how, now, effects);
        }
    }

    pub(super) fn begin_anew(&mut self, how: Anew, now: &Now<'_>, effects: &mut Vec<Effect>) {
        let agent = match how {
            Anew::Resumed => return self.restart(now, effects),
            Anew::Fresh => Some(self.agent.clone()),
            Anew::Fallback => now.rules.fallback(&self.agent.name).cloned(),
            Anew::With(agent) => Some(agent),
        };
        if let Some(agent) = agent {
            self.take_over(agent, now, effects);
        }
    }

    /// Somebody goes on in the same workspace who knows nothing of the conversation so far.
    fn take_over(&mut self, agent: Agent, now: &Now<'_>, effects: &mut Vec<Effect>) {
        if self.ending_since.is_some() || matches!(self.life, Life::Stopping | Life::Ended) {
            return;
        }
        // The old one is stopped by the name of its own runtime.
        if !matches!(self.life, Life::Exited { .. }) {
            effects.push(Effect::Stop { session: self.session.clone(), generation: self.generation });
        }
        self.agent = agent;
        self.agent_session = None;
        self.copied = None;
        self.transcript = None;
        self.trail.begin_anew();
        let open = std::mem::take(&mut self.open_turn);
        self.abandon(open, effects);
        // How things stand comes before what is to be done.
        let from = MachineKey::Task(self.task.clone());
        let reference =
            PromptRef { from, cause: Cause::Handover, revision: self.generation.0.into(), attempt: Attempt(1) };
        self.queue.retain(|queued| queued.cause != Cause::Handover);
        self.queue.insert(0, reference);
        self.launch(now, effects);
    }

    /// Time in which nobody lived is no silence, no life and no patience.
    pub(super) fn on_clock_jumped(&mut self, by: SignedDuration, now: &Now<'_>) {
        let past = |at: Timestamp| moved(at, by).min(now.at);
        self.alive_at = past(self.alive_at);
        self.launched_at = self.launched_at.map(past);
        self.ending_since = self.ending_since.map(past);
        self.not_before = None;
        if let Life::Running { since, .. } = &mut self.life {
            *since = past(*since);
        }
        if let Some(refused) = &mut self.refused {
            refused.since = past(refused.since);
        }
        if let Some(SendStage::Submitted { at, seek_at }) = self.sending.as_mut().map(|sending| &mut sending.stage) {
            (*at, *seek_at) = (past(*at), now.at);
        }
        self.incidents.values_mut().for_each(|incident| incident.shift(by, now.at));
    }

    /// Ends the agent as soon as it is not in the middle of something, or after the grace.
    pub(super) fn end_if_possible(&mut self, now: &Now<'_>, effects: &mut Vec<Effect>) {
        let Some(since) = self.ending_since else { return };
        let patient = now.at < since + now.rules.pace.merged_grace;
        match self.life {
            Life::Running { activity: Activity::Working, .. } if patient => {}
            Life::Running { .. } | Life::Launching => {
                self.life = Life::Stopping;
                effects.push(Effect::Stop { session: self.session.clone(), generation: self.generation });
            }
            Life::Exited { .. } => self.ended(effects),
            Life::Stopping | Life::Ended => {}
        }
    }

    fn ended(&mut self, effects: &mut Vec<Effect>) {
        self.life = Life::Ended;
        self.incidents.clear();
        if self.sending.is_some() {
            self.end_sending(SendEnd::Indeterminate);
        }
        self.queue.clear();
        self.open_turn.clear();
        self.tell_fleet(event::Fleet::AgentEnded { session: self.session.clone() }, effects);
        self.tell_task(event::Task::SessionEnded, effects);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::IncidentKind;
    use crate::{
        event::Session,
        machine::{session::Sent, testing::*},
    };

    const NOTHING: [&str; 0] = [];

    fn hooked(generation: u32, hook: Hook) -> Session {
        Session::Hooked { generation: Generation(generation), hook }
    }

    #[test]
    fn a_wanted_agent_is_launched_once() {
        let mut desk = Desk::launching(rules());
        assert_eq!(desk.generation(), Generation(1));
        let agent = desk.one.rules.agent.clone();
        let again = Session::Wanted {
            task: task_id(),
            repo: REPO,
            agent,
            workspace: "workspaces/hello-3".to_owned(),
            conversation: None,
        };

        assert_eq!(desk.feed(again), NOTHING);
    }

    // S59
    #[test]
    fn what_an_older_launch_says_changes_nothing() {
        let mut desk = Desk::idle(rules());
        desk.feed(Session::RestartWanted);
        desk.starts();
        desk.works_on(ci());
        let state = desk.one.state.clone();

        desk.feed(hooked(1, Hook::TurnEnded));
        desk.feed(hooked(1, Hook::NeedsInput));
        desk.feed(Session::Launched { generation: Generation(1), agent_session: None });
        desk.feed(Session::LaunchFailed { generation: Generation(1), why: "no".to_owned() });
        desk.feed(Session::Probed { generation: Generation(1), seen: Seen::Exited { code: None } });
        desk.feed(Session::Stopped { generation: Generation(1) });

        assert_eq!(desk.one.state, state);
    }

    // S59: out of order, and once only
    #[test]
    fn an_agent_that_is_quicker_than_the_report_of_its_launch_is_heard() {
        let mut desk = Desk::launching(rules());
        let hook = || Hook::Started { agent_session: Some("s-9".to_owned()), transcript: Some("t".to_owned()) };

        desk.feed(hooked(2, Hook::Started { agent_session: Some("another".to_owned()), transcript: None }));
        desk.feed(hooked(1, hook()));
        desk.feed(Session::Launched { generation: Generation(1), agent_session: None });

        assert_eq!(desk.state().agent_session.as_deref(), Some("s-9"));
        assert_eq!(desk.state().transcript.as_deref(), Some("t"));
    }

    #[test]
    fn a_record_ends_the_turn_of_the_prompt_that_it_speaks_of_and_no_other() {
        let over = |generation, prompt: &PromptId| Session::TurnOver {
            generation: Generation(generation),
            prompt: prompt.clone(),
        };
        let mut desk = Desk::idle(rules());
        desk.works_on(ci());
        let earlier = desk.state().awaited_turn().unwrap().clone();
        let works = |desk: &Desk| desk.state().activity() == Some(Activity::Working);

        desk.feed(over(2, &earlier));
        assert!(works(&desk), "it is another launch's record");
        desk.feed(over(1, &earlier));
        assert!(!works(&desk));

        desk.works_on(ci());
        desk.feed(over(1, &earlier));
        assert!(works(&desk), "that was said of an earlier turn");
    }

    // S50, S53: one time nothing is no death
    #[test]
    fn nothing_found_once_is_no_death_and_twice_is() {
        let mut desk = Desk::idle(rules());
        assert_eq!(desk.sees(Seen::Gone), NOTHING);
        assert!(desk.state().is_running());

        assert_eq!(desk.sees(Seen::Gone), NOTHING);
        assert!(!desk.state().is_running());
    }

    #[test]
    fn an_agent_that_is_seen_again_was_never_missing() {
        let mut desk = Desk::idle(rules());
        for _ in 0..5 {
            desk.sees(Seen::Gone);
            desk.rests();
        }

        assert!(desk.state().is_running());
    }

    // S58
    #[test]
    fn an_agent_that_ended_with_many_others_is_started_again_and_nothing_counts_as_tried() {
        let mut desk = Desk::idle(rules());
        desk.works_on(ci());
        desk.sees(Seen::Exited { code: None });
        assert_eq!(desk.pass(mins(60)), NOTHING, "the fleet has to say whose fault it was");

        assert_eq!(desk.is_judged(true), ["launch 2, resuming s-1"]);

        assert_eq!(desk.state().incidents, [].into());
        assert_eq!(desk.is_judged(true), NOTHING, "it was told of another launch");
    }

    #[test]
    fn the_fleet_hears_who_runs_who_ended_and_who_was_ended() {
        let mut desk = Desk::launching(rules());
        let heard = |desk: &mut Desk, event: Session| {
            let said = desk.one.feed(event);
            said.into_iter().filter_map(|said| said.strip_prefix("tell fleet: ").map(str::to_owned)).collect::<Vec<_>>()
        };
        let generation = desk.generation();

        assert_eq!(heard(&mut desk, Session::Launched { generation, agent_session: None }), ["agent started"]);
        let seen = Seen::Exited { code: None };
        assert_eq!(heard(&mut desk, Session::Probed { generation, seen }), ["agent exited"]);
        assert_eq!(heard(&mut desk, Session::EndWanted), ["agent ended"]);
    }

    // S55
    #[test]
    fn what_is_seen_before_an_agent_is_up_is_no_death() {
        let mut desk = Desk::launching(rules());

        assert_eq!(desk.one.pass(mins(30)), NOTHING);
        assert_eq!(desk.sees(Seen::Exited { code: None }), NOTHING);
        assert_eq!(desk.state().life, Life::Launching);
    }

    // S45, G090 of a merged pull request: an idle agent ends at once
    #[test]
    fn an_idle_agent_ends_at_once() {
        let mut desk = Desk::idle(rules());

        assert_eq!(desk.feed(Session::EndWanted), ["stop 1"]);
        assert_eq!(desk.feed(Session::Stopped { generation: desk.generation() }), ["tell task/hello-3: session ended"]);
        assert_eq!(desk.state().life, Life::Ended);
    }

    // S46, G090
    #[test]
    fn a_working_agent_may_finish_its_turn_or_use_up_the_grace() {
        let mut finishes = Desk::idle(rules());
        finishes.works_on(ci());
        assert_eq!(finishes.feed(Session::EndWanted), NOTHING);
        assert_eq!(finishes.one.pass(mins(4)), NOTHING);
        assert_eq!(finishes.hook(Hook::TurnEnded).last().unwrap(), "stop 1");

        let mut goes_on = Desk::idle(rules());
        goes_on.works_on(ci());
        goes_on.feed(Session::EndWanted);
        assert_eq!(goes_on.one.pass(mins(5)), ["stop 1"]);
    }

    #[test]
    fn an_agent_that_is_told_to_end_twice_says_twice_that_it_has() {
        let mut desk = Desk::idle(rules());
        desk.feed(Session::EndWanted);
        desk.feed(Session::EndWanted);
        desk.feed(Session::Stopped { generation: desk.generation() });

        assert_eq!(desk.feed(Session::EndWanted), ["tell task/hello-3: session ended"]);
        assert_eq!(desk.one.deadline(), None);
    }

    #[test]
    fn an_agent_that_exits_while_it_should_end_has_ended() {
        let mut desk = Desk::idle(rules());
        desk.works_on(ci());
        desk.feed(Session::EndWanted);

        assert_eq!(desk.dies(), ["tell task/hello-3: session ended"]);
    }

    #[test]
    fn an_agent_that_is_launched_while_it_should_end_is_stopped() {
        let mut desk = Desk::launching(rules());

        assert_eq!(desk.feed(Session::EndWanted), ["stop 1"]);
        assert_eq!(desk.feed(Session::Launched { generation: desk.generation(), agent_session: None }), NOTHING);
        assert_eq!(desk.feed(Session::Stopped { generation: desk.generation() }), ["tell task/hello-3: session ended"]);
    }

    #[test]
    fn a_session_that_is_wanted_again_goes_on_counting() {
        let mut desk = Desk::idle(rules());
        desk.dies();
        desk.feed(Session::EndWanted);
        let serial = desk.state().serial;
        let agent = desk.one.rules.agent.clone();
        let again = Session::Wanted {
            task: task_id(),
            repo: REPO,
            agent,
            workspace: "workspaces/hello-3".to_owned(),
            conversation: None,
        };

        assert_eq!(desk.feed(again), ["launch 2"]);

        assert_eq!((desk.state().serial, desk.state().sent.clone()), (serial, Vec::<Sent>::new()));
    }

    #[test]
    fn without_hooks_a_screen_that_rests_ends_the_turn() {
        let mut desk = Desk::idle_with(Receipt::None);
        desk.rests();
        desk.pass(mins(60));
        desk.wants(ci());
        desk.delivered();

        assert_eq!(desk.pass(secs(14)), NOTHING, "the screen rested before the prompt, not after it");
        desk.changes();
        assert_eq!(desk.pass(mins(5)), NOTHING, "it works");

        assert_eq!(
            desk.rests(),
            ["tell pull/1/7: turn ended (checks-failed attempt 1)", "tell task/hello-3: turn ended", "read usage"]
        );
    }

    #[test]
    fn without_hooks_a_prompt_that_changes_nothing_on_the_screen_is_a_short_turn() {
        let mut desk = Desk::idle_with(Receipt::None);
        desk.rests();
        desk.wants(ci());
        desk.delivered();

        let said = desk.pass(secs(15));

        let expected =
            ["tell pull/1/7: turn ended (checks-failed attempt 1)", "tell task/hello-3: turn ended", "read usage"];
        assert_eq!(said, expected);
    }

    #[test]
    fn with_hooks_a_screen_that_rests_ends_nothing() {
        let mut desk = Desk::idle(rules());
        desk.works_on(ci());
        desk.rests();

        assert_eq!(desk.pass(mins(9)), NOTHING);
    }

    #[test]
    fn a_dialog_on_the_screen_waits_for_a_person_until_it_is_gone() {
        let mut desk = Desk::idle(rules());
        desk.works_on(ci());
        desk.asks();
        assert_eq!(desk.state().activity(), Some(Activity::NeedsInput));

        desk.rests();

        assert_eq!(desk.state().activity(), Some(Activity::Working));
    }

    #[test]
    fn a_question_that_only_a_hook_tells_of_is_answered_when_the_screen_moves_again() {
        let mut desk = Desk::idle(rules());
        desk.rests();
        desk.works_on(ci());
        desk.hook(Hook::NeedsInput);

        desk.changes();
        assert_eq!(desk.state().activity(), Some(Activity::NeedsInput), "the question is drawn");
        desk.rests();
        assert_eq!(desk.state().activity(), Some(Activity::NeedsInput), "nobody is there");
        desk.changes();

        assert_eq!(desk.state().activity(), Some(Activity::Working));
    }

    #[test]
    fn a_client_of_ours_says_itself_when_a_question_is_answered() {
        let mut rules = rules();
        rules.agent.headless = true;
        let mut desk = Desk::idle(rules);
        desk.works_on(ci());
        desk.hook(Hook::NeedsInput);

        // It may have rested before the question was drawn.
        desk.rests();
        desk.changes();
        assert_eq!(desk.state().activity(), Some(Activity::NeedsInput));

        desk.hook(Hook::Answered);
        assert_eq!(desk.state().activity(), Some(Activity::Working));
        desk.hook(Hook::TurnEnded);
        desk.hook(Hook::Answered);
        assert_eq!(desk.state().activity(), Some(Activity::Idle), "nobody had asked");
    }

    #[test]
    fn a_conversation_is_resumed_only_if_it_began() {
        for (receipt, expected) in [(Receipt::Hook, "launch 2"), (Receipt::Transcript, "launch 2, resuming planned")] {
            let mut rules = rules();
            rules.agent.receipt = receipt;
            let mut desk = Desk::launching(rules);
            let generation = desk.generation();
            desk.feed(Session::Launched { generation, agent_session: Some("planned".to_owned()) });
            desk.dies();

            assert_eq!(desk.feed(Session::RestartWanted), [expected], "{receipt:?}");
        }
    }

    fn reading(generation: Generation, usage: Usage) -> Session {
        Session::Used { generation, usage, turn: Turn::Runs, trace: Box::default() }
    }

    #[test]
    fn a_persons_conversation_is_copied_until_the_agent_has_one_of_its_own() {
        let mut desk = Desk { one: One::new(MachineKey::Session(session_id()), rules()) };
        let (agent, conversation) = (desk.one.rules.agent.clone(), "of-maya".parse().ok());
        let workspace = "workspaces/hello-3".to_owned();
        let wanted = Session::Wanted { task: task_id(), repo: REPO, agent, workspace, conversation };
        assert_eq!(desk.feed(wanted), ["launch 1, with a copy of of-maya"]);

        desk.feed(Session::Launched { generation: desk.generation(), agent_session: None });
        assert_eq!(
            desk.feed(Session::RestartWanted),
            ["stop 1", "launch 2, with a copy of of-maya"],
            "it said nothing"
        );
        desk.starts();

        assert_eq!(desk.feed(Session::RestartWanted), ["stop 2", "launch 3, resuming s-1"]);
    }

    #[test]
    fn what_came_on_top_of_the_last_reading_belongs_to_the_newest_prompt() {
        let mut desk = Desk::idle(rules());
        let read = |desk: &mut Desk, output: u64| {
            let usage = Usage { output: Some(output), ..Usage::default() };
            desk.feed(reading(desk.generation(), usage))
        };
        desk.works_on(ci());
        read(&mut desk, 100);
        // A second reading of the same turn counts once.
        read(&mut desk, 120);
        desk.hook(Hook::TurnEnded);
        desk.works_on(on_pull(IncidentKind::Conflict));

        assert_eq!(read(&mut desk, 150), NOTHING);

        let used: Vec<_> = desk.state().sent.iter().map(|sent| sent.used.clone().unwrap().output).collect();
        assert_eq!((used, desk.state().used().output), (vec![Some(120), Some(30)], Some(150)));
        let older = reading(Generation(0), Usage { output: Some(9), ..Usage::default() });
        desk.feed(older);
        assert_eq!(desk.state().used().output, Some(150), "what an older launch says changes nothing");
    }

    #[test]
    fn a_restart_of_a_working_agent_ends_its_turn() {
        let mut desk = Desk::idle(rules());
        desk.works_on(ci());

        let said = desk.feed(Session::RestartWanted);

        assert_eq!(
            said,
            [
                "stop 1",
                "launch 2, resuming s-1",
                "tell pull/1/7: turn ended (checks-failed attempt 1)",
                "tell task/hello-3: turn ended",
                "read usage"
            ]
        );
    }

    // A one-shot agent: it pushes and exits without a word.
    #[test]
    fn an_agent_that_exits_after_its_work_has_ended_its_turn() {
        let mut desk = Desk::idle_with(Receipt::None);
        desk.wants(first());
        desk.delivered();

        assert!(desk.dies().contains(&"tell task/hello-3: turn ended".to_owned()));
    }
}
