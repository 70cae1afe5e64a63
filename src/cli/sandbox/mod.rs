//! A world of its own for a daemon: a private directory, a simulated GitHub, secrets, an address and an environment.
//!
//! `antiphon demo` and `antiphon bench` live in one. Nothing of the user's is read or written but what the environment
//! lends, and nothing is left behind unless somebody wants it kept.

mod holder;
mod tail;
mod unfit;
mod world;

use std::path::Path;

use tokio_util::sync::CancellationToken;

pub(super) use self::{
    holder::{DRAIN, clear_up, holder},
    tail::Tail,
    unfit::{Unfit, answers},
    world::{OWN_LOGIN, Plan, Sandbox},
};
use crate::{app, background::Tasks};

/// Cancelled when somebody asks this process to end. From now on nothing else ends it.
pub(super) fn hear_signals(tasks: &Tasks) -> CancellationToken {
    let asked = CancellationToken::new();
    let heard = asked.clone();
    let Ok(mut ending) = app::Ending::listen() else { return asked };
    tasks.spawn("signals", |stop| async move {
        tokio::select! {
            () = stop.cancelled() => {}
            () = ending.asked() => heard.cancel(),
        }
    });
    asked
}

/// A path as a string of YAML.
pub(super) fn quoted(path: &Path) -> String {
    format!("'{}'", path.display().to_string().replace('\'', "''"))
}
