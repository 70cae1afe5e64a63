//! Prompts: why one is sent, and what is known of its arrival.

use jiff::Timestamp;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{Attempt, Login, MachineKey, Outside, PromptId, TextHash};

/// The incidents that a rule can name (the closed set of the reaction language).
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum IncidentKind {
    /// A check is red on the current head.
    ChecksFailed,
    /// A check that counts gives no verdict by itself: it never started, waits for a person, or was interrupted.
    ChecksMissing,
    /// Trusted people asked for changes.
    ChangesRequested,
    /// A bot that the settings name as a reviewer asks for changes.
    BotReview,
    /// The branch conflicts with its base.
    Conflict,
    /// Approved and green, but the base moved and demands to be merged into the branch first.
    BehindBase,
    /// The merge queue threw the pull request out.
    MergeQueueEjected,
    /// Antiphon has done much on the pull request, and no person has said anything meanwhile.
    LoopStopped,
    /// Approved, settled green and mergeable.
    ApprovedAndGreen,
    /// The agent shows no sign of life.
    AgentStuck,
    /// The agent goes round in circles.
    AgentLooping,
    /// The agent's process ended.
    AgentExited,
    /// The agent waits for a person.
    AgentNeedsInput,
    /// Half of five or more agents ended at once.
    AgentsLost,
    /// An agent ended its turn, and nothing of its task is on GitHub.
    NoChange,
    /// A workspace could not be made ready.
    SetupFailed,
    /// An issue may be worked on.
    IssueReady,
    /// A rule could not be evaluated.
    RuleBroken,
}

impl IncidentKind {
    /// Every kind, in the order of the enum.
    pub const ALL: [Self; 18] = [
        Self::ChecksFailed,
        Self::ChecksMissing,
        Self::ChangesRequested,
        Self::BotReview,
        Self::Conflict,
        Self::BehindBase,
        Self::MergeQueueEjected,
        Self::LoopStopped,
        Self::ApprovedAndGreen,
        Self::AgentStuck,
        Self::AgentLooping,
        Self::AgentExited,
        Self::AgentNeedsInput,
        Self::AgentsLost,
        Self::NoChange,
        Self::SetupFailed,
        Self::IssueReady,
        Self::RuleBroken,
    ];

    /// The word for it in rules, conditions and logs.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::ChecksFailed => "checks-failed",
            Self::ChecksMissing => "checks-missing",
            Self::ChangesRequested => "changes-requested",
            Self::BotReview => "bot-review",
            Self::Conflict => "conflict",
            Self::BehindBase => "behind-base",
            Self::MergeQueueEjected => "merge-queue-ejected",
            Self::LoopStopped => "loop-stopped",
            Self::ApprovedAndGreen => "approved-and-green",
            Self::AgentStuck => "agent-stuck",
            Self::AgentLooping => "agent-looping",
            Self::AgentExited => "agent-exited",
            Self::AgentNeedsInput => "agent-needs-input",
            Self::AgentsLost => "agents-lost",
            Self::NoChange => "no-change",
            Self::SetupFailed => "setup-failed",
            Self::IssueReady => "issue-ready",
            Self::RuleBroken => "rule-broken",
        }
    }
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
    /// A person's words (`antiphon send`), by their hash.
    Person(TextHash),
    /// What somebody who is trusted asks in a comment (`/antiphon ask`).
    Comment {
        /// Who.
        by: Login,
        /// What.
        words: Outside,
    },
    /// Another agent takes a task over.
    Handover,
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
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
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

/// The way by which a prompt reaches an agent.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Channel {
    /// The agent's own hook or plugin takes it out of the inbox of its launch; no key is pressed.
    Inbox,
    /// A command of the agent's program puts it into the agent's own queue; no key is pressed.
    Queue,
    /// It is typed into the agent's terminal.
    #[default]
    Terminal,
}

impl Channel {
    /// Every channel, the best first.
    pub const ALL: [Self; 3] = [Self::Inbox, Self::Queue, Self::Terminal];

    /// The word for it.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Inbox => "inbox",
            Self::Queue => "queue",
            Self::Terminal => "terminal",
        }
    }
}

/// How far a prompt got, as far as that is known.
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_words_of_incidents_are_their_serialized_form() {
        for kind in IncidentKind::ALL {
            assert_eq!(serde_json::to_value(kind).unwrap(), kind.as_str());
        }
    }
}
