//! What happens to a piece of work.

use serde::{Deserialize, Serialize};

use super::{ActionOutcome, List};
use crate::model::{AgentName, Branch, ConversationId, Issue, PrNumber, RepoId, Rescue, Sha, TaskId, TextHash};

/// An event of one task.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Task {
    /// The backlog gave it a slot.
    Claimed {
        /// Its name.
        task: TaskId,
        /// The repository that it changes.
        repo: RepoId,
        /// What is to be done.
        work: Work,
        /// Which agent does it; `None`: the repository's.
        agent: Option<AgentName>,
    },
    /// Its workspace is there.
    Prepared {
        /// Where the workspace is.
        path: String,
        /// The commit that it started from.
        base: Sha,
        /// Whether something has to be done in it before an agent can work there.
        #[serde(default)]
        setup: bool,
    },
    /// Its workspace could not be made.
    PreparationFailed {
        /// What failed.
        why: String,
    },
    /// Its workspace is ready to be worked in.
    SetUp,
    /// Its workspace could not be made ready.
    SetupFailed {
        /// What failed, with the last lines of the log.
        why: String,
    },
    /// An action on its own incident was carried out.
    Acted {
        /// The incident's serial number.
        serial: u64,
        /// The incident's round that the action belongs to.
        revision: u64,
        /// Which of the rule's lists.
        list: List,
        /// The position in that list.
        step: u32,
        /// What came of it.
        outcome: ActionOutcome,
    },
    /// The agent's turn ended.
    TurnEnded,
    /// Its branch moved on GitHub.
    BranchPushed,
    /// Its pull request is open.
    PullOpened {
        /// The pull request.
        number: PrNumber,
    },
    /// There is nothing to open a pull request for: the branch has no new commit on GitHub.
    NothingPushed,
    /// The pull request could not be opened.
    OpenFailed {
        /// Why.
        why: String,
        /// Whether trying again can help.
        transient: bool,
    },
    /// Its pull request was merged.
    PullMerged,
    /// Its pull request was closed without a merge.
    PullClosed,
    /// Its issue was closed.
    IssueClosed,
    /// The session ended for good.
    SessionEnded,
    /// Its workspace is gone.
    WorkspaceRemoved,
    /// Its workspace was kept, because it holds work that exists nowhere else, or because nobody could say.
    WorkspaceKept {
        /// What it holds.
        why: String,
    },
    /// Its workspace is gone, and a ref keeps what it held.
    WorkspaceRescued {
        /// What keeps it.
        rescue: Rescue,
    },
    /// Its workspace is there again as it was when it was rescued.
    WorkspaceRestored {
        /// Where it is.
        path: String,
    },
    /// Its workspace could not be brought back.
    NotRestored {
        /// Why.
        why: String,
    },
    /// A person wants the workspace of an ended task gone, and what it holds kept elsewhere.
    CleanWanted,
    /// A person wants the build output of an ended task's workspace gone, and the workspace kept.
    PruneWanted,
    /// The build output of its workspace is gone.
    OutputPruned {
        /// How many directories.
        dirs: u32,
        /// What their files took.
        bytes: u64,
    },
    /// The build output of its workspace could not be removed, or not all of it.
    NotPruned {
        /// Why.
        why: String,
    },
    /// A person wants the workspace back.
    RestoreWanted,
    /// A person wants it ended.
    StopWanted,
    /// A person wants it tried again.
    RetryWanted,
    /// A deadline passed.
    DeadlinePassed,
}

/// What is to be done.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Work {
    /// Resolve an issue.
    Issue(Box<Issue>),
    /// Do what a person wrote.
    Text {
        /// A short name made of the text.
        slug: String,
        /// Where the words are.
        text: TextHash,
    },
    /// Carry an existing pull request on.
    Adopted {
        /// The pull request.
        number: PrNumber,
        /// Its branch.
        branch: Branch,
        /// The conversation in which a person has worked on it so far.
        #[serde(default)]
        conversation: Option<ConversationId>,
    },
}

impl Task {
    /// The event's name as people see it.
    #[must_use]
    pub const fn name(&self) -> &'static str {
        match self {
            Self::Claimed { .. } => "claimed",
            Self::Prepared { .. } => "workspace prepared",
            Self::PreparationFailed { .. } => "preparation failed",
            Self::SetUp => "workspace set up",
            Self::SetupFailed { .. } => "setup failed",
            Self::Acted { .. } => "action carried out",
            Self::TurnEnded => "turn ended",
            Self::BranchPushed => "branch pushed",
            Self::PullOpened { .. } => "pull request opened",
            Self::NothingPushed => "nothing pushed",
            Self::OpenFailed { .. } => "opening the pull request failed",
            Self::PullMerged => "pull request merged",
            Self::PullClosed => "pull request closed",
            Self::IssueClosed => "issue closed",
            Self::SessionEnded => "session ended",
            Self::WorkspaceRemoved => "workspace removed",
            Self::WorkspaceKept { .. } => "workspace kept",
            Self::WorkspaceRescued { .. } => "workspace rescued",
            Self::WorkspaceRestored { .. } => "workspace restored",
            Self::NotRestored { .. } => "workspace not restored",
            Self::CleanWanted => "clean-up wanted",
            Self::PruneWanted => "removal of build output wanted",
            Self::OutputPruned { .. } => "build output removed",
            Self::NotPruned { .. } => "build output not removed",
            Self::RestoreWanted => "restore wanted",
            Self::StopWanted => "stop wanted",
            Self::RetryWanted => "retry wanted",
            Self::DeadlinePassed => "deadline passed",
        }
    }
}
