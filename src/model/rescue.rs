//! Work of a workspace that is gone.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::{Sha, TaskId};

/// What a workspace held when it was removed, kept under a ref of its repository.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Rescue {
    /// Whose workspace it was.
    pub task: TaskId,
    /// When; to the millisecond.
    pub at: Timestamp,
    /// The commit that holds the files.
    pub commit: Sha,
}
