//! How the process is asked to end; one implementation per platform.

use std::io;

#[cfg(unix)]
use tokio::signal::unix::{Signal, SignalKind, signal};
#[cfg(not(unix))]
use tokio::signal::windows::{CtrlC, ctrl_c};

/// Hears that the process is asked to end, from the moment on at which it was made.
#[derive(Debug)]
pub struct Ending {
    #[cfg(unix)]
    terminate: Signal,
    #[cfg(unix)]
    interrupt: Signal,
    #[cfg(not(unix))]
    interrupt: CtrlC,
}

impl Ending {
    /// Begins to listen.
    ///
    /// # Errors
    ///
    /// When signals cannot be heard.
    #[cfg(unix)]
    pub fn listen() -> io::Result<Self> {
        Ok(Self { terminate: signal(SignalKind::terminate())?, interrupt: signal(SignalKind::interrupt())? })
    }

    /// Begins to listen.
    ///
    /// # Errors
    ///
    /// When signals cannot be heard.
    #[cfg(not(unix))]
    pub fn listen() -> io::Result<Self> {
        Ok(Self { interrupt: ctrl_c()? })
    }

    /// Waits until the process is asked to end.
    #[cfg(unix)]
    pub async fn asked(&mut self) {
        tokio::select! {
            _ = self.terminate.recv() => {}
            _ = self.interrupt.recv() => {}
        }
    }

    /// Waits until the process is asked to end.
    #[cfg(not(unix))]
    pub async fn asked(&mut self) {
        self.interrupt.recv().await;
    }
}
