//! Pull requests: opening, editing, closing, and what GitHub derives from their facts.

use jiff::Timestamp;
use serde_json::{Value, json};

use super::{Fork, Issue, Refusal, Repository, Review, StatusReport, Thread, World};
use crate::simulator::{
    happened::{Happened, Verdict},
    json::objects,
};

/// What makes an issue a pull request.
#[derive(Debug)]
pub(crate) struct Pull {
    /// Its number among all pull requests of GitHub; not that of its issue.
    pub(crate) id: u64,
    /// The branch to merge.
    pub(crate) head: String,
    /// The fork that holds the branch; `None` if the repository itself does.
    pub(crate) fork: Option<Fork>,
    /// The newest commit of that branch.
    pub(crate) head_sha: String,
    /// The branch to merge into.
    pub(crate) base: String,
    /// Where that branch was when the head last moved.
    pub(crate) base_sha: String,
    /// Whether it is a draft.
    pub(crate) draft: bool,
    /// Since when it is to be merged as soon as its base allows it, if somebody said so.
    pub(crate) auto_merge: Option<Timestamp>,
    /// When it was put into the merge queue and thrown out of it, oldest first.
    pub(crate) queue: Vec<QueueMoment>,
    /// Who merged it, when, and into what.
    pub(crate) merged: Option<Merged>,
    /// What was computed about merging it.
    pub(crate) mergeability: Mergeability,
    /// Its size.
    pub(crate) diff: Diff,
    /// Reviews, oldest first.
    pub(crate) reviews: Vec<Review>,
    /// Review threads, oldest first.
    pub(crate) threads: Vec<Thread>,
    /// The heads for which CI was started, so that it is started once for each.
    pub(crate) ci_heads: Vec<String>,
}

/// A pull request was put into the merge queue of its base, or thrown out of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct QueueMoment {
    /// Its number.
    pub(crate) id: u64,
    /// When.
    pub(crate) at: Timestamp,
    /// The head at that moment.
    pub(crate) head: String,
    /// Why it was thrown out, and the commit that the queue had tested; `None` if it was put in.
    pub(crate) removal: Option<(String, String)>,
}

/// A merge that happened.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Merged {
    /// Who merged.
    pub(crate) by: String,
    /// When.
    pub(crate) at: Timestamp,
    /// The commit that came of it.
    pub(crate) sha: String,
}

/// What the background job found out about merging.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Mergeability {
    /// Not computed for the present heads.
    Unknown,
    /// No conflicts; the base may have moved on.
    Clean {
        /// Whether the base has commits that the head lacks.
        behind: bool,
    },
    /// Conflicts.
    Conflicting,
}

/// The size of a pull request.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) struct Diff {
    /// Commits that the base lacks.
    pub(crate) commits: u64,
    /// Lines that came.
    pub(crate) additions: u64,
    /// Lines that went.
    pub(crate) deletions: u64,
    /// Files touched.
    pub(crate) files: u64,
}

/// GitHub's summary of whether a merge would go through.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum MergeState {
    /// The head lacks commits of a base that demands them.
    Behind,
    /// A rule of the base is not met.
    Blocked,
    /// Nothing in the way.
    Clean,
    /// Conflicts.
    Dirty,
    /// A draft.
    Draft,
    /// Not computed yet.
    Unknown,
    /// Mergeable, but not everything is green.
    Unstable,
}

/// What to open a pull request with.
#[derive(Debug)]
pub(crate) struct OpenPull {
    /// Its title.
    pub(crate) title: String,
    /// Its text.
    pub(crate) body: String,
    /// The branch to merge; `owner:branch` if it lies in a fork.
    pub(crate) head: String,
    /// The branch to merge into.
    pub(crate) base: String,
    /// Whether it is a draft.
    pub(crate) draft: bool,
}

/// What to change about a pull request.
#[derive(Debug, Default)]
pub(crate) struct PullEdit {
    /// The new title.
    pub(crate) title: Option<String>,
    /// The new text.
    pub(crate) body: Option<String>,
    /// The new base branch.
    pub(crate) base: Option<String>,
    /// Open or closed.
    pub(crate) open: Option<bool>,
}

impl MergeState {
    /// As GraphQL says it; REST says it in lower case.
    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::Behind => "BEHIND",
            Self::Blocked => "BLOCKED",
            Self::Clean => "CLEAN",
            Self::Dirty => "DIRTY",
            Self::Draft => "DRAFT",
            Self::Unknown => "UNKNOWN",
            Self::Unstable => "UNSTABLE",
        }
    }
}

impl Pull {
    /// When it was put into the queue, if it stands there. A push takes it out.
    pub(crate) fn queued(&self) -> Option<&QueueMoment> {
        self.queue.last().filter(|last| last.removal.is_none() && last.head == self.head_sha)
    }
}

impl Repository {
    /// Whether a merge would go through.
    pub(crate) fn merge_state(&self, issue: &Issue, pull: &Pull) -> MergeState {
        let behind = match pull.mergeability {
            Mergeability::Unknown => return MergeState::Unknown,
            Mergeability::Conflicting => return MergeState::Dirty,
            Mergeability::Clean { behind } => behind,
        };
        if pull.draft {
            return MergeState::Draft;
        }
        let green = |name: &String| self.check_is_satisfied(&pull.head_sha, name);
        let decision = self.review_decision(issue, pull);
        if !self.required_checks(&pull.base).iter().all(green) || decision.is_some_and(|said| said != "APPROVED") {
            return MergeState::Blocked;
        }
        if behind && self.strict(&pull.base) {
            return MergeState::Behind;
        }
        match self.rollup(&pull.head_sha) {
            None | Some("SUCCESS") => MergeState::Clean,
            Some(_) => MergeState::Unstable,
        }
    }

    /// What reviewers decided; `None` where no review is required.
    pub(crate) fn review_decision(&self, issue: &Issue, pull: &Pull) -> Option<&'static str> {
        let required = self.required_approvals(&pull.base);
        if required == 0 {
            return None;
        }
        let standing = pull.opinions(&issue.author);
        if standing.iter().any(|review| review.verdict == Verdict::RequestChanges) {
            return Some("CHANGES_REQUESTED");
        }
        let approvals = standing.iter().filter(|review| review.verdict == Verdict::Approve).count() as u64;
        Some(if approvals >= required { "APPROVED" } else { "REVIEW_REQUIRED" })
    }

    /// Numbers of open issues that a merge of this pull request closes, as its text says.
    pub(crate) fn closing_references(&self, issue: &Issue) -> Vec<u64> {
        const WORDS: [&str; 9] =
            ["close", "closes", "closed", "fix", "fixes", "fixed", "resolve", "resolves", "resolved"];
        let words: Vec<&str> = issue.body.split_whitespace().collect();
        let mut numbers: Vec<u64> = words
            .windows(2)
            .filter(|pair| WORDS.contains(&pair[0].trim_end_matches(':').to_ascii_lowercase().as_str()))
            .filter_map(|pair| pair[1].strip_prefix('#'))
            .filter_map(|number| number.trim_end_matches(|c: char| !c.is_ascii_digit()).parse().ok())
            .filter(|number| self.issues.get(number).is_some_and(|issue| issue.pull.is_none()))
            .collect();
        numbers.sort_unstable();
        numbers.dedup();
        numbers
    }
}

impl World {
    /// Whether a pull request like this can be opened at all, before git is asked about its commits.
    pub(crate) fn check_open_pull(&self, repo: &str, open: &OpenPull) -> Result<(String, String), Refusal> {
        let repository = self.repository(repo)?;
        let invalid = |field: &str| Refusal::unprocessable("PullRequest", format!("{field} is invalid"));
        let (fork, branch, head) = self.find_head(repo, &open.head).ok_or_else(|| invalid("head"))?;
        let base = repository.branches.get(&open.base).ok_or_else(|| invalid("base"))?;
        if open.title.is_empty() {
            return Err(Refusal::unprocessable("PullRequest", "title can't be blank"));
        }
        let from = fork.as_ref().map_or(repo, |fork| &fork.repo);
        let ends = |pull: &Pull| pull.head == branch && pull.head_repo(repo) == from && pull.base == open.base;
        let same = |(issue, pull): (&Issue, &Pull)| issue.open && ends(pull);
        if repository.pulls().any(same) {
            let message = format!("A pull request already exists for {}:{branch}.", repository.owner);
            return Err(Refusal::unprocessable("PullRequest", message));
        }
        Ok((head, base.clone()))
    }

    /// Opens a pull request. That its head has commits of its own was checked with git.
    pub(crate) fn open_pull(&mut self, repo: &str, author: &str, open: OpenPull, diff: Diff) -> Result<u64, Refusal> {
        let (head_sha, base_sha) = self.check_open_pull(repo, &open)?;
        let (fork, head, _) = self.find_head(repo, &open.head).ok_or(Refusal::NotFound)?;
        let mut issue = self.new_issue(repo, author, &open.title, &open.body)?;
        let number = issue.number;
        issue.pull = Some(Pull {
            id: self.next_id(),
            head,
            fork,
            head_sha: head_sha.clone(),
            base: open.base,
            base_sha,
            draft: open.draft,
            auto_merge: None,
            queue: Vec::new(),
            merged: None,
            mergeability: Mergeability::Unknown,
            diff,
            reviews: Vec::new(),
            threads: Vec::new(),
            ci_heads: Vec::new(),
        });
        self.repository_mut(repo)?.issues.insert(number, issue);
        self.announce_pull(repo, number, author, ("opened", json!({})))?;
        let (repo, actor) = (repo.to_owned(), author.to_owned());
        self.happened(Happened::PullOpened { repo, number, actor, head: head_sha, title: open.title });
        Ok(number)
    }

    /// Changes a pull request. True if its base changed, so that everything about merging is to be computed anew.
    pub(crate) fn edit_pull(&mut self, repo: &str, number: u64, actor: &str, edit: PullEdit) -> Result<bool, Refusal> {
        self.repository(repo)?.pull(number)?;
        let mut changes = serde_json::Map::new();
        let now = self.now;
        let issue = self.repository_mut(repo)?.issue_mut(number)?;
        for (name, field, new) in [("title", &mut issue.title, edit.title), ("body", &mut issue.body, edit.body)] {
            let Some(new) = new.filter(|new| new != field) else { continue };
            changes.insert(name.to_owned(), json!({ "from": std::mem::replace(field, new) }));
        }
        let rebased = match edit.base {
            Some(base) => self.change_base(repo, number, &base)?,
            None => None,
        };
        let base_changed = rebased.is_some();
        changes.extend(rebased.map(|from| ("base".to_owned(), from)));
        if !changes.is_empty() {
            self.repository_mut(repo)?.issue_mut(number)?.updated_at = now;
            self.announce_pull(repo, number, actor, ("edited", json!({ "changes": changes })))?;
            self.happened(Happened::PullEdited { repo: repo.to_owned(), number, actor: actor.to_owned() });
        }
        match edit.open {
            Some(true) => self.reopen_issue(repo, number, actor)?,
            Some(false) => self.close_issue(repo, number, actor)?,
            None => {}
        }
        Ok(base_changed)
    }

    /// Makes a draft ready, or a ready one a draft.
    pub(crate) fn set_draft(&mut self, repo: &str, number: u64, actor: &str, draft: bool) -> Result<(), Refusal> {
        let now = self.now;
        let pull = self.repository_mut(repo)?.pull_mut(number)?;
        if pull.draft == draft {
            return Ok(());
        }
        pull.draft = draft;
        self.repository_mut(repo)?.issue_mut(number)?.updated_at = now;
        let action = if draft { "converted_to_draft" } else { "ready_for_review" };
        self.announce_pull(repo, number, actor, (action, json!({})))?;
        self.happened(Happened::PullEdited { repo: repo.to_owned(), number, actor: actor.to_owned() });
        Ok(())
    }

    /// Says that a pull request is to be merged as soon as its base allows it. Nothing here does so.
    pub(crate) fn enable_auto_merge(&mut self, repo: &str, number: u64, actor: &str) -> Result<(), Refusal> {
        let now = self.now;
        self.repository_mut(repo)?.pull_mut(number)?.auto_merge = Some(now);
        self.announce_pull(repo, number, actor, ("auto_merge_enabled", json!({})))
    }

    /// Puts a pull request into the merge queue, or throws it out for a reason after testing a commit. Nothing here tests
    /// or merges what stands in the queue.
    pub(crate) fn queue(
        &mut self,
        repo: &str,
        (number, actor): (u64, &str),
        removal: Option<(String, String)>,
    ) -> Result<(), Refusal> {
        let (id, at) = (self.next_id(), self.now);
        let (action, beside) = match &removal {
            None => ("enqueued", json!({})),
            Some((reason, _)) => ("dequeued", json!({ "reason": reason })),
        };
        let pull = self.repository_mut(repo)?.pull_mut(number)?;
        let head = pull.head_sha.clone();
        pull.queue.push(QueueMoment { id, at, head, removal });
        self.announce_pull(repo, number, actor, (action, beside))
    }

    /// Records what the background job found out, unless a branch moved meanwhile. True if it was recorded.
    pub(crate) fn set_mergeability(
        &mut self,
        repo: &str,
        number: u64,
        (head, base): (&str, &str),
        (found, diff): (Mergeability, Diff),
    ) -> bool {
        let Ok(repository) = self.repository_mut(repo) else { return false };
        let Ok((_, pull)) = repository.pull(number) else { return false };
        let base_now = repository.branches.get(&pull.base).map(String::as_str);
        if pull.head_sha != head || base_now != Some(base) {
            return false;
        }
        let Ok(pull) = repository.pull_mut(number) else { return false };
        pull.mergeability = found;
        pull.diff = diff;
        let conflicting = found == Mergeability::Conflicting;
        self.happened(Happened::MergeabilityComputed { repo: repo.to_owned(), number, conflicting });
        true
    }

    /// Sends a pull request's event with its fields beside it.
    pub(super) fn announce_pull(
        &mut self,
        repo: &str,
        number: u64,
        actor: &str,
        (action, beside): (&str, Value),
    ) -> Result<(), Refusal> {
        let repository = self.repository(repo)?;
        let (issue, pull) = repository.pull(number)?;
        let mut about = json!({ "number": number, "pull_request": objects::pull(self, repository, issue, pull) });
        if let (Value::Object(about), Value::Object(beside)) = (&mut about, beside) {
            about.extend(beside);
        }
        self.announce(repo, actor, ("pull_request", Some(action)), about);
        Ok(())
    }

    pub(super) fn announce_closed_pull(&mut self, repo: &str, number: u64, actor: &str) -> Result<(), Refusal> {
        self.announce_pull(repo, number, actor, ("closed", json!({})))?;
        self.happened(Happened::PullClosed { repo: repo.to_owned(), number, actor: actor.to_owned() });
        Ok(())
    }

    pub(super) fn announce_reopened_pull(&mut self, repo: &str, number: u64, actor: &str) -> Result<(), Refusal> {
        // The branch may have moved while the pull request was closed and nobody was told.
        let found = self.repository(repo)?;
        let (_, pull) = found.pull(number)?;
        let head = self.head_repository(found, pull).and_then(|holds| holds.branches.get(&pull.head).cloned());
        let repository = self.repository_mut(repo)?;
        let Some(head) = head else {
            repository.issue_mut(number)?.open = false;
            return Err(Refusal::unprocessable("PullRequest", "state cannot be changed. The head branch was deleted."));
        };
        let pull = repository.pull_mut(number)?;
        pull.head_sha = head;
        pull.mergeability = Mergeability::Unknown;
        self.announce_pull(repo, number, actor, ("reopened", json!({})))?;
        self.happened(Happened::PullReopened { repo: repo.to_owned(), number, actor: actor.to_owned() });
        Ok(())
    }

    fn change_base(&mut self, repo: &str, number: u64, base: &str) -> Result<Option<Value>, Refusal> {
        let repository = self.repository_mut(repo)?;
        let tip = repository.branches.get(base).cloned();
        let tip = tip.ok_or_else(|| {
            Refusal::unprocessable("PullRequest", format!("Proposed base branch '{base}' was not found"))
        })?;
        let pull = repository.pull_mut(number)?;
        if pull.base == base {
            return Ok(None);
        }
        let from = json!({ "ref": { "from": pull.base }, "sha": { "from": pull.base_sha } });
        base.clone_into(&mut pull.base);
        pull.base_sha = tip;
        pull.mergeability = Mergeability::Unknown;
        Ok(Some(from))
    }
}

impl Repository {
    fn check_is_satisfied(&self, sha: &str, name: &str) -> bool {
        let runs = self.latest_jobs(sha).filter(|(_, job)| job.name == name).map(|(_, job)| job.state.satisfies());
        let statuses = self
            .latest_statuses(sha)
            .into_iter()
            .filter(|status| status.context == name)
            .map(|status| status.state == StatusReport::Success);
        // A run and a status of the same name are two checks, and both are demanded.
        let reports = self.latest_reports(sha).into_iter().filter(|report| report.name == name);
        let reports = reports.map(|report| report.rollup() == "SUCCESS");
        let all: Vec<bool> = runs.chain(statuses).chain(reports).collect();
        !all.is_empty() && all.into_iter().all(|green| green)
    }
}
