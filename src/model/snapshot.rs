//! What GitHub says is true about one pull request or issue at one moment.

use jiff::Timestamp;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{
    Attempt, Author, Branch, CheckName, CommandComment, CommentId, IssueNumber, JobId, Login, Outside, PrNumber,
    RepoId, RepoName, ReviewId, RunId, Sha, ThreadId,
};

/// One pull request at one moment. Vectors are sorted, so that equal facts are equal values.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Snapshot {
    /// The repository's identity.
    pub repo: RepoId,
    /// The repository's name at this moment.
    pub repo_name: RepoName,
    /// The pull request's number.
    pub number: PrNumber,
    /// Where people look at it.
    pub url: String,
    /// Who opened it.
    pub author: Author,
    /// Its title.
    pub title: Outside,
    /// Open, merged or closed.
    pub lifecycle: Lifecycle,
    /// Whether it is a draft.
    pub draft: bool,
    /// What would be merged.
    pub head: Head,
    /// Where it would be merged to.
    pub base: Base,
    /// Whether GitHub could merge it.
    pub mergeability: Mergeability,
    /// Whether GitHub merges it by itself.
    pub merging: Merging,
    /// How it last left the merge queue without being merged.
    pub ejection: Option<Ejection>,
    /// Check runs and commit statuses of the head, the newest of each (name, kind, app, workflow), and those that the
    /// base demands and nobody has reported; sorted.
    pub checks: Vec<Check>,
    /// The latest opinionated review of each person, sorted by login.
    pub reviews: Vec<Review>,
    /// Review threads, sorted by id.
    pub threads: Vec<Thread>,
    /// Label names, sorted.
    pub labels: Vec<String>,
    /// Those of the newest comments that speak to Antiphon, oldest first.
    pub commands: Vec<CommandComment>,
    /// When GitHub last changed it. Resolution one second: it orders nothing on its own.
    pub updated_at: Timestamp,
}

/// Whether a pull request can still change.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Lifecycle {
    /// Open, also as a draft.
    Open,
    /// Merged; this is final.
    Merged,
    /// Closed without a merge; may be reopened.
    Closed,
}

/// The branch of a pull request.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Head {
    /// Its newest commit.
    pub sha: Sha,
    /// The branch's name.
    pub branch: Branch,
    /// The repository that holds the branch; `None` if that fork was deleted.
    pub repo: Option<RepoId>,
    /// What GitHub itself merged to make this commit: an earlier head, and a commit of another branch.
    pub merged: Option<(Sha, Sha)>,
}

/// The branch that a pull request goes into.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Base {
    /// The branch's name.
    pub branch: Branch,
    /// The commit that GitHub compares with.
    pub sha: Sha,
    /// The open pull request of the same author that this branch belongs to: the one below in a stack.
    pub pull: Option<PrNumber>,
}

/// Whether GitHub could merge, as far as it has computed it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Mergeability {
    /// GitHub has not computed it yet, and sends no event when it has.
    Unknown,
    /// No conflict with the base.
    Clean,
    /// No conflict, but the base moved and the branch must be up to date.
    Behind,
    /// Conflicts with the base. Workflows do not run in this state.
    Conflicting,
}

/// Whether GitHub merges a pull request by itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Merging {
    /// It does not: somebody has to.
    ByHand,
    /// Somebody told it to, as soon as the rules of the base allow it.
    Automatic,
    /// The pull request stands in the merge queue of its base.
    Queued,
}

/// A check run or a commit status: GitHub treats equal names of the two kinds as two checks.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Check {
    /// The run's name or the status's context.
    pub name: CheckName,
    /// Which kind of check.
    pub kind: CheckKind,
    /// The slug of the app that reported a check run.
    pub app: Option<String>,
    /// Whether the base branch's rules demand it for this pull request.
    pub required: bool,
    /// Where it stands.
    pub state: CheckState,
    /// The workflow job behind it, if GitHub Actions ran it.
    pub job: Option<JobRef>,
    /// Where people look at it.
    pub url: Option<String>,
}

/// Which of GitHub's two kinds of check.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum CheckKind {
    /// A check run of an app.
    Run,
    /// A commit status.
    Status,
}

/// How a pull request left the merge queue without being merged.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Ejection {
    /// When.
    pub at: Timestamp,
    /// GitHub's word for why, in lower case (`ci_failure`, `merge_conflict`, `manual` …); empty if it gave none.
    pub reason: String,
    /// The commit that the queue tested: never the head of the pull request.
    pub commit: Option<Sha>,
    /// What failed on that commit, sorted.
    pub failed: Vec<Check>,
}

/// Where a check stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum CheckState {
    /// Demanded or announced, and not started.
    Expected,
    /// Running, or reported as not done.
    Pending,
    /// Finished.
    Finished(Conclusion),
}

/// How a check ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Conclusion {
    /// Passed.
    Success,
    /// Did not judge; satisfies a requirement.
    Neutral,
    /// Did not run; satisfies a requirement.
    Skipped,
    /// Failed, or a status in state `error`.
    Failure,
    /// Somebody or something stopped it.
    Cancelled,
    /// Ran out of time.
    TimedOut,
    /// Waits for a person.
    ActionRequired,
    /// GitHub gave up on it after 14 days.
    Stale,
    /// The workflow could not start.
    StartupFailure,
    /// A conclusion this version does not know; never counted as success.
    Unknown,
}

/// Which job of which attempt of which workflow run.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct JobRef {
    /// The workflow run.
    pub run: RunId,
    /// The run's attempt; a re-run keeps the run's id and raises this.
    pub attempt: Attempt,
    /// The job.
    pub job: JobId,
}

/// The latest opinionated review of one person.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Review {
    /// Its id.
    pub id: ReviewId,
    /// Who wrote it.
    pub author: Author,
    /// What it says.
    pub state: ReviewState,
    /// The words beside the verdict.
    pub body: Outside,
    /// The commit that was reviewed.
    pub commit: Option<Sha>,
    /// When it was submitted.
    pub submitted_at: Timestamp,
}

/// The verdict of a review.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum ReviewState {
    /// May be merged.
    Approved,
    /// Must be changed.
    ChangesRequested,
    /// Neither; it does not replace an earlier verdict of the same person.
    Commented,
    /// Taken back.
    Dismissed,
}

/// A thread of review comments on a place in the diff.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Thread {
    /// Its id.
    pub id: ThreadId,
    /// The number of its first comment, which is the one that takes replies.
    pub first: Option<u64>,
    /// Whether somebody resolved it.
    pub resolved: bool,
    /// Who did, if GitHub says so.
    pub resolved_by: Option<Login>,
    /// Whether the place has changed since.
    pub outdated: bool,
    /// The file.
    pub path: String,
    /// The line, counted from 1; `None` once outdated.
    pub line: Option<u32>,
    /// The line in the commit that was commented, counted from 1.
    pub original_line: Option<u32>,
    /// What was said, oldest first.
    pub comments: Vec<ThreadComment>,
}

/// One comment of a review thread.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ThreadComment {
    /// Its id.
    pub id: CommentId,
    /// Who wrote it.
    pub author: Author,
    /// The words.
    pub body: Outside,
    /// When it was written.
    pub created_at: Timestamp,
}

/// One issue at one moment.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Issue {
    /// Its number.
    pub number: IssueNumber,
    /// Where people look at it.
    pub url: String,
    /// Who opened it.
    pub author: Author,
    /// Whether it is open.
    pub open: bool,
    /// Its title.
    pub title: Outside,
    /// A short name made of the title: lower-case letters, digits and dashes, at most 40 bytes.
    pub slug: String,
    /// Its text.
    pub body: Outside,
    /// Label names, sorted.
    pub labels: Vec<String>,
    /// Who is assigned.
    pub assignees: Vec<Login>,
    /// Open issues that block this one.
    pub blockers: Vec<IssueNumber>,
    /// When GitHub last changed it.
    pub updated_at: Timestamp,
}
