//! A workspace that is a clone: it shares the objects of the repository, and has configuration, hooks and branches of its
//! own. What an agent does to them reaches nobody else.
//!
//! Refs of ours in the repository keep the shared objects from being collected while the clone is there.

use std::path::Path;

use super::{
    Error, Holds, Reach, Removal, Unsaved, Workspace, Workspaces, explain, other,
    prepare::own_ref,
    remove::{Gone, OwnBranch, unknown},
    repository::Repository,
};
use crate::{
    boundary,
    model::{Rescue, Sha},
};

impl Workspaces {
    /// Makes the clone, or finds the one that is there. It is whole as soon as it is in its place.
    pub(super) async fn make_clone(&self, repository: &Repository<'_>, wanted: &Workspace) -> Result<(), Error> {
        if wanted.path.symlink_metadata().is_ok() {
            if shares_objects(wanted, repository) && self.is_whole(wanted).await? {
                return Ok(());
            }
            self.set_aside(wanted).map_err(other)?;
        }
        let start = self.start_of(repository, wanted).await?;
        for (name, commit) in [("base", &wanted.base_sha), ("start", &start)] {
            repository.tell(&["update-ref", &format!("{}/{name}", keeping(wanted)), commit.as_str()]).await?;
        }
        let stage = self.stage(&wanted.task).map_err(other)?;
        std::fs::create_dir_all(&stage).map_err(other)?;
        self.fill_clone(repository, wanted, (&stage, &start)).await?;
        boundary::cross("clone made, not in its place");
        std::fs::rename(&stage, &wanted.path).map_err(other)
    }

    async fn fill_clone(
        &self,
        repository: &Repository<'_>,
        wanted: &Workspace,
        of: (&Path, &Sha),
    ) -> Result<(), Error> {
        let (stage, start) = of;
        let Workspace { remote, branch, base, .. } = wanted;
        let initial = format!("--initial-branch={branch}");
        self.git.tell(stage, &["init", "--quiet", "--template=", &initial]).await?;
        let alternates = stage.join(".git/objects/info/alternates");
        std::fs::create_dir_all(alternates.parent().unwrap_or(stage)).map_err(other)?;
        std::fs::write(&alternates, format!("{}\n", shared_objects(repository))).map_err(other)?;
        let url = repository.tell(&["config", "--get", &format!("remote.{remote}.url")]).await?;
        let fetch = format!("+refs/heads/*:refs/remotes/{remote}/*");
        for (key, value) in [("url", &url), ("fetch", &fetch)] {
            self.git.tell(stage, &["config", &format!("remote.{remote}.{key}"), value]).await?;
        }
        let theirs = repository.tip(&wanted.tracking(branch)).await?;
        let known = [(wanted.tracking(base), Some(&wanted.base_sha)), (wanted.tracking(branch), theirs.as_ref())];
        for (reference, commit) in known.into_iter().chain([(own_ref(wanted), Some(start))]) {
            if let Some(commit) = commit {
                self.git.tell(stage, &["update-ref", &reference, commit.as_str()]).await?;
            }
        }
        Ok(())
    }

    /// Where the work begins: a branch of an earlier try holds work and is taken as it is.
    async fn start_of(&self, repository: &Repository<'_>, wanted: &Workspace) -> Result<Sha, Error> {
        for reference in [own_ref(wanted), wanted.tracking(&wanted.branch)] {
            if let Some(tip) = repository.tip(&reference).await? {
                return Ok(tip);
            }
        }
        Ok(wanted.base_sha.clone())
    }

    /// As [`Workspaces::remove`]. What is rescued is kept by the repository.
    pub(super) async fn remove_clone(
        &self,
        workspace: &Workspace,
        reach: &Reach,
        unsaved: Unsaved,
    ) -> Result<Removal, Error> {
        let repository = Repository::open(&self.git, workspace.keeper()).await?;
        let _turn = self.lanes.enter(&repository.common_dir).await;
        if workspace.path.symlink_metadata().is_err() {
            return self.forget_clone(&repository, workspace, self.gone_before(workspace, unsaved).await?).await;
        }
        if let Err(error) = self.refuse_odd(workspace).await {
            return Ok(unknown(&explain(&error)));
        }
        let gone = match self.examine_clone(workspace, reach).await {
            Err(error) => return Ok(unknown(&explain(&error))),
            Ok(Ok(ignored)) => Gone { ignored, branch: OwnBranch::Deleted, rescue: None },
            Ok(Err(holds)) => match unsaved {
                Unsaved::Stays => return Ok(Removal::Refused(holds)),
                Unsaved::IsRescued { at } => {
                    let ignored = self.standing(workspace).await?.ignored;
                    let rescue = self.rescue(workspace, at).await?;
                    hand_over(&repository, workspace, &rescue).await?;
                    boundary::cross("work rescued");
                    Gone { ignored, branch: OwnBranch::Deleted, rescue: Some(rescue) }
                }
            },
        };
        std::fs::remove_dir_all(&workspace.path).map_err(other)?;
        self.forget_clone(&repository, workspace, gone).await
    }

    /// What cannot be kept by refs is a person's to deal with.
    async fn refuse_odd(&self, workspace: &Workspace) -> Result<(), Error> {
        let own = Repository::open(&self.git, &workspace.path).await?;
        if own.checkout.as_deref() != Some(&workspace.path) {
            return Err(other(anyhow::anyhow!("its directory is no clone of the repository")));
        }
        if own.worktrees().await?.len() > 1 {
            return Err(other(anyhow::anyhow!("it has worktrees of its own")));
        }
        if own.tip("refs/stash").await?.is_some() {
            return Err(other(anyhow::anyhow!("something is stashed away in it")));
        }
        Ok(())
    }

    async fn examine_clone(&self, workspace: &Workspace, reach: &Reach) -> Result<Result<Vec<String>, Holds>, Error> {
        let own = Repository::open(&self.git, &workspace.path).await?;
        let commits = self.on_other_branches(workspace).await?;
        if commits > 0 {
            return Ok(Err(Holds::Unpushed { commits }));
        }
        Ok(self.examine(&own, workspace, reach).await?.map(|clean| clean.standing.ignored))
    }

    /// How many commits of branches and tags beside what is checked out the remote does not have: a worktree leaves them
    /// in the repository, a clone takes them along.
    async fn on_other_branches(&self, workspace: &Workspace) -> Result<u32, Error> {
        let remotes = format!("--remotes={}", workspace.remote);
        let ours = ["rev-list", "--count", "--branches", "--tags", "--not", "HEAD", &remotes];
        self.git.tell(&workspace.path, &ours).await?.parse().map_err(other)
    }

    async fn forget_clone(
        &self,
        repository: &Repository<'_>,
        workspace: &Workspace,
        gone: Gone,
    ) -> Result<Removal, Error> {
        for name in ["base", "start"] {
            repository.ask(&["update-ref", "-d", &format!("{}/{name}", keeping(workspace))]).await?;
        }
        self.forget(workspace, gone)
    }
}

/// Has the repository keep what a clone holds: what was rescued, and all of its branches and tags.
async fn hand_over(repository: &Repository<'_>, workspace: &Workspace, rescue: &Rescue) -> Result<(), Error> {
    let path = workspace.path.to_str().ok_or_else(|| other(anyhow::anyhow!("the workspace's path is not UTF-8")))?;
    let reference = super::rescue::reference(rescue);
    let kept = format!("refs/antiphon/kept/{}/{}", workspace.task, rescue.at.as_millisecond());
    let specs = [
        format!("{reference}:{reference}"),
        format!("+refs/heads/*:{kept}/heads/*"),
        format!("+refs/tags/*:{kept}/tags/*"),
    ];
    let mut args = vec!["fetch", "--quiet", "--no-tags", "--no-write-fetch-head", path];
    args.extend(specs.iter().map(String::as_str));
    repository.tell(&args).await.map(drop)
}

/// The refs that keep what a clone shares.
fn keeping(workspace: &Workspace) -> String {
    format!("refs/antiphon/clones/{}", workspace.task)
}

fn shared_objects(repository: &Repository<'_>) -> String {
    repository.common_dir.join("objects").display().to_string()
}

/// Whether this is a clone that was made here.
fn shares_objects(workspace: &Workspace, repository: &Repository<'_>) -> bool {
    let alternates = std::fs::read_to_string(workspace.common_dir.join("objects/info/alternates"));
    alternates.is_ok_and(|text| text.trim_end() == shared_objects(repository))
}

#[cfg(unix)]
#[cfg(test)]
mod tests {
    use jiff::Timestamp;

    use super::*;
    use crate::workspace::{Kind, Spec, tests::World};

    fn spec(world: &World, task: &str) -> Spec {
        Spec { kind: Kind::Clone, ..world.spec(task) }
    }

    async fn prepared(world: &World, task: &str) -> Workspace {
        world.workspaces.prepare(&spec(world, task)).await.unwrap()
    }

    async fn removed(world: &World, workspace: &Workspace, unsaved: Unsaved) -> Removal {
        world.workspaces.remove(workspace, &Reach::default(), unsaved).await.unwrap()
    }

    #[tokio::test]
    async fn a_clone_shares_objects_and_nothing_else() {
        let world = World::new().await;
        let before = world.sh("cd clone && cat .git/config && ls .git/hooks && git branch").await;
        let workspace = prepared(&world, "t-1").await;
        assert_eq!(prepared(&world, "t-1").await, workspace);

        let own =
            "git config user.name somebody && mkdir -p .git/hooks && touch .git/hooks/pre-commit && git branch mine";
        world.sh_in(&workspace.path, own).await;

        assert_eq!(world.sh("cd clone && cat .git/config && ls .git/hooks && git branch").await, before);
        let objects = "find .git/objects -type f -not -path '*/info/*' | wc -l";
        assert_eq!(world.sh_in(&workspace.path, objects).await, "0");
        let looks =
            "cat file && git branch --show-current && git status --porcelain && git log --format=%s origin/main";
        assert_eq!(world.sh_in(&workspace.path, looks).await, "1\nantiphon/t-1\nfirst");
    }

    #[tokio::test]
    async fn what_a_clone_has_pushed_may_go_and_what_it_has_not_stays() {
        let world = World::new().await;
        let workspace = prepared(&world, "t-1").await;
        world.sh_in(&workspace.path, "echo 2 > file && git commit -qam work").await;
        let holds = Removal::Refused(Holds::Unpushed { commits: 1 });
        assert_eq!(removed(&world, &workspace, Unsaved::Stays).await, holds);
        world.sh_in(&workspace.path, "git push -q origin HEAD").await;
        world
            .sh_in(&workspace.path, "git branch side && git checkout -q side && git commit -q --allow-empty -m s")
            .await;
        world.sh_in(&workspace.path, "git checkout -q antiphon/t-1").await;
        assert_eq!(removed(&world, &workspace, Unsaved::Stays).await, holds, "another branch holds it");
        world.sh_in(&workspace.path, "git branch -qD side").await;

        let gone = removed(&world, &workspace, Unsaved::Stays).await;

        assert!(matches!(gone, Removal::Removed(_)), "{gone:?}");
        assert!(!workspace.path.exists());
        assert_eq!(world.sh("cd clone && git for-each-ref refs/antiphon").await, "");
    }

    #[tokio::test]
    async fn the_work_of_a_clone_is_rescued_into_the_repository() {
        let world = World::new().await;
        let workspace = prepared(&world, "t-1").await;
        let work = "git checkout -qb side && git commit -q --allow-empty -m aside && git checkout -q antiphon/t-1 && \
                    echo 2 > file && git commit -qam work && echo 3 > new";
        world.sh_in(&workspace.path, work).await;

        let gone = removed(&world, &workspace, Unsaved::IsRescued { at: Timestamp::UNIX_EPOCH }).await;

        let Removal::Removed(Gone { rescue: Some(rescue), .. }) = gone else { panic!("{gone:?}") };
        world.sh("cd clone && git reflog expire --expire=now --all && git gc -q --prune=now").await;
        let restored = world.workspaces.restore(&world.spec("t-1"), &rescue).await.unwrap();
        assert_eq!(world.sh_in(&restored.path, "cat file new && git log -1 --format=%s").await, "2\n3\nwork");
        let side =
            "cd clone && git log -1 --format=%s $(git for-each-ref --format='%(refname)' | grep kept.*heads/side)";
        assert_eq!(world.sh(side).await, "aside");
    }

    #[tokio::test]
    async fn a_stash_in_a_clone_is_for_a_person() {
        let world = World::new().await;
        let workspace = prepared(&world, "t-1").await;
        world.sh_in(&workspace.path, "echo 2 > file && git stash -q").await;

        let kept = removed(&world, &workspace, Unsaved::IsRescued { at: Timestamp::UNIX_EPOCH }).await;

        assert_eq!(kept, unknown("something is stashed away in it"));
    }

    #[tokio::test]
    async fn shared_objects_outlive_a_collection_in_the_repository() {
        let world = World::new().await;
        let workspace = prepared(&world, "t-1").await;
        world.sh("cd remote.git && git update-ref refs/heads/main $(git commit-tree -m new main^{tree})").await;
        world.sh("cd clone && git fetch -q && git reset -q --hard origin/main").await;

        world.sh("cd clone && git reflog expire --expire=now --all && git gc -q --prune=now").await;

        assert_eq!(
            world.sh_in(&workspace.path, "git log -1 --format=%s && git fsck --no-dangling 2>&1").await,
            "first"
        );
    }
}
