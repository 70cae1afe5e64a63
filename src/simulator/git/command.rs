//! How git is run: one command with a clean environment, and what its answers mean.

use std::path::Path;

use jiff::Timestamp;

use super::{Commit, DEADLINE, Error, Git, PATH};
use crate::process::{Command, Output};

impl Git {
    /// Runs git and fails if it does.
    pub(super) async fn ok(&self, dir: &Path, args: &[&str]) -> Result<(), Error> {
        self.text(dir, args).await.map(drop)
    }

    /// Runs git and gives what it wrote.
    pub(super) async fn text(&self, dir: &Path, args: &[&str]) -> Result<String, Error> {
        Ok(self.finished(args.first().unwrap_or(&""), self.command(dir, args)).await?.stdout_text())
    }

    pub(super) async fn finished(&self, what: &str, command: Command) -> Result<Output, Error> {
        let output = command.run().await.map_err(|error| Error::Other(error.into()))?;
        if output.success() {
            return Ok(output);
        }
        Err(Error::Failed { what: what.to_owned(), stderr: output.stderr_text().trim().to_owned() })
    }

    pub(super) async fn run(&self, dir: &Path, args: &[&str]) -> Result<Output, Error> {
        self.command(dir, args).run().await.map_err(|error| Error::Other(error.into()))
    }

    /// A git command that reads no configuration but the repository's own.
    pub(super) fn command(&self, dir: &Path, args: &[&str]) -> Command {
        let mut command = Command::new(&self.program)
            .dir(dir)
            .deadline(DEADLINE)
            .env("PATH", PATH)
            .env("HOME", &self.root)
            .env("LC_ALL", "C")
            .env("GIT_CONFIG_NOSYSTEM", "1")
            .env("GIT_CONFIG_GLOBAL", "/dev/null")
            .env("GIT_TERMINAL_PROMPT", "0");
        if dir.extension().is_some_and(|extension| extension == "git") {
            command = command.env("GIT_DIR", dir);
        }
        command.args(args)
    }
}

/// A time as git reads it from its environment.
pub(crate) fn git_date(at: Timestamp) -> String {
    format!("@{} +0000", at.as_second())
}

pub(super) fn parse_commit(record: &str) -> Option<Commit> {
    let fields: Vec<&str> = record.split('\u{1f}').collect();
    let [sha, tree, parents, name, email, date, message, files] = fields.as_slice() else { return None };
    let mut commit = Commit {
        sha: (*sha).to_owned(),
        tree: (*tree).to_owned(),
        parents: parents.split_whitespace().map(ToOwned::to_owned).collect(),
        author_name: (*name).to_owned(),
        author_email: (*email).to_owned(),
        date: (*date).to_owned(),
        message: message.trim_end().to_owned(),
        ..Commit::default()
    };
    for (kind, path) in files.lines().filter_map(|line| line.split_once('\t')) {
        match kind {
            "A" => commit.added.push(path.to_owned()),
            "D" => commit.removed.push(path.to_owned()),
            _ => commit.modified.push(path.to_owned()),
        }
    }
    Some(commit)
}
