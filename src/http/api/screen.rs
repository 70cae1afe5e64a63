//! What a session's terminal shows, and where it is.

use std::time::Duration;

use axum::{
    Json,
    extract::{Path, Query, State},
};
use serde::Deserialize;

use super::refusal::Refusal;
use crate::{
    http::{Shared, Surroundings, states},
    machine::session,
    model::SessionId,
    runtime::{self, Address, Screen},
    text,
    view::Terminal,
};

/// The most lines above the screen that are shown at once.
const SCROLLBACK_MAX: usize = 2_000;
/// How long a runtime may take to say what it shows.
const DEADLINE: Duration = Duration::from_secs(5);

#[derive(Deserialize)]
pub(super) struct Above {
    #[serde(default)]
    scrollback: usize,
}

/// What it shows.
pub(super) async fn screen(
    State(surroundings): Shared,
    Path(name): Path<String>,
    Query(above): Query<Above>,
) -> Result<Json<Screen>, Refusal> {
    let session = find(&surroundings, &name).await?;
    Ok(Json(of(&surroundings, &session, above.scrollback).await?))
}

/// Where it is.
pub(super) async fn terminal(State(surroundings): Shared, Path(name): Path<String>) -> Result<Json<Terminal>, Refusal> {
    let session = find(&surroundings, &name).await?;
    Ok(Json(Terminal { runtime: session.agent.runtime, generation: session.generation.0 }))
}

/// What the newest launch of a session shows, fit to be shown elsewhere.
pub(in crate::http) async fn of(
    surroundings: &Surroundings,
    session: &session::State,
    scrollback: usize,
) -> Result<Screen, Refusal> {
    let name = &session.agent.runtime;
    let Some(runtime) = surroundings.runtimes.get(name) else {
        return Err(Refusal::not_found(format!("there is no runtime named {name}")));
    };
    let address = Address { session: session.session.clone(), generation: session.generation };
    let looking = runtime.screen(&address, scrollback.min(SCROLLBACK_MAX));
    match tokio::time::timeout(DEADLINE, looking).await {
        Ok(Ok(screen)) => Ok(clean(screen)),
        Ok(Err(runtime::Error::Gone)) => {
            Err(Refusal::not_found("nothing is left of its terminal").hint("its history is in `antiphon logs`"))
        }
        Ok(Err(error)) => Err(Refusal::unavailable(format!("its terminal cannot be read: {error}"))),
        Err(_) => Err(Refusal::unavailable("its terminal does not answer")),
    }
}

async fn find(surroundings: &Surroundings, name: &str) -> Result<session::State, Refusal> {
    let missing = || {
        let name = text::sanitise(name).text;
        Refusal::not_found(format!("there is no session named {name}")).hint("`antiphon status` shows them all")
    };
    let id: SessionId = name.parse().map_err(|_| missing())?;
    states::session(&*surroundings.journal, &id).await?.ok_or_else(missing)
}

/// An agent prints what others wrote: hidden and turning characters are taken out, the columns stay.
fn clean(mut screen: Screen) -> Screen {
    for run in screen.lines.iter_mut().flat_map(|line| &mut line.0) {
        run.text = text::sanitise(&run.text).text;
    }
    screen.title = text::sanitise(&screen.title).text;
    screen
}
