//! What people ask Antiphon for in comments.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::{AgentName, Author, CommentId, Outside};

/// A comment that speaks to Antiphon.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct CommandComment {
    /// GitHub's node id of the comment: it is obeyed once.
    pub comment: CommentId,
    /// The comment's number, by which it is answered with a reaction.
    pub number: u64,
    /// Who wrote it.
    pub author: Author,
    /// When.
    pub at: Timestamp,
    /// Whether it was changed since: then nobody knows who has read what.
    pub edited: bool,
    /// What it asks for, in order; never empty.
    pub commands: Vec<Command>,
}

/// One command.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Command {
    /// Try the open incidents again from the start.
    Retry,
    /// Do nothing on this pull request until `resume`.
    Pause,
    /// Go on after `pause`.
    Resume,
    /// End the task and its agent; the branch and the pull request stay.
    Stop,
    /// Say how things stand.
    Status,
    /// Say how many prompts the open incidents have left, or give them so many more.
    Budget(Option<u32>),
    /// Let another agent go on with the task.
    Handoff(AgentName),
    /// Say this to the agent.
    Ask(Outside),
    /// What it said was not understood.
    Unknown(String),
}
