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
    /// The repository is there, and deliveries about it may have been missed: the daemon was down or asleep, or the
    /// repository was out of reach.
    Missed {
        /// Which repository.
        repo: RepoId,
    },
    /// Nothing can be done in the repository.
    Parked {
        /// Which repository.
        repo: RepoId,
        /// Why.
        why: Parked,
    },
    /// A look succeeded.
    Observed {
        /// Open issues with a configured label, sorted by number.
        issues: Vec<Issue>,
        /// Every open pull request, sorted by number.
        pulls: Vec<OpenPull>,
        /// What to show at the next look, so that an unchanged list costs nothing.
        #[serde(default)]
        etag: Option<String>,
        /// What was heard of the repository; `None` if webhooks are switched off.
        #[serde(default)]
        hearing: Option<Hearing>,
    },
    /// A look succeeded, and the open pull requests are as they were listed last.
    Unchanged {
        /// Open issues with a configured label, sorted by number.
        issues: Vec<Issue>,
        /// What was heard of the repository; `None` if webhooks are switched off.
        hearing: Option<Hearing>,
    },
    /// A look failed.
    LookFailed {
        /// Why.
        why: String,
    },
    /// An agent waits for what becomes of a pull request.
    PullAwaited {
        /// Which.
        number: PrNumber,
    },
    /// No agent waits for it any more.
    PullReleased {
        /// Which.
        number: PrNumber,
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

/// What was heard of a repository.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Hearing {
    /// Since when deliveries could have come.
    pub since: jiff::Timestamp,
    /// When the newest one came since then.
    pub newest: Option<jiff::Timestamp>,
}

/// Why nothing can be done in a repository.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Parked {
    /// It is archived: it can be read, not changed.
    Archived,
    /// It was deleted, or our credential may no longer see it: GitHub does not tell them apart.
    OutOfReach,
    /// GitHub said that it was deleted.
    Deleted,
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
            Self::Missed { .. } => "deliveries missed",
            Self::Parked { .. } => "parked",
            Self::Observed { .. } => "observed",
            Self::Unchanged { .. } => "unchanged",
            Self::LookFailed { .. } => "look failed",
            Self::PullAwaited { .. } => "pull request awaited",
            Self::PullReleased { .. } => "pull request released",
            Self::SlotGranted { .. } => "slot granted",
            Self::SpawnWanted { .. } => "spawn wanted",
            Self::TaskEnded { .. } => "task ended",
            Self::Flipped { .. } => "checks flipped",
            Self::RuleBroken { .. } => "rule broken",
            Self::DeadlinePassed => "deadline passed",
        }
    }
}
