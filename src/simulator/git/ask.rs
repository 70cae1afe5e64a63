//! Questions to a repository, and the few answers that become files or refs.

use std::{collections::BTreeMap, path::Path};

use super::{Error, Git, command::parse_commit};
use crate::simulator::world::{BranchMove, Commit, Diff, Mergeability, RefChange};

impl Git {
    /// All branches and where they point to.
    pub(crate) async fn branches(&self, repo: &str) -> Result<BTreeMap<String, String>, Error> {
        if let Some(paper) = &self.paper {
            return paper.branches(repo);
        }
        let format = "--format=%(refname:lstrip=2) %(objectname)";
        let lines = self.text(&self.path(repo), &["for-each-ref", format, "refs/heads"]).await?;
        let pairs = lines.lines().filter_map(|line| line.rsplit_once(' '));
        Ok(pairs.map(|(name, sha)| (name.to_owned(), sha.to_owned())).collect())
    }

    /// What a move of a branch brought: its commits, and whether history was rewritten.
    pub(crate) async fn change(&self, repo: &str, (branch, before, after): BranchMove) -> Result<RefChange, Error> {
        let (mut forced, mut commits) = (false, Vec::new());
        if let Some(new) = &after {
            if let Some(old) = &before {
                forced = !self.is_ancestor(repo, old, new).await?;
            }
            let exclude: Vec<String> = before.iter().map(|old| format!("^{old}")).collect();
            commits = self.commits(repo, new, &exclude).await?;
        }
        Ok(RefChange { branch, before, after, forced, commits })
    }

    /// Whether one commit is in the history of another.
    pub(crate) async fn is_ancestor(&self, repo: &str, old: &str, new: &str) -> Result<bool, Error> {
        if let Some(paper) = &self.paper {
            return paper.is_ancestor(repo, old, new);
        }
        Ok(self.run(&self.path(repo), &["merge-base", "--is-ancestor", old, new]).await?.success())
    }

    /// The commits that lead to one, oldest first, at most 100.
    pub(crate) async fn commits(&self, repo: &str, to: &str, exclude: &[String]) -> Result<Vec<Commit>, Error> {
        if let Some(paper) = &self.paper {
            return paper.commits(repo, to, exclude);
        }
        let format = "--format=%x1e%H%x1f%T%x1f%P%x1f%an%x1f%ae%x1f%aI%x1f%B%x1f";
        let mut args = vec!["log", "--max-count=100", "--name-status", "--no-renames", format, to];
        args.extend(exclude.iter().map(String::as_str));
        let text = self.text(&self.path(repo), &args).await?;
        let mut commits: Vec<Commit> = text.split('\u{1e}').filter_map(parse_commit).collect();
        commits.reverse();
        Ok(commits)
    }

    /// How many commits `to` has that `from` lacks.
    pub(crate) async fn count(&self, repo: &str, from: &str, to: &str) -> Result<u64, Error> {
        if let Some(paper) = &self.paper {
            return paper.count(repo, from, to);
        }
        let range = format!("{from}..{to}");
        Ok(self.text(&self.path(repo), &["rev-list", "--count", &range]).await?.trim().parse().unwrap_or(0))
    }

    /// Whether a head merges into a base, and how much it changes.
    pub(crate) async fn mergeability(&self, repo: &str, base: &str, head: &str) -> Result<(Mergeability, Diff), Error> {
        if let Some(paper) = &self.paper {
            return Ok((paper.mergeability(repo, base, head)?, paper.diff(repo, base, head)?));
        }
        let merged = self.run(&self.path(repo), &["merge-tree", "--write-tree", "--quiet", base, head]).await;
        let merged = match merged {
            Ok(output) if output.code == Some(129) => {
                self.run(&self.path(repo), &["merge-tree", "--write-tree", base, head]).await?
            }
            other => other?,
        };
        let found = match merged.code {
            Some(0) => Mergeability::Clean { behind: self.count(repo, head, base).await? > 0 },
            _ => Mergeability::Conflicting,
        };
        Ok((found, self.diff(repo, base, head).await?))
    }

    /// How much a head changes against the point where it left the base.
    pub(crate) async fn diff(&self, repo: &str, base: &str, head: &str) -> Result<Diff, Error> {
        if let Some(paper) = &self.paper {
            return paper.diff(repo, base, head);
        }
        let range = format!("{base}...{head}");
        let lines = self.text(&self.path(repo), &["diff", "--numstat", "--no-renames", &range]).await?;
        let mut diff = Diff { commits: self.count(repo, base, head).await?, ..Diff::default() };
        for line in lines.lines() {
            let mut fields = line.split('\t').map(|field| field.parse::<u64>().unwrap_or(0));
            diff.additions += fields.next().unwrap_or(0);
            diff.deletions += fields.next().unwrap_or(0);
            diff.files += 1;
        }
        Ok(diff)
    }

    /// The full SHA of a revision, if there is such a commit.
    pub(crate) async fn resolve(&self, repo: &str, revision: &str) -> Result<Option<String>, Error> {
        if let Some(paper) = &self.paper {
            return paper.resolve(repo, revision);
        }
        // A revision comes from outside: it must not be taken for an option.
        if revision.is_empty() || revision.starts_with('-') {
            return Ok(None);
        }
        let commit = format!("{revision}^{{commit}}");
        let output = self.run(&self.path(repo), &["rev-parse", "--verify", "--quiet", &commit]).await?;
        Ok(output.success().then(|| output.stdout_text().trim().to_owned()))
    }

    /// A line of a file in a commit, counted from 1; `None` if there is none.
    pub(crate) async fn line(&self, repo: &str, (sha, path, line): (&str, &str, u64)) -> Result<Option<String>, Error> {
        if let Some(paper) = &self.paper {
            return Ok(paper.file(repo, sha, path)?.and_then(|text| nth_line(&text, line)));
        }
        let place = format!("{sha}:{path}");
        let output = self.run(&self.path(repo), &["show", &place]).await?;
        Ok(output.success().then(|| nth_line(&output.stdout_text(), line)).flatten())
    }

    /// Whether a commit holds a file.
    pub(crate) async fn holds(&self, repo: &str, sha: &str, path: &str) -> Result<bool, Error> {
        if let Some(paper) = &self.paper {
            return Ok(paper.file(repo, sha, path)?.is_some());
        }
        let place = format!("{sha}:{path}");
        Ok(self.run(&self.path(repo), &["cat-file", "-e", &place]).await?.success())
    }

    /// Writes the files of exactly one commit into a new directory.
    pub(crate) async fn check_out(&self, repo: &str, sha: &str, dir: &Path) -> Result<(), Error> {
        std::fs::create_dir_all(dir).map_err(|error| Error::Other(error.into()))?;
        let index = dir.with_extension("index");
        let tree = format!("--work-tree={}", dir.display());
        let command = self.command(&self.path(repo), &[&tree, "read-tree", sha]).env("GIT_INDEX_FILE", &index);
        self.finished("read-tree", command).await?;
        let command = self.command(&self.path(repo), &[&tree, "checkout-index", "--all"]).env("GIT_INDEX_FILE", &index);
        self.finished("checkout-index", command).await?;
        drop(std::fs::remove_file(index));
        Ok(())
    }

    /// Points a ref somewhere, from where it was expected to be.
    pub(crate) async fn update_ref(
        &self,
        repo: &str,
        (name, new, old): (&str, &str, Option<&str>),
    ) -> Result<(), Error> {
        if let Some(paper) = &self.paper {
            return paper.update_ref(repo, (name, new, old));
        }
        let mut args = vec!["update-ref", name, new];
        args.extend(old);
        self.ok(&self.path(repo), &args).await
    }
}

/// A line of a text, counted from 1.
fn nth_line(text: &str, line: u64) -> Option<String> {
    let at = usize::try_from(line.saturating_sub(1)).unwrap_or(usize::MAX);
    text.lines().nth(at).map(ToOwned::to_owned)
}
