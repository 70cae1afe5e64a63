//! tmux as a person uses it, and a stranger's server with sessions of our names.

use std::{
    ffi::OsString,
    path::{Path, PathBuf},
};

use crate::{config::Environment, process::Command, runtime::tmux::Socket};

/// A tmux server.
#[derive(Debug, Clone)]
pub(super) struct Tmux {
    socket: Vec<OsString>,
    environment: Environment,
}

impl Tmux {
    /// The server of the daemon with this state directory.
    pub(super) fn of(state_dir: &Path, environment: Environment) -> Self {
        Self { socket: Socket::of_state_dir(state_dir).arguments(), environment }
    }

    /// A server of nobody's.
    pub(super) fn stranger(dir: &Path, environment: Environment) -> Self {
        Self { socket: Socket::Path(Self::stranger_socket(dir)).arguments(), environment }
    }

    /// Where the stranger listens.
    pub(super) fn stranger_socket(dir: &Path) -> PathBuf {
        dir.join("stranger.sock")
    }

    /// Carries a command out.
    pub(super) async fn run<const N: usize>(&self, args: [&str; N]) -> anyhow::Result<String> {
        let command = Command::new("tmux").args(&self.socket).args(args).envs(self.environment.variables());
        let output = command.run().await?;
        anyhow::ensure!(output.success(), "tmux {} failed: {}", args[0], output.stderr_text().trim());
        Ok(output.stdout_text())
    }

    /// The server's process.
    pub(super) async fn pid(&self) -> anyhow::Result<u32> {
        Ok(self.run(["display-message", "-p", "#{pid}"]).await?.trim().parse()?)
    }
}
