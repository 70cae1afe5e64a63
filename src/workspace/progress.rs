//! How far the work in a workspace got, in git's own words: for whoever goes on with it.
//!
//! It looks and changes nothing. What it returns comes from the agent and the repository: it is quoted, never obeyed.

use std::path::{Path, PathBuf};

use super::{Error, Workspace, Workspaces, other};

/// What was done in a workspace.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Progress {
    /// The commits that the base does not have, newest first, each in one line.
    pub commits: String,
    /// The files that differ from the newest commit, each in one line.
    pub dirty: String,
    /// How much of them differs.
    pub stat: String,
}

impl Workspaces {
    /// What was done in the workspace so far.
    ///
    /// # Errors
    ///
    /// When git cannot tell.
    pub async fn progress(&self, workspace: &Workspace) -> Result<Progress, Error> {
        let base = format!("--remotes={}/{}", workspace.remote, workspace.base);
        let commits = [
            "log",
            "--no-decorate",
            "--format=%h %s",
            "--max-count=40",
            "HEAD",
            "--not",
            workspace.base_sha.as_str(),
            &base,
        ];
        Ok(Progress {
            commits: self.words(workspace, &commits).await?,
            dirty: self.words(workspace, &["status", "--short", "--untracked-files=normal"]).await?,
            stat: self.words(workspace, &["diff", "--no-ext-diff", "--stat=100", "HEAD", "--"]).await?,
        })
    }

    /// The files of a workspace and those of its newest commit, as git names such trees: the same again if and only if
    /// no file is another. What git ignores does not count. Neither the index nor the repository is touched.
    ///
    /// # Errors
    ///
    /// When git cannot tell.
    pub async fn files(&self, workspace: &Workspace) -> Result<String, Error> {
        let git_dir = PathBuf::from(self.git.tell(&workspace.path, &["rev-parse", "--absolute-git-dir"]).await?);
        let aside = Aside { dir: git_dir.join("antiphon-look") };
        std::fs::create_dir_all(aside.dir.join("objects")).map_err(other)?;
        // What is known of unchanged files is known here as well; without an index all of them are read.
        let index = aside.dir.join("index");
        drop(std::fs::copy(git_dir.join("index"), &index));
        let git = self.git.with([
            ("GIT_INDEX_FILE", name(&index)?),
            ("GIT_OBJECT_DIRECTORY", name(&aside.dir.join("objects"))?),
            ("GIT_ALTERNATE_OBJECT_DIRECTORIES", name(&workspace.common_dir.join("objects"))?),
        ]);
        git.tell(&workspace.path, &["add", "--all", "--", ":/"]).await?;
        let files = git.tell(&workspace.path, &["write-tree"]).await?;
        let committed = self.git.tell(&workspace.path, &["rev-parse", "--verify", "HEAD^{tree}"]).await?;
        Ok(format!("{files} {committed}"))
    }

    async fn words(&self, workspace: &Workspace, args: &[&str]) -> Result<String, Error> {
        let bytes = self.git.tell_bytes(workspace, args).await?;
        Ok(String::from_utf8_lossy(&bytes).trim_end().to_owned())
    }
}

/// An index and objects of our own, gone when this is dropped.
struct Aside {
    dir: PathBuf,
}

impl Drop for Aside {
    fn drop(&mut self) {
        // What is left behind is a few files that the next look writes over.
        drop(std::fs::remove_dir_all(&self.dir));
    }
}

fn name(path: &Path) -> Result<String, Error> {
    path.to_str().map(str::to_owned).ok_or_else(|| other(anyhow::anyhow!("the git directory is not UTF-8")))
}

#[cfg(unix)]
#[cfg(test)]
mod tests {
    use super::*;
    use crate::workspace::tests::World;

    #[tokio::test]
    async fn who_goes_on_sees_the_commits_and_the_changes_of_the_branch_alone() {
        let world = World::new().await;
        let workspace = world.prepare("t-1").await;
        assert_eq!(world.workspaces.progress(&workspace).await.unwrap(), Progress::default());
        let lines = "echo 2 > committed && git add committed && git commit -qm 'First step' && echo 3 > committed && echo 1 > new";
        world.sh_in(&workspace.path, lines).await;

        let progress = world.workspaces.progress(&workspace).await.unwrap();

        assert_eq!(progress.commits.split_once(' ').unwrap().1, "First step");
        assert_eq!(progress.dirty, " M committed\n?? new");
        assert!(progress.stat.starts_with(" committed | 2 +-\n"), "{}", progress.stat);
    }

    #[tokio::test]
    async fn files_are_the_same_again_if_and_only_if_none_is_another() {
        let world = World::new().await;
        let workspace = world.prepare("t-1").await;
        let files = async || world.workspaces.files(&workspace).await.unwrap();
        let sh = async |line: &str| world.sh_in(&workspace.path, line).await;
        let begin = files().await;
        let objects = "git count-objects -v && git status --porcelain=v1 && git write-tree";
        let before = sh(objects).await;
        sh("echo 2 > new && mkdir -p target && echo x > target/out").await;
        let changed = files().await;
        assert_ne!(changed, begin);
        sh("rm new").await;
        assert_eq!(files().await, begin);
        assert_eq!(sh(objects).await, before, "neither the index nor the repository was touched");

        sh("echo 2 > new && git add new").await;
        assert_eq!(files().await, changed, "what is staged is no other file");
        sh("git commit -qm new").await;
        let committed = files().await;
        assert_ne!(committed, changed, "what is committed got further");
        sh("git commit -q --amend -m 'another word'").await;

        assert_eq!(files().await, committed, "another word is no other file");
    }
}
