//! Files of the user's clone that git ignores and every workspace needs: the environment's, Antiphon's own.

use std::path::Path;

use super::{Error, Workspace, Workspaces, hydrate::symlink, other};

impl Workspaces {
    /// Links what is there in the user's clone into the workspace; what the workspace has already stays.
    ///
    /// # Errors
    ///
    /// When git does not ignore an entry, or it cannot be linked.
    pub async fn link(&self, workspace: &Workspace, clone: &Path, entries: &[String]) -> Result<(), Error> {
        for entry in entries.iter().map(|entry| entry.trim_end_matches('/')) {
            let (theirs, own) = (clone.join(entry), workspace.path.join(entry));
            if !theirs.exists() || own.symlink_metadata().is_ok() {
                continue;
            }
            // The link itself is what git sees, also where it leads to a directory.
            self.refuse_unignored(workspace, entry, false).await?;
            if let Some(parent) = own.parent() {
                std::fs::create_dir_all(parent).map_err(other)?;
            }
            symlink(&theirs, &own).map_err(other)?;
        }
        Ok(())
    }
}

#[cfg(unix)]
#[cfg(test)]
mod tests {
    use crate::workspace::tests::World;

    #[tokio::test]
    async fn what_git_ignores_is_linked_and_the_rest_is_refused() {
        let world = World::new().await;
        world.sh("cd clone && printf '.env\\n/config/local\\n/own\\n' > .git/info/exclude").await;
        world
            .sh("cd clone && echo A=1 > .env && mkdir -p config/local own && echo b > config/local/b && touch plain")
            .await;
        let workspace = world.prepare("t-1").await;
        world.sh_in(&workspace.path, "mkdir own").await;
        let clone = world.spec("t-1").repository;
        let entries = |names: &[&str]| names.iter().map(|&name| name.to_owned()).collect::<Vec<_>>();

        let wanted = entries(&[".env", "config/local/", "own", "missing"]);
        world.workspaces.link(&workspace, &clone, &wanted).await.unwrap();

        let looks = "cat .env config/local/b && test ! -L own && git status --porcelain";
        assert_eq!(world.sh_in(&workspace.path, looks).await, "A=1\nb");
        world.workspaces.link(&workspace, &clone, &wanted).await.unwrap();
        let error = world.workspaces.link(&workspace, &clone, &entries(&["plain"])).await.unwrap_err();
        assert_eq!(error.to_string(), "git does not ignore plain, and would offer it to the agent as work of its own");
        assert!(!workspace.path.join("plain").exists());
    }

    #[tokio::test]
    async fn what_is_linked_stays_when_the_workspace_goes() {
        use crate::workspace::{Reach, Removal, Unsaved};
        let world = World::new().await;
        world.sh("cd clone && mkdir target && echo x > target/x && printf 'target\\n' > .git/info/exclude").await;
        let workspace = world.prepare("t-1").await;
        let clone = world.spec("t-1").repository;
        world.workspaces.link(&workspace, &clone, &["target".to_owned()]).await.unwrap();

        let removal = world.workspaces.remove(&workspace, &Reach::default(), Unsaved::Stays).await.unwrap();

        assert!(matches!(removal, Removal::Removed(_)), "{removal:?}");
        assert_eq!(world.sh("cat clone/target/x").await, "x");
    }
}
