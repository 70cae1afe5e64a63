//! One action of a rule, as an order: which one, of which round of which incident.
//!
//! What it says is composed when it is carried out, on the newest facts.

use serde::{Deserialize, Serialize};

use crate::{
    event::List,
    model::{IncidentKind, MachineKey, RuleName, Sha, ThreadId},
};

/// One action of a rule that answers an incident.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Act {
    /// The machine whose incident it is.
    pub of: MachineKey,
    /// The incident.
    pub incident: IncidentKind,
    /// The incident's serial number in its machine; 0 for a rule that runs beside the ladder.
    pub serial: u64,
    /// The incident's round: what an older one ordered is no longer wanted.
    pub revision: u64,
    /// The rule that answers.
    pub rule: RuleName,
    /// Which of the rule's lists.
    pub list: List,
    /// The position in that list.
    pub step: u32,
    /// The head that a merge expects.
    pub head: Option<Sha>,
    /// The review thread that it is about, for what is said in one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub thread: Option<ThreadId>,
}
