//! `antiphon acp`: an agent that speaks the Agent Client Protocol, in this terminal.

use std::{ffi::OsString, process::ExitCode};

use super::{caller::wait_for, error::Error};
use crate::{
    acp,
    agent::spool::Slot,
    config::{Environment, Permissions},
};

#[derive(Debug, clap::Args)]
pub(super) struct Arguments {
    /// What the agent may do without asking
    #[arg(long, value_name = "WHAT", default_value = "ask", value_parser = permissions)]
    permissions: Permissions,
    /// The conversation that it goes on with, if it can
    #[arg(long, value_name = "ID")]
    resume: Option<String>,
    /// The program and its arguments
    #[arg(last = true, required = true)]
    command: Vec<OsString>,
}

pub(super) fn run(arguments: Arguments, environment: &Environment) -> Result<ExitCode, Error> {
    let spoken = acp::Arguments {
        command: arguments.command,
        dir: environment.dir().to_owned(),
        env: environment.variables().clone(),
        permissions: arguments.permissions,
        resume: arguments.resume,
        slot: Slot::of(environment.variables()),
    };
    let code = wait_for(async { acp::run(spoken).await.map_err(|error| Error::from(anyhow::Error::from(error))) })?;
    Ok(ExitCode::from(u8::try_from(code).unwrap_or(1)))
}

fn permissions(text: &str) -> Result<Permissions, String> {
    let known = [Permissions::Ask, Permissions::Edits, Permissions::All];
    let found = known.into_iter().find(|it| it.as_str() == text);
    found.ok_or_else(|| "it is one of ask, edits, all".to_owned())
}
