//! The claim on an effect: what it was, how far somebody got with it, the right to say what became of it, and to put it off.

use std::time::Duration;

use jiff::Timestamp;
use tracing::info;

use super::{Executor, Outcome};
use crate::{
    event::Event,
    journal::{EffectId, Fenced, Journal},
    model::Fence,
};

/// How long an effect is put off, at least and at most.
const PAUSE_MIN: Duration = Duration::from_secs(1);
const PAUSE_MAX: Duration = Duration::from_secs(300);

/// The claim on an effect.
pub(crate) struct Claim {
    pub(super) id: EffectId,
    pub(super) fence: Fence,
    pub(super) progress: Option<String>,
    pub(super) postponed: u32,
    /// How often it was tried in vain; an outage of GitHub uses none of it up.
    pub(super) tried: u32,
    /// When the effect was ordered.
    pub(super) since: Timestamp,
}

impl Claim {
    /// Notes how far this effect got; false if the claim is no longer ours.
    pub(super) async fn note(
        &self,
        journal: &dyn Journal,
        note: String,
        event: Option<Event>,
    ) -> Result<bool, crate::journal::Error> {
        let fenced = journal.progress(self.id.clone(), self.fence, note, event).await?;
        if fenced == Fenced::Stale {
            info!(machine = %self.id.machine, "An effect was taken over by somebody else");
        }
        Ok(fenced == Fenced::Accepted)
    }

    /// A name for this effect that is the same on every try, for markers.
    pub(super) fn operation(&self) -> String {
        let text = format!("{}-{}-{}", self.id.machine, self.id.version, self.id.index);
        text.chars().map(|c| if c.is_ascii_alphanumeric() { c } else { '-' }).collect()
    }
}

impl Executor {
    /// Puts an effect off, longer each time.
    pub(super) fn later(&self, claim: &Claim, why: impl Into<String>) -> Outcome {
        let after = (PAUSE_MIN * 2_u32.saturating_pow(claim.postponed.min(9))).min(PAUSE_MAX) / self.scale();
        Outcome::Later { after, why: why.into(), tried: false }
    }

    /// Puts an effect off that was tried in vain, longer each time.
    pub(super) fn again(&self, claim: &Claim, why: impl Into<String>) -> Outcome {
        match self.later(claim, why) {
            Outcome::Later { after, why, .. } => Outcome::Later { after, why, tried: true },
            done @ Outcome::Done(_) => done,
        }
    }
}
