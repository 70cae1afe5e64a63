//! What a workspace holds: looked at, never changed, without the network.

use std::path::{Path, PathBuf};

use super::{Error, Workspace, Workspaces, other};
use crate::model::Sha;

/// What a workspace holds that a removal would take, and how far its commits got.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Standing {
    /// The commit that is checked out.
    pub head: Sha,
    /// The branch that is checked out; `None` on a detached head.
    pub on: Option<String>,
    /// Files that differ from the head, and files that git neither tracks nor ignores.
    pub dirty: Vec<String>,
    /// What git ignores: build output, as a rule. Directories end with a slash.
    pub ignored: Vec<String>,
    /// A merge, rebase or the like that has been begun and not ended.
    pub unfinished: Option<Unfinished>,
    /// Commits of the head that, as far as this repository knows, are on no branch of the remote.
    pub unpushed: u32,
    /// The tip of the task's branch at the remote, as far as this repository knows.
    pub pushed: Option<Sha>,
}

/// What git stands in the middle of.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Unfinished {
    /// `git merge`.
    Merge,
    /// `git rebase` or `git am`.
    Rebase,
    /// `git cherry-pick`.
    CherryPick,
    /// `git revert`.
    Revert,
    /// `git bisect`.
    Bisect,
}

/// The files by which git remembers what it is in the middle of.
const TRACES: [(&str, Unfinished); 6] = [
    ("rebase-merge", Unfinished::Rebase),
    ("rebase-apply", Unfinished::Rebase),
    ("MERGE_HEAD", Unfinished::Merge),
    ("CHERRY_PICK_HEAD", Unfinished::CherryPick),
    ("REVERT_HEAD", Unfinished::Revert),
    ("BISECT_LOG", Unfinished::Bisect),
];

impl Workspaces {
    /// What the workspace holds. It takes no lock and asks no remote, so it may run beside a working agent.
    ///
    /// # Errors
    ///
    /// When git cannot tell: then nothing is known, least of all that nothing is there.
    pub async fn standing(&self, workspace: &Workspace) -> Result<Standing, Error> {
        // A directory that is gone must not be looked for further up.
        if !workspace.path.join(".git").exists() {
            return Err(Error::NotARepository { path: workspace.path.clone() });
        }
        let status = self.git.tell_bytes(workspace, &STATUS).await?;
        let status = Status::read(&status)?;
        let git_dir = self.git.tell(&workspace.path, &["rev-parse", "--absolute-git-dir"]).await?;
        let git_dir = Path::new(&git_dir);
        let remotes = format!("--remotes={}", workspace.remote);
        let count = self.git.tell(&workspace.path, &["rev-list", "--count", "HEAD", "--not", &remotes]).await?;
        let tracking = format!("{}^{{commit}}", workspace.tracking(&workspace.branch));
        let pushed = self.git.ask(&workspace.path, &["rev-parse", "--verify", "--quiet", &tracking]).await?;
        Ok(Standing {
            head: status.head.ok_or_else(|| other(anyhow::anyhow!("the workspace has no commit checked out")))?,
            on: status.on,
            dirty: status.dirty,
            ignored: status.ignored,
            unfinished: TRACES.iter().find(|(file, _)| git_dir.join(file).exists()).map(|(_, what)| *what),
            unpushed: count.parse().map_err(other)?,
            pushed: if pushed.code == 0 { Some(pushed.text()?.parse().map_err(other)?) } else { None },
        })
    }
}

impl Workspaces {
    /// The directories outside of the workspace that its commits, fetches and pushes write to, for an agent that is
    /// confined to what it is given. Configuration and hooks of the repository are not among them.
    ///
    /// # Errors
    ///
    /// When the workspace is no worktree any more.
    pub async fn git_dirs(&self, workspace: &Workspace) -> Result<Vec<PathBuf>, Error> {
        let own = self.git.tell(&workspace.path, &["rev-parse", "--absolute-git-dir"]).await?;
        let shared = ["objects", "refs", "logs"].map(|name| workspace.common_dir.join(name));
        Ok(std::iter::once(PathBuf::from(own)).chain(shared).filter(|dir| dir.is_dir()).collect())
    }
}

const STATUS: [&str; 7] = [
    "status",
    "--porcelain=v2",
    "-z",
    "--branch",
    "--untracked-files=normal",
    "--ignored=matching",
    "--ignore-submodules=none",
];

/// The answer of `git status --porcelain=v2 -z --branch` (git-status(1)).
#[derive(Debug, Default, PartialEq, Eq)]
struct Status {
    head: Option<Sha>,
    on: Option<String>,
    dirty: Vec<String>,
    ignored: Vec<String>,
}

impl Status {
    fn read(bytes: &[u8]) -> Result<Self, Error> {
        let text = String::from_utf8_lossy(bytes);
        let mut status = Self::default();
        let mut fields = text.split('\0').filter(|field| !field.is_empty());
        while let Some(field) = fields.next() {
            match field.split_once(' ') {
                Some(("#", header)) => status.read_header(header)?,
                Some(("?", path)) => status.dirty.push(path.to_owned()),
                Some(("!", path)) => status.ignored.push(path.to_owned()),
                Some(("1", rest)) => status.dirty.push(path_after(7, rest)?),
                Some(("u", rest)) => status.dirty.push(path_after(9, rest)?),
                Some(("2", rest)) => {
                    status.dirty.push(path_after(8, rest)?);
                    // A rename names its origin in a field of its own.
                    fields.next();
                }
                _ => return Err(unreadable(field)),
            }
        }
        Ok(status)
    }

    fn read_header(&mut self, header: &str) -> Result<(), Error> {
        match header.split_once(' ') {
            Some(("branch.oid", "(initial)")) => {}
            Some(("branch.oid", sha)) => self.head = Some(sha.parse().map_err(other)?),
            Some(("branch.head", "(detached)")) => {}
            Some(("branch.head", name)) => self.on = Some(name.to_owned()),
            // Ahead, behind, stash: told by better questions.
            _ => {}
        }
        Ok(())
    }
}

/// The path that stands behind so many fields; it may hold blanks itself.
fn path_after(fields: usize, rest: &str) -> Result<String, Error> {
    rest.splitn(fields + 1, ' ').nth(fields).map(str::to_owned).ok_or_else(|| unreadable(rest))
}

fn unreadable(field: &str) -> Error {
    other(anyhow::anyhow!("git status answered {field:?}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_status_is_read() {
        let sha = "a".repeat(40);
        let text = format!(
            "# branch.oid {sha}\0# branch.head antiphon/1-a\0# stash 2\0\
             1 .M N... 100644 100644 100644 {sha} {sha} a file\0\
             2 R. N... 100644 100644 100644 {sha} {sha} R100 new name\0old name\0\
             u UU N... 100644 100644 100644 100644 {sha} {sha} {sha} both\0\
             ? new dir/\0! target/\0"
        );

        let status = Status::read(text.as_bytes()).unwrap();

        assert_eq!(
            status,
            Status {
                head: Some(sha.parse().unwrap()),
                on: Some("antiphon/1-a".into()),
                dirty: ["a file", "new name", "both", "new dir/"].map(str::to_owned).into(),
                ignored: vec!["target/".into()],
            }
        );
    }

    #[test]
    fn an_unknown_status_is_no_clean_status() {
        for text in ["x", "1 .M", "9 something", "# branch.oid nonsense"] {
            assert!(Status::read(text.as_bytes()).is_err(), "{text:?} was read");
        }
    }
}
