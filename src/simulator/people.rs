//! People who use the simulated GitHub: the maintainers, reviewers and users beside whom the client works.
//!
//! Everything here is done by a named person, never by the account behind the token unless that name is given.

use serde_json::Value;

use super::{
    error::Error,
    follow,
    git::{Method, Person},
    happened::Verdict,
    rest::pulls,
    server::Simulator,
    world::{OpenPull, PullEdit, RequiredChecks},
};

/// An issue to open.
#[derive(Debug, Clone, Default)]
pub struct NewIssue {
    /// Who opens it.
    pub author: String,
    /// Its title.
    pub title: String,
    /// Its text.
    pub body: String,
    /// Its labels.
    pub labels: Vec<String>,
}

/// A pull request to open.
#[derive(Debug, Clone, Default)]
pub struct NewPull {
    /// Who opens it.
    pub author: String,
    /// Its title.
    pub title: String,
    /// Its text.
    pub body: String,
    /// The branch to merge.
    pub head: String,
    /// The branch to merge into.
    pub base: String,
}

/// A review to submit.
#[derive(Debug, Clone)]
pub struct NewReview {
    /// Who reviews.
    pub author: String,
    /// What the review says.
    pub verdict: Verdict,
    /// The words beside the verdict.
    pub body: String,
    /// Comments on lines; each starts a thread.
    pub comments: Vec<LineComment>,
}

/// A comment on a line of the head.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LineComment {
    /// The file.
    pub path: String,
    /// The line, counted from 1.
    pub line: u64,
    /// The words.
    pub body: String,
}

/// A commit to push.
#[derive(Debug, Clone)]
pub struct Push {
    /// Who commits and pushes.
    pub person: String,
    /// The branch; a new one starts at the default branch.
    pub branch: String,
    /// Files and their new texts; `None` removes one.
    pub files: Vec<(String, Option<String>)>,
    /// The commit's message.
    pub message: String,
}

impl Simulator {
    /// Creates a repository with these files on its branch `main`.
    ///
    /// # Errors
    ///
    /// When there is one of this name, or git fails.
    pub async fn create_repository(&self, name: &str, files: &[(String, String)]) -> Result<(), Error> {
        self.shared.change(|world| world.create_repository(name))?;
        self.shared.git.init(name).await?;
        let owner = name.split('/').next().unwrap_or_default().to_owned();
        let files = files.iter().map(|(path, text)| (path.clone(), Some(text.clone()))).collect();
        let (branch, message) = ("main".to_owned(), "Begin".to_owned());
        self.push_as(name, Push { person: owner, branch, files, message }).await?;
        Ok(())
    }

    /// Opens an issue and says its number.
    ///
    /// # Errors
    ///
    /// When there is no such repository or the title is empty.
    pub fn create_issue(&self, repo: &str, issue: &NewIssue) -> Result<u64, Error> {
        let words = (issue.title.as_str(), issue.body.as_str());
        Ok(self.shared.change(|world| world.open_issue(repo, &issue.author, words, &issue.labels))?)
    }

    /// Opens a pull request and says its number.
    ///
    /// # Errors
    ///
    /// When GitHub would refuse it, or git fails.
    pub async fn open_pull(&self, repo: &str, pull: NewPull) -> Result<u64, Error> {
        let NewPull { author, title, body, head, base } = pull;
        let open = OpenPull { title, body, head, base, draft: false };
        pulls::open_as(&self.shared, repo, &author, open).await
    }

    /// Puts a label on an issue or pull request.
    ///
    /// # Errors
    ///
    /// When there is no such issue.
    pub fn label(&self, repo: &str, number: u64, person: &str, label: &str) -> Result<(), Error> {
        Ok(self.shared.change(|world| world.add_label(repo, number, person, label))?)
    }

    /// Takes a label off an issue or pull request.
    ///
    /// # Errors
    ///
    /// When it is not there.
    pub fn unlabel(&self, repo: &str, number: u64, person: &str, label: &str) -> Result<(), Error> {
        Ok(self.shared.change(|world| world.remove_label(repo, number, person, label))?)
    }

    /// Closes an issue.
    ///
    /// # Errors
    ///
    /// When there is no such issue.
    pub fn close_issue(&self, repo: &str, number: u64, person: &str) -> Result<(), Error> {
        Ok(self.shared.change(|world| world.close_issue(repo, number, person))?)
    }

    /// Closes a pull request without a merge.
    ///
    /// # Errors
    ///
    /// When there is no such pull request.
    pub fn close(&self, repo: &str, number: u64, person: &str) -> Result<(), Error> {
        self.edit(repo, number, person, PullEdit { open: Some(false), ..PullEdit::default() })
    }

    /// Opens a closed pull request again.
    ///
    /// # Errors
    ///
    /// When it was merged or its branch is gone.
    pub fn reopen(&self, repo: &str, number: u64, person: &str) -> Result<(), Error> {
        self.edit(repo, number, person, PullEdit { open: Some(true), ..PullEdit::default() })?;
        follow::settle_later(&self.shared, repo, number, Some(person));
        Ok(())
    }

    /// Retargets a pull request.
    ///
    /// # Errors
    ///
    /// When there is no such branch.
    pub fn change_base(&self, repo: &str, number: u64, person: &str, base: &str) -> Result<(), Error> {
        self.edit(repo, number, person, PullEdit { base: Some(base.to_owned()), ..PullEdit::default() })?;
        follow::settle_later(&self.shared, repo, number, None);
        Ok(())
    }

    /// Makes a pull request a draft, or ready.
    ///
    /// # Errors
    ///
    /// When there is no such pull request.
    pub fn set_draft(&self, repo: &str, number: u64, person: &str, draft: bool) -> Result<(), Error> {
        Ok(self.shared.change(|world| world.set_draft(repo, number, person, draft))?)
    }

    /// Says that a pull request is to be merged as soon as its base allows it.
    ///
    /// # Errors
    ///
    /// When there is no such pull request.
    pub fn enable_auto_merge(&self, repo: &str, number: u64, person: &str) -> Result<(), Error> {
        Ok(self.shared.change(|world| world.enable_auto_merge(repo, number, person))?)
    }

    /// Puts a pull request into the merge queue.
    ///
    /// # Errors
    ///
    /// When there is no such pull request.
    pub fn enqueue(&self, repo: &str, number: u64, person: &str) -> Result<(), Error> {
        Ok(self.shared.change(|world| world.queue(repo, (number, person), None))?)
    }

    /// Throws a pull request out of the merge queue for a reason of GitHub's (`CI_FAILURE`, `MERGE_CONFLICT`, `MANUAL` …),
    /// after a commit was tested.
    ///
    /// # Errors
    ///
    /// When there is no such pull request.
    pub fn dequeue(&self, repo: &str, number: u64, person: &str, why: (&str, &str)) -> Result<(), Error> {
        let (reason, commit) = why;
        let removal = Some((reason.to_owned(), commit.to_owned()));
        Ok(self.shared.change(|world| world.queue(repo, (number, person), removal))?)
    }

    /// Comments on an issue or pull request and says the comment's number.
    ///
    /// # Errors
    ///
    /// When there is no such issue, or nothing is said.
    pub fn comment(&self, repo: &str, number: u64, person: &str, body: &str) -> Result<u64, Error> {
        Ok(self.shared.change(|world| world.comment(repo, number, person, body))?)
    }

    /// Submits a review and says its number.
    ///
    /// # Errors
    ///
    /// When there is no such pull request, or the author judges their own.
    pub fn review(&self, repo: &str, number: u64, review: &NewReview) -> Result<u64, Error> {
        let who = (review.author.as_str(), review.verdict);
        let said = (review.body.as_str(), review.comments.as_slice());
        Ok(self.shared.change(|world| world.review(repo, number, who, said))?)
    }

    /// Approves.
    ///
    /// # Errors
    ///
    /// As [`Simulator::review`].
    pub fn approve(&self, repo: &str, number: u64, person: &str) -> Result<u64, Error> {
        let (author, body) = (person.to_owned(), "Looks good to me.".to_owned());
        self.review(repo, number, &NewReview { author, verdict: Verdict::Approve, body, comments: Vec::new() })
    }

    /// Takes a review back.
    ///
    /// # Errors
    ///
    /// When there is no such review, or it was no opinion.
    pub fn dismiss(&self, repo: &str, number: u64, review: u64) -> Result<(), Error> {
        Ok(self.shared.change(|world| world.dismiss(repo, number, review))?)
    }

    /// Answers the first comment of a thread and says the answer's number.
    ///
    /// # Errors
    ///
    /// When there is no such comment or it is itself an answer.
    pub fn reply_in_thread(&self, repo: &str, number: u64, to: u64, said: (&str, &str)) -> Result<u64, Error> {
        Ok(self.shared.change(|world| world.reply(repo, number, to, said))?)
    }

    /// Numbers of the threads of a pull request, each with its first comment, oldest first.
    #[must_use]
    pub fn threads(&self, repo: &str, number: u64) -> Vec<(u64, u64)> {
        self.shared.look(|world| {
            let found = world.repository(repo).and_then(|found| found.pull(number));
            let threads = found.map(|(_, pull)| pull.threads.as_slice()).unwrap_or_default();
            threads.iter().map(|thread| (thread.id, thread.comments[0].id)).collect()
        })
    }

    /// Resolves a thread, named by its number.
    ///
    /// # Errors
    ///
    /// When there is no such thread.
    pub fn resolve_thread(&self, repo: &str, number: u64, thread: u64, person: &str) -> Result<(), Error> {
        Ok(self.shared.change(|world| world.resolve(repo, number, thread, (person, true)))?)
    }

    /// Opens a resolved thread again.
    ///
    /// # Errors
    ///
    /// When there is no such thread.
    pub fn unresolve_thread(&self, repo: &str, number: u64, thread: u64, person: &str) -> Result<(), Error> {
        Ok(self.shared.change(|world| world.resolve(repo, number, thread, (person, false)))?)
    }

    /// Commits files on a branch and pushes it; the SHA of the commit.
    ///
    /// # Errors
    ///
    /// When there is no such repository, or git fails.
    pub async fn push_as(&self, repo: &str, push: Push) -> Result<String, Error> {
        let scratch = self.shared.change(|world| -> Result<u64, Error> {
            world.repository(repo)?;
            world.user(&push.person);
            Ok(world.next_id())
        })?;
        let _turn = self.shared.turn(repo).await;
        let scratch = self.shared.git.scratch(&format!("push-{scratch}"));
        let person = Person { login: push.person.clone(), at: self.shared.clock.now() };
        let (place, change) =
            ((push.branch.as_str(), scratch.as_path()), (push.files.as_slice(), push.message.as_str()));
        let sha = self.shared.git.push_files(repo, place, change, &person).await?;
        follow::refs_moved(&self.shared, repo, &push.person).await?;
        Ok(sha)
    }

    /// Merges a pull request by a merge commit; the SHA of that commit.
    ///
    /// # Errors
    ///
    /// When it cannot be merged.
    pub async fn merge_as(&self, repo: &str, number: u64, person: &str) -> Result<String, Error> {
        pulls::merge_as(&self.shared, repo, (number, person), (Method::Merge, None)).await
    }

    /// Gives somebody a permission: `admin`, `maintain`, `write`, `triage`, `read` or `none`.
    ///
    /// # Errors
    ///
    /// When there is no such repository.
    pub fn set_permission(&self, repo: &str, person: &str, permission: &str) -> Result<(), Error> {
        self.shared.change(|world| {
            world.user(person);
            world.repository_mut(repo)?.permissions.insert(person.to_owned(), permission.to_owned());
            Ok(())
        })
    }

    /// Assigns somebody to an issue.
    ///
    /// # Errors
    ///
    /// When there is no such issue.
    pub fn assign(&self, repo: &str, number: u64, person: &str) -> Result<(), Error> {
        self.shared.change(|world| {
            world.user(person);
            world.repository_mut(repo)?.issue_mut(number)?.assignees.insert(person.to_owned());
            Ok(())
        })
    }

    /// Says that one issue is blocked by another.
    ///
    /// # Errors
    ///
    /// When there is no such issue.
    pub fn block(&self, repo: &str, number: u64, by: u64) -> Result<(), Error> {
        self.shared.change(|world| {
            world.repository(repo)?.issue(by)?;
            world.repository_mut(repo)?.issue_mut(number)?.blocked_by.insert(by);
            Ok(())
        })
    }

    /// Sets the active rules of a branch, as `GET /rules/branches/…` answers them.
    ///
    /// # Errors
    ///
    /// When there is no such repository.
    pub fn set_rules(&self, repo: &str, branch: &str, rules: Vec<Value>) -> Result<(), Error> {
        self.shared.change(|world| {
            world.repository_mut(repo)?.rules.insert(branch.to_owned(), rules);
            Ok(())
        })
    }

    /// Protects a branch in the classic way.
    ///
    /// # Errors
    ///
    /// When there is no such repository.
    pub fn set_protection(&self, repo: &str, branch: &str, required: RequiredChecks) -> Result<(), Error> {
        self.shared.change(|world| {
            world.repository_mut(repo)?.protection.insert(branch.to_owned(), required);
            Ok(())
        })
    }

    fn edit(&self, repo: &str, number: u64, person: &str, edit: PullEdit) -> Result<(), Error> {
        self.shared.change(|world| world.edit_pull(repo, number, person, edit).map(drop))?;
        Ok(())
    }
}
