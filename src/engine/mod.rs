//! The only writer of machine states: takes what lies in inboxes and what is due, steps the machine, commits.
//!
//! ```text
//! deliveries ─route─▶ inbox ─▶ machine::step ─▶ commit (state, log, outbox, deadline, inboxes of others)
//!                      ▲            ▲                │
//!                      │        deadlines            └─▶ outbox ─▶ lanes ─▶ executor ─┐
//!                      └────────────────────── outcomes ─────────────────────────────┘
//! ```
//!
//! It decides nothing: machines decide. It carries nothing out: the executor does.

mod jump;
mod lanes;
mod route;
mod spools;
mod step;
#[cfg(test)]
mod tests;
mod watch;

use std::{sync::Arc, time::Duration};

use jiff::Timestamp;
use tokio::sync::{Notify, watch::Receiver};
use tokio_util::sync::CancellationToken;
use tracing::{error, info, warn};

use crate::{
    clock::{Clock, Jumps, Stopwatch},
    event::Event,
    journal::{self, Journal},
    machine::Rulebook,
    model::MachineKey,
};

pub use lanes::Lanes;
pub use spools::Spools;
pub use watch::Watch;

/// How many inbox rows or deliveries are taken at a time.
const BATCH: usize = 256;
/// The longest sleep: a clock that jumped is noticed after this at the latest.
const NAP_MAX: Duration = Duration::from_secs(30);
/// The pause after the journal failed.
const RETRY: Duration = Duration::from_secs(1);

/// The engine.
pub struct Engine {
    journal: Arc<dyn Journal>,
    rules: Receiver<Arc<Rulebook>>,
    clock: Clock,
    upkeep: Arc<Notify>,
    cache: step::Cache,
    /// Since the clock has jumped.
    jumped: Option<Stopwatch>,
}

impl Engine {
    /// An engine over a journal, with the rules in force.
    #[must_use]
    pub fn new(journal: Arc<dyn Journal>, rules: Receiver<Arc<Rulebook>>, clock: Clock) -> Self {
        let cache = step::Cache::new(Box::new(step::draw));
        Self { journal, rules, clock, upkeep: Arc::default(), cache, jumped: None }
    }

    /// Rings this when what is known of the repositories may be out of date.
    #[must_use]
    pub fn ringing(mut self, upkeep: Arc<Notify>) -> Self {
        self.upkeep = upkeep;
        self
    }

    /// The same engine with random bytes of the caller's choice, so that a run can be repeated exactly.
    #[must_use]
    pub fn drawing(self, mut draw: impl FnMut() -> [u8; 16] + Send + Sync + 'static) -> Self {
        Self { cache: step::Cache::new(Box::new(move || Ok(draw()))), ..self }
    }

    /// Works until told to stop.
    pub async fn run(mut self, stop: CancellationToken) {
        let mut news = self.journal.news();
        let mut rules = self.rules.clone();
        let mut jumps = Jumps::of(self.clock.clone());
        while !stop.is_cancelled() {
            // Register interest before looking, so that nothing that comes while we look is slept over.
            news.mark_unchanged();
            if let Some(jump) = jumps.since_last() {
                self.take_jump(jump).await;
            }
            let looked_at = self.clock.now();
            match self.work_once().await {
                Ok(true) => continue,
                Ok(false) => {}
                Err(error) => {
                    error!(error = &error as &dyn std::error::Error, "The journal failed; trying again");
                    tokio::select! { () = stop.cancelled() => break, () = tokio::time::sleep(RETRY) => continue }
                }
            }
            let nap = self.nap(looked_at).await;
            tokio::select! {
                () = stop.cancelled() => break,
                changed = news.changed() => if changed.is_err() { break },
                changed = rules.changed() => if changed.is_ok() { info!("The rules in force have changed") },
                () = tokio::time::sleep(nap) => {}
            }
        }
    }

    /// Does what there is to do now; false if there was nothing.
    ///
    /// # Errors
    ///
    /// When the journal fails.
    pub async fn work_once(&mut self) -> Result<bool, journal::Error> {
        let rules = self.rules.borrow_and_update().clone();
        let routed = route::deliveries(&*self.journal, &rules, &self.upkeep, BATCH).await?;
        let stepped = self.step_waiting(&rules).await?;
        let fired = if self.rests().is_zero() { self.step_due(&rules).await? } else { 0 };
        Ok(routed + stepped + fired > 0)
    }

    async fn step_waiting(&mut self, rules: &Rulebook) -> Result<usize, journal::Error> {
        let mut max = BATCH;
        loop {
            let (mut done, rows) = (0, self.journal.waiting(max).await?);
            let all = rows.len() < max;
            for row in rows {
                let cause = journal::Cause::Inbox(row.row);
                done += self.step(row.to, row.event, cause, rules).await?;
            }
            // What is parked stays in front. Whatever waits behind it has a turn all the same.
            if done > 0 || all {
                return Ok(done);
            }
            max *= 2;
        }
    }

    async fn step_due(&mut self, rules: &Rulebook) -> Result<usize, journal::Error> {
        let mut max = BATCH;
        loop {
            let (mut done, due) = (0, self.journal.due(self.clock.now(), max).await?);
            let all = due.len() < max;
            for (machine, at) in due {
                let event = step::deadline_event(&machine);
                done += self.step(machine, event, journal::Cause::Deadline(at), rules).await?;
            }
            if done > 0 || all {
                return Ok(done);
            }
            max *= 2;
        }
    }

    async fn step(
        &mut self,
        machine: MachineKey,
        event: Event,
        cause: journal::Cause,
        rules: &Rulebook,
    ) -> Result<usize, journal::Error> {
        let outcome = self.cache.step(&*self.journal, (machine, event, cause), rules, self.clock.now()).await?;
        match outcome {
            step::Outcome::Committed => Ok(1),
            step::Outcome::Again => Ok(1),
            step::Outcome::Parked { machine, why } => {
                warn!(machine = %machine, why, "Parked an event of {machine}: {why}");
                Ok(0)
            }
            step::Outcome::StillParked => Ok(0),
        }
    }

    /// Until the next deadline after `looked_at`: what was due then and is still there is parked.
    async fn nap(&self, looked_at: Timestamp) -> Duration {
        let next = self.journal.next_deadline(looked_at).await.unwrap_or_else(|error| {
            warn!(error = &error as &dyn std::error::Error, "Could not read the next deadline");
            None
        });
        let nap = next.map_or(NAP_MAX, |at| until(self.clock.now(), at).min(NAP_MAX));
        let rests = self.rests();
        // What became due meanwhile is not among the deadlines to come.
        if rests.is_zero() { nap } else { nap.min(rests) }
    }
}

/// How long from `now` to `at`; at least a millisecond, so that a deadline of this moment does not spin.
fn until(now: Timestamp, at: Timestamp) -> Duration {
    Duration::try_from(at.duration_since(now)).unwrap_or(Duration::ZERO).max(Duration::from_millis(1))
}
