//! Credentials for the git of launched agents: for their own repository, against their launch token, and no other way.

use std::sync::Arc;

use axum::{Json, Router, extract::State, http::StatusCode, routing};
use serde::{Deserialize, Serialize};
use tracing::warn;

use super::{Shared, Surroundings, access::equal};
use crate::{
    machine,
    model::{Generation, MachineKey, RepoId, SessionId},
    runtime::Address,
    vault::{self, CredentialRequest, Grant},
};

pub(super) fn routes() -> Router<Arc<Surroundings>> {
    Router::new().route("/api/v1/credential", routing::post(give))
}

/// What the helper `antiphon git-credential` asks.
#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Ask {
    /// The session.
    pub(crate) session: SessionId,
    /// Its launch.
    pub(crate) generation: Generation,
    /// The launch's secret.
    pub(crate) token: String,
    /// What git wrote to the helper.
    pub(crate) request: String,
}

async fn give(State(surroundings): Shared, Json(ask): Json<Ask>) -> (StatusCode, String) {
    let asked = ask.request.clone();
    let Some(repo) = repo_of_asker(&surroundings, ask).await else {
        // One answer for every reason: a guess learns nothing.
        return (StatusCode::FORBIDDEN, String::new());
    };
    match grant(&surroundings, repo).await {
        Some(grant) => {
            let answer = CredentialRequest::parse(&asked).ok().and_then(|request| vault::answer(&request, &grant));
            answer.map_or((StatusCode::FORBIDDEN, String::new()), |answer| (StatusCode::OK, answer))
        }
        // Who asks may: GitHub is down, or this daemon has just come up. Ask again.
        None => (StatusCode::SERVICE_UNAVAILABLE, String::new()),
    }
}

/// The repository of the session that asks, if it is who it says.
async fn repo_of_asker(surroundings: &Surroundings, ask: Ask) -> Option<RepoId> {
    let address = Address { session: ask.session, generation: ask.generation };
    let known = surroundings.places.read_launch_token(&address.session, address.generation).ok().flatten()?;
    if !equal(known.expose(), &ask.token) {
        warn!(session.name = %address.session, "A credential was asked for with a wrong launch token");
        return None;
    }
    repo_of(surroundings, &address).await
}

async fn grant(surroundings: &Surroundings, repo: RepoId) -> Option<Grant> {
    let repository = surroundings.repositories.borrow().get(repo)?.clone();
    let token = surroundings.github.for_person().git_token(&repository.name).await.ok()?;
    Grant::new(&repository.clone_url, token).ok()
}

/// The repository of a launch that is the session's newest and has not ended.
async fn repo_of(surroundings: &Surroundings, address: &Address) -> Option<RepoId> {
    let stored = surroundings.journal.load(MachineKey::Session(address.session.clone())).await.ok()??;
    let state = serde_json::from_str::<Option<machine::State>>(&stored.state).ok()??;
    let machine::State::Session(session) = state else { return None };
    let current = session.generation == address.generation && !matches!(session.life, machine::session::Life::Ended);
    current.then_some(session.repo)
}
