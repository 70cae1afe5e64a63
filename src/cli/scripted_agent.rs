//! `antiphon scripted-agent`: the agent of the demo. It knows only the bytes of its terminal.

use std::{ffi::OsString, path::PathBuf, process::ExitCode};

use super::headless;
use crate::{
    config::{Environment, Protocol},
    simulator::agent,
};

#[derive(Debug, clap::Args)]
pub(super) struct Arguments {
    /// Milliseconds between steps, so that a person can follow
    #[arg(long, default_value_t = 0)]
    delay_ms: u64,
    /// Notes every byte that comes from the terminal in this file
    #[arg(long, value_name = "FILE")]
    record: Option<PathBuf>,
    /// Speaks this on its standard streams instead of showing itself in a terminal
    #[arg(long, value_name = "NAME", value_parser = headless::protocol)]
    protocol: Option<Protocol>,
    /// Asks nobody for anything there
    #[arg(long)]
    permitted: bool,
    /// A command that is told of prompts and turns, as agents' hooks are
    #[arg(last = true)]
    hook: Vec<OsString>,
}

pub(super) fn run(arguments: Arguments, environment: &Environment) -> ExitCode {
    let args = agent::AgentArgs {
        dir: environment.dir().to_owned(),
        env: environment.variables().iter().map(|(name, value)| (name.into(), value.into())).collect(),
        hook: arguments.hook,
        session_id: environment.var("ANTIPHON_SESSION").unwrap_or("scripted").to_owned(),
        delay_ms: arguments.delay_ms,
        record: arguments.record,
    };
    let code = match arguments.protocol {
        Some(Protocol::Acp) => agent::run_by_acp(args),
        Some(Protocol::StreamJson) => agent::run_by_stream_json(args, arguments.permitted),
        None => agent::run(args),
    };
    ExitCode::from(u8::try_from(code).unwrap_or(1))
}
