//! The operator's setup commands: they make a fresh workspace ready to be worked in.
//!
//! The lines come from the operator's own configuration, like the `run:` lines of a CI job, and go to a shell for that
//! reason. Nothing that comes from outside ever becomes such a line. Lines that use the cache of a package manager take
//! turns; that wait is not counted.

use std::{
    collections::BTreeMap,
    io,
    io::{Read as _, Seek as _, Write as _},
    path::{Path, PathBuf},
    time::Duration,
};

use tracing::info;

use super::{
    Workspace,
    caches::{Caches, caches_of},
    git::config_env,
};
use crate::{boundary, clock::Clock, process};

/// How many of the last lines of the log an error shows.
const TAIL_LINES: usize = 20;
/// How many bytes at the end of the log they are looked for in.
const TAIL_BYTES: u64 = 8 << 10;
/// How long a line waits for its turn at a cache, before others may have its place.
const PATIENCE: Duration = Duration::from_secs(5 * 60);
/// How git behaves in a setup, whatever the user's configuration says: background work of one worktree would hold the
/// locks of all.
const GIT: [(&str, &str); 2] = [("gc.auto", "0"), ("maintenance.auto", "false")];

/// What is to be run.
#[derive(Debug, Clone)]
pub struct Setup {
    /// The shell lines, run one after the other until one fails.
    pub commands: Vec<String>,
    /// The workspace.
    pub dir: PathBuf,
    /// Where all output goes as it comes. The file is started anew.
    pub log: PathBuf,
    /// For all commands together; then what runs is killed with all of its children.
    pub timeout: Duration,
    /// The whole environment.
    pub env: BTreeMap<String, String>,
    /// The turns at the caches of package managers.
    pub caches: Caches,
    /// How many lines may use one cache at the same time.
    pub at_once: usize,
}

/// Why a workspace is not ready.
#[derive(Debug, thiserror::Error)]
pub enum SetupError {
    /// A command ended with another exit code than 0.
    #[error("setup command `{command}` ended with {}\n{}", code.map_or("a signal".to_owned(), |code| code.to_string()), tail.join("\n"))]
    Failed {
        /// The line.
        command: String,
        /// Its exit code; `None` if a signal ended it.
        code: Option<i32>,
        /// The last lines of the log, without control characters.
        tail: Vec<String>,
    },
    /// The time was used up.
    #[error("setup command `{command}` did not end in time\n{}", tail.join("\n"))]
    TooSlow {
        /// The line that ran then.
        command: String,
        /// The last lines of the log, without control characters.
        tail: Vec<String>,
    },
    /// Others used the cache of a package manager all the time.
    #[error("setup command `{command}` waits for its turn at the cache of {}", caches.join(" and "))]
    Busy {
        /// The line.
        command: String,
        /// The caches.
        caches: Vec<&'static str>,
    },
    /// Anything else.
    #[error("setup could not be run")]
    Other(#[source] anyhow::Error),
}

/// Runs the commands one after the other in one shell each.
///
/// # Errors
///
/// When one fails or the time is used up, with the last lines that were printed.
pub async fn setup(setup: &Setup, clock: &Clock) -> Result<(), SetupError> {
    std::fs::write(&setup.log, "").map_err(other)?;
    let mut left = setup.timeout;
    for command in &setup.commands {
        boundary::cross("setup command begins");
        announce(&setup.log, command).map_err(other)?;
        let Some(turn) = setup.caches.enter(command, setup.at_once, PATIENCE).await else {
            let caches = caches_of(command).into_iter().collect();
            return Err(SetupError::Busy { command: command.clone(), caches });
        };
        let began = clock.now();
        let ended = shell(command).dir(&setup.dir).envs(&setup.env).log(&setup.log).deadline(left).run().await;
        drop(turn);
        left = left.saturating_sub(clock.now().duration_since(began).unsigned_abs());
        judge(command, ended, &setup.log)?;
    }
    info!(setup.commands = setup.commands.len(), workspace.path = %setup.dir.display(), "Set the workspace up");
    Ok(())
}

impl Workspace {
    /// The variables of whatever runs in the workspace without being an agent.
    #[must_use]
    pub fn setup_environment(&self) -> BTreeMap<String, String> {
        let own = self.git_config();
        let config = GIT.into_iter().chain(own.iter().map(|(key, value)| (key.as_str(), value.as_str())));
        let git = config_env(config).into_iter().chain([("GIT_TERMINAL_PROMPT".to_owned(), "0".to_owned())]);
        self.environment().into_iter().chain(git).collect()
    }
}

fn judge(command: &str, ended: Result<process::Output, process::Error>, log: &Path) -> Result<(), SetupError> {
    let command = command.to_owned();
    match ended {
        Ok(output) if output.success() => Ok(()),
        Ok(output) => Err(SetupError::Failed { command, code: output.code, tail: tail(log) }),
        Err(process::Error::TooSlow { .. }) => Err(SetupError::TooSlow { command, tail: tail(log) }),
        Err(error @ (process::Error::NotStarted { .. } | process::Error::Lost { .. })) => Err(other(error)),
    }
}

#[cfg(unix)]
fn shell(line: &str) -> process::Command {
    process::Command::new("/bin/sh").args(["-c", line])
}

#[cfg(not(unix))]
fn shell(line: &str) -> process::Command {
    // With /S it takes one quotation mark from either end, and the line as it stands between them.
    process::Command::new("cmd").args(["/D", "/S", "/C"]).rest(format!("\"{line}\""))
}

fn announce(log: &Path, command: &str) -> io::Result<()> {
    let mut file = std::fs::OpenOptions::new().append(true).open(log)?;
    writeln!(file, "$ {command}")
}

/// The last lines of the log; none if it cannot be read, for they only help to understand.
fn tail(log: &Path) -> Vec<String> {
    let read = || -> io::Result<Vec<u8>> {
        let mut file = std::fs::File::open(log)?;
        let length = file.metadata()?.len();
        file.seek(io::SeekFrom::Start(length.saturating_sub(TAIL_BYTES)))?;
        let mut bytes = Vec::new();
        file.take(TAIL_BYTES).read_to_end(&mut bytes)?;
        Ok(bytes)
    };
    let text = String::from_utf8_lossy(&read().unwrap_or_default()).into_owned();
    let lines: Vec<_> = text.lines().map(|line| line.chars().filter(|letter| !letter.is_control()).collect()).collect();
    lines[lines.len().saturating_sub(TAIL_LINES)..].to_vec()
}

fn other(error: impl Into<anyhow::Error>) -> SetupError {
    SetupError::Other(error.into())
}

#[cfg(unix)]
#[cfg(test)]
mod tests {
    use super::*;

    fn setup_of(dir: &Path, commands: &[&str]) -> Setup {
        Setup {
            commands: commands.iter().map(|&line| line.to_owned()).collect(),
            dir: dir.to_owned(),
            log: dir.join("setup.log"),
            timeout: Duration::from_secs(60),
            env: [("PATH".into(), "/usr/bin:/bin".into()), ("GREETING".into(), "hello".into())].into(),
            caches: Caches::default(),
            at_once: 1,
        }
    }

    #[tokio::test]
    async fn commands_run_in_the_workspace_and_leave_a_log() {
        let dir = tempfile::tempdir().unwrap();
        let plan = setup_of(dir.path(), &["echo $GREETING > made", "cat made && echo oops >&2"]);

        setup(&plan, &Clock::system()).await.unwrap();

        let log = std::fs::read_to_string(plan.log).unwrap();
        assert_eq!(log, "$ echo $GREETING > made\n$ cat made && echo oops >&2\nhello\noops\n");
    }

    #[tokio::test]
    async fn a_failure_shows_the_last_lines_and_ends_the_setup() {
        let dir = tempfile::tempdir().unwrap();
        let plan = setup_of(dir.path(), &["seq 100; printf '\\033[31mred\\n'; exit 7", "touch never"]);

        let error = setup(&plan, &Clock::system()).await.unwrap_err();

        let SetupError::Failed { code: Some(7), tail, .. } = &error else { panic!("{error:?}") };
        assert_eq!((tail.len(), tail.first().unwrap().as_str(), tail.last().unwrap().as_str()), (20, "82", "[31mred"));
        assert!(!dir.path().join("never").exists());
    }

    /// G129 (of a setup): what does not end is killed with its children.
    #[tokio::test]
    async fn a_setup_that_does_not_end_is_killed() {
        let dir = tempfile::tempdir().unwrap();
        let mut plan = setup_of(dir.path(), &["echo begun; sleep 1000 & wait"]);
        plan.timeout = Duration::from_millis(200);

        let error = setup(&plan, &Clock::system()).await.unwrap_err();

        let SetupError::TooSlow { tail, .. } = &error else { panic!("{error:?}") };
        assert_eq!(tail.last().unwrap(), "begun");
    }

    #[tokio::test]
    async fn the_time_is_for_all_commands_together() {
        let dir = tempfile::tempdir().unwrap();
        let mut plan = setup_of(dir.path(), &["true", "sleep 1000"]);
        plan.timeout = Duration::from_secs(1800);
        let looks = std::sync::atomic::AtomicI64::new(0);
        let clock = Clock::from_fn(move || {
            let look = looks.fetch_add(1, std::sync::atomic::Ordering::SeqCst);
            jiff::Timestamp::from_second(look * 1800).unwrap()
        });

        let error = setup(&plan, &clock).await.unwrap_err();

        assert!(matches!(&error, SetupError::TooSlow { command, .. } if command == "sleep 1000"), "{error:?}");
    }

    /// Show 5: a fake `npm` notes when it begins and ends; the pause gives a second one the chance to begin in between.
    #[tokio::test]
    async fn two_installations_with_one_cache_take_turns() {
        let dir = tempfile::tempdir().unwrap();
        let script = "#!/bin/sh\necho begin >> notes\nsleep 0.2\necho end >> notes";
        let make = format!("mkdir bin && echo '{script}' > bin/npm && chmod +x bin/npm");
        let sh = process::Command::new("/bin/sh").args(["-c", &make]).env("PATH", "/usr/bin:/bin").dir(dir.path());
        assert!(sh.run().await.unwrap().success());
        let caches = Caches::default();
        let plan = |n: u32| {
            let path = format!("{}/bin:/usr/bin:/bin", dir.path().display());
            Setup {
                log: dir.path().join(format!("{n}.log")),
                env: [("PATH".to_owned(), path)].into(),
                caches: caches.clone(),
                ..setup_of(dir.path(), &["npm ci"])
            }
        };
        let (one, two, clock) = (plan(1), plan(2), Clock::system());

        let ended = tokio::join!(setup(&one, &clock), setup(&two, &clock));

        assert!(ended.0.is_ok() && ended.1.is_ok(), "{ended:?}");
        assert_eq!(std::fs::read_to_string(dir.path().join("notes")).unwrap(), "begin\nend\nbegin\nend\n");
    }

    /// A package with one dependency that lies beside it: nothing is asked of any registry.
    fn package(dir: &Path) {
        let beside = dir.join("dep");
        std::fs::create_dir_all(&beside).unwrap();
        std::fs::write(beside.join("package.json"), r#"{ "name": "dep", "version": "1.0.0" }"#).unwrap();
        let manifest = r#"{ "name": "own", "version": "1.0.0", "dependencies": { "dep": "file:dep" } }"#;
        std::fs::write(dir.join("package.json"), manifest).unwrap();
        let lock = r#"{ "name": "own", "version": "1.0.0", "lockfileVersion": 3, "packages": {
            "": { "name": "own", "version": "1.0.0", "dependencies": { "dep": "file:dep" } },
            "dep": { "version": "1.0.0" },
            "node_modules/dep": { "resolved": "dep", "link": true } } }"#;
        std::fs::write(dir.join("package-lock.json"), lock).unwrap();
    }

    /// Show 5, with the real npm and one cache.
    #[tokio::test]
    async fn two_real_installations_at_once_both_succeed() {
        let npm = ["/usr/local/bin/npm", "/usr/bin/npm"].into_iter().find(|npm| Path::new(npm).exists());
        let Some(npm) = npm else { return eprintln!("SKIPPED: there is no npm here") };
        let home = tempfile::tempdir().unwrap();
        let caches = Caches::default();
        let plan = |name: &str| {
            let dir = home.path().join(name);
            package(&dir);
            let commands = super::super::locked_lines(&dir);
            assert_eq!(commands, ["npm ci --no-audit --no-fund"]);
            let path = Path::new(npm).parent().unwrap().display();
            let env = [("PATH", format!("{path}:/usr/bin:/bin")), ("HOME", home.path().display().to_string())];
            Setup {
                env: env.map(|(name, value)| (name.to_owned(), value)).into(),
                log: home.path().join(format!("{name}.log")),
                caches: caches.clone(),
                commands,
                ..setup_of(&dir, &[])
            }
        };
        let (one, two, clock) = (plan("one"), plan("two"), Clock::system());

        let ended = tokio::join!(setup(&one, &clock), setup(&two, &clock));

        assert!(ended.0.is_ok() && ended.1.is_ok(), "{ended:?}");
        assert!(one.dir.join("node_modules/dep/package.json").exists());
        assert!(two.dir.join("node_modules/dep/package.json").exists());
    }

    #[tokio::test]
    async fn who_uses_no_common_cache_need_not_wait() {
        let dir = tempfile::tempdir().unwrap();
        let caches = Caches::default();
        // Each waits for what the other one makes: one after the other they would never end.
        let plan = |own: &str, awaited: &str| Setup {
            log: dir.path().join(format!("{own}.log")),
            caches: caches.clone(),
            ..setup_of(dir.path(), &[&format!("touch {own}; while ! test -e {awaited}; do sleep 0.01; done")])
        };
        let (one, two, clock) = (plan("a", "b"), plan("b", "a"), Clock::system());

        let ended = tokio::join!(setup(&one, &clock), setup(&two, &clock));

        assert!(ended.0.is_ok() && ended.1.is_ok(), "{ended:?}");
    }
}
