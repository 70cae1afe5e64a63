//! The tables, as a list of numbered migrations. A published migration is never changed; a new one is added.
//!
//! Format 0 is a file without tables.

use anyhow::anyhow;
use rusqlite::Connection;

use crate::{
    event::FORMAT,
    journal::{
        Error,
        sqlite::{
            codec::limit,
            query::{execute, number},
        },
    },
};

/// Marks the file as ours for `file(1)` and for us: "Anti".
const APPLICATION: i64 = 0x416e_7469;

/// Entry `n` (from 0) leads from format `n` to format `n + 1`.
pub(super) const MIGRATIONS: &[&str] = &[include_str!("migrations/001.sql")];

/// Brings the file to the newest format, in one transaction.
pub(super) fn migrate(connection: &mut Connection, migrations: &[&str]) -> Result<(), Error> {
    let found = format(connection, migrations)?;
    if found == migrations.len() {
        return Ok(());
    }
    let step = connection.transaction()?;
    for sql in &migrations[found..] {
        step.execute_batch(sql)?;
    }
    step.pragma_update(None, "application_id", APPLICATION)?;
    step.pragma_update(None, "user_version", limit(migrations.len()))?;
    execute(&step, "INSERT OR REPLACE INTO meta (name, value) VALUES ('event-format', ?)", [FORMAT])?;
    Ok(step.commit()?)
}

/// Says no to a file that this version cannot read as it is.
pub(super) fn check(connection: &Connection, migrations: &[&str]) -> Result<(), Error> {
    let found = format(connection, migrations)?;
    if found == migrations.len() {
        return Ok(());
    }
    Err(Error::Other(anyhow!(
        "the journal has format {found}; start the daemon once to bring it to {}",
        migrations.len()
    )))
}

/// The file's format, if it is ours and not newer than what we know.
fn format(connection: &Connection, migrations: &[&str]) -> Result<usize, Error> {
    let tables = number(connection, "SELECT count(*) FROM sqlite_schema", [])?;
    let application = number(connection, "PRAGMA application_id", [])?;
    if tables > 0 && application != APPLICATION {
        return Err(Error::Other(anyhow!("the file is not a journal of this program")));
    }
    let found = u32::try_from(number(connection, "PRAGMA user_version", [])?).unwrap_or(u32::MAX);
    let known = u32::try_from(migrations.len()).unwrap_or(u32::MAX);
    if found > known {
        return Err(Error::TooNew { found, known });
    }
    if found > 0 {
        let events = number(connection, "SELECT CAST(value AS INTEGER) FROM meta WHERE name = 'event-format'", [])?;
        let events = u32::try_from(events).unwrap_or(u32::MAX);
        if events > FORMAT {
            return Err(Error::TooNew { found: events, known: FORMAT });
        }
    }
    Ok(usize::try_from(found).unwrap_or(usize::MAX))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn opened() -> Connection {
        Connection::open_in_memory().unwrap()
    }

    fn version(connection: &Connection) -> i64 {
        number(connection, "PRAGMA user_version", []).unwrap()
    }

    #[test]
    fn a_file_of_format_0_becomes_the_newest_and_stays_it() {
        let mut connection = opened();

        migrate(&mut connection, MIGRATIONS).unwrap();
        execute(&connection, "INSERT INTO meta (name, value) VALUES ('kept', '1')", []).unwrap();
        migrate(&mut connection, MIGRATIONS).unwrap();

        assert_eq!(version(&connection), i64::try_from(MIGRATIONS.len()).unwrap());
        assert_eq!(number(&connection, "SELECT count(*) FROM meta WHERE name = 'kept'", []).unwrap(), 1);
    }

    #[test]
    fn an_older_file_gets_what_it_lacks_and_keeps_what_it_has() {
        let mut connection = opened();
        let old = ["CREATE TABLE meta (name TEXT PRIMARY KEY, value TEXT)"];
        migrate(&mut connection, &old).unwrap();

        migrate(&mut connection, &[old[0], "CREATE TABLE b (x)", "INSERT INTO b VALUES (7)"]).unwrap();

        assert_eq!((version(&connection), number(&connection, "SELECT x FROM b", []).unwrap()), (3, 7));
    }

    #[test]
    fn a_migration_that_fails_leaves_the_file_as_it_was() {
        let mut connection = opened();
        let old = ["CREATE TABLE meta (name TEXT PRIMARY KEY, value TEXT)"];
        migrate(&mut connection, &old).unwrap();

        let failed = migrate(&mut connection, &[old[0], "CREATE TABLE b (x)", "not SQL"]);

        assert!(failed.is_err());
        assert_eq!(version(&connection), 1);
        assert_eq!(number(&connection, "SELECT count(*) FROM sqlite_schema WHERE name = 'b'", []).unwrap(), 0);
    }

    #[test]
    fn a_newer_file_is_refused_with_both_numbers() {
        let mut connection = opened();
        migrate(&mut connection, MIGRATIONS).unwrap();
        connection.pragma_update(None, "user_version", 99).unwrap();

        let refused = migrate(&mut connection, MIGRATIONS).unwrap_err();

        assert_eq!(refused.to_string(), "the journal has format 99; this version reads up to 1");
    }

    #[test]
    fn a_newer_format_of_events_is_refused() {
        let mut connection = opened();
        migrate(&mut connection, MIGRATIONS).unwrap();
        execute(&connection, "UPDATE meta SET value = 99 WHERE name = 'event-format'", []).unwrap();

        assert!(matches!(migrate(&mut connection, MIGRATIONS), Err(Error::TooNew { found: 99, known: FORMAT })));
    }

    #[test]
    fn somebody_elses_file_is_not_touched() {
        let mut connection = opened();
        connection.execute_batch("CREATE TABLE somebody (x)").unwrap();

        assert!(migrate(&mut connection, MIGRATIONS).is_err());
        assert_eq!(number(&connection, "SELECT count(*) FROM sqlite_schema", []).unwrap(), 1);
    }
}
