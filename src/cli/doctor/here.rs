//! What has to be on this machine: git, tmux, a state directory, a free address.

use std::{path::Path, time::Duration};

use crate::{
    cli::{
        caller::Caller,
        check::{Check, Grade},
        error::Error,
    },
    config::Config,
    journal::SqliteJournal,
    places::Places,
    process::Command,
};

/// The first version whose `git merge-tree --write-tree` finds conflicts without a working tree.
const GIT_MIN: (u32, u32) = (2, 38);
const PATIENCE: Duration = Duration::from_secs(10);

/// git, and not an old one.
pub(super) async fn git(caller: &Caller) -> Check {
    let install = "install git 2.38 or later: https://git-scm.com/downloads";
    let Some(said) = version(caller, "git", "--version").await else {
        return Check::problem("git", "it cannot be run", install);
    };
    match numbers(&said) {
        Some(found) if found >= GIT_MIN => Check::fine("git", said),
        Some(_) => Check::problem("git", format!("{said} is too old"), install),
        None => Check::warning("git", format!("its version cannot be told: {said}"), install),
    }
}

/// tmux, without which sessions live in terminals of our own. Whether it is needed is said at the repository.
pub(super) async fn tmux(caller: &Caller) -> Check {
    match version(caller, "tmux", "-V").await {
        Some(said) => Check::fine("tmux", said),
        None => Check::new("tmux", Grade::Note, "not installed; sessions live in terminals of our own, which is fine"),
    }
}

async fn version(caller: &Caller, program: &str, option: &str) -> Option<String> {
    let command = Command::new(caller.find_program(program)?).arg(option).deadline(PATIENCE);
    let output = command.envs(caller.environment.variables()).run().await.ok()?;
    let line = output.stdout_text().lines().next()?.trim().to_owned();
    (output.success() && !line.is_empty()).then_some(line)
}

/// The first two numbers of a version somewhere in these words.
fn numbers(said: &str) -> Option<(u32, u32)> {
    let word = said.split(' ').find(|word| word.starts_with(|first: char| first.is_ascii_digit()))?;
    let mut parts = word.split('.');
    Some((parts.next()?.parse().ok()?, parts.next()?.parse().ok()?))
}

/// The address that the daemon would listen on.
pub(super) async fn port(config: &Config) -> Check {
    match tokio::net::TcpListener::bind(config.listen).await {
        Ok(_) => Check::fine("address", format!("{} is free", config.listen)),
        Err(error) => Check::problem(
            "address",
            format!("cannot listen on {}: {error}", config.listen),
            "end what listens there, or choose another address: `listen: 127.0.0.1:7118`",
        ),
    }
}

/// The state directory: there or possible, writable, private, and nobody else's.
pub(super) fn state_dir(caller: &Caller, daemon_runs: bool) -> Check {
    let dir = match caller.state_dir() {
        Ok(dir) => dir,
        Err(error) => return Check::of_error("state", &error),
    };
    let shown = dir.display().to_string();
    if !dir.exists() {
        return match nearest(&dir).map(writable) {
            Some(Ok(())) => Check::fine("state", format!("{shown} will be made")),
            Some(Err(error)) => unwritable(&shown, &error),
            None => Check::problem("state", format!("{shown} cannot be made"), "choose another --state-dir"),
        };
    }
    if let Err(error) = writable(&dir) {
        return unwritable(&shown, &error);
    }
    if !SqliteJournal::is_in(&dir) {
        return Check::fine("state", shown);
    }
    match SqliteJournal::holder(&dir) {
        Ok(None) => Check::fine("state", shown),
        Ok(Some(_)) if daemon_runs => Check::fine("state", format!("{shown}, in use by the daemon")),
        Ok(Some(pid)) => Check::problem(
            "state",
            format!("{shown} is in use by process {pid}, which does not answer"),
            format!("see what process {pid} does, and end it if it hangs"),
        ),
        Err(error) => Check::of_error("state", &Error::from(error)),
    }
}

fn unwritable(shown: &str, error: &std::io::Error) -> Check {
    let fix = "give this user the right to write there, make room, or choose another --state-dir";
    Check::problem("state", format!("{shown} cannot be written: {error}"), fix)
}

/// The nearest directory above that is there.
fn nearest(dir: &Path) -> Option<&Path> {
    dir.ancestors().skip(1).find(|above| above.is_dir())
}

/// Writes as much as a small journal takes, and takes it away again.
fn writable(dir: &Path) -> std::io::Result<()> {
    let probe = dir.join(format!(".antiphon-doctor-{}", std::process::id()));
    let written = Places::write_private(&probe, &[0; 64 << 10]);
    let removed = std::fs::remove_file(&probe);
    written.and(removed)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_are_read_out_of_what_git_says() {
        assert_eq!(numbers("git version 2.39.5 (Apple Git-154)"), Some((2, 39)));
        assert_eq!(numbers("git version 2.45.2.windows.1"), Some((2, 45)));
        assert_eq!(numbers("git version next"), None);
    }
}
