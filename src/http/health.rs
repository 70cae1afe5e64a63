//! Whether the daemon lives, whether it can work, and its numbers.

use axum::{extract::State, http::StatusCode};

use super::{Shared, limits};

/// It lives.
pub(super) async fn healthz() -> &'static str {
    "ok\n"
}

/// It can take deliveries, and the newest settings are in force.
pub(super) async fn readyz(State(surroundings): Shared) -> (StatusCode, String) {
    if let Err(error) = surroundings.journal.stats().await {
        return (StatusCode::SERVICE_UNAVAILABLE, format!("the journal cannot be read: {error}\n"));
    }
    let refused = surroundings.refused.borrow().clone();
    match refused {
        Some(_) => (StatusCode::OK, "ok, with the last good settings: the newest are refused\n".to_owned()),
        None => (StatusCode::OK, "ok\n".to_owned()),
    }
}

/// Prometheus metrics.
pub(super) async fn metrics(State(surroundings): Shared) -> String {
    if let Ok(stats) = surroundings.journal.stats().await {
        gauge("antiphon_deliveries_unrouted", stats.unrouted);
        gauge("antiphon_deliveries_dead", stats.dead);
        gauge("antiphon_inbox_waiting", stats.waiting);
        gauge("antiphon_outbox", stats.outbox);
        gauge("antiphon_journal_entries", stats.entries);
        gauge("antiphon_journal_bytes", stats.bytes);
    }
    limits::measure(&surroundings.github.standings(), &surroundings.clock);
    surroundings.metrics.run_upkeep();
    surroundings.metrics.render()
}

#[expect(clippy::cast_precision_loss, reason = "a gauge is a float; counts beyond 2^52 do not occur")]
fn gauge(name: &'static str, value: u64) {
    metrics::gauge!(name).set(value as f64);
}
