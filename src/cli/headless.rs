//! `antiphon headless`: an agent without a terminal of its own, shown in this one.

use std::{ffi::OsString, process::ExitCode};

use super::{caller::wait_for, error::Error};
use crate::{
    agent::spool::Slot,
    config::{Environment, Permissions, Protocol},
    headless,
};

#[derive(Debug, clap::Args)]
pub(super) struct Arguments {
    /// What the agent speaks
    #[arg(long, value_name = "NAME", value_parser = protocol)]
    protocol: Protocol,
    /// What the agent may do without asking
    #[arg(long, value_name = "WHAT", default_value = "ask", value_parser = permissions)]
    permissions: Permissions,
    /// The conversation that it goes on with, if it can, or that its arguments name
    #[arg(long, value_name = "ID")]
    conversation: Option<String>,
    /// The program and its arguments
    #[arg(last = true, required = true)]
    command: Vec<OsString>,
}

pub(super) fn run(arguments: Arguments, environment: &Environment) -> Result<ExitCode, Error> {
    let spoken = headless::Arguments {
        protocol: arguments.protocol,
        command: arguments.command,
        dir: environment.dir().to_owned(),
        env: environment.variables().clone(),
        permissions: arguments.permissions,
        conversation: arguments.conversation,
        slot: Slot::of(environment.variables()),
    };
    let code =
        wait_for(async { headless::run(spoken).await.map_err(|error| Error::from(anyhow::Error::from(error))) })?;
    Ok(ExitCode::from(u8::try_from(code).unwrap_or(1)))
}

fn permissions(text: &str) -> Result<Permissions, String> {
    let known = [Permissions::Ask, Permissions::Edits, Permissions::All];
    let found = known.into_iter().find(|it| it.as_str() == text);
    found.ok_or_else(|| "it is one of ask, edits, all".to_owned())
}

pub(super) fn protocol(text: &str) -> Result<Protocol, String> {
    let found = Protocol::ALL.into_iter().find(|it| it.as_str() == text);
    found.ok_or_else(|| format!("it is one of {}", Protocol::ALL.map(Protocol::as_str).join(", ")))
}
