//! Ends what outlives the daemon on purpose.

use std::time::Duration;

use anyhow::Context as _;

use super::{Order, Places, runtimes};
use crate::{clock::Clock, config};

/// How long an agent may take to end by itself.
const GRACE: Duration = Duration::from_secs(2);

/// Ends every agent of a state directory, in whatever runtime. Its daemon must have ended before.
///
/// # Errors
///
/// When the settings are wrong, or something is still there at the end.
pub async fn end_sessions(order: &Order) -> anyhow::Result<()> {
    let config = config::load(&order.config, &order.environment)?;
    let places = Places::new(&order.state_dir);
    for (name, runtime) in runtimes::all(order, &places, &config, &Clock::system()) {
        // A runtime that is not installed holds nothing.
        let Ok(held) = runtime.list().await else { continue };
        for address in held {
            runtime.stop(&address, GRACE).await.with_context(|| format!("cannot end {address} in {name}"))?;
        }
    }
    Ok(())
}
