//! What the incidents of sessions and tasks have in common, and those of pull requests have not: beginning anew is an attempt
//! by itself, and whatever is said is said to one session.

use jiff::Timestamp;

use super::incident::{Incident, Order, Position};
use crate::{
    effect::Effect,
    event::{self, ActionOutcome},
    model::{IncidentKind, MachineKey},
};

impl Incident {
    /// An action was carried out, or failed for good. A restart is an attempt, also one that failed.
    pub(super) fn carried_out(
        &mut self,
        position: Position,
        outcome: &ActionOutcome,
        failures: &[String],
        now: Timestamp,
    ) -> Option<Order> {
        if self.is_restart(position) {
            self.submitted(position.revision, position.step, failures, now)
        } else {
            self.acted(position, outcome, failures, now)
        }
    }

    /// What carries an order of the incident of this kind of `of` out; words go to `session`.
    pub(super) fn effect(
        &self,
        order: Order,
        (of, kind): (MachineKey, IncidentKind),
        session: MachineKey,
    ) -> Option<Effect> {
        match order {
            Order::Act { list, step } => self.act(of, kind, (list, step), None).map(Effect::Act),
            Order::Prompt { step, attempt } => {
                let reference = self.prompt(of, kind, (step, attempt));
                Some(Effect::Tell { to: session, event: event::Session::PromptWanted { reference }.into() })
            }
        }
    }
}
