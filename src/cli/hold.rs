//! `antiphon hold`: owns the terminal of one launch and outlives the daemon.

use std::{path::PathBuf, process::ExitCode};

use crate::{clock::Clock, runtime::pty};

#[derive(Debug, clap::Args)]
pub(super) struct Arguments {
    /// The private directory of the launch
    dir: PathBuf,
}

pub(super) fn run(arguments: &Arguments) -> ExitCode {
    let Ok(runtime) = tokio::runtime::Builder::new_current_thread().enable_all().build() else {
        return ExitCode::FAILURE;
    };
    let code = runtime.block_on(pty::hold(&arguments.dir, Clock::system()));
    ExitCode::from(u8::try_from(code).unwrap_or(1))
}
