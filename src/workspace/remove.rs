//! Removing a workspace that holds nothing of its own, or whose work is kept elsewhere first.
//!
//! The remote is asked first, so that a branch that was deleted there does not count as a copy. Every question that
//! cannot be answered is a reason to keep the workspace.

use std::fmt;

use jiff::Timestamp;
use tracing::{info, warn};

use super::{
    Credentials, Error, Standing, Workspace, Workspaces,
    branch::OWN_PREFIX,
    explain, other,
    prepare::{path_text, unregister},
    pull_ref,
    repository::Repository,
    standing::Unfinished,
};
use crate::{
    boundary,
    model::{PrNumber, Rescue, Sha},
};

/// Where else the work may be, and how to ask there.
#[derive(Debug, Clone, Default)]
pub struct Reach {
    /// For the fetch.
    pub credentials: Credentials,
    /// The task's pull request. GitHub keeps its commits also when it was squashed and its branch deleted.
    pub pull: Option<PrNumber>,
}

/// What to do with work that exists nowhere else.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Unsaved {
    /// The workspace is kept with it.
    Stays,
    /// A ref keeps it ([`Workspaces::rescue`]), and the workspace goes.
    IsRescued {
        /// Now.
        at: Timestamp,
    },
}

/// What became of a removal.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Removal {
    /// The workspace is gone.
    Removed(Gone),
    /// It is still there, untouched.
    Refused(Holds),
}

/// What is left of a workspace that was removed.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Gone {
    /// What git ignored and was deleted with it.
    pub ignored: Vec<String>,
    /// What became of the task's branch in the repository.
    pub branch: OwnBranch,
    /// What keeps the work that was nowhere else, if there was any.
    pub rescue: Option<Rescue>,
}

/// What became of the task's branch.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum OwnBranch {
    /// It is still in the repository.
    #[default]
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
    /// Removes the workspace if it holds nothing that exists nowhere else, or once that is rescued. Its session must
    /// have ended. Repeating a removal that was cut short is fine.
    ///
    /// # Errors
    ///
    /// When the repository is gone, or the directory could not be dealt with after all was found to be safe.
    pub async fn remove(&self, workspace: &Workspace, reach: &Reach, unsaved: Unsaved) -> Result<Removal, Error> {
        if workspace.source.is_some() {
            return self.remove_clone(workspace, reach, unsaved).await;
        }
        let repository = Repository::open(&self.git, &workspace.common_dir).await?;
        let _turn = self.lanes.enter(&repository.common_dir).await;
        let registered = repository.worktrees().await?.iter().any(|entry| entry.path == workspace.path);
        match (registered, workspace.path.symlink_metadata().is_ok()) {
            (false, false) => return self.forget(workspace, self.gone_before(workspace, unsaved).await?),
            (true, false) => {
                unregister(&repository, &workspace.path).await?;
                return self.forget(workspace, self.gone_before(workspace, unsaved).await?);
            }
            (false, true) => return Ok(unknown("its directory is no worktree of the repository")),
            (true, true) => {}
        }
        match self.examine(&repository, workspace, reach).await {
            Ok(Ok(clean)) => self.take_down(&repository, workspace, clean).await,
            Ok(Err(holds)) => match unsaved {
                Unsaved::Stays => Ok(Removal::Refused(holds)),
                Unsaved::IsRescued { at } => self.rescue_and_take_down(&repository, workspace, at).await,
            },
            Err(error) => Ok(unknown(&explain(&error))),
        }
    }

    /// Everything that speaks against the removal; `Ok(Ok(…))` if nothing does.
    pub(super) async fn examine(
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
        // Git's own look is the last line: what changed since ours keeps the workspace.
        if let Some(refused) = delete(repository, workspace, &[]).await? {
            return Ok(unknown(&refused));
        }
        let branch =
            if clean.merged { delete_branch(repository, workspace, &clean.standing).await? } else { OwnBranch::Kept };
        self.forget(workspace, Gone { ignored: clean.standing.ignored, branch, rescue: None })
    }

    async fn rescue_and_take_down(
        &self,
        repository: &Repository<'_>,
        workspace: &Workspace,
        at: Timestamp,
    ) -> Result<Removal, Error> {
        let rescued = async { Ok((self.standing(workspace).await?, self.rescue(workspace, at).await?)) };
        let (standing, rescue) = match rescued.await {
            Ok(rescued) => rescued,
            Err(error) => return Ok(unknown(&explain(&error))),
        };
        boundary::cross("work rescued");
        if let Some(refused) = delete(repository, workspace, &["--force"]).await? {
            return Ok(unknown(&refused));
        }
        self.forget(workspace, Gone { ignored: standing.ignored, branch: OwnBranch::Kept, rescue: Some(rescue) })
    }

    /// What is left where an earlier try was cut short: what that rescued.
    pub(super) async fn gone_before(&self, workspace: &Workspace, unsaved: Unsaved) -> Result<Gone, Error> {
        let rescue = match unsaved {
            Unsaved::Stays => None,
            Unsaved::IsRescued { .. } => self.rescues(workspace.keeper(), &workspace.task).await?.into_iter().next(),
        };
        Ok(Gone { rescue, ..Gone::default() })
    }

    pub(super) fn forget(&self, workspace: &Workspace, gone: Gone) -> Result<Removal, Error> {
        if let Err(error) = self.remove_own(&workspace.task, &workspace.own) {
            warn!(task.id = %workspace.task, %error, "Could not remove what a workspace had for itself");
        }
        match std::fs::remove_file(self.record_of(&workspace.task)) {
            Err(error) if error.kind() != std::io::ErrorKind::NotFound => return Err(other(error)),
            Ok(()) | Err(_) => {}
        }
        info!(task.id = %workspace.task, ignored = gone.ignored.len(), "Removed the workspace of {}", workspace.task);
        Ok(Removal::Removed(gone))
    }
}

/// A workspace against whose removal nothing speaks.
pub(super) struct Clean {
    pub(super) standing: Standing,
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

/// Deletes the worktree; `Some` with git's words if git refuses, and then it is as it was.
async fn delete(repository: &Repository<'_>, workspace: &Workspace, how: &[&str]) -> Result<Option<String>, Error> {
    let path = path_text(workspace)?;
    repository.ask(&["worktree", "unlock", path]).await?;
    let answer = repository.ask(&[&["worktree", "remove"], how, &[path]].concat()).await?;
    if answer.code == 0 {
        return Ok(None);
    }
    repository.ask(&["worktree", "lock", path]).await?;
    Ok(Some(answer.detail))
}

pub(super) fn unknown(why: &str) -> Removal {
    Removal::Refused(Holds::Unknown { why: why.to_owned() })
}
