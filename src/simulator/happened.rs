//! What happened in the simulated GitHub, as facts in the past tense, and what the client did to it.

use serde_json::Value;

use super::people::LineComment;

/// A fact. Numbers are those of issues and pull requests, SHAs are full.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Happened {
    /// A repository came into being.
    RepositoryCreated { repo: String },
    /// Somebody opened an issue.
    IssueOpened { repo: String, number: u64, actor: String, title: String, labels: Vec<String> },
    /// Somebody, or a merge, closed an issue.
    IssueClosed { repo: String, number: u64, actor: String },
    /// Somebody opened a closed issue again.
    IssueReopened { repo: String, number: u64, actor: String },
    /// A label was put on an issue or pull request.
    Labeled { repo: String, number: u64, actor: String, label: String },
    /// A label was taken off.
    Unlabeled { repo: String, number: u64, actor: String, label: String },
    /// Somebody commented on an issue or pull request.
    Commented { repo: String, number: u64, actor: String, comment: u64, body: String },
    /// Somebody reacted to a comment.
    Reacted { repo: String, actor: String, comment: u64, content: String },
    /// Somebody changed a comment.
    CommentEdited { repo: String, number: u64, actor: String, comment: u64 },
    /// A branch came into being or moved.
    BranchPushed { repo: String, branch: String, actor: String, before: Option<String>, after: String, forced: bool },
    /// A branch went away.
    BranchDeleted { repo: String, branch: String, actor: String },
    /// Somebody opened a pull request.
    PullOpened { repo: String, number: u64, actor: String, head: String, title: String },
    /// Title, text, base or draft state changed.
    PullEdited { repo: String, number: u64, actor: String },
    /// The head of an open pull request moved.
    PullSynchronized { repo: String, number: u64, actor: String, before: String, after: String },
    /// A pull request was closed without a merge.
    PullClosed { repo: String, number: u64, actor: String },
    /// A closed pull request was opened again.
    PullReopened { repo: String, number: u64, actor: String },
    /// A pull request was merged; the SHA is what came of it on the base branch.
    PullMerged { repo: String, number: u64, actor: String, sha: String },
    /// Somebody submitted a review.
    Reviewed {
        repo: String,
        number: u64,
        actor: String,
        review: u64,
        verdict: Verdict,
        body: String,
        comments: Vec<LineComment>,
    },
    /// Somebody answered in a review thread.
    ThreadReplied { repo: String, number: u64, actor: String, comment: u64, body: String },
    /// A review thread was resolved or unresolved.
    ThreadResolved { repo: String, number: u64, actor: String, thread: u64, resolved: bool },
    /// It became known whether a pull request can be merged. GitHub sends no event for this.
    MergeabilityComputed { repo: String, number: u64, conflicting: bool },
    /// CI began to test a commit.
    CheckStarted { repo: String, number: u64, sha: String, attempt: u64 },
    /// CI finished with a commit.
    CheckFinished { repo: String, number: u64, sha: String, attempt: u64, conclusion: Conclusion },
    /// Somebody reported a commit status.
    StatusReported { repo: String, sha: String, context: String, actor: String },
    /// An app reported on a commit by a check run of its own.
    CheckReported { repo: String, sha: String, actor: String, name: String, line: String },
    /// The receiver of a webhook answered 2xx.
    Delivered { guid: String, event: String },
    /// The receiver answered otherwise, too late or not at all; 0 stands for no answer.
    NotDelivered { guid: String, event: String, status: u16 },
}

/// What a review says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verdict {
    /// May be merged.
    Approve,
    /// Must be changed.
    RequestChanges,
    /// Neither.
    Comment,
    /// Was an opinion and was taken back.
    Dismissed,
}

impl Verdict {
    /// The state of a review with this verdict, as REST and GraphQL spell it.
    pub(crate) const fn state(self) -> &'static str {
        match self {
            Self::Approve => "APPROVED",
            Self::RequestChanges => "CHANGES_REQUESTED",
            Self::Comment => "COMMENTED",
            Self::Dismissed => "DISMISSED",
        }
    }
}

/// How CI ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Conclusion {
    /// The test script ended with 0.
    Success,
    /// It ended with anything else.
    Failure,
    /// It did not end before its deadline.
    TimedOut,
    /// It could not be run to its end because the simulator stopped.
    Cancelled,
}

impl Conclusion {
    /// As REST spells it; GraphQL spells it in upper case.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Success => "success",
            Self::Failure => "failure",
            Self::TimedOut => "timed_out",
            Self::Cancelled => "cancelled",
        }
    }
}

/// One state-changing call of the client that took effect: what exactly-once is measured by.
#[derive(Debug, Clone, PartialEq)]
pub struct Write {
    /// The HTTP method, or `PUSH` for a branch moved by git, or `MUTATION` for GraphQL.
    pub method: String,
    /// The path without the API's root; for git `owner/name`.
    pub path: String,
    /// Who did it.
    pub actor: String,
    /// The JSON body; for git the branch with the SHAs before and after.
    pub body: Value,
}
