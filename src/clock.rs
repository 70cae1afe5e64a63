//! The only reader of the time.

use std::sync::Arc;

use jiff::{SignedDuration, Timestamp};

/// Where the time comes from: the machine's clock, or a test's.
#[derive(Clone)]
pub struct Clock(Arc<dyn Fn() -> Timestamp + Send + Sync>);

impl Clock {
    /// The machine's clock.
    #[must_use]
    #[expect(clippy::disallowed_methods, reason = "this is the one reader of the time")]
    pub fn system() -> Self {
        Self(Arc::new(Timestamp::now))
    }

    /// A clock that says what `read` says.
    pub fn from_fn(read: impl Fn() -> Timestamp + Send + Sync + 'static) -> Self {
        Self(Arc::new(read))
    }

    /// The time now, UTC.
    #[must_use]
    pub fn now(&self) -> Timestamp {
        (self.0)()
    }
}

/// Measures how long this machine was awake: unlike a clock, it stands still while the machine sleeps, and nobody sets it.
#[derive(Debug, Clone, Copy)]
pub struct Stopwatch(tokio::time::Instant);

impl Stopwatch {
    /// Starts measuring.
    #[must_use]
    #[expect(clippy::disallowed_methods, reason = "this is the one reader of the time")]
    pub fn start() -> Self {
        Self(tokio::time::Instant::now())
    }

    /// The time awake since the start.
    #[must_use]
    pub fn elapsed(&self) -> std::time::Duration {
        self.0.elapsed()
    }
}

/// Notices that the clock ran otherwise than the time awake: the machine slept, or somebody set the clock.
#[derive(Debug)]
pub struct Jumps {
    clock: Clock,
    at: Timestamp,
    awake: Stopwatch,
}

/// A clock that was set by less than this did not jump.
const JUMP_MIN: SignedDuration = SignedDuration::from_secs(30);

impl Jumps {
    /// Notices every jump of a clock from now on.
    #[must_use]
    pub fn of(clock: Clock) -> Self {
        Self { at: clock.now(), awake: Stopwatch::start(), clock }
    }

    /// By how much the clock jumped since the last call, forwards or backwards; none if it did not.
    pub fn since_last(&mut self) -> Option<SignedDuration> {
        let (before, awake) = (self.at, self.awake.elapsed());
        (self.at, self.awake) = (self.clock.now(), Stopwatch::start());
        let awake = SignedDuration::try_from(awake).unwrap_or(SignedDuration::MAX);
        Some(self.at.duration_since(before) - awake).filter(|jump| jump.abs() >= JUMP_MIN)
    }
}

impl std::fmt::Debug for Clock {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Clock")
    }
}

#[cfg(test)]
mod tests {
    use std::{
        sync::atomic::{AtomicI64, Ordering},
        time::Duration,
    };

    use super::*;

    // G027
    #[tokio::test(start_paused = true)]
    async fn a_clock_that_does_not_run_with_the_time_awake_has_jumped() {
        let (start, set) = (Stopwatch::start(), Arc::new(AtomicI64::new(1_000_000)));
        let read = set.clone();
        let clock = Clock::from_fn(move || {
            let awake = i64::try_from(start.elapsed().as_secs()).unwrap();
            Timestamp::from_second(read.load(Ordering::SeqCst) + awake).unwrap()
        });
        let mut jumps = Jumps::of(clock);
        let mut after = async |seconds| {
            tokio::time::advance(Duration::from_secs(100)).await;
            set.fetch_add(seconds, Ordering::SeqCst);
            jumps.since_last().map(|jump| jump.as_secs())
        };

        assert_eq!((after(0).await, after(29).await, after(-29).await), (None, None, None));
        assert_eq!((after(28_800).await, after(0).await), (Some(28_800), None));
        assert_eq!((after(-3_600).await, after(0).await), (Some(-3_600), None));
    }
}
