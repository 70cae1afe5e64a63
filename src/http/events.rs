//! `GET /api/v1/events`: how things are, and every new entry of the log, as server-sent events.
//!
//! `overview` comes at once and after every change, `entry` for each entry. Changes that follow each other closely are
//! told together. A listener that lags behind misses old entries, never the newest state.

use std::{collections::VecDeque, convert::Infallible, sync::Arc, time::Duration};

use axum::{
    Extension,
    extract::State,
    http::HeaderMap,
    response::sse::{Event, KeepAlive, Sse},
};
use futures_util::{Stream, stream};
use serde::Serialize;
use tokio::sync::{OwnedSemaphorePermit, Semaphore, watch};
use tracing::warn;

use super::{Shared, Surroundings, api::Refusal, states};
use crate::{journal, model::Seq};

/// How many may listen at once: each costs a fold over all states per change.
const LISTENERS_MAX: usize = 64;
/// Changes within this time are told together.
const TOGETHER: Duration = Duration::from_millis(150);
/// How many entries are told at a time; older ones are left out.
const ENTRIES_MAX: usize = 500;
/// How often a silent connection says that it lives.
const ALIVE: Duration = Duration::from_secs(15);

/// Places for listeners.
#[derive(Clone)]
pub(super) struct Seats(Arc<Semaphore>);

impl Seats {
    /// All of them free.
    pub(super) fn new() -> Self {
        Self(Arc::new(Semaphore::new(LISTENERS_MAX)))
    }
}

/// Tells what happens from now on, or after the entry that `Last-Event-ID` names.
pub(super) async fn events(
    State(surroundings): Shared,
    Extension(seats): Extension<Seats>,
    headers: HeaderMap,
) -> Result<Sse<impl Stream<Item = Result<Event, Infallible>>>, Refusal> {
    let Ok(seat) = seats.0.try_acquire_owned() else {
        return Err(Refusal::unavailable(format!("{LISTENERS_MAX} listeners are connected already"))
            .hint("close some pages, or end some `--watch`"));
    };
    let head = surroundings.journal.head();
    let last = headers.get("last-event-id").and_then(|id| id.to_str().ok()).and_then(|id| id.parse().ok());
    // An entry that this journal never had is of another one.
    let newest = *head.borrow();
    let told = last.map_or(newest, |last: Seq| last.min(newest));
    let refused = surroundings.refused.clone();
    let listener = Listener { surroundings, head, refused, told, unsent: VecDeque::new(), fresh: true, _seat: seat };
    let told = stream::unfold(listener, |listener| async { listener.next().await });
    Ok(Sse::new(told).keep_alive(KeepAlive::new().interval(ALIVE)))
}

struct Listener {
    surroundings: Arc<Surroundings>,
    head: watch::Receiver<Seq>,
    refused: watch::Receiver<Option<String>>,
    /// The newest entry that was told.
    told: Seq,
    unsent: VecDeque<Event>,
    fresh: bool,
    _seat: OwnedSemaphorePermit,
}

impl Listener {
    async fn next(mut self) -> Option<(Result<Event, Infallible>, Self)> {
        loop {
            if let Some(event) = self.unsent.pop_front() {
                return Some((Ok(event), self));
            }
            if !self.fresh && !self.changed().await {
                return None;
            }
            self.fresh = false;
            if let Err(error) = self.read().await {
                warn!(error = &error as &dyn std::error::Error, "A listener cannot be told what happens");
                return None;
            }
        }
    }

    /// Waits for a change, and a moment longer for more of the same; false when it is time to end.
    async fn changed(&mut self) -> bool {
        let stop = self.surroundings.stop.clone();
        let changing = async {
            let changed = tokio::select! {
                changed = self.head.changed() => changed.is_ok(),
                changed = self.refused.changed() => changed.is_ok(),
            };
            tokio::time::sleep(TOGETHER).await;
            changed
        };
        tokio::select! { biased; () = stop.cancelled() => false, changed = changing => changed }
    }

    async fn read(&mut self) -> Result<(), journal::Error> {
        // Seen before it is read: what comes meanwhile is a change of its own.
        let head = *self.head.borrow_and_update();
        self.refused.mark_unchanged();
        let newest = Seq(head.0.saturating_sub(ENTRIES_MAX as u64));
        let entries = self.surroundings.journal.tail(self.told.max(newest), ENTRIES_MAX).await?;
        for entry in entries {
            self.told = entry.seq;
            let id = entry.seq.to_string();
            self.unsent.extend(event("entry", &states::in_words(entry)).map(|event| event.id(id)));
        }
        let overview = states::overview(&self.surroundings).await?;
        self.unsent.extend(event("overview", &overview));
        Ok(())
    }
}

fn event(name: &str, data: &impl Serialize) -> Option<Event> {
    Event::default().event(name).json_data(data).inspect_err(|error| warn!(%error, "Could not write an event")).ok()
}
