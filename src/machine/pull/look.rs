//! When to look at GitHub: at most one look running and one pending per pull request.

use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};

/// The looks of one pull request.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Look {
    /// The serial number of the newest look.
    pub serial: u64,
    /// When the newest look was ordered.
    pub ordered_at: Option<Timestamp>,
    /// Whether its outcome is still open.
    pub running: bool,
    /// The earliest moment of the next one, if one is wanted.
    pub wanted_at: Option<Timestamp>,
    /// How many looks failed in a row.
    pub failed: u32,
}

impl Look {
    /// No look yet.
    pub(crate) const fn new() -> Self {
        Self { serial: 0, ordered_at: None, running: false, wanted_at: None, failed: 0 }
    }

    /// Wants a look at `at` or soon after.
    pub(crate) fn want(&mut self, at: Timestamp) {
        self.wanted_at = Some(self.wanted_at.map_or(at, |wanted| wanted.min(at)));
    }

    /// Wants a look after a hint: at once, but not sooner than `interval` after the last one.
    pub(crate) fn want_politely(&mut self, now: Timestamp, interval: SignedDuration) {
        let at = self.ordered_at.map_or(now, |last| now.max(last + interval));
        self.want(at);
    }

    /// Orders the next look, if one is wanted now and none is running.
    pub(crate) fn order(&mut self, now: Timestamp) -> Option<u64> {
        if self.running || self.wanted_at.is_none_or(|at| at > now) {
            return None;
        }
        self.serial += 1;
        self.ordered_at = Some(now);
        self.running = true;
        self.wanted_at = None;
        Some(self.serial)
    }

    /// Takes the outcome of look `serial`; false if it is an old one.
    #[must_use]
    pub(crate) fn ended(&mut self, serial: u64) -> bool {
        if !self.running || serial != self.serial {
            return false;
        }
        self.running = false;
        true
    }

    /// When the next look is due. While one runs, its outcome comes first.
    pub(crate) const fn deadline(&self) -> Option<Timestamp> {
        if self.running { None } else { self.wanted_at }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(seconds: i64) -> Timestamp {
        Timestamp::from_second(seconds).unwrap()
    }

    // G127
    #[test]
    fn a_hundred_hints_in_a_second_are_two_looks() {
        let mut look = Look::new();
        let mut ordered = 0;
        for _ in 0..100 {
            look.want_politely(at(100), SignedDuration::from_secs(5));
            ordered += u32::from(look.order(at(100)).is_some());
        }
        assert!(look.ended(1));
        assert_eq!(look.order(at(101)), None, "the second look came too soon");
        ordered += u32::from(look.order(at(105)).is_some());

        assert_eq!(ordered, 2);
    }

    #[test]
    fn the_outcome_of_an_old_look_is_ignored() {
        let mut look = Look::new();
        look.want(at(0));
        let first = look.order(at(0)).unwrap();
        assert!(look.ended(first));
        look.want(at(10));
        look.order(at(10)).unwrap();

        assert!(!look.ended(first));
    }
}
