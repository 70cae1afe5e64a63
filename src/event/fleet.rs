//! What happens to this installation as a whole.

use serde::{Deserialize, Serialize};

use crate::model::{RepoId, TaskId};

/// An event of the fleet.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Fleet {
    /// A repository wants to start a task.
    SlotWanted {
        /// The task.
        task: TaskId,
        /// The repository that asks.
        repo: RepoId,
    },
    /// A task that has a slot needs it no longer.
    SlotReleased {
        /// The task.
        task: TaskId,
    },
    /// The settings may have changed.
    DeadlinePassed,
}

impl Fleet {
    /// The event's name as people see it.
    #[must_use]
    pub const fn name(&self) -> &'static str {
        match self {
            Self::SlotWanted { .. } => "slot wanted",
            Self::SlotReleased { .. } => "slot released",
            Self::DeadlinePassed => "deadline passed",
        }
    }
}
