//! What happens to a repository's open issues.

use serde::{Deserialize, Serialize};

use super::Work;
use crate::model::{AgentName, Branch, Flip, Issue, IssueNumber, PrNumber, RepoId, RuleName, Sha, TaskId};

/// An event of one repository.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Backlog {
    /// Something in the repository may have changed, or the daemon has started: look.
    Hinted {
        /// Which repository.
        repo: RepoId,
    },
    /// A look succeeded.
    Observed {
        /// Open issues with a configured label, sorted by number.
        issues: Vec<Issue>,
        /// Every open pull request, sorted by number.
        pulls: Vec<OpenPull>,
    },
    /// A look failed.
    LookFailed {
        /// Why.
        why: String,
    },
    /// The fleet has a slot for a piece of work.
    SlotGranted {
        /// The task that gets it.
        task: TaskId,
    },
    /// A person wants work done.
    SpawnWanted {
        /// The task's name.
        task: TaskId,
        /// What is to be done.
        work: Work,
        /// Which agent does it; `None`: the repository's.
        agent: Option<AgentName>,
    },
    /// A task ended.
    TaskEnded {
        /// Which.
        task: TaskId,
        /// Its issue.
        issue: Option<IssueNumber>,
    },
    /// Failed jobs of a pull request have passed on the same commit.
    Flipped {
        /// What had failed.
        flips: Vec<Flip>,
    },
    /// A rule could not be evaluated, and something else answered in its place.
    RuleBroken {
        /// The rule.
        rule: RuleName,
        /// The hash of the rules then in force.
        revision: String,
        /// Why.
        why: String,
    },
    /// A deadline passed.
    DeadlinePassed,
}

/// One open pull request in a list.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct OpenPull {
    /// Its number.
    pub number: PrNumber,
    /// Its newest commit.
    pub head: Sha,
    /// Its branch.
    pub branch: Branch,
    /// When GitHub last changed it.
    pub updated_at: jiff::Timestamp,
}

impl Backlog {
    /// The event's name as people see it.
    #[must_use]
    pub const fn name(&self) -> &'static str {
        match self {
            Self::Hinted { .. } => "hinted",
            Self::Observed { .. } => "observed",
            Self::LookFailed { .. } => "look failed",
            Self::SlotGranted { .. } => "slot granted",
            Self::SpawnWanted { .. } => "spawn wanted",
            Self::TaskEnded { .. } => "task ended",
            Self::Flipped { .. } => "checks flipped",
            Self::RuleBroken { .. } => "rule broken",
            Self::DeadlinePassed => "deadline passed",
        }
    }
}
