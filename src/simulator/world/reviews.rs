//! Reviews, their line comments, and the threads that grow from them.

use jiff::Timestamp;
use serde_json::json;

use super::{Pull, Refusal, World};
use crate::simulator::{
    happened::{Happened, Verdict},
    json::{objects, reviews},
    people::LineComment,
};

/// A submitted review.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Review {
    /// Its number.
    pub(crate) id: u64,
    /// Who wrote it.
    pub(crate) author: String,
    /// What it says.
    pub(crate) verdict: Verdict,
    /// The words beside the verdict.
    pub(crate) body: String,
    /// The commit that was reviewed.
    pub(crate) sha: String,
    /// When it was submitted.
    pub(crate) submitted_at: Timestamp,
}

/// A thread of comments on one line.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Thread {
    /// Its number; people see only the node id made of it.
    pub(crate) id: u64,
    /// The file.
    pub(crate) path: String,
    /// The line, counted from 1, in the commit that was commented.
    pub(crate) line: u64,
    /// The commit that was commented.
    pub(crate) sha: String,
    /// Whether the line changed since.
    pub(crate) outdated: bool,
    /// Who resolved it.
    pub(crate) resolved_by: Option<String>,
    /// What was said, oldest first. Never empty.
    pub(crate) comments: Vec<ReviewComment>,
}

/// A comment on a line.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct ReviewComment {
    /// Its number.
    pub(crate) id: u64,
    /// The review that it came with.
    pub(crate) review: u64,
    /// Who wrote it.
    pub(crate) author: String,
    /// The words.
    pub(crate) body: String,
    /// When it was written.
    pub(crate) created_at: Timestamp,
}

impl Pull {
    /// The latest opinionated review of each person but the author. A comment does not cancel a verdict; a dismissal
    /// removes it.
    pub(crate) fn opinions(&self, author: &str) -> Vec<&Review> {
        let mut latest: Vec<&Review> = Vec::new();
        for review in &self.reviews {
            if review.verdict != Verdict::Comment && review.author != author {
                latest.retain(|earlier| earlier.author != review.author);
                latest.push(review);
            }
        }
        latest.retain(|review| review.verdict != Verdict::Dismissed);
        latest
    }

    /// The thread that holds a comment.
    pub(crate) fn thread_of(&self, comment: u64) -> Result<&Thread, Refusal> {
        let holds = |thread: &&Thread| thread.comments.iter().any(|one| one.id == comment);
        self.threads.iter().find(holds).ok_or(Refusal::NotFound)
    }
}

impl World {
    /// Submits a review with its line comments: one event for the review and one for each comment, as with GitHub.
    pub(crate) fn review(
        &mut self,
        repo: &str,
        number: u64,
        (author, verdict): (&str, Verdict),
        (body, lines): (&str, &[LineComment]),
    ) -> Result<u64, Refusal> {
        self.user(author);
        let (issue, _) = self.repository(repo)?.pull(number)?;
        if issue.author == author && verdict != Verdict::Comment {
            let word = if verdict == Verdict::Approve { "approve" } else { "request changes on" };
            let message = format!("Can not {word} your own pull request");
            return Err(Refusal::unprocessable("PullRequestReview", message));
        }
        let review = self.add_review(repo, number, (author, verdict), body)?;
        let mut comments = Vec::new();
        for line in lines {
            comments.push(self.add_thread(repo, number, (review, author), line)?);
        }
        self.announce_review(repo, number, review, "submitted")?;
        for comment in comments {
            self.announce_review_comment(repo, number, comment)?;
        }
        let (repo, actor, body) = (repo.to_owned(), author.to_owned(), body.to_owned());
        let comments = lines.to_vec();
        self.happened(Happened::Reviewed { repo, number, actor, review, verdict, body, comments });
        Ok(review)
    }

    /// Answers in a thread. GitHub takes only the first comment of a thread as the target.
    pub(crate) fn reply(
        &mut self,
        repo: &str,
        number: u64,
        to: u64,
        (author, body): (&str, &str),
    ) -> Result<u64, Refusal> {
        self.user(author);
        let (_, pull) = self.repository(repo)?.pull(number)?;
        if pull.thread_of(to)?.comments[0].id != to {
            let message = "Replies to replies are not supported";
            return Err(Refusal::unprocessable("PullRequestReviewComment", message));
        }
        // A reply is a review of its own that says nothing else.
        let review = self.add_review(repo, number, (author, Verdict::Comment), "")?;
        let (id, now) = (self.next_id(), self.now);
        let comment = ReviewComment { id, review, author: author.to_owned(), body: body.to_owned(), created_at: now };
        let pull = self.repository_mut(repo)?.pull_mut(number)?;
        let holds = |thread: &&mut Thread| thread.comments.iter().any(|one| one.id == to);
        pull.threads.iter_mut().find(holds).ok_or(Refusal::NotFound)?.comments.push(comment);
        self.announce_review(repo, number, review, "submitted")?;
        self.announce_review_comment(repo, number, id)?;
        let (repo, actor, body) = (repo.to_owned(), author.to_owned(), body.to_owned());
        self.happened(Happened::ThreadReplied { repo, number, actor, comment: id, body });
        Ok(id)
    }

    /// Takes an opinion back.
    pub(crate) fn dismiss(&mut self, repo: &str, number: u64, review: u64) -> Result<(), Refusal> {
        let pull = self.repository_mut(repo)?.pull_mut(number)?;
        let found = pull.reviews.iter_mut().find(|one| one.id == review).ok_or(Refusal::NotFound)?;
        if found.verdict == Verdict::Comment {
            return Err(Refusal::unprocessable("PullRequestReview", "Can not dismiss a commented pull request review"));
        }
        found.verdict = Verdict::Dismissed;
        self.touch(repo, number)?;
        self.announce_review(repo, number, review, "dismissed")
    }

    /// Resolves or unresolves the thread that holds a comment.
    pub(crate) fn resolve(
        &mut self,
        repo: &str,
        number: u64,
        thread: u64,
        (actor, resolved): (&str, bool),
    ) -> Result<(), Refusal> {
        let pull = self.repository_mut(repo)?.pull_mut(number)?;
        let found = pull.threads.iter_mut().find(|one| one.id == thread).ok_or(Refusal::NotFound)?;
        if found.resolved_by.is_some() == resolved {
            return Ok(());
        }
        found.resolved_by = resolved.then(|| actor.to_owned());
        let repository = self.repository(repo)?;
        let (issue, pull) = repository.pull(number)?;
        let thread_json = reviews::thread(self, repository, issue, thread)?;
        let about = json!({ "pull_request": objects::pull(self, repository, issue, pull), "thread": thread_json });
        let action = if resolved { "resolved" } else { "unresolved" };
        self.announce(repo, actor, ("pull_request_review_thread", Some(action)), about);
        let (repo, actor) = (repo.to_owned(), actor.to_owned());
        self.happened(Happened::ThreadResolved { repo, number, actor, thread, resolved });
        Ok(())
    }

    fn add_review(
        &mut self,
        repo: &str,
        number: u64,
        (author, verdict): (&str, Verdict),
        body: &str,
    ) -> Result<u64, Refusal> {
        let (id, now) = (self.next_id(), self.now);
        let pull = self.repository_mut(repo)?.pull_mut(number)?;
        let sha = pull.head_sha.clone();
        let (author, body) = (author.to_owned(), body.to_owned());
        pull.reviews.push(Review { id, author, verdict, body, sha, submitted_at: now });
        self.touch(repo, number)?;
        Ok(id)
    }

    fn add_thread(
        &mut self,
        repo: &str,
        number: u64,
        (review, author): (u64, &str),
        at: &LineComment,
    ) -> Result<u64, Refusal> {
        let (id, thread, now) = (self.next_id(), self.next_id(), self.now);
        let comment = ReviewComment { id, review, author: author.to_owned(), body: at.body.clone(), created_at: now };
        let pull = self.repository_mut(repo)?.pull_mut(number)?;
        pull.threads.push(Thread {
            id: thread,
            path: at.path.clone(),
            line: at.line,
            sha: pull.head_sha.clone(),
            outdated: false,
            resolved_by: None,
            comments: vec![comment],
        });
        Ok(id)
    }

    fn touch(&mut self, repo: &str, number: u64) -> Result<(), Refusal> {
        let now = self.now;
        self.repository_mut(repo)?.issue_mut(number)?.updated_at = now;
        Ok(())
    }

    fn announce_review(&mut self, repo: &str, number: u64, id: u64, action: &str) -> Result<(), Refusal> {
        let repository = self.repository(repo)?;
        let (issue, pull) = repository.pull(number)?;
        let review = pull.reviews.iter().find(|one| one.id == id).ok_or(Refusal::NotFound)?;
        let author = review.author.clone();
        let mut said = reviews::review(self, repository, issue, review);
        // Webhooks spell the state in lower case, REST and GraphQL in upper case.
        said["state"] = json!(review.verdict.state().to_ascii_lowercase());
        let about = json!({ "review": said, "pull_request": objects::pull(self, repository, issue, pull) });
        self.announce(repo, &author, ("pull_request_review", Some(action)), about);
        Ok(())
    }

    fn announce_review_comment(&mut self, repo: &str, number: u64, id: u64) -> Result<(), Refusal> {
        let repository = self.repository(repo)?;
        let (issue, pull) = repository.pull(number)?;
        let comment = reviews::comment(self, repository, issue, id)?;
        let author = pull.thread_of(id)?.comments.iter().find(|one| one.id == id).map(|one| one.author.clone());
        let about = json!({ "comment": comment, "pull_request": objects::pull(self, repository, issue, pull) });
        self.announce(repo, &author.unwrap_or_default(), ("pull_request_review_comment", Some("created")), about);
        Ok(())
    }
}
