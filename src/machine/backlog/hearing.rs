//! Whether GitHub's deliveries arrive, judged by what a list shows and nobody announced.

use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};

use crate::event::Hearing;

/// Whether deliveries arrive.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Webhooks {
    /// As far as is known, they do.
    Heard,
    /// Something changed that no delivery announced, and nothing was heard since.
    Silent {
        /// When it changed.
        since: Timestamp,
    },
    /// They are switched off in the settings.
    Off,
}

impl Webhooks {
    /// Whether GitHub has to be asked for what it does not say.
    #[must_use]
    pub const fn polls(self) -> bool {
        match self {
            Self::Heard => false,
            Self::Silent { .. } | Self::Off => true,
        }
    }

    /// What follows from a list in which these were the times of change.
    pub(super) fn judged(
        self,
        hearing: Option<Hearing>,
        changes: impl Iterator<Item = Timestamp>,
        (late, now): (SignedDuration, Timestamp),
    ) -> Self {
        let Some(Hearing { since, newest }) = hearing else { return Self::Off };
        let heard = newest.unwrap_or(since).max(since);
        // What changed before we listened, or a moment ago, accuses nobody.
        let unannounced = changes.filter(|at| *at > heard + late && *at + late < now).min();
        match (self, unannounced) {
            (Self::Silent { since }, _) if heard <= since => Self::Silent { since },
            (Self::Heard | Self::Silent { .. } | Self::Off, Some(since)) => Self::Silent { since },
            (Self::Heard | Self::Silent { .. } | Self::Off, None) => Self::Heard,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(second: i64) -> Timestamp {
        Timestamp::from_second(second).unwrap()
    }

    /// Listening since 1000; the newest delivery at `newest`, changes at `changes`, now `now`.
    fn judged(before: Webhooks, newest: Option<i64>, changes: &[i64], now: i64) -> Webhooks {
        let hearing = Hearing { since: at(1000), newest: newest.map(at) };
        before.judged(Some(hearing), changes.iter().copied().map(at), (SignedDuration::from_secs(60), at(now)))
    }

    const SILENT: fn(i64) -> Webhooks = |second| Webhooks::Silent { since: at(second) };

    #[test]
    fn a_change_that_nobody_announced_within_a_minute_is_silence() {
        assert_eq!(judged(Webhooks::Heard, None, &[1200], 1260), Webhooks::Heard, "its delivery may be on its way");
        assert_eq!(judged(Webhooks::Heard, None, &[1200, 1100], 1261), SILENT(1100));
        assert_eq!(judged(Webhooks::Heard, Some(1140), &[1200], 2000), Webhooks::Heard, "clocks differ");
        assert_eq!(judged(Webhooks::Heard, Some(1139), &[1200], 2000), SILENT(1200));
    }

    #[test]
    fn what_changed_before_we_listened_accuses_nobody() {
        assert_eq!(judged(Webhooks::Heard, None, &[900], 5000), Webhooks::Heard);
    }

    #[test]
    fn silence_ends_with_a_delivery_and_not_with_a_list_that_got_shorter() {
        assert_eq!(judged(SILENT(1200), None, &[], 5000), SILENT(1200));
        assert_eq!(judged(SILENT(1200), Some(4990), &[1200], 5000), Webhooks::Heard);
        assert_eq!(judged(SILENT(1200), Some(1300), &[3000], 5000), SILENT(3000), "it fell silent again");
    }

    #[test]
    fn webhooks_that_are_switched_off_are_not_waited_for() {
        assert_eq!(
            Webhooks::Heard.judged(None, [at(1200)].into_iter(), (SignedDuration::ZERO, at(5000))),
            Webhooks::Off
        );
        assert_eq!(judged(Webhooks::Off, None, &[], 5000), Webhooks::Heard);
    }
}
