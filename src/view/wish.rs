//! What clients ask the daemon for, and what it answers: the bodies of the HTTP API's POST requests.
//!
//! Each wish carries a request id that the client chose. The same id again is the same wish: it is granted once.

use serde::{Deserialize, Serialize};

use super::Severity;
use crate::model::{AgentName, ConversationId, IssueNumber, PrNumber, RepoName, SessionId, TaskId};

/// `POST /api/v1/spawn`: work on an issue, or on what these words say.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Spawn {
    /// The client's id of this wish.
    pub request: String,
    /// The repository; may be left out if there is only one.
    pub repo: Option<RepoName>,
    /// The issue.
    pub issue: Option<IssueNumber>,
    /// The words, instead of an issue.
    pub text: Option<String>,
    /// Which agent; the repository's if left out.
    pub agent: Option<AgentName>,
}

/// `POST /api/v1/adopt`: carry an open pull request on.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Adopt {
    /// The client's id of this wish.
    pub request: String,
    /// The repository; may be left out if there is only one.
    pub repo: Option<RepoName>,
    /// The pull request.
    pub number: PrNumber,
    /// Which agent; the repository's if left out.
    pub agent: Option<AgentName>,
    /// The agent program's own id of the conversation in which a person has worked on it so far.
    #[serde(default)]
    pub conversation: Option<ConversationId>,
}

/// `POST /api/v1/send`: say this to an agent.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Send {
    /// The client's id of this wish.
    pub request: String,
    /// The session.
    pub session: SessionId,
    /// The words; at most 64 bytes less than 100 KiB.
    pub text: String,
}

/// `POST /api/v1/retry` and `/api/v1/stop`: a task by name, or a pull request as `owner/name#12`. `/api/v1/clean` and
/// `/api/v1/restore`: an ended task by name.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Subject {
    /// The client's id of this wish.
    pub request: String,
    /// The task or pull request.
    pub subject: String,
}

/// The answer to a wish: it is durable, and what it is about.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Granted {
    /// The task that was made or meant.
    pub task: Option<TaskId>,
    /// What happens now, in one sentence.
    pub what: String,
}

/// An answer that is not what was asked for.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Problem {
    /// What is wrong.
    pub error: String,
    /// What to do about it.
    pub hint: Option<String>,
}

/// `GET /api/v1/sessions/{session}/terminal`: where a session's terminal is, for `attach`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Terminal {
    /// The runtime's name.
    pub runtime: String,
    /// The launch that runs.
    pub generation: u32,
}

/// `POST /api/v1/link`: logs a browser in, once.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Link {
    /// The path with its code, to be put behind the daemon's address.
    pub path: String,
}

/// `GET /api/v1/doctor`: something that the running daemon noticed.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Finding {
    /// How urgent it is.
    pub severity: Severity,
    /// What is the matter.
    pub what: String,
    /// What to do about it; empty if there is nothing to do.
    pub hint: String,
}
