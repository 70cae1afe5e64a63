//! How far the work in a workspace got, in git's own words: for whoever goes on with it.
//!
//! It looks and changes nothing. What it returns comes from the agent and the repository: it is quoted, never obeyed.

use super::{Error, Workspace, Workspaces};

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

    async fn words(&self, workspace: &Workspace, args: &[&str]) -> Result<String, Error> {
        let bytes = self.git.tell_bytes(workspace, args).await?;
        Ok(String::from_utf8_lossy(&bytes).trim_end().to_owned())
    }
}

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
}
