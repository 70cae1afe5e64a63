//! What a workspace holds, kept in a commit of its own, so that the workspace can go and its work can come back.
//!
//! The commit holds the files as they are (what git ignores excepted), its first parent is the head with all that was
//! committed and not pushed, and a second one holds the index where that differs. A ref keeps them:
//! `refs/antiphon/rescue/<task>/<moment>`. Neither the workspace nor its index is changed by that.

use std::path::{Path, PathBuf};

use jiff::Timestamp;
use tracing::info;

use super::{Error, Git, Own, Spec, Workspace, Workspaces, other, prepare, repository::Repository};
use crate::model::{Rescue, Sha, TaskId};

/// Below it are the refs that keep rescued work, by task and moment.
const REFS: &str = "refs/antiphon/rescue/";

/// The ref that keeps a rescue.
pub(super) fn reference(rescue: &Rescue) -> String {
    format!("{REFS}{}/{}", rescue.task, rescue.at.as_millisecond())
}

/// The rescue that a ref keeps: `refname objectname`.
fn read(line: &str) -> Option<Rescue> {
    let (reference, commit) = line.split_once(' ')?;
    let (task, at) = reference.strip_prefix(REFS)?.split_once('/')?;
    let at = Timestamp::from_millisecond(at.parse().ok()?).ok()?;
    Some(Rescue { task: task.parse().ok()?, at, commit: commit.parse().ok()? })
}

impl Workspaces {
    /// Keeps what a workspace holds. Its session must have ended. Where the newest rescue of the task holds the same,
    /// it is that one.
    ///
    /// # Errors
    ///
    /// When git cannot take everything in: then nothing counts as kept.
    pub async fn rescue(&self, workspace: &Workspace, now: Timestamp) -> Result<Rescue, Error> {
        let snapshot = self.snapshot(workspace).await?;
        let newest = self.rescues(&workspace.common_dir, &workspace.task).await?.into_iter().next();
        if let Some(known) = newest
            && snapshot.is(&known, &self.git, workspace).await?
        {
            return Ok(known);
        }
        let git = self.git.with(identity(now));
        let mut parents = vec![snapshot.head.clone()];
        if let Some(index) = &snapshot.index {
            parents
                .push(commit(&git, workspace, index, std::slice::from_ref(&snapshot.head), "what was staged").await?);
        }
        let words = format!("what the workspace of {} held, on {}", workspace.task, workspace.branch);
        let commit = commit(&git, workspace, &snapshot.files, &parents, &words).await?;
        let at = Timestamp::from_millisecond(now.as_millisecond()).map_err(other)?;
        let rescue = Rescue { task: workspace.task.clone(), at, commit: commit.parse().map_err(other)? };
        git.tell(&workspace.path, &["update-ref", &reference(&rescue), &commit]).await?;
        info!(task.id = %rescue.task, rescue.commit = %rescue.commit, "Kept what the workspace of {} held", rescue.task);
        Ok(rescue)
    }

    /// What was rescued of a task in a repository, newest first.
    ///
    /// # Errors
    ///
    /// When the repository is gone.
    pub async fn rescues(&self, repository: &Path, task: &TaskId) -> Result<Vec<Rescue>, Error> {
        let below = format!("{REFS}{task}/");
        let args = ["for-each-ref", "--format=%(refname) %(objectname)", &below];
        let listed = self.git.tell(repository, &args).await?;
        let mut rescues: Vec<_> = listed.lines().filter_map(read).collect();
        rescues.sort_by_key(|rescue| std::cmp::Reverse(rescue.at));
        Ok(rescues)
    }

    /// Makes a workspace as it was when it was rescued: its files, what was staged, and the branch, if that still is
    /// where it was. What moved on meanwhile is not moved back: then nothing is checked out by name. Repeating what was
    /// done is fine.
    ///
    /// # Errors
    ///
    /// [`Error::Occupied`] when something else is at the task's place; and see [`Error`].
    pub async fn restore(&self, spec: &Spec, rescue: &Rescue) -> Result<Workspace, Error> {
        let repository = Repository::open(&self.git, &spec.repository).await?;
        let path = self.place(spec, &repository)?;
        let _turn = self.lanes.enter(&repository.common_dir).await;
        if let Some(made) = self.find(&spec.task)? {
            return Ok(made);
        }
        // One that is registered and not recorded comes from a restoration that was cut short.
        let begun = repository.worktrees().await?.iter().any(|entry| entry.path == path);
        if !begun && path.symlink_metadata().is_ok() {
            return Err(Error::Occupied { path, holder: "something that is no workspace".to_owned() });
        }
        let head = commit_at(&repository, rescue, "^1").await?;
        let Some(head) = head else { return Err(other(anyhow::anyhow!("{} is gone", rescue.commit))) };
        let mut workspace = Workspace {
            task: spec.task.clone(),
            path,
            common_dir: repository.common_dir.clone(),
            source: None,
            branch: spec.branch.clone(),
            base: spec.base.clone(),
            remote: spec.remote.clone(),
            base_sha: head.clone(),
            own: Own::default(),
            sparse: Vec::new(),
        };
        if !begun {
            prepare::add_at(&repository, &workspace, &head).await?;
        }
        let source = format!("--source={}", rescue.commit);
        self.git.tell(&workspace.path, &["restore", &source, "--worktree", "--no-overlay", "--", ":/"]).await?;
        let index = commit_at(&repository, rescue, "^2").await?.unwrap_or(head);
        self.git.tell(&workspace.path, &["read-tree", index.as_str()]).await?;
        self.settle_own(&mut workspace, &spec.own).await?;
        info!(task.id = %rescue.task, rescue.commit = %rescue.commit, "Restored the workspace of {}", rescue.task);
        Ok(workspace)
    }

    /// Of a repository within the workspace a tree holds the commit's name alone, and nothing of its work.
    async fn refuse_repositories(&self, workspace: &Workspace, tree: &str) -> Result<(), Error> {
        let listed = self.git.tell_bytes(workspace, &["ls-tree", "-r", "-z", "--full-tree", tree]).await?;
        let listed = String::from_utf8_lossy(&listed);
        let links = listed.split('\0').filter_map(|line| line.strip_prefix("160000 ")?.split_once('\t'));
        match links.map(|(_, path)| path).find(|path| workspace.path.join(path).join(".git").exists()) {
            Some(inner) => {
                Err(other(anyhow::anyhow!("{inner} is a repository of its own, and cannot be kept this way")))
            }
            None => Ok(()),
        }
    }

    /// What a sparse checkout leaves out is not there, and yet was not deleted.
    async fn put_back_left_out(&self, workspace: &Workspace, aside: &Aside) -> Result<(), Error> {
        if workspace.sparse.is_empty() {
            return Ok(());
        }
        let marked = self.git.tell_bytes(workspace, &["ls-files", "-v", "-z"]).await?;
        let marked = String::from_utf8_lossy(&marked);
        let left_out = marked.split('\0').filter_map(|line| line.strip_prefix("S "));
        let left_out: Vec<_> = left_out.filter(|path| workspace.path.join(path).symlink_metadata().is_err()).collect();
        if left_out.is_empty() {
            return Ok(());
        }
        let list = aside.file.with_extension("paths");
        std::fs::write(&list, left_out.join("\0")).map_err(other)?;
        let from = format!("--pathspec-from-file={}", list.display());
        let args = ["--literal-pathspecs", "restore", "--staged", "--source=HEAD", &from, "--pathspec-file-nul"];
        let restored = aside.git.tell(&workspace.path, &args).await;
        std::fs::remove_file(&list).map_err(other)?;
        restored.map(drop)
    }

    async fn snapshot(&self, workspace: &Workspace) -> Result<Snapshot, Error> {
        let path = &workspace.path;
        let head = self.git.tell(path, &["rev-parse", "--verify", "HEAD^{commit}"]).await?;
        let index = self.git.ask(path, &["write-tree"]).await?;
        // An index with conflicts is no tree; the files with their markers say the same.
        let index = if index.code == 0 { Some(index.text()?) } else { None };
        let aside = Aside::new(&self.git, workspace).await?;
        // Read from the head and not from the index: it knows no file that git was told to leave alone.
        aside.git.tell(path, &["read-tree", "HEAD"]).await?;
        aside.git.tell(path, &["add", "--all", "--", ":/"]).await?;
        self.put_back_left_out(workspace, &aside).await?;
        let files = aside.git.tell(path, &["write-tree"]).await?;
        self.refuse_repositories(workspace, &files).await?;
        let committed = self.git.tell(path, &["rev-parse", "--verify", "HEAD^{tree}"]).await?;
        let index = index.filter(|index| *index != files && *index != committed);
        Ok(Snapshot { head, index, files })
    }
}

/// The trees of a workspace at one moment.
#[derive(Debug, PartialEq, Eq)]
struct Snapshot {
    head: String,
    /// What was staged, where it is neither the head nor the files.
    index: Option<String>,
    files: String,
}

impl Snapshot {
    /// Whether a rescue holds exactly this.
    async fn is(&self, rescue: &Rescue, git: &Git, workspace: &Workspace) -> Result<bool, Error> {
        let tell = async |of: &str| -> Result<Option<String>, Error> {
            let name = format!("{}{of}", rescue.commit);
            let answer = git.ask(&workspace.path, &["rev-parse", "--verify", "--quiet", &name]).await?;
            if answer.code == 0 { answer.text().map(Some) } else { Ok(None) }
        };
        Ok(tell("^{tree}").await?.as_ref() == Some(&self.files)
            && tell("^1").await?.as_ref() == Some(&self.head)
            && tell("^2^{tree}").await? == self.index)
    }
}

/// An index of our own beside the workspace's, gone when this is dropped.
struct Aside {
    git: Git,
    file: PathBuf,
}

impl Aside {
    async fn new(git: &Git, workspace: &Workspace) -> Result<Self, Error> {
        let git_dir = git.tell(&workspace.path, &["rev-parse", "--absolute-git-dir"]).await?;
        let file = PathBuf::from(git_dir).join("antiphon-rescue.index");
        let name = file.to_str().ok_or_else(|| other(anyhow::anyhow!("the git directory is not UTF-8")))?;
        Ok(Self { git: git.with([("GIT_INDEX_FILE", name.to_owned())]), file })
    }
}

impl Drop for Aside {
    fn drop(&mut self) {
        // One that is left behind costs a few kilobytes and is written over.
        drop(std::fs::remove_file(&self.file));
    }
}

async fn commit_at(repository: &Repository<'_>, rescue: &Rescue, parent: &str) -> Result<Option<Sha>, Error> {
    repository.tip(&format!("{}{parent}", rescue.commit)).await
}

fn identity(now: Timestamp) -> [(&'static str, String); 6] {
    let date = format!("@{} +0000", now.as_second());
    [
        ("GIT_AUTHOR_NAME", "antiphon".to_owned()),
        ("GIT_AUTHOR_EMAIL", "antiphon@localhost".to_owned()),
        ("GIT_AUTHOR_DATE", date.clone()),
        ("GIT_COMMITTER_NAME", "antiphon".to_owned()),
        ("GIT_COMMITTER_EMAIL", "antiphon@localhost".to_owned()),
        ("GIT_COMMITTER_DATE", date),
    ]
}

async fn commit(
    git: &Git,
    workspace: &Workspace,
    tree: &str,
    parents: &[String],
    words: &str,
) -> Result<String, Error> {
    let words = format!("antiphon: {words}");
    let mut args = vec!["commit-tree", tree, "-m", &words];
    for parent in parents {
        args.extend(["-p", parent]);
    }
    git.tell(&workspace.path, &args).await
}

#[cfg(unix)]
#[cfg(test)]
mod tests {
    use super::*;
    use crate::workspace::{Gone, Reach, Removal, Unsaved, tests::World};

    const NOW: Timestamp = Timestamp::UNIX_EPOCH;

    async fn rescues(world: &World, workspace: &Workspace) -> Result<Vec<Rescue>, Error> {
        world.workspaces.rescues(&workspace.common_dir, &workspace.task).await
    }

    async fn remove(world: &World, workspace: &Workspace) -> Gone {
        let unsaved = Unsaved::IsRescued { at: NOW };
        let removal = world.workspaces.remove(workspace, &Reach::default(), unsaved).await.unwrap();
        let Removal::Removed(gone) = removal else { panic!("{removal:?}") };
        assert!(!workspace.path.exists());
        gone
    }

    /// Commits, changes, new files, what is staged and what git was told to leave alone.
    async fn work(world: &World, workspace: &Workspace) {
        let lines = "echo 2 > committed && git add committed && git commit -qm unpushed && echo secret > hidden && \
                     git add hidden && git commit -qm hidden && git update-index --assume-unchanged hidden && \
                     echo changed > hidden && echo staged > file && git add file && echo later > file && \
                     mkdir -p deep && echo new > 'deep/ä file' && rm committed && mkdir target && echo x > target/out";
        world.sh_in(&workspace.path, lines).await;
    }

    async fn state(world: &World, workspace: &Workspace) -> String {
        let looks = "git rev-parse HEAD && git branch --show-current && git status --porcelain=v1 -uall && \
                     git diff --cached && git diff && cat hidden 'deep/ä file' file";
        world.sh_in(&workspace.path, &format!("git update-index --no-assume-unchanged hidden; {looks}")).await
    }

    #[tokio::test]
    async fn whatever_a_workspace_held_comes_back() {
        let world = World::new().await;
        let workspace = world.prepare("t-1").await;
        work(&world, &workspace).await;
        let before = state(&world, &workspace).await;

        let gone = remove(&world, &workspace).await;
        let rescue = gone.rescue.unwrap();
        assert_eq!(gone.ignored, ["target/"]);
        assert_eq!(rescues(&world, &workspace).await.unwrap(), std::slice::from_ref(&rescue));
        world.workspaces.restore(&world.spec("t-1"), &rescue).await.unwrap();

        assert_eq!(state(&world, &workspace).await, before);
        assert_eq!(world.workspaces.find(&workspace.task).unwrap().map(|it| it.path), Some(workspace.path));
    }

    #[tokio::test]
    async fn a_rescue_changes_nothing_in_the_workspace_and_is_made_once() {
        let world = World::new().await;
        let workspace = world.prepare("t-1").await;
        work(&world, &workspace).await;
        let before = state(&world, &workspace).await;

        let first = world.workspaces.rescue(&workspace, NOW).await.unwrap();
        let again = world.workspaces.rescue(&workspace, NOW + jiff::SignedDuration::from_secs(1)).await.unwrap();
        assert_eq!((&again, state(&world, &workspace).await), (&first, before));

        world.sh_in(&workspace.path, "echo more > file").await;
        let other = world.workspaces.rescue(&workspace, NOW + jiff::SignedDuration::from_secs(2)).await.unwrap();
        assert_eq!(rescues(&world, &workspace).await.unwrap(), [other, first]);
        assert_eq!(
            world
                .sh_in(&workspace.path, "git for-each-ref --format='%(refname)' refs/heads refs/tags")
                .await
                .lines()
                .count(),
            2
        );
    }

    #[tokio::test]
    async fn a_merge_with_conflicts_is_rescued_with_its_marks() {
        let world = World::new().await;
        let workspace = world.prepare("t-1").await;
        let lines = "echo ours > file && git commit -qam ours && git checkout -q -b other HEAD~1 && echo theirs > file && \
                     git commit -qam theirs && git checkout -q antiphon/t-1 && ! git merge -q other";
        world.sh_in(&workspace.path, lines).await;
        let marked = world.sh_in(&workspace.path, "cat file").await;

        let rescue = remove(&world, &workspace).await.rescue.unwrap();
        world.workspaces.restore(&world.spec("t-1"), &rescue).await.unwrap();

        assert!(marked.contains("<<<<<<<"), "{marked}");
        assert_eq!(world.sh_in(&workspace.path, "cat file").await, marked);
    }

    #[tokio::test]
    async fn what_moved_on_is_not_moved_back() {
        let world = World::new().await;
        let workspace = world.prepare("t-1").await;
        world.sh_in(&workspace.path, "echo 2 > file").await;
        let rescue = remove(&world, &workspace).await.rescue.unwrap();
        world.sh("cd clone && git branch -f antiphon/t-1 $(git commit-tree -p main -m moved main^{tree})").await;
        let moved = world.sh("cd clone && git rev-parse antiphon/t-1").await;

        world.workspaces.restore(&world.spec("t-1"), &rescue).await.unwrap();

        assert_eq!(world.sh_in(&workspace.path, "cat file; git branch --show-current").await, "2");
        assert_eq!(world.sh("cd clone && git rev-parse antiphon/t-1").await, moved);
        world.sh_in(&workspace.path, "echo 3 > file").await;
        assert_eq!(world.workspaces.restore(&world.spec("t-1"), &rescue).await.unwrap().path, workspace.path);
        assert_eq!(world.sh_in(&workspace.path, "cat file").await, "3", "what is there is left alone");
    }

    #[tokio::test]
    async fn a_repository_within_keeps_the_workspace() {
        let world = World::new().await;
        let workspace = world.prepare("t-1").await;
        world
            .sh_in(&workspace.path, "git init -q inner && cd inner && echo x > y && git add y && git commit -qm x")
            .await;

        let removal =
            world.workspaces.remove(&workspace, &Reach::default(), Unsaved::IsRescued { at: NOW }).await.unwrap();

        assert!(matches!(removal, Removal::Refused(_)), "{removal:?}");
        assert!(workspace.path.join("inner/y").exists());
    }

    #[tokio::test]
    async fn a_removal_that_was_cut_short_still_knows_its_rescue() {
        let world = World::new().await;
        let workspace = world.prepare("t-1").await;
        world.sh_in(&workspace.path, "echo 2 > file").await;
        let rescue = world.workspaces.rescue(&workspace, NOW).await.unwrap();
        world.sh("cd clone && git worktree remove --force --force ../state/workspaces/t-1").await;

        assert_eq!(remove(&world, &workspace).await.rescue, Some(rescue));
    }

    #[tokio::test]
    async fn work_that_cannot_be_rescued_keeps_its_workspace() {
        let world = World::new().await;
        let workspace = world.prepare("t-1").await;
        world.sh_in(&workspace.path, "echo 2 > file && chmod 000 file && mkfifo pipe").await;
        world.sh("chmod a-w clone/.git/objects && touch clone/.git/refs/antiphon").await;

        let unsaved = Unsaved::IsRescued { at: NOW };
        let removal = world.workspaces.remove(&workspace, &Reach::default(), unsaved).await.unwrap();

        assert!(matches!(removal, Removal::Refused(_)), "{removal:?}");
        assert!(workspace.path.join("file").exists());
    }

    #[tokio::test]
    async fn a_workspace_that_holds_nothing_needs_no_rescue() {
        let world = World::new().await;
        let workspace = world.prepare("t-1").await;

        assert_eq!(remove(&world, &workspace).await.rescue, None);
        assert_eq!(rescues(&world, &workspace).await.unwrap(), []);
    }
}
