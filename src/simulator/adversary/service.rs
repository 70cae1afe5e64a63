//! The service adversary: what GitHub itself can do to a request.
//!
//! It refuses before anything is done, cuts the connection after everything was done, names limits with and without an
//! end, shows a pull request as it was some requests ago, and does not know yet whether it can be merged. It never says
//! anything that was not true at some time.

use std::collections::{BTreeMap, VecDeque};

use jiff::{SignedDuration, Timestamp};
use serde_json::{Value, json};

use super::Chance;
use crate::simulator::call::{Call, Reply};

/// How many answers to the same question are remembered.
const REMEMBERED: usize = 4;
/// For how many requests in a row a pull request is shown as it was.
const BEHIND_MAX: usize = 4;

/// How likely each trouble is, in percent of the requests that it can befall.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct ServiceTroubles {
    /// 502 before anything was done.
    pub refused: u8,
    /// The connection is cut after everything was done.
    pub cut: u8,
    /// 403 of a secondary limit, without a word on its end.
    pub secondary: u8,
    /// 403 of the hourly limit, which starts anew some minutes later.
    pub exhausted: u8,
    /// A pull request is shown as it was, now and for some requests more.
    pub behind: u8,
    /// It is not known yet whether a pull request can be merged.
    pub unknown: u8,
    /// The most entries that a page of a list has; 0: as many as were asked for.
    pub page_max: usize,
}

impl ServiceTroubles {
    /// Some of everything.
    pub const ALL: Self = Self { refused: 8, cut: 6, secondary: 1, exhausted: 1, behind: 12, unknown: 12, page_max: 2 };
}

/// What befalls one request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Befallen {
    Refused,
    Cut,
    Secondary,
    Exhausted { until: Timestamp },
    Behind,
    Unknown,
}

/// The service adversary.
#[derive(Debug, Default)]
pub(crate) struct Service {
    at_work: Option<(Chance, ServiceTroubles)>,
    troubled: u64,
    exhausted_until: Option<Timestamp>,
    said: BTreeMap<String, VecDeque<Reply>>,
    behind: BTreeMap<String, usize>,
}

impl Service {
    /// Draws from `chance` from now on.
    pub(crate) fn begin(&mut self, chance: Chance, troubles: ServiceTroubles) {
        *self = Self { at_work: Some((chance, troubles)), ..Self::default() };
    }

    /// Lets everything be as it should from now on, and says how many requests something befell.
    pub(crate) fn end(&mut self) -> u64 {
        std::mem::take(self).troubled
    }

    /// The most entries of a page, if that is limited.
    pub(crate) fn page_max(&self) -> Option<usize> {
        self.at_work.as_ref().map(|(_, troubles)| troubles.page_max).filter(|max| *max > 0)
    }

    /// What befalls a request at this moment.
    pub(crate) fn befall(&mut self, call: &Call, now: Timestamp) -> Option<Befallen> {
        let befallen = self.draw(call, now);
        self.troubled += u64::from(befallen.is_some());
        befallen
    }

    fn draw(&mut self, call: &Call, now: Timestamp) -> Option<Befallen> {
        let (chance, troubles) = self.at_work.as_mut()?;
        if let Some(until) = self.exhausted_until.filter(|until| now < *until) {
            return Some(Befallen::Exhausted { until });
        }
        let shows = is_look(call);
        let likely = [
            (troubles.refused, Befallen::Refused),
            (troubles.cut, Befallen::Cut),
            (troubles.secondary, Befallen::Secondary),
            (troubles.exhausted, Befallen::Exhausted { until: now + SignedDuration::from_mins(3) }),
            (if shows { troubles.behind } else { 0 }, Befallen::Behind),
            (if shows { troubles.unknown } else { 0 }, Befallen::Unknown),
        ];
        if shows && let Some(left) = self.behind.get_mut(&key(call)).filter(|left| **left > 0) {
            *left -= 1;
            return Some(Befallen::Behind);
        }
        // One draw for each, whatever is asked, so that a seed's troubles do not depend on earlier ones.
        let drawn: Vec<Befallen> =
            likely.into_iter().filter(|(percent, _)| chance.percent(*percent)).map(|it| it.1).collect();
        let befallen = drawn.first().copied();
        match befallen {
            Some(Befallen::Exhausted { until }) => self.exhausted_until = Some(until),
            Some(Befallen::Behind) => drop(self.behind.insert(key(call), chance.below(BEHIND_MAX))),
            _ => {}
        }
        befallen
    }

    /// Remembers an answer, for the time when it is old.
    pub(crate) fn remember(&mut self, call: &Call, reply: &Reply) {
        if self.at_work.is_none() || !is_look(call) || !reply.success() {
            return;
        }
        let said = self.said.entry(key(call)).or_default();
        if said.back().is_some_and(|newest| newest.body == reply.body) {
            return;
        }
        said.push_back(reply.clone());
        if said.len() > REMEMBERED {
            said.pop_front();
        }
    }

    /// What the same question was answered with before the newest answer.
    pub(crate) fn older(&self, call: &Call) -> Option<Reply> {
        let said = self.said.get(&key(call))?;
        said.len().checked_sub(2).and_then(|at| said.get(at)).cloned()
    }
}

/// Whether a request looks at one pull request. Lists are read from where they are written.
fn is_look(call: &Call) -> bool {
    match (call.method.as_str(), call.segments.iter().map(String::as_str).collect::<Vec<_>>().as_slice()) {
        ("POST", ["graphql"] | ["api", "graphql"]) => {
            let text = call.body["query"].as_str().unwrap_or_default();
            !text.trim_start().starts_with("mutation") && text.contains("pullRequest(")
        }
        ("GET", ["repos", _, _, "pulls", _]) => true,
        _ => false,
    }
}

fn key(call: &Call) -> String {
    format!("{} {} {:?} {}", call.method, call.path, call.query, call.body)
}

/// The same answer by a GitHub that has not computed yet whether pull requests can be merged.
pub(crate) fn without_mergeability(value: &mut Value) {
    match value {
        Value::Object(fields) => {
            for (name, field) in fields {
                match (name.as_str(), &*field) {
                    ("mergeable", Value::Bool(_)) => *field = Value::Null,
                    ("mergeable", Value::String(_)) | ("mergeStateStatus", _) => *field = json!("UNKNOWN"),
                    ("mergeable_state", _) => *field = json!("unknown"),
                    _ => without_mergeability(field),
                }
            }
        }
        Value::Array(items) => items.iter_mut().for_each(without_mergeability),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn get(path: &str) -> Call {
        Call::new("GET", path, "", Value::Null)
    }

    #[test]
    fn a_seed_brings_the_same_troubles_again() {
        let drawn = || {
            let mut service = Service::default();
            service.begin(Chance::new(5), ServiceTroubles::ALL);
            let call = get("/repos/o/r/pulls/1");
            (0..200).map(|at| service.befall(&call, Timestamp::from_second(at * 60).unwrap())).collect::<Vec<_>>()
        };
        let first = drawn();

        assert_eq!(first, drawn());
        let has = |wanted: fn(&Befallen) -> bool| first.iter().flatten().any(wanted);
        assert!(has(|it| *it == Befallen::Cut) && has(|it| *it == Befallen::Behind));
        assert!(has(|it| matches!(it, Befallen::Exhausted { .. })));
    }

    #[test]
    fn what_was_said_before_the_newest_answer_is_said_again() {
        let mut service = Service::default();
        service.begin(Chance::new(1), ServiceTroubles::ALL);
        let call = get("/repos/o/r/pulls/1");
        for head in ["a", "a", "b"] {
            service.remember(&call, &Reply::ok(json!({ "head": head })));
        }

        assert_eq!(service.older(&call).map(|reply| reply.body), Some(json!({ "head": "a" })));
        assert_eq!(service.older(&get("/repos/o/r/pulls/2")).map(|reply| reply.body), None);
    }

    #[test]
    fn mergeability_is_taken_out_of_both_dialects() {
        let mut said = json!({ "mergeable": true, "mergeable_state": "clean", "pull": { "mergeable": "MERGEABLE" } });
        without_mergeability(&mut said);

        let unknown = json!({ "mergeable": null, "mergeable_state": "unknown", "pull": { "mergeable": "UNKNOWN" } });
        assert_eq!(said, unknown);
    }

    #[test]
    fn lists_are_never_old_and_nothing_befalls_a_service_left_alone() {
        let mut service = Service::default();
        assert_eq!(service.befall(&get("/repos/o/r/pulls/1"), Timestamp::UNIX_EPOCH), None);
        let behind = ServiceTroubles { behind: 100, unknown: 100, ..ServiceTroubles::default() };
        service.begin(Chance::new(1), behind);

        assert_eq!(service.befall(&get("/repos/o/r/issues/1/comments"), Timestamp::UNIX_EPOCH), None);
        assert_eq!(service.befall(&get("/repos/o/r/pulls/1"), Timestamp::UNIX_EPOCH), Some(Befallen::Behind));
    }
}
