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
    /// How long an application may take to read the text at all. One that is known to draw it must have drawn it by then, too.
    pub unread: Duration,
}

/// What is seen of an application that was given a text.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Reaction {
    /// The bytes that it has not read; `None`: the platform does not tell.
    pub(crate) unread: Option<u64>,
    /// For how long its output has not changed since it first reacted; `None`: it has not reacted.
    pub(crate) quiet: Option<Duration>,
}

impl Reaction {
    /// Whether it has read all of the text, and drawn something since.
    pub(crate) fn is_drawn(self) -> bool {
        self.unread.unwrap_or(0) == 0 && self.quiet.is_some()
    }
}

impl Default for Settle {
    fn default() -> Self {
        Self::TYPICAL
    }
}

impl Settle {
    /// What the agents that were tried need.
    pub const TYPICAL: Self =
        Self { quiet: Duration::from_millis(80), most: Duration::from_millis(300), unread: Duration::from_secs(20) };

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

    /// Whether to go on waiting, `waited` after the last byte was typed, for an application that `draws` what it is given, or
    /// of which that is not known.
    pub(crate) fn wait(&self, waited: Duration, reaction: Reaction, draws: bool) -> bool {
        if reaction.unread.unwrap_or(0) > 0 || (draws && !reaction.is_drawn()) {
            return waited < self.unread;
        }
        waited < self.most && reaction.quiet.is_none_or(|quiet| quiet < self.quiet)
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

    fn reaction(unread: Option<u64>, quiet: Option<u64>) -> Reaction {
        Reaction { unread, quiet: quiet.map(ms) }
    }

    #[test]
    fn an_application_that_reacted_and_became_quiet_is_ready_at_once() {
        for draws in [false, true] {
            assert!(SETTLE.wait(ms(100), reaction(Some(0), Some(79)), draws));
            assert!(!SETTLE.wait(ms(100), reaction(Some(0), Some(80)), draws));
        }
    }

    #[test]
    fn a_spinning_one_and_one_of_which_nothing_is_known_are_waited_for_only_so_long() {
        for (quiet, draws) in [(None, false), (Some(1), false), (Some(1), true)] {
            assert!(SETTLE.wait(ms(299), reaction(None, quiet), draws));
            assert!(!SETTLE.wait(ms(300), reaction(None, quiet), draws));
        }
    }

    #[test]
    fn one_that_does_not_read_or_draw_what_it_would_draw_is_waited_for_longer() {
        for (unread, quiet, draws) in [(Some(1), Some(4_000), false), (Some(1), None, true), (Some(0), None, true)] {
            assert!(SETTLE.wait(ms(4_999), reaction(unread, quiet), draws));
            assert!(!SETTLE.wait(ms(5_000), reaction(unread, quiet), draws));
        }
    }

    #[test]
    fn what_is_not_read_is_not_drawn_whatever_moves() {
        let drawn = [(Some(0), Some(1)), (None, Some(1)), (Some(1), Some(1)), (Some(0), None)]
            .map(|(unread, quiet)| reaction(unread, quiet).is_drawn());

        assert_eq!(drawn, [true, true, false, false]);
    }

    #[test]
    fn without_settling_nothing_is_waited_for() {
        assert!(!Settle::NONE.wait(ms(0), reaction(Some(1), None), false));
        assert!(!Settle::NONE.wait(ms(0), reaction(Some(0), None), true));
    }

    #[test]
    fn in_a_faster_world_a_program_that_has_not_drawn_is_waited_for_as_long() {
        let fast = SETTLE.faster(10);

        assert!(fast.wait(ms(299), reaction(Some(0), None), false));
        assert!(!fast.wait(ms(100), reaction(Some(0), Some(8)), false));
    }
}
