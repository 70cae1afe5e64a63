//! One machine on virtual time.

use jiff::{SignedDuration, Timestamp};

use super::{NO_TEXTS, START, checked_step, deadline_of, entropy, facts::*, rules, shown};
use crate::{
    effect::{Act, Effect},
    event::{self, ActionOutcome, Event, LookFailure},
    machine::{Now, Rules, State, incident::Incident, pull, session, task},
    model::{Cause, Failure, FailureClass, IncidentKind, MachineKey, Mergeability, PromptRef, Snapshot},
};

/// A machine that is fed by hand. Its effects go nowhere but into a list.
#[derive(Debug)]
pub(crate) struct One {
    pub(crate) key: MachineKey,
    pub(crate) state: Option<State>,
    pub(crate) at: Timestamp,
    pub(crate) rules: Rules,
    steps: u64,
    pub(crate) effects: Vec<Effect>,
}

impl One {
    pub(crate) fn new(key: MachineKey, rules: Rules) -> Self {
        Self { key, state: None, at: START, rules, steps: 0, effects: Vec::new() }
    }

    /// Feeds one event, and says in words what it led to.
    pub(crate) fn feed(&mut self, event: impl Into<Event>) -> Vec<String> {
        let effects = self.take(&event.into());
        shown(&effects)
    }

    /// Feeds one event.
    pub(crate) fn take(&mut self, event: &Event) -> Vec<Effect> {
        self.steps += 1;
        let now = Now { rules: &self.rules, at: self.at, entropy: entropy(self.steps), texts: NO_TEXTS };
        let Some((state, effects)) = checked_step(&self.key, self.state.take(), event, &now) else { return Vec::new() };
        self.state = Some(state);
        self.effects.extend(effects.iter().cloned());
        effects
    }

    /// Lets time pass; every deadline fires at its moment. Says in words what it led to.
    pub(crate) fn pass(&mut self, duration: SignedDuration) -> Vec<String> {
        let until = self.at + duration;
        let mut said = Vec::new();
        while let Some(at) = self.deadline().filter(|at| *at <= until) {
            self.at = at;
            said.extend(self.feed(deadline_of(&self.key)));
        }
        self.at = until;
        said
    }

    /// When it wants to be woken.
    pub(crate) fn deadline(&self) -> Option<Timestamp> {
        self.state.as_ref()?.next_deadline(&self.rules, self.at).map(|(at, _)| at)
    }

    pub(crate) fn pull(&self) -> &pull::State {
        let Some(State::Pull(state)) = &self.state else { panic!("no pull request: {:?}", self.state) };
        state
    }

    pub(crate) fn session(&self) -> &session::State {
        let Some(State::Session(state)) = &self.state else { panic!("no session: {:?}", self.state) };
        state
    }

    pub(crate) fn task(&self) -> &task::State {
        let Some(State::Task(state)) = &self.state else { panic!("no task: {:?}", self.state) };
        state
    }
}

/// A managed pull request. Looks and logs are answered at once with what GitHub shows; everything else is up to the
/// test.
#[derive(Debug)]
pub(crate) struct Pr {
    pub(crate) one: One,
    /// What GitHub shows.
    pub(crate) github: Snapshot,
    /// Whether GitHub can be asked.
    pub(crate) down: bool,
    /// The fingerprint of every failure.
    pub(crate) cause: String,
    /// The class of every failure.
    pub(crate) class: FailureClass,
    /// How many looks it took.
    pub(crate) looks: u32,
}

impl Pr {
    /// A pull request of our task.
    pub(crate) fn managed(rules: Rules) -> Self {
        let mut pr = Self::unmanaged(rules);
        pr.feed(event::Pull::Managed { task: task_id(), session: session_id() });
        pr
    }

    /// Somebody's pull request, of which nothing is known yet.
    pub(crate) fn unmanaged(rules: Rules) -> Self {
        let one = One::new(pull_key(), rules);
        let class = FailureClass::Unknown;
        Self { one, github: snapshot(), down: false, cause: "cause".to_owned(), class, looks: 0 }
    }

    /// With the shipped rules.
    pub(crate) fn shipped() -> Self {
        Self::managed(rules())
    }

    /// GitHub shows something new and hints at it.
    pub(crate) fn shows(&mut self, snapshot: Snapshot) -> Vec<String> {
        self.github = snapshot;
        self.hint()
    }

    /// GitHub hints that something may have changed.
    pub(crate) fn hint(&mut self) -> Vec<String> {
        self.feed(event::Pull::Hinted { repo: REPO, number: NUMBER, urgent: true })
    }

    /// Feeds one event; looks and logs that it asks for are answered. Returns all other effects, in words.
    pub(crate) fn feed(&mut self, event: impl Into<Event>) -> Vec<String> {
        let effects = self.one.take(&event.into());
        self.answer(effects)
    }

    /// Lets time pass.
    pub(crate) fn pass(&mut self, duration: SignedDuration) -> Vec<String> {
        let until = self.one.at + duration;
        let mut said = Vec::new();
        while let Some(at) = self.one.deadline().filter(|at| *at <= until) {
            self.one.at = at;
            said.extend(self.feed(event::Pull::DeadlinePassed));
        }
        self.one.at = until;
        said
    }

    fn answer(&mut self, effects: Vec<Effect>) -> Vec<String> {
        let mut rest = Vec::new();
        for effect in effects {
            if let Effect::Look { look, known, .. } = effect {
                self.looks += 1;
                let seen = self.seen(look, known.as_ref());
                rest.extend(self.feed(seen));
            } else if let Effect::Triage { head, checks, .. } = effect {
                let failures = self.logs(&checks);
                rest.extend(self.feed(event::Pull::Triaged { head, checks, failures }));
            } else {
                rest.extend(shown(&[effect]));
            }
        }
        rest
    }

    fn logs(&self, checks: &[crate::model::Check]) -> Vec<Failure> {
        checks.iter().map(|check| Failure { class: self.class, ..failure(check, &self.cause) }).collect()
    }

    fn seen(&self, look: u64, known: Option<&crate::model::TextHash>) -> event::Pull {
        let hash = hash(&self.github);
        if self.down {
            event::Pull::LookFailed { look, why: LookFailure::Unavailable("502".to_owned()) }
        } else if known == Some(&hash) {
            event::Pull::Unchanged { look }
        } else {
            event::Pull::Observed { look, snapshot: Box::new(self.github.clone()), hash }
        }
    }

    /// The open incident of this kind.
    pub(crate) fn incident(&self, kind: IncidentKind) -> &Incident {
        self.one.pull().incidents.get(&kind).unwrap_or_else(|| panic!("no incident {kind:?}"))
    }

    /// Whether an incident of this kind is open.
    pub(crate) fn has(&self, kind: IncidentKind) -> bool {
        self.one.pull().incidents.contains_key(&kind)
    }

    /// The entry of the incident's round in the session's queue.
    pub(crate) fn reference(&self, kind: IncidentKind) -> PromptRef {
        let wanted = self.one.effects.iter().rev().find_map(|effect| {
            let Effect::Tell { event: Event::Session(event::Session::PromptWanted { reference }), .. } = effect else {
                return None;
            };
            let same = matches!(&reference.cause, Cause::Incident { kind: it, .. } if *it == kind);
            same.then(|| reference.clone())
        });
        wanted.unwrap_or_else(|| panic!("no prompt was wanted on {kind:?}"))
    }

    /// The session typed the prompt, with what it covers now.
    pub(crate) fn submitted(&mut self, kind: IncidentKind) -> Vec<String> {
        let (reference, covers) = (self.reference(kind), pull::covers(self.one.pull(), kind));
        assert!(pull::still_wanted(self.one.pull(), &reference), "the session would have withdrawn it");
        self.feed(event::Pull::PromptSubmitted { reference, covers })
    }

    /// The session found the prompt no longer wanted.
    pub(crate) fn withdrawn(&mut self, kind: IncidentKind) -> Vec<String> {
        let reference = self.reference(kind);
        assert!(!pull::still_wanted(self.one.pull(), &reference), "the session would have typed it");
        self.feed(event::Pull::PromptWithdrawn { reference })
    }

    /// The agent ended the turn that answered the prompt.
    pub(crate) fn turn_ended(&mut self, kind: IncidentKind) -> Vec<String> {
        let references = vec![self.reference(kind)];
        self.feed(event::Pull::TurnEnded { references })
    }

    /// The newest action was carried out.
    pub(crate) fn acted(&mut self, outcome: ActionOutcome) -> Vec<String> {
        let act = self.newest_act();
        self.feed(super::outcome_of(&act, outcome))
    }

    /// The newest action that was ordered.
    pub(crate) fn newest_act(&self) -> Act {
        let mut acts = self.one.effects.iter().rev();
        let act = acts.find_map(|effect| if let Effect::Act(act) = effect { Some(act.clone()) } else { None });
        act.expect("an action was ordered")
    }

    /// Carries out every action of an escalation.
    pub(crate) fn escalated(&mut self) {
        while !self.acted(ActionOutcome::Done).is_empty() {}
    }

    /// GitHub shows the branch in conflict with its base.
    pub(crate) fn conflicts(&mut self, letter: char) -> Vec<String> {
        self.shows(snapshot().head(letter).mergeable(Mergeability::Conflicting))
    }
}
