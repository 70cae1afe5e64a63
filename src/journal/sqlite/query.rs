//! Cached statements on a connection, and what SQLite's errors mean to a caller.

use rusqlite::{Connection, ErrorCode, Params, Row};

use crate::journal::Error;

/// Runs a statement; how many rows it changed.
pub(super) fn execute(connection: &Connection, sql: &str, params: impl Params) -> Result<usize, Error> {
    Ok(connection.prepare_cached(sql)?.execute(params)?)
}

/// Every row that a query finds.
pub(super) fn all<T>(
    connection: &Connection,
    sql: &str,
    params: impl Params,
    mut read: impl FnMut(&Row<'_>) -> Result<T, Error>,
) -> Result<Vec<T>, Error> {
    let mut found = Vec::new();
    each(connection, sql, params, |row| {
        found.push(read(row)?);
        Ok(())
    })?;
    Ok(found)
}

/// Shows every row that a query finds, one at a time.
pub(super) fn each(
    connection: &Connection,
    sql: &str,
    params: impl Params,
    mut show: impl FnMut(&Row<'_>) -> Result<(), Error>,
) -> Result<(), Error> {
    let mut statement = connection.prepare_cached(sql)?;
    let mut rows = statement.query(params)?;
    while let Some(row) = rows.next()? {
        show(row)?;
    }
    Ok(())
}

/// The first row that a query finds.
pub(super) fn first<T>(
    connection: &Connection,
    sql: &str,
    params: impl Params,
    read: impl FnOnce(&Row<'_>) -> Result<T, Error>,
) -> Result<Option<T>, Error> {
    let mut statement = connection.prepare_cached(sql)?;
    let mut rows = statement.query(params)?;
    rows.next()?.map(read).transpose()
}

/// The number that a query finds.
pub(super) fn number(connection: &Connection, sql: &str, params: impl Params) -> Result<i64, Error> {
    Ok(first(connection, sql, params, |row| Ok(row.get::<_, Option<i64>>(0)?))?.flatten().unwrap_or(0))
}

/// What `look` sees is one moment, however many queries it makes.
pub(super) fn at_one_moment<T>(
    connection: &Connection,
    look: impl FnOnce(&Connection) -> Result<T, Error>,
) -> Result<T, Error> {
    let moment = connection.unchecked_transaction()?;
    let seen = look(&moment)?;
    moment.commit()?;
    Ok(seen)
}

impl From<rusqlite::Error> for Error {
    fn from(error: rusqlite::Error) -> Self {
        match error.sqlite_error_code() {
            Some(ErrorCode::DiskFull | ErrorCode::SystemIoFailure | ErrorCode::ReadOnly | ErrorCode::CannotOpen) => {
                Self::NotWritable(error.into())
            }
            _ => Self::Other(error.into()),
        }
    }
}
