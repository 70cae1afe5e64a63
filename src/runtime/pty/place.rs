//! The files of one launch, and the name of its socket. All of them lie in the launch's private directory.

use std::{
    fs::{File, TryLockError},
    io,
    path::{Path, PathBuf},
};

use serde::{Deserialize, Serialize};

use crate::runtime::{Launch, Settle, os};

/// The directory of one launch.
#[derive(Debug, Clone)]
pub(crate) struct Place(PathBuf);

/// What a holder is told to do.
#[derive(Serialize, Deserialize)]
pub(crate) struct Order {
    /// What to start.
    pub(crate) launch: Launch,
    /// How to type.
    pub(crate) settle: Settle,
}

impl Place {
    /// The files below `session_dir`.
    pub(crate) const fn new(session_dir: PathBuf) -> Self {
        Self(session_dir)
    }

    /// The directory itself.
    pub(crate) fn dir(&self) -> &Path {
        &self.0
    }

    /// The [`Order`]; removed by the holder that read it, because it holds secrets.
    pub(crate) fn order(&self) -> PathBuf {
        self.0.join("launch.json")
    }

    /// Is there once a holder took the order: no second one ever does.
    pub(crate) fn started(&self) -> PathBuf {
        self.0.join("started")
    }

    /// Why the program could not be started.
    pub(crate) fn failed(&self) -> PathBuf {
        self.0.join("failed")
    }

    /// How the program ended: a [`crate::runtime::Probe`].
    pub(crate) fn exit(&self) -> PathBuf {
        self.0.join("exit.json")
    }

    /// What the terminal showed at the end: a [`crate::runtime::Screen`].
    pub(crate) fn last_screen(&self) -> PathBuf {
        self.0.join("last_screen.json")
    }

    /// What was typed: see [`super::record`].
    pub(crate) fn record(&self) -> PathBuf {
        self.0.join("typed")
    }

    /// The name of the socket, written once somebody listens there.
    pub(crate) fn socket_name(&self) -> PathBuf {
        self.0.join("socket")
    }

    /// Takes the place as its holder; `None` if it has one. The lock ends with the process, however that ends.
    pub(crate) fn lock(&self) -> io::Result<Option<File>> {
        // Windows locks no file that was opened for appending alone.
        let file = os::private_file().create(true).write(true).truncate(false).open(self.lock_file())?;
        match file.try_lock() {
            Ok(()) => Ok(Some(file)),
            Err(TryLockError::WouldBlock) => Ok(None),
            Err(TryLockError::Error(error)) => Err(error),
        }
    }

    /// Whether a holder lives.
    pub(crate) fn is_held(&self) -> io::Result<bool> {
        let file = match File::open(self.lock_file()) {
            Ok(file) => file,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(false),
            Err(error) => return Err(error),
        };
        match file.try_lock_shared() {
            Ok(()) => Ok(false),
            Err(TryLockError::WouldBlock) => Ok(true),
            Err(TryLockError::Error(error)) => Err(error),
        }
    }

    fn lock_file(&self) -> PathBuf {
        self.0.join("hold.lock")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_place_has_one_holder_and_shows_whether_it_lives() {
        let dir = tempfile::tempdir().unwrap();
        let place = Place::new(dir.path().to_owned());
        assert!(!place.is_held().unwrap());

        let lock = place.lock().unwrap();
        assert!(lock.is_some() && place.lock().unwrap().is_none() && place.is_held().unwrap());

        drop(lock);
        assert!(!place.is_held().unwrap());
    }
}
