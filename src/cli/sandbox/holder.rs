//! Whoever holds a state directory, and the end of everything that lives there.

use std::{path::Path, time::Duration};

use anyhow::Context as _;
use tokio::time::timeout;

use super::Sandbox;
use crate::{
    app,
    clock::Clock,
    journal::{self, Retention, SqliteJournal},
    process,
};

/// How long a daemon may take to end once it was asked to.
pub(in crate::cli) const DRAIN: Duration = Duration::from_secs(22);
/// How often it is looked whether it has.
const LOOK: Duration = Duration::from_millis(50);

/// The process that holds the state directory. To be asked only while nobody else is about to take it.
pub(in crate::cli) fn holder(state_dir: &Path) -> Option<u32> {
    if !state_dir.is_dir() {
        return None;
    }
    match SqliteJournal::open(state_dir, Clock::system(), Retention::default()) {
        Err(journal::Error::Locked { pid }) if pid > 0 => Some(pid),
        Ok(_) | Err(_) => None,
    }
}

/// Ends a daemon that somebody started here, and the agents that outlive every daemon on purpose.
pub(in crate::cli) async fn clear_up(sandbox: &Sandbox) -> anyhow::Result<()> {
    end_daemon(&sandbox.state_dir()).await?;
    let order = app::Order {
        config: sandbox.config(),
        state_dir: sandbox.state_dir(),
        environment: sandbox.environment_of_daemon(),
        own_program: sandbox.program().to_owned(),
    };
    app::end_sessions(&order).await
}

async fn end_daemon(state_dir: &Path) -> anyhow::Result<()> {
    let mut asked = None;
    let ended = timeout(DRAIN, async {
        while let Some(pid) = holder(state_dir) {
            if asked.replace(pid) != Some(pid) {
                process::ask_to_end(pid).with_context(|| format!("cannot end process {pid}"))?;
            }
            tokio::time::sleep(LOOK).await;
        }
        Ok(())
    });
    ended.await.unwrap_or_else(|_| Err(anyhow::anyhow!("process {asked:?} does not end")))
}
