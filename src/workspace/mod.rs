//! Workspaces: one git worktree per task, where a session works and commits.
//!
//! ```text
//! the user's clone, or a mirror ── prepare ──▶ <state>/workspaces/<task> ── standing ──▶ what it holds
//!                                                       │                                   │
//!                                                     setup                              remove (or the reason why not)
//! ```
//!
//! Invariants:
//! - A workspace lies below the state directory: never inside a repository, and never is the main checkout taken instead.
//! - Nothing here forces: no `reset`, no removal of a lock. What stands in the way is moved aside or named.
//! - [`Workspaces::remove`] removes only what provably holds no work of its own, or what a ref keeps; what cannot be
//!   looked at is kept.
//! - Repositories are changed under one lock each; what another program holds is waited for, with a bound.
//! - No hook of the repository runs in our own git calls, and credentials are given to the calls that need the network alone.

mod branch;
mod git;
mod lanes;
mod mirror;
mod prepare;
mod remove;
mod repository;
mod rescue;
mod setup;
mod standing;

#[cfg(test)]
mod tests;

use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

pub use self::{
    branch::branch_name,
    git::{Credentials, Git},
    remove::{Gone, Holds, OwnBranch, Reach, Removal, Unsaved},
    setup::{Setup, SetupError, setup},
    standing::{Standing, Unfinished},
};
use crate::model::{Branch, PrNumber, Sha, TaskId};

/// What a workspace is to be.
#[derive(Debug, Clone)]
pub struct Spec {
    /// The user's clone, or what [`Workspaces::ensure_mirror`] made.
    pub repository: PathBuf,
    /// The task it is for. One task has one workspace.
    pub task: TaskId,
    /// The branch that the task works on. If it exists, here or at the remote, work goes on from there.
    pub branch: Branch,
    /// The branch that the work shall be merged into.
    pub base: Branch,
    /// The remote's name in the repository, usually `origin`.
    pub remote: String,
    /// For the fetch.
    pub credentials: Credentials,
}

/// A prepared worktree.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Workspace {
    /// The task it is for.
    pub task: TaskId,
    /// Where its files are.
    pub path: PathBuf,
    /// The git directory that it shares with its repository: commits are written there, not below `path`.
    pub common_dir: PathBuf,
    /// The task's branch.
    pub branch: Branch,
    /// The branch that the work shall be merged into.
    pub base: Branch,
    /// The remote's name.
    pub remote: String,
    /// The tip of `base` at the remote when the workspace was last prepared.
    pub base_sha: Sha,
}

/// Why a workspace could not be prepared or looked at.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// There is no git repository.
    #[error("{} is not a git repository", path.display())]
    NotARepository {
        /// Where one was expected.
        path: PathBuf,
    },
    /// The state directory lies in the repository: worktrees inside a checkout are seen by every tool as its files.
    #[error("the workspace {} would lie inside the repository", path.display())]
    InsideRepository {
        /// Where the workspace would be.
        path: PathBuf,
    },
    /// The remote has no such branch.
    #[error("{remote} has no branch {base}")]
    NoBase {
        /// The branch that was asked for.
        base: Branch,
        /// The remote.
        remote: String,
    },
    /// The branch is checked out somewhere else, and git allows it once.
    #[error("{branch} is checked out in {}", path.display())]
    BranchBusy {
        /// The branch.
        branch: Branch,
        /// Where it is checked out.
        path: PathBuf,
    },
    /// The task's place holds the workspace of another branch or repository.
    #[error("{} belongs to {holder}", path.display())]
    Occupied {
        /// The place.
        path: PathBuf,
        /// The branch or repository that it belongs to.
        holder: String,
    },
    /// Another program held git's locks all the time that we waited.
    #[error("the repository stayed locked: {detail}")]
    Locked {
        /// What git said.
        detail: String,
    },
    /// The remote could not be reached, or refused.
    #[error("cannot fetch from {remote}: {detail}")]
    Unreachable {
        /// The remote.
        remote: String,
        /// What git said.
        detail: String,
    },
    /// Anything else.
    #[error("git work on the workspace failed")]
    Other(#[source] anyhow::Error),
}

/// The workspaces below one state directory. Cloning shares the locks.
#[derive(Debug, Clone)]
pub struct Workspaces {
    git: Git,
    root: PathBuf,
    mirrors: PathBuf,
    lanes: lanes::Lanes,
}

impl Workspaces {
    /// The workspaces below `state_dir`. Nothing is touched yet.
    #[must_use]
    pub fn new(git: Git, state_dir: &Path) -> Self {
        Self {
            git,
            root: state_dir.join("workspaces"),
            mirrors: state_dir.join("mirrors"),
            lanes: lanes::Lanes::default(),
        }
    }

    /// The workspace that was prepared for a task, if there is one.
    ///
    /// # Errors
    ///
    /// When nobody can tell.
    pub fn find(&self, task: &TaskId) -> Result<Option<Workspace>, Error> {
        self.read_record(task).map_err(other)
    }

    fn record_of(&self, task: &TaskId) -> PathBuf {
        // A task's name cannot begin with a dot, so these never meet a workspace.
        self.root.join(".records").join(format!("{task}.json"))
    }
}

impl Workspace {
    /// The remote-tracking ref of a branch.
    fn tracking(&self, branch: &Branch) -> String {
        format!("refs/remotes/{}/{branch}", self.remote)
    }
}

/// The ref under which GitHub keeps the head of a pull request, also after its branch is gone.
fn pull_ref(number: PrNumber) -> String {
    format!("refs/pull/{number}/head")
}

fn other(error: impl Into<anyhow::Error>) -> Error {
    Error::Other(error.into())
}
