//! The daemon as the demo's child, and as whoever comes after it: watched, missed, welcomed back.

use std::{net::SocketAddr, time::Duration};

use tokio::{
    net::TcpStream,
    process::ChildStdout,
    sync::mpsc,
    time::{Interval, interval, timeout},
};
use tokio_util::sync::CancellationToken;

use super::{
    super::sandbox::{DRAIN, holder},
    stage::Stage,
};
use crate::{
    background::Tasks,
    process::{self, Ending, Running},
};

/// How often it is seen whether somebody listens.
const LOOK: Duration = Duration::from_millis(50);

/// What becomes of the daemon.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Presence {
    /// It listens.
    Up {
        /// Its process, if that can be told.
        pid: Option<u32>,
        /// Whether there was one before.
        again: bool,
    },
    /// It is gone, and nobody here asked it to go.
    Gone {
        /// How, if it was ours.
        how: Option<Ending>,
        /// Whether it had ever listened.
        was_up: bool,
    },
}

/// Starts the daemon and watches it, and every successor, until the tasks are told to stop. Then ends it.
pub(super) fn start(stage: &Stage, tasks: &Tasks, tell: mpsc::Sender<Presence>) -> anyhow::Result<()> {
    let sandbox = stage.sandbox();
    let (running, stdin, stdout) = sandbox.daemon().start()?;
    drop(stdin);
    let watch = Watch { address: sandbox.address(), state_dir: sandbox.state_dir(), ticks: interval(LOOK), tell };
    tasks.spawn("watch over the daemon", |stop| watch.run(running, stdout, stop));
    Ok(())
}

struct Watch {
    address: SocketAddr,
    state_dir: std::path::PathBuf,
    ticks: Interval,
    tell: mpsc::Sender<Presence>,
}

impl Watch {
    /// What the daemon prints is not read, but somebody holds the other end.
    async fn run(mut self, own: Running, _stdout: ChildStdout, stop: CancellationToken) {
        if self.own(own, &stop).await.is_none() {
            return;
        }
        while let Some(()) = self.successor(&stop).await {}
    }

    /// Watches over our own child until it ends. `None`: it was asked to.
    async fn own(&mut self, mut own: Running, stop: &CancellationToken) -> Option<()> {
        let pid = own.id();
        let mut is_up = false;
        loop {
            tokio::select! {
                biased;
                () = stop.cancelled() => {
                    if let Some(pid) = pid {
                        drop(process::ask_to_end(pid));
                    }
                    // What does not end in time is killed when it is dropped.
                    drop(timeout(DRAIN, own.ended()).await);
                    return None;
                }
                ended = own.ended() => {
                    self.say(Presence::Gone { how: ended.ok(), was_up: is_up }).await;
                    return Some(());
                }
                _ = self.ticks.tick(), if !is_up => if self.listens().await {
                    is_up = true;
                    self.say(Presence::Up { pid, again: false }).await;
                },
            }
        }
    }

    /// Waits until somebody else's daemon listens, and then until it does not. `None`: this is over.
    async fn successor(&mut self, stop: &CancellationToken) -> Option<()> {
        self.until(true, stop).await?;
        self.say(Presence::Up { pid: holder(&self.state_dir), again: true }).await;
        self.until(false, stop).await?;
        self.say(Presence::Gone { how: None, was_up: true }).await;
        Some(())
    }

    async fn until(&mut self, listening: bool, stop: &CancellationToken) -> Option<()> {
        loop {
            tokio::select! {
                biased;
                () = stop.cancelled() => return None,
                _ = self.ticks.tick() => if self.listens().await == listening { return Some(()) },
            }
        }
    }

    async fn listens(&self) -> bool {
        matches!(timeout(Duration::from_secs(1), TcpStream::connect(self.address)).await, Ok(Ok(_)))
    }

    async fn say(&self, presence: Presence) {
        // Nobody listens any more when the demo ends.
        drop(self.tell.send(presence).await);
    }
}
