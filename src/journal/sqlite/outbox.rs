//! The outbox: orders to the world, in order within a lane, each claimed by one executor at a time.
//!
//! An effect is open until it is resolved. An open one is claimed while it has a lease, and postponed while it has a
//! moment before which nobody may claim it. Only the oldest open effect of a lane can be claimed, so that a postponed
//! one holds up its lane: what was ordered later must not overtake it.

use std::time::Duration;

use jiff::Timestamp;
use rusqlite::params;

use crate::{
    effect::Effect,
    event::Event,
    journal::{
        Claimed, EffectId, Error, Fenced, Postponement,
        sqlite::{
            codec::{from_json, from_text, limit, moment, nanos, to_json},
            inbox,
            query::{all, execute, first},
            writer::Desk,
        },
    },
    model::{Fence, Version},
};

/// Puts an effect at the end of its lane.
pub(super) fn put(desk: &mut Desk<'_>, id: &EffectId, effect: &Effect, at: Timestamp) -> Result<(), Error> {
    execute(
        desk.connection,
        "INSERT INTO outbox (machine, version, place, lane, ordered_at, effect) VALUES (?1, ?2, ?3, ?4, ?5, ?6)",
        params![
            id.machine.to_string(),
            id.version.0.cast_signed(),
            id.index,
            effect.lane(),
            nanos(at),
            to_json(effect)?
        ],
    )?;
    desk.has_news();
    Ok(())
}

/// Claims the oldest open effect of each lane, oldest first, and raises their fences.
pub(super) fn claim(desk: &Desk<'_>, now: Timestamp, max: usize, lease: Duration) -> Result<Vec<Claimed>, Error> {
    let until = now.checked_add(lease).unwrap_or(Timestamp::MAX);
    let rows: Vec<i64> = all(
        desk.connection,
        "SELECT row FROM outbox WHERE row IN (SELECT min(row) FROM outbox WHERE ended_at IS NULL GROUP BY lane)
         AND (lease IS NULL OR lease <= ?1) AND (not_before IS NULL OR not_before <= ?1) ORDER BY row LIMIT ?2",
        [nanos(now), limit(max)],
        |row| Ok(row.get(0)?),
    )?;
    rows.into_iter().map(|row| claim_row(desk, row, until)).collect()
}

fn claim_row(desk: &Desk<'_>, row: i64, until: Timestamp) -> Result<Claimed, Error> {
    let claimed = first(
        desk.connection,
        "UPDATE outbox SET fence = fence + 1, lease = ?2, not_before = NULL WHERE row = ?1
         RETURNING machine, version, place, fence, effect, progress, postponed, tried, ordered_at",
        [row, nanos(until)],
        |row| {
            let machine = from_text(&row.get::<_, String>(0)?, "the machine of an effect")?;
            Ok(Claimed {
                id: EffectId { machine, version: Version(row.get::<_, i64>(1)?.cast_unsigned()), index: row.get(2)? },
                fence: Fence(row.get::<_, i64>(3)?.cast_unsigned()),
                effect: from_json(&row.get::<_, String>(4)?, "an effect")?,
                progress: row.get(5)?,
                postponed: row.get(6)?,
                tried: row.get(7)?,
                since: moment(row.get(8)?),
            })
        },
    )?;
    claimed.ok_or_else(|| Error::Other(anyhow::anyhow!("outbox row {row} vanished while it was claimed")))
}

/// Notes how far a claimed effect got, and tells its machine.
pub(super) fn progress(
    desk: &mut Desk<'_>,
    id: &EffectId,
    fence: Fence,
    note: &str,
    event: Option<&Event>,
) -> Result<Fenced, Error> {
    let Some(held) = held(desk, id, fence)? else { return Ok(Fenced::Stale) };
    let sql = "UPDATE outbox SET progress = ?2, notes = notes + 1 WHERE row = ?1";
    execute(desk.connection, sql, params![held.row, note])?;
    if let Some(event) = event {
        let cause = format!("{}/progress/{fence}/{}", outcome_cause(id), held.notes + 1);
        inbox::put(desk, &cause, &id.machine, event)?;
    }
    Ok(Fenced::Accepted)
}

/// Ends a claimed effect and tells its machine.
pub(super) fn resolve(
    desk: &mut Desk<'_>,
    id: &EffectId,
    fence: Fence,
    outcome: Option<&Event>,
) -> Result<Fenced, Error> {
    let Some(held) = held(desk, id, fence)? else { return Ok(Fenced::Stale) };
    let sql = "UPDATE outbox SET ended_at = ?2, lease = NULL WHERE row = ?1";
    execute(desk.connection, sql, [held.row, nanos(desk.now)])?;
    if let Some(event) = outcome {
        inbox::put(desk, &format!("{}/{fence}", outcome_cause(id)), &id.machine, event)?;
    }
    // The next of its lane can be claimed.
    desk.has_news();
    Ok(Fenced::Accepted)
}

/// Puts a claimed effect back for a while.
pub(super) fn postpone(desk: &mut Desk<'_>, id: &EffectId, fence: Fence, how: &Postponement) -> Result<Fenced, Error> {
    let Some(held) = held(desk, id, fence)? else { return Ok(Fenced::Stale) };
    let sql = "UPDATE outbox SET lease = NULL, not_before = ?2, postponed = postponed + 1, tried = tried + ?4, why = ?3
               WHERE row = ?1";
    execute(desk.connection, sql, params![held.row, nanos(how.until), how.why, how.tried])?;
    // Whoever sleeps until the next deadline has to look at it again.
    desk.has_news();
    Ok(Fenced::Accepted)
}

/// Takes back every claim.
pub(super) fn reclaim(desk: &mut Desk<'_>) -> Result<usize, Error> {
    let freed =
        execute(desk.connection, "UPDATE outbox SET lease = NULL WHERE ended_at IS NULL AND lease IS NOT NULL", [])?;
    if freed > 0 {
        desk.has_news();
    }
    Ok(freed)
}

/// What makes an outcome the same one again, but for its fence.
fn outcome_cause(id: &EffectId) -> String {
    format!("outcome/{}/{}/{}", id.machine, id.version, id.index)
}

struct Held {
    row: i64,
    notes: i64,
}

/// The row of an effect, if this fence's claim on it still stands. A lease that ran out stands until somebody else
/// claims: what was done meanwhile was done.
fn held(desk: &Desk<'_>, id: &EffectId, fence: Fence) -> Result<Option<Held>, Error> {
    first(
        desk.connection,
        "SELECT row, notes FROM outbox WHERE machine = ?1 AND version = ?2 AND place = ?3
         AND ended_at IS NULL AND lease IS NOT NULL AND fence = ?4",
        params![id.machine.to_string(), id.version.0.cast_signed(), id.index, fence.0.cast_signed()],
        |row| Ok(Held { row: row.get(0)?, notes: row.get(1)? }),
    )
}
