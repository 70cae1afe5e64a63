//! `antiphon record`: records what tmux passes on of one terminal.

use std::{path::PathBuf, process::ExitCode};

use crate::{clock::Clock, runtime::recording};

#[derive(Debug, clap::Args)]
pub(super) struct Arguments {
    /// The private directory of the launch
    dir: PathBuf,
    /// The terminal, which is asked for its size
    terminal: PathBuf,
}

pub(super) fn run(arguments: &Arguments) -> ExitCode {
    let Ok(runtime) = tokio::runtime::Builder::new_current_thread().enable_all().build() else {
        return ExitCode::FAILURE;
    };
    let (clock, output) = (Clock::system(), tokio::io::stdin());
    let code = runtime.block_on(recording::record(&arguments.dir, &arguments.terminal, output, &clock));
    ExitCode::from(u8::try_from(code).unwrap_or(1))
}
