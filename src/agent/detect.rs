//! Which agents are installed, for the first setup and for the doctor.

use std::{
    collections::BTreeMap,
    path::{Path, PathBuf},
    time::Duration,
};

use crate::{config::Adapters, model::AgentName, process};

/// An agent that was found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Found {
    /// Its name, as it would stand in the configuration.
    pub name: AgentName,
    /// Its program.
    pub program: PathBuf,
    /// What it says about its version, on one line; `None` if it said nothing within the time.
    pub version: Option<String>,
    /// Which versions were tried; `None` if none was.
    pub tried: Option<Tried>,
}

/// The versions of a program that were tried.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Tried {
    /// The range.
    pub range: String,
    /// Whether the installed one is among them.
    pub fits: bool,
}

/// The first start of a large program can take seconds.
const PATIENCE: Duration = Duration::from_secs(20);

/// Looks for the programs of the known adapters in the directories of `PATH`, which is taken from `env`; they are run in
/// that environment.
pub async fn detect(adapters: &Adapters, env: &BTreeMap<String, String>) -> Vec<Found> {
    let path = env.get("PATH").map(String::as_str).unwrap_or_default();
    // One that says how a program is spoken with without its terminal speaks of a program that another one tells of.
    let programs = adapters.all.iter().filter(|(_, adapter)| adapter.launch.protocol.is_none());
    let installed = programs.filter_map(|(name, adapter)| {
        let program = adapter.programs.iter().find_map(|program| look_up(program, path))?;
        Some((name, adapter, program))
    });
    let asked = installed.map(|(name, adapter, program)| async move {
        let version = version(&program, &adapter.version.args, env).await;
        let tried = adapter.version.tried.as_ref().map(|tried| Tried {
            range: tried.to_string(),
            fits: version.as_deref().and_then(number_in).is_some_and(|version| tried.matches(&version)),
        });
        Found { name: name.clone(), program, version, tried }
    });
    let mut found = futures_util::future::join_all(asked).await;
    // What was tried comes first: it is what a new user should begin with.
    found.sort_by_key(|found| found.tried.is_none());
    found
}

/// The version number in what a program says about itself.
fn number_in(words: &str) -> Option<semver::Version> {
    let number =
        words.split(|letter: char| !(letter.is_ascii_digit() || letter == '.')).find(|word| word.contains('.'))?;
    let mut parts = number.trim_matches('.').split('.').map(str::parse);
    let mut part = || parts.next().map_or(Some(0), Result::ok);
    Some(semver::Version::new(part()?, part()?, part()?))
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

async fn version(program: &Path, args: &[String], env: &BTreeMap<String, String>) -> Option<String> {
    let command = process::Command::new(program).args(args).envs(env).deadline(PATIENCE).output_bytes_max(4096);
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
        let amp = program(second.path(), "amp", "755", "echo 0.0.179").await;
        let path = format!("{}::{}", first.path().display(), second.path().display());

        let found = detect(&Adapters::default(), &[("PATH".to_owned(), path)].into()).await;

        let known = |name: &str, program: &PathBuf, version: Option<&str>, fits: Option<bool>| {
            let range = || crate::config::shipped_adapters()[name].version.tried.clone().unwrap().to_string();
            Found {
                name: name.parse().unwrap(),
                program: program.clone(),
                version: version.map(str::to_owned),
                tried: fits.map(|fits| Tried { range: range(), fits }),
            }
        };
        assert_eq!(
            found,
            [
                known("claude", &claude, Some("[1m2.1.328 (Claude Code)"), Some(true)),
                known("codex", &codex, None, Some(false)),
                known("amp", &amp, Some("0.0.179"), None),
            ]
        );
    }

    #[test]
    fn a_version_is_found_in_what_programs_say() {
        for (words, expected) in [
            ("2.1.328 (Claude Code)", Some((2, 1, 328))),
            ("codex-cli 0.169.0", Some((0, 169, 0))),
            ("GitHub Copilot CLI 1.0.102.", Some((1, 0, 102))),
            ("v1.2-beta", Some((1, 2, 0))),
            ("unknown", None),
        ] {
            let found = number_in(words).map(|version| (version.major, version.minor, version.patch));
            assert_eq!(found, expected, "{words}");
        }
    }

    #[tokio::test]
    async fn nothing_is_found_without_a_path() {
        assert_eq!(detect(&Adapters::default(), &BTreeMap::new()).await, []);
    }
}
