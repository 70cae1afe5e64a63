//! What differs between operating systems: processes of a launch, terminals seen from outside, private files.
//!
//! Each platform has one file with the same functions.

#[cfg(unix)]
mod files_unix;
#[cfg(windows)]
mod files_windows;
#[cfg(unix)]
mod processes_unix;
#[cfg(windows)]
mod processes_windows;
#[cfg(unix)]
mod terminal_unix;
#[cfg(windows)]
mod terminal_windows;

#[cfg(unix)]
pub(crate) use {files_unix::*, processes_unix::*, terminal_unix::*};
#[cfg(windows)]
pub(crate) use {files_windows::*, processes_windows::*, terminal_windows::*};

/// The process that was started for a launch.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Leader {
    /// Its id.
    pub(crate) pid: u32,
    /// Whether its end was already collected, so that the id may belong to a stranger by now.
    pub(crate) reaped: bool,
}
