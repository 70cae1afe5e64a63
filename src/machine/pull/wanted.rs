//! What is still wanted when its turn comes, on the newest facts. Pure, and asked right before the world is touched.

use super::{
    Rules, Standing, State, behind,
    checks::{Verdict, selected, verdict},
    ejected, reviews,
};
use crate::{
    effect::Act,
    machine::incident::{Position, Stage},
    model::{Cause, IncidentKind, Lifecycle, Mergeability, PromptRef, Snapshot},
    reaction::Checks,
};

/// Whether a prompt that was queued should still be sent.
#[must_use]
pub fn still_wanted(state: &State, reference: &PromptRef) -> bool {
    let (kind, action) = match &reference.cause {
        Cause::Comment { .. } => return state.managed.is_some(),
        Cause::Incident { kind, action } => (kind, action),
        Cause::Task | Cause::Person(_) | Cause::Handover => return false,
    };
    if state.paused.is_some() || state.is_stopped() && *kind != IncidentKind::LoopStopped {
        return false;
    }
    let Some(incident) = state.incidents.get(kind).filter(|it| it.is_acting(reference.revision, *action)) else {
        return false;
    };
    let Stage::Acting { head, .. } = &incident.stage else { return false };
    // A prompt about a head that is gone, or is known to be, says nothing about this one, and one that quotes nobody says
    // nothing at all.
    let same_head = head.as_ref() == state.head() && state.told.is_none();
    let asks = matches!(kind, IncidentKind::ChangesRequested | IncidentKind::BotReview);
    let speaks = !asks || !covers(state, *kind).is_empty();
    same_head && speaks && state.cause_holds(*kind)
}

/// Whether an action should still be carried out.
#[must_use]
pub fn still_wanted_act(state: &State, act: &Act) -> bool {
    // A rule that runs beside the ladder has no step in it.
    let beside = act.serial == 0;
    let position = Position { revision: act.revision, list: act.list, step: act.step };
    let incident = state.incidents.get(&act.incident);
    let awaited = incident.is_some_and(|incident| incident.serial == act.serial && incident.awaits(position));
    let answered = act.thread.as_ref().is_none_or(|thread| {
        let threads = state.snapshot.iter().flat_map(|snapshot| &snapshot.threads);
        threads.filter(|it| it.id == *thread).any(|thread| state.ledger.standing(thread) == Standing::Answered)
    });
    let goes_on = !state.is_stopped() || act.incident == IncidentKind::LoopStopped;
    (beside || awaited) && goes_on && answered && state.paused.is_none() && state.cause_holds(act.incident)
}

/// Whether these newer facts on the head of `state` allow a merge; whether green has settled is for the state to say.
#[must_use]
pub fn allows_merge(state: &State, snapshot: &Snapshot, rules: &Rules) -> bool {
    // Whichever checks a rule looks at, those that the base demands have a say.
    let green =
        [rules.checks(IncidentKind::ChecksFailed), &Checks::Required].into_iter().all(|selection| {
            match verdict(&selected(&snapshot.checks, selection)) {
                Verdict::Green => true,
                Verdict::None => state.has_no_checks(rules),
                Verdict::Pending | Verdict::Red(_) | Verdict::Blocked => false,
            }
        });
    snapshot.lifecycle == Lifecycle::Open
        && behind::is_ours(snapshot)
        && ejected::ejection(snapshot).is_none()
        && snapshot.mergeability == Mergeability::Clean
        && state.is_approved(snapshot)
        && green
}

/// What a prompt on the incident `kind` would speak of now: the keys of the ledger.
#[must_use]
pub fn covers(state: &State, kind: IncidentKind) -> Vec<String> {
    match (kind, &state.snapshot) {
        (IncidentKind::ChangesRequested | IncidentKind::BotReview, Some(snapshot)) => {
            reviews::outstanding(snapshot, kind).into_iter().filter(|item| !state.ledger.was_handed(item)).collect()
        }
        _ => Vec::new(),
    }
}

impl State {
    /// Whether the cause of an incident holds on the newest facts.
    fn cause_holds(&self, kind: IncidentKind) -> bool {
        let Some(snapshot) = self.snapshot.as_ref().filter(|snapshot| snapshot.lifecycle == Lifecycle::Open) else {
            return false;
        };
        match kind {
            IncidentKind::ChecksFailed => self.red.as_ref().is_some_and(|red| red.head == snapshot.head.sha),
            IncidentKind::ChangesRequested | IncidentKind::BotReview => {
                !reviews::outstanding(snapshot, kind).is_empty()
            }
            IncidentKind::Conflict => snapshot.mergeability == Mergeability::Conflicting,
            IncidentKind::ChecksMissing => self.green.is_none(),
            IncidentKind::BehindBase => snapshot.mergeability == Mergeability::Behind && self.is_approved(snapshot),
            IncidentKind::MergeQueueEjected => ejected::ejection(snapshot).is_some(),
            IncidentKind::LoopStopped => self.is_stopped(),
            IncidentKind::ApprovedAndGreen => self.is_approved(snapshot),
            IncidentKind::AgentStuck
            | IncidentKind::AgentExited
            | IncidentKind::AgentNeedsInput
            | IncidentKind::AgentLooping
            | IncidentKind::AgentsLost
            | IncidentKind::NoChange
            | IncidentKind::SetupFailed
            | IncidentKind::IssueReady
            | IncidentKind::RuleBroken => false,
        }
    }
}
