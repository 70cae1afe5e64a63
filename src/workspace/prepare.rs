//! Making a workspace, as often as it is asked for.
//!
//! A kill can fall between any two steps. So each call first looks at what is there: nothing, a whole worktree, one
//! whose files are gone, one that git never finished, or something that is no worktree. Nothing that may hold work is
//! deleted: what is not usable is moved to `.set-aside`.

use std::{
    io,
    path::{Path, PathBuf},
};

use tracing::{info, warn};

use super::{
    Error, Kind, Own, Spec, Workspace, Workspaces,
    git::{is_busy, pause_after},
    other,
    repository::{Entry, Repository, canonical},
};
use crate::{
    boundary,
    model::{Branch, Sha, TaskId},
};

/// What lies at a task's place.
#[derive(Debug, PartialEq, Eq)]
enum Found {
    /// Neither files nor a registration.
    Nothing,
    /// A worktree in which somebody could work.
    Whole { on: Option<String> },
    /// A registration whose files are gone.
    Missing,
    /// A worktree whose first checkout never ended: nobody has worked in it.
    Unfinished,
    /// Files that are no worktree of this repository.
    Stray,
}

impl Workspaces {
    /// Makes the workspace of a task, or gives the one that is there. May be repeated at any time: work that is in it
    /// stays as it is.
    ///
    /// # Errors
    ///
    /// See [`Error`].
    pub async fn prepare(&self, spec: &Spec) -> Result<Workspace, Error> {
        let repository = Repository::open(&self.git, &spec.repository).await?;
        let path = self.place(spec, &repository)?;
        let turn = self.lanes.enter(&repository.common_dir).await;
        let base_sha = repository.fetch_both(&spec.remote, &spec.base, &spec.branch, &spec.credentials).await?;
        // What there is stays as it was made, whatever the settings say now.
        let (kind, sparse) = match self.find(&spec.task)? {
            Some(made) => (made.kind(), made.sparse),
            None => (spec.kind, spec.sparse.clone()),
        };
        let mut workspace = Workspace {
            task: spec.task.clone(),
            common_dir: match kind {
                Kind::Worktree => repository.common_dir.clone(),
                Kind::Clone => path.join(".git"),
            },
            source: (kind == Kind::Clone).then(|| repository.common_dir.clone()),
            path,
            branch: spec.branch.clone(),
            base: spec.base.clone(),
            remote: spec.remote.clone(),
            base_sha,
            own: Own::default(),
            sparse,
        };
        self.refuse_foreign(&workspace)?;
        match kind {
            Kind::Worktree => self.make(&repository, &workspace).await?,
            Kind::Clone => self.make_clone(&repository, &workspace).await?,
        }
        // Writing the files takes long, and none of git's common locks.
        drop(turn);
        self.check_out(&workspace).await?;
        self.verify(&workspace).await?;
        self.settle_own(&mut workspace, &spec.own).await?;
        info!(task.id = %spec.task, workspace.path = %workspace.path.display(), "Prepared the workspace of {}", spec.task);
        Ok(workspace)
    }

    /// Where the workspace lies: below the state directory, and outside of the repository.
    pub(super) fn place(&self, spec: &Spec, repository: &Repository<'_>) -> Result<PathBuf, Error> {
        std::fs::create_dir_all(&self.root).map_err(other)?;
        let path = canonical(&self.root)?.join(spec.task.as_str());
        let checkout = repository.checkout.as_deref().map(canonical).transpose()?;
        let inside = |outer: &Path| path.starts_with(outer);
        if inside(&repository.common_dir) || checkout.as_deref().is_some_and(inside) {
            return Err(Error::InsideRepository { path });
        }
        Ok(path)
    }

    /// A task's place that was prepared for another branch or repository is not taken over.
    fn refuse_foreign(&self, wanted: &Workspace) -> Result<(), Error> {
        let Some(made) = self.read_record(&wanted.task).map_err(other)? else { return Ok(()) };
        let holder = if made.keeper() != wanted.keeper() {
            made.keeper().display().to_string()
        } else if made.branch != wanted.branch {
            made.branch.to_string()
        } else {
            return Ok(());
        };
        Err(Error::Occupied { path: wanted.path.clone(), holder })
    }

    async fn make(&self, repository: &Repository<'_>, wanted: &Workspace) -> Result<(), Error> {
        let mut tries = 1;
        loop {
            let detail = match self.found(repository, wanted).await? {
                Found::Whole { on } => return self.accept(wanted, on),
                Found::Nothing => match add(repository, wanted).await? {
                    None => return Ok(()),
                    Some(detail) => detail,
                },
                Found::Missing => {
                    unregister(repository, &wanted.path).await?;
                    continue;
                }
                Found::Unfinished | Found::Stray => {
                    self.set_aside(wanted).map_err(other)?;
                    continue;
                }
            };
            // What a failed try left behind is looked at again before the next one.
            let Some(pause) = pause_after(tries) else { return Err(Error::Locked { detail }) };
            tokio::time::sleep(pause).await;
            tries += 1;
        }
    }

    async fn found(&self, repository: &Repository<'_>, wanted: &Workspace) -> Result<Found, Error> {
        let registered = repository.worktrees().await?.into_iter().find(|entry| entry.path == wanted.path);
        // A broken link is something, too.
        let is_there = wanted.path.symlink_metadata().is_ok();
        Ok(match (registered, is_there) {
            (None, false) => Found::Nothing,
            (None, true) => Found::Stray,
            (Some(_), false) => Found::Missing,
            (Some(entry), true) if self.is_whole(wanted).await? => Found::Whole { on: entry.branch },
            (Some(_), true) => Found::Unfinished,
        })
    }

    /// Whether somebody could work there, or nothing was written yet.
    pub(super) async fn is_whole(&self, wanted: &Workspace) -> Result<bool, Error> {
        let known = self.read_record(&wanted.task).map_err(other)?.is_some();
        Ok(known || is_untouched(&wanted.path) || self.has_index(wanted).await?)
    }

    /// Git writes the index when the first checkout is complete.
    async fn has_index(&self, workspace: &Workspace) -> Result<bool, Error> {
        let asked = ["rev-parse", "--path-format=absolute", "--git-path", "index"];
        let answer = self.git.ask(&workspace.path, &asked).await?;
        Ok(answer.code == 0 && Path::new(&answer.text()?).is_file())
    }

    /// Writes the files of a worktree that has none, beside those of a few others.
    async fn check_out(&self, workspace: &Workspace) -> Result<(), Error> {
        if self.has_index(workspace).await? {
            return Ok(());
        }
        let _turn = self.checkouts.acquire().await.map_err(other)?;
        let git = self.git_for_checkout(workspace).await?;
        git.tell(&workspace.path, &["read-tree", "-m", "-u", "HEAD"]).await.map(drop)
    }

    /// One that was handed out is the session's own, whatever branch it is on now. One without a record was made in a
    /// try that did not come to its end, and must be what that try wanted.
    fn accept(&self, wanted: &Workspace, on: Option<String>) -> Result<(), Error> {
        let handed_out = self.read_record(&wanted.task).map_err(other)?.is_some();
        if handed_out || on.as_deref() == Some(wanted.branch.as_str()) {
            return Ok(());
        }
        Err(Error::Occupied { path: wanted.path.clone(), holder: on.unwrap_or_else(|| "a detached head".to_owned()) })
    }

    /// That the workspace is a worktree of its own is read from git, never assumed.
    async fn verify(&self, workspace: &Workspace) -> Result<(), Error> {
        let asked = ["rev-parse", "--path-format=absolute", "--show-toplevel", "--git-common-dir"];
        let told = self.git.tell(&workspace.path, &asked).await?;
        let told: Vec<_> = told.lines().map(PathBuf::from).collect();
        if told == [workspace.path.clone(), workspace.common_dir.clone()] {
            return Ok(());
        }
        Err(other(anyhow::anyhow!("{} is not the worktree that it should be", workspace.path.display())))
    }

    pub(super) fn set_aside(&self, wanted: &Workspace) -> io::Result<()> {
        let dir = self.root.join(".set-aside");
        std::fs::create_dir_all(&dir)?;
        let free = (1..).map(|n| dir.join(format!("{}-{n}", wanted.task))).find(|path| !path.exists());
        let to = free.expect("there are more numbers than directories");
        std::fs::rename(&wanted.path, &to)?;
        warn!(task.id = %wanted.task, workspace.path = %to.display(), "Moved what was in the way aside");
        Ok(())
    }

    pub(super) fn read_record(&self, task: &TaskId) -> io::Result<Option<Workspace>> {
        match std::fs::read(self.record_of(task)) {
            Ok(bytes) => Ok(Some(serde_json::from_slice(&bytes)?)),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(error) => Err(error),
        }
    }

    pub(super) fn write_record(&self, workspace: &Workspace) -> io::Result<()> {
        let path = self.record_of(&workspace.task);
        let fresh = path.with_extension("new");
        std::fs::create_dir_all(path.parent().unwrap_or(&self.root))?;
        std::fs::write(&fresh, serde_json::to_vec(workspace)?)?;
        boundary::cross("workspace recorded");
        std::fs::rename(fresh, path)
    }
}

/// Adds the worktree. `Some`: another process held a lock, and what git said.
async fn add(repository: &Repository<'_>, wanted: &Workspace) -> Result<Option<String>, Error> {
    if let Some(path) = where_checked_out(&repository.worktrees().await?, &wanted.branch) {
        return Err(Error::BranchBusy { branch: wanted.branch.clone(), path });
    }
    let path = path_text(wanted)?;
    let (branch, base) = (wanted.branch.as_str(), wanted.base_sha.as_str());
    let remote_branch = wanted.tracking(&wanted.branch);
    // A branch of an earlier try holds work: it is taken as it is, ours first, then the remote's.
    if repository.tip(&own_ref(wanted)).await?.is_some() {
        worktree_add(repository, wanted, &[path, branch]).await
    } else if repository.tip(&remote_branch).await?.is_some() {
        worktree_add(repository, wanted, &["--no-track", "-b", branch, path, &remote_branch]).await
    } else {
        worktree_add(repository, wanted, &["--no-track", "-b", branch, path, base]).await
    }
}

/// Adds the worktree with `head` checked out: by the task's branch, if that is there or can be made there.
pub(super) async fn add_at(repository: &Repository<'_>, wanted: &Workspace, head: &Sha) -> Result<(), Error> {
    let (path, branch) = (path_text(wanted)?, wanted.branch.as_str());
    let free = where_checked_out(&repository.worktrees().await?, &wanted.branch).is_none();
    let tip = repository.tip(&own_ref(wanted)).await?;
    let locked = match tip {
        None => worktree_add(repository, wanted, &["--no-track", "-b", branch, path, head.as_str()]).await?,
        Some(tip) if free && tip == *head => worktree_add(repository, wanted, &[path, branch]).await?,
        Some(_) => worktree_add(repository, wanted, &["--detach", path, head.as_str()]).await?,
    };
    locked.map_or(Ok(()), |detail| Err(Error::Locked { detail }))
}

async fn worktree_add(repository: &Repository<'_>, wanted: &Workspace, what: &[&str]) -> Result<Option<String>, Error> {
    let reason = format!("antiphon: workspace of {}", wanted.task);
    let args = [&["worktree", "add", "--quiet", "--no-checkout", "--lock", "--reason", &reason], what].concat();
    let answer = repository.once(&args).await?;
    match answer.code {
        0 => Ok(None),
        _ if is_busy(&answer.detail) => Ok(Some(answer.detail)),
        _ => Err(answer.failure(&args)),
    }
}

/// Whether git made a worktree there and wrote no file into it.
fn is_untouched(path: &Path) -> bool {
    let entries = std::fs::read_dir(path).map(|entries| entries.flatten().map(|entry| entry.file_name()).collect());
    entries.is_ok_and(|names: Vec<_>| names == [".git"])
}

pub(super) fn own_ref(wanted: &Workspace) -> String {
    format!("refs/heads/{}", wanted.branch)
}

pub(super) fn path_text(workspace: &Workspace) -> Result<&str, Error> {
    workspace.path.to_str().ok_or_else(|| other(anyhow::anyhow!("the workspace's path is not UTF-8")))
}

fn where_checked_out(worktrees: &[Entry], branch: &Branch) -> Option<PathBuf> {
    worktrees.iter().find(|entry| entry.branch.as_deref() == Some(branch.as_str())).map(|entry| entry.path.clone())
}

/// Forgets a worktree whose files are gone; git refuses if they are not.
pub(super) async fn unregister(repository: &Repository<'_>, path: &Path) -> Result<(), Error> {
    let path = path.to_str().ok_or_else(|| other(anyhow::anyhow!("the state directory is not UTF-8")))?;
    // It is no error that it is not locked.
    repository.ask(&["worktree", "unlock", path]).await?;
    repository.tell(&["worktree", "remove", path]).await?;
    Ok(())
}
