//! One event of a session: what it changes, and what is due then.

use jiff::SignedDuration;

use super::{Life, Now, State};
use crate::{
    effect::Effect,
    event::{Anew, Session},
    machine::incident::Position,
    model::SessionId,
};

/// Handles one event.
pub(crate) fn step(
    session: &SessionId,
    state: Option<State>,
    event: Session,
    now: &Now<'_>,
) -> Option<(State, Vec<Effect>)> {
    let mut effects = Vec::new();
    let mut state = match (state, event) {
        (state, Session::Wanted { task, repo, agent, workspace, conversation }) => match state {
            Some(state) if !matches!(state.life, Life::Ended) => state,
            ended => {
                let mut state = State::wanted(session.clone(), (task, repo), (agent, workspace), ended.as_ref(), now);
                state.copied = conversation;
                state.launch(now, &mut effects);
                state
            }
        },
        (None, _) => return None,
        (Some(mut state), event) => {
            state.take(event, now, &mut effects);
            state
        }
    };
    state.tick(now, &mut effects);
    Some((state, effects))
}

impl State {
    fn take(&mut self, event: Session, now: &Now<'_>, effects: &mut Vec<Effect>) {
        match event {
            Session::ClockJumped { seconds } => self.on_clock_jumped(SignedDuration::from_secs(seconds), now),
            Session::Wanted { .. } | Session::DeadlinePassed => {}
            Session::Launched { generation, agent_session } => {
                self.on_launched(generation, agent_session, now, effects);
            }
            Session::LaunchFailed { generation, why } => self.on_launch_failed(generation, why, now),
            Session::PromptWanted { reference } => self.on_prompt_wanted(reference, effects),
            Session::Composed { prompt, references, covers, text } => {
                self.on_composed(&prompt, (references, covers), text, effects);
            }
            Session::Delivered { prompt, submission, channel } => {
                self.on_delivered(&prompt, (submission, channel), now, effects);
            }
            Session::Refused { prompt, why } => self.on_refused(&prompt, why, now),
            Session::Withdrawn { prompt, references } => self.on_withdrawn(&prompt, &references, effects),
            Session::Acknowledged { evidence } => self.on_evidence(evidence),
            Session::Hooked { generation, hook } => self.on_hooked(generation, hook, now, effects),
            Session::TurnOver { generation, prompt } => self.on_turn_over(generation, &prompt, now, effects),
            Session::Probed { generation, seen } => self.on_probed(generation, &seen, now, effects),
            Session::Used { generation, usage, turn, trace } => {
                if generation == self.generation {
                    self.on_used(&usage);
                    self.on_traced(turn, *trace, now);
                }
            }
            Session::ExitJudged { generation, common } => self.on_exit_judged(generation, common, now, effects),
            Session::Stopped { generation } => self.on_stopped(generation, effects),
            Session::Acted { serial, revision, list, step, outcome } => {
                let position = Position { revision, list, step };
                self.on_acted((serial, position), &outcome, now, effects);
            }
            Session::EndWanted => self.on_end_wanted(now, effects),
            Session::RestartWanted => self.on_restart_wanted(now, effects),
            Session::AnewWanted { how } => self.on_anew_wanted(how, now, effects),
            Session::HandoffWanted { agent } => self.on_anew_wanted(Anew::With(agent), now, effects),
        }
    }

    /// Orders what is due now.
    fn tick(&mut self, now: &Now<'_>, effects: &mut Vec<Effect>) {
        if self.ending_since.is_some() {
            self.end_if_possible(now, effects);
            return;
        }
        self.end_turn_at_rest(now, effects);
        self.seek_receipt(now, effects);
        self.close_turn(effects);
        // What time ends may be all that an agent had to do.
        self.tick_incidents(now, effects);
        self.send(now, effects);
    }
}
