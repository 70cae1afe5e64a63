//! The one place that decides whether a request may be sent now.
//!
//! GitHub's rules for integrators: at most 100 requests at once (we keep 40), writes one after the other with a pause
//! between them, and silence for as long as it asks for. A request that may not be sent now is refused here with the
//! time at which it may, so that the caller waits in its own durable way; nothing sleeps through a limit.

use std::sync::{Mutex, MutexGuard};

use http::{HeaderMap, StatusCode};
use jiff::{SignedDuration, Timestamp};
use tokio::sync::{Semaphore, SemaphorePermit};
use tracing::warn;

use super::Error;
use crate::clock::Clock;

const REQUESTS_MAX: usize = 40;
/// The pause after a limit that names no end: at least a minute, then longer each time.
const PAUSE_MIN: SignedDuration = SignedDuration::from_secs(60);
const PAUSE_MAX: SignedDuration = SignedDuration::from_mins(15);
/// No limit of GitHub's lasts longer than its hourly window; a later end is a skewed clock.
const LIMIT_MAX: SignedDuration = SignedDuration::from_mins(65);

/// Whether a request changes something.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    Read,
    Write,
}

/// Which of GitHub's two budgets a request is paid from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Budget {
    Rest,
    Graphql,
}

/// Lets requests through, or says when they may come again.
#[derive(Debug)]
pub struct Governor {
    clock: Clock,
    write_gap: SignedDuration,
    running: Semaphore,
    writing: Semaphore,
    state: Mutex<State>,
}

/// Leave to send one request, for as long as it is held.
#[derive(Debug)]
pub(super) struct Admission<'a> {
    _running: SemaphorePermit<'a>,
    _writing: Option<SemaphorePermit<'a>>,
}

#[derive(Debug, Default)]
struct State {
    rest_until: Option<Timestamp>,
    graphql_until: Option<Timestamp>,
    /// A secondary limit counts for everything.
    all_until: Option<Timestamp>,
    /// How many limits without an end came in a row.
    pauses: u32,
    written_at: Option<Timestamp>,
}

impl Governor {
    /// A governor that leaves `write_gap` between two writes (GitHub asks for at least one second).
    #[must_use]
    pub fn new(clock: Clock, write_gap: std::time::Duration) -> Self {
        Self {
            clock,
            write_gap: SignedDuration::try_from(write_gap).unwrap_or(PAUSE_MIN),
            running: Semaphore::new(REQUESTS_MAX),
            writing: Semaphore::new(1),
            state: Mutex::default(),
        }
    }

    /// Until when some requests are refused; `None` if all may be sent.
    #[must_use]
    pub fn limited_until(&self) -> Option<Timestamp> {
        let state = self.state();
        let latest = state.rest_until.max(state.graphql_until).max(state.all_until);
        latest.filter(|until| *until > self.clock.now())
    }

    /// Waits for a free place, and for a write also for its turn.
    ///
    /// # Errors
    ///
    /// [`Error::RateLimited`] if GitHub must not be asked now.
    pub(super) async fn admit(&self, kind: Kind, budget: Budget) -> Result<Admission<'_>, Error> {
        self.check(budget)?;
        let writing = match kind {
            Kind::Read => None,
            Kind::Write => Some(self.writing.acquire().await.map_err(Error::unexpected)?),
        };
        if writing.is_some() {
            tokio::time::sleep(self.pause_before_write()).await;
        }
        let running = self.running.acquire().await.map_err(Error::unexpected)?;
        // The limit may have come while this one waited.
        self.check(budget)?;
        if writing.is_some() {
            self.state().written_at = Some(self.clock.now());
        }
        Ok(Admission { _running: running, _writing: writing })
    }

    /// Learns from an answer. Says when to come again if the answer is a refusal because of a limit.
    pub(super) fn learn(
        &self,
        budget: Budget,
        status: StatusCode,
        headers: &HeaderMap,
        body: &[u8],
    ) -> Option<Timestamp> {
        let now = self.clock.now();
        let exhausted = number(headers, "x-ratelimit-remaining") == Some(0);
        let reset = number(headers, "x-ratelimit-reset").and_then(|at| Timestamp::from_second(at).ok());
        if exhausted && let Some(reset) = reset {
            self.limit(Scope::One(budget), reset);
        }
        if !refused(status, headers, body, exhausted) {
            if status.is_success() {
                self.state().pauses = 0;
            }
            return None;
        }
        let asked =
            number(headers, "retry-after").map(|seconds| now + SignedDuration::from_secs(seconds.clamp(1, 7200)));
        Some(match asked.or(reset.filter(|_| exhausted)) {
            Some(until) if asked.is_none() => self.limit(Scope::One(budget), until),
            Some(until) => self.limit(Scope::All, until),
            None => self.pause(),
        })
    }

    /// GraphQL's own refusal: status 200 with an error of type `RATE_LIMITED`.
    pub(super) fn learn_graphql_refusal(&self, headers: &HeaderMap) -> Timestamp {
        let reset = number(headers, "x-ratelimit-reset").and_then(|at| Timestamp::from_second(at).ok());
        match reset.filter(|at| *at > self.clock.now()) {
            Some(reset) => self.limit(Scope::One(Budget::Graphql), reset),
            None => self.pause(),
        }
    }

    fn check(&self, budget: Budget) -> Result<(), Error> {
        let state = self.state();
        let own = match budget {
            Budget::Rest => state.rest_until,
            Budget::Graphql => state.graphql_until,
        };
        match own.max(state.all_until).filter(|until| *until > self.clock.now()) {
            Some(resets_at) => Err(Error::RateLimited { resets_at }),
            None => Ok(()),
        }
    }

    fn pause_before_write(&self) -> std::time::Duration {
        let Some(last) = self.state().written_at else { return std::time::Duration::ZERO };
        let left = self.write_gap - self.clock.now().duration_since(last);
        // A clock that was set back must not stop all writes for an hour.
        left.min(self.write_gap).try_into().unwrap_or_default()
    }

    /// A limit without an end.
    fn pause(&self) -> Timestamp {
        let pauses = {
            let mut state = self.state();
            state.pauses = state.pauses.saturating_add(1);
            state.pauses
        };
        let pause = (PAUSE_MIN * (1 << (pauses - 1).min(4))).min(PAUSE_MAX);
        self.limit(Scope::All, self.clock.now() + pause)
    }

    fn limit(&self, scope: Scope, until: Timestamp) -> Timestamp {
        let now = self.clock.now();
        let until = until.clamp(now + SignedDuration::from_secs(1), now + LIMIT_MAX);
        let mut state = self.state();
        let slot = match scope {
            Scope::All => &mut state.all_until,
            Scope::One(Budget::Rest) => &mut state.rest_until,
            Scope::One(Budget::Graphql) => &mut state.graphql_until,
        };
        let known = slot.is_some_and(|known| known >= until);
        *slot = (*slot).max(Some(until));
        drop(state);
        if !known {
            warn!(limit.scope = ?scope, limit.until = %until, "GitHub limits our requests until {until}");
        }
        until
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().expect("no holder of this lock panics")
    }
}

#[derive(Debug, Clone, Copy)]
enum Scope {
    All,
    One(Budget),
}

/// A 403 is a limit only if something in it says so; otherwise it is a missing permission.
fn refused(status: StatusCode, headers: &HeaderMap, body: &[u8], exhausted: bool) -> bool {
    match status {
        StatusCode::TOO_MANY_REQUESTS => true,
        StatusCode::FORBIDDEN => exhausted || headers.contains_key("retry-after") || speaks_of_a_limit(body),
        _ => false,
    }
}

fn speaks_of_a_limit(body: &[u8]) -> bool {
    let text = String::from_utf8_lossy(&body[..body.len().min(4096)]).to_lowercase();
    ["secondary rate limit", "rate limit exceeded", "abuse detection", "abuse-rate-limits"]
        .iter()
        .any(|phrase| text.contains(phrase))
}

fn number(headers: &HeaderMap, name: &str) -> Option<i64> {
    headers.get(name)?.to_str().ok()?.trim().parse().ok()
}

#[cfg(test)]
mod tests {
    use std::sync::{
        Arc,
        atomic::{AtomicI64, Ordering},
    };

    use super::*;

    /// A governor at the second 1000, and the hand of its clock.
    fn governor() -> (Governor, Arc<AtomicI64>) {
        let hand = Arc::new(AtomicI64::new(1000));
        let read = hand.clone();
        let clock = Clock::from_fn(move || Timestamp::from_second(read.load(Ordering::SeqCst)).unwrap());
        (Governor::new(clock, std::time::Duration::ZERO), hand)
    }

    fn headers(pairs: &[(&'static str, &str)]) -> HeaderMap {
        pairs.iter().map(|(name, value)| (http::HeaderName::from_static(name), value.parse().unwrap())).collect()
    }

    fn at(second: i64) -> Option<Timestamp> {
        Timestamp::from_second(second).ok()
    }

    // G120
    #[tokio::test]
    async fn an_exhausted_budget_is_left_alone_until_its_reset_and_the_other_goes_on() {
        let (governor, hand) = governor();
        let headers = headers(&[("x-ratelimit-remaining", "0"), ("x-ratelimit-reset", "1500")]);

        assert_eq!(governor.learn(Budget::Rest, StatusCode::OK, &headers, b""), None);

        let refused = governor.admit(Kind::Read, Budget::Rest).await.unwrap_err();
        assert!(matches!(refused, Error::RateLimited { resets_at } if Some(resets_at) == at(1500)), "{refused:?}");
        assert!(governor.admit(Kind::Read, Budget::Graphql).await.is_ok());
        assert_eq!(governor.limited_until(), at(1500));
        hand.store(1500, Ordering::SeqCst);
        assert!(governor.admit(Kind::Read, Budget::Rest).await.is_ok());
        assert_eq!(governor.limited_until(), None);
    }

    // G121
    #[tokio::test]
    async fn retry_after_silences_everything() {
        for status in [StatusCode::FORBIDDEN, StatusCode::TOO_MANY_REQUESTS] {
            let (governor, _) = governor();
            assert_eq!(governor.learn(Budget::Rest, status, &headers(&[("retry-after", "60")]), b""), at(1060));
            assert!(governor.admit(Kind::Read, Budget::Graphql).await.is_err());
        }
    }

    // G121
    #[test]
    fn a_secondary_limit_without_headers_pauses_longer_each_time() {
        let (governor, hand) = governor();
        let body = b"{\"message\": \"You have exceeded a secondary rate limit. Please wait a few minutes\"}";
        let learn = |now| {
            hand.store(now, Ordering::SeqCst);
            governor.learn(Budget::Rest, StatusCode::FORBIDDEN, &HeaderMap::new(), body)
        };

        assert_eq!(learn(1000), at(1060));
        assert_eq!(learn(1060), at(1180));
        assert_eq!(learn(1180), at(1420));
        assert_eq!(governor.learn(Budget::Rest, StatusCode::OK, &HeaderMap::new(), b""), None);
        assert_eq!(learn(2000), at(2060));
        assert_eq!(governor.learn(Budget::Rest, StatusCode::TOO_MANY_REQUESTS, &HeaderMap::new(), b""), at(2120));
    }

    // G119
    #[test]
    fn a_missing_permission_is_no_limit() {
        let (governor, _) = governor();
        let body = b"{\"message\": \"Resource not accessible by integration\"}";
        let headers = headers(&[("x-ratelimit-remaining", "4999"), ("x-ratelimit-reset", "1500")]);

        assert_eq!(governor.learn(Budget::Rest, StatusCode::FORBIDDEN, &headers, body), None);
        assert_eq!(governor.limited_until(), None);
    }

    #[test]
    fn a_reset_in_the_past_or_the_far_future_is_bounded() {
        let (governor, _) = governor();
        let reset = |at: &str| headers(&[("x-ratelimit-remaining", "0"), ("x-ratelimit-reset", at)]);
        assert_eq!(governor.learn(Budget::Rest, StatusCode::FORBIDDEN, &reset("10"), b""), at(1001));
        assert_eq!(governor.learn(Budget::Graphql, StatusCode::FORBIDDEN, &reset("99999999"), b""), at(1000 + 65 * 60));
    }

    #[tokio::test]
    async fn writes_go_one_at_a_time_and_reads_forty() {
        let (governor, _) = governor();
        let write = governor.admit(Kind::Write, Budget::Rest).await.unwrap();
        assert_eq!(governor.writing.available_permits(), 0);
        let mut reads = Vec::new();
        for _ in 0..39 {
            reads.push(governor.admit(Kind::Read, Budget::Rest).await.unwrap());
        }
        assert_eq!(governor.running.available_permits(), 0);
        drop((write, reads));
        assert_eq!((governor.writing.available_permits(), governor.running.available_permits()), (1, 40));
    }

    // G027
    #[test]
    fn a_clock_set_back_does_not_stop_writes() {
        let hand = Arc::new(AtomicI64::new(10_000));
        let read = hand.clone();
        let clock = Clock::from_fn(move || Timestamp::from_second(read.load(Ordering::SeqCst)).unwrap());
        let governor = Governor::new(clock, std::time::Duration::from_secs(1));
        governor.state().written_at = at(10_000);

        assert_eq!(governor.pause_before_write(), std::time::Duration::from_secs(1));
        hand.store(6400, Ordering::SeqCst);
        assert_eq!(governor.pause_before_write(), std::time::Duration::from_secs(1));
        hand.store(10_001, Ordering::SeqCst);
        assert_eq!(governor.pause_before_write(), std::time::Duration::ZERO);
    }
}
