//! Workspaces on real repositories: a bare remote, a user's clone of it, and a state directory.

#![cfg(unix)]

use std::collections::BTreeMap;

use tempfile::TempDir;

use super::*;

/// A remote with one commit on `main`, a clone of it, and the workspaces.
pub(super) struct World {
    dir: TempDir,
    pub(super) workspaces: Workspaces,
}

impl World {
    pub(super) async fn new() -> Self {
        let dir = tempfile::tempdir().unwrap();
        let workspaces = Workspaces::new(real_git(dir.path()), &dir.path().join("state"));
        let world = Self { dir, workspaces };
        world.sh("git init -q --bare -b main remote.git && git clone -q remote.git clone 2>/dev/null").await;
        world.sh("cd clone && git checkout -q -b main && echo 1 > file && echo target > .gitignore").await;
        world.sh("cd clone && git add -A && git commit -qm first && git push -q origin main").await;
        world
    }

    fn path(&self, name: &str) -> PathBuf {
        self.dir.path().canonicalize().unwrap().join(name)
    }

    pub(super) fn spec(&self, task: &str) -> Spec {
        Spec {
            repository: self.path("clone"),
            task: task.parse().unwrap(),
            branch: format!("antiphon/{task}").parse().unwrap(),
            base: "main".parse().unwrap(),
            remote: "origin".into(),
            credentials: Credentials::default(),
            own: OwnSpec { ports: 20_000..=29_999, hooks: Hooks::Own },
            kind: Kind::Worktree,
            sparse: Vec::new(),
        }
    }

    pub(super) async fn prepare(&self, task: &str) -> Workspace {
        self.workspaces.prepare(&self.spec(task)).await.unwrap()
    }

    async fn remove(&self, workspace: &Workspace) -> Removal {
        self.workspaces.remove(workspace, &Reach::default(), Unsaved::Stays).await.unwrap()
    }

    /// Runs a shell line in the world's directory and gives what it printed.
    pub(super) async fn sh(&self, line: &str) -> String {
        self.sh_in(self.dir.path(), line).await
    }

    pub(super) async fn sh_in(&self, dir: &Path, line: &str) -> String {
        let output = crate::process::Command::new("/bin/sh")
            .args(["-c", line])
            .dir(dir)
            .env("PATH", "/usr/local/bin:/usr/bin:/bin")
            .env("HOME", self.dir.path())
            .envs([("GIT_AUTHOR_NAME", "a"), ("GIT_AUTHOR_EMAIL", "a@x"), ("GIT_COMMITTER_NAME", "a")])
            .envs([("GIT_COMMITTER_EMAIL", "a@x"), ("GIT_CONFIG_NOSYSTEM", "1")])
            .run()
            .await
            .unwrap();
        assert!(output.success(), "{line}: {} {}", output.stdout_text(), output.stderr_text());
        output.stdout_text().trim_end().to_owned()
    }

    async fn refuses(&self, workspace: &Workspace) -> Holds {
        let removal = self.remove(workspace).await;
        let Removal::Refused(holds) = removal else { panic!("{removal:?}") };
        assert!(workspace.path.join("file").exists(), "the files are gone");
        holds
    }
}

fn real_git(home: &Path) -> Git {
    git_at(Path::new("git"), home)
}

fn git_at(program: &Path, home: &Path) -> Git {
    let home = home.to_str().unwrap();
    let env = [("PATH", "/usr/local/bin:/usr/bin:/bin"), ("HOME", home), ("TMPDIR", home)];
    Git::new(program, &BTreeMap::from(env.map(|(name, value)| (name.to_owned(), value.to_owned()))))
}

fn removed(branch: OwnBranch) -> Removal {
    Removal::Removed(Gone { branch, ..Gone::default() })
}

#[tokio::test]
async fn a_workspace_is_a_worktree_on_its_own_branch_at_the_remotes_base() {
    let world = World::new().await;
    world.sh("git clone -q remote.git other && cd other && git commit -q --allow-empty -m new && git push -q").await;

    let workspace = world.prepare("t-1").await;

    let tip = world.sh("cd remote.git && git rev-parse main").await;
    assert_eq!(
        &workspace,
        &Workspace {
            task: "t-1".parse().unwrap(),
            path: world.path("state/workspaces/t-1"),
            common_dir: world.path("clone/.git"),
            source: None,
            branch: "antiphon/t-1".parse().unwrap(),
            base: "main".parse().unwrap(),
            remote: "origin".into(),
            base_sha: tip.parse().unwrap(),
            own: workspace.own.clone(),
            sparse: vec![],
        }
    );
    assert_eq!(
        world.workspaces.standing(&workspace).await.unwrap(),
        Standing {
            head: tip.parse().unwrap(),
            on: Some("antiphon/t-1".into()),
            dirty: vec![],
            ignored: vec![],
            unfinished: None,
            unpushed: 0,
            pushed: None,
        }
    );
    assert_eq!(
        world.sh("cd clone && git config --get-regexp '^branch' || true").await,
        "branch.main.remote origin\nbranch.main.merge refs/heads/main"
    );
    assert!(world.sh("cd clone && git worktree list --porcelain").await.contains("locked antiphon: workspace of t-1"));
}

#[tokio::test]
async fn commits_need_no_more_than_the_git_directories() {
    let world = World::new().await;
    let workspace = world.prepare("t-1").await;

    let dirs = world.workspaces.git_dirs(&workspace).await.unwrap();

    let expected = ["worktrees/t-1", "objects", "refs", "logs"].map(|name| world.path("clone/.git").join(name));
    assert_eq!(dirs, expected);
}

#[tokio::test]
async fn preparing_again_leaves_the_work_as_it_is() {
    let world = World::new().await;
    let workspace = world.prepare("t-1").await;
    world.sh_in(&workspace.path, "echo 2 > file && git commit -qam work && echo 3 > file && touch new").await;
    let before = world.workspaces.standing(&workspace).await.unwrap();

    assert_eq!(world.prepare("t-1").await, workspace);

    assert_eq!(world.workspaces.standing(&workspace).await.unwrap(), before);
    assert_eq!((before.dirty, before.unpushed), (vec!["file".to_owned(), "new".to_owned()], 1));
}

#[tokio::test]
async fn twelve_at_once_all_succeed() {
    let world = World::new().await;

    let all: Vec<_> = (0..12).map(|n| world.spec(&format!("t-{n}"))).collect();
    let made = futures_util::future::join_all(all.iter().map(|spec| world.workspaces.prepare(spec))).await;

    assert_eq!(made.iter().filter(|made| made.is_ok()).count(), 12, "{made:?}");
}

/// As if twelve daemons shared one repository: only patience with git's own locks helps.
#[tokio::test]
async fn twelve_at_once_succeed_without_a_common_lock() {
    let world = World::new().await;
    let state = world.path("state");
    let each: Vec<_> =
        (0..12).map(|n| (Workspaces::new(real_git(world.dir.path()), &state), world.spec(&format!("t-{n}")))).collect();

    let made = futures_util::future::join_all(each.iter().map(|(own, spec)| own.prepare(spec))).await;

    assert_eq!(made.iter().filter(|made| made.is_ok()).count(), 12, "{made:?}");
}

/// A git that is told once that another one holds a lock, and before that does `first`.
async fn busy_git(world: &World, command: &str, first: &str) -> Workspaces {
    let script = format!(
        "case \"$1 $2\" in '{command}'*)\n  if mkdir {0}/tried 2>/dev/null; then\n    {first}\n    \
         echo \"fatal: Unable to create '/r/.git/x.lock': File exists.\" >&2; exit 128\n  fi;;\nesac\nexec git \"$@\"",
        world.path("").display()
    );
    std::fs::write(world.path("script"), format!("#!/bin/sh\n{script}\n")).unwrap();
    // A program that this process itself has written cannot be run while another test starts a child.
    world.sh("cp script busy-git && chmod +x busy-git").await;
    Workspaces::new(git_at(&world.path("busy-git"), world.dir.path()), &world.path("state"))
}

#[tokio::test]
async fn a_fetch_that_meets_a_lock_is_tried_again() {
    let world = World::new().await;
    let workspaces = busy_git(&world, "fetch ", "true").await;

    workspaces.prepare(&world.spec("t-1")).await.unwrap();

    assert!(world.path("tried").exists());
}

/// Git makes the branch first; the next try finds it.
#[tokio::test]
async fn an_addition_that_meets_a_lock_is_looked_at_and_tried_again() {
    let world = World::new().await;
    let workspaces = busy_git(&world, "worktree add", "git branch antiphon/t-1 main").await;

    let workspace = workspaces.prepare(&world.spec("t-1")).await.unwrap();

    assert!(world.path("tried").exists());
    assert_eq!(workspaces.standing(&workspace).await.unwrap().on.as_deref(), Some("antiphon/t-1"));
}

#[tokio::test]
async fn a_branch_of_an_earlier_try_is_taken_as_it_is() {
    let world = World::new().await;
    world.sh("cd clone && git checkout -q -b antiphon/t-1 && git commit -q --allow-empty -m earlier").await;
    world.sh("cd clone && git checkout -q main").await;

    let workspace = world.prepare("t-1").await;

    assert_eq!(world.sh_in(&workspace.path, "git log -1 --format=%s").await, "earlier");
}

/// G115: a try that was pushed and then forgotten here.
#[tokio::test]
async fn a_branch_that_only_the_remote_has_is_taken_from_there() {
    let world = World::new().await;
    world.sh("git clone -q remote.git other && cd other && git checkout -q -b antiphon/t-1").await;
    world.sh("cd other && git commit -q --allow-empty -m earlier && git push -q origin HEAD").await;

    let workspace = world.prepare("t-1").await;

    assert_eq!(world.sh_in(&workspace.path, "git log -1 --format=%s").await, "earlier");
    let standing = world.workspaces.standing(&workspace).await.unwrap();
    assert_eq!((standing.unpushed, standing.pushed), (0, Some(standing.head)));
}

#[tokio::test]
async fn a_branch_that_somebody_has_checked_out_is_left_to_them() {
    let world = World::new().await;
    world.sh("cd clone && git checkout -q -b antiphon/t-1").await;

    let error = world.workspaces.prepare(&world.spec("t-1")).await.unwrap_err();

    assert_eq!(error.to_string(), format!("antiphon/t-1 is checked out in {}", world.path("clone").display()));
}

#[tokio::test]
async fn a_task_that_changed_its_branch_does_not_get_the_old_workspace() {
    let world = World::new().await;
    world.prepare("t-1").await;
    let spec = Spec { branch: "antiphon/other".parse().unwrap(), ..world.spec("t-1") };

    let error = world.workspaces.prepare(&spec).await.unwrap_err();

    assert!(matches!(&error, Error::Occupied { holder, .. } if holder == "antiphon/t-1"), "{error:?}");
}

#[tokio::test]
async fn a_state_directory_inside_the_repository_is_refused() {
    let world = World::new().await;
    let inside = Workspaces::new(real_git(world.dir.path()), &world.path("clone/.antiphon"));

    let error = inside.prepare(&world.spec("t-1")).await.unwrap_err();

    assert!(matches!(error, Error::InsideRepository { .. }), "{error:?}");
}

#[tokio::test]
async fn what_is_missing_is_named() {
    let world = World::new().await;
    let error = async |spec: Spec| world.workspaces.prepare(&spec).await.unwrap_err().to_string();

    let nowhere = Spec { repository: world.path("nowhere"), ..world.spec("t-1") };
    assert_eq!(error(nowhere).await, format!("{} is not a git repository", world.path("nowhere").display()));
    let plain = Spec { repository: world.path(""), ..world.spec("t-1") };
    assert_eq!(error(plain).await, format!("{} is not a git repository", world.path("").display()));
    let no_base = Spec { base: "next".parse().unwrap(), ..world.spec("t-1") };
    assert_eq!(error(no_base).await, "origin has no branch next");
    world.sh("mv remote.git gone.git").await;
    let unreachable = world.workspaces.prepare(&world.spec("t-1")).await.unwrap_err();
    assert!(matches!(unreachable, Error::Unreachable { .. }), "{unreachable:?}");
}

#[tokio::test]
async fn a_workspace_whose_files_are_gone_is_made_again_with_its_commits() {
    let world = World::new().await;
    let workspace = world.prepare("t-1").await;
    world.sh_in(&workspace.path, "git commit -q --allow-empty -m work").await;
    std::fs::remove_dir_all(&workspace.path).unwrap();

    assert_eq!(world.prepare("t-1").await, workspace);

    assert_eq!(world.sh_in(&workspace.path, "git log -1 --format=%s").await, "work");
}

/// A kill between the worktree and its record.
#[tokio::test]
async fn a_worktree_without_record_is_taken_over_with_what_is_in_it() {
    let world = World::new().await;
    let workspace = world.prepare("t-1").await;
    std::fs::write(workspace.path.join("file"), "work").unwrap();
    std::fs::remove_file(world.workspaces.record_of(&workspace.task)).unwrap();

    assert_eq!(world.prepare("t-1").await.path, workspace.path);

    assert_eq!(std::fs::read_to_string(workspace.path.join("file")).unwrap(), "work");
}

/// A kill in the middle of the first checkout.
#[tokio::test]
async fn a_checkout_that_never_ended_is_moved_aside_and_made_again() {
    let world = World::new().await;
    let workspace = world.prepare("t-1").await;
    std::fs::remove_file(world.workspaces.record_of(&workspace.task)).unwrap();
    std::fs::remove_file(world.path("clone/.git/worktrees/t-1/index")).unwrap();
    std::fs::write(world.path("clone/.git/worktrees/t-1/index.lock"), "").unwrap();

    assert_eq!(world.prepare("t-1").await.path, workspace.path);

    let standing = world.workspaces.standing(&workspace).await.unwrap();
    assert_eq!((standing.dirty, standing.on.as_deref()), (vec![], Some("antiphon/t-1")));
    assert!(world.path("state/workspaces/.set-aside/t-1-1/file").exists());
}

#[tokio::test]
async fn files_in_the_way_are_moved_aside_and_never_deleted() {
    let world = World::new().await;
    std::fs::create_dir_all(world.path("state/workspaces/t-1")).unwrap();
    std::fs::write(world.path("state/workspaces/t-1/notes"), "mine").unwrap();

    world.prepare("t-1").await;

    assert_eq!(std::fs::read_to_string(world.path("state/workspaces/.set-aside/t-1-1/notes")).unwrap(), "mine");
}

#[tokio::test]
async fn no_hook_of_the_repository_runs() {
    let world = World::new().await;
    world
        .sh("printf '#!/bin/sh\\ntouch ../ran\\n' > clone/.git/hooks/post-checkout && chmod +x clone/.git/hooks/*")
        .await;

    world.prepare("t-1").await;

    assert_eq!(world.sh("find . -name ran").await, "");
}

#[tokio::test]
async fn a_repository_without_clone_gets_a_mirror() {
    let world = World::new().await;
    let url = world.path("remote.git").display().to_string();
    let mirror = world.workspaces.ensure_mirror(&url).await.unwrap();
    assert_eq!(world.workspaces.ensure_mirror(&url).await.unwrap(), mirror);

    let workspace = world.workspaces.prepare(&Spec { repository: mirror, ..world.spec("t-1") }).await.unwrap();
    world.sh_in(&workspace.path, "echo 2 > file && git commit -qam work && git push -q origin HEAD").await;

    let standing = world.workspaces.standing(&workspace).await.unwrap();
    assert_eq!((standing.unpushed, &standing.pushed), (0, &Some(standing.head.clone())));
    assert_eq!(world.remove(&workspace).await, removed(OwnBranch::Kept));
}

#[tokio::test]
async fn a_workspace_without_work_is_removed_with_its_branch() {
    let world = World::new().await;
    let workspace = world.prepare("t-1").await;

    assert_eq!(world.remove(&workspace).await, removed(OwnBranch::Deleted));

    assert!(!workspace.path.exists());
    assert_eq!(world.sh("cd clone && git branch --list 'antiphon/*' && git worktree list | wc -l").await, "1");
    assert_eq!(world.remove(&workspace).await, removed(OwnBranch::Kept), "a removal may be repeated");
    world.prepare("t-1").await;
}

#[tokio::test]
async fn changes_and_unknown_files_keep_a_workspace() {
    let world = World::new().await;
    for (task, change, path) in [
        ("t-1", "echo 2 > file", "file"),
        ("t-2", "echo 2 > staged && git add staged", "staged"),
        ("t-3", "mkdir d && echo 2 > d/new", "d/"),
        ("t-4", "git init -q nested && touch nested/x", "nested/"),
    ] {
        let workspace = world.prepare(task).await;
        world.sh_in(&workspace.path, change).await;

        assert_eq!(world.refuses(&workspace).await, Holds::Changes { paths: vec![path.into()] }, "{change}");
    }
}

#[tokio::test]
async fn a_rebase_in_progress_keeps_a_workspace() {
    let world = World::new().await;
    let workspace = world.prepare("t-1").await;
    world.sh_in(&workspace.path, "GIT_SEQUENCE_EDITOR='echo break >' git rebase -q -i HEAD~0 || true").await;

    assert_eq!(world.refuses(&workspace).await, Holds::Unfinished(Unfinished::Rebase));
}

#[tokio::test]
async fn a_change_that_git_was_told_to_hide_keeps_a_workspace() {
    let world = World::new().await;
    for (task, flag) in [("t-1", "--assume-unchanged"), ("t-2", "--skip-worktree")] {
        let workspace = world.prepare(task).await;
        world.sh_in(&workspace.path, &format!("git update-index {flag} file && echo 2 > file")).await;

        assert_eq!(world.refuses(&workspace).await, Holds::Hidden { paths: vec!["file".into()] }, "{flag}");
    }
}

#[tokio::test]
async fn unpushed_commits_keep_a_workspace_until_they_are_pushed() {
    let world = World::new().await;
    let workspace = world.prepare("t-1").await;
    world.sh_in(&workspace.path, "echo 2 > file && git commit -qam work").await;
    assert_eq!(world.refuses(&workspace).await, Holds::Unpushed { commits: 1 });

    world.sh_in(&workspace.path, "git push -q origin HEAD").await;

    assert_eq!(world.remove(&workspace).await, removed(OwnBranch::Kept));
    assert_ne!(world.sh("cd clone && git branch --list 'antiphon/*'").await, "");
}

#[tokio::test]
async fn commits_on_a_detached_head_keep_a_workspace() {
    let world = World::new().await;
    let workspace = world.prepare("t-1").await;
    world.sh_in(&workspace.path, "git checkout -q --detach && echo 2 > file && git commit -qam work").await;

    assert_eq!(world.refuses(&workspace).await, Holds::Unpushed { commits: 1 });
}

/// The copy at the remote that the repository remembers is none.
#[tokio::test]
async fn a_branch_that_was_deleted_at_the_remote_does_not_count_as_pushed() {
    let world = World::new().await;
    let workspace = world.prepare("t-1").await;
    world.sh_in(&workspace.path, "echo 2 > file && git commit -qam work && git push -q origin HEAD").await;
    world.sh("cd remote.git && git update-ref -d refs/heads/antiphon/t-1").await;
    assert_eq!(world.workspaces.standing(&workspace).await.unwrap().unpushed, 0);

    assert_eq!(world.refuses(&workspace).await, Holds::Unpushed { commits: 1 });
}

#[tokio::test]
async fn a_remote_that_cannot_be_asked_keeps_a_workspace() {
    let world = World::new().await;
    let workspace = world.prepare("t-1").await;
    world.sh("mv remote.git gone.git").await;

    let holds = world.refuses(&workspace).await;

    assert!(matches!(&holds, Holds::Unknown { why } if why.starts_with("cannot fetch from origin")), "{holds:?}");
}

#[tokio::test]
async fn work_that_was_squashed_into_the_base_may_go() {
    let world = World::new().await;
    let workspace = world.prepare("t-1").await;
    world.sh_in(&workspace.path, "echo 2 > file && git commit -qam one && echo 3 > file && git commit -qam two").await;
    world.sh("git clone -q remote.git other && cd other && echo 3 > file && git commit -qam squash").await;
    world.sh("cd other && echo more > beside && git add -A && git commit -qm beside && git push -q").await;

    assert_eq!(world.remove(&workspace).await, removed(OwnBranch::Deleted));
}

#[tokio::test]
async fn work_that_was_merged_and_then_overwritten_is_found_at_its_pull_request() {
    let world = World::new().await;
    let workspace = world.prepare("t-1").await;
    world
        .sh_in(&workspace.path, "echo 2 > file && git commit -qam work && git push -q origin HEAD:refs/pull/7/head")
        .await;
    world.sh("git clone -q remote.git other && cd other && echo 9 > file && git commit -qam over && git push -q").await;
    assert_eq!(world.refuses(&workspace).await, Holds::Unpushed { commits: 1 });

    let reach = Reach { pull: Some(PrNumber(7)), ..Reach::default() };

    assert_eq!(world.workspaces.remove(&workspace, &reach, Unsaved::Stays).await.unwrap(), removed(OwnBranch::Kept));
    assert_eq!(world.sh("cd clone && git for-each-ref refs/antiphon").await, "");
}

#[tokio::test]
async fn build_output_goes_with_the_workspace_and_is_listed() {
    let world = World::new().await;
    let workspace = world.prepare("t-1").await;
    world.sh_in(&workspace.path, "mkdir target && touch target/a target/b").await;

    let removal = world.remove(&workspace).await;

    assert_eq!(
        removal,
        Removal::Removed(Gone { ignored: vec!["target/".into()], branch: OwnBranch::Deleted, rescue: None })
    );
}

#[tokio::test]
async fn a_directory_that_is_no_worktree_any_more_is_kept() {
    let world = World::new().await;
    let workspace = world.prepare("t-1").await;
    world.sh("rm -r clone/.git/worktrees/t-1").await;

    let holds = world.refuses(&workspace).await;

    assert_eq!(holds, Holds::Unknown { why: "its directory is no worktree of the repository".into() });
}

/// The state directory may lie below somebody's repository, a home under version control for example.
#[tokio::test]
async fn a_broken_workspace_is_not_taken_for_a_repository_further_up() {
    let world = World::new().await;
    world.sh("git init -q . && touch here && git add here && git commit -qm home").await;
    let workspace = world.prepare("t-1").await;
    std::fs::remove_file(workspace.path.join(".git")).unwrap();

    assert!(world.workspaces.standing(&workspace).await.is_err());
    let holds = world.refuses(&workspace).await;
    assert!(matches!(holds, Holds::Unknown { .. }), "{holds:?}");
    let below = Spec { repository: world.path("state"), ..world.spec("t-2") };
    let error = world.workspaces.prepare(&below).await.unwrap_err();
    assert!(matches!(error, Error::NotARepository { .. }), "{error:?}");
}
