//! The names of things, and plain data that crosses layers. Parsed at the border, then trusted.
//!
//! This module decides nothing and touches nothing: it only says what exists.

mod command;
mod conversation;
mod failure;
mod ids;
mod keys;
mod merge;
mod outside;
mod prompt;
mod rescue;
mod secret;
mod snapshot;
mod usage;

pub use command::{Command, CommandComment};
pub use conversation::Conversation;
pub use failure::{Failure, FailureClass, Finding, Fingerprint, Flip, Missing};
pub use ids::{
    AgentName, Attempt, Branch, CheckName, CommentId, ConversationId, DeliveryId, Fence, Generation, InvalidId,
    IssueNumber, JobId, LaunchToken, Login, PrNumber, PromptId, RepoId, RepoName, ReviewId, RuleName, RunId, Seq,
    SessionId, Sha, TaskId, TextHash, ThreadId, Version,
};
pub use keys::{LookupKey, MachineKey, MachineKind};
pub use merge::Merge;
pub use outside::{Author, Outside, Tier};
pub use prompt::{Cause, Channel, Evidence, IncidentKind, PromptRef, Receipt, Submission};
pub use rescue::Rescue;
pub use secret::Secret;
pub use snapshot::{
    Base, Check, CheckKind, CheckState, Conclusion, Ejection, Head, Issue, JobRef, Lifecycle, Mergeability, Merging,
    Review, ReviewState, Snapshot, Thread, ThreadComment,
};
pub use usage::Usage;
