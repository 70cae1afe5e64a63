//! What is known of one pull request. Facts and incidents are stored; what people see is derived from them.

use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::{Green, Look, Red, Round, Rules, reviews};
use crate::{
    event::LookFailure,
    machine::incident::Incident,
    model::{
        Failure, IncidentKind, Lifecycle, LookupKey, MachineKey, PrNumber, RepoId, SessionId, Sha, Snapshot, TaskId,
        TextHash,
    },
};

/// Everything that is known of one pull request.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct State {
    /// The repository.
    pub repo: RepoId,
    /// The number.
    pub number: PrNumber,
    /// Who works on it. Rules act on managed pull requests only.
    pub managed: Option<Managed>,
    /// What GitHub said last.
    pub snapshot: Option<Snapshot>,
    /// The snapshot's hash.
    pub hash: Option<TextHash>,
    /// When GitHub said it.
    pub observed_at: Option<Timestamp>,
    /// The looks.
    pub look: Look,
    /// Why the last look failed, while it does.
    pub look_failure: Option<LookFailure>,
    /// The red checks of the head.
    pub red: Option<Red>,
    /// What the last round on red checks was about.
    pub round: Option<Round>,
    /// The green checks of the head.
    pub green: Option<Green>,
    /// Which reviews and threads were handed to the agent.
    pub handed: BTreeSet<String>,
    /// How often mergeability was asked for since it became unknown.
    pub mergeability_asked: u32,
    /// The open incidents.
    pub incidents: BTreeMap<IncidentKind, Incident>,
    /// The serial number of the newest incident.
    pub serial: u64,
    /// The head for which `approved-and-green` was answered.
    pub announced: Option<Sha>,
    /// Whether the task was told that this is over.
    pub over: bool,
}

/// The task and the agent behind a pull request.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Managed {
    /// The task.
    pub task: TaskId,
    /// Its agent.
    pub session: SessionId,
}

impl State {
    /// A pull request of which nothing is known yet.
    #[must_use]
    pub const fn new(repo: RepoId, number: PrNumber) -> Self {
        Self {
            repo,
            number,
            managed: None,
            snapshot: None,
            hash: None,
            observed_at: None,
            look: Look::new(),
            look_failure: None,
            red: None,
            round: None,
            green: None,
            handed: BTreeSet::new(),
            mergeability_asked: 0,
            incidents: BTreeMap::new(),
            serial: 0,
            announced: None,
            over: false,
        }
    }

    /// This machine's address.
    #[must_use]
    pub const fn key(&self) -> MachineKey {
        MachineKey::Pull { repo: self.repo, number: self.number }
    }

    /// The keys by which it is found.
    #[must_use]
    pub fn lookup(&self) -> Vec<LookupKey> {
        let mut keys = Vec::new();
        if let Some(snapshot) = self.snapshot.as_ref().filter(|snapshot| snapshot.lifecycle == Lifecycle::Open) {
            keys.push(LookupKey::Head(self.repo, snapshot.head.sha.clone()));
            keys.push(LookupKey::BaseBranch(self.repo, snapshot.base.branch.clone()));
            if let Some(repo) = snapshot.head.repo {
                keys.push(LookupKey::HeadBranch(repo, snapshot.head.branch.clone()));
            }
        }
        if let Some(managed) = &self.managed {
            keys.push(LookupKey::Task(managed.task.clone()));
        }
        keys
    }

    /// The next moment after `now` at which something is due, and what.
    ///
    /// What was due until now was ordered by the step itself. If it is still there, it waits for an event, not for time.
    #[must_use]
    pub fn next_deadline(&self, rules: &Rules, now: Timestamp) -> Option<(Timestamp, &'static str)> {
        let look = self.look.deadline().map(|at| (at, "look"));
        let incidents = self.incidents.values().filter_map(Incident::deadline);
        let green = self.green.as_ref().map(|green| (green.since + rules.pace.settle_green, "settled green"));
        let unsettled = green.filter(|_| self.awaits_green());
        let settle = rules.settle(IncidentKind::ChecksFailed);
        let red = self.red.as_ref().map(|red| (red.since + settle, "settled red"));
        let answered = red.filter(|_| self.awaits_red());
        let all = look.into_iter().chain(incidents).chain(unsettled).chain(answered);
        all.filter(|(at, _)| *at > now).min()
    }

    /// What is known of the failures of the head.
    #[must_use]
    pub fn failures(&self) -> &[Failure] {
        self.red.as_ref().and_then(|red| red.failures.as_deref()).unwrap_or_default()
    }

    /// How many reviews and comments are withheld from the agent.
    #[must_use]
    pub fn withheld(&self) -> u32 {
        self.snapshot.as_ref().map_or(0, reviews::withheld)
    }

    /// The newest commit, once something is known.
    pub(crate) fn head(&self) -> Option<&Sha> {
        self.snapshot.as_ref().map(|snapshot| &snapshot.head.sha)
    }

    pub(super) fn is_open(&self) -> bool {
        self.snapshot.as_ref().is_some_and(|snapshot| snapshot.lifecycle == Lifecycle::Open)
    }

    // Merged is final: whatever claims otherwise later is an anomaly of a cache.
    pub(super) fn is_merged(&self) -> bool {
        self.snapshot.as_ref().is_some_and(|snapshot| snapshot.lifecycle == Lifecycle::Merged)
    }
}
