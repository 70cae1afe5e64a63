//! What happens to an agent.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::model::{
    AgentName, Channel, ConversationId, Evidence, Generation, PromptId, PromptRef, Receipt, RepoId, Submission, TaskId,
    TextHash, Trace, Usage,
};

/// An event of one session.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Session {
    /// A task wants this agent started.
    Wanted {
        /// The task.
        task: TaskId,
        /// Its repository.
        repo: RepoId,
        /// What to start.
        agent: Agent,
        /// The workspace that it works in.
        workspace: String,
        /// A person's conversation that it begins with a copy of.
        #[serde(default)]
        conversation: Option<ConversationId>,
    },
    /// The agent's process was started.
    Launched {
        /// Which launch.
        generation: Generation,
        /// The agent's own session id, where it could be chosen beforehand.
        #[serde(default)]
        agent_session: Option<String>,
    },
    /// The agent's process could not be started.
    LaunchFailed {
        /// Which launch.
        generation: Generation,
        /// Why.
        why: String,
    },
    /// A machine wants something said.
    PromptWanted {
        /// What, by reference.
        reference: PromptRef,
    },
    /// The words of a prompt were made. These bytes are typed, or none.
    Composed {
        /// Which prompt.
        prompt: PromptId,
        /// What it answers; references that were no longer wanted are left out.
        references: Vec<PromptRef>,
        /// What it speaks of, for each reference.
        covers: Vec<Vec<String>>,
        /// Where the exact words are.
        text: TextHash,
    },
    /// A prompt was handed to the agent.
    Delivered {
        /// Which prompt.
        prompt: PromptId,
        /// How far it got.
        submission: Submission,
        /// By which way.
        #[serde(default)]
        channel: Channel,
    },
    /// Nothing was typed: the agent could not take a prompt.
    Refused {
        /// Which prompt.
        prompt: PromptId,
        /// Why.
        why: Refusal,
    },
    /// No reference of a prompt was wanted any more.
    Withdrawn {
        /// Which prompt.
        prompt: PromptId,
        /// What it would have answered.
        references: Vec<PromptRef>,
    },
    /// A prompt was read in something that the agent's process wrote.
    Acknowledged {
        /// Where.
        evidence: Evidence,
    },
    /// The agent ran a hook.
    Hooked {
        /// Which launch ran it.
        generation: Generation,
        /// What it said.
        hook: Hook,
    },
    /// The agent's record of the conversation says that a turn is over.
    TurnOver {
        /// Which launch.
        generation: Generation,
        /// The prompt that began it.
        prompt: PromptId,
    },
    /// A look at the agent's terminal brought news.
    Probed {
        /// Which launch.
        generation: Generation,
        /// What was seen.
        seen: Seen,
    },
    /// The agent's records and its workspace were looked at: so much was used for its conversation so far.
    Used {
        /// Which launch.
        generation: Generation,
        /// What.
        usage: Usage,
        /// At which point of a turn.
        #[serde(default)]
        turn: Turn,
        /// What its work looked like then.
        #[serde(default)]
        trace: Box<Trace>,
    },
    /// Why the newest launch ended.
    ExitJudged {
        /// Which launch.
        generation: Generation,
        /// Whether others ended with it, so that it is no fault of the agent's.
        common: bool,
    },
    /// The process was ended on purpose.
    Stopped {
        /// Which launch.
        generation: Generation,
    },
    /// An action of a rule was carried out, or failed for good.
    Acted {
        /// The incident's serial number.
        serial: u64,
        /// The incident's round.
        revision: u64,
        /// Which of the rule's lists.
        list: super::List,
        /// The position in that list.
        step: u32,
        /// What came of it.
        outcome: super::ActionOutcome,
    },
    /// The session is no longer needed.
    EndWanted,
    /// A person wants it started anew.
    RestartWanted,
    /// A rule wants a new beginning.
    AnewWanted {
        /// Of what kind.
        how: Anew,
    },
    /// A person wants another agent to go on with the task.
    HandoffWanted {
        /// Which.
        agent: Agent,
    },
    /// The clock jumped: the machine slept, or the clock was set. What happened before is that much closer.
    ClockJumped {
        /// By how many seconds, forwards or backwards.
        seconds: i64,
    },
    /// A deadline passed.
    DeadlinePassed,
}

/// Which agent, in which runtime, and how it gives receipts.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Agent {
    /// The agent's name in the configuration.
    pub name: AgentName,
    /// The runtime's name: `pty` or `tmux`.
    pub runtime: String,
    /// Where its receipts come from.
    pub receipt: Receipt,
    /// Whether it speaks with a client of ours, which tells everything: then its screen tells nothing.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub headless: bool,
}

/// At which point of a turn an agent is looked at.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Turn {
    /// It runs.
    #[default]
    Runs,
    /// It has ended.
    Ended {
        /// Whether it should have changed something.
        owed: bool,
    },
}

/// How an agent, or another one, begins anew.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Anew {
    /// The agent is started again and goes on with its conversation.
    Resumed,
    /// The agent is started again with a new conversation.
    Fresh,
    /// The agent goes on that the settings name to take over from the one that runs.
    Fallback,
    /// This agent goes on.
    With(Agent),
}

/// What an agent's hook said.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Hook {
    /// The agent is up; with its own session id, by which it can be resumed.
    Started {
        /// The agent's own session id.
        agent_session: Option<String>,
        /// Where it writes its transcript.
        transcript: Option<String>,
    },
    /// It took a prompt. The prompt's id stands in `evidence` if it was one of ours.
    PromptTaken {
        /// Which prompt, and where it was read.
        evidence: Option<Evidence>,
    },
    /// It ended a turn.
    TurnEnded,
    /// A turn ended with an error of the agent's service.
    TurnFailed {
        /// What the agent says.
        error: String,
    },
    /// At the end of its turn its hook waits whether there is more to do.
    Waits,
    /// It waits for a person.
    NeedsInput,
    /// A person has answered.
    Answered,
    /// It said goodbye.
    Ended,
}

/// What the runtime saw.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Seen {
    /// The process lives.
    Alive {
        /// Whether a dialog is open.
        dialog: bool,
        /// When the screen last changed, as far as was seen.
        changed_at: Timestamp,
        /// Whether it has not changed for a while since.
        rests: bool,
    },
    /// The process ended.
    Exited {
        /// Its exit code, if it had one.
        code: Option<i32>,
    },
    /// There is no such process, and the runtime is certain.
    Gone,
}

/// Why nothing was typed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Refusal {
    /// A dialog is open, a person types, the agent is not ready: later it may take it.
    Busy(String),
    /// There is no process to type to.
    Gone,
    /// This agent can never take this text.
    Never(String),
}

impl Session {
    /// The event's name as people see it.
    #[must_use]
    pub const fn name(&self) -> &'static str {
        match self {
            Self::Wanted { .. } => "agent wanted",
            Self::Launched { .. } => "agent launched",
            Self::LaunchFailed { .. } => "launch failed",
            Self::PromptWanted { .. } => "prompt wanted",
            Self::Composed { .. } => "prompt composed",
            Self::Delivered { .. } => "prompt delivered",
            Self::Refused { .. } => "prompt refused",
            Self::Withdrawn { .. } => "prompt withdrawn",
            Self::Acknowledged { .. } => "prompt acknowledged",
            Self::Hooked { hook, .. } => hook.name(),
            Self::TurnOver { .. } => "turn over",
            Self::Probed { .. } => "probed",
            Self::Used { .. } => "usage read",
            Self::ExitJudged { common: true, .. } => "ended with others",
            Self::ExitJudged { common: false, .. } => "ended by itself",
            Self::Stopped { .. } => "agent stopped",
            Self::Acted { .. } => "action carried out",
            Self::EndWanted => "end wanted",
            Self::RestartWanted => "restart wanted",
            Self::AnewWanted { .. } => "new beginning wanted",
            Self::HandoffWanted { .. } => "handoff wanted",
            Self::ClockJumped { .. } => "clock jumped",
            Self::DeadlinePassed => "deadline passed",
        }
    }
}

impl Hook {
    /// The event's name as people see it.
    #[must_use]
    pub const fn name(&self) -> &'static str {
        match self {
            Self::Started { .. } => "agent started",
            Self::PromptTaken { .. } => "prompt taken",
            Self::TurnEnded => "turn ended",
            Self::TurnFailed { .. } => "turn failed",
            Self::Waits => "agent asks for more",
            Self::NeedsInput => "agent needs input",
            Self::Answered => "agent has its answer",
            Self::Ended => "agent said goodbye",
        }
    }
}
