//! The operator's setup commands: they make a fresh workspace ready to be worked in.
//!
//! The lines come from the operator's own configuration, like the `run:` lines of a CI job, and go to a shell for that
//! reason. Nothing that comes from outside ever becomes such a line.

use std::{
    collections::BTreeMap,
    io,
    io::{Read as _, Seek as _, Write as _},
    path::{Path, PathBuf},
    time::Duration,
};

use tracing::info;

use crate::{boundary, clock::Clock, process};

/// How many of the last lines of the log an error shows.
const TAIL_LINES: usize = 20;
/// How many bytes at the end of the log they are looked for in.
const TAIL_BYTES: u64 = 8 << 10;

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
    let began = clock.now();
    for command in &setup.commands {
        boundary::cross("setup command begins");
        announce(&setup.log, command).map_err(other)?;
        let spent = clock.now().duration_since(began).unsigned_abs();
        let ended = shell(command)
            .dir(&setup.dir)
            .envs(&setup.env)
            .log(&setup.log)
            .deadline(setup.timeout.saturating_sub(spent))
            .run()
            .await;
        judge(command, ended, &setup.log)?;
    }
    info!(setup.commands = setup.commands.len(), workspace.path = %setup.dir.display(), "Set the workspace up");
    Ok(())
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
    process::Command::new("cmd").args(["/D", "/C", line])
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

#[cfg(all(test, unix))]
mod tests {
    use super::*;

    fn setup_of(dir: &Path, commands: &[&str]) -> Setup {
        Setup {
            commands: commands.iter().map(|&line| line.to_owned()).collect(),
            dir: dir.to_owned(),
            log: dir.join("setup.log"),
            timeout: Duration::from_secs(60),
            env: [("PATH".into(), "/usr/bin:/bin".into()), ("GREETING".into(), "hello".into())].into(),
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
        plan.timeout = Duration::from_secs(3600);
        let looks = std::sync::atomic::AtomicI64::new(0);
        let clock = Clock::from_fn(move || {
            let look = looks.fetch_add(1, std::sync::atomic::Ordering::SeqCst);
            jiff::Timestamp::from_second(look * 1800).unwrap()
        });

        let error = setup(&plan, &clock).await.unwrap_err();

        assert!(matches!(&error, SetupError::TooSlow { command, .. } if command == "sleep 1000"), "{error:?}");
    }
}
