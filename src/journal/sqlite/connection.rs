//! Opening the file: what every connection is set to before its first query.

use std::{path::Path, time::Duration};

use rusqlite::{Connection, OpenFlags};

use crate::journal::Error;

/// The journal's file in the state directory.
pub(super) const FILE: &str = "antiphon.db";

/// Statements that stay compiled; more than there are.
const STATEMENTS: usize = 128;
/// How long a connection waits for another process that looks at the same file.
const BUSY: Duration = Duration::from_secs(5);
/// What the write-ahead log may keep on disk once it was copied into the file.
const LOG_BYTES_KEPT: i64 = 64 << 20;

/// The one connection that writes.
pub(super) fn writing(dir: &Path) -> Result<Connection, Error> {
    let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_CREATE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let connection = Connection::open_with_flags(dir.join(FILE), flags)?;
    prepare(&connection)?;
    // Only before the first table does this have an effect, and only before the mode of the log is set.
    connection.pragma_update(None, "auto_vacuum", "INCREMENTAL")?;
    connection.pragma_update(None, "journal_mode", "WAL")?;
    connection.pragma_update(None, "synchronous", "FULL")?;
    connection.pragma_update(None, "foreign_keys", true)?;
    connection.pragma_update(None, "journal_size_limit", LOG_BYTES_KEPT)?;
    if cfg!(target_os = "macos") {
        // There, plain fsync leaves the data in the drive's cache.
        connection.pragma_update(None, "fullfsync", true)?;
        connection.pragma_update(None, "checkpoint_fullfsync", true)?;
    }
    Ok(connection)
}

/// A connection that cannot write.
pub(super) fn reading(dir: &Path) -> Result<Connection, Error> {
    let flags = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let connection = Connection::open_with_flags(dir.join(FILE), flags)?;
    prepare(&connection)?;
    Ok(connection)
}

fn prepare(connection: &Connection) -> Result<(), Error> {
    connection.busy_timeout(BUSY)?;
    connection.set_prepared_statement_cache_capacity(STATEMENTS);
    Ok(())
}

/// Makes the directory's entries durable: a file that is fsynced but not in its directory is gone after a power loss.
#[cfg(unix)]
pub(super) fn sync_directory(dir: &Path) -> std::io::Result<()> {
    std::fs::File::open(dir)?.sync_all()
}

/// Elsewhere a directory cannot be synced; the file system's own journal does it.
#[cfg(not(unix))]
#[expect(clippy::unnecessary_wraps, reason = "elsewhere it can fail")]
pub(super) fn sync_directory(_dir: &Path) -> std::io::Result<()> {
    Ok(())
}

/// Makes the state directory, readable for its owner alone, unless it is there.
pub(super) fn make_directory(dir: &Path) -> std::io::Result<()> {
    let mut builder = std::fs::DirBuilder::new();
    builder.recursive(true);
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
    builder.create(dir)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_writing_connection_survives_a_power_loss_and_gives_space_back() {
        let dir = tempfile::tempdir().unwrap();
        let connection = writing(dir.path()).unwrap();
        connection.execute_batch("CREATE TABLE t (x)").unwrap();

        let read = |name: &str| connection.pragma_query_value(None, name, |row| row.get::<_, i64>(0)).unwrap();
        let mode: String = connection.pragma_query_value(None, "journal_mode", |row| row.get(0)).unwrap();

        assert_eq!(mode, "wal");
        assert_eq!((read("synchronous"), read("auto_vacuum"), read("foreign_keys")), (2, 2, 1));
        assert_eq!(read("busy_timeout"), 5000);
    }

    #[test]
    fn a_reading_connection_cannot_write() {
        let dir = tempfile::tempdir().unwrap();
        writing(dir.path()).unwrap().execute_batch("CREATE TABLE t (x)").unwrap();

        let refused = reading(dir.path()).unwrap().execute_batch("INSERT INTO t VALUES (1)");

        assert_eq!(refused.unwrap_err().sqlite_error_code(), Some(rusqlite::ErrorCode::ReadOnly));
    }
}
