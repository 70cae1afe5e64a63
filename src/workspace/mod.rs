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
//! - Nothing is written to the configuration or the hooks of the repository: processes get theirs by environment.

mod branch;
mod caches;
mod clone;
mod error;
mod git;
mod hydrate;
mod lanes;
mod link;
mod lockfiles;
mod mirror;
mod own;
mod prepare;
mod progress;
mod prune;
mod remove;
mod repository;
mod rescue;
mod setup;
mod sparse;
mod standing;

#[cfg(test)]
mod tests;
#[cfg(test)]
mod tests_without_shell;

use std::{
    num::NonZero,
    path::{Path, PathBuf},
    sync::{Arc, Mutex},
};

use serde::{Deserialize, Serialize};
use tokio::sync::Semaphore;

use self::error::{explain, other};
pub use self::{
    branch::branch_name,
    caches::Caches,
    error::Error,
    git::{Credentials, Git},
    hydrate::{HydrateBy, Hydration},
    lockfiles::lines as locked_lines,
    own::{Hooks, Own, OwnSpec},
    progress::Progress,
    prune::Output,
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
    /// What it is to have for itself beside its files.
    pub own: OwnSpec,
    /// What it is to git.
    pub kind: Kind,
    /// The directories that it is to hold beside the files at its top; empty: all of them.
    pub sparse: Vec<String>,
}

/// What a workspace is to git.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Kind {
    /// A worktree of the repository.
    #[default]
    Worktree,
    /// A clone that shares its objects, and has configuration, hooks and branches of its own.
    Clone,
}

/// A prepared worktree.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Workspace {
    /// The task it is for.
    pub task: TaskId,
    /// Where its files are.
    pub path: PathBuf,
    /// The git directory that it shares with its repository: commits are written there, not below `path`. Of a clone it
    /// is the clone's own.
    pub common_dir: PathBuf,
    /// The git directory of the repository that a clone shares its objects with; `None`: it is a worktree.
    #[serde(default)]
    pub source: Option<PathBuf>,
    /// The task's branch.
    pub branch: Branch,
    /// The branch that the work shall be merged into.
    pub base: Branch,
    /// The remote's name.
    pub remote: String,
    /// The tip of `base` at the remote when the workspace was last prepared.
    pub base_sha: Sha,
    /// What it has for itself beside its files.
    #[serde(default)]
    pub own: Own,
    /// The directories that it holds beside the files at its top; empty: all of them.
    #[serde(default)]
    pub sparse: Vec<String>,
}

/// The workspaces below one state directory. Cloning shares the locks.
#[derive(Debug, Clone)]
pub struct Workspaces {
    git: Git,
    root: PathBuf,
    mirrors: PathBuf,
    templates: PathBuf,
    lanes: lanes::Lanes,
    checkouts: Arc<Semaphore>,
    records: Arc<Mutex<()>>,
}

impl Workspaces {
    /// The workspaces below `state_dir`. Nothing is touched yet.
    #[must_use]
    pub fn new(git: Git, state_dir: &Path) -> Self {
        Self {
            git,
            root: state_dir.join("workspaces"),
            mirrors: state_dir.join("mirrors"),
            templates: state_dir.join("templates"),
            lanes: lanes::Lanes::default(),
            checkouts: Arc::new(Semaphore::new(std::thread::available_parallelism().map_or(2, NonZero::get))),
            records: Arc::default(),
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
    const fn kind(&self) -> Kind {
        if self.source.is_some() { Kind::Clone } else { Kind::Worktree }
    }

    /// The git directory of the repository that it was made of, which keeps what is rescued.
    fn keeper(&self) -> &Path {
        self.source.as_deref().unwrap_or(&self.common_dir)
    }

    /// The remote-tracking ref of a branch.
    fn tracking(&self, branch: &Branch) -> String {
        format!("refs/remotes/{}/{branch}", self.remote)
    }
}

/// The ref under which GitHub keeps the head of a pull request, also after its branch is gone.
fn pull_ref(number: PrNumber) -> String {
    format!("refs/pull/{number}/head")
}
