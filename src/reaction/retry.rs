//! How often a cause is put to an agent, and how long is waited in between. Pure arithmetic.

use std::time::Duration;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::yaml;

/// How often a cause is put to an agent.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Retry {
    /// How many prompts one cause gets (for checks: the same failure).
    #[schemars(range(min = 1, max = 100))]
    pub attempts: u32,
    /// How many prompts the whole incident gets, whatever its causes.
    #[schemars(range(min = 1, max = 1_000))]
    pub total: u32,
    /// How long is waited before the next one.
    pub backoff: Backoff,
}

/// How long is waited before the next attempt.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Backoff {
    /// After the first failed attempt.
    pub initial: yaml::Duration,
    /// How many times longer each further wait is, from 1 to 10.
    #[schemars(range(min = 1.0, max = 10.0))]
    pub factor: f64,
    /// The longest wait.
    pub max: yaml::Duration,
    /// By which part a wait may be longer or shorter, from 0 to 1, so that many do not come at once.
    #[schemars(range(min = 0.0, max = 1.0))]
    pub jitter: f64,
}

impl Default for Retry {
    fn default() -> Self {
        Self { attempts: 3, total: 6, backoff: Backoff::default() }
    }
}

impl Default for Backoff {
    fn default() -> Self {
        let (initial, max) = (yaml::Duration::from_secs(30), yaml::Duration::from_secs(15 * 60));
        Self { initial, factor: 2.0, max, jitter: 0.2 }
    }
}

impl Backoff {
    /// The wait after the `attempt`-th failed attempt, counted from 1. `entropy` chooses within the jitter.
    ///
    /// It is at most `max` plus its jitter.
    #[must_use]
    pub fn delay(&self, attempt: u32, entropy: u64) -> Duration {
        let exponent = i32::try_from(attempt.saturating_sub(1)).unwrap_or(i32::MAX);
        let grown = self.initial.0.as_secs_f64() * self.factor.powi(exponent);
        let wait = grown.min(self.max.0.as_secs_f64());
        let jittered = wait * (1.0 + self.jitter * (2.0 * unit(entropy) - 1.0));
        Duration::try_from_secs_f64(jittered).unwrap_or(self.max.0)
    }

    pub(super) fn sped_up(self, factor: u32) -> Self {
        Self { initial: self.initial.sped_up(factor), max: self.max.sped_up(factor), ..self }
    }
}

/// A number from 0 to 1 of the upper 32 bits of `entropy`.
fn unit(entropy: u64) -> f64 {
    let upper = u32::try_from(entropy >> 32).unwrap_or_default();
    f64::from(upper) / f64::from(u32::MAX)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn waits_grow_up_to_the_longest() {
        let backoff = Backoff { jitter: 0.0, ..Backoff::default() };

        let waits: Vec<u64> = (1..=8).map(|attempt| backoff.delay(attempt, 7).as_secs()).collect();
        assert_eq!(waits, [30, 60, 120, 240, 480, 900, 900, 900]);
    }

    #[test]
    fn entropy_chooses_within_the_jitter() {
        let delay = |entropy| Backoff::default().delay(1, entropy).as_millis();

        assert_eq!((delay(0), delay(u64::MAX)), (24_000, 36_000));
    }

    proptest! {
        #[test]
        fn a_wait_stays_within_its_jitter(attempt in 0_u32.., entropy: u64) {
            let backoff = Backoff::default();
            let exact = Backoff { jitter: 0.0, ..backoff }.delay(attempt, 0).as_secs_f64();
            let wait = backoff.delay(attempt, entropy).as_secs_f64();
            prop_assert!((exact * 0.799..=exact * 1.201).contains(&wait), "{wait} of {exact}");
        }
    }
}
