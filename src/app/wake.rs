//! Notices that this machine slept, or that its clock was set: meanwhile deliveries were lost and deadlines passed.

use std::time::Duration;

use jiff::SignedDuration;

use crate::clock::{Clock, Jumps};

/// How soon after waking up it is noticed.
const TICK: Duration = Duration::from_secs(10);

/// Waits until the clock has jumped; by how much.
pub(super) async fn jumped(clock: &Clock) -> SignedDuration {
    let mut jumps = Jumps::of(clock.clone());
    loop {
        tokio::time::sleep(TICK).await;
        if let Some(jump) = jumps.since_last() {
            return jump;
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicI64, Ordering};

    use jiff::Timestamp;

    use super::*;
    use crate::clock::Stopwatch;

    #[tokio::test(start_paused = true)]
    async fn a_clock_that_runs_ahead_of_the_time_awake_means_sleep() {
        let start = Stopwatch::start();
        let readings = AtomicI64::new(0);
        // An hour of sleep at the fourth reading, in the third tick.
        let clock = Clock::from_fn(move || {
            let slept = if readings.fetch_add(1, Ordering::SeqCst) >= 3 { 3600 } else { 0 };
            let awake = i64::try_from(start.elapsed().as_secs()).unwrap();
            Timestamp::from_second(1_000 + awake + slept).unwrap()
        });

        assert_eq!(jumped(&clock).await, SignedDuration::from_secs(3600));
        assert_eq!(start.elapsed(), TICK * 3);
    }
}
