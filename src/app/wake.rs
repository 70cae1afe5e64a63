//! Notices that this machine slept: meanwhile deliveries were lost and deadlines passed.

use std::time::Duration;

use jiff::SignedDuration;

use crate::clock::{Clock, Stopwatch};

/// How soon after waking up it is noticed.
const TICK: Duration = Duration::from_secs(10);
/// A clock that is set by less than this is no sleep.
const SLEEP_MIN: SignedDuration = SignedDuration::from_secs(30);

/// Waits until the machine has slept; for how long.
pub(super) async fn slept(clock: &Clock) -> SignedDuration {
    loop {
        let (before, awake) = (clock.now(), Stopwatch::start());
        tokio::time::sleep(TICK).await;
        let slept = asleep(clock.now().duration_since(before), awake.elapsed());
        if slept >= SLEEP_MIN {
            return slept;
        }
    }
}

fn asleep(passed: SignedDuration, awake: Duration) -> SignedDuration {
    passed - SignedDuration::try_from(awake).unwrap_or(SignedDuration::MAX)
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicI64, Ordering};

    use jiff::Timestamp;

    use super::*;

    #[tokio::test(start_paused = true)]
    async fn a_clock_that_runs_ahead_of_the_time_awake_means_sleep() {
        let start = Stopwatch::start();
        let readings = AtomicI64::new(0);
        // An hour of sleep at the sixth reading, in the third tick.
        let clock = Clock::from_fn(move || {
            let slept = if readings.fetch_add(1, Ordering::SeqCst) >= 5 { 3600 } else { 0 };
            let awake = i64::try_from(start.elapsed().as_secs()).unwrap();
            Timestamp::from_second(1_000 + awake + slept).unwrap()
        });

        assert_eq!(slept(&clock).await, SignedDuration::from_secs(3600));
        assert_eq!(start.elapsed(), TICK * 3);
    }
}
