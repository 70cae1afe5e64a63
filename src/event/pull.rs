//! What happens to a pull request.

use serde::{Deserialize, Serialize};

use crate::model::{
    Check, Failure, IncidentKind, PrNumber, PromptRef, RepoId, SessionId, Sha, Snapshot, TaskId, TextHash,
};

/// An event of one pull request.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Pull {
    /// Something about it may have changed: look.
    Hinted {
        /// Which pull request; the first hint makes its machine.
        repo: RepoId,
        /// Its number.
        number: PrNumber,
        /// Whether the hint itself carries bad news and the look must not wait.
        urgent: bool,
    },
    /// GitHub told of its head, in so many words: it may take a while until GitHub also shows it.
    HeadTold {
        /// Which pull request; the first such word makes its machine.
        repo: RepoId,
        /// Its number.
        number: PrNumber,
        /// The commit.
        head: Sha,
    },
    /// The branch that it goes into moved.
    BaseMoved,
    /// The rules of the branch that it goes into may have changed.
    RulesChanged,
    /// A look succeeded.
    Observed {
        /// Which look.
        look: u64,
        /// What GitHub says.
        snapshot: Box<Snapshot>,
        /// The hash of the snapshot, with which the next look can tell that nothing changed.
        hash: TextHash,
    },
    /// A look succeeded and found what the last one had found.
    Unchanged {
        /// Which look.
        look: u64,
    },
    /// A look failed.
    LookFailed {
        /// Which look.
        look: u64,
        /// Why.
        why: LookFailure,
    },
    /// The failures of a red head were read.
    Triaged {
        /// The head that they belong to.
        head: Sha,
        /// The checks that were read.
        checks: Vec<Check>,
        /// What failed, in the order of the checks.
        failures: Vec<Failure>,
    },
    /// A task owns it from now on.
    Managed {
        /// The task.
        task: TaskId,
        /// Its agent.
        session: SessionId,
    },
    /// Its task ended; rules act on it no longer.
    Released,
    /// A prompt that it wanted was submitted: an attempt begins.
    PromptSubmitted {
        /// Which reference.
        reference: PromptRef,
        /// What the prompt spoke of: the ledger of what was handed over.
        covers: Vec<String>,
    },
    /// A prompt that it wanted was not sent, because the cause had changed or gone.
    PromptWithdrawn {
        /// Which reference.
        reference: PromptRef,
    },
    /// The agent's turn ended, after prompts that it wanted.
    TurnEnded {
        /// Which references the turn answered.
        references: Vec<PromptRef>,
    },
    /// An action of a rule was carried out, or failed for good.
    Acted {
        /// The incident that the rule answers.
        incident: IncidentKind,
        /// The incident's serial number.
        serial: u64,
        /// The incident's round.
        revision: u64,
        /// Which of the rule's lists.
        list: List,
        /// The position in that list.
        step: u32,
        /// What came of it.
        outcome: ActionOutcome,
    },
    /// A person wants the open incidents tried again from the start.
    RetryWanted,
    /// The clock jumped: the machine slept, or the clock was set. What happened before is that much closer.
    ClockJumped {
        /// By how many seconds, forwards or backwards.
        seconds: i64,
    },
    /// A deadline passed.
    DeadlinePassed,
}

/// Why a look failed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum LookFailure {
    /// GitHub does not know it (yet): a pull request just opened may not be found for some seconds.
    NotFound,
    /// The credential may not read it.
    Forbidden(String),
    /// GitHub or the network is down, or a limit is reached.
    Unavailable(String),
}

/// Which of a rule's lists of actions.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum List {
    /// `do`.
    Do,
    /// `escalate.do`.
    Escalate,
}

/// What came of an action.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum ActionOutcome {
    /// Carried out.
    Done,
    /// Not wanted any more when its turn came.
    Dropped,
    /// It failed for good; the rest of the list is not carried out.
    Failed(String),
}

impl Pull {
    /// The event's name as people see it.
    #[must_use]
    pub const fn name(&self) -> &'static str {
        match self {
            Self::Hinted { .. } => "hinted",
            Self::HeadTold { .. } => "head told",
            Self::BaseMoved => "base moved",
            Self::RulesChanged => "rules changed",
            Self::Observed { .. } => "observed",
            Self::Unchanged { .. } => "unchanged",
            Self::LookFailed { .. } => "look failed",
            Self::Triaged { .. } => "failures read",
            Self::Managed { .. } => "managed",
            Self::Released => "released",
            Self::PromptSubmitted { .. } => "prompt submitted",
            Self::PromptWithdrawn { .. } => "prompt withdrawn",
            Self::TurnEnded { .. } => "turn ended",
            Self::Acted { .. } => "action carried out",
            Self::RetryWanted => "retry wanted",
            Self::ClockJumped { .. } => "clock jumped",
            Self::DeadlinePassed => "deadline passed",
        }
    }
}
