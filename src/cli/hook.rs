//! `antiphon hook`: writes what an agent's hook says into the spool of its launch. It succeeds whatever happens, and
//! says nothing: a hook that fails or talks would disturb the agent, and there is nobody else to tell.

use std::io::Cursor;

use crate::{
    agent::spool::{self, Slot},
    clock::Clock,
    config::Environment,
};

#[derive(Debug, clap::Args)]
pub(super) struct Arguments {
    /// What the agent passes as an argument instead of on standard input
    #[arg(allow_hyphen_values = true)]
    report: Option<String>,
}

pub(super) fn run(arguments: Arguments, environment: &Environment) {
    let Some(slot) = Slot::of(environment.variables()) else { return };
    let now = Clock::system().now();
    // What could not be recorded is seen by a look later.
    drop(match arguments.report {
        Some(report) => spool::report(slot, Cursor::new(report), now),
        None => spool::report(slot, std::io::stdin(), now),
    });
}
