//! What git says of a clone on this machine. It asks no network and changes nothing.

use std::{
    path::{Path, PathBuf},
    time::Duration,
};

use super::caller::Caller;
use crate::process::{self, Command};

/// Every question here is answered from the disk.
const PATIENCE: Duration = Duration::from_secs(10);

/// The top of the working tree around `dir`; `None` outside of any.
pub(super) async fn top(dir: &Path, caller: &Caller) -> Result<Option<PathBuf>, process::Error> {
    let output = ask(dir, &["rev-parse", "--show-toplevel"], caller).await?;
    Ok(output.map(PathBuf::from))
}

/// The remotes by name, with the addresses that git would use; `origin` first.
pub(super) async fn remotes(top: &Path, caller: &Caller) -> Vec<(String, String)> {
    let names = ask(top, &["remote"], caller).await.ok().flatten().unwrap_or_default();
    let mut remotes = Vec::new();
    for name in names.lines() {
        if let Ok(Some(url)) = ask(top, &["remote", "get-url", name], caller).await {
            remotes.push((name.to_owned(), url));
        }
    }
    remotes.sort_by_key(|(name, _)| name != "origin");
    remotes
}

/// The default branch of `origin`, as far as the clone knows it.
pub(super) async fn default_branch(top: &Path, caller: &Caller) -> Option<String> {
    let head = ask(top, &["symbolic-ref", "--short", "refs/remotes/origin/HEAD"], caller).await.ok()??;
    head.strip_prefix("origin/").map(ToOwned::to_owned)
}

/// The answer without its last line end; `None` if git refuses or says nothing.
async fn ask(dir: &Path, args: &[&str], caller: &Caller) -> Result<Option<String>, process::Error> {
    let command = Command::new("git").args(args).dir(dir).deadline(PATIENCE);
    // The person's own environment, without what would point git at another repository.
    let own = caller.environment.variables().iter().filter(|(name, _)| !name.starts_with("GIT_"));
    let output = command.envs(own).env("LC_ALL", "C").env("GIT_TERMINAL_PROMPT", "0").run().await?;
    let text = output.stdout_text();
    let text = text.trim_end_matches(['\r', '\n']);
    Ok((output.success() && !text.is_empty()).then(|| text.to_owned()))
}
