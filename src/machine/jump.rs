//! What moves when the clock has jumped: the machine slept, or the clock was set.

use jiff::{SignedDuration, Timestamp};

use super::incident::{Incident, Stage};

/// A moment moved by a jump of the clock. One that cannot be moved so far stays.
pub(super) fn moved(at: Timestamp, by: SignedDuration) -> Timestamp {
    at.checked_add(by).unwrap_or(at)
}

impl Incident {
    /// Moves what is awaited, and what it is counted from, by a jump of the clock: time in which nobody lived is no chance.
    pub fn shift(&mut self, by: SignedDuration, now: Timestamp) {
        if let Some(at) = self.plan.as_mut().and_then(|plan| plan.escalate_at.as_mut()) {
            *at = moved(*at, by);
        }
        match &mut self.stage {
            Stage::Settling { until } | Stage::BackingOff { until } => *until = moved(*until, by),
            Stage::Answering { since, turn_ended_at, .. } => {
                *since = moved(*since, by).min(now);
                *turn_ended_at = turn_ended_at.map(|at| moved(at, by).min(now));
            }
            Stage::Acting { turn_ended_at, .. } => *turn_ended_at = turn_ended_at.map(|at| moved(at, by).min(now)),
            Stage::Rerunning
            | Stage::Resting
            | Stage::Escalating { .. }
            | Stage::Escalated { .. }
            | Stage::Unanswered => {}
        }
    }
}
