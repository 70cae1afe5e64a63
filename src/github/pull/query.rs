//! The one GraphQL query about a pull request, and its pages.
//!
//! The structs mirror `pull.graphql`; states stay texts, so that a new one cannot make a pull request unreadable.

use jiff::Timestamp;
use serde::{Deserialize, Deserializer, Serialize, de::IgnoredAny};

use crate::{
    github::{Error, people::Account, transport::Transport},
    model::{Branch, PrNumber, RepoId, RepoName, ReviewId, Sha, ThreadId},
};

const QUERY: &str = include_str!("../pull.graphql");
/// 20,000 checks or reviewers, or 10,000 threads, a tenth of that in the smallest pages; beyond that something is wrong.
const PAGES_MAX: u32 = 200;

/// A whole pull request, all pages put together.
#[derive(Debug)]
pub(super) struct Raw {
    pub(super) repo: RepoId,
    pub(super) repo_name: RepoName,
    pub(super) pull: RawPull,
    /// What GitHub itself merged to make the head.
    pub(super) merged: Option<(Sha, Sha)>,
    pub(super) contexts: Vec<RawContext>,
}

/// Asks until there are no further checks, reviews and threads.
///
/// # Errors
///
/// [`Error::HeadMoved`] if the head changed between two pages.
pub(super) async fn ask(transport: &Transport, repo: &RepoName, number: PrNumber) -> Result<Raw, Error> {
    let mut raw = ask_page(transport, repo, number, &Cursors::default()).await?;
    for _ in 0..PAGES_MAX {
        let Some(cursors) = raw.next() else { return Ok(raw.whole) };
        let page = ask_page(transport, repo, number, &cursors).await?;
        raw.append(page)?;
    }
    Err(Error::unexpected(anyhow::anyhow!("a pull request has too many checks, reviews or threads")))
}

/// What was put together so far, and where it ends.
struct Partial {
    whole: Raw,
    checks: PageInfo,
    reviews: PageInfo,
    threads: PageInfo,
}

impl Partial {
    /// Where the next page begins. A list that has ended is asked from its end on, which gives nothing more.
    fn next(&self) -> Option<Cursors> {
        let more = [&self.checks, &self.reviews, &self.threads].into_iter().any(|page| page.has_next_page);
        more.then(|| Cursors {
            checks: self.checks.end_cursor.clone(),
            reviews: self.reviews.end_cursor.clone(),
            threads: self.threads.end_cursor.clone(),
        })
    }

    fn append(&mut self, page: Self) -> Result<(), Error> {
        if page.whole.pull.head_ref_oid != self.whole.pull.head_ref_oid {
            return Err(Error::HeadMoved);
        }
        self.whole.contexts.extend(page.whole.contexts);
        self.whole.pull.review_threads.nodes.extend(page.whole.pull.review_threads.nodes);
        let reviews = self.whole.pull.latest_opinionated_reviews.get_or_insert_default();
        reviews.nodes.extend(page.whole.pull.latest_opinionated_reviews.unwrap_or_default().nodes);
        self.checks.follow(page.checks);
        self.reviews.follow(page.reviews);
        self.threads.follow(page.threads);
        Ok(())
    }
}

async fn ask_page(
    transport: &Transport,
    repo: &RepoName,
    number: PrNumber,
    cursors: &Cursors,
) -> Result<Partial, Error> {
    let checks = transport.page_size();
    let variables = Variables {
        checks,
        // A thread brings its comments along.
        threads: checks / 2,
        owner: repo.owner(),
        name: repo.name(),
        number: number.0,
        checks_after: cursors.checks.as_deref(),
        reviews_after: cursors.reviews.as_deref(),
        threads_after: cursors.threads.as_deref(),
    };
    let data: Data = transport.query(repo, QUERY, &variables).await?;
    let repository = data.repository.ok_or(Error::NotFound)?;
    let mut pull = repository.pull_request.ok_or(Error::NotFound)?;
    // The roll-up belongs to a commit; that of another commit than the head says nothing.
    let commit = pull.commits.nodes.drain(..).flatten().next_back().map(|node| node.commit);
    let commit = commit.filter(|commit| commit.oid == pull.head_ref_oid);
    let merged = commit.as_ref().and_then(RawCommit::merged_by_github);
    let contexts = commit.and_then(|commit| commit.status_check_rollup).map(|rollup| rollup.contexts);
    let contexts = contexts.unwrap_or_default();
    let threads = std::mem::take(&mut pull.review_threads.page_info);
    let reviews = pull.latest_opinionated_reviews.as_mut().map(|it| std::mem::take(&mut it.page_info));
    let whole = Raw {
        repo: repository.database_id,
        repo_name: repository.name_with_owner,
        pull,
        merged,
        contexts: contexts.nodes.into_iter().flatten().collect(),
    };
    Ok(Partial { whole, checks: contexts.page_info, reviews: reviews.unwrap_or_default(), threads })
}

#[derive(Default)]
struct Cursors {
    checks: Option<String>,
    reviews: Option<String>,
    threads: Option<String>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Variables<'a> {
    checks: u32,
    threads: u32,
    owner: &'a str,
    name: &'a str,
    number: u64,
    checks_after: Option<&'a str>,
    reviews_after: Option<&'a str>,
    threads_after: Option<&'a str>,
}

#[derive(Deserialize)]
struct Data {
    repository: Option<RawRepository>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct RawRepository {
    database_id: RepoId,
    name_with_owner: RepoName,
    pull_request: Option<RawPull>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct RawPull {
    pub(super) number: PrNumber,
    pub(super) url: String,
    pub(super) title: String,
    pub(super) state: String,
    pub(super) is_draft: bool,
    pub(super) author: Option<Account>,
    pub(super) head_ref_oid: Sha,
    pub(super) head_ref_name: Branch,
    pub(super) head_repository: Option<RawFork>,
    pub(super) base_ref_name: Branch,
    pub(super) base_ref_oid: Sha,
    pub(super) base_ref: Option<RawBaseRef>,
    pub(super) mergeable: String,
    pub(super) merge_state_status: String,
    pub(super) auto_merge_request: Option<IgnoredAny>,
    pub(super) merge_queue_entry: Option<IgnoredAny>,
    #[serde(default)]
    pub(super) timeline_items: Connection<RawMoment>,
    pub(super) updated_at: Timestamp,
    pub(super) labels: Option<Connection<RawLabel>>,
    pub(super) comments: Option<Connection<RawIssueComment>>,
    pub(super) latest_opinionated_reviews: Option<Connection<RawReview>>,
    pub(super) review_threads: Connection<RawThread>,
    commits: Connection<RawPullCommit>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct RawBaseRef {
    #[serde(default)]
    pub(super) associated_pull_requests: Connection<RawBelow>,
}

#[derive(Debug, Deserialize)]
pub(super) struct RawBelow {
    pub(super) number: PrNumber,
    pub(super) author: Option<Account>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct RawFork {
    pub(super) database_id: Option<RepoId>,
}

/// A list; single entries are null when we may not see them.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase", bound = "T: Deserialize<'de>")]
pub(super) struct Connection<T> {
    #[serde(default = "Vec::new", deserialize_with = "null_as_empty")]
    pub(super) nodes: Vec<Option<T>>,
    #[serde(default)]
    page_info: PageInfo,
}

impl<T> Default for Connection<T> {
    fn default() -> Self {
        Self { nodes: Vec::new(), page_info: PageInfo::default() }
    }
}

fn null_as_empty<'de, D: Deserializer<'de>, T: Deserialize<'de>>(deserializer: D) -> Result<Vec<T>, D::Error> {
    Option::deserialize(deserializer).map(Option::unwrap_or_default)
}

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase")]
struct PageInfo {
    has_next_page: bool,
    end_cursor: Option<String>,
}

impl PageInfo {
    /// An empty page has no end of its own.
    fn follow(&mut self, next: Self) {
        self.has_next_page = next.has_next_page;
        self.end_cursor = next.end_cursor.or(self.end_cursor.take());
    }
}

#[derive(Debug, Deserialize)]
pub(super) struct RawLabel {
    pub(super) name: String,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct RawReview {
    pub(super) id: ReviewId,
    pub(super) author: Option<Account>,
    pub(super) state: String,
    pub(super) body: String,
    pub(super) submitted_at: Option<Timestamp>,
    pub(super) commit: Option<RawOid>,
}

#[derive(Debug, Deserialize)]
pub(super) struct RawOid {
    pub(super) oid: Sha,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct RawThread {
    pub(super) id: ThreadId,
    pub(super) is_resolved: bool,
    pub(super) resolved_by: Option<Account>,
    pub(super) is_outdated: bool,
    pub(super) path: String,
    pub(super) line: Option<u32>,
    pub(super) original_line: Option<u32>,
    #[serde(default)]
    pub(super) first: Connection<RawFirst>,
    pub(super) comments: Connection<RawComment>,
}

/// The comment that a thread begins with.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct RawFirst {
    /// 64 bits, which GraphQL writes as a text.
    pub(super) full_database_id: Option<String>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct RawComment {
    pub(super) id: crate::model::CommentId,
    pub(super) author: Option<Account>,
    pub(super) body: String,
    pub(super) created_at: Timestamp,
}

/// What last happened to the commits of a pull request or to its place in a merge queue.
#[derive(Debug, Deserialize)]
#[serde(tag = "__typename")]
pub(super) enum RawMoment {
    RemovedFromMergeQueueEvent(RawRemoval),
    /// Pushed since, or in the queue again.
    #[serde(other)]
    Other,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct RawRemoval {
    pub(super) created_at: Timestamp,
    pub(super) reason: Option<String>,
    pub(super) before_commit: Option<RawCommit>,
}

/// A comment in the conversation, beside the diff.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct RawIssueComment {
    pub(super) id: crate::model::CommentId,
    /// 64 bits, which GraphQL writes as a text.
    pub(super) full_database_id: Option<String>,
    pub(super) author: Option<Account>,
    pub(super) body: String,
    pub(super) created_at: Timestamp,
    pub(super) last_edited_at: Option<Timestamp>,
}

#[derive(Debug, Deserialize)]
struct RawPullCommit {
    commit: RawCommit,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct RawCommit {
    pub(super) oid: Sha,
    #[serde(default)]
    parents: Connection<RawOid>,
    signature: Option<RawSignature>,
    status_check_rollup: Option<RawRollup>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct RawSignature {
    is_valid: bool,
    was_signed_by_git_hub: bool,
}

impl RawCommit {
    /// Its two parents, if GitHub signed for having merged them.
    fn merged_by_github(&self) -> Option<(Sha, Sha)> {
        let signed = self.signature.as_ref().is_some_and(|it| it.is_valid && it.was_signed_by_git_hub);
        let mut parents = self.parents.nodes.iter().flatten().map(|parent| parent.oid.clone());
        match (parents.next(), parents.next(), parents.next()) {
            (Some(first), Some(second), None) if signed => Some((first, second)),
            _ => None,
        }
    }

    /// What reported on it.
    pub(super) fn contexts(self) -> Vec<RawContext> {
        self.status_check_rollup.map(|rollup| rollup.contexts.nodes).unwrap_or_default().into_iter().flatten().collect()
    }
}

#[derive(Debug, Deserialize)]
struct RawRollup {
    contexts: Connection<RawContext>,
}

/// A check run or a commit status.
#[derive(Debug, Deserialize)]
#[serde(tag = "__typename")]
pub(super) enum RawContext {
    CheckRun(RawRun),
    StatusContext(RawStatus),
    /// A third kind, should GitHub ever add one.
    #[serde(other)]
    Unknown,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct RawRun {
    pub(super) database_id: Option<u64>,
    pub(super) name: String,
    pub(super) status: String,
    pub(super) conclusion: Option<String>,
    pub(super) started_at: Option<Timestamp>,
    pub(super) details_url: Option<String>,
    pub(super) is_required: bool,
    pub(super) check_suite: Option<RawSuite>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct RawSuite {
    pub(super) app: Option<RawApp>,
    pub(super) workflow_run: Option<RawWorkflowRun>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct RawApp {
    pub(super) database_id: Option<u64>,
    pub(super) slug: String,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct RawWorkflowRun {
    pub(super) database_id: Option<u64>,
    /// What started it: `push`, `pull_request`, `schedule` …
    pub(super) event: Option<String>,
    pub(super) file: Option<RawFile>,
    pub(super) workflow: Option<RawWorkflow>,
}

#[derive(Debug, Deserialize)]
pub(super) struct RawFile {
    pub(super) path: String,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct RawWorkflow {
    pub(super) database_id: Option<u64>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct RawStatus {
    pub(super) context: String,
    pub(super) state: String,
    pub(super) target_url: Option<String>,
    pub(super) creator: Option<Account>,
    pub(super) created_at: Option<Timestamp>,
    pub(super) is_required: bool,
}
