//! The product beside the floor that the machine sets, in one run: `scripts/bench` prints the table.
//!
//! ```text
//! bench                  the whole run
//! bench bare             a bare axum server with HMAC and parse, until its input ends   (a child of the run)
//! bench worktrees        workspaces of a large repository alone
//! bench crowd            a hundred sessions that wait, alone
//! bench agent            an agent that notes when text reached it                        (runs inside a session)
//! ```
//!
//! Nothing here judges: a figure that is missed is a line in a table. All load stays on this machine's loopback.

#![expect(clippy::print_stdout, reason = "the table is the product")]
#![expect(clippy::disallowed_methods, reason = "a measurement reads the machine's clock and starts programs itself")]

mod agent;
mod bare;
mod chain;
mod crowd;
mod daemon;
mod doors;
mod floors;
mod journal;
mod load;
mod restart;
mod starts;
mod table;
mod tmux;
mod worktrees;

use std::{path::Path, time::Duration};

use table::Table;

/// How long one measurement under load takes.
const LOAD: Duration = Duration::from_secs(3);

fn main() -> anyhow::Result<()> {
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build()?;
    match std::env::args().nth(1).as_deref() {
        Some("bare") => runtime.block_on(bare::serve()),
        Some("agent") => agent::run(),
        Some("worktrees") => runtime.block_on(alone(async |dir, table| worktrees::measure(dir, table).await)),
        Some("crowd") => runtime.block_on(alone(async |dir, table| crowd::measure(dir, table).await)),
        _ => runtime.block_on(run()),
    }
}

async fn alone(measure: impl AsyncFnOnce(&Path, &mut Table) -> anyhow::Result<()>) -> anyhow::Result<()> {
    let dir = tempfile::Builder::new().prefix("antiphon-bench-").tempdir()?;
    let mut table = Table::default();
    measure(dir.path(), &mut table).await?;
    println!("{table}");
    Ok(())
}

async fn run() -> anyhow::Result<()> {
    let dir = tempfile::Builder::new().prefix("antiphon-bench-").tempdir()?;
    let mut table = Table::default();
    let sync = floors::fdatasync(dir.path())?;
    table.floor("append 512 B and fdatasync, p50", sync);
    doors::measure(dir.path(), sync, &mut table).await?;
    journal::measure(&dir.path().join("journal"), sync, &mut table).await?;
    chain::measure(&dir.path().join("chain"), &mut table).await?;
    tmux::measure(&dir.path().join("tmux"), &mut table).await?;
    starts::measure(dir.path(), &mut table).await?;
    restart::measure(&dir.path().join("restart"), &mut table).await?;
    worktrees::measure(dir.path(), &mut table).await?;
    crowd::measure(&dir.path().join("crowd"), &mut table).await?;
    let again = floors::fdatasync(dir.path())?;
    table.floor("the same at the end of the run", again);
    println!("{table}");
    Ok(())
}
