//! From the queue to the receipt.

use jiff::{SignedDuration, Timestamp};

use super::{Activity, Life, Now, Refused, Rules, SendEnd, SendStage, Sending, Sent, State};
use crate::{
    effect::Effect,
    event::{self, Event, Refusal},
    model::{Cause, Channel, Evidence, IncidentKind, MachineKey, PromptId, PromptRef, Receipt, Submission, TextHash},
};

/// How many ended prompts a state remembers; the log has them all.
const REMEMBERED: usize = 20;

impl State {
    pub(super) fn on_prompt_wanted(&mut self, reference: PromptRef, effects: &mut Vec<Effect>) {
        if matches!(self.life, Life::Ended | Life::Stopping) || self.ending_since.is_some() {
            self.withdraw(&[reference], effects);
            return;
        }
        // A newer revision of the same cause replaces the older one; the older one's owner has forgotten it already.
        self.queue.retain(|queued| queued.from != reference.from || queued.cause != reference.cause);
        self.queue.push(reference);
    }

    /// Orders the next prompt: everything that waits becomes one.
    pub(super) fn send(&mut self, now: &Now<'_>, effects: &mut Vec<Effect>) {
        if self.queue.is_empty() || self.sending.is_some() || !self.is_receptive(now.at) {
            return;
        }
        let prompt = PromptId::derive(now.entropy, 0);
        let references = std::mem::take(&mut self.queue);
        effects.push(Effect::Prompt {
            session: self.session.clone(),
            generation: self.generation,
            prompt: prompt.clone(),
            references: references.clone(),
        });
        self.sending = Some(Sending {
            prompt,
            references,
            covers: Vec::new(),
            text: None,
            ordered_at: now.at,
            generation: self.generation,
            stage: SendStage::Ordered,
            channel: None,
        });
    }

    /// An agent that waits for more at the end of its turn is let go, unless a prompt is on its way to it.
    pub(super) fn on_waits(&self, effects: &mut Vec<Effect>) {
        if self.sending.as_ref().is_none_or(|sending| sending.stage != SendStage::Ordered) {
            effects.push(Effect::Dismiss { session: self.session.clone(), generation: self.generation });
        }
    }

    fn is_receptive(&self, at: Timestamp) -> bool {
        let ready = match self.activity() {
            Some(Activity::Starting | Activity::Idle) => true,
            // The report that its turn ended may have been lost. Its screen has the last word.
            Some(Activity::Working) => self.queue.iter().any(|reference| self.is_nudge(reference)),
            Some(Activity::NeedsInput) | None => false,
        };
        ready && self.not_before.is_none_or(|until| at >= until)
    }

    fn is_nudge(&self, reference: &PromptRef) -> bool {
        let Cause::Incident { kind, .. } = reference.cause else { return false };
        matches!(kind, IncidentKind::AgentStuck | IncidentKind::AgentLooping) && reference.from == self.key()
    }

    pub(super) fn on_composed(
        &mut self,
        prompt: &PromptId,
        says: (Vec<PromptRef>, Vec<Vec<String>>),
        text: TextHash,
        effects: &mut Vec<Effect>,
    ) {
        let (references, covers) = says;
        let Some(sending) = self.sending.as_mut().filter(|sending| sending.is_ordered(prompt)) else { return };
        let left_out: Vec<_> =
            sending.references.iter().filter(|reference| !references.contains(reference)).cloned().collect();
        sending.references = references;
        sending.covers = covers;
        sending.text = Some(text);
        self.withdraw(&left_out, effects);
    }

    pub(super) fn on_delivered(
        &mut self,
        prompt: &PromptId,
        how: (Submission, Channel),
        now: &Now<'_>,
        effects: &mut Vec<Effect>,
    ) {
        let (submission, channel) = how;
        let Some(sending) = self.sending.as_mut().filter(|sending| sending.is_ordered(prompt)) else { return };
        if submission == Submission::Untouched {
            self.on_refused(prompt, Refusal::Busy("the runtime did not type it".to_owned()), now);
            return;
        }
        let seek_at = now.at + now.rules.pace.receipt_after;
        sending.stage = SendStage::Submitted { at: now.at, seek_at };
        sending.channel = Some(channel);
        let sending = sending.clone();
        self.refused = None;
        self.listen_to_people(&sending.references);
        self.begin_turn(&sending, now, effects);
        // A receipt may be quicker than the report that there is something to acknowledge.
        if let Some(evidence) = self.early.take_if(|evidence| evidence.prompt == *prompt) {
            self.end_sending(SendEnd::Acknowledged(evidence));
        } else if self.agent.receipt == Receipt::None {
            self.end_sending(SendEnd::Indeterminate);
        }
    }

    fn begin_turn(&mut self, sending: &Sending, now: &Now<'_>, effects: &mut Vec<Effect>) {
        for (index, reference) in sending.references.iter().enumerate() {
            let covers = sending.covers.get(index).cloned().unwrap_or_default();
            self.tell_submitted(reference, covers, now, effects);
        }
        if sending.generation != self.generation || !self.is_running() {
            self.abandon(sending.references.clone(), effects);
            return;
        }
        self.open_turn.extend(sending.references.iter().cloned());
        // An agent that has taken the prompt and waits again was quicker than the report of its submission.
        let taken = self.early.as_ref().is_some_and(|evidence| evidence.prompt == sending.prompt);
        if !(taken && self.activity() == Some(Activity::Idle)) {
            self.become_active(Activity::Working, now);
        }
    }

    fn tell_submitted(&mut self, reference: &PromptRef, covers: Vec<String>, now: &Now<'_>, effects: &mut Vec<Effect>) {
        match &reference.from {
            MachineKey::Pull { .. } => {
                let event = event::Pull::PromptSubmitted { reference: reference.clone(), covers };
                effects.push(Effect::Tell { to: reference.from.clone(), event: event.into() });
            }
            MachineKey::Session(_) => self.on_own_prompt_submitted(reference, now, effects),
            MachineKey::Task(_) if matches!(reference.cause, Cause::Incident { .. }) => {
                let event = event::Task::PromptSubmitted { reference: reference.clone() };
                effects.push(Effect::Tell { to: reference.from.clone(), event: event.into() });
            }
            // A task's first prompt and a person's words await no verdict.
            MachineKey::Task(_) | MachineKey::Backlog(_) | MachineKey::Fleet => {}
        }
    }

    pub(super) fn on_refused(&mut self, prompt: &PromptId, why: Refusal, now: &Now<'_>) {
        // What was submitted can no longer be refused: a late report of a first try changes nothing.
        let Some(sending) = self.sending.take_if(|sending| sending.is_ordered(prompt)) else { return };
        let newer = std::mem::replace(&mut self.queue, sending.references);
        self.queue.extend(newer);
        let (why, pause) = match why {
            Refusal::Busy(why) => (why, self.refusal_pause(now.rules)),
            // The next look at its terminal says what became of it.
            Refusal::Gone => ("there is no process to type to".to_owned(), now.rules.pace.probe),
            Refusal::Never(why) => (why, now.rules.pace.stuck),
        };
        self.not_before = Some(now.at + pause);
        let refused = self.refused.get_or_insert(Refused { times: 0, since: now.at, why: String::new() });
        refused.times += 1;
        refused.why = why;
    }

    // 1/2, 1, 2, 4, 4 … times the pace: a start-up screen or a dialog is usually gone within seconds.
    fn refusal_pause(&self, rules: &Rules) -> SignedDuration {
        let times = self.refused.as_ref().map_or(0, |refused| refused.times).min(3);
        rules.pace.refusal * (1_i32 << times) / 2
    }

    pub(super) fn on_withdrawn(&mut self, prompt: &PromptId, references: &[PromptRef], effects: &mut Vec<Effect>) {
        if self.sending.as_ref().is_none_or(|sending| !sending.is_ordered(prompt)) {
            return;
        }
        self.withdraw(references, effects);
        self.end_sending(SendEnd::Withdrawn);
    }

    fn withdraw(&mut self, references: &[PromptRef], effects: &mut Vec<Effect>) {
        for reference in references {
            if let MachineKey::Pull { .. } = reference.from {
                let event: Event = event::Pull::PromptWithdrawn { reference: reference.clone() }.into();
                effects.push(Effect::Tell { to: reference.from.clone(), event });
            }
        }
    }

    /// Takes a proof that a prompt arrived. It may come late, twice, or before the report of the submission.
    pub(super) fn on_evidence(&mut self, evidence: Evidence) {
        match &self.sending {
            Some(sending) if sending.prompt == evidence.prompt => match sending.stage {
                SendStage::Submitted { .. } => self.end_sending(SendEnd::Acknowledged(evidence)),
                // Remembered until the report comes.
                SendStage::Ordered => self.early = Some(evidence),
            },
            _ => {
                let late = self.sent.iter_mut().find(|sent| sent.prompt == evidence.prompt);
                if let Some(sent) = late.filter(|sent| sent.end == SendEnd::Indeterminate) {
                    sent.end = SendEnd::Acknowledged(evidence);
                }
            }
        }
    }

    pub(super) fn seek_receipt(&mut self, now: &Now<'_>, effects: &mut Vec<Effect>) {
        let (session, generation, transcript) = (self.session.clone(), self.generation, self.transcript.clone());
        let Some(sending) = &mut self.sending else { return };
        let SendStage::Submitted { at, seek_at } = &mut sending.stage else { return };
        if now.at >= *at + now.rules.pace.receipt_max {
            self.end_sending(SendEnd::Indeterminate);
        } else if now.at >= *seek_at {
            *seek_at = now.at + now.rules.pace.receipt_after;
            effects.push(Effect::SeekReceipt { session, generation, prompt: sending.prompt.clone(), transcript });
        }
    }

    pub(super) fn end_sending(&mut self, end: SendEnd) {
        let Some(sending) = self.sending.take() else { return };
        self.sent.push(Sent {
            prompt: sending.prompt,
            references: sending.references,
            text: sending.text,
            ordered_at: sending.ordered_at,
            end,
            channel: sending.channel,
            used: None,
        });
        if self.sent.len() > REMEMBERED {
            self.sent.remove(0);
        }
    }

    pub(super) fn sending_deadline(&self, rules: &Rules) -> Option<(Timestamp, &'static str)> {
        match &self.sending {
            Some(Sending { stage: SendStage::Submitted { at, seek_at, .. }, .. }) => {
                Some(((*seek_at).min(*at + rules.pace.receipt_max), "receipt"))
            }
            Some(Sending { stage: SendStage::Ordered, .. }) => None,
            None if self.queue.is_empty() => None,
            None => self.not_before.map(|at| (at, "prompt")),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        event::{ActionOutcome, Hook, Session},
        machine::testing::*,
        model::{Generation, TaskId},
    };

    const NOTHING: [&str; 0] = [];
    const SUBMITTED: &str = "tell pull/1/7: prompt submitted (checks-failed attempt 1)";

    fn ends(desk: &Desk) -> Vec<SendEnd> {
        desk.state().sent.iter().map(|sent| sent.end.clone()).collect()
    }

    #[test]
    fn a_prompt_goes_to_an_agent_that_waits() {
        let mut desk = Desk::idle(rules());

        assert_eq!(desk.wants(ci()), ["prompt launch 1: checks-failed attempt 1"]);
        assert_eq!(desk.delivered(), [SUBMITTED]);
        assert_eq!(desk.takes(), NOTHING);
        let evidence = desk.state().sent[0].end.clone();
        assert!(matches!(evidence, SendEnd::Acknowledged(Evidence { receipt: Receipt::Hook, .. })));
        assert_eq!(desk.state().activity(), Some(Activity::Working));
    }

    #[test]
    fn an_agent_that_comes_up_gets_what_waits_and_its_screen_decides() {
        let mut desk = Desk::launching(rules());
        assert_eq!(desk.wants(first()), NOTHING);

        let launched = desk.feed(Session::Launched { generation: desk.generation(), agent_session: None });

        assert_eq!(launched, ["prompt launch 1: the task"]);
    }

    // S34, S65: what waits together is one prompt, in order
    #[test]
    fn everything_that_waits_becomes_one_prompt() {
        let mut desk = Desk::idle(rules());
        desk.works_on(first());
        assert_eq!(desk.wants(ci()), NOTHING);
        assert_eq!(desk.wants(on_pull(IncidentKind::Conflict)), NOTHING);
        assert_eq!(desk.wants(from_person("hello")), NOTHING);

        let sent = desk.hook(Hook::TurnEnded);

        assert_eq!(
            sent,
            [
                "tell task/hello-3: turn ended",
                "read usage",
                "prompt launch 1: checks-failed attempt 1 + conflict attempt 1 + a person's words"
            ]
        );
        assert_eq!(desk.wants(from_person("more")), NOTHING);
    }

    #[test]
    fn two_incidents_in_one_prompt_are_both_told_and_both_answered() {
        let mut desk = Desk::idle(rules());
        desk.works_on(first());
        desk.wants(ci());
        desk.wants(on_pull(IncidentKind::Conflict));
        desk.hook(Hook::TurnEnded);

        let said = desk.delivered();
        assert_eq!(said, [SUBMITTED, "tell pull/1/7: prompt submitted (conflict attempt 1)"]);
        desk.takes();

        assert_eq!(
            desk.hook(Hook::TurnEnded)[0],
            "tell pull/1/7: turn ended (checks-failed attempt 1 + conflict attempt 1)"
        );
    }

    #[test]
    fn an_agent_that_asks_for_more_gets_what_waits_or_is_let_go() {
        let mut desk = Desk::idle(rules());
        desk.works_on(first());
        desk.hook(Hook::TurnEnded);
        assert_eq!(desk.hook(Hook::Waits), ["dismiss agent"]);

        desk.works_on(first());
        desk.wants(ci());
        desk.hook(Hook::TurnEnded);
        assert_eq!(desk.hook(Hook::Waits), NOTHING, "a prompt is on its way");

        // That of an older launch has nobody to go on.
        assert_eq!(desk.feed(Session::Hooked { generation: Generation(0), hook: Hook::Waits }), NOTHING);
    }

    #[test]
    fn an_agent_that_asks_for_more_while_a_receipt_is_awaited_is_let_go() {
        let mut desk = Desk::idle(rules());
        desk.wants(ci());
        desk.delivered();
        desk.hook(Hook::TurnEnded);

        assert_eq!(desk.hook(Hook::Waits), ["dismiss agent"]);
    }

    #[test]
    fn how_a_prompt_was_handed_over_is_remembered() {
        let mut desk = Desk::idle(rules());
        desk.wants(ci());
        let prompt = desk.state().sending.as_ref().unwrap().prompt.clone();
        desk.feed(Session::Delivered { prompt, submission: Submission::Submitted, channel: Channel::Inbox });
        desk.takes();

        assert_eq!(desk.state().sent[0].channel, Some(Channel::Inbox));
    }

    #[test]
    fn a_newer_round_of_the_same_cause_replaces_the_one_that_waits() {
        let mut desk = Desk::idle(rules());
        desk.works_on(first());
        desk.wants(ci());
        let newer = PromptRef { revision: 2, ..ci() };
        desk.wants(newer.clone());

        assert_eq!(desk.state().queue, [newer]);
    }

    // S60
    #[test]
    fn nothing_is_typed_into_a_dialog_and_all_of_it_after() {
        let mut desk = Desk::idle(rules());
        desk.hook(Hook::NeedsInput);
        assert_eq!(desk.wants(ci()), NOTHING);
        desk.asks();
        assert_eq!(desk.pass(mins(5)), ["act agent-needs-input do 0"], "a person is told");

        assert_eq!(
            desk.hook(Hook::TurnEnded),
            ["tell task/hello-3: turn ended", "read usage", "prompt launch 1: checks-failed attempt 1"]
        );
    }

    // S16: refused three times, then taken, once
    #[test]
    fn a_refused_prompt_is_tried_again_with_pauses_under_a_new_id() {
        let mut desk = Desk::idle(rules());
        desk.wants(ci());
        let mut ids = vec![desk.prompt()];
        let mut waits = Vec::new();
        for _ in 0..3 {
            let refused_at = desk.one.at;
            assert_eq!(desk.refused(Refusal::Busy("a dialog".to_owned())), NOTHING);
            while desk.state().sending.is_none() {
                desk.pass(desk.one.deadline().unwrap().duration_since(desk.one.at));
            }
            waits.push(desk.one.at.duration_since(refused_at).as_secs());
            ids.push(desk.prompt());
        }
        ids.dedup();
        assert_eq!((waits, ids.len()), (vec![1, 2, 4], 4));

        assert_eq!(desk.delivered(), [SUBMITTED]);
        assert_eq!(desk.state().refused, None);
    }

    // S61, S63: a dead shell is no agent; after the restart it gets what waits
    #[test]
    fn a_prompt_to_a_process_that_is_gone_waits_for_the_next_launch() {
        let mut desk = Desk::idle(rules());
        desk.wants(ci());
        assert_eq!(desk.refused(Refusal::Gone), NOTHING);
        assert_eq!(desk.dies(), ["act agent-exited do 0"]);
        assert_eq!(desk.acted(ActionOutcome::Done), ["launch 2, resuming s-1"]);

        assert_eq!(desk.starts(), ["prompt launch 2: checks-failed attempt 1"]);
    }

    #[test]
    fn a_process_that_is_gone_only_for_prompts_becomes_a_stuck_agent() {
        let mut desk = Desk::idle(rules());
        desk.wants(ci());
        desk.refused(Refusal::Gone);
        desk.rests();
        let mut prompts = 0;
        for _ in 0..120 {
            desk.pass(secs(10));
            if desk.state().sending.is_some() {
                prompts += 1;
                desk.refused(Refusal::Gone);
                desk.rests();
            }
        }

        assert!(prompts <= 120, "{prompts} tries in 20 minutes");
        assert!(desk.state().incidents.contains_key(&IncidentKind::AgentStuck));
    }

    #[test]
    fn what_the_runtime_did_not_touch_was_not_submitted() {
        let mut desk = Desk::idle(rules());
        desk.wants(ci());
        let prompt = desk.prompt();

        assert_eq!(
            desk.feed(Session::Delivered { prompt, submission: Submission::Untouched, channel: Channel::Terminal }),
            NOTHING
        );

        assert_eq!(desk.state().queue, [ci()]);
        assert_eq!(ends(&desk), []);
    }

    #[test]
    fn a_prompt_whose_causes_have_gone_is_withdrawn() {
        let mut desk = Desk::idle(rules());
        desk.wants(ci());
        let prompt = desk.prompt();

        let said = desk.feed(Session::Withdrawn { prompt: prompt.clone(), references: vec![ci()] });

        assert_eq!(said, ["tell pull/1/7: prompt withdrawn (checks-failed attempt 1)"]);
        assert_eq!(ends(&desk), [SendEnd::Withdrawn]);
        let late = desk.evidence(&prompt);
        desk.feed(Session::Acknowledged { evidence: late });
        assert_eq!(ends(&desk), [SendEnd::Withdrawn]);
    }

    #[test]
    fn what_is_left_out_of_the_words_is_withdrawn_and_only_the_rest_submitted() {
        let mut desk = Desk::idle(rules());
        desk.works_on(first());
        desk.wants(ci());
        desk.wants(on_pull(IncidentKind::Conflict));
        desk.hook(Hook::TurnEnded);

        assert_eq!(desk.composed(vec![ci()]), ["tell pull/1/7: prompt withdrawn (conflict attempt 1)"]);
        assert_eq!(desk.delivered(), ["tell pull/1/7: prompt submitted (checks-failed attempt 1) of an item"]);
    }

    #[test]
    fn a_receipt_is_looked_for_until_it_is_found_or_too_late() {
        let mut desk = Desk::idle_with(Receipt::Transcript);
        desk.wants(ci());
        desk.delivered();

        assert_eq!(desk.pass(secs(11)), ["seek receipt", "seek receipt"]);
        assert_eq!(desk.pass(secs(44)).len(), 9);
        desk.pass(secs(10));
        assert_eq!(ends(&desk), [SendEnd::Indeterminate]);
    }

    #[test]
    fn late_evidence_settles_what_was_indeterminate() {
        let mut desk = Desk::idle_with(Receipt::Transcript);
        desk.wants(ci());
        let prompt = desk.prompt();
        desk.delivered();
        desk.pass(mins(2));

        let evidence = desk.evidence(&prompt);
        desk.feed(Session::Acknowledged { evidence: evidence.clone() });

        assert_eq!(ends(&desk), [SendEnd::Acknowledged(evidence)]);
    }

    #[test]
    fn without_receipts_a_submitted_prompt_is_indeterminate_at_once() {
        let mut desk = Desk::idle_with(Receipt::None);
        desk.wants(ci());

        assert_eq!(desk.delivered(), [SUBMITTED]);

        assert_eq!(ends(&desk), [SendEnd::Indeterminate]);
    }

    #[test]
    fn a_prompt_is_submitted_once_however_often_that_is_reported() {
        let mut desk = Desk::idle(rules());
        desk.wants(ci());
        let prompt = desk.prompt();
        desk.delivered();
        let state = desk.one.state.clone();

        for submission in [Submission::Submitted, Submission::Untouched, Submission::Indeterminate] {
            assert_eq!(
                desk.feed(Session::Delivered { prompt: prompt.clone(), submission, channel: Channel::Terminal }),
                NOTHING
            );
        }

        assert_eq!(desk.one.state, state);
    }

    #[test]
    fn a_prompt_that_was_submitted_is_neither_refused_nor_withdrawn_nor_made_anew() {
        let mut desk = Desk::idle(rules());
        desk.wants(ci());
        let prompt = desk.prompt();
        desk.delivered();
        let state = desk.one.state.clone();

        assert_eq!(desk.refused(Refusal::Busy("late".to_owned())), NOTHING);
        assert_eq!(desk.feed(Session::Withdrawn { prompt, references: vec![ci()] }), NOTHING);
        assert_eq!(desk.composed(Vec::new()), NOTHING);

        assert_eq!(desk.one.state, state);
    }

    #[test]
    fn a_receipt_that_is_quicker_than_the_report_counts() {
        let mut desk = Desk::idle(rules());
        desk.wants(ci());
        desk.takes();
        assert_eq!(desk.state().sent, []);

        assert_eq!(desk.delivered(), [SUBMITTED]);

        assert!(matches!(ends(&desk)[..], [SendEnd::Acknowledged(_)]));
        assert_eq!(desk.state().activity(), Some(Activity::Working));
    }

    // The hooks lay in the spool while the daemon was dead.
    #[test]
    fn an_agent_that_took_and_answered_before_the_report_waits_and_its_turn_is_over() {
        let mut desk = Desk::idle(rules());
        desk.wants(ci());
        desk.takes();
        desk.hook(Hook::TurnEnded);

        assert_eq!(desk.delivered(), [SUBMITTED, "tell pull/1/7: turn ended (checks-failed attempt 1)"]);

        assert_eq!(desk.state().activity(), Some(Activity::Idle));
        assert_eq!(desk.wants(on_pull(IncidentKind::Conflict)), ["prompt launch 1: conflict attempt 1"]);
    }

    #[test]
    fn the_end_of_an_earlier_turn_does_not_answer_a_prompt_that_was_not_taken() {
        let mut desk = Desk::idle(rules());
        desk.wants(ci());
        desk.delivered();

        assert_eq!(desk.hook(Hook::TurnEnded), ["tell task/hello-3: turn ended", "read usage"]);
        assert_eq!(desk.takes(), NOTHING);
        assert_eq!(
            desk.hook(Hook::TurnEnded),
            ["tell pull/1/7: turn ended (checks-failed attempt 1)", "tell task/hello-3: turn ended", "read usage"]
        );
    }

    #[test]
    fn a_receipt_found_after_the_turn_ended_closes_the_turn() {
        let mut desk = Desk::idle_with(Receipt::Transcript);
        desk.wants(ci());
        let prompt = desk.prompt();
        desk.delivered();
        desk.hook(Hook::TurnEnded);

        let evidence = desk.evidence(&prompt);
        let said = desk.feed(Session::Acknowledged { evidence });

        assert_eq!(said, ["tell pull/1/7: turn ended (checks-failed attempt 1)"]);
    }

    // The daemon ordered a prompt, then a person restarted the agent.
    #[test]
    fn a_prompt_for_an_older_launch_that_was_not_typed_is_typed_to_the_new_one() {
        let mut desk = Desk::idle(rules());
        desk.wants(ci());
        assert_eq!(desk.feed(Session::RestartWanted), ["stop 1", "launch 2, resuming s-1"]);
        desk.refused(Refusal::Gone);

        desk.starts();

        assert_eq!(desk.pass(secs(10)), ["prompt launch 2: checks-failed attempt 1"]);
    }

    #[test]
    fn a_prompt_for_an_older_launch_that_was_typed_is_not_typed_again() {
        let mut desk = Desk::idle(rules());
        desk.wants(ci());
        desk.feed(Session::RestartWanted);
        desk.starts();

        let said = desk.delivered();

        assert_eq!(
            said,
            [
                SUBMITTED,
                "tell pull/1/7: turn ended (checks-failed attempt 1)",
                "tell task/hello-3: turn ended",
                "read usage"
            ]
        );
        assert_eq!(desk.state().activity(), Some(Activity::Idle));
        assert_eq!(desk.state().queue, []);
    }

    #[test]
    fn the_first_prompt_of_a_task_is_asked_again_of_the_next_launch() {
        let mut desk = Desk::idle(rules());
        desk.works_on(first());
        desk.hook(Hook::PromptTaken { evidence: None });

        assert_eq!(desk.dies(), ["tell task/hello-3: turn ended", "read usage", "act agent-exited do 0"]);
        desk.acted(ActionOutcome::Done);

        assert_eq!(desk.starts(), ["prompt launch 2: the task"]);
    }

    #[test]
    fn what_an_ended_turn_answered_is_not_asked_again_after_a_death() {
        let mut desk = Desk::idle(rules());
        desk.works_on(first());
        desk.hook(Hook::TurnEnded);
        desk.dies();
        desk.acted(ActionOutcome::Done);

        assert_eq!(desk.starts(), NOTHING);
    }

    #[test]
    fn a_session_that_ends_takes_no_prompts() {
        let mut desk = Desk::idle(rules());
        desk.feed(Session::EndWanted);

        assert_eq!(desk.wants(ci()), ["tell pull/1/7: prompt withdrawn (checks-failed attempt 1)"]);
    }

    #[test]
    fn a_session_that_ends_before_the_report_says_that_nobody_can_tell() {
        let mut desk = Desk::idle(rules());
        desk.wants(ci());
        desk.feed(Session::EndWanted);
        desk.feed(Session::Stopped { generation: desk.generation() });

        assert_eq!(ends(&desk), [SendEnd::Indeterminate]);
    }

    #[test]
    fn only_so_many_ended_prompts_are_remembered() {
        let mut desk = Desk::idle(rules());
        for index in 0..REMEMBERED + 5 {
            desk.works_on(from_person(&index.to_string()));
            desk.hook(Hook::TurnEnded);
        }

        assert_eq!(desk.state().sent.len(), REMEMBERED);
    }

    #[test]
    fn an_agent_that_never_can_take_a_text_is_left_alone_for_long() {
        let mut desk = Desk::idle(rules());
        desk.wants(ci());
        desk.refused(Refusal::Never("no runtime".to_owned()));

        assert_eq!(desk.pass(mins(9)), NOTHING);
    }

    #[test]
    fn a_session_that_was_never_wanted_is_not_made_by_its_echo() {
        let mut one = One::new(MachineKey::Session(session_id()), rules());

        assert_eq!(one.feed(Session::PromptWanted { reference: ci() }), NOTHING);
        assert_eq!((one.state, "hello-3".parse::<TaskId>().is_ok()), (None, true));
    }
}
