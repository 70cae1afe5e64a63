//! The page for people: what needs them, what is worked on, and what each agent's terminal shows.
//!
//! Rendered here, whole, and useful without scripts; a small script swaps the changing part when something happened. It
//! is read-only: what people wish, they say on the command line. Everything from outside is escaped by `maud`, and was
//! cleaned before.

mod assets;
mod badge;
mod board;
mod glance;
mod layout;
mod moment;
mod screen;
mod session;
mod work;

use std::sync::Arc;

use axum::{
    Router,
    extract::{Path, State},
    http::StatusCode,
    response::{IntoResponse, Response},
    routing,
};
use maud::Markup;
use tracing::warn;

use self::glance::Glance;
use super::{Shared, Surroundings, states};
use crate::{journal, model::SessionId};

pub(super) use layout::{locked, welcome};

/// The routes, to be guarded.
pub(super) fn routes() -> Router<Arc<Surroundings>> {
    Router::new()
        .route("/", routing::get(board))
        .route("/fragment", routing::get(board_fragment))
        .route("/sessions/{session}", routing::get(session))
        .route("/sessions/{session}/fragment", routing::get(session_fragment))
        .merge(assets::routes())
}

/// Why there is no page to show.
struct Missing(StatusCode, &'static str);

impl From<journal::Error> for Missing {
    fn from(error: journal::Error) -> Self {
        warn!(error = &error as &dyn std::error::Error, "The journal failed the page");
        Self(StatusCode::SERVICE_UNAVAILABLE, "The journal cannot be read; the daemon's log says why.")
    }
}

impl IntoResponse for Missing {
    fn into_response(self) -> Response {
        (self.0, layout::problem(self.1)).into_response()
    }
}

async fn board(State(surroundings): Shared) -> Result<Markup, Missing> {
    let glance = Glance::take(&surroundings).await?;
    Ok(layout::document(&layout::Frame::board(glance.summary()), &board::fragment(&glance)))
}

async fn board_fragment(State(surroundings): Shared) -> Result<Markup, Missing> {
    Ok(board::fragment(&Glance::take(&surroundings).await?))
}

async fn session(State(surroundings): Shared, Path(name): Path<String>) -> Result<Markup, Missing> {
    let view = find(&surroundings, &name).await?;
    Ok(layout::document(&layout::Frame::session(&view.session.session), &session::fragment(&view)))
}

async fn session_fragment(State(surroundings): Shared, Path(name): Path<String>) -> Result<Markup, Missing> {
    Ok(session::fragment(&find(&surroundings, &name).await?))
}

async fn find(surroundings: &Surroundings, name: &str) -> Result<session::Session, Missing> {
    let missing = || Missing(StatusCode::NOT_FOUND, "There is no session of this name.");
    let id: SessionId = name.parse().map_err(|_| missing())?;
    let state = states::session(&*surroundings.journal, &id).await?.ok_or_else(missing)?;
    Ok(session::Session::take(surroundings, state).await?)
}
