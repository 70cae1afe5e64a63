//! What happens to this installation as a whole.

use serde::{Deserialize, Serialize};

use crate::model::{Generation, RepoId, SessionId, TaskId};

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
    /// An agent runs.
    AgentStarted {
        /// Whose.
        session: SessionId,
    },
    /// An agent has ended, and should not have.
    AgentExited {
        /// Whose.
        session: SessionId,
        /// Which launch.
        generation: Generation,
    },
    /// An agent was ended on purpose.
    AgentEnded {
        /// Whose.
        session: SessionId,
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
            Self::AgentStarted { .. } => "agent started",
            Self::AgentExited { .. } => "agent exited",
            Self::AgentEnded { .. } => "agent ended",
            Self::DeadlinePassed => "deadline passed",
        }
    }
}
