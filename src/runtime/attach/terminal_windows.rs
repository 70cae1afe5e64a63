//! This process's own console on Windows: not handed over yet, because its raw mode needs calls that this crate does not
//! make. Looking at a session and talking to it works through the web page.

use std::io;

use tokio::sync::mpsc;

use super::Input;
use crate::background::Tasks;

/// The console in raw mode.
pub(crate) struct Raw;

impl Raw {
    /// Switches the console to raw mode.
    pub(crate) fn enter() -> io::Result<Self> {
        Err(unsupported())
    }
}

/// Columns and rows.
pub(crate) fn size() -> io::Result<(u16, u16)> {
    Err(unsupported())
}

/// What the person does from now on.
pub(crate) fn input(_tasks: &Tasks) -> io::Result<mpsc::Receiver<Input>> {
    Err(unsupported())
}

fn unsupported() -> io::Error {
    io::Error::new(io::ErrorKind::Unsupported, "attaching a Windows console is not supported")
}
