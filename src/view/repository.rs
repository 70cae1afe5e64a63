//! A repository as people see it.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::{
    event::Parked,
    machine::{
        Rulebook,
        backlog::{self, Webhooks},
    },
    model::RuleName,
    text,
};

/// A repository at a glance.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RepositoryView {
    /// `owner/name`.
    pub name: String,
    /// When its issues and pull requests were last listed.
    pub observed_at: Option<Timestamp>,
    /// Why the last list failed, while it does.
    pub trouble: Option<String>,
    /// Issues that wait for others to be closed.
    pub blocked: Vec<u64>,
    /// Since when webhooks that should arrive do not, if so.
    #[serde(default)]
    pub silent_since: Option<Timestamp>,
    /// Why nothing is done here, if nothing is.
    #[serde(default)]
    pub parked: Option<String>,
    /// Rules that could not be evaluated.
    pub broken_rules: Vec<BrokenRule>,
}

/// A rule that could not be evaluated; the shipped one answered in its place.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct BrokenRule {
    /// Its name.
    pub name: String,
    /// Why.
    pub why: String,
    /// Since when.
    pub since: Timestamp,
}

impl RepositoryView {
    pub(super) fn of(state: &backlog::State, rules: &Rulebook) -> Self {
        Self {
            name: rules.name(state.repo),
            observed_at: state.observed_at,
            trouble: state.look_failure.as_ref().map(|why| text::sanitise(why).text),
            blocked: state.blocked.keys().map(|number| number.0).collect(),
            silent_since: match state.webhooks {
                Webhooks::Silent { since } => Some(since),
                Webhooks::Heard | Webhooks::Off => None,
            },
            parked: state.parked.map(|why| parked(why).to_owned()),
            broken_rules: state.broken.iter().map(broken_rule).collect(),
        }
    }
}

/// Why nothing is done in a repository, in words.
pub(super) const fn parked(why: Parked) -> &'static str {
    match why {
        Parked::Archived => "it is archived, so nothing can be changed there",
        Parked::OutOfReach => "it was deleted, or our credential may no longer see it",
        Parked::Deleted => "it was deleted",
    }
}

fn broken_rule((name, broken): (&RuleName, &backlog::Broken)) -> BrokenRule {
    BrokenRule { name: name.to_string(), why: text::sanitise(&broken.why).text, since: broken.since }
}
