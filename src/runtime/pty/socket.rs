//! The socket of one launch: where it is, who may connect.

use std::{
    io,
    path::{Path, PathBuf},
};

use interprocess::local_socket::{
    GenericFilePath, ListenerOptions, ToFsName as _,
    tokio::{Listener, Stream},
    traits::{StreamCommon as _, tokio::Stream as _},
};

use super::place::Place;
use crate::runtime::{files, os};

/// Unix allows 104 to 108 bytes; some of them are spent on the file name.
#[cfg(unix)]
const DIR_BYTES_MAX: usize = 90;

/// A socket that is listened on. Dropping it removes what it created outside of the launch's directory.
pub(crate) struct Door {
    /// Accepts connections.
    pub(crate) listener: Listener,
    borrowed: Option<PathBuf>,
}

impl Door {
    /// Opens the door and writes down where it is.
    pub(crate) fn open(place: &Place) -> io::Result<Self> {
        let (path, borrowed) = choose(place.dir())?;
        let options = ListenerOptions::new().name(path.as_path().to_fs_name::<GenericFilePath>()?);
        let listener = options.create_tokio()?;
        files::write(&place.socket_name(), path.to_string_lossy().as_bytes())?;
        Ok(Self { listener, borrowed })
    }
}

impl Drop for Door {
    fn drop(&mut self) {
        if let Some(dir) = &self.borrowed {
            drop(std::fs::remove_dir_all(dir));
        }
    }
}

/// Connects to the holder of a launch.
pub(crate) async fn connect(place: &Place) -> io::Result<Stream> {
    let path = PathBuf::from(std::fs::read_to_string(place.socket_name())?);
    let stream = Stream::connect(path.to_fs_name::<GenericFilePath>()?).await?;
    admit(stream)
}

/// Lets only this user pass.
pub(crate) fn admit(stream: Stream) -> io::Result<Stream> {
    if os::is_same_user(&stream.peer_creds()?) {
        Ok(stream)
    } else {
        Err(io::Error::new(io::ErrorKind::PermissionDenied, "the other end is another user"))
    }
}

/// The socket's path, and the directory that had to be made for it because the launch's own is too deep.
#[cfg(unix)]
fn choose(dir: &Path) -> io::Result<(PathBuf, Option<PathBuf>)> {
    if dir.as_os_str().len() <= DIR_BYTES_MAX {
        return Ok((dir.join("hold.sock"), None));
    }
    let short = PathBuf::from(format!("/tmp/antiphon-{:016x}", getrandom::u64().map_err(io::Error::other)?));
    os::create_private_dir(&short)?;
    Ok((short.join("hold.sock"), Some(short)))
}

/// A pipe's name; pipes live in a space of their own, so nobody may guess it.
#[cfg(windows)]
fn choose(_dir: &Path) -> io::Result<(PathBuf, Option<PathBuf>)> {
    let random = getrandom::u64().map_err(io::Error::other)?;
    Ok((PathBuf::from(format!(r"\\.\pipe\antiphon-{random:016x}")), None))
}
