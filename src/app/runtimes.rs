//! The runtimes that this machine has.

use std::{collections::BTreeMap, ffi::OsString, path::Path, sync::Arc};

use super::Order;
use crate::{
    clock::Clock,
    config::Config,
    places::Places,
    runtime::{
        Runtime, Settle,
        pty::PtyRuntime,
        tmux::{Socket, TmuxRuntime},
    },
};

/// Where runtimes note which launch lives where.
const LAUNCHES: &str = "launches";

/// Runtimes by the name that settings use.
pub(super) type Runtimes = BTreeMap<String, Arc<dyn Runtime>>;

/// `pty`, which every machine has, and `tmux`, which says clearly what is missing when it is used without.
pub(super) fn all(order: &Order, places: &Places, config: &Config, clock: &Clock) -> Runtimes {
    let settle = Settle::TYPICAL.faster(config.time_scale);
    let holder = vec![order.own_program.clone().into_os_string()];
    let pty = pty(holder.clone(), places.root(), settle);
    let tmux = tmux(places.root(), settle, clock.clone()).recorded_by(holder);
    let named = |name: &str, runtime: Arc<dyn Runtime>| (name.to_owned(), runtime);
    BTreeMap::from([named("pty", Arc::new(pty)), named("tmux", Arc::new(tmux))])
}

/// The runtime `pty` of this state directory. `holder` begins the command line of those who hold new terminals.
#[must_use]
pub fn pty(holder: Vec<OsString>, state_dir: &Path, settle: Settle) -> PtyRuntime {
    PtyRuntime::with_settle(holder, state_dir.join(LAUNCHES).join("pty"), settle)
}

/// The runtime `tmux` of this state directory. Must be called within an async runtime.
#[must_use]
pub fn tmux(state_dir: &Path, settle: Settle, clock: Clock) -> TmuxRuntime {
    let socket = Socket::of_state_dir(state_dir);
    TmuxRuntime::new("tmux".into(), socket, state_dir.join(LAUNCHES).join("tmux"), settle, clock)
}
