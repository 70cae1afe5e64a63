//! What GitHub allows: two hourly budgets, each with its own reset, and silences that count for everything. Pure.
//!
//! Written after GitHub's "Rate limits for the REST API" and "Rate limits and query limits for the GraphQL API".

use http::{HeaderMap, StatusCode};
use jiff::{SignedDuration, Timestamp};

use super::{Budget, Class};

/// The pause after a limit that names no end: at least a minute, then longer each time.
const PAUSE_MIN: SignedDuration = SignedDuration::from_secs(60);
const PAUSE_MAX: SignedDuration = SignedDuration::from_mins(15);
/// No limit of GitHub's lasts longer than its hourly window; a later end is a skewed clock.
const LIMIT_MAX: SignedDuration = SignedDuration::from_mins(65);
/// Two resets that lie closer together belong to one window, told by clocks that differ.
const SAME_WINDOW: SignedDuration = SignedDuration::from_secs(30);

/// What is left of one hourly budget, as GitHub said last.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Allowance {
    /// Points per hour.
    pub limit: u32,
    /// Points left in this window.
    pub remaining: u32,
    /// When the next window begins.
    pub resets_at: Timestamp,
}

/// Why nothing is sent for a while.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Why {
    /// The hourly budget of REST is used up.
    Rest,
    /// The hourly budget of GraphQL is used up.
    Graphql,
    /// GitHub asked for silence: a secondary limit.
    Asked,
    /// GitHub cannot be reached or is broken.
    Down,
    /// The App is not installed there, or its installation is suspended.
    NotInstalled,
}

/// All limits of one credential.
#[derive(Debug, Default)]
pub(super) struct Limits {
    rest: Window,
    graphql: Window,
    /// A secondary limit counts for everything.
    all_until: Option<Timestamp>,
    /// How many limits without an end came in a row.
    pauses: u32,
}

#[derive(Debug, Default)]
struct Window {
    allowance: Option<Allowance>,
    until: Option<Timestamp>,
}

/// An answer, as far as limits are concerned.
#[derive(Debug, Clone, Copy)]
pub(super) struct Said<'a> {
    pub(super) budget: Budget,
    pub(super) status: StatusCode,
    pub(super) headers: &'a HeaderMap,
    pub(super) body: &'a [u8],
}

impl Limits {
    /// Says when a request of this class may be sent, if that is not now. `under_way` are requests of the same budget
    /// whose price is not known yet.
    pub(super) fn refusal(&self, class: Class, budget: Budget, under_way: u32, now: Timestamp) -> Option<Timestamp> {
        let window = self.window(budget);
        if let Some(until) = window.until.max(self.all_until).filter(|until| *until > now) {
            return Some(until);
        }
        let allowance = window.current(now)?;
        let left = u64::from(allowance.remaining.saturating_sub(under_way));
        (left * 100 < u64::from(allowance.limit) * class.floor_percent()).then_some(allowance.resets_at)
    }

    /// Learns from an answer. Says when to come again if the answer is a refusal because of a limit.
    pub(super) fn learn(&mut self, said: Said<'_>, now: Timestamp) -> Option<Timestamp> {
        let Said { budget, status, headers, body } = said;
        let exhausted = number(headers, "x-ratelimit-remaining") == Some(0);
        let reset = number(headers, "x-ratelimit-reset").and_then(|at| Timestamp::from_second(at).ok());
        self.count(said, now);
        if exhausted && let Some(reset) = reset {
            self.limit(Some(budget), reset, now);
        }
        if !refused(status, headers, body, exhausted) {
            if status.is_success() {
                self.pauses = 0;
            }
            return None;
        }
        let asked =
            number(headers, "retry-after").map(|seconds| now + SignedDuration::from_secs(seconds.clamp(1, 7200)));
        Some(match (asked, reset.filter(|_| exhausted)) {
            (Some(until), _) => self.limit(None, until, now),
            (None, Some(until)) => self.limit(Some(budget), until, now),
            (None, None) => self.pause(now),
        })
    }

    /// GraphQL's own refusal: status 200 with an error of type `RATE_LIMITED`.
    pub(super) fn learn_graphql_refusal(&mut self, headers: &HeaderMap, now: Timestamp) -> Timestamp {
        let reset = number(headers, "x-ratelimit-reset").and_then(|at| Timestamp::from_second(at).ok());
        match reset.filter(|at| *at > now) {
            Some(reset) => self.limit(Some(Budget::Graphql), reset, now),
            None => self.pause(now),
        }
    }

    /// What is left of a budget in its current window; `None` if GitHub has not said.
    pub(super) fn allowance(&self, budget: Budget, now: Timestamp) -> Option<Allowance> {
        self.window(budget).current(now)
    }

    /// The limit that lasts longest, if one is in force.
    pub(super) fn in_force(&self, now: Timestamp) -> Option<(Timestamp, Why)> {
        let all = [(self.all_until, Why::Asked), (self.rest.until, Why::Rest), (self.graphql.until, Why::Graphql)];
        all.into_iter().filter_map(|(until, why)| Some((until.filter(|it| *it > now)?, why))).max_by_key(|(at, _)| *at)
    }

    fn count(&mut self, said: Said<'_>, now: Timestamp) {
        // What a search or an upload leaves of its own budget says nothing about ours.
        let resource = said.headers.get("x-ratelimit-resource").and_then(|name| name.to_str().ok());
        if resource.is_some_and(|name| name != said.budget.resource()) {
            return;
        }
        let count = |name| number(said.headers, name).and_then(|it| u32::try_from(it).ok());
        let reset = number(said.headers, "x-ratelimit-reset").and_then(|at| Timestamp::from_second(at).ok());
        let (Some(limit), Some(remaining), Some(resets_at)) =
            (count("x-ratelimit-limit"), count("x-ratelimit-remaining"), reset)
        else {
            return;
        };
        let resets_at = resets_at.min(now + LIMIT_MAX);
        let window = self.window_mut(said.budget);
        let (mut remaining, known) = (remaining, window.current(now));
        if let Some(known) = known {
            if resets_at + SAME_WINDOW < known.resets_at {
                return;
            }
            // Answers overtake each other; within a window what is left only shrinks.
            if resets_at <= known.resets_at + SAME_WINDOW {
                remaining = remaining.min(known.remaining);
            }
        }
        window.allowance = Some(Allowance { limit, remaining, resets_at });
    }

    /// A limit without an end.
    fn pause(&mut self, now: Timestamp) -> Timestamp {
        self.pauses = self.pauses.saturating_add(1);
        let pause = (PAUSE_MIN * (1 << (self.pauses - 1).min(4))).min(PAUSE_MAX);
        self.limit(None, now + pause, now)
    }

    /// Silences one budget, or everything.
    fn limit(&mut self, budget: Option<Budget>, until: Timestamp, now: Timestamp) -> Timestamp {
        let until = until.clamp(now + SignedDuration::from_secs(1), now + LIMIT_MAX);
        let slot = match budget {
            None => &mut self.all_until,
            Some(budget) => &mut self.window_mut(budget).until,
        };
        *slot = (*slot).max(Some(until));
        until
    }

    const fn window(&self, budget: Budget) -> &Window {
        match budget {
            Budget::Rest => &self.rest,
            Budget::Graphql => &self.graphql,
        }
    }

    const fn window_mut(&mut self, budget: Budget) -> &mut Window {
        match budget {
            Budget::Rest => &mut self.rest,
            Budget::Graphql => &mut self.graphql,
        }
    }
}

impl Window {
    fn current(&self, now: Timestamp) -> Option<Allowance> {
        self.allowance.filter(|allowance| allowance.resets_at > now)
    }
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
    use super::*;

    const OK: StatusCode = StatusCode::OK;
    const ALL: [Class; 4] = [Class::Person, Class::Write, Class::Event, Class::Sweep];

    fn at(second: i64) -> Timestamp {
        Timestamp::from_second(second).unwrap()
    }

    fn headers(pairs: &[(&'static str, &str)]) -> HeaderMap {
        pairs.iter().map(|(name, value)| (http::HeaderName::from_static(name), value.parse().unwrap())).collect()
    }

    fn learn(limits: &mut Limits, status: StatusCode, pairs: &[(&'static str, &str)], now: i64) -> Option<Timestamp> {
        let said = Said { budget: Budget::Rest, status, headers: &headers(pairs), body: b"" };
        limits.learn(said, at(now))
    }

    /// What 5,000 an hour and so many left mean, at the second 1000; the window ends at 1500.
    fn left(remaining: &str) -> Limits {
        let mut limits = Limits::default();
        let pairs =
            [("x-ratelimit-limit", "5000"), ("x-ratelimit-remaining", remaining), ("x-ratelimit-reset", "1500")];
        learn(&mut limits, OK, &pairs, 1000);
        limits
    }

    fn admitted(limits: &Limits, budget: Budget) -> Vec<Class> {
        ALL.into_iter().filter(|class| limits.refusal(*class, budget, 0, at(1000)).is_none()).collect()
    }

    // G120
    #[test]
    fn an_exhausted_budget_is_left_alone_until_its_reset_and_the_other_goes_on() {
        let limits = left("0");

        assert_eq!(limits.refusal(Class::Person, Budget::Rest, 0, at(1000)), Some(at(1500)));
        assert_eq!(admitted(&limits, Budget::Graphql), ALL);
        assert_eq!(limits.in_force(at(1499)), Some((at(1500), Why::Rest)));
        assert_eq!(limits.refusal(Class::Sweep, Budget::Rest, 0, at(1500)), None);
        assert_eq!(limits.in_force(at(1500)), None);
    }

    #[test]
    fn each_class_stops_at_its_floor_and_a_person_never_does() {
        use Class::{Event, Person, Sweep, Write};
        assert_eq!(admitted(&left("2500"), Budget::Rest), [Person, Write, Event, Sweep]);
        assert_eq!(admitted(&left("2499"), Budget::Rest), [Person, Write, Event]);
        assert_eq!(admitted(&left("999"), Budget::Rest), [Person, Write]);
        assert_eq!(admitted(&left("249"), Budget::Rest), [Person]);
        assert_eq!(admitted(&left("1"), Budget::Rest), [Person]);
        assert_eq!(left("2500").refusal(Sweep, Budget::Rest, 1, at(1000)), Some(at(1500)), "one more is under way");
    }

    #[test]
    fn answers_that_overtake_each_other_do_not_give_back_what_was_spent() {
        let mut limits = left("100");
        let mut say = |remaining: &str, reset: &str, resource: &str| {
            let pairs = [
                ("x-ratelimit-limit", "5000"),
                ("x-ratelimit-remaining", remaining),
                ("x-ratelimit-reset", reset),
                ("x-ratelimit-resource", resource),
            ];
            learn(&mut limits, OK, &pairs, 1001);
            limits.allowance(Budget::Rest, at(1001)).unwrap().remaining
        };

        assert_eq!(say("101", "1501", "core"), 100);
        assert_eq!(say("30", "1500", "search"), 100, "another budget");
        assert_eq!(say("4000", "900", "core"), 100, "an old window");
        assert_eq!(say("4999", "5000", "core"), 4999, "a new window");
    }

    // G121
    #[test]
    fn retry_after_silences_everything() {
        for status in [StatusCode::FORBIDDEN, StatusCode::TOO_MANY_REQUESTS] {
            let mut limits = Limits::default();
            assert_eq!(learn(&mut limits, status, &[("retry-after", "60")], 1000), Some(at(1060)));
            assert_eq!(admitted(&limits, Budget::Graphql), []);
            assert_eq!(limits.in_force(at(1000)), Some((at(1060), Why::Asked)));
        }
    }

    // G121
    #[test]
    fn a_secondary_limit_without_headers_pauses_longer_each_time() {
        let mut limits = Limits::default();
        let body = b"{\"message\": \"You have exceeded a secondary rate limit. Please wait a few minutes\"}";
        let mut learn = |status, body: &[u8], now| {
            limits.learn(Said { budget: Budget::Rest, status, headers: &HeaderMap::new(), body }, at(now))
        };

        assert_eq!(learn(StatusCode::FORBIDDEN, body, 1000), Some(at(1060)));
        assert_eq!(learn(StatusCode::FORBIDDEN, body, 1060), Some(at(1180)));
        assert_eq!(learn(StatusCode::FORBIDDEN, body, 1180), Some(at(1420)));
        assert_eq!(learn(OK, b"", 1500), None);
        assert_eq!(learn(StatusCode::FORBIDDEN, body, 2000), Some(at(2060)));
        assert_eq!(learn(StatusCode::TOO_MANY_REQUESTS, b"", 2000), Some(at(2120)));
    }

    #[test]
    fn a_graphql_refusal_without_a_reset_is_a_pause_of_everything() {
        let mut limits = Limits::default();

        assert_eq!(limits.learn_graphql_refusal(&headers(&[("x-ratelimit-reset", "1700")]), at(1000)), at(1700));
        assert_eq!(admitted(&limits, Budget::Rest), ALL);
        assert_eq!(limits.learn_graphql_refusal(&HeaderMap::new(), at(1000)), at(1060));
        assert_eq!(admitted(&limits, Budget::Rest), []);
    }

    // G119
    #[test]
    fn a_missing_permission_is_no_limit() {
        let mut limits = Limits::default();
        let headers = headers(&[("x-ratelimit-remaining", "4999"), ("x-ratelimit-reset", "1500")]);
        let body = b"{\"message\": \"Resource not accessible by integration\"}";
        let said = Said { budget: Budget::Rest, status: StatusCode::FORBIDDEN, headers: &headers, body };

        assert_eq!(limits.learn(said, at(1000)), None);
        assert_eq!(limits.in_force(at(1000)), None);
    }

    #[test]
    fn a_reset_in_the_past_or_the_far_future_is_bounded() {
        let until = |reset: &str| {
            let pairs = [("x-ratelimit-remaining", "0"), ("x-ratelimit-reset", reset)];
            learn(&mut Limits::default(), StatusCode::FORBIDDEN, &pairs, 1000)
        };
        assert_eq!(until("10"), Some(at(1001)));
        assert_eq!(until("99999999"), Some(at(1000 + 65 * 60)));
    }
}
