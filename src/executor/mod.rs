//! Carries out one effect.
//!
//! Every effect may come twice, after a kill in the middle of the first time: each is therefore idempotent or asks first
//! what is so already. What is ambiguous is settled by looking, never by doing it again.
//!
//! It never changes a machine's state: what became of an effect goes back as an event.

mod act;
mod agents;
mod answer;
mod channel;
mod claim;
mod ears;
mod handover;
mod launch;
mod look;
mod merge;
mod parked;
mod prompt;
mod quoting;
mod report;
mod repository;
mod sandbox;
mod setup;
mod thread;
mod triage;
mod work;

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
    time::Duration,
};

use tokio::sync::watch;
use tracing::warn;

use self::claim::Claim;
use crate::{
    clock::Clock,
    config::Config,
    effect::Effect,
    event::Event,
    github,
    journal::{Claimed, Journal},
    machine::{Rulebook, Rules, State},
    model::{MachineKey, RepoId},
    notify::Notifiers,
    places::Places,
    runtime::{Address, Runtime},
    workspace::{Caches, Workspaces},
};

pub use ears::Ears;
pub use launch::Sight;
pub use repository::{Repositories, Repository};

/// What became of an effect.
#[derive(Debug)]
pub enum Outcome {
    /// It ended; the event tells its machine, if there is something to tell.
    Done(Option<Event>),
    /// It cannot be carried out now: GitHub is down, a limit is reached.
    Later {
        /// After this, it is tried again.
        after: Duration,
        /// Why.
        why: String,
        /// Whether it was tried, and not only waited for.
        tried: bool,
    },
}

/// The world that effects change.
pub struct Executor {
    /// The journal.
    pub journal: Arc<dyn Journal>,
    /// The rules in force.
    pub rules: watch::Receiver<Arc<Rulebook>>,
    /// The settings in force.
    pub config: watch::Receiver<Arc<Config>>,
    /// What is known of the configured repositories.
    pub repositories: watch::Receiver<Arc<Repositories>>,
    /// GitHub.
    pub github: github::Client,
    /// When GitHub last delivered something.
    pub ears: Arc<Ears>,
    /// Where sessions live, by name.
    pub runtimes: BTreeMap<String, Arc<dyn Runtime>>,
    /// The worktrees.
    pub workspaces: Workspaces,
    /// The turns at the caches of package managers.
    pub caches: Caches,
    /// Where things are in the state directory.
    pub places: Places,
    /// How agents are started.
    pub launching: Launching,
    /// How people are told.
    pub notifiers: Notifiers,
    /// The time.
    pub clock: Clock,
}

/// What every launch of an agent needs to know of this installation.
pub struct Launching {
    /// The program by which agents reach us: `antiphon`.
    pub own_program: String,
    /// Where the daemon listens.
    pub url: String,
    /// The user's environment, from which agents inherit what is harmless.
    pub environment: BTreeMap<String, String>,
    /// Names of variables that hold secrets by configuration.
    pub secret_variables: BTreeSet<String>,
}

/// How soon it is asked again whether a repository can be worked on.
const PARKED: Duration = Duration::from_secs(300);

impl Executor {
    /// Carries out a claimed effect.
    pub async fn carry_out(&self, claimed: Claimed) -> Outcome {
        let Claimed { id, fence, effect, progress, postponed, tried, since } = claimed;
        let claim = Claim { id, fence, progress, postponed, tried, since };
        if let Some(why) = self.parked(&effect) {
            return Outcome::Later { after: PARKED / self.scale(), why, tried: false };
        }
        match effect {
            // Carried out by the commit itself.
            Effect::Tell { .. } => Outcome::Done(None),
            Effect::Look { repo, number, look, known, rules_since } => {
                self.look((repo, number), look, known, rules_since).await
            }
            Effect::Triage { repo, number, head, checks } => self.triage((repo, number), &head, &checks, &claim).await,
            Effect::LookRepository { repo, known } => self.look_repository(repo, known).await,
            Effect::Prepare { task, repo, branch } => self.prepare(&task, repo, branch).await,
            Effect::SetUp { task, repo } => self.set_up(&task, repo).await,
            Effect::OpenPull { task, repo, branch, work } => self.open_pull(&task, repo, &branch, &work).await,
            Effect::RemoveWorkspace { task, repo, branch, pull, rescue } => {
                self.remove_workspace((&task, repo, branch), pull, rescue).await
            }
            Effect::PruneOutput { task } => self.prune_output(&task).await,
            Effect::RestoreWorkspace { repo, branch, rescue } => self.restore_workspace(repo, branch, &rescue).await,
            Effect::Launch { session, generation, repo, agent, workspace, conversation } => {
                let address = Address { session, generation };
                self.launch(&address, repo, (&agent, &workspace), conversation).await
            }
            Effect::Prompt { session, generation, prompt, references } => {
                self.prompt(&Address { session, generation }, prompt, references, &claim).await
            }
            Effect::Dismiss { session, generation } => {
                self.dismiss(&Address { session, generation });
                Outcome::Done(None)
            }
            Effect::SeekReceipt { session, generation, prompt, transcript } => {
                self.seek_receipt(&Address { session, generation }, &prompt, transcript).await
            }
            Effect::Meter { session, generation, transcript, turn } => {
                self.meter(&Address { session, generation }, transcript, turn).await
            }
            Effect::Stop { session, generation } => self.stop(&Address { session, generation }).await,
            Effect::Act(act) => self.act(act, &claim).await,
            Effect::Answer { repo, number, answer } => self.answer((repo, number), answer, &claim).await,
            Effect::Report { repo, number, head, line } => self.report_on((repo, number), head, line, &claim).await,
        }
    }

    fn rules_of(&self, repo: RepoId) -> Option<Arc<Rules>> {
        self.rules.borrow().of_repo(repo)
    }

    /// The one whose rules the fleet follows.
    fn first_repository(&self) -> Option<RepoId> {
        self.rules.borrow().first().map(|rules| rules.repo)
    }

    fn repository(&self, repo: RepoId) -> Option<Repository> {
        self.repositories.borrow().get(repo).cloned()
    }

    fn scale(&self) -> u32 {
        self.config.borrow().time_scale.max(1)
    }

    async fn state(&self, machine: &MachineKey) -> Option<State> {
        match self.journal.load(machine.clone()).await {
            Ok(stored) => stored.and_then(|stored| serde_json::from_str::<Option<State>>(&stored.state).ok().flatten()),
            Err(error) => {
                warn!(machine = %machine, error = &error as &dyn std::error::Error, "Could not read {machine}");
                None
            }
        }
    }

    fn runtime(&self, name: &str) -> Option<Arc<dyn Runtime>> {
        self.runtimes.get(name).cloned()
    }
}
