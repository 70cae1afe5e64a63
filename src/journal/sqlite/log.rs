//! The log: every step of every machine, in one order. Entries are appended and, when old, removed from the front.

use rusqlite::{Connection, Row, params};

use crate::{
    journal::{
        Entry, Error, Step,
        sqlite::{
            codec::{from_json, from_text, limit, moment, nanos, to_json},
            query::{all, execute, first},
            writer::Desk,
        },
    },
    model::{MachineKey, Seq, Version},
};

/// What a row takes beside its long columns, about.
const ROW_BYTES: usize = 200;

/// The columns of an entry, in the order in which [`entry`] reads them.
pub(super) const COLUMNS: &str = "seq, at, machine, version, cause, event, effects, rules, entropy";

/// Appends a step.
pub(super) fn append(desk: &Desk<'_>, step: &Step, machine: &str, cause: &str) -> Result<Seq, Error> {
    let newest = first(desk.connection, "SELECT seq, total FROM log ORDER BY seq DESC LIMIT 1", [], |row| {
        Ok((row.get::<_, i64>(0)?, row.get::<_, i64>(1)?))
    })?;
    let (seq, total) = newest.unwrap_or((0, 0));
    let (event, effects) = (to_json(&step.event)?, to_json(&step.effects)?);
    execute(
        desk.connection,
        "INSERT INTO log (seq, at, total, machine, version, cause, rules, entropy, event, effects)
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10)",
        params![
            seq + 1,
            nanos(step.at),
            total + limit(event.len() + effects.len() + ROW_BYTES),
            machine,
            step.expected.next().0.cast_signed(),
            cause,
            step.rules,
            step.entropy,
            event,
            effects,
        ],
    )?;
    Ok(Seq((seq + 1).cast_unsigned()))
}

/// Entries after `after`, oldest first.
pub(super) fn tail(connection: &Connection, after: Seq, max: usize) -> Result<Vec<Entry>, Error> {
    let sql = format!("SELECT {COLUMNS} FROM log WHERE seq > ?1 ORDER BY seq LIMIT ?2");
    let after = i64::try_from(after.0).unwrap_or(i64::MAX);
    all(connection, &sql, [after, limit(max)], entry)
}

/// The newest entries of one machine, oldest first.
pub(super) fn history(connection: &Connection, machine: &MachineKey, max: usize) -> Result<Vec<Entry>, Error> {
    let sql = format!("SELECT {COLUMNS} FROM log WHERE machine = ?1 ORDER BY version DESC LIMIT ?2");
    let mut entries = all(connection, &sql, params![machine.to_string(), limit(max)], entry)?;
    entries.reverse();
    Ok(entries)
}

/// An entry from a row of [`COLUMNS`].
pub(super) fn entry(row: &Row<'_>) -> Result<Entry, Error> {
    Ok(Entry {
        seq: Seq(row.get::<_, i64>(0)?.cast_unsigned()),
        at: moment(row.get(1)?),
        machine: from_text(&row.get::<_, String>(2)?, "the machine of a log entry")?,
        version: Version(row.get::<_, i64>(3)?.cast_unsigned()),
        cause: row.get(4)?,
        event: from_json(&row.get::<_, String>(5)?, "the event of a log entry")?,
        effects: from_json(&row.get::<_, String>(6)?, "the effects of a log entry")?,
        rules: row.get(7)?,
        entropy: hex::encode(row.get::<_, Vec<u8>>(8)?),
    })
}
