//! Why something could not be done with a workspace.

use std::path::PathBuf;

use super::own;
use crate::model::Branch;

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
    /// Every block of ports is in use.
    #[error("no {} ports in a row are free in {first}-{last}", own::PORTS)]
    NoPorts {
        /// Where they were looked for: the first port.
        first: u16,
        /// The last one.
        last: u16,
    },
    /// What should be put into a workspace is no business of git's, and git would make it one.
    #[error("git does not ignore {entry}, and would offer it to the agent as work of its own")]
    NotIgnored {
        /// What.
        entry: String,
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

/// Anything that a caller can do nothing about.
pub(super) fn other(error: impl Into<anyhow::Error>) -> Error {
    Error::Other(error.into())
}

/// What it says to people, with its cause.
pub(super) fn explain(error: &Error) -> String {
    match error {
        Error::Other(source) => format!("{source:#}"),
        Error::NotARepository { .. }
        | Error::InsideRepository { .. }
        | Error::NoBase { .. }
        | Error::BranchBusy { .. }
        | Error::Occupied { .. }
        | Error::NoPorts { .. }
        | Error::NotIgnored { .. }
        | Error::Locked { .. }
        | Error::Unreachable { .. } => error.to_string(),
    }
}
