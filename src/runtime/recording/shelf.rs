//! The recordings that lie in the directories of launches.

use std::{
    fs, io,
    path::{Path, PathBuf},
    time::Duration,
};

use jiff::{SignedDuration, Timestamp};
use serde::Serialize;

use super::cast;
use crate::{
    model::{Generation, SessionId},
    places::Places,
};

/// How much of a file's end is read to find its last line.
const LAST_LINES_BYTES: u64 = 64 << 10;

/// A recording.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Recorded {
    /// Which launch of the session it is of.
    pub launch: u32,
    /// When it began; none if it says nothing yet.
    pub began: Option<Timestamp>,
    /// How long it is by now, in seconds.
    pub seconds: u64,
    /// How large it is by now.
    pub bytes: u64,
    /// Where it is: asciicast, version 2.
    pub path: PathBuf,
}

/// The recordings of a session, oldest first.
///
/// # Errors
///
/// When its directory cannot be read.
pub fn recorded(places: &Places, session: &SessionId) -> io::Result<Vec<Recorded>> {
    let mut launches: Vec<Generation> =
        names(&places.session(session))?.iter().filter_map(|name| name.to_str()?.parse().ok()).collect();
    launches.sort_unstable();
    let look = |launch: Generation| read(launch, file_of(&places.launch(session, launch))).transpose();
    launches.into_iter().filter_map(look).collect()
}

/// Removes every recording below these places to which nothing was added for `keep`; how many that were.
///
/// # Errors
///
/// When a directory cannot be read, or a file cannot be removed.
pub fn forget(places: &Places, keep: Duration, now: Timestamp) -> io::Result<usize> {
    let before = now - SignedDuration::try_from(keep).unwrap_or(SignedDuration::MAX);
    let mut forgotten = 0;
    for session in names(&places.sessions())? {
        let session = places.sessions().join(session);
        for launch in names(&session)? {
            let file = file_of(&session.join(launch));
            let Some(metadata) = found(fs::metadata(&file))? else { continue };
            if Timestamp::try_from(metadata.modified()?).is_ok_and(|touched| touched < before) {
                fs::remove_file(file)?;
                forgotten += 1;
            }
        }
    }
    Ok(forgotten)
}

/// The recording of the launch in `session_dir`.
pub(super) fn file_of(session_dir: &Path) -> PathBuf {
    session_dir.join("recording.cast")
}

/// The recording in a file; none if there is no file.
fn read(launch: Generation, path: PathBuf) -> io::Result<Option<Recorded>> {
    use io::{BufRead as _, Read as _, Seek as _};
    let Some(mut file) = found(fs::File::open(&path))? else { return Ok(None) };
    let bytes = file.metadata()?.len();
    let mut first = String::new();
    io::BufReader::new((&mut file).take(LAST_LINES_BYTES)).read_line(&mut first)?;
    let began = serde_json::from_str::<cast::Header>(&first).ok();
    file.seek(io::SeekFrom::Start(bytes.saturating_sub(LAST_LINES_BYTES)))?;
    let mut end = Vec::new();
    file.take(LAST_LINES_BYTES).read_to_end(&mut end)?;
    let length = String::from_utf8_lossy(&end).lines().rev().find_map(cast::length);
    Ok(Some(Recorded {
        launch: launch.0,
        began: began.and_then(|header| Timestamp::from_second(header.timestamp).ok()),
        seconds: length.unwrap_or_default().as_secs(),
        bytes,
        path,
    }))
}

/// What lies in a directory; nothing if it is not there.
fn names(dir: &Path) -> io::Result<Vec<std::ffi::OsString>> {
    match found(fs::read_dir(dir)) {
        Ok(entries) => entries.into_iter().flatten().map(|entry| entry.map(|entry| entry.file_name())).collect(),
        Err(error) if error.kind() == io::ErrorKind::NotADirectory => Ok(Vec::new()),
        Err(error) => Err(error),
    }
}

fn found<T>(result: io::Result<T>) -> io::Result<Option<T>> {
    match result {
        Ok(found) => Ok(Some(found)),
        Err(error) if matches!(error.kind(), io::ErrorKind::NotFound | io::ErrorKind::NotADirectory) => Ok(None),
        Err(error) => Err(error),
    }
}
