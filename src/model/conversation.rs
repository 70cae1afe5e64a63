//! The conversations of agent programs: they outlive a process, and have ids of the program's own.

use serde::{Deserialize, Serialize};

use super::ConversationId;

/// Which conversation a launched agent goes on with.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Conversation {
    /// A new one.
    #[default]
    New,
    /// Its own of an earlier launch.
    Continued(String),
    /// A copy of one that a person began elsewhere.
    Copied(ConversationId),
}
