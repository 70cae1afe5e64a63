//! Forgetting: what is done and old enough goes, in small batches, so that no caller waits long behind it.
//!
//! It never touches a delivery that is not routed, an event that waits, an effect that is open, a machine's state, the
//! newest entry of the log, or a text that one of them names.

use std::{collections::BTreeSet, time::Duration};

use jiff::Timestamp;
use rusqlite::{Connection, params};
use tracing::info;

use crate::journal::{
    Error, SqliteJournal,
    sqlite::{
        codec::{limit, nanos},
        query::{all, each, execute, first, number},
        writer::Desk,
    },
};

/// Rows that one batch looks at.
const BATCH: usize = 200;
/// Pages (4 kB) that one batch gives back to the file system.
const PAGES: i64 = 256;
/// Causes and texts outlive the entries that name them by so much: clocks differ, and a text's age is noted to the day.
const MARGIN: Duration = Duration::from_secs(2 * 24 * 60 * 60);

/// How long what is done is kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Retention {
    /// Routed deliveries and ended effects.
    pub deliveries: Duration,
    /// Entries of the log; buried deliveries; what makes an event the same one again; texts that nothing names.
    pub log: Duration,
    /// Bytes of the log, about; the oldest entries go first.
    pub log_bytes_max: u64,
}

impl Default for Retention {
    fn default() -> Self {
        const DAY: u64 = 24 * 60 * 60;
        Self {
            // GitHub offers a delivery again for three days; a week covers a holiday of the one who looks for a cause.
            deliveries: Duration::from_secs(8 * DAY),
            log: Duration::from_secs(90 * DAY),
            log_bytes_max: 1_000_000_000,
        }
    }
}

/// What was forgotten.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Compacted {
    /// Deliveries.
    pub deliveries: u64,
    /// Consumed events of inboxes.
    pub consumed: u64,
    /// Ended effects.
    pub effects: u64,
    /// Entries of the log.
    pub entries: u64,
    /// Texts.
    pub texts: u64,
}

impl SqliteJournal {
    /// Forgets what is older than the retention, counted from `now`, and gives the space back.
    ///
    /// # Errors
    ///
    /// When a batch fails; earlier batches stay done.
    pub async fn compact(&self, now: Timestamp) -> Result<Compacted, Error> {
        let before = |age: Duration| nanos(now.checked_sub(age).unwrap_or(Timestamp::MIN));
        let short = before(self.retention.deliveries);
        let long = before(self.retention.log);
        let longer = before(self.retention.log.saturating_add(MARGIN));
        let done = Compacted {
            deliveries: self.sweep(DELIVERIES, short, long).await?,
            effects: self.sweep(EFFECTS, short, long).await?,
            entries: self.cut_log(long).await?,
            consumed: self.sweep(CONSUMED, longer, longer).await?,
            texts: self.drop_texts(longer).await?,
        };
        while self.write(|desk| vacuum(desk.connection)).await? {}
        info!(
            deliveries.count = done.deliveries,
            inbox.count = done.consumed,
            effects.count = done.effects,
            entries.count = done.entries,
            texts.count = done.texts,
            "Compacted the journal"
        );
        Ok(done)
    }

    /// Walks through a table from its oldest row to the first batch that is too young.
    async fn sweep(&self, table: Table, short: i64, long: i64) -> Result<u64, Error> {
        let (mut cursor, mut removed) = (0, 0);
        loop {
            let swept = self.write(move |desk| sweep(desk.connection, table, cursor, [short, long])).await?;
            removed += swept.removed;
            match swept.next {
                Some(next) => cursor = next,
                None => return Ok(removed),
            }
        }
    }

    async fn cut_log(&self, before: i64) -> Result<u64, Error> {
        let bytes_max = i64::try_from(self.retention.log_bytes_max).unwrap_or(i64::MAX);
        let mut removed = 0;
        loop {
            let cut = self.write(move |desk| cut_log(desk.connection, before, bytes_max)).await?;
            removed += cut.cast_unsigned();
            if cut < limit(BATCH) {
                return Ok(removed);
            }
        }
    }

    /// Looks for texts that are old and unnamed as of one moment, then drops them. Between the two, a text can only
    /// get a new reference from a place that had one already, or by being kept again, which makes it young.
    async fn drop_texts(&self, before: i64) -> Result<u64, Error> {
        let forgotten = self.walk(move |connection| unnamed_texts(connection, before)).await?;
        let mut removed = 0;
        for batch in forgotten.chunks(BATCH) {
            let batch = batch.to_vec();
            removed += self.write(move |desk| drop_texts(desk, &batch, before)).await?;
        }
        Ok(removed)
    }
}

/// How to find what goes in a table whose rows are about as old as their numbers say. `scan` takes a row, two moments
/// and a limit, and gives rows, whether they go, and whether they are too young to go.
#[derive(Debug, Clone, Copy)]
struct Table {
    scan: &'static str,
    delete: &'static str,
}

const DELIVERIES: Table = Table {
    scan: "SELECT row, (status = 'routed' AND received_at < ?2) OR (status = 'dead' AND received_at < ?3),
           received_at >= ?2 FROM delivery WHERE row > ?1 ORDER BY row LIMIT ?4",
    delete: "DELETE FROM delivery WHERE row = ?1",
};

const EFFECTS: Table = Table {
    scan: "SELECT row, coalesce(ended_at < ?2, 0), ordered_at >= max(?2, ?3) FROM outbox
           WHERE row > ?1 ORDER BY row LIMIT ?4",
    delete: "DELETE FROM outbox WHERE row = ?1",
};

const CONSUMED: Table = Table {
    scan: "SELECT row, coalesce(consumed_at < ?2, 0) AND row < (SELECT max(row) FROM inbox), posted_at >= max(?2, ?3)
           FROM inbox WHERE row > ?1 ORDER BY row LIMIT ?4",
    delete: "DELETE FROM inbox WHERE row = ?1",
};

struct Swept {
    removed: u64,
    /// Where to go on.
    next: Option<i64>,
}

fn sweep(connection: &Connection, table: Table, cursor: i64, [short, long]: [i64; 2]) -> Result<Swept, Error> {
    let rows = all(connection, table.scan, [cursor, short, long, limit(BATCH)], |row| {
        Ok((row.get::<_, i64>(0)?, row.get::<_, bool>(1)?, row.get::<_, bool>(2)?))
    })?;
    let mut removed = 0;
    for (row, goes, _) in &rows {
        if *goes {
            execute(connection, table.delete, [row])?;
            removed += 1;
        }
    }
    let all_young = rows.iter().all(|(_, _, young)| *young);
    let next = rows.last().filter(|_| rows.len() == BATCH && !all_young).map(|(row, _, _)| *row);
    Ok(Swept { removed, next })
}

/// Removes entries from the front of the log: old ones, and those beyond its size. Never the newest: the next position
/// is counted from it.
fn cut_log(connection: &Connection, before: i64, bytes_max: i64) -> Result<i64, Error> {
    let newest = first(connection, "SELECT seq, total FROM log ORDER BY seq DESC LIMIT 1", [], |row| {
        Ok((row.get::<_, i64>(0)?, row.get::<_, i64>(1)?))
    })?;
    let Some((newest, total)) = newest else { return Ok(0) };
    let sql = "SELECT seq, at < ?1 OR total <= ?2 FROM log WHERE seq < ?3 ORDER BY seq LIMIT ?4";
    let front = all(connection, sql, [before, total.saturating_sub(bytes_max), newest, limit(BATCH)], |row| {
        Ok((row.get::<_, i64>(0)?, row.get::<_, bool>(1)?))
    })?;
    let last = front.iter().take_while(|(_, goes)| *goes).last();
    let Some((last, _)) = last else { return Ok(0) };
    Ok(limit(execute(connection, "DELETE FROM log WHERE seq <= ?1", [last])?))
}

/// Old texts that no state, no waiting event and no open effect names.
fn unnamed_texts(connection: &Connection, before: i64) -> Result<Vec<String>, Error> {
    let old = "SELECT hash FROM text WHERE kept_at < ?1";
    let mut old: BTreeSet<String> = all(connection, old, [before], |row| Ok(row.get(0)?))?.into_iter().collect();
    if old.is_empty() {
        return Ok(Vec::new());
    }
    for holders in [
        "SELECT state FROM machine",
        "SELECT event FROM inbox WHERE consumed_at IS NULL",
        "SELECT effect || coalesce(progress, '') FROM outbox WHERE ended_at IS NULL",
    ] {
        each(connection, holders, [], |row| {
            for hash in hashes(row.get_ref(0)?.as_str().unwrap_or_default()) {
                old.remove(hash);
            }
            Ok(())
        })?;
    }
    Ok(old.into_iter().collect())
}

/// Whatever in a text could be a hash: quotes and other punctuation end it.
fn hashes(text: &str) -> impl Iterator<Item = &str> {
    text.split(|c: char| !c.is_ascii_hexdigit()).filter(|word| word.len() == 64)
}

fn drop_texts(desk: &Desk<'_>, batch: &[String], before: i64) -> Result<u64, Error> {
    let mut removed = 0;
    for hash in batch {
        let sql = "DELETE FROM text WHERE hash = ?1 AND kept_at < ?2";
        removed += execute(desk.connection, sql, params![hash, before])? as u64;
    }
    Ok(removed)
}

/// Gives free pages back to the file system; whether there are more.
fn vacuum(connection: &Connection) -> Result<bool, Error> {
    connection.execute_batch(&format!("PRAGMA incremental_vacuum({PAGES})"))?;
    Ok(number(connection, "PRAGMA freelist_count", [])? > 0)
}
