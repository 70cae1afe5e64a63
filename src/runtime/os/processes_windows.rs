//! The processes of a launch: a tree below the process that was started.

use std::{
    collections::BTreeSet,
    path::{Path, PathBuf},
    time::Duration,
};

use super::Leader;
use crate::process::Command;

/// Ends the process of a launch and its descendants: asks, waits at most `grace`, kills.
///
/// Returns the id of the first process if it is still there.
pub(crate) async fn end(leader: Option<Leader>, _session_dir: &Path, grace: Duration) -> Result<(), Vec<u32>> {
    let Some(leader) = leader.filter(|leader| !leader.reaped) else { return Ok(()) };
    drop(taskkill(leader, &[]).await);
    drop(tokio::time::timeout(grace, vanish(leader)).await);
    drop(taskkill(leader, &["/F"]).await);
    let gone = tokio::time::timeout(Duration::from_secs(5), vanish(leader)).await;
    gone.map_err(|_| vec![leader.pid])
}

/// Whether a process of the launch runs without its holder: the environment of others cannot be read here.
#[expect(clippy::unused_async, reason = "other platforms must ask a program")]
pub(crate) async fn any(_session_dir: &Path) -> bool {
    false
}

/// The launch directories that the environments of processes name: those of others cannot be read here.
#[expect(clippy::unused_async, reason = "other platforms must ask a program")]
pub(crate) async fn marked() -> BTreeSet<PathBuf> {
    BTreeSet::new()
}

/// Whether a process runs.
pub(crate) async fn runs(pid: u32) -> bool {
    lives(Leader { pid, reaped: false }).await
}

/// Has a process look for children that ended: nothing needs it here.
pub(crate) const fn remind_of_children(_pid: u32) {}

async fn vanish(leader: Leader) {
    while lives(leader).await {
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
}

async fn lives(leader: Leader) -> bool {
    let filter = format!("PID eq {}", leader.pid);
    let listing = Command::new("tasklist.exe").args(["/NH", "/FO", "CSV", "/FI", filter.as_str()]).run().await;
    listing.is_ok_and(|listing| listing.stdout_text().contains(&format!("\"{}\"", leader.pid)))
}

async fn taskkill(leader: Leader, how: &[&str]) -> Result<(), crate::process::Error> {
    let pid = leader.pid.to_string();
    Command::new("taskkill.exe").args(["/T", "/PID", pid.as_str()]).args(how).run().await.map(drop)
}
