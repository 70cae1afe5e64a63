//! Which agents are installed, for the first setup and for the doctor.

use std::{
    collections::BTreeMap,
    path::{Path, PathBuf},
    time::Duration,
};

use crate::{model::AgentName, process};

/// An agent that was found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Found {
    /// Its name, as it would stand in the configuration.
    pub name: AgentName,
    /// Its program.
    pub program: PathBuf,
    /// What it says about its version, on one line; `None` if it said nothing within the time.
    pub version: Option<String>,
}

/// The agents that there is an adapter for.
const KNOWN: [&str; 2] = ["claude", "codex"];
/// The first start of a large program can take seconds.
const PATIENCE: Duration = Duration::from_secs(20);

/// Looks for the known agents in the directories of `PATH`, which is taken from `env`; they are run in that
/// environment.
pub async fn detect(env: &BTreeMap<String, String>) -> Vec<Found> {
    let path = env.get("PATH").map(String::as_str).unwrap_or_default();
    let installed = KNOWN.iter().filter_map(|name| Some((*name, look_up(name, path)?)));
    let asked = installed.map(|(name, program)| async move {
        let version = version(&program, env).await;
        Found { name: name.parse().expect("the names are constants"), program, version }
    });
    futures_util::future::join_all(asked).await
}

fn look_up(name: &str, path: &str) -> Option<PathBuf> {
    // An empty entry means the working directory, whose programs are nobody's choice.
    let dirs = std::env::split_paths(path).filter(|dir| dir.is_absolute());
    dirs.flat_map(|dir| candidates(&dir, name)).find(|program| is_program(program))
}

#[cfg(unix)]
fn candidates(dir: &Path, name: &str) -> Vec<PathBuf> {
    vec![dir.join(name)]
}

#[cfg(not(unix))]
fn candidates(dir: &Path, name: &str) -> Vec<PathBuf> {
    ["exe", "cmd", "bat"].iter().map(|ending| dir.join(format!("{name}.{ending}"))).collect()
}

#[cfg(unix)]
fn is_program(path: &Path) -> bool {
    use std::os::unix::fs::PermissionsExt as _;
    path.metadata().is_ok_and(|about| about.is_file() && about.permissions().mode() & 0o111 != 0)
}

#[cfg(not(unix))]
fn is_program(path: &Path) -> bool {
    path.is_file()
}

async fn version(program: &Path, env: &BTreeMap<String, String>) -> Option<String> {
    let command = process::Command::new(program).arg("--version").envs(env).deadline(PATIENCE).output_bytes_max(4096);
    let output = command.run().await.ok().filter(process::Output::success)?;
    let text = output.stdout_text();
    let line = text.lines().map(str::trim).find(|line| !line.is_empty())?;
    Some(line.chars().filter(|letter| !letter.is_control()).take(100).collect())
}

#[cfg(unix)]
#[cfg(test)]
mod tests {
    use super::*;

    async fn program(dir: &Path, name: &str, mode: &str, script: &str) -> PathBuf {
        let (text, path) = (dir.join("script"), dir.join(name));
        std::fs::write(&text, format!("#!/bin/sh\n{script}\n")).unwrap();
        // A program that this process itself has written cannot be run while another test starts a child.
        let install = process::Command::new("/usr/bin/install").args(["-m", mode]).args([&text, &path]);
        assert!(install.run().await.unwrap().success());
        path
    }

    #[tokio::test]
    async fn installed_agents_are_found_with_their_versions() {
        let first = tempfile::tempdir().unwrap();
        let second = tempfile::tempdir().unwrap();
        program(first.path(), "claude", "644", "echo not a program").await;
        let claude = program(second.path(), "claude", "755", "printf '\\n\\033[1m2.1.328 (Claude Code)\\n'").await;
        let codex = program(second.path(), "codex", "755", "exit 1").await;
        let path = format!("{}::{}", first.path().display(), second.path().display());

        let found = detect(&[("PATH".to_owned(), path)].into()).await;

        assert_eq!(
            found,
            [
                Found {
                    name: "claude".parse().unwrap(),
                    program: claude,
                    version: Some("[1m2.1.328 (Claude Code)".into())
                },
                Found { name: "codex".parse().unwrap(), program: codex, version: None },
            ]
        );
    }

    #[tokio::test]
    async fn nothing_is_found_without_a_path() {
        assert_eq!(detect(&BTreeMap::new()).await, []);
    }
}
