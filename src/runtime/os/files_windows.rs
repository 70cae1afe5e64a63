//! Private files, and who is at the other end of a pipe.

use std::fs::OpenOptions;

use interprocess::local_socket::PeerCreds;

/// Options that create files. The directory's access list, inherited from the profile, keeps others out.
pub(crate) fn private_file() -> OpenOptions {
    OpenOptions::new()
}

/// Whether the other end is this user: the default access list of a pipe lets nobody else write to it.
pub(crate) const fn is_same_user(_peer: &PeerCreds) -> bool {
    true
}
