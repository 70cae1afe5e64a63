//! One process per state directory: an advisory lock of the operating system on a file that names its holder.
//!
//! The lock belongs to the process, not to the file: what a dead process left behind locks nobody out.

use std::{
    fs::{File, OpenOptions, TryLockError},
    io::{Read as _, Seek as _, Write as _},
    path::Path,
};

use crate::journal::Error;

const FILE: &str = "antiphon.lock";

/// Held while the journal is open.
#[derive(Debug)]
pub(super) struct Lock {
    _file: File,
}

impl Lock {
    /// Takes the lock and writes this process into the file.
    pub(super) fn take(dir: &Path) -> Result<Self, Error> {
        let unwritable = |error: std::io::Error| Error::NotWritable(error.into());
        let open = OpenOptions::new().read(true).write(true).create(true).truncate(false).open(dir.join(FILE));
        let mut file = open.map_err(unwritable)?;
        match file.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => return Err(Error::Locked { pid: holder(&mut file) }),
            Err(TryLockError::Error(error)) => return Err(unwritable(error)),
        }
        file.set_len(0).and_then(|()| file.rewind()).map_err(unwritable)?;
        writeln!(file, "{}", std::process::id()).map_err(unwritable)?;
        Ok(Self { _file: file })
    }
}

/// The process that the file names; 0 if it cannot be read, as on Windows, where a locked file cannot.
fn holder(file: &mut File) -> u32 {
    let mut text = String::new();
    match file.read_to_string(&mut text) {
        Ok(_) => text.trim().parse().unwrap_or(0),
        Err(_) => 0,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    // G128
    #[test]
    #[cfg(unix)]
    fn a_second_taker_learns_who_holds_the_lock() {
        let dir = tempfile::tempdir().unwrap();
        let _held = Lock::take(dir.path()).unwrap();

        let refused = Lock::take(dir.path());

        let Err(Error::Locked { pid }) = refused else { panic!("{refused:?}") };
        assert_eq!(pid, std::process::id());
    }

    #[test]
    fn a_file_that_a_dead_process_left_behind_is_no_obstacle() {
        let dir = tempfile::tempdir().unwrap();
        std::fs::write(dir.path().join(FILE), "4194304999\n and more").unwrap();

        let _held = Lock::take(dir.path()).unwrap();

        #[cfg(unix)]
        assert_eq!(std::fs::read_to_string(dir.path().join(FILE)).unwrap(), format!("{}\n", std::process::id()));
    }

    #[test]
    fn a_dropped_lock_can_be_taken_again() {
        let dir = tempfile::tempdir().unwrap();
        drop(Lock::take(dir.path()).unwrap());
        drop(Lock::take(dir.path()).unwrap());
    }
}
