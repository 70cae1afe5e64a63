//! Deliveries: kept as received until routed, and a while longer, so that a repetition is recognised.

use rusqlite::{Connection, params};

use crate::{
    journal::{
        Delivery, Error, Novelty, Post,
        sqlite::{
            codec::{Packed, from_text, limit, moment, nanos},
            inbox,
            query::{all, execute},
            writer::Desk,
        },
    },
    model::{DeliveryId, RepoId},
};

/// GitHub sends at most 25 MB.
const BODY_BYTES_MAX: usize = 26 << 20;

/// Stores a delivery, unless its id is known. `delivery.body` was packed by the caller and is not read.
pub(super) fn ingest(desk: &mut Desk<'_>, delivery: &Delivery, body: &Packed) -> Result<Novelty, Error> {
    let stored = execute(
        desk.connection,
        "INSERT INTO delivery (id, status, received_at, event, repo, bytes, compressed, body)
         VALUES (?1, 'unrouted', ?2, ?3, ?4, ?5, ?6, ?7) ON CONFLICT (id) DO NOTHING",
        params![
            delivery.id.as_str(),
            nanos(delivery.received_at),
            delivery.event,
            delivery.repo.map(|repo| repo.0.cast_signed()),
            body.bytes,
            body.compressed,
            body.body,
        ],
    )?;
    if stored == 0 {
        return Ok(Novelty::Known);
    }
    desk.has_news();
    Ok(Novelty::New)
}

/// Deliveries that were not routed yet, oldest first.
pub(super) fn unrouted(connection: &Connection, max: usize) -> Result<Vec<Delivery>, Error> {
    let sql = "SELECT id, event, repo, received_at, bytes, compressed, body FROM delivery
               WHERE status = 'unrouted' ORDER BY row LIMIT ?1";
    all(connection, sql, [limit(max)], |row| {
        let body = Packed { bytes: row.get(4)?, compressed: row.get(5)?, body: row.get(6)? };
        Ok(Delivery {
            id: from_text(&row.get::<_, String>(0)?, "a delivery's id")?,
            event: row.get(1)?,
            repo: row.get::<_, Option<i64>>(2)?.map(|repo| RepoId(repo.cast_unsigned())),
            received_at: moment(row.get(3)?),
            body: unpack(body)?,
        })
    })
}

/// Marks a delivery as routed and posts what it means. Does nothing to one that was routed or buried before.
pub(super) fn route(desk: &mut Desk<'_>, id: &DeliveryId, posts: &[Post]) -> Result<(), Error> {
    let sql = "UPDATE delivery SET status = 'routed' WHERE id = ?1 AND status = 'unrouted'";
    if execute(desk.connection, sql, [id.as_str()])? == 1 {
        inbox::post(desk, posts)?;
    }
    Ok(())
}

/// Marks a delivery as one that cannot be understood. Does nothing to one that was routed or buried before.
pub(super) fn bury(desk: &Desk<'_>, id: &DeliveryId, why: &str) -> Result<(), Error> {
    let sql = "UPDATE delivery SET status = 'dead', why = ?2 WHERE id = ?1 AND status = 'unrouted'";
    execute(desk.connection, sql, [id.as_str(), why])?;
    Ok(())
}

/// The original bytes of a body.
pub(super) fn unpack(packed: Packed) -> Result<Vec<u8>, Error> {
    packed.unpack(BODY_BYTES_MAX)
}
