//! Where each launch lives: one small file per address, so that a new daemon finds what an older one started.

use std::{
    io,
    path::{Path, PathBuf},
};

use super::{Address, Error, Launch, files};

/// A directory of notes, one per launch.
#[derive(Debug)]
pub(crate) struct Index(PathBuf);

impl Index {
    /// The notes in `dir`; it need not exist yet.
    pub(crate) const fn new(dir: PathBuf) -> Self {
        Self(dir)
    }

    /// Notes where a launch lives. An address lives in one place only.
    pub(crate) fn note(&self, launch: &Launch) -> Result<(), Error> {
        let elsewhere = self.find(&launch.address)?.filter(|dir| *dir != launch.session_dir);
        if elsewhere.is_some() {
            return Err(Error::Other(anyhow::anyhow!("the launch {} has another directory", launch.address)));
        }
        std::fs::create_dir_all(&self.0)
            .and_then(|()| files::write_json(&self.file(&launch.address), &launch.session_dir))
            .map_err(|error| Error::other(error, "cannot note where the launch lives"))
    }

    /// The directory of a launch; `None` once that is gone.
    pub(crate) fn find(&self, address: &Address) -> Result<Option<PathBuf>, Error> {
        find(&self.file(address)).map_err(|error| Error::other(error, "cannot look up where the launch lives"))
    }

    /// All launches that have a directory.
    pub(crate) fn all(&self) -> Result<Vec<(Address, PathBuf)>, Error> {
        let failed = |error| Error::other(error, "cannot list the launches");
        let notes = match std::fs::read_dir(&self.0) {
            Ok(notes) => notes,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
            Err(error) => return Err(failed(error)),
        };
        let mut all = Vec::new();
        for note in notes {
            let note = note.map_err(failed)?;
            // What is not an address is a note that is just being written.
            let Some(Ok(address)) = note.file_name().to_str().map(str::parse::<Address>) else { continue };
            if let Some(dir) = find(&note.path()).map_err(failed)? {
                all.push((address, dir));
            }
        }
        all.sort_by(|(one, _), (other, _)| one.cmp(other));
        Ok(all)
    }

    fn file(&self, address: &Address) -> PathBuf {
        self.0.join(address.to_string())
    }
}

fn find(note: &Path) -> io::Result<Option<PathBuf>> {
    let Some(dir) = files::read_json::<PathBuf>(note)? else { return Ok(None) };
    if dir.is_dir() {
        return Ok(Some(dir));
    }
    // Whoever removed the directory is done with the launch.
    match std::fs::remove_file(note) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
        Ok(()) | Err(_) => Ok(None),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::runtime::testing::launch;

    #[test]
    fn a_launch_is_found_until_its_directory_is_gone() {
        let dir = tempfile::tempdir().unwrap();
        let index = Index::new(dir.path().join("index"));
        let one = launch(dir.path(), "t-1", &["sh"]);
        let ten = launch(dir.path(), "t-10", &["sh"]);
        assert!(index.all().unwrap().is_empty());

        index.note(&one).unwrap();
        index.note(&ten).unwrap();
        let all: Vec<_> = index.all().unwrap().into_iter().map(|(address, _)| address).collect();
        assert_eq!(all, [one.address.clone(), ten.address.clone()]);

        std::fs::remove_dir_all(&one.session_dir).unwrap();
        assert!(index.find(&one.address).unwrap().is_none());
        let all: Vec<_> = index.all().unwrap().into_iter().map(|(address, _)| address).collect();
        assert_eq!(all, [ten.address]);
    }

    #[test]
    fn an_address_has_one_directory() {
        let dir = tempfile::tempdir().unwrap();
        let index = Index::new(dir.path().join("index"));
        let one = launch(dir.path(), "t-1", &["sh"]);
        index.note(&one).unwrap();
        index.note(&one).unwrap();

        assert!(index.note(&Launch { session_dir: dir.path().to_owned(), ..one }).is_err());
    }
}
