//! How far GitHub lets us, for people and for metrics.

use crate::{
    clock::Clock,
    github::{Allowance, Standing},
    view::LimitView,
};

/// What holds requests back now.
pub(super) fn in_force(standings: Vec<Standing>) -> Vec<LimitView> {
    let limit = |standing: Standing| {
        let (until, why) = standing.limited?;
        Some(LimitView { account: standing.account, until, why: why.in_words().to_owned() })
    };
    standings.into_iter().filter_map(limit).collect()
}

/// Sets the metrics.
pub(super) fn measure(standings: &[Standing], clock: &Clock) {
    let now = clock.now();
    for standing in standings {
        let account = standing.account.clone().unwrap_or_default();
        for (budget, allowance) in [("core", standing.rest), ("graphql", standing.graphql)] {
            let Some(Allowance { limit, remaining, .. }) = allowance else { continue };
            let labels = [("account", account.clone()), ("budget", budget.to_owned())];
            metrics::gauge!("antiphon_github_remaining", &labels).set(remaining);
            metrics::gauge!("antiphon_github_limit", &labels).set(limit);
        }
        let left = standing.limited.map_or(0.0, |(until, _)| until.duration_since(now).as_secs_f64().max(0.0));
        metrics::gauge!("antiphon_github_limited_seconds", "account" => account).set(left);
    }
}
