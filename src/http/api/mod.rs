//! The API for people's programs: what is so, and what they wish. JSON below `/api/v1`, guarded by the access token.
//!
//! A wish is checked, and becomes one event in one inbox, whose cause is the client's own id of it: the same id again
//! grants the same, and changes nothing.

mod adopt;
mod doctor;
mod grant;
mod looks;
mod refusal;
mod repository;
mod screen;
mod send;
mod spawn;
mod subject;
mod workspace;

use std::sync::Arc;

use axum::{Router, routing};

use super::Surroundings;

pub(super) use refusal::Refusal;
pub(super) use screen::of as screen_of;

/// The routes, to be guarded.
pub(super) fn routes() -> Router<Arc<Surroundings>> {
    Router::new()
        .route("/api/v1/overview", routing::get(looks::overview))
        .route("/api/v1/history", routing::get(looks::history))
        .route("/api/v1/sessions/{session}/screen", routing::get(screen::screen))
        .route("/api/v1/sessions/{session}/terminal", routing::get(screen::terminal))
        .route("/api/v1/tasks/{task}/log", routing::get(looks::task_log))
        .route("/api/v1/doctor", routing::get(doctor::doctor))
        .route("/api/v1/spawn", routing::post(spawn::spawn))
        .route("/api/v1/adopt", routing::post(adopt::adopt))
        .route("/api/v1/send", routing::post(send::send))
        .route("/api/v1/retry", routing::post(subject::retry))
        .route("/api/v1/stop", routing::post(subject::stop))
        .route("/api/v1/clean", routing::post(workspace::clean))
        .route("/api/v1/prune", routing::post(workspace::prune))
        .route("/api/v1/restore", routing::post(workspace::restore))
}
