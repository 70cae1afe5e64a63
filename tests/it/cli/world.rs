//! A home directory and a program path of its own for one test.

use std::{
    os::unix::fs::symlink,
    path::{Path, PathBuf},
};

use antiphon::{config::Environment, process::Command};
use tempfile::TempDir;

/// It says that something hangs, never that something is slow.
const HANGS: std::time::Duration = std::time::Duration::from_secs(300);
const BINARY: &str = env!("CARGO_BIN_EXE_antiphon");

/// How a command ended.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Ran {
    /// The exit code.
    pub(super) code: Option<i32>,
    /// What it printed, the world's own path replaced by `~`.
    pub(super) out: String,
    /// What it complained about, likewise.
    pub(super) err: String,
}

impl Ran {
    /// What it printed, as JSON.
    pub(super) fn json(&self) -> serde_json::Value {
        serde_json::from_str(&self.out).unwrap_or_else(|error| panic!("{error}: {self:?}"))
    }

    /// What it complained about, as JSON.
    pub(super) fn error(&self) -> serde_json::Value {
        serde_json::from_str(&self.err).unwrap_or_else(|error| panic!("{error}: {self:?}"))
    }
}

/// A directory that stands for everything that a person has.
pub(super) struct World {
    root: TempDir,
    variables: Vec<(String, String)>,
    stdin: String,
    dir: PathBuf,
}

impl World {
    /// An empty home, and git as the only program.
    pub(super) fn new() -> Self {
        let root = tempfile::tempdir().expect("there is room for a directory");
        for dir in ["bin", "here"] {
            std::fs::create_dir(root.path().join(dir)).expect("the directory is new");
        }
        let dir = root.path().join("here");
        let world = Self { root, variables: Vec::new(), stdin: String::new(), dir };
        world.with_program("git", "git")
    }

    /// With a program of the name `name`, which is in truth the machine's `real`.
    pub(super) fn with_program(self, name: &str, real: &str) -> Self {
        symlink(on_this_machine(real), self.path("bin").join(name)).expect("the link is new");
        self
    }

    /// With a program that only says its version.
    #[expect(clippy::disallowed_methods, reason = "a test prepares its world as a user would")]
    pub(super) fn with_version(self, name: &str, version: &str) -> Self {
        let path = self.path("bin").join(name);
        let script = self.path(&format!("{name}.sh"));
        std::fs::write(&script, format!("#!/bin/sh\necho '{version}'\n")).expect("the directory is new");
        // A program that this process itself has written cannot be run while another test starts a child.
        let copied = std::process::Command::new("/usr/bin/install").arg("-m755").args([&script, &path]).status();
        assert!(copied.expect("install is there").success());
        self
    }

    /// With a variable.
    pub(super) fn with(mut self, name: &str, value: &str) -> Self {
        self.variables.push((name.to_owned(), value.to_owned()));
        self
    }

    /// Without a variable, from now on.
    pub(super) fn forget(&mut self, name: &str) {
        self.variables.retain(|(known, _)| known != name);
    }

    /// With something on standard input.
    pub(super) fn with_input(mut self, text: &str) -> Self {
        text.clone_into(&mut self.stdin);
        self
    }

    /// Standing in another directory of the world.
    pub(super) fn standing_in(mut self, dir: &str) -> Self {
        self.dir = self.path(dir);
        self
    }

    /// With a file.
    pub(super) fn with_file(self, path: &str, text: &str) -> Self {
        let path = self.path(path);
        std::fs::create_dir_all(path.parent().expect("a file has a directory")).expect("it can be made");
        std::fs::write(path, text).expect("it can be written");
        self
    }

    /// With a repository that has this remote.
    pub(super) fn with_clone(self, path: &str, remote: &str) -> Self {
        let dir = self.path(path);
        std::fs::create_dir_all(&dir).expect("it can be made");
        self.git(&dir, &["init", "--quiet", "--initial-branch", "main"]);
        self.git(&dir, &["remote", "add", "origin", remote]);
        self
    }

    /// Runs git, which must succeed.
    pub(super) fn git(&self, dir: &Path, args: &[&str]) {
        let command = Command::new(on_this_machine("git")).args(args).dir(dir).env("HOME", self.root.path());
        let author = [("GIT_AUTHOR_NAME", "a"), ("GIT_AUTHOR_EMAIL", "a@b"), ("GIT_COMMITTER_NAME", "a")];
        let output = wait_for(command.envs(author).env("GIT_COMMITTER_EMAIL", "a@b").run()).expect("git runs");
        assert!(output.success(), "{}", output.stderr_text());
    }

    /// A path in the world.
    pub(super) fn path(&self, path: &str) -> PathBuf {
        self.root.path().join(path)
    }

    /// The user's state directory.
    pub(super) fn state(&self) -> PathBuf {
        self.path(".local/state/antiphon")
    }

    /// Runs the binary to its end.
    pub(super) fn run(&self, args: &[&str]) -> Ran {
        wait_for(self.start(args))
    }

    /// Runs the binary to its end, beside something else.
    pub(super) async fn start(&self, args: &[&str]) -> Ran {
        let command = Command::new(BINARY).args(args).dir(&self.dir).stdin(self.stdin.as_str()).deadline(HANGS);
        let output = command.envs(self.environment()).run().await.expect("the binary runs");
        Ran { code: output.code, out: self.shown(&output.stdout_text()), err: self.shown(&output.stderr_text()) }
    }

    /// The environment of the binary.
    pub(super) fn environment(&self) -> Vec<(String, String)> {
        let own = [("HOME", self.root.path()), ("PATH", &self.path("bin"))];
        let own = own.map(|(name, path)| (name.to_owned(), path.display().to_string()));
        own.into_iter().chain(self.variables.clone()).collect()
    }

    fn shown(&self, text: &str) -> String {
        text.replace(&self.root.path().display().to_string(), "~")
    }
}

/// Waits for async work on this thread.
pub(super) fn wait_for<T>(work: impl Future<Output = T>) -> T {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime can be made");
    runtime.block_on(work)
}

/// A program of the machine that the tests run on.
pub(super) fn on_this_machine(name: &str) -> PathBuf {
    let environment = Environment::from_process();
    let dirs = std::env::split_paths(environment.var("PATH").unwrap_or("/usr/bin:/bin")).collect::<Vec<_>>();
    let found = dirs.iter().map(|dir| dir.join(name)).find(|path| path.is_file());
    found.unwrap_or_else(|| panic!("{name} is not in {dirs:?}"))
}

/// The binary itself.
pub(super) fn binary() -> PathBuf {
    BINARY.into()
}
