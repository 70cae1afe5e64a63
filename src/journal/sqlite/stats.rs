//! Numbers for people and metrics, each from an index.

use std::collections::BTreeMap;

use rusqlite::Connection;

use crate::journal::{
    Error, Stats,
    sqlite::{
        codec::moment,
        query::{all, first, number},
    },
};

const NEWEST_DELIVERY: &str = "SELECT received_at FROM delivery ORDER BY row DESC LIMIT 1";

/// Counts what is there, at one moment.
pub(super) fn count(connection: &Connection) -> Result<Stats, Error> {
    let count = |sql: &str| number(connection, sql, []).map(i64::cast_unsigned);
    let kinds = "SELECT kind, count(*) FROM machine GROUP BY kind";
    let kinds = all(connection, kinds, [], |row| Ok((row.get::<_, String>(0)?, row.get::<_, i64>(1)?)))?;
    let machines: BTreeMap<String, u64> = kinds.into_iter().map(|(kind, n)| (kind, n.cast_unsigned())).collect();
    Ok(Stats {
        deliveries: count("SELECT count(*) FROM delivery")?,
        unrouted: count("SELECT count(*) FROM delivery WHERE status = 'unrouted'")?,
        dead: count("SELECT count(*) FROM delivery WHERE status = 'dead'")?,
        waiting: count("SELECT count(*) FROM inbox WHERE consumed_at IS NULL")?,
        outbox: count("SELECT count(*) FROM outbox WHERE ended_at IS NULL")?,
        // The log has no gaps: it loses entries at its front only.
        entries: count("SELECT coalesce((SELECT max(seq) FROM log) - (SELECT min(seq) FROM log) + 1, 0)")?,
        machines,
        bytes: connection.path().map_or(0, bytes_on_disk),
        newest_delivery: first(connection, NEWEST_DELIVERY, [], |row| Ok(moment(row.get(0)?)))?,
    })
}

/// The file and its write-ahead log.
fn bytes_on_disk(path: &str) -> u64 {
    let size = |path: String| std::fs::metadata(path).map_or(0, |file| file.len());
    size(path.to_owned()) + size(format!("{path}-wal"))
}
