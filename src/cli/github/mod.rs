//! `antiphon github`: connects GitHub, and checks the connection.

mod check;
mod setup;
mod target;

use clap::Subcommand;

pub(super) use self::target::Target;

use super::{caller::Caller, error::Error};

const EXAMPLES: &str = "\
Examples:
  antiphon github setup --url https://box.example.org     an App of your own, made in the browser
  antiphon github setup --webhook --smee                  a webhook of the repository, for a laptop
  antiphon github check                                   whether all of it works

More: docs/github-setup.md";

#[derive(Debug, clap::Args)]
#[command(after_help = EXAMPLES)]
pub(super) struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Makes an App, or a webhook, and adds it to the settings
    Setup(Box<setup::Arguments>),
    /// Checks credential, permissions, webhook, ping, secret and clock; exit code 5 if there is a problem
    Check(check::Arguments),
}

impl Arguments {
    /// Whether errors are to be JSON.
    pub(super) const fn json(&self) -> bool {
        match &self.command {
            Command::Setup(arguments) => arguments.json,
            Command::Check(arguments) => arguments.json,
        }
    }
}

pub(super) fn run(arguments: &Arguments, caller: &Caller) -> Result<(), Error> {
    match &arguments.command {
        Command::Setup(arguments) => setup::run(arguments, caller),
        Command::Check(arguments) => check::run(arguments, caller),
    }
}
