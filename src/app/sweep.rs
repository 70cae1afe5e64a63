//! Asks GitHub to deliver again what never arrived: at the start, after sleep, and every hour.
//!
//! Nothing depends on it: whatever a delivery would have said, a look says too, only later. A credential that may not
//! read the log is told of once.

use std::{collections::BTreeSet, sync::Arc, time::Duration};

use jiff::{SignedDuration, Timestamp};
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;
use tracing::{info, warn};

use super::wake;
use crate::{
    clock::Clock,
    config::Config,
    executor::Repositories,
    github::{self, Hook, never_arrived},
    journal::{Journal as _, SqliteJournal},
};

const EVERY: Duration = Duration::from_secs(3600);
/// What GitHub was still trying when the log was read last.
const OVERLAP: SignedDuration = SignedDuration::from_mins(15);
/// How long GitHub keeps what it delivered.
const KEPT: SignedDuration = SignedDuration::from_hours(72);

/// The sweep.
pub(super) struct Sweep {
    pub(super) github: github::Client,
    pub(super) journal: Arc<SqliteJournal>,
    pub(super) config: watch::Receiver<Arc<Config>>,
    pub(super) repositories: watch::Receiver<Arc<Repositories>>,
    pub(super) clock: Clock,
    /// What was asked for already, once each.
    pub(super) asked: BTreeSet<String>,
    /// Whom it was said of that the log cannot be read.
    pub(super) told: BTreeSet<String>,
}

impl Sweep {
    /// Works until told to stop.
    pub(super) async fn run(mut self, stop: CancellationToken) {
        let mut since = self.first_gap().await;
        let clock = self.clock.clone();
        loop {
            let begun = self.clock.now();
            if self.config.borrow().webhook.enabled && self.sweep(since).await {
                since = begun - OVERLAP;
            }
            let pause = EVERY / self.config.borrow().time_scale.max(1);
            tokio::select! {
                () = stop.cancelled() => break,
                // What is known of the repositories comes from GitHub, and may come after us.
                Ok(()) = self.repositories.changed() => {}
                _ = wake::jumped(&clock) => {}
                () = tokio::time::sleep(pause) => {}
            }
        }
    }

    /// Since when something may have got lost: since the newest delivery that we have.
    async fn first_gap(&self) -> Timestamp {
        let newest = self.journal.stats().await.ok().and_then(|stats| stats.newest_delivery);
        let oldest = self.clock.now() - KEPT;
        newest.map_or(oldest, |newest| (newest - OVERLAP).max(oldest))
    }

    /// Goes through every log once; false if GitHub could not be asked.
    async fn sweep(&mut self, since: Timestamp) -> bool {
        let github = self.github.for_sweep();
        let names: Vec<_> = self.repositories.borrow().iter().map(|repository| repository.name.clone()).collect();
        let mut swept: Vec<Hook> = Vec::new();
        let mut complete = !names.is_empty();
        for name in names {
            let hooks = match github.hooks(&name).await {
                Ok(hooks) => hooks,
                Err(error) => {
                    complete &= self.cannot(&name.to_string(), &error);
                    continue;
                }
            };
            for hook in hooks {
                if swept.contains(&hook) {
                    continue;
                }
                if let Err(error) = self.ask_again(&github, &hook, since).await {
                    complete &= self.cannot(&name.to_string(), &error);
                }
                swept.push(hook);
            }
        }
        complete
    }

    async fn ask_again(&mut self, github: &github::Client, hook: &Hook, since: Timestamp) -> Result<(), github::Error> {
        let attempts = github.delivery_attempts(hook, since).await?;
        let mut ordered = 0;
        for lost in never_arrived(&attempts, self.clock.now()) {
            if self.asked.contains(&lost.guid) {
                continue;
            }
            github.redeliver(hook, lost.id).await?;
            self.asked.insert(lost.guid);
            ordered += 1;
        }
        if ordered > 0 {
            info!(deliveries = ordered, "Asked GitHub to deliver again what never arrived");
        }
        Ok(())
    }

    /// Whether that is all that can be done about it.
    fn cannot(&mut self, whose: &str, error: &github::Error) -> bool {
        let hopeless = matches!(error, github::Error::Forbidden { .. } | github::Error::NotFound);
        if hopeless && self.told.insert(whose.to_owned()) {
            warn!(
                repo.name = whose,
                "The credential may not read the webhook's log of {whose}: what gets lost is found by looking alone"
            );
        }
        hopeless
    }
}
