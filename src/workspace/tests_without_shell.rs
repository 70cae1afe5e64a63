//! A workspace from its making to its removal, by nothing but git: this runs where there is no shell, as on Windows.

use std::collections::BTreeMap;

use tempfile::TempDir;

use super::*;

/// A remote with one commit on `main`, and a clone of it.
struct World {
    dir: TempDir,
    env: BTreeMap<String, String>,
}

impl World {
    async fn new() -> Self {
        let dir = tempfile::tempdir().unwrap();
        let home = dir.path().to_str().unwrap();
        let env = [
            ("PATH", "/usr/local/bin:/usr/bin:/bin"),
            ("HOME", home),
            ("TEMP", home),
            ("TMPDIR", home),
            ("GIT_CONFIG_NOSYSTEM", "1"),
            ("GIT_AUTHOR_NAME", "a"),
            ("GIT_AUTHOR_EMAIL", "a@x"),
            ("GIT_COMMITTER_NAME", "a"),
            ("GIT_COMMITTER_EMAIL", "a@x"),
        ];
        let world = Self { env: env.map(|(name, value)| (name.to_owned(), value.to_owned())).into(), dir };
        world.git("", &["init", "-q", "--bare", "-b", "main", "remote.git"]).await;
        world.git("", &["clone", "-q", "remote.git", "clone"]).await;
        world.git("clone", &["checkout", "-q", "-b", "main"]).await;
        world.commit("clone", "file").await;
        world.git("clone", &["push", "-q", "origin", "main"]).await;
        world
    }

    fn path(&self, name: &str) -> PathBuf {
        repository::canonical(self.dir.path()).unwrap().join(name)
    }

    async fn git(&self, dir: &str, args: &[&str]) {
        let command = crate::process::Command::new("git").args(args).dir(self.path(dir)).envs(&self.env);
        let output = command.run().await.unwrap();
        assert!(output.success(), "{args:?}: {}", output.stderr_text());
    }

    async fn commit(&self, dir: &str, file: &str) {
        std::fs::write(self.path(dir).join(file), "1\n").unwrap();
        self.git(dir, &["add", "-A"]).await;
        self.git(dir, &["commit", "-q", "-m", file]).await;
    }

    fn workspaces(&self) -> Workspaces {
        Workspaces::new(Git::new("git", &self.env), &self.path("state"))
    }

    fn spec(&self, kind: Kind) -> Spec {
        Spec {
            repository: self.path("clone"),
            task: "t-1".parse().unwrap(),
            branch: "antiphon/t-1".parse().unwrap(),
            base: "main".parse().unwrap(),
            remote: "origin".into(),
            credentials: Credentials::default(),
            own: OwnSpec { ports: 20_000..=29_999, hooks: Hooks::Own },
            kind,
            sparse: Vec::new(),
        }
    }
}

/// Makes a workspace, works in it, and removes it once its work is at the remote.
async fn made_worked_in_and_removed(kind: Kind) {
    let world = World::new().await;
    let (workspaces, spec) = (world.workspaces(), world.spec(kind));

    let made = workspaces.prepare(&spec).await.unwrap();
    assert_eq!(workspaces.prepare(&spec).await.unwrap(), made, "a second time changes nothing");
    assert_eq!((&made.path, made.path.join("file").exists()), (&world.path("state/workspaces/t-1"), true));
    let standing = workspaces.standing(&made).await.unwrap();
    assert_eq!((standing.on.as_deref(), standing.dirty), (Some("antiphon/t-1"), vec![]));

    world.commit("state/workspaces/t-1", "work").await;
    let removal = workspaces.remove(&made, &Reach::default(), Unsaved::Stays).await.unwrap();
    assert!(matches!(removal, Removal::Refused(_)), "{removal:?}");
    assert!(made.path.join("work").exists());

    world.git("state/workspaces/t-1", &["push", "-q", "origin", "antiphon/t-1"]).await;
    let removal = workspaces.remove(&made, &Reach::default(), Unsaved::Stays).await.unwrap();
    assert!(matches!(removal, Removal::Removed(_)), "{removal:?}");
    assert!(!made.path.exists());
}

#[tokio::test]
async fn a_worktree_is_made_keeps_its_work_and_goes_without() {
    made_worked_in_and_removed(Kind::Worktree).await;
}

#[tokio::test]
async fn a_clone_is_made_keeps_its_work_and_goes_without() {
    made_worked_in_and_removed(Kind::Clone).await;
}
