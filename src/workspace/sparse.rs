//! A workspace that holds only some directories of a large repository, beside the files at its top.
//!
//! Which, stands in the worktree's own git directory. That it counts is told to each process by environment: git itself
//! would write that to the configuration that all worktrees share.

use std::collections::BTreeSet;

use super::{Error, Git, Workspace, Workspaces, other};

/// What makes git heed the list.
const HEEDED: [(&str, &str); 2] = [("core.sparseCheckout", "true"), ("core.sparseCheckoutCone", "true")];

impl Workspace {
    /// What git has to be told in this workspace.
    pub(super) fn sparse_config(&self) -> Vec<(String, String)> {
        let heeded = HEEDED.map(|(key, value)| (key.to_owned(), value.to_owned()));
        if self.sparse.is_empty() { Vec::new() } else { heeded.into() }
    }
}

impl Workspaces {
    /// A git that writes only what the workspace is to hold.
    pub(super) async fn git_for_checkout(&self, workspace: &Workspace) -> Result<Git, Error> {
        if workspace.sparse.is_empty() {
            return Ok(self.git.clone());
        }
        let asked = ["rev-parse", "--path-format=absolute", "--git-path", "info/sparse-checkout"];
        let file = std::path::PathBuf::from(self.git.tell(&workspace.path, &asked).await?);
        if let Some(dir) = file.parent() {
            std::fs::create_dir_all(dir).map_err(other)?;
        }
        std::fs::write(&file, patterns(&workspace.sparse)).map_err(other)?;
        Ok(self.git.configured(workspace.sparse_config()))
    }
}

/// The list as git writes it (git-sparse-checkout(1), cone mode): the files at the top and beside each directory on the way,
/// and all of the directories themselves.
fn patterns(dirs: &[String]) -> String {
    let dirs: BTreeSet<&str> = dirs.iter().map(|dir| dir.trim_matches('/')).collect();
    let parents = |dir: &str| {
        let ends: Vec<usize> = dir.match_indices('/').map(|(at, _)| at).collect();
        ends.into_iter().map(|end| dir[..end].to_owned()).collect::<Vec<_>>()
    };
    let is_below_another = |dir: &&&str| parents(dir).iter().any(|parent| dirs.contains(parent.as_str()));
    let wanted: Vec<&str> = dirs.iter().filter(|dir| !is_below_another(dir)).copied().collect();
    let on_the_way: BTreeSet<String> = wanted.iter().flat_map(|dir| parents(dir)).collect();
    let lines = std::iter::once("/*\n!/*/\n".to_owned())
        .chain(on_the_way.iter().map(|dir| format!("/{dir}/\n!/{dir}/*/\n")))
        .chain(wanted.iter().map(|dir| format!("/{dir}/\n")));
    lines.collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_list_is_what_git_would_write() {
        let dirs = ["web/app", "libs/", "web/app/deep"].map(str::to_owned);

        assert_eq!(patterns(&dirs), "/*\n!/*/\n/web/\n!/web/*/\n/libs/\n/web/app/\n");
    }
}

#[cfg(unix)]
#[cfg(test)]
mod on_disk {
    use jiff::Timestamp;

    use super::*;
    use crate::workspace::{Gone, Holds, Reach, Removal, Spec, Unsaved, tests::World};

    async fn sparse(world: &World) -> Workspace {
        let lines = "cd clone && mkdir -p web/app web/other libs && for d in web/app web/other web libs; do echo $d > $d/f; done";
        world.sh(lines).await;
        world.sh("cd clone && git add -A && git commit -qm dirs && git push -q origin main").await;
        let spec = Spec { sparse: vec!["web/app".to_owned()], ..world.spec("t-1") };
        world.workspaces.prepare(&spec).await.unwrap()
    }

    const FILES: &str = "find . -type f -not -path './.git*' | sort | tr '\\n' ' '";

    #[tokio::test]
    async fn only_what_was_asked_for_is_there_and_git_misses_nothing() {
        let world = World::new().await;
        let before = world.sh("cat clone/.git/config").await;
        let workspace = sparse(&world).await;

        assert_eq!(world.sh_in(&workspace.path, FILES).await, "./file ./web/app/f ./web/f");
        let standing = world.workspaces.standing(&workspace).await.unwrap();
        assert_eq!((standing.dirty, standing.unpushed), (vec![], 0));
        assert_eq!(world.sh("cat clone/.git/config").await, before);
        world.sh_in(&workspace.path, "echo 2 > web/app/f && git commit -qam work && git show --stat --format=").await;
        assert_eq!(world.sh_in(&workspace.path, "git diff --name-only HEAD~1 HEAD").await, "web/app/f");
    }

    #[tokio::test]
    async fn what_is_left_out_is_no_deletion_when_work_is_rescued() {
        let world = World::new().await;
        let workspace = sparse(&world).await;
        world.sh_in(&workspace.path, "echo 2 > web/app/f && mkdir -p libs && echo new > libs/new").await;
        let reach = Reach::default();
        let refused = world.workspaces.remove(&workspace, &reach, Unsaved::Stays).await.unwrap();
        assert!(matches!(refused, Removal::Refused(Holds::Changes { .. })), "{refused:?}");

        let unsaved = Unsaved::IsRescued { at: Timestamp::UNIX_EPOCH };
        let gone = world.workspaces.remove(&workspace, &reach, unsaved).await.unwrap();

        let Removal::Removed(Gone { rescue: Some(rescue), .. }) = gone else { panic!("{gone:?}") };
        let changed = format!("cd clone && git diff --name-status main {} | tr '\\t\\n' '  '", rescue.commit);
        assert_eq!(world.sh(&changed).await, "A libs/new M web/app/f");
        let restored = world.workspaces.restore(&world.spec("t-1"), &rescue).await.unwrap();
        assert_eq!(world.sh_in(&restored.path, "cat libs/f libs/new web/app/f").await, "libs\nnew\n2");
    }
}
