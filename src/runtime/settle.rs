//! How long to wait between a text and its Enter.

use std::time::Duration;

use serde::{Deserialize, Serialize};

/// When the application counts as having taken in what was typed.
///
/// An Enter that arrives in the same breath as a paste is taken by some agents as a part of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Settle {
    /// How long the screen must not change after it reacted.
    pub quiet: Duration,
    /// How long to wait at most once the text was read: a spinner never becomes quiet.
    pub most: Duration,
    /// How long an application may take to read the text at all. The terminal keeps the order, so the Enter then follows
    /// the text even if nobody has read it yet.
    pub unread: Duration,
}

impl Default for Settle {
    fn default() -> Self {
        Self::TYPICAL
    }
}

impl Settle {
    /// What the agents that were tried need.
    pub const TYPICAL: Self =
        Self { quiet: Duration::from_millis(80), most: Duration::from_millis(300), unread: Duration::from_secs(5) };

    /// For applications that take paste and Enter apart by themselves: no wait at all.
    pub const NONE: Self = Self { quiet: Duration::ZERO, most: Duration::ZERO, unread: Duration::ZERO };

    /// The same pauses in a world that runs `factor` times as fast. What waits for the application stays: a program does
    /// neither read nor draw faster there, and an Enter that comes before it has drawn may answer a dialog unseen.
    #[must_use]
    pub fn faster(self, factor: u32) -> Self {
        Self { quiet: self.quiet / factor.max(1), ..self }
    }

    /// How often to look while waiting.
    pub(crate) const LOOK_EVERY: Duration = Duration::from_millis(10);

    /// Whether to go on waiting, `waited` after the last byte was typed.
    ///
    /// `unread` are the bytes that the application has not read (`None`: the platform does not tell), `quiet` is for how
    /// long its output has not changed since it first reacted (`None`: it has not reacted).
    pub(crate) fn wait(&self, waited: Duration, unread: Option<u64>, quiet: Option<Duration>) -> bool {
        if unread.unwrap_or(0) > 0 {
            return waited < self.unread;
        }
        waited < self.most && quiet.is_none_or(|quiet| quiet < self.quiet)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SETTLE: Settle =
        Settle { quiet: Duration::from_millis(80), most: Duration::from_millis(300), unread: Duration::from_secs(5) };

    fn ms(ms: u64) -> Duration {
        Duration::from_millis(ms)
    }

    #[test]
    fn an_application_that_reacted_and_became_quiet_is_ready_at_once() {
        assert!(SETTLE.wait(ms(100), Some(0), Some(ms(79))));
        assert!(!SETTLE.wait(ms(100), Some(0), Some(ms(80))));
    }

    #[test]
    fn a_silent_one_and_a_spinning_one_are_waited_for_only_so_long() {
        for quiet in [None, Some(ms(1))] {
            assert!(SETTLE.wait(ms(299), None, quiet));
            assert!(!SETTLE.wait(ms(300), None, quiet));
        }
    }

    #[test]
    fn one_that_does_not_read_is_waited_for_longer() {
        assert!(SETTLE.wait(ms(4_999), Some(1), Some(ms(4_000))));
        assert!(!SETTLE.wait(ms(5_000), Some(1), None));
    }

    #[test]
    fn in_a_faster_world_a_program_that_has_not_drawn_is_waited_for_as_long() {
        let fast = SETTLE.faster(10);

        assert!(fast.wait(ms(299), Some(0), None));
        assert!(!fast.wait(ms(100), Some(0), Some(ms(8))));
    }

    #[test]
    fn without_settling_nothing_is_waited_for() {
        assert!(!Settle::NONE.wait(ms(0), Some(1), None));
        assert!(!Settle::NONE.wait(ms(0), Some(0), None));
    }
}
