//! The hourly budgets of the account: one for REST, one for GraphQL.

use std::collections::BTreeMap;

use jiff::{SignedDuration, Timestamp};

use super::World;

/// Points per hour in each budget.
pub(crate) const RATE_LIMIT: u64 = 5_000;
/// The budget of REST, as `x-ratelimit-resource` names it.
pub(crate) const CORE: &str = "core";
/// The budget of GraphQL, as `x-ratelimit-resource` names it.
pub(crate) const GRAPHQL: &str = "graphql";

/// What was spent in the current hours, by budget.
pub(crate) type Quotas = BTreeMap<&'static str, Quota>;

/// What was spent of one budget.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Quota {
    used: u64,
    resets_at: Timestamp,
    /// Everything that was ever spent.
    total: u64,
}

impl World {
    /// Counts points against an hourly budget and says what is left and when it starts anew.
    pub(crate) fn spend(&mut self, budget: &'static str, points: u64) -> (u64, Timestamp) {
        let now = self.now;
        let quota = self.quotas.entry(budget).or_default();
        if now >= quota.resets_at {
            quota.resets_at = now.checked_add(SignedDuration::from_hours(1)).unwrap_or(Timestamp::MAX);
            quota.used = 0;
        }
        quota.used += points;
        quota.total += points;
        self.rate(budget)
    }

    /// What is left of an hourly budget, and when it starts anew.
    pub(crate) fn rate(&self, budget: &str) -> (u64, Timestamp) {
        let quota = self.quotas.get(budget).copied().unwrap_or_default();
        (RATE_LIMIT.saturating_sub(quota.used), quota.resets_at)
    }

    /// Everything that was ever spent of each budget.
    pub(crate) fn spent(&self) -> BTreeMap<String, u64> {
        self.quotas.iter().map(|(budget, quota)| ((*budget).to_owned(), quota.total)).collect()
    }
}
