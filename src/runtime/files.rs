//! Private files that are written whole.

use std::{
    io::{self, Write as _},
    path::Path,
};

use serde::{Serialize, de::DeserializeOwned};

use super::os;

/// Writes a private file as a whole: a reader sees all of it or nothing.
pub(crate) fn write(path: &Path, bytes: &[u8]) -> io::Result<()> {
    let unique = getrandom::u32().map_err(io::Error::other)?;
    let draft = path.with_extension(format!("{unique:08x}.new"));
    let mut file = os::private_file().write(true).create_new(true).open(&draft)?;
    let written = file.write_all(bytes).and_then(|()| file.sync_all());
    drop(file);
    if let Err(error) = written.and_then(|()| std::fs::rename(&draft, path)) {
        drop(std::fs::remove_file(&draft));
        return Err(error);
    }
    Ok(())
}

/// Writes a value as JSON.
pub(crate) fn write_json(path: &Path, value: &impl Serialize) -> io::Result<()> {
    write(path, &serde_json::to_vec(value)?)
}

/// Reads a JSON file; `None` if there is none.
pub(crate) fn read_json<T: DeserializeOwned>(path: &Path) -> io::Result<Option<T>> {
    match std::fs::read(path) {
        Ok(bytes) => Ok(Some(serde_json::from_slice(&bytes)?)),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(error),
    }
}

#[cfg(test)]
mod tests {
    #[cfg(unix)]
    use super::*;

    #[cfg(unix)]
    #[test]
    fn files_are_written_whole_and_private() {
        use std::os::unix::fs::PermissionsExt as _;
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("x.json");

        write_json(&path, &[1, 2]).unwrap();
        write_json(&path, &[3]).unwrap();

        assert_eq!(read_json::<Vec<u8>>(&path).unwrap(), Some(vec![3]));
        assert_eq!(std::fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
        assert_eq!(std::fs::read_dir(dir.path()).unwrap().count(), 1);
        assert_eq!(read_json::<Vec<u8>>(&dir.path().join("none")).unwrap(), None);
    }
}
