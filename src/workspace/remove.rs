//! Removing a workspace that holds nothing of its own.
//!
//! The remote is asked first, so that a branch that was deleted there does not count as a copy. Every question that
//! cannot be answered is a reason to keep the workspace.

use std::{fmt, path::Path};

use tracing::{info, warn};

use super::{
    Credentials, Error, Standing, Workspace, Workspaces, branch::OWN_PREFIX, other, prepare::unregister, pull_ref,
    repository::Repository, standing::Unfinished,
};
use crate::model::{PrNumber, Sha};

/// Where else the work may be, and how to ask there.
#[derive(Debug, Clone, Default)]
pub struct Reach {
    /// For the fetch.
    pub credentials: Credentials,
    /// The task's pull request. GitHub keeps its commits also when it was squashed and its branch deleted.
    pub pull: Option<PrNumber>,
}

/// What became of a removal.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Removal {
    /// The workspace is gone.
    Removed {
        /// What git ignored and was deleted with it.
        ignored: Vec<String>,
        /// What became of the task's branch in the repository.
        branch: OwnBranch,
    },
    /// It is still there, untouched.
    Refused(Holds),
}

/// What became of the task's branch.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum OwnBranch {
    /// It is still in the repository.
    Kept,
    /// Its content is in the base, so it was deleted.
    Deleted,
}

/// Why a workspace is kept.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Holds {
    /// Changed files, or files that git does not know.
    Changes {
        /// Which.
        paths: Vec<String>,
    },
    /// A merge, rebase or the like that was not ended.
    Unfinished(Unfinished),
    /// Files whose changes git was told not to show.
    Hidden {
        /// Which.
        paths: Vec<String>,
    },
    /// Commits that are neither at the remote nor, by content, in the base.
    Unpushed {
        /// How many.
        commits: u32,
    },
    /// Something could not be looked at.
    Unknown {
        /// What.
        why: String,
    },
}

impl fmt::Display for Holds {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Changes { paths } => write!(f, "uncommitted changes in {}", some(paths)),
            Self::Unfinished(what) => write!(f, "an unfinished {what:?}"),
            Self::Hidden { paths } => write!(f, "changes that git was told not to show in {}", some(paths)),
            Self::Unpushed { commits } => write!(f, "{commits} commits that are nowhere else"),
            Self::Unknown { why } => write!(f, "nobody could look: {why}"),
        }
    }
}

/// The first few of many names.
fn some(paths: &[String]) -> String {
    let shown: Vec<&str> = paths.iter().take(3).map(String::as_str).collect();
    let more =
        if paths.len() > shown.len() { format!(" and {} more", paths.len() - shown.len()) } else { String::new() };
    format!("{}{more}", shown.join(", "))
}

impl Workspaces {
    /// Removes the workspace if it holds nothing that exists nowhere else. Its session must have ended. Repeating a
    /// removal that was cut short is fine.
    ///
    /// # Errors
    ///
    /// When the repository is gone, or the directory could not be dealt with after all was found to be safe.
    pub async fn remove(&self, workspace: &Workspace, reach: &Reach) -> Result<Removal, Error> {
        let repository = Repository::open(&self.git, &workspace.common_dir).await?;
        let _turn = self.lanes.enter(&repository.common_dir).await;
        let registered = repository.worktrees().await?.iter().any(|entry| entry.path == workspace.path);
        match (registered, workspace.path.symlink_metadata().is_ok()) {
            (false, false) => return self.forget(workspace, Vec::new(), OwnBranch::Kept),
            (true, false) => {
                unregister(&repository, &workspace.path).await?;
                return self.forget(workspace, Vec::new(), OwnBranch::Kept);
            }
            (false, true) => return Ok(unknown("its directory is no worktree of the repository")),
            (true, true) => {}
        }
        match self.examine(&repository, workspace, reach).await {
            Ok(Ok(clean)) => self.take_down(&repository, workspace, clean).await,
            Ok(Err(holds)) => Ok(Removal::Refused(holds)),
            Err(error) => Ok(unknown(&explain(&error))),
        }
    }

    /// Everything that speaks against the removal; `Ok(Ok(…))` if nothing does.
    async fn examine(
        &self,
        repository: &Repository<'_>,
        workspace: &Workspace,
        reach: &Reach,
    ) -> Result<Result<Clean, Holds>, Error> {
        let standing = self.standing(workspace).await?;
        if !standing.dirty.is_empty() {
            return Ok(Err(Holds::Changes { paths: standing.dirty }));
        }
        if let Some(what) = standing.unfinished {
            return Ok(Err(Holds::Unfinished(what)));
        }
        let paths = self.hidden(workspace).await?;
        if !paths.is_empty() {
            return Ok(Err(Holds::Hidden { paths }));
        }
        let Workspace { remote, base, branch, .. } = workspace;
        repository.fetch_both(remote, base, branch, &reach.credentials).await?;
        let merged = is_merged(repository, workspace, &standing.head).await?;
        let commits = if merged { 0 } else { unpushed(repository, workspace, &standing.head, reach).await? };
        Ok(if commits == 0 { Ok(Clean { standing, merged }) } else { Err(Holds::Unpushed { commits }) })
    }

    /// Files that `git status` was told to leave out (`update-index --assume-unchanged` or `--skip-worktree`).
    async fn hidden(&self, workspace: &Workspace) -> Result<Vec<String>, Error> {
        let listed = self.git.tell_bytes(workspace, &["ls-files", "-v", "-z"]).await?;
        let listed = String::from_utf8_lossy(&listed);
        let marked = listed.split('\0').filter(|line| !line.is_empty() && !line.starts_with("H "));
        let paths = marked.map(|line| line.get(2..).unwrap_or(line));
        // A sparse checkout marks what it leaves out; only what is there can be changed.
        Ok(paths.filter(|path| workspace.path.join(path).symlink_metadata().is_ok()).map(str::to_owned).collect())
    }

    async fn take_down(
        &self,
        repository: &Repository<'_>,
        workspace: &Workspace,
        clean: Clean,
    ) -> Result<Removal, Error> {
        let path = path_text(&workspace.path)?;
        repository.ask(&["worktree", "unlock", path]).await?;
        let args = ["worktree", "remove", path];
        let answer = repository.ask(&args).await?;
        if answer.code != 0 {
            // Git's own look is the last line: what changed since ours keeps the workspace.
            repository.ask(&["worktree", "lock", path]).await?;
            return Ok(unknown(&answer.detail));
        }
        let branch =
            if clean.merged { delete_branch(repository, workspace, &clean.standing).await? } else { OwnBranch::Kept };
        self.forget(workspace, clean.standing.ignored, branch)
    }

    fn forget(&self, workspace: &Workspace, ignored: Vec<String>, branch: OwnBranch) -> Result<Removal, Error> {
        match std::fs::remove_file(self.record_of(&workspace.task)) {
            Err(error) if error.kind() != std::io::ErrorKind::NotFound => return Err(other(error)),
            Ok(()) | Err(_) => {}
        }
        info!(task.id = %workspace.task, ignored = ignored.len(), "Removed the workspace of {}", workspace.task);
        Ok(Removal::Removed { ignored, branch })
    }
}

/// A workspace against whose removal nothing speaks.
struct Clean {
    standing: Standing,
    merged: bool,
}

/// Whether the base holds the head's content: merging it would change nothing. That is so after a squash, too.
async fn is_merged(repository: &Repository<'_>, workspace: &Workspace, head: &Sha) -> Result<bool, Error> {
    let base = workspace.tracking(&workspace.base);
    let merged = repository.ask(&["merge-tree", "--write-tree", "--no-messages", &base, head.as_str()]).await?;
    let tree = repository.tell(&["rev-parse", "--verify", &format!("{base}^{{tree}}")]).await?;
    Ok(merged.code == 0 && merged.text()? == tree)
}

/// How many commits of the head are not at the remote now.
async fn unpushed(repository: &Repository<'_>, workspace: &Workspace, head: &Sha, reach: &Reach) -> Result<u32, Error> {
    let base = workspace.tracking(&workspace.base);
    let mut elsewhere = vec![base];
    let own = workspace.tracking(&workspace.branch);
    if repository.tip(&own).await?.is_some() {
        elsewhere.push(own);
    }
    let commits = count(repository, head, &elsewhere).await?;
    let Some(pull) = reach.pull.filter(|_| commits > 0) else { return Ok(commits) };
    let kept = format!("refs/antiphon/pull/{pull}");
    let spec = format!("+{}:{kept}", pull_ref(pull));
    if let Err(error) = repository.fetch(&workspace.remote, &[&spec], &reach.credentials).await {
        warn!(pr.number = pull.0, error = explain(&error), "Could not fetch the commits of a pull request");
        return Ok(commits);
    }
    elsewhere.push(kept.clone());
    let commits = count(repository, head, &elsewhere).await?;
    repository.tell(&["update-ref", "-d", &kept]).await?;
    Ok(commits)
}

async fn count(repository: &Repository<'_>, head: &Sha, elsewhere: &[String]) -> Result<u32, Error> {
    let mut args = vec!["rev-list", "--count", head.as_str(), "--not"];
    args.extend(elsewhere.iter().map(String::as_str));
    repository.tell(&args).await?.parse().map_err(other)
}

/// Deletes the task's branch if it is one of ours and still where it was looked at.
async fn delete_branch(
    repository: &Repository<'_>,
    workspace: &Workspace,
    standing: &Standing,
) -> Result<OwnBranch, Error> {
    let branch = workspace.branch.as_str();
    if !branch.starts_with(OWN_PREFIX) || standing.on.as_deref() != Some(branch) {
        return Ok(OwnBranch::Kept);
    }
    let reference = format!("refs/heads/{branch}");
    let answer = repository.ask(&["update-ref", "-d", &reference, standing.head.as_str()]).await?;
    Ok(if answer.code == 0 { OwnBranch::Deleted } else { OwnBranch::Kept })
}

fn path_text(path: &Path) -> Result<&str, Error> {
    path.to_str().ok_or_else(|| other(anyhow::anyhow!("the workspace's path is not UTF-8")))
}

fn unknown(why: &str) -> Removal {
    Removal::Refused(Holds::Unknown { why: why.to_owned() })
}

fn explain(error: &Error) -> String {
    match error {
        Error::Other(source) => format!("{source:#}"),
        Error::NotARepository { .. }
        | Error::InsideRepository { .. }
        | Error::NoBase { .. }
        | Error::BranchBusy { .. }
        | Error::Occupied { .. }
        | Error::Locked { .. }
        | Error::Unreachable { .. } => error.to_string(),
    }
}
