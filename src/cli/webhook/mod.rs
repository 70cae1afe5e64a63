//! `antiphon webhook`: receives deliveries on a machine that GitHub cannot reach.

mod door;
mod forward;
mod gh;
pub(super) mod smee;
mod stream;

use clap::Subcommand;

use super::{caller::Caller, error::Error};

const EXAMPLES: &str = "\
Examples:
  antiphon webhook forward --smee                         from the channel that `github setup --webhook --smee` made
  antiphon webhook forward --gh                           with GitHub's own forwarder

More: docs/github-setup.md";

#[derive(Debug, clap::Args)]
#[command(after_help = EXAMPLES)]
pub(super) struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Hands deliveries to the daemon on this machine until you end it
    Forward(forward::Arguments),
}

pub(super) fn run(arguments: &Arguments, caller: &Caller) -> Result<(), Error> {
    match &arguments.command {
        Command::Forward(arguments) => forward::run(arguments, caller),
    }
}
