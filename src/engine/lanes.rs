//! Takes effects out of the outbox and lets the executor carry them out: one lane in order, lanes in parallel.

use std::{sync::Arc, time::Duration};

use jiff::{SignedDuration, Timestamp};
use tokio::{sync::Semaphore, task::JoinSet};
use tokio_util::sync::CancellationToken;
use tracing::{debug, error, warn};

use crate::{
    boundary,
    clock::Clock,
    executor::{Executor, Outcome},
    journal::{self, Claimed, Fenced, Journal, Postponement},
};

/// How many effects run at the same time.
const PARALLEL: usize = 32;
/// After this, a claim of a process that hangs is anybody's. Longer than every deadline of an effect.
const LEASE: Duration = Duration::from_secs(30 * 60);
/// The pause after the journal failed.
const RETRY: Duration = Duration::from_secs(1);
const NAP_MAX: Duration = Duration::from_secs(30);

/// The lanes.
pub struct Lanes {
    journal: Arc<dyn Journal>,
    executor: Arc<Executor>,
    clock: Clock,
}

impl Lanes {
    /// Lanes over a journal's outbox.
    #[must_use]
    pub fn new(journal: Arc<dyn Journal>, executor: Arc<Executor>, clock: Clock) -> Self {
        Self { journal, executor, clock }
    }

    /// Works until told to stop; then waits for what is running.
    pub async fn run(self, stop: CancellationToken) {
        let mut news = self.journal.news();
        let free = Arc::new(Semaphore::new(PARALLEL));
        let mut running = JoinSet::new();
        while !stop.is_cancelled() {
            news.mark_unchanged();
            let looked_at = self.clock.now();
            let claimed = self.claim(free.available_permits()).await;
            for effect in claimed {
                let Ok(permit) = free.clone().acquire_owned().await else { return };
                let (journal, executor, clock) = (self.journal.clone(), self.executor.clone(), self.clock.clone());
                running.spawn(async move {
                    carry_out(&*journal, &executor, &clock, effect).await;
                    drop(permit);
                });
            }
            let nap = self.nap(looked_at).await;
            tokio::select! {
                () = stop.cancelled() => break,
                changed = news.changed() => if changed.is_err() { break },
                Some(ended) = running.join_next(), if !running.is_empty() => report(ended),
                () = tokio::time::sleep(nap) => {}
            }
        }
        while let Some(ended) = running.join_next().await {
            report(ended);
        }
    }

    async fn claim(&self, max: usize) -> Vec<Claimed> {
        if max == 0 {
            return Vec::new();
        }
        match self.journal.claim(self.clock.now(), max, LEASE).await {
            Ok(claimed) => claimed,
            Err(error) => {
                error!(error = &error as &dyn std::error::Error, "Could not claim effects; trying again");
                tokio::time::sleep(RETRY).await;
                Vec::new()
            }
        }
    }

    async fn nap(&self, looked_at: Timestamp) -> Duration {
        let next = self.journal.next_deadline(looked_at).await.ok().flatten();
        next.map_or(NAP_MAX, |at| super::until(self.clock.now(), at).min(NAP_MAX))
    }
}

async fn carry_out(journal: &dyn Journal, executor: &Executor, clock: &Clock, claimed: Claimed) {
    let (id, fence, name) = (claimed.id.clone(), claimed.fence, claimed.effect.name());
    boundary::cross("lanes: claimed, not begun");
    let outcome = executor.carry_out(claimed).await;
    boundary::cross("lanes: carried out, not recorded");
    let machine = id.machine.clone();
    let recorded = match outcome {
        Outcome::Done(event) => journal.resolve(id, fence, event).await,
        Outcome::Later { after, why, tried } => {
            debug!(machine = %machine, effect = name, why, "Put off {name} of {machine}: {why}");
            let until = clock.now() + SignedDuration::try_from(after).unwrap_or(SignedDuration::from_mins(5));
            journal.postpone(id, fence, Postponement { until, why, tried }).await
        }
    };
    record(&machine.to_string(), name, recorded);
}

fn record(machine: &str, name: &str, recorded: Result<Fenced, journal::Error>) {
    match recorded {
        Ok(Fenced::Accepted) => debug!(machine, effect = name, "Carried out {name} for {machine}"),
        Ok(Fenced::Stale) => warn!(machine, effect = name, "Somebody else carried out {name} for {machine}"),
        // The claim stays; the effect is carried out again after a restart, as after a kill.
        Err(error) => error!(
            machine,
            effect = name,
            error = &error as &dyn std::error::Error,
            "Could not record the outcome of {name} for {machine}"
        ),
    }
}

fn report(ended: Result<(), tokio::task::JoinError>) {
    if let Err(error) = ended
        && error.is_panic()
    {
        error!(%error, "Carrying out an effect panicked");
    }
}
