//! Private files, and who is at the other end of a socket.

use std::{
    fs::{DirBuilder, OpenOptions},
    io,
    os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _},
    path::Path,
};

use interprocess::local_socket::PeerCreds;

/// Options that create files only their owner can read.
pub(crate) fn private_file() -> OpenOptions {
    let mut options = OpenOptions::new();
    options.mode(0o600);
    options
}

/// Creates a directory that only its owner can enter. It must not exist.
pub(crate) fn create_private_dir(path: &Path) -> io::Result<()> {
    DirBuilder::new().mode(0o700).create(path)
}

/// Whether the other end is this user. A platform that does not tell relies on the directory's permissions.
pub(crate) fn is_same_user(peer: &PeerCreds) -> bool {
    peer.euid().is_none_or(|user| user == rustix::process::geteuid().as_raw())
}
