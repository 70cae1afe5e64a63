//! What the rule that answers an incident allows. It is taken out of the rule once, and holds until the incident ends.

use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};

use crate::{
    model::{Attempt, RuleName},
    reaction::Backoff,
};

/// What the answering rule allows, taken out of the rule.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Plan {
    /// The rule.
    pub rule: RuleName,
    /// Its actions, in order.
    pub steps: Vec<StepKind>,
    /// How many prompts one failure may take.
    pub attempts_max: Attempt,
    /// How many prompts the incident may take.
    pub total_max: Attempt,
    /// The pause after a failed attempt.
    pub backoff: Backoff,
    /// When people are asked, whatever the attempts.
    pub escalate_at: Option<Timestamp>,
    /// How many actions the escalation has.
    pub escalation_steps: u32,
}

/// What an action of a rule means to the ladder.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum StepKind {
    /// Speaks to the agent: an attempt.
    Prompt,
    /// Starts the agent anew: an attempt.
    Restart,
    /// Merges the base into the branch: an attempt.
    Update,
    /// Runs failed jobs again: their verdict is awaited before the rest of the list.
    Rerun,
    /// Anything else.
    Other,
    /// Its own condition does not hold, or the ladder has nothing to do with it.
    Skipped,
}

impl Plan {
    /// The pause after so many attempts.
    pub(super) fn pause_after(&self, attempts: Attempt, entropy: u64) -> SignedDuration {
        SignedDuration::try_from(self.backoff.delay(attempts.0, entropy)).unwrap_or(SignedDuration::MAX)
    }
}
