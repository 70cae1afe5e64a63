//! A start over a journal of a million entries.

use std::{path::Path, time::Duration};

use anyhow::Context as _;

use crate::{
    daemon::World,
    table::{Table, ms},
};

const ENTRIES: u64 = 1_000_000;

pub(crate) async fn measure(dir: &Path, table: &mut Table) -> anyhow::Result<()> {
    let world = World::new(dir).await?;
    let (daemon, _) = world.start().await?;
    world.answers("/readyz").await?;
    let file = world.state_dir().join("antiphon.db");
    first_entry(&file).await?;
    drop(daemon);
    let bytes = fill(&file).context("the journal cannot be filled")?;
    let begun = std::time::Instant::now();
    let (daemon, first) = world.start().await?;
    world.answers("/readyz").await?;
    let ready = begun.elapsed();
    drop(daemon);
    let found = format!("{}, listening after {}", ms(ready), ms(first));
    table.line("ready over 1,000,000 entries", found, "< 2 s", ready < Duration::from_secs(2));
    table.note("the size of that journal", format!("{} MB", bytes >> 20));
    world.end().await;
    Ok(())
}

/// The daemon is ready before it has written anything.
async fn first_entry(file: &Path) -> anyhow::Result<()> {
    for _ in 0..100 {
        let journal = rusqlite::Connection::open_with_flags(file, rusqlite::OpenFlags::SQLITE_OPEN_READ_ONLY)?;
        if journal.query_row("SELECT count(*) FROM log", [], |row| row.get::<_, i64>(0))? > 0 {
            return Ok(());
        }
        drop(journal);
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    anyhow::bail!("the daemon wrote no entry in ten seconds")
}

/// Repeats an entry that the daemon itself wrote, for a machine that has ended.
fn fill(file: &Path) -> anyhow::Result<u64> {
    let journal = rusqlite::Connection::open(file)?;
    journal.execute_batch(&format!(
        "PRAGMA synchronous = OFF;
         BEGIN;
         WITH RECURSIVE number (n) AS (VALUES (1) UNION ALL SELECT n + 1 FROM number WHERE n < {ENTRIES}),
              newest (seq, at, total, cause, rules, entropy, event, effects) AS
                (SELECT seq, at, total, cause, rules, entropy, event, effects FROM log ORDER BY seq DESC LIMIT 1)
         INSERT INTO log (seq, at, total, machine, version, cause, rules, entropy, event, effects)
         SELECT seq + n, at, total + n * 400, 'task/bench-' || (n % 1000), n / 1000 + 1, cause, rules, entropy, event,
                effects FROM newest, number;
         INSERT INTO inbox (cause, machine, posted_at, consumed_at)
         SELECT 'bench/' || seq, machine, at, at FROM log WHERE machine LIKE 'task/bench-%';
         COMMIT;"
    ))?;
    let entries: i64 = journal.query_row("SELECT count(*) FROM log", [], |row| row.get(0))?;
    anyhow::ensure!(entries > ENTRIES.cast_signed(), "only {entries} entries were written");
    // The last connection folds the write-ahead log into the file.
    drop(journal);
    Ok(std::fs::metadata(file)?.len())
}
