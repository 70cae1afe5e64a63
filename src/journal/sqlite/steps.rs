//! Steps of machines: the one transaction in which a cause becomes state, log, orders and news for others.

use std::collections::BTreeSet;

use jiff::Timestamp;
use rusqlite::{Connection, Row, params};

use crate::{
    effect::Effect,
    journal::{
        Cause, Commit, EffectId, Error, Step, Stored,
        sqlite::{
            codec::{from_text, kind_name, limit, moment, nanos},
            inbox, log, outbox,
            query::{all, execute, first},
            writer::Desk,
        },
    },
    model::{LookupKey, MachineKey, MachineKind, Version},
};

/// Carries out one step.
pub(super) fn commit(desk: &mut Desk<'_>, step: &Step) -> Result<Commit, Error> {
    let key = step.machine.to_string();
    let stored = first(desk.connection, "SELECT version, deadline FROM machine WHERE key = ?1", [&key], |row| {
        Ok((row.get::<_, i64>(0)?.cast_unsigned(), row.get::<_, Option<i64>>(1)?))
    })?;
    let (version, deadline) = stored.unwrap_or((0, None));
    let current = version == step.expected.0;
    let cause = match &step.cause {
        // Whoever repeats a step that was carried out is told so, although the version has moved on, too.
        Cause::Inbox(row) if !current => {
            return Ok(if is_consumed(desk, *row)? { Commit::Duplicate } else { Commit::Conflict });
        }
        Cause::Deadline(_) if !current => return Ok(Commit::Conflict),
        Cause::Inbox(row) => match inbox::consume(desk, *row, &step.machine)? {
            Some(cause) => cause,
            None => return Ok(Commit::Duplicate),
        },
        Cause::Deadline(at) if deadline == Some(nanos(*at)) => format!("deadline {at}"),
        Cause::Deadline(_) => return Ok(Commit::Duplicate),
    };
    write_machine(desk, step, &key)?;
    replace_lookup(desk.connection, &key, &step.lookup)?;
    let seq = log::append(desk, step, &key, &cause)?;
    order(desk, step)?;
    desk.has_head(seq);
    Ok(Commit::Committed(seq))
}

fn is_consumed(desk: &Desk<'_>, row: u64) -> Result<bool, Error> {
    let sql = "SELECT 1 FROM inbox WHERE row = ?1 AND consumed_at IS NULL";
    Ok(first(desk.connection, sql, [row.cast_signed()], |_| Ok(()))?.is_none())
}

fn write_machine(desk: &Desk<'_>, step: &Step, key: &str) -> Result<(), Error> {
    let (deadline, why) = match &step.deadline {
        Some((at, why)) => (Some(nanos(*at)), Some(why)),
        None => (None, None),
    };
    execute(
        desk.connection,
        "INSERT INTO machine (key, kind, version, deadline, deadline_why, state) VALUES (?1, ?2, ?3, ?4, ?5, ?6)
         ON CONFLICT (key) DO UPDATE SET version = excluded.version, deadline = excluded.deadline,
         deadline_why = excluded.deadline_why, state = excluded.state",
        params![key, kind_name(step.machine.kind()), step.expected.next().0.cast_signed(), deadline, why, step.state,],
    )?;
    Ok(())
}

/// Most steps leave the keys as they are; only what differs is written.
fn replace_lookup(connection: &Connection, machine: &str, keys: &[LookupKey]) -> Result<(), Error> {
    let wanted: BTreeSet<String> = keys.iter().map(ToString::to_string).collect();
    let sql = "SELECT key FROM lookup WHERE machine = ?1";
    let there: BTreeSet<String> = all(connection, sql, [machine], |row| Ok(row.get(0)?))?.into_iter().collect();
    for key in there.difference(&wanted) {
        execute(connection, "DELETE FROM lookup WHERE key = ?1 AND machine = ?2", [key.as_str(), machine])?;
    }
    for key in wanted.difference(&there) {
        execute(connection, "INSERT INTO lookup (key, machine) VALUES (?1, ?2)", [key.as_str(), machine])?;
    }
    Ok(())
}

/// Tells go to inboxes, everything else to the outbox.
fn order(desk: &mut Desk<'_>, step: &Step) -> Result<(), Error> {
    for (index, effect) in (0..).zip(&step.effects) {
        let id = EffectId { machine: step.machine.clone(), version: step.expected.next(), index };
        match effect {
            Effect::Tell { to, event } => {
                inbox::put(desk, &tell_cause(&id), to, event)?;
            }
            Effect::Look { .. }
            | Effect::Triage { .. }
            | Effect::LookRepository { .. }
            | Effect::Prepare { .. }
            | Effect::SetUp { .. }
            | Effect::OpenPull { .. }
            | Effect::RemoveWorkspace { .. }
            | Effect::RestoreWorkspace { .. }
            | Effect::PruneOutput { .. }
            | Effect::Launch { .. }
            | Effect::Prompt { .. }
            | Effect::Dismiss { .. }
            | Effect::SeekReceipt { .. }
            | Effect::Meter { .. }
            | Effect::Stop { .. }
            | Effect::Act(_)
            | Effect::Answer { .. }
            | Effect::Report { .. } => outbox::put(desk, &id, effect, step.at)?,
        }
    }
    Ok(())
}

/// What makes a told event the same one again.
pub(super) fn tell_cause(id: &EffectId) -> String {
    format!("tell/{}/{}/{}", id.machine, id.version, id.index)
}

/// The state of a machine.
pub(super) fn load(connection: &Connection, machine: &MachineKey) -> Result<Option<Stored>, Error> {
    let sql = "SELECT version, state FROM machine WHERE key = ?1";
    first(connection, sql, [machine.to_string()], |row| {
        Ok(Stored { version: Version(row.get::<_, i64>(0)?.cast_unsigned()), state: row.get(1)? })
    })
}

/// The states of all machines, or of one kind, sorted by key.
pub(super) fn machines(connection: &Connection, kind: Option<MachineKind>) -> Result<Vec<(MachineKey, Stored)>, Error> {
    let read = |row: &Row<'_>| {
        let key: MachineKey = from_text(&row.get::<_, String>(0)?, "a machine's key")?;
        Ok((key, Stored { version: Version(row.get::<_, i64>(1)?.cast_unsigned()), state: row.get(2)? }))
    };
    let mut found = match kind {
        Some(kind) => {
            let sql = "SELECT key, version, state FROM machine WHERE kind = ?1";
            all(connection, sql, [kind_name(kind)], read)?
        }
        None => all(connection, "SELECT key, version, state FROM machine", [], read)?,
    };
    // By the key's own order: as text, pull request 10 would come before 9.
    found.sort_by(|(a, _), (b, _)| a.cmp(b));
    Ok(found)
}

/// Machines with a deadline at or before `now`, the most overdue first.
pub(super) fn due(connection: &Connection, now: Timestamp, max: usize) -> Result<Vec<(MachineKey, Timestamp)>, Error> {
    let sql = "SELECT key, deadline FROM machine WHERE deadline <= ?1 ORDER BY deadline, key LIMIT ?2";
    all(connection, sql, [nanos(now), limit(max)], |row| {
        Ok((from_text(&row.get::<_, String>(0)?, "a machine's key")?, moment(row.get(1)?)))
    })
}

/// The earliest deadline after `after`, of a machine or of a postponed effect.
pub(super) fn next_deadline(connection: &Connection, after: Timestamp) -> Result<Option<Timestamp>, Error> {
    let sql = "SELECT min(at) FROM (SELECT min(deadline) AS at FROM machine WHERE deadline > ?1
               UNION ALL SELECT min(not_before) FROM outbox WHERE not_before > ?1)";
    Ok(first(connection, sql, [nanos(after)], |row| Ok(row.get::<_, Option<i64>>(0)?))?.flatten().map(moment))
}

/// Machines that can be found by a key, sorted.
pub(super) fn find(connection: &Connection, key: &LookupKey) -> Result<Vec<MachineKey>, Error> {
    let sql = "SELECT machine FROM lookup WHERE key = ?1";
    let mut found =
        all(connection, sql, [key.to_string()], |row| from_text(&row.get::<_, String>(0)?, "a machine's key"))?;
    found.sort();
    Ok(found)
}
