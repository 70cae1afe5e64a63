//! The daemon of the bench: started, killed without warning, started again.

use std::time::Duration;

use anyhow::Context as _;
use tokio::process::{ChildStdin, ChildStdout};

use crate::{
    cli::sandbox::Sandbox,
    client::Client,
    process::{self, Force, Running},
};

/// How long a daemon may take to come up.
const UP: Duration = Duration::from_secs(60);
/// How often it is asked whether it has.
const LOOK: Duration = Duration::from_millis(50);

/// A daemon that runs.
pub(super) struct Daemon {
    running: Running,
    _streams: (ChildStdin, ChildStdout),
}

impl Daemon {
    /// Starts it with these further arguments and variables, and waits until it answers.
    pub(super) async fn start(sandbox: &Sandbox, args: &[&str], env: &[(&str, String)]) -> anyhow::Result<Self> {
        let variables = env.iter().map(|(name, value)| (name, value.as_str()));
        let (running, stdin, stdout) = sandbox.daemon().args(args).envs(variables).start()?;
        let mut daemon = Self { running, _streams: (stdin, stdout) };
        let up = async {
            loop {
                tokio::select! {
                    biased;
                    ended = daemon.running.ended() => anyhow::bail!("the daemon ended with {ended:?}{}", sandbox.last_words()),
                    () = tokio::time::sleep(LOOK) => if answers(sandbox).await { return Ok(()) },
                }
            }
        };
        tokio::time::timeout(UP, up).await.context("the daemon does not come up")??;
        Ok(daemon)
    }

    /// Kills it, and waits until it is dead.
    pub(super) async fn kill(&mut self) -> anyhow::Result<()> {
        if let Some(pid) = self.running.id() {
            process::force(pid, Force::Kill).context("the daemon cannot be killed")?;
        }
        self.ended().await
    }

    /// Asks it to end, and waits until it has.
    pub(super) async fn end(&mut self) -> anyhow::Result<()> {
        if let Some(pid) = self.running.id() {
            process::ask_to_end(pid).context("the daemon cannot be asked to end")?;
        }
        self.ended().await
    }

    /// Waits until it is dead.
    pub(super) async fn ended(&mut self) -> anyhow::Result<()> {
        self.running.ended().await.map(drop).context("it cannot be told whether the daemon ended")
    }
}

async fn answers(sandbox: &Sandbox) -> bool {
    let Ok(client) = Client::connect(&sandbox.state_dir()) else { return false };
    client.overview().await.is_ok()
}
