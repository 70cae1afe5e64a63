//! Texts by their hash: each is kept once, however often it is named.

use jiff::{SignedDuration, Timestamp};
use rusqlite::{Connection, params};

use crate::{
    journal::{
        Error,
        sqlite::{
            codec::{Packed, nanos},
            query::{execute, first},
            writer::Desk,
        },
    },
    model::TextHash,
};

/// No text is longer.
const TEXT_BYTES_MAX: usize = 64 << 20;

/// A text that is named again counts as young again, noted to the day: a row is not rewritten at every mention.
pub(super) const RENEWED_AFTER: SignedDuration = SignedDuration::from_hours(24);

/// Keeps a text, or renews the age of one that is there.
pub(super) fn keep(desk: &Desk<'_>, hash: &TextHash, text: &Packed) -> Result<(), Error> {
    let stale = desk.now.checked_sub(RENEWED_AFTER).unwrap_or(Timestamp::MIN);
    execute(
        desk.connection,
        "INSERT INTO text (hash, kept_at, bytes, compressed, body) VALUES (?1, ?2, ?3, ?4, ?5)
         ON CONFLICT (hash) DO UPDATE SET kept_at = excluded.kept_at WHERE kept_at < ?6",
        params![hash.as_str(), nanos(desk.now), text.bytes, text.compressed, text.body, nanos(stale)],
    )?;
    Ok(())
}

/// A kept text.
pub(super) fn text(connection: &Connection, hash: &TextHash) -> Result<Option<String>, Error> {
    let sql = "SELECT bytes, compressed, body FROM text WHERE hash = ?1";
    first(connection, sql, [hash.as_str()], |row| {
        unpack(Packed { bytes: row.get(0)?, compressed: row.get(1)?, body: row.get(2)? })
    })
}

/// The words of a kept text.
pub(super) fn unpack(packed: Packed) -> Result<String, Error> {
    String::from_utf8(packed.unpack(TEXT_BYTES_MAX)?).map_err(|error| Error::Other(error.into()))
}
