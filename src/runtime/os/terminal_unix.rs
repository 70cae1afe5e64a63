//! Terminals seen from outside: what the line discipline does, how much waits unread, who reads.

use std::{os::fd::OwnedFd, path::Path};

use rustix::{
    fs::{Mode, OFlags},
    termios::LocalModes,
};

/// Whether the terminal echoes what is typed; `None` if it does not tell.
pub(crate) fn echoes(tty: &Path) -> Option<bool> {
    let modes = rustix::termios::tcgetattr(open(tty)?).ok()?;
    Some(modes.local_modes.contains(LocalModes::ECHO))
}

/// How many typed bytes the application has not read; `None` if the terminal does not tell.
pub(crate) fn unread(tty: &Path) -> Option<u64> {
    rustix::io::ioctl_fionread(open(tty)?).ok()
}

/// How many columns and rows the terminal has; `None` if it does not tell.
pub(crate) fn size(tty: &Path) -> Option<(u16, u16)> {
    let size = rustix::termios::tcgetwinsize(open(tty)?).ok()?;
    Some((size.ws_col, size.ws_row)).filter(|(columns, rows)| *columns > 0 && *rows > 0)
}

/// The name of the process that leads the process group `group`.
#[cfg(target_os = "linux")]
pub(crate) fn group_leader_name(group: u32) -> Option<String> {
    let name = std::fs::read_to_string(format!("/proc/{group}/comm")).ok()?;
    Some(name.trim_end().to_owned()).filter(|name| !name.is_empty())
}

/// The name of the process that leads the process group `group`; without `/proc` it is not known.
#[cfg(not(target_os = "linux"))]
pub(crate) fn group_leader_name(_group: u32) -> Option<String> {
    None
}

/// The foreground process group of the terminal that the process `pid` belongs to.
#[cfg(target_os = "linux")]
pub(crate) fn foreground_group(pid: u32) -> Option<u32> {
    let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    // The name in parentheses may hold anything; the fields are counted from behind it.
    stat.rsplit_once(')')?.1.split_ascii_whitespace().nth(5)?.parse().ok()
}

/// The foreground process group of the terminal that the process `pid` belongs to; without `/proc` it is not known.
#[cfg(not(target_os = "linux"))]
pub(crate) fn foreground_group(_pid: u32) -> Option<u32> {
    None
}

fn open(tty: &Path) -> Option<OwnedFd> {
    // Not blocking and never as controlling terminal; closed at once, so that the end of the session is still seen.
    let flags = OFlags::RDONLY | OFlags::NOCTTY | OFlags::NONBLOCK | OFlags::CLOEXEC;
    rustix::fs::open(tty, flags, Mode::empty()).ok()
}

/// The name of the process that reads what is typed into a pseudo-terminal.
pub(crate) fn reader_name(master: &dyn portable_pty::MasterPty) -> Option<String> {
    group_leader_name(u32::try_from(master.process_group_leader()?).ok()?)
}

/// The file of a pseudo-terminal.
pub(crate) fn tty(master: &dyn portable_pty::MasterPty) -> Option<std::path::PathBuf> {
    master.tty_name()
}
