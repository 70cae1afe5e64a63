//! Inboxes: events that wait for their machine. A cause is accepted once, also after its event was consumed.

use anyhow::anyhow;
use rusqlite::{Connection, params};

use crate::{
    event::Event,
    journal::{
        Error, Novelty, Post, Waiting,
        sqlite::{
            codec::{from_json, from_text, limit, nanos, to_json},
            query::{all, execute, first},
            writer::Desk,
        },
    },
    model::MachineKey,
};

/// Puts events into inboxes.
pub(super) fn post(desk: &mut Desk<'_>, posts: &[Post]) -> Result<Vec<Novelty>, Error> {
    posts.iter().map(|post| put(desk, &post.cause, &post.to, &post.event)).collect()
}

/// Puts one event into an inbox, unless its cause is known.
pub(super) fn put(desk: &mut Desk<'_>, cause: &str, to: &MachineKey, event: &Event) -> Result<Novelty, Error> {
    let stored = execute(
        desk.connection,
        "INSERT INTO inbox (cause, machine, posted_at, event) VALUES (?1, ?2, ?3, ?4) ON CONFLICT (cause) DO NOTHING",
        params![cause, to.to_string(), nanos(desk.now), to_json(event)?],
    )?;
    if stored == 0 {
        return Ok(Novelty::Known);
    }
    desk.has_news();
    Ok(Novelty::New)
}

/// Events that wait, in the order in which they came.
pub(super) fn waiting(connection: &Connection, max: usize) -> Result<Vec<Waiting>, Error> {
    let sql = "SELECT row, cause, machine, event FROM inbox WHERE consumed_at IS NULL ORDER BY row LIMIT ?1";
    all(connection, sql, [limit(max)], |row| {
        Ok(Waiting {
            row: row.get::<_, i64>(0)?.cast_unsigned(),
            cause: row.get(1)?,
            to: from_text(&row.get::<_, String>(2)?, "the machine of an inbox event")?,
            event: from_json(&row.get::<_, String>(3)?, "an inbox event")?,
        })
    })
}

/// Consumes an event for its machine; its cause. `None`: it was consumed before.
pub(super) fn consume(desk: &Desk<'_>, row: u64, by: &MachineKey) -> Result<Option<String>, Error> {
    let found = first(
        desk.connection,
        "SELECT cause, machine, consumed_at IS NULL FROM inbox WHERE row = ?1",
        [row.cast_signed()],
        |row| Ok((row.get::<_, String>(0)?, row.get::<_, String>(1)?, row.get::<_, bool>(2)?)),
    )?;
    // A row that is not there any more was consumed so long ago that even its cause is forgotten.
    let Some((cause, machine, true)) = found else { return Ok(None) };
    if machine != by.to_string() {
        return Err(Error::Other(anyhow!("inbox event {row} is for {machine}, not for {by}")));
    }
    let sql = "UPDATE inbox SET consumed_at = ?2, event = NULL WHERE row = ?1";
    execute(desk.connection, sql, params![row.cast_signed(), nanos(desk.now)])?;
    Ok(Some(cause))
}
