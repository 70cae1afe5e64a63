//! The doorbell: a hook rings, and the daemon looks into the spools. A ring carries nothing, and a lost one costs only
//! time, for the spools are also looked into without it.
//!
//! It is a local socket that only the user's own processes can reach.

use std::{io, path::Path};

use interprocess::local_socket::{
    GenericFilePath, ListenerOptions, ToFsName as _,
    tokio::Listener,
    traits::{Stream as _, tokio::Listener as _},
};

/// The daemon's side.
#[derive(Debug)]
pub struct Doorbell(Listener);

impl Doorbell {
    /// Listens at `path`: a socket file (at most about 100 bytes long), on Windows the name of a pipe. What an earlier
    /// daemon left there is replaced.
    ///
    /// # Errors
    ///
    /// When the path is too long, or another daemon listens there.
    pub fn bind(path: &Path) -> io::Result<Self> {
        let name = path.to_fs_name::<GenericFilePath>()?;
        ListenerOptions::new().name(name).try_overwrite(true).create_tokio().map(Self)
    }

    /// Waits for a ring. Who waits in a loop shall look at the spools once in between.
    pub async fn rung(&self) {
        // A connection that broke was a ring, too.
        drop(self.0.accept().await);
    }
}

/// Rings; whether anybody listens.
#[must_use]
pub fn ring(path: &Path) -> bool {
    let name = path.to_fs_name::<GenericFilePath>();
    name.is_ok_and(|name| interprocess::local_socket::Stream::connect(name).is_ok())
}
