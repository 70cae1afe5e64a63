//! Prompts: why one is sent, and what is known of its arrival.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::{Attempt, MachineKey, PromptId};

/// The incidents that a rule can name (the closed set of the reaction language).
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum IncidentKind {
    /// A check is red on the current head.
    ChecksFailed,
    /// Trusted people asked for changes.
    ChangesRequested,
    /// The branch conflicts with its base.
    Conflict,
    /// Approved, settled green and mergeable.
    ApprovedAndGreen,
    /// The agent shows no sign of life.
    AgentStuck,
    /// The agent's process ended.
    AgentExited,
    /// The agent waits for a person.
    AgentNeedsInput,
    /// An issue may be worked on.
    IssueReady,
}

/// A reference to what should be said. The queue holds these, never text: the words are made at the moment of sending.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct PromptRef {
    /// Who wants it said, and learns what became of it.
    pub from: MachineKey,
    /// Why.
    pub cause: Cause,
    /// The revision of the cause; a newer one makes this reference stale.
    pub revision: u64,
    /// Which attempt this is.
    pub attempt: Attempt,
}

/// Why a prompt is sent.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Cause {
    /// The first prompt of a task: its issue or text.
    Task,
    /// An incident, and which action of the answering rule speaks.
    Incident {
        /// Which one.
        kind: IncidentKind,
        /// The position of the `prompt` in the rule's `do`.
        action: u32,
    },
    /// A person's words (`antiphon send`), by the id of their request.
    Person(String),
}

/// Where a prompt was read in something that the agent's process wrote. Only this makes an acknowledgement.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Evidence {
    /// Which prompt.
    pub prompt: PromptId,
    /// Where it was read.
    pub receipt: Receipt,
    /// The words that held the id, at most 200 bytes.
    pub quote: String,
    /// When it was read.
    pub at: Timestamp,
}

/// Where an agent's receipt comes from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Receipt {
    /// The agent ran its hook with the prompt.
    Hook,
    /// The prompt stands in the agent's transcript file.
    Transcript,
    /// The agent printed the id with terminal echo switched off.
    Reads,
    /// This agent gives none: a submitted prompt stays indeterminate.
    None,
}

/// How far a prompt got, as the runtime knows it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Submission {
    /// No byte of it was typed.
    Untouched,
    /// Its text was typed, Enter was not.
    Placed,
    /// Enter was typed.
    Submitted,
    /// The runtime cannot tell.
    Indeterminate,
}
