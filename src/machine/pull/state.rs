//! What is known of one pull request. Facts and incidents are stored; what people see is derived from them.

use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::{Deeds, Green, Ledger, Look, Paused, Red, Report, Round, Rules, Silence, reviews};
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
    /// The head that GitHub told of and does not show yet.
    pub told: Option<Told>,
    /// When the rules of the base last changed, as far as GitHub told of it.
    pub rules_changed_at: Option<Timestamp>,
    /// Earlier heads into which only the base was merged since: who approved them approved this one.
    pub stands_for: BTreeSet<Sha>,
    /// Whether any check ever reported here.
    pub reported: bool,
    /// Since when the checks of the head are silent.
    pub silence: Option<Silence>,
    /// The red checks of the head.
    pub red: Option<Red>,
    /// What failed in the merge queue that threw it out.
    pub ejected: Option<Red>,
    /// What the last round of each incident on checks was about.
    pub rounds: BTreeMap<IncidentKind, Round>,
    /// The green checks of the head.
    pub green: Option<Green>,
    /// What became of each review and thread.
    pub ledger: Ledger,
    /// What was last said on a commit.
    pub report: Option<Report>,
    /// What was done since a person last said something.
    pub deeds: Deeds,
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
    /// Up to which comment commands were obeyed; none before the first look.
    pub obeyed_to: Option<u64>,
    /// Who wants nothing done here for now.
    pub paused: Option<Paused>,
}

/// A head that GitHub told of before it shows it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Told {
    /// The commit.
    pub head: Sha,
    /// How many looks did not find it.
    pub looks: u32,
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
            told: None,
            rules_changed_at: None,
            stands_for: BTreeSet::new(),
            reported: false,
            silence: None,
            red: None,
            ejected: None,
            rounds: BTreeMap::new(),
            green: None,
            ledger: Ledger::new(),
            report: None,
            deeds: Deeds::new(),
            mergeability_asked: 0,
            incidents: BTreeMap::new(),
            serial: 0,
            announced: None,
            over: false,
            obeyed_to: None,
            paused: None,
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
            keys.push(LookupKey::Pulls(self.repo));
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
        let green = self.green.as_ref().map(|green| (green.settles_at(rules), "settled green"));
        let unsettled = green.filter(|_| self.awaits_green());
        let settle = rules.settle(IncidentKind::ChecksFailed);
        let red = self.red.as_ref().map(|red| (red.since + settle, "settled red"));
        let answered = red.filter(|_| self.awaits_red());
        let missing = self.missing_at(rules).filter(|_| self.managed.is_some() && self.is_open());
        let missing = missing.map(|at| (at, "missing checks"));
        let pending = self.pending_at(rules).map(|at| (at, "checks that say nothing"));
        let report = self.report_at(rules).flatten().map(|at| (at, "report"));
        let all = look
            .into_iter()
            .chain(report)
            .chain(incidents)
            .chain(unsettled)
            .chain(answered)
            .chain(missing)
            .chain(pending);
        all.filter(|(at, _)| *at > now).min()
    }

    /// What is known of the failures of the head.
    #[must_use]
    pub fn failures(&self) -> &[Failure] {
        self.failures_of(IncidentKind::ChecksFailed)
    }

    /// What is known of the failures that an incident is about.
    #[must_use]
    pub(crate) fn failures_of(&self, kind: IncidentKind) -> &[Failure] {
        let read = if kind == IncidentKind::MergeQueueEjected { &self.ejected } else { &self.red };
        read.as_ref().and_then(|red| red.failures.as_deref()).unwrap_or_default()
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

    /// Whether somebody approved this head, or one that it stands for.
    pub(super) fn is_approved(&self, snapshot: &Snapshot) -> bool {
        reviews::is_approved(snapshot, &self.stands_for)
    }

    pub(super) fn is_open(&self) -> bool {
        self.snapshot.as_ref().is_some_and(|snapshot| snapshot.lifecycle == Lifecycle::Open)
    }

    // Merged is final: whatever claims otherwise later is an anomaly of a cache.
    pub(super) fn is_merged(&self) -> bool {
        self.snapshot.as_ref().is_some_and(|snapshot| snapshot.lifecycle == Lifecycle::Merged)
    }
}
