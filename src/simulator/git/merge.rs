//! Writing commits into bare repositories: merges of pull requests, and pushes of people through scratch clones.

use std::path::Path;

use jiff::Timestamp;

use super::{Error, Git, git_date};
use crate::process::Command;

/// How a pull request is merged.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Method {
    /// A commit with two parents.
    Merge,
    /// One commit with everything.
    Squash,
    /// Every commit again, on top of the base.
    Rebase,
}

/// Whose name commits bear, and when they are made.
#[derive(Debug, Clone)]
pub(crate) struct Person {
    /// The login; name and address are made of it.
    pub(crate) login: String,
    /// The time of the commit.
    pub(crate) at: Timestamp,
}

impl Method {
    /// Reads what a client sent; GitHub's default is a merge commit.
    pub(crate) fn from_name(name: Option<&str>) -> Option<Self> {
        match name {
            None | Some("merge") => Some(Self::Merge),
            Some("squash") => Some(Self::Squash),
            Some("rebase") => Some(Self::Rebase),
            Some(_) => None,
        }
    }
}

impl Person {
    fn sign(&self, command: Command) -> Command {
        let email = format!("{}@users.noreply.github.com", self.login);
        let date = git_date(self.at);
        command
            .env("GIT_AUTHOR_NAME", &self.login)
            .env("GIT_AUTHOR_EMAIL", &email)
            .env("GIT_AUTHOR_DATE", &date)
            .env("GIT_COMMITTER_NAME", &self.login)
            .env("GIT_COMMITTER_EMAIL", &email)
            .env("GIT_COMMITTER_DATE", &date)
    }
}

impl Git {
    /// Makes what a merge of `head` into `base` results in, without moving a branch. `None` if it conflicts.
    pub(crate) async fn merge(
        &self,
        repo: &str,
        (base, head): (&str, &str),
        (method, message): (Method, &str),
        person: &Person,
    ) -> Result<Option<String>, Error> {
        if let Some(paper) = &self.paper {
            return paper.merge(repo, (base, head), (method, message), person);
        }
        if method == Method::Rebase {
            return self.rebase(repo, (base, head), person).await;
        }
        let Some(tree) = self.merge_tree(repo, &[base, head]).await? else { return Ok(None) };
        let parents: &[&str] = if method == Method::Merge { &[base, head] } else { &[base] };
        self.commit_tree(repo, (&tree, parents), message, person).await.map(Some)
    }

    async fn rebase(&self, repo: &str, (base, head): (&str, &str), person: &Person) -> Result<Option<String>, Error> {
        let mut tip = base.to_owned();
        for commit in self.commits(repo, head, &[format!("^{base}")]).await? {
            let [parent] = commit.parents.as_slice() else { return Ok(None) };
            let from = format!("--merge-base={parent}");
            let Some(tree) = self.merge_tree(repo, &[&from, &tip, &commit.sha]).await? else { return Ok(None) };
            tip = self.commit_tree(repo, (&tree, &[&tip]), &commit.message, person).await?;
        }
        Ok(Some(tip))
    }

    async fn merge_tree(&self, repo: &str, args: &[&str]) -> Result<Option<String>, Error> {
        let args: Vec<&str> = ["merge-tree", "--write-tree"].into_iter().chain(args.iter().copied()).collect();
        let output = self.run(&self.path(repo), &args).await?;
        Ok(output.success().then(|| output.stdout_text().trim().to_owned()))
    }

    async fn commit_tree(
        &self,
        repo: &str,
        (tree, parents): (&str, &[&str]),
        message: &str,
        person: &Person,
    ) -> Result<String, Error> {
        let mut args = vec!["commit-tree", tree, "-F", "-"];
        for parent in parents {
            args.extend(["-p", parent]);
        }
        let command = person.sign(self.command(&self.path(repo), &args)).stdin(message);
        Ok(self.finished("commit-tree", command).await?.stdout_text().trim().to_owned())
    }

    /// Commits files on a branch through a scratch clone and pushes it. A new branch starts at the default branch.
    pub(crate) async fn push_files(
        &self,
        repo: &str,
        (branch, scratch): (&str, &Path),
        (files, message): (&[(String, Option<String>)], &str),
        person: &Person,
    ) -> Result<String, Error> {
        if let Some(paper) = &self.paper {
            return paper.push_files(repo, branch, (files, message), person);
        }
        let other = |error: std::io::Error| Error::Other(error.into());
        std::fs::create_dir_all(scratch).map_err(other)?;
        let bare = self.path(repo).display().to_string();
        self.ok(scratch, &["clone", "--quiet", "--no-hardlinks", &bare, "."]).await?;
        let remote = format!("origin/{branch}");
        let known = self.run(scratch, &["rev-parse", "--verify", "--quiet", &remote]).await?.success();
        let unborn = !self.run(scratch, &["rev-parse", "--verify", "--quiet", "HEAD"]).await?.success();
        match (known, unborn) {
            (true, _) => self.ok(scratch, &["checkout", "--quiet", "-B", branch, &remote]).await?,
            (false, true) => self.ok(scratch, &["symbolic-ref", "HEAD", &format!("refs/heads/{branch}")]).await?,
            (false, false) => self.ok(scratch, &["checkout", "--quiet", "-b", branch]).await?,
        }
        for (path, text) in files {
            write(scratch, path, text.as_deref()).map_err(other)?;
        }
        self.ok(scratch, &["add", "--all"]).await?;
        let command = person.sign(self.command(scratch, &["commit", "--quiet", "--allow-empty", "-F", "-"]));
        self.finished("commit", command.stdin(message)).await?;
        self.ok(scratch, &["push", "--quiet", "origin", &format!("HEAD:refs/heads/{branch}")]).await?;
        let sha = self.text(scratch, &["rev-parse", "HEAD"]).await?.trim().to_owned();
        drop(std::fs::remove_dir_all(scratch));
        Ok(sha)
    }
}

/// Writes a file, or removes it if there is no text.
fn write(dir: &Path, path: &str, text: Option<&str>) -> std::io::Result<()> {
    let target = dir.join(path);
    let Some(text) = text else { return std::fs::remove_file(target) };
    if let Some(parent) = target.parent() {
        std::fs::create_dir_all(parent)?;
    }
    std::fs::write(target, text)
}
