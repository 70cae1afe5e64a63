//! The daemon's only listener: webhook door, API, events, page.
//!
//! ```text
//! POST /webhooks/github     anybody; the signature decides          door
//! GET  /healthz /readyz     anybody                                 health
//! POST /api/v1/credential   a launched agent; its launch token      credential
//! …                         whoever shows the access token          access ─▶ api, events, page, metrics
//! ```
//!
//! A wish of a client is an event in an inbox; this module changes no state.

mod access;
mod api;
mod credential;
mod door;
mod events;
mod health;
mod limits;
mod page;
mod states;
#[cfg(test)]
mod tests;

use std::{collections::BTreeMap, net::SocketAddr, sync::Arc};

use axum::{Extension, Router, extract::DefaultBodyLimit, middleware, routing};
use metrics_exporter_prometheus::PrometheusHandle;
use tokio::{net::TcpListener, sync::watch};
use tokio_util::sync::CancellationToken;
use tracing::{error, info};

use crate::{
    clock::Clock,
    config::Config,
    executor::{Ears, Repositories},
    github::{self, webhook::Verifier},
    journal::Journal,
    machine::Rulebook,
    places::Places,
    runtime::Runtime,
};

pub use access::AccessToken;

/// What requests are answered from.
pub struct Surroundings {
    /// The journal.
    pub journal: Arc<dyn Journal>,
    /// Who may deliver webhooks; `None`: webhooks are switched off.
    pub verifier: watch::Receiver<Option<Arc<Verifier>>>,
    /// The rules in force.
    pub rules: watch::Receiver<Arc<Rulebook>>,
    /// The settings in force, and why newer ones were refused.
    pub config: watch::Receiver<Arc<Config>>,
    /// Why the newest settings or rules could not be taken over, if they could not.
    pub refused: watch::Receiver<Option<String>>,
    /// What is known of the configured repositories.
    pub repositories: watch::Receiver<Arc<Repositories>>,
    /// GitHub, for credentials of agents.
    pub github: github::Client,
    /// When GitHub last delivered something.
    pub ears: Arc<Ears>,
    /// Where sessions live, by name.
    pub runtimes: BTreeMap<String, Arc<dyn Runtime>>,
    /// Where things are in the state directory.
    pub places: Places,
    /// What local clients show.
    pub token: AccessToken,
    /// The metrics.
    pub metrics: PrometheusHandle,
    /// The time.
    pub clock: Clock,
    /// Ends long-lived answers.
    pub stop: CancellationToken,
}

type Shared = axum::extract::State<Arc<Surroundings>>;

/// Serves until told to stop; then answers what has begun.
pub async fn serve(listener: TcpListener, surroundings: Arc<Surroundings>) {
    let stop = surroundings.stop.clone();
    if let Ok(address) = listener.local_addr() {
        info!(http.address = %address, "Listening on http://{address}");
    }
    let service = router(surroundings).into_make_service_with_connect_info::<SocketAddr>();
    let served = axum::serve(listener, service).with_graceful_shutdown(async move { stop.cancelled().await }).await;
    if let Err(error) = served {
        error!(%error, "The listener failed");
    }
}

fn router(surroundings: Arc<Surroundings>) -> Router {
    let guarded = Router::new()
        .route("/metrics", routing::get(health::metrics))
        .route("/api/v1/events", routing::get(events::events).layer(Extension(events::Seats::new())))
        .route("/api/v1/link", routing::post(access::link))
        .merge(api::routes())
        .merge(page::routes())
        .fallback(nothing_here)
        .layer(DefaultBodyLimit::max(1 << 20))
        .layer(middleware::from_fn_with_state(surroundings.clone(), access::guard));
    Router::new()
        .route("/webhooks/github", routing::post(door::receive))
        .layer(DefaultBodyLimit::disable())
        .route("/healthz", routing::get(health::healthz))
        .route("/readyz", routing::get(health::readyz))
        .route("/login", routing::get(access::login))
        .merge(credential::routes())
        .merge(guarded)
        .with_state(surroundings)
}

async fn nothing_here() -> api::Refusal {
    api::Refusal::not_found("there is nothing here")
}
