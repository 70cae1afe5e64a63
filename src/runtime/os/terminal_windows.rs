//! Terminals seen from outside: a pseudoconsole tells nothing about its application.

use std::path::Path;

/// Whether the terminal echoes what is typed: not known.
pub(crate) const fn echoes(_tty: &Path) -> Option<bool> {
    None
}

/// How many typed bytes the application has not read: not known.
pub(crate) const fn unread(_tty: &Path) -> Option<u64> {
    None
}

/// How many columns and rows the terminal has: not known.
pub(crate) const fn size(_tty: &Path) -> Option<(u16, u16)> {
    None
}

/// The name of the process that leads a process group: there are no process groups.
pub(crate) const fn group_leader_name(_group: u32) -> Option<String> {
    None
}

/// The foreground process group of a terminal: there are no process groups.
pub(crate) const fn foreground_group(_pid: u32) -> Option<u32> {
    None
}

/// The name of the process that reads what is typed into a pseudoconsole: not known.
pub(crate) fn reader_name(_master: &dyn portable_pty::MasterPty) -> Option<String> {
    None
}

/// The file of a pseudo-terminal: there is none.
pub(crate) fn tty(_master: &dyn portable_pty::MasterPty) -> Option<std::path::PathBuf> {
    None
}
