//! Issues, their comments and labels. A pull request is an issue that has a [`Pull`].

use std::collections::BTreeSet;

use jiff::Timestamp;
use serde_json::json;

use super::{Pull, Refusal, World};
use crate::simulator::{happened::Happened, json::objects};

/// The longest body of a comment, in characters.
const COMMENT_CHARS_MAX: usize = 65_536;

/// An issue or pull request.
#[derive(Debug)]
pub(crate) struct Issue {
    /// Its number among all issues of GitHub.
    pub(crate) id: u64,
    /// Its number in the repository.
    pub(crate) number: u64,
    /// Its title.
    pub(crate) title: String,
    /// Its text.
    pub(crate) body: String,
    /// Who opened it.
    pub(crate) author: String,
    /// Whether it is open.
    pub(crate) open: bool,
    /// Why it was closed.
    pub(crate) state_reason: Option<&'static str>,
    /// Names of its labels.
    pub(crate) labels: BTreeSet<String>,
    /// Who is to work on it.
    pub(crate) assignees: BTreeSet<String>,
    /// Issues in the same repository that block it.
    pub(crate) blocked_by: BTreeSet<u64>,
    /// What was said, oldest first.
    pub(crate) comments: Vec<Comment>,
    /// When it was opened.
    pub(crate) created_at: Timestamp,
    /// When anything about it last changed.
    pub(crate) updated_at: Timestamp,
    /// When it was closed.
    pub(crate) closed_at: Option<Timestamp>,
    /// What makes it a pull request.
    pub(crate) pull: Option<Pull>,
}

/// A comment on an issue or pull request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Comment {
    /// Its number.
    pub(crate) id: u64,
    /// Who wrote it.
    pub(crate) author: String,
    /// The words.
    pub(crate) body: String,
    /// When it was written.
    pub(crate) created_at: Timestamp,
    /// When it was last edited.
    pub(crate) updated_at: Timestamp,
    /// Who reacted, and how.
    pub(crate) reactions: BTreeSet<(String, String)>,
}

/// What to change about an issue.
#[derive(Debug, Default)]
pub(crate) struct IssueEdit {
    /// The new title.
    pub(crate) title: Option<String>,
    /// The new text.
    pub(crate) body: Option<String>,
    /// Open or closed.
    pub(crate) open: Option<bool>,
}

impl World {
    /// Opens an issue and puts labels on it; each label is an event of its own, as with GitHub.
    pub(crate) fn open_issue(
        &mut self,
        repo: &str,
        author: &str,
        (title, body): (&str, &str),
        labels: &[String],
    ) -> Result<u64, Refusal> {
        if title.is_empty() {
            return Err(Refusal::unprocessable("Issue", "title can't be blank"));
        }
        let issue = self.new_issue(repo, author, title, body)?;
        let number = issue.number;
        self.repository_mut(repo)?.issues.insert(number, issue);
        for label in labels {
            self.label(repo, label)?;
            self.repository_mut(repo)?.issue_mut(number)?.labels.insert(label.clone());
        }
        self.announce_issue(repo, number, author, "opened")?;
        let (repo, actor) = (repo.to_owned(), author.to_owned());
        let (title, named) = (title.to_owned(), labels.to_vec());
        self.happened(Happened::IssueOpened { repo: repo.clone(), number, actor: actor.clone(), title, labels: named });
        for label in labels {
            self.announce_label(&repo, number, &actor, (label, true))?;
        }
        Ok(number)
    }

    /// The bare issue of a new number.
    pub(super) fn new_issue(&mut self, repo: &str, author: &str, title: &str, body: &str) -> Result<Issue, Refusal> {
        self.user(author);
        Ok(Issue {
            id: self.next_id(),
            number: self.repository(repo)?.next_number(),
            title: title.to_owned(),
            body: body.to_owned(),
            author: author.to_owned(),
            open: true,
            state_reason: None,
            labels: BTreeSet::new(),
            assignees: BTreeSet::new(),
            blocked_by: BTreeSet::new(),
            comments: Vec::new(),
            created_at: self.now,
            updated_at: self.now,
            closed_at: None,
            pull: None,
        })
    }

    /// Puts a label on an issue. Nothing happens if it is there.
    pub(crate) fn add_label(&mut self, repo: &str, number: u64, actor: &str, name: &str) -> Result<(), Refusal> {
        self.repository(repo)?.issue(number)?;
        self.label(repo, name)?;
        let now = self.now;
        let issue = self.repository_mut(repo)?.issue_mut(number)?;
        if issue.labels.insert(name.to_owned()) {
            issue.updated_at = now;
            self.announce_label(repo, number, actor, (name, true))?;
        }
        Ok(())
    }

    /// Takes a label off an issue.
    pub(crate) fn remove_label(&mut self, repo: &str, number: u64, actor: &str, name: &str) -> Result<(), Refusal> {
        let now = self.now;
        let issue = self.repository_mut(repo)?.issue_mut(number)?;
        if !issue.labels.remove(name) {
            return Err(Refusal::NotFound);
        }
        issue.updated_at = now;
        self.announce_label(repo, number, actor, (name, false))
    }

    /// Writes a comment.
    pub(crate) fn comment(&mut self, repo: &str, number: u64, author: &str, body: &str) -> Result<u64, Refusal> {
        check_comment(body)?;
        self.user(author);
        let (id, now) = (self.next_id(), self.now);
        let issue = self.repository_mut(repo)?.issue_mut(number)?;
        issue.updated_at = now;
        issue.comments.push(Comment {
            id,
            author: author.to_owned(),
            body: body.to_owned(),
            created_at: now,
            updated_at: now,
            reactions: BTreeSet::new(),
        });
        self.announce_comment(repo, number, id, (author, "created", None))?;
        let (repo, actor, body) = (repo.to_owned(), author.to_owned(), body.to_owned());
        self.happened(Happened::Commented { repo, number, actor, comment: id, body });
        Ok(id)
    }

    /// Changes the words of a comment and says on which issue it stands.
    pub(crate) fn edit_comment(&mut self, repo: &str, id: u64, actor: &str, body: &str) -> Result<u64, Refusal> {
        check_comment(body)?;
        let now = self.now;
        let repository = self.repository_mut(repo)?;
        let (number, comment) = repository
            .issues
            .values_mut()
            .find_map(|issue| Some((issue.number, issue.comments.iter_mut().find(|comment| comment.id == id)?)))
            .ok_or(Refusal::NotFound)?;
        let before = std::mem::replace(&mut comment.body, body.to_owned());
        comment.updated_at = now;
        self.announce_comment(repo, number, id, (actor, "edited", Some(before)))?;
        let (repo, actor) = (repo.to_owned(), actor.to_owned());
        self.happened(Happened::CommentEdited { repo, number, actor, comment: id });
        Ok(number)
    }

    /// Reacts to a comment; false if that person had reacted so before.
    pub(crate) fn react(&mut self, repo: &str, id: u64, actor: &str, content: &str) -> Result<bool, Refusal> {
        let issues = &mut self.repository_mut(repo)?.issues;
        let comment = issues.values_mut().flat_map(|issue| &mut issue.comments).find(|comment| comment.id == id);
        let new = comment.ok_or(Refusal::NotFound)?.reactions.insert((actor.to_owned(), content.to_owned()));
        if new {
            let (repo, actor, content) = (repo.to_owned(), actor.to_owned(), content.to_owned());
            self.happened(Happened::Reacted { repo, actor, comment: id, content });
        }
        Ok(new)
    }

    /// Closes an issue or pull request.
    pub(crate) fn close_issue(&mut self, repo: &str, number: u64, actor: &str) -> Result<(), Refusal> {
        let now = self.now;
        let issue = self.repository_mut(repo)?.issue_mut(number)?;
        if !issue.open {
            return Ok(());
        }
        issue.open = false;
        issue.closed_at = Some(now);
        issue.updated_at = now;
        if issue.pull.is_some() {
            return self.announce_closed_pull(repo, number, actor);
        }
        issue.state_reason = Some("completed");
        self.announce_issue(repo, number, actor, "closed")?;
        self.happened(Happened::IssueClosed { repo: repo.to_owned(), number, actor: actor.to_owned() });
        Ok(())
    }

    /// Opens a closed issue or pull request again. A merged one stays merged.
    pub(crate) fn reopen_issue(&mut self, repo: &str, number: u64, actor: &str) -> Result<(), Refusal> {
        let now = self.now;
        let issue = self.repository_mut(repo)?.issue_mut(number)?;
        if issue.open {
            return Ok(());
        }
        if issue.pull.as_ref().is_some_and(|pull| pull.merged.is_some()) {
            return Err(Refusal::unprocessable("PullRequest", "state cannot be changed. The pull request is merged."));
        }
        issue.open = true;
        issue.closed_at = None;
        issue.state_reason = Some("reopened");
        issue.updated_at = now;
        if issue.pull.is_some() {
            return self.announce_reopened_pull(repo, number, actor);
        }
        self.announce_issue(repo, number, actor, "reopened")?;
        self.happened(Happened::IssueReopened { repo: repo.to_owned(), number, actor: actor.to_owned() });
        Ok(())
    }

    /// Changes an issue that is no pull request.
    pub(crate) fn edit_issue(&mut self, repo: &str, number: u64, actor: &str, edit: IssueEdit) -> Result<(), Refusal> {
        let now = self.now;
        let issue = self.repository_mut(repo)?.issue_mut(number)?;
        if edit.title.is_some() || edit.body.is_some() {
            issue.title = edit.title.unwrap_or_else(|| issue.title.clone());
            issue.body = edit.body.unwrap_or_else(|| issue.body.clone());
            issue.updated_at = now;
            self.announce_issue(repo, number, actor, "edited")?;
        }
        match edit.open {
            Some(true) => self.reopen_issue(repo, number, actor),
            Some(false) => self.close_issue(repo, number, actor),
            None => Ok(()),
        }
    }

    fn announce_issue(&mut self, repo: &str, number: u64, actor: &str, action: &str) -> Result<(), Refusal> {
        let repository = self.repository(repo)?;
        let about = json!({ "issue": objects::issue(self, repository, repository.issue(number)?) });
        self.announce(repo, actor, ("issues", Some(action)), about);
        Ok(())
    }

    fn announce_label(&mut self, repo: &str, number: u64, actor: &str, label: (&str, bool)) -> Result<(), Refusal> {
        let (name, added) = label;
        let action = if added { "labeled" } else { "unlabeled" };
        let repository = self.repository(repo)?;
        let issue = repository.issue(number)?;
        let label = objects::label(self, repository, name);
        let (event, about) = match &issue.pull {
            Some(pull) => (
                "pull_request",
                json!({ "number": number, "pull_request": objects::pull(self, repository, issue, pull), "label": label }),
            ),
            None => ("issues", json!({ "issue": objects::issue(self, repository, issue), "label": label })),
        };
        self.announce(repo, actor, (event, Some(action)), about);
        let (repo, actor, label) = (repo.to_owned(), actor.to_owned(), name.to_owned());
        self.happened(if added {
            Happened::Labeled { repo, number, actor, label }
        } else {
            Happened::Unlabeled { repo, number, actor, label }
        });
        Ok(())
    }

    fn announce_comment(
        &mut self,
        repo: &str,
        number: u64,
        id: u64,
        (actor, action, before): (&str, &str, Option<String>),
    ) -> Result<(), Refusal> {
        let repository = self.repository(repo)?;
        let issue = repository.issue(number)?;
        let comment = issue.comments.iter().find(|comment| comment.id == id).ok_or(Refusal::NotFound)?;
        let mut about = json!({
            "issue": objects::issue(self, repository, issue),
            "comment": objects::comment(self, repository, issue, comment),
        });
        if let Some(before) = before {
            about["changes"] = json!({ "body": { "from": before } });
        }
        self.announce(repo, actor, ("issue_comment", Some(action)), about);
        Ok(())
    }
}

fn check_comment(body: &str) -> Result<(), Refusal> {
    if body.trim().is_empty() {
        return Err(Refusal::unprocessable("IssueComment", "Body cannot be blank"));
    }
    if body.chars().count() > COMMENT_CHARS_MAX {
        return Err(Refusal::unprocessable(
            "IssueComment",
            format!("Body is too long (maximum is {COMMENT_CHARS_MAX} characters)"),
        ));
    }
    Ok(())
}
