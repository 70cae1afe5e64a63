//! Whether GitHub is down, and how to come back to it: pauses that grow, one probe, then more and more. Pure.

use jiff::{SignedDuration, Timestamp};

/// So many failures in a row are an outage, not bad luck.
const FAILURES_MAX: u32 = 5;
const PAUSE_MIN: SignedDuration = SignedDuration::from_secs(4);
const PAUSE_MAX: SignedDuration = SignedDuration::from_mins(2);
/// GitHub asks integrators to stay below 100 requests at once.
pub(super) const PLACES_MAX: usize = 40;

/// What is known about an outage.
#[derive(Debug)]
pub(super) struct Outage {
    failures: u32,
    /// How many pauses there were since it began.
    pauses: u32,
    until: Option<Timestamp>,
    places: usize,
}

impl Default for Outage {
    fn default() -> Self {
        Self { failures: 0, pauses: 0, until: None, places: PLACES_MAX }
    }
}

impl Outage {
    /// How many requests may run at once: one as a probe, then twice as many after each good answer.
    pub(super) const fn places(&self) -> usize {
        self.places
    }

    /// Until when nobody asks.
    pub(super) fn until(&self, now: Timestamp) -> Option<Timestamp> {
        self.until.filter(|until| *until > now)
    }

    /// No usable answer came. `dice` decides where in the second half of the pause it ends.
    pub(super) fn failed(&mut self, now: Timestamp, dice: u32) {
        self.failures = self.failures.saturating_add(1);
        let probed = self.until.is_some_and(|until| until <= now);
        // What was under way when it was found out says nothing new.
        let found_out = self.until.is_none() && self.failures >= FAILURES_MAX;
        if !probed && !found_out {
            return;
        }
        let whole = (PAUSE_MIN * (1 << self.pauses.min(8))).min(PAUSE_MAX);
        self.pauses = self.pauses.saturating_add(1);
        self.places = 1;
        let half = whole.as_millis() / 2;
        let part = half * i128::from(dice) / i128::from(u32::MAX);
        let millis = i64::try_from(half + part).unwrap_or(i64::MAX);
        self.until = Some(now + SignedDuration::from_millis(millis));
    }

    /// A usable answer came.
    pub(super) fn answered(&mut self) {
        (self.failures, self.pauses, self.until) = (0, 0, None);
        self.places = (self.places * 2).min(PLACES_MAX);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(second: i64) -> Timestamp {
        Timestamp::from_second(second).unwrap()
    }

    fn down() -> Outage {
        let mut outage = Outage::default();
        for _ in 0..FAILURES_MAX {
            outage.failed(at(0), u32::MAX);
        }
        outage
    }

    #[test]
    fn single_failures_are_no_outage() {
        let mut outage = Outage::default();
        for _ in 0..100 {
            outage.failed(at(0), 0);
            outage.failed(at(0), 0);
            outage.answered();
        }

        assert_eq!((outage.until(at(0)), outage.places()), (None, PLACES_MAX));
    }

    // G123
    #[test]
    fn half_an_hour_of_outage_is_a_few_probes_and_recovery_begins_with_one_request() {
        let mut outage = down();
        let mut probes = 0;
        let mut now = at(0);
        while now < at(1800) {
            now = outage.until(now).unwrap();
            assert_eq!(outage.places(), 1);
            outage.failed(now, u32::MAX);
            probes += 1;
        }
        assert_eq!(probes, 19, "4, 8, 16, 32, 64 and then 120 s apart");

        let now = outage.until(now).unwrap();
        let mut places = Vec::new();
        for _ in 0..7 {
            places.push(outage.places());
            outage.answered();
        }
        assert_eq!((outage.until(now), places), (None, vec![1, 2, 4, 8, 16, 32, 40]));
    }

    #[test]
    fn the_pauses_of_many_daemons_end_at_different_times() {
        let end = |dice| {
            let mut outage = Outage::default();
            for _ in 0..FAILURES_MAX {
                outage.failed(at(0), dice);
            }
            outage.until(at(0)).unwrap()
        };

        assert_eq!([end(0), end(u32::MAX / 2 + 1), end(u32::MAX)], [at(2), at(3), at(4)]);
    }

    #[test]
    fn what_was_under_way_when_it_was_found_out_does_not_prolong_it() {
        let mut outage = down();
        for _ in 0..35 {
            outage.failed(at(1), u32::MAX);
        }

        assert_eq!(outage.until(at(1)), Some(at(4)));
    }
}
