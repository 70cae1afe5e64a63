//! Build output, removed without the workspace: directories that git ignores, and nothing else.

use std::{
    fs, io,
    path::{Path, PathBuf},
};

use tracing::info;

use super::{Error, Workspace, Workspaces, other};

/// What a workspace holds that can be made again.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Output {
    /// Directories that git ignores, relative to the top of the workspace.
    pub dirs: Vec<String>,
    /// What their files take.
    pub bytes: u64,
}

impl Workspaces {
    /// The build output of a workspace. A directory that holds a repository of its own is none.
    ///
    /// # Errors
    ///
    /// When git cannot tell, or a directory cannot be read.
    pub async fn output(&self, workspace: &Workspace) -> Result<Output, Error> {
        let ignored = self.standing(workspace).await?.ignored;
        let path = workspace.path.clone();
        let look = move || -> io::Result<Output> {
            let mut output = Output::default();
            for dir in ignored.into_iter().filter(|entry| entry.ends_with('/')) {
                output.bytes += match size(&path.join(&dir))? {
                    Some(bytes) => bytes,
                    None => continue,
                };
                output.dirs.push(dir);
            }
            Ok(output)
        };
        tokio::task::spawn_blocking(look).await.map_err(other)?.map_err(other)
    }

    /// Removes the build output of a workspace in which nobody works.
    ///
    /// # Errors
    ///
    /// As [`Workspaces::output`], and when something cannot be removed.
    pub async fn prune(&self, workspace: &Workspace) -> Result<Output, Error> {
        let output = self.output(workspace).await?;
        let dirs: Vec<PathBuf> = output.dirs.iter().map(|dir| workspace.path.join(dir)).collect();
        let remove = move || dirs.iter().try_for_each(fs::remove_dir_all);
        tokio::task::spawn_blocking(remove).await.map_err(other)?.map_err(other)?;
        info!(task.id = %workspace.task, output.bytes = output.bytes, "Removed the build output of {}", workspace.task);
        Ok(output)
    }
}

/// What the files below a directory take; `None` if one of them belongs to another repository. Links are not followed.
fn size(dir: &Path) -> io::Result<Option<u64>> {
    let mut sum = 0;
    for entry in fs::read_dir(dir)? {
        let entry = entry?;
        if entry.file_name() == ".git" {
            return Ok(None);
        }
        let kind = entry.metadata()?;
        sum += if kind.is_dir() {
            match size(&entry.path())? {
                Some(bytes) => bytes,
                None => return Ok(None),
            }
        } else {
            kind.len()
        };
    }
    Ok(Some(sum))
}

#[cfg(unix)]
#[cfg(test)]
mod tests {
    use super::*;
    use crate::workspace::tests::World;

    #[tokio::test]
    async fn directories_that_git_ignores_go_and_all_else_stays() {
        let world = World::new().await;
        world.sh("cd clone && printf 'target\\n.env\\nvendor\\nshared\\n' > .git/info/exclude && mkdir shared").await;
        let workspace = world.prepare("t-1").await;
        let lines = "mkdir -p target/deep vendor && printf 12345 > target/deep/out && ln -s ../file target/link && \
                     echo secret > .env && git init -q vendor/inner && echo draft > draft && ln -s ../../../clone/shared shared";
        world.sh_in(&workspace.path, lines).await;
        let looks = "ls -A; cat .env draft; ls ../../../clone";
        let before = world.sh_in(&workspace.path, looks).await;

        let output = world.workspaces.output(&workspace).await.unwrap();
        assert_eq!(world.sh_in(&workspace.path, looks).await, before, "a look changes nothing");
        assert_eq!(output.dirs, ["target/"]);
        assert!(output.bytes >= 5, "{output:?}");
        assert_eq!(world.workspaces.prune(&workspace).await.unwrap(), output);

        assert_eq!(world.sh_in(&workspace.path, looks).await, before.replace("target\n", ""));
        assert_eq!(world.workspaces.prune(&workspace).await.unwrap(), Output::default());
    }
}
