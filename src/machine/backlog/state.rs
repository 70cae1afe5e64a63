//! What is known of one repository.

use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::Webhooks;
use crate::{
    event::{Parked, Work},
    model::{AgentName, Branch, Flip, IssueNumber, PrNumber, RepoId, RuleName, Sha, TaskId},
};

/// Everything that is known of one repository.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct State {
    /// The repository.
    pub repo: RepoId,
    /// Tasks that run, by issue.
    pub running: BTreeMap<IssueNumber, TaskId>,
    /// Issues whose task ended while they stayed listed: claimed again only once they were closed or unlabelled, or by
    /// a person.
    pub ended: BTreeSet<IssueNumber>,
    /// Issues that a person picked: whether they are listed or not says nothing about them.
    pub picked: BTreeSet<IssueNumber>,
    /// Issues of running tasks that are no longer listed; their tasks were told.
    pub unlisted: BTreeSet<IssueNumber>,
    /// Tasks that wait for a slot.
    pub waiting: BTreeMap<TaskId, Wanted>,
    /// Tasks that were given up while they waited: their slot goes back when it comes.
    pub dropped: BTreeSet<TaskId>,
    /// Open pull requests as last listed.
    pub pulls: BTreeMap<PrNumber, Listed>,
    /// Open issues as last listed that wait for others.
    pub blocked: BTreeMap<IssueNumber, Vec<IssueNumber>>,
    /// What is known to be flaky, the newest last.
    pub flips: Vec<Flip>,
    /// Whether a look is running.
    pub looking: bool,
    /// Whether another one is wanted after it.
    pub look_wanted: bool,
    /// When the next periodic look is due.
    pub next_look: Option<Timestamp>,
    /// Why the last look failed, while it does.
    pub look_failure: Option<String>,
    /// When the last look succeeded.
    pub observed_at: Option<Timestamp>,
    /// What to show GitHub so that an unchanged list costs nothing; kept together with `pulls`, never before them.
    pub etag: Option<String>,
    /// Pull requests whose agent waits for what becomes of them.
    pub awaited: BTreeSet<PrNumber>,
    /// Whether GitHub's deliveries arrive.
    pub webhooks: Webhooks,
    /// When it was found out that deliveries may have been missed: every open pull request is looked at after the next
    /// list.
    pub missed_at: Option<Timestamp>,
    /// Why nothing is done here, if nothing is.
    pub parked: Option<Parked>,
    /// Rules that could not be evaluated.
    pub broken: BTreeMap<RuleName, Broken>,
}

/// Why a rule could not be evaluated.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Broken {
    /// The hash of the rules then in force.
    pub revision: String,
    /// Why.
    pub why: String,
    /// Since when.
    pub since: Timestamp,
}

/// Work that waits for a slot.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Wanted {
    /// What is to be done.
    pub work: Work,
    /// Which agent does it.
    pub agent: Option<AgentName>,
}

/// What a list said of a pull request.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Listed {
    /// Its newest commit.
    pub head: Sha,
    /// Its branch.
    pub branch: Branch,
    /// When GitHub last changed it.
    pub updated_at: Timestamp,
    /// When it was last hinted at.
    pub hinted_at: Timestamp,
}

impl State {
    /// A repository of which nothing is known yet.
    #[must_use]
    pub const fn new(repo: RepoId) -> Self {
        Self {
            repo,
            running: BTreeMap::new(),
            ended: BTreeSet::new(),
            picked: BTreeSet::new(),
            unlisted: BTreeSet::new(),
            waiting: BTreeMap::new(),
            dropped: BTreeSet::new(),
            pulls: BTreeMap::new(),
            blocked: BTreeMap::new(),
            flips: Vec::new(),
            looking: false,
            look_wanted: false,
            next_look: None,
            look_failure: None,
            observed_at: None,
            etag: None,
            awaited: BTreeSet::new(),
            webhooks: Webhooks::Heard,
            missed_at: None,
            parked: None,
            broken: BTreeMap::new(),
        }
    }

    /// The next moment after `now` at which something is due, and what.
    #[must_use]
    pub fn next_deadline(&self, now: Timestamp) -> Option<(Timestamp, &'static str)> {
        self.next_look.filter(|at| !self.looking && *at > now).map(|at| (at, "reconcile"))
    }
}
