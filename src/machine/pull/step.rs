//! One event of a pull request: what it changes, and what is due then.

use jiff::SignedDuration;

use super::{Managed, Now, State, Told};
use crate::{
    effect::Effect,
    event::{self, ActionOutcome, Event, LookFailure, Pull},
    machine::incident::{Incident, Order, Position, Stage},
    model::{Cause, IncidentKind, Lifecycle, MachineKey, PromptRef, SessionId, Sha, Snapshot, TaskId, TextHash},
};

/// A pull request that was never seen and that nobody works on is given up after so many looks: there may be none.
const LOOKS_AT_NOTHING_MAX: u32 = 8;
/// Into so many moments the time is divided over which looks are spread that have one cause.
const TURNS: i32 = 1_000;

/// GitHub that shows older facts than before is asked again so many times: for about a quarter of an hour.
const LOOKS_AT_THE_PAST_MAX: u32 = 9;

/// Handles one event.
pub(crate) fn step(mut state: State, event: Pull, now: &Now<'_>) -> (State, Vec<Effect>) {
    let mut effects = Vec::new();
    let awaited = state.is_awaited();
    match event {
        Pull::Hinted { urgent, .. } => state.on_hinted(urgent, now),
        Pull::HeadTold { head, .. } => state.on_head_told(head, now),
        Pull::BaseMoved => state.want_in_turn(now),
        Pull::RulesChanged => {
            state.rules_changed_at = Some(now.at);
            state.want_in_turn(now);
        }
        Pull::Observed { look, snapshot, hash } => state.on_observed(look, (*snapshot, hash), now, &mut effects),
        Pull::Unchanged { look } => state.on_unchanged(look, now, &mut effects),
        Pull::LookFailed { look, why } => state.on_look_failed(look, why, now),
        Pull::Triaged { head, checks, failures } => {
            // The answer to an older question says nothing about the checks that are red now.
            for red in [&mut state.red, &mut state.ejected].into_iter().flatten() {
                if red.head == head && red.asked == checks {
                    red.failures = Some(failures.clone());
                }
            }
        }
        Pull::Managed { task, session } => state.on_managed(task, session, now),
        Pull::Released => state.forget_owner(),
        Pull::PromptSubmitted { reference, covers } => {
            state.on_prompt_submitted(&reference, covers, now, &mut effects);
        }
        Pull::PromptWithdrawn { reference } => state.on_prompt_withdrawn(&reference, now),
        Pull::TurnEnded { references } => state.on_turn_ended(&references, now),
        Pull::Acted { incident, serial, revision, list, step, outcome } => {
            let position = Position { revision, list, step };
            state.on_acted((incident, serial, position), &outcome, now, &mut effects);
        }
        Pull::RetryWanted => state.on_retry_wanted(now),
        Pull::ClockJumped { seconds } => {
            let by = SignedDuration::from_secs(seconds);
            state.incidents.values_mut().for_each(|incident| incident.shift(by, now.at));
        }
        // What is due is ordered below, as after every event.
        Pull::DeadlinePassed => {}
    }
    state.tell_who_waits(awaited, &mut effects);
    state.tick(now, &mut effects);
    (state, effects)
}

impl State {
    fn on_hinted(&mut self, urgent: bool, now: &Now<'_>) {
        if urgent {
            self.look.want(now.at);
        } else {
            self.look.want_politely(now.at, now.rules.pace.look_interval);
        }
    }

    fn on_head_told(&mut self, head: Sha, now: &Now<'_>) {
        self.look.want_politely(now.at, now.rules.pace.look_interval);
        self.told = if self.head() == Some(&head) { None } else { Some(Told { head, looks: 0 }) };
    }

    /// Wants a look at a moment of its own: what happened concerns other pull requests as well.
    fn want_in_turn(&mut self, now: &Now<'_>) {
        // The golden section: numbers that follow each other lie far apart, however many there are.
        let turn = self.number.0.wrapping_mul(618) % u64::from(TURNS.unsigned_abs());
        let turn = i32::try_from(turn).unwrap_or_default();
        self.look.want(now.at + now.rules.pace.base_spread * turn / TURNS);
        self.mergeability_asked = 0;
    }

    fn on_observed(&mut self, look: u64, seen: (Snapshot, TextHash), now: &Now<'_>, effects: &mut Vec<Effect>) {
        let (snapshot, hash) = seen;
        if !self.look.ended(look) || self.is_merged() {
            return;
        }
        if self.is_from_the_past(&snapshot) {
            self.look.failed += 1;
            self.look_again(now);
            return;
        }
        self.look.failed = 0;
        self.look_failure = None;
        self.observed_at = Some(now.at);
        self.hash = Some(hash);
        self.take_facts(snapshot, now);
        self.take_commands(now, effects);
        self.tell_flips(effects);
        self.judge_unchanged_head(now, effects);
        self.tell_task_if_over(effects);
    }

    fn on_unchanged(&mut self, look: u64, now: &Now<'_>, effects: &mut Vec<Effect>) {
        if !self.look.ended(look) {
            return;
        }
        self.look.failed = 0;
        self.look_failure = None;
        self.observed_at = Some(now.at);
        self.await_told_head(now);
        self.ask_for_mergeability(now);
        self.judge_unchanged_head(now, effects);
    }

    fn on_look_failed(&mut self, look: u64, why: LookFailure, now: &Now<'_>) {
        if !self.look.ended(look) {
            return;
        }
        self.look.failed += 1;
        let is_nothing = why == LookFailure::NotFound && self.snapshot.is_none() && self.managed.is_none();
        self.look_failure = Some(why);
        if is_nothing && self.look.failed >= LOOKS_AT_NOTHING_MAX {
            return;
        }
        self.look_again(now);
    }

    /// Whether GitHub shows the pull request as it was before what it showed already. Some of its servers lag behind for
    /// seconds, and once in a while for long; then it is believed in the end.
    fn is_from_the_past(&self, snapshot: &Snapshot) -> bool {
        let older = self.snapshot.as_ref().is_some_and(|known| snapshot.updated_at < known.updated_at);
        older && self.look.failed < LOOKS_AT_THE_PAST_MAX
    }

    // 2, 4, 8 … s, at most 5 min. The reconcile would bring it back anyway.
    fn look_again(&mut self, now: &Now<'_>) {
        let pause = SignedDuration::from_secs(1_i64 << self.look.failed.min(8)).min(now.rules.pace.look_retry_max);
        self.look.want(now.at + pause);
    }

    fn on_managed(&mut self, task: TaskId, session: SessionId, now: &Now<'_>) {
        let owner = Managed { task, session };
        if self.managed.as_ref() != Some(&owner) {
            self.forget_owner();
            self.managed = Some(owner);
        }
        self.over = false;
        self.look.want(now.at);
    }

    /// Whether an agent waits for what becomes of this.
    fn is_awaited(&self) -> bool {
        let over = self.snapshot.as_ref().is_some_and(|snapshot| snapshot.lifecycle != Lifecycle::Open);
        self.managed.is_some() && !over
    }

    // That it was closed or merged, the repository sees for itself.
    fn tell_who_waits(&self, before: bool, effects: &mut Vec<Effect>) {
        let number = self.number;
        let event = match (before, self.is_awaited()) {
            (false, true) => event::Backlog::PullAwaited { number },
            (true, false) if self.managed.is_none() => event::Backlog::PullReleased { number },
            (true, _) | (false, false) => return,
        };
        effects.push(Effect::Tell { to: MachineKey::Backlog(self.repo), event: event.into() });
    }

    // The next agent knows nothing of what this one was told.
    fn forget_owner(&mut self) {
        self.managed = None;
        self.incidents.clear();
        self.ledger.forget_handed();
        self.forget_deeds();
        self.announced = None;
        self.obeyed_to = None;
        self.paused = None;
    }

    fn on_prompt_submitted(
        &mut self,
        reference: &PromptRef,
        covers: Vec<String>,
        now: &Now<'_>,
        effects: &mut Vec<Effect>,
    ) {
        let Cause::Incident { kind, action } = &reference.cause else { return };
        let failures = self.failure_keys(*kind);
        self.note_deed(now);
        self.ledger.prompted(now.at);
        self.ledger.hand_over(covers, now.at);
        let Some(incident) = self.incidents.get_mut(kind) else { return };
        let order = incident.submitted(reference.revision, *action, &failures, now.at);
        self.carry_out(*kind, order, effects);
    }

    fn on_prompt_withdrawn(&mut self, reference: &PromptRef, now: &Now<'_>) {
        let Cause::Incident { kind, action } = &reference.cause else { return };
        let settle = now.rules.settle(*kind);
        let withdrawn = self.incidents.get_mut(kind).filter(|it| it.is_acting(reference.revision, *action));
        if let Some(incident) = withdrawn {
            incident.revise(now.at, settle);
        }
    }

    fn on_turn_ended(&mut self, references: &[PromptRef], now: &Now<'_>) {
        for reference in references {
            let Cause::Incident { kind, .. } = &reference.cause else { continue };
            if matches!(kind, IncidentKind::ChangesRequested | IncidentKind::BotReview) {
                self.ledger.turn_ended(now.at);
                self.look_for_replies(now);
            }
            if let Some(incident) = self.incidents.get_mut(kind) {
                incident.turn_ended(reference.revision, now.at);
            }
        }
    }

    fn on_acted(
        &mut self,
        which: (IncidentKind, u64, Position),
        outcome: &ActionOutcome,
        now: &Now<'_>,
        effects: &mut Vec<Effect>,
    ) {
        // What was done may have changed what GitHub shows, and no webhook is certain.
        self.look.want_politely(now.at, now.rules.pace.look_interval);
        let (kind, serial, position) = which;
        if *outcome == ActionOutcome::Done && kind != IncidentKind::LoopStopped {
            self.note_deed(now);
        }
        let (failures, head) = (self.failure_keys(kind), self.head().cloned());
        let anew = self.anew(kind, position, now).filter(|_| *outcome == ActionOutcome::Done);
        let awaited = self.incidents.get_mut(&kind).filter(|it| it.serial == serial && it.awaits(position));
        let Some(incident) = awaited else { return };
        effects.extend(anew);
        let order = if incident.is_update(position) {
            on_updated(incident, position, outcome, (&failures, now))
        } else {
            incident.acted(position, outcome, &failures, now.at)
        };
        let asks = matches!(kind, IncidentKind::ChangesRequested | IncidentKind::BotReview);
        if asks && incident.stage == Stage::Resting {
            self.ledger.leave_to_people(kind);
        }
        if kind == IncidentKind::ApprovedAndGreen && incident.stage == Stage::Resting {
            match outcome {
                ActionOutcome::Done => self.announced = head,
                // The facts at GitHub were not ours. They may come to be what they were, and then it is tried again.
                ActionOutcome::Dropped => incident.revise(now.at, now.rules.pace.settle_green),
                ActionOutcome::Failed(_) => {}
            }
        }
        self.carry_out(kind, order, effects);
    }

    /// What the session hears of an action that has its agent, or another one, begin anew.
    fn anew(&self, kind: IncidentKind, position: Position, now: &Now<'_>) -> Option<Effect> {
        let plan = self.incidents.get(&kind)?.plan.as_ref()?;
        let how = now.rules.anew(&plan.rule, position.list, position.step)?;
        let to = MachineKey::Session(self.managed.as_ref()?.session.clone());
        Some(Effect::Tell { to, event: event::Session::AnewWanted { how }.into() })
    }

    pub(super) fn on_retry_wanted(&mut self, now: &Now<'_>) {
        self.let_go();
        for incident in self.incidents.values_mut() {
            incident.rearm(now.at);
        }
        self.ledger.forget_handed();
        self.look.want(now.at);
    }

    /// Orders what is due now.
    fn tick(&mut self, now: &Now<'_>, effects: &mut Vec<Effect>) {
        // Nothing that GitHub could say about a merged pull request matters any more.
        if self.is_merged() {
            self.look.wanted_at = None;
            return;
        }
        // What is shown is known to be old while another head was told of.
        let acts = self.managed.is_some() && self.told.is_none() && self.paused.is_none();
        if acts && self.is_open() {
            self.tick_incidents(now, effects);
        }
        self.tick_report(now, effects);
        self.look_at_answers(now);
        self.look_at_pending(now);
        if let Some(look) = self.look.order(now.at) {
            let (repo, number, known, rules_since) = (self.repo, self.number, self.hash.clone(), self.rules_changed_at);
            effects.push(Effect::Look { repo, number, look, known, rules_since });
            // This one may come too early to judge.
            self.look_at_answers(now);
        }
    }

    pub(super) fn carry_out(&self, kind: IncidentKind, order: Option<Order>, effects: &mut Vec<Effect>) {
        let (Some(order), Some(incident)) = (order, self.incidents.get(&kind)) else { return };
        match order {
            Order::Act { list, step } => {
                let act = incident.act(self.key(), kind, (list, step), self.head().cloned());
                effects.extend(act.map(Effect::Act));
            }
            Order::Prompt { step, attempt } => {
                let Some(managed) = &self.managed else { return };
                let reference = incident.prompt(self.key(), kind, (step, attempt));
                let to = MachineKey::Session(managed.session.clone());
                effects.push(Effect::Tell { to, event: event::Session::PromptWanted { reference }.into() });
            }
        }
    }

    fn tell_task_if_over(&mut self, effects: &mut Vec<Effect>) {
        let (Some(snapshot), Some(managed)) = (&self.snapshot, &self.managed) else { return };
        let event = match snapshot.lifecycle {
            Lifecycle::Open => {
                self.over = false;
                return;
            }
            Lifecycle::Merged => event::Task::PullMerged,
            Lifecycle::Closed => event::Task::PullClosed,
        };
        self.incidents.clear();
        // Who opens it again asks for everything again; after a merge it is only read.
        if !self.is_merged() {
            self.ledger.forget_handed();
        }
        if !self.over {
            self.over = true;
            effects.push(Effect::Tell { to: MachineKey::Task(managed.task.clone()), event: Event::Task(event) });
        }
    }
}

/// What came of merging the base into the branch. It shows as a new head, some seconds later.
fn on_updated(
    incident: &mut Incident,
    position: Position,
    outcome: &ActionOutcome,
    (failures, now): (&[String], &Now<'_>),
) -> Option<Order> {
    match outcome {
        ActionOutcome::Done => {
            let order = incident.submitted(position.revision, position.step, failures, now.at);
            incident.turn_ended(position.revision, now.at);
            order
        }
        // The head was another one, or had the base already: the look that follows tells.
        ActionOutcome::Dropped => {
            incident.revise(now.at, now.rules.pace.settle_green);
            None
        }
        ActionOutcome::Failed(_) => incident.acted(position, outcome, failures, now.at),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        machine::{pull::Ledger, testing::*},
        model::ReviewState::ChangesRequested,
    };

    const CI: IncidentKind = IncidentKind::ChecksFailed;
    const NOTHING: [&str; 0] = [];

    fn hinted(urgent: bool) -> Pull {
        Pull::Hinted { repo: REPO, number: NUMBER, urgent }
    }

    fn observed(look: u64, pull: &Snapshot) -> Pull {
        Pull::Observed { look, snapshot: Box::new(pull.clone()), hash: hash(pull) }
    }

    // G023, G127, G126, S24
    #[test]
    fn a_burst_of_hints_is_one_look_and_one_after_it() {
        let mut one = One::new(pull_key(), rules());
        let mut looks = Vec::new();
        for _ in 0..100 {
            looks.extend(one.feed(hinted(false)));
        }
        assert_eq!(looks, ["look 1"]);
        assert_eq!(one.deadline(), None);

        assert_eq!(one.feed(observed(1, &snapshot())), NOTHING);
        assert_eq!(one.pass(secs(10)), ["look 2"]);
        one.feed(observed(2, &snapshot()));

        assert_eq!(one.pass(mins(10)), NOTHING);
    }

    #[test]
    fn bad_news_do_not_wait() {
        let mut one = One::new(pull_key(), rules());
        one.feed(hinted(false));
        one.feed(observed(1, &snapshot()));

        assert_eq!(one.feed(hinted(false)), NOTHING);
        assert_eq!(one.feed(hinted(true)), ["look 2"]);
    }

    #[test]
    fn the_outcome_of_an_older_look_changes_nothing() {
        let mut one = One::new(pull_key(), rules());
        one.feed(hinted(true));
        one.feed(observed(1, &snapshot().head('b')));
        one.feed(hinted(true));
        let state = one.state.clone();

        one.feed(observed(1, &snapshot()));
        one.feed(Pull::Unchanged { look: 1 });
        one.feed(Pull::LookFailed { look: 1, why: LookFailure::NotFound });

        assert_eq!(one.state, state);
    }

    // G018, G021, G025, G037: whatever hinted, the look decides
    #[test]
    fn a_head_that_no_hint_told_of_is_found_by_the_next_look() {
        let mut pr = Pr::shipped();
        pr.shows(red('a'));
        pr.github = pending('b');

        pr.hint();

        assert_eq!(pr.one.pull().head(), Some(&sha('b')));
        assert!(pr.one.pull().red.is_none());
        assert_eq!(pr.pass(mins(10)), NOTHING);
    }

    // G047, G025
    #[test]
    fn what_github_showed_before_changes_nothing_when_it_shows_it_again() {
        let mut pr = Pr::shipped();
        let mut older = red('a');
        older.updated_at -= secs(60);
        pr.shows(red('b').review(person("ada"), ChangesRequested));
        let facts = pr.one.pull().snapshot.clone();
        let looks = pr.looks;

        pr.shows(older);
        assert_eq!(pr.one.pull().snapshot, facts);
        pr.pass(secs(14));

        assert_eq!((pr.looks - looks, &pr.one.pull().snapshot), (4, &facts), "after 0, 2, 6 and 14 s");
        pr.pass(mins(30));
        assert_eq!(pr.one.pull().head(), Some(&sha('a')), "what stays so for long is so");
    }

    // S31: what could not be asked is as it was
    #[test]
    fn a_look_that_fails_is_tried_again_with_growing_pauses_and_changes_no_fact() {
        let mut pr = Pr::shipped();
        pr.shows(red('a').review(person("ada"), ChangesRequested));
        let facts = pr.one.pull().snapshot.clone();
        pr.down = true;
        pr.hint();
        let begun = pr.one.at;
        let looks = pr.looks;

        pr.pass(secs(14));
        assert_eq!(pr.looks - looks, 3, "after 2, 6 and 14 s");
        pr.pass(mins(60));
        assert!(pr.looks - looks < 25, "{} looks in an hour", pr.looks - looks);
        assert_eq!(pr.one.pull().snapshot, facts);
        assert!(pr.one.pull().look_failure.is_some());

        pr.down = false;
        pr.pass(mins(5));

        assert_eq!((pr.one.pull().look.failed, &pr.one.pull().look_failure), (0, &None));
        assert!(pr.one.pull().observed_at > Some(begun));
    }

    #[test]
    fn a_number_that_is_no_pull_request_is_given_up() {
        let mut one = One::new(pull_key(), rules());
        one.feed(hinted(true));
        for look in 1..=u64::from(LOOKS_AT_NOTHING_MAX) {
            one.feed(Pull::LookFailed { look, why: LookFailure::NotFound });
            one.pass(mins(6));
        }

        assert_eq!(one.deadline(), None);
        assert_eq!(one.feed(hinted(true)), ["look 9"]);
    }

    // G028
    #[test]
    fn a_managed_pull_request_that_is_not_found_yet_is_looked_for_on() {
        let mut one = One::new(pull_key(), rules());
        one.feed(Pull::Managed { task: task_id(), session: session_id() });
        for look in 1..=20 {
            one.feed(Pull::LookFailed { look, why: LookFailure::NotFound });
            one.pass(mins(6));
        }

        assert!(one.pull().look.running);
    }

    // G024, G033, G088
    #[test]
    fn merged_is_told_once_and_final() {
        let mut pr = Pr::shipped();
        pr.shows(red('a'));
        let merged = red('a').lifecycle(Lifecycle::Merged);
        assert_eq!(pr.shows(merged.clone()), ["tell task/hello-3: pull request merged"]);
        let looks = pr.looks;

        for later in [red('a'), merged.check("late", FAILED), green('b').lifecycle(Lifecycle::Closed)] {
            assert_eq!(pr.shows(later), NOTHING);
        }

        assert_eq!(pr.pass(mins(60)), NOTHING);
        assert_eq!((pr.looks, pr.one.pull().is_merged()), (looks, true));
        assert_eq!(pr.one.pull().incidents, [].into());
    }

    #[test]
    fn a_look_that_runs_while_the_merge_is_seen_cannot_take_it_back() {
        let mut one = One::new(pull_key(), rules());
        one.feed(Pull::Managed { task: task_id(), session: session_id() });
        one.feed(hinted(true));
        one.feed(observed(1, &snapshot().lifecycle(Lifecycle::Merged)));

        assert_eq!(one.feed(observed(2, &snapshot())), NOTHING);
        assert!(one.pull().is_merged());
    }

    // G034, S25, S48
    #[test]
    fn closed_is_told_once_and_ends_what_was_open() {
        let mut pr = Pr::shipped();
        pr.shows(red('a').review(person("ada"), ChangesRequested));
        pr.pass(secs(20));
        let closed = pr.github.clone().lifecycle(Lifecycle::Closed);

        assert_eq!(pr.shows(closed.clone()), ["tell task/hello-3: pull request closed"]);
        assert_eq!(pr.shows(closed.check("late", FAILED)), NOTHING);

        assert_eq!(pr.pass(mins(60)), NOTHING);
        let pull = pr.one.pull();
        assert_eq!((&pull.incidents, &pull.ledger), (&[].into(), &Ledger::default()));
    }

    // G032: what GitHub shows as open is open
    #[test]
    fn a_pull_request_that_was_opened_again_is_open() {
        let mut pr = Pr::shipped();
        pr.shows(snapshot().lifecycle(Lifecycle::Closed));
        pr.shows(red('b'));

        assert!(pr.one.pull().is_open());
        assert_eq!(pr.pass(secs(20)), ["tell session/hello-3: prompt wanted (checks-failed attempt 1)"]);
        assert_eq!(pr.shows(red('b').lifecycle(Lifecycle::Closed)), ["tell task/hello-3: pull request closed"]);
    }

    // G046
    #[test]
    fn the_same_number_in_another_repository_is_another_machine() {
        let other = MachineKey::Pull { repo: crate::model::RepoId(2), number: NUMBER };
        let mut one = One::new(other.clone(), rules());
        one.feed(Pull::Hinted { repo: crate::model::RepoId(2), number: NUMBER, urgent: true });

        assert_eq!(one.pull().key(), other);
        assert_ne!(one.pull().key(), pull_key());
    }

    #[test]
    fn to_be_managed_twice_by_the_same_task_changes_nothing() {
        let mut pr = Pr::shipped();
        pr.shows(red('a'));
        pr.pass(secs(20));
        pr.submitted(CI);
        let incident = pr.incident(CI).clone();

        pr.feed(Pull::Managed { task: task_id(), session: session_id() });

        assert_eq!(*pr.incident(CI), incident);
    }

    #[test]
    fn a_turn_that_ended_before_the_next_action_is_remembered() {
        let own = "name: ci-failed\ndo:\n  - prompt: Fix it.\n  - label: repairing\n";
        let mut pr = Pr::managed(rules_with(&[own]));
        pr.shows(red('a'));
        pr.pass(secs(20));
        assert_eq!(pr.submitted(CI), ["act ci-failed do 1"]);
        pr.turn_ended(CI);
        pr.acted(ActionOutcome::Done);

        pr.pass(secs(20));

        assert!(matches!(pr.incident(CI).stage, Stage::BackingOff { .. }), "{:?}", pr.incident(CI).stage);
    }

    #[test]
    fn the_keys_by_which_it_is_found_are_those_of_an_open_one() {
        let mut pr = Pr::shipped();
        pr.shows(green('b'));
        let of_task = crate::model::LookupKey::Task(task_id());
        let main = "main".parse().unwrap();
        assert_eq!(
            pr.one.pull().lookup(),
            [
                crate::model::LookupKey::Pulls(REPO),
                crate::model::LookupKey::Head(REPO, sha('b')),
                crate::model::LookupKey::BaseBranch(REPO, main),
                crate::model::LookupKey::HeadBranch(REPO, head_branch()),
                of_task.clone(),
            ]
        );

        pr.shows(green('b').lifecycle(Lifecycle::Closed));

        assert_eq!(pr.one.pull().lookup(), [of_task]);
    }
}
