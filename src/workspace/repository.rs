//! A repository as git describes it: where it is, which worktrees it has, what its branches point to.

use std::path::{Path, PathBuf};

use super::{Credentials, Error, Git, git, other};
use crate::model::{Branch, Sha};

/// A repository that exists.
#[derive(Debug)]
pub(super) struct Repository<'a> {
    git: &'a Git,
    /// The git directory that all its worktrees share.
    pub(super) common_dir: PathBuf,
    /// The main checkout; a bare repository has none.
    pub(super) checkout: Option<PathBuf>,
}

/// One of its worktrees.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Entry {
    /// Where it is, or was.
    pub(super) path: PathBuf,
    /// The branch it is on.
    pub(super) branch: Option<String>,
}

impl<'a> Repository<'a> {
    /// The repository that `path` belongs to: a clone, one of its worktrees, or a bare repository.
    pub(super) async fn open(git: &'a Git, path: &Path) -> Result<Self, Error> {
        let none = || Error::NotARepository { path: path.to_owned() };
        if !path.is_dir() {
            return Err(none());
        }
        let answer = git.ask(path, &["rev-parse", "--path-format=absolute", "--git-common-dir"]).await?;
        if answer.code != 0 {
            return Err(none());
        }
        let common_dir = canonical(Path::new(&answer.text()?))?;
        let mut repository = Self { git, common_dir, checkout: None };
        // Git lists the main worktree first, from wherever it is asked.
        let main = repository.worktrees_raw().await?.into_iter().next();
        repository.checkout = main.filter(|(_, bare)| !bare).map(|(entry, _)| entry.path);
        Ok(repository)
    }

    /// Runs a git command that has to succeed.
    pub(super) async fn tell(&self, args: &[&str]) -> Result<String, Error> {
        self.git.tell(&self.common_dir, args).await
    }

    /// Runs a git command that may fail.
    pub(super) async fn ask(&self, args: &[&str]) -> Result<git::Answer, Error> {
        self.git.ask(&self.common_dir, args).await
    }

    /// Runs a git command once, without patience for locks.
    pub(super) async fn once(&self, args: &[&str]) -> Result<git::Answer, Error> {
        self.git.once(&self.common_dir, args, &Credentials::of_the_user()).await
    }

    /// The linked worktrees, also those whose directory is gone.
    pub(super) async fn worktrees(&self) -> Result<Vec<Entry>, Error> {
        Ok(self.worktrees_raw().await?.into_iter().map(|(entry, _)| entry).collect())
    }

    async fn worktrees_raw(&self) -> Result<Vec<(Entry, bool)>, Error> {
        let text = self.tell(&["worktree", "list", "--porcelain", "-z"]).await?;
        let records = text.split("\0\0").filter(|record| !record.trim_matches('\0').is_empty());
        Ok(records.filter_map(entry).collect())
    }

    /// What a ref points to, if it exists.
    pub(super) async fn tip(&self, reference: &str) -> Result<Option<Sha>, Error> {
        let commit = format!("{reference}^{{commit}}");
        let answer = self.ask(&["rev-parse", "--verify", "--quiet", "--end-of-options", &commit]).await?;
        if answer.code == 0 { Ok(Some(answer.text()?.parse().map_err(other)?)) } else { Ok(None) }
    }

    /// Fetches `refspecs`. A remote-tracking ref below one of them that the remote no longer has is taken away.
    pub(super) async fn fetch(&self, remote: &str, refspecs: &[&str], credentials: &Credentials) -> Result<(), Error> {
        let mut args = vec!["fetch", "--quiet", "--no-tags", "--no-write-fetch-head", "--prune", "--end-of-options"];
        args.push(remote);
        args.extend(refspecs);
        let answer = self.git.ask_with(&self.common_dir, &args, credentials).await?;
        if answer.code == 0 {
            return Ok(());
        }
        Err(Error::Unreachable { remote: remote.to_owned(), detail: answer.detail })
    }

    /// Fetches the base and, if the remote has it, the branch. Gives the tip of the base.
    pub(super) async fn fetch_both(
        &self,
        remote: &str,
        base: &Branch,
        branch: &Branch,
        credentials: &Credentials,
    ) -> Result<Sha, Error> {
        let tracking = format!("refs/remotes/{remote}/{base}");
        let base_spec = format!("+refs/heads/{base}:{tracking}");
        // With a star it is no error that the remote does not have the branch, and prune forgets one that is gone.
        let branch_spec = format!("+refs/heads/{branch}*:refs/remotes/{remote}/{branch}*");
        match self.fetch(remote, &[&base_spec, &branch_spec], credentials).await {
            Err(Error::Unreachable { detail, .. }) if detail.contains("couldn't find remote ref") => {
                Err(Error::NoBase { base: base.clone(), remote: remote.to_owned() })
            }
            fetched => {
                fetched?;
                self.tip(&tracking).await?.ok_or_else(|| other(anyhow::anyhow!("the fetch left no {tracking}")))
            }
        }
    }
}

fn entry(record: &str) -> Option<(Entry, bool)> {
    let mut entry = Entry { path: PathBuf::new(), branch: None };
    let mut bare = false;
    for line in record.split('\0').filter(|line| !line.is_empty()) {
        let (key, value) = line.split_once(' ').unwrap_or((line, ""));
        match key {
            "worktree" => entry.path = PathBuf::from(value),
            "branch" => entry.branch = Some(value.strip_prefix("refs/heads/").unwrap_or(value).to_owned()),
            "bare" => bare = true,
            _ => {}
        }
    }
    (!entry.path.as_os_str().is_empty()).then_some((entry, bare))
}

/// The path without links, in the form in which git prints it.
pub(super) fn canonical(path: &Path) -> Result<PathBuf, Error> {
    let path = std::fs::canonicalize(path).map_err(other)?;
    // Windows' verbatim prefix is foreign to git.
    let plain = path.to_str().and_then(|text| text.strip_prefix(r"\\?\")).map(PathBuf::from);
    Ok(plain.unwrap_or(path))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_worktree_record_is_read() {
        let record = "worktree /s/t-1\0HEAD 01\0branch refs/heads/antiphon/1-a\0locked antiphon: t-1";

        let expected = Entry { path: "/s/t-1".into(), branch: Some("antiphon/1-a".into()) };
        assert_eq!(entry(record), Some((expected, false)));
    }
}
