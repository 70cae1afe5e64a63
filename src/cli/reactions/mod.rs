//! `antiphon reactions`: checks rules as they would be loaded, shows what they amount to and what they can speak about.

mod check;
mod context;
mod show;

use clap::Subcommand;

pub(super) use self::check::operators;

use super::{caller::Caller, error::Error};

const EXAMPLES: &str = "\
Examples:
  antiphon reactions check                                the rules in force: shipped, yours, the repositories'
  antiphon reactions check my-rule.yaml                   these files over the shipped rules
  antiphon reactions context                              what conditions and templates can speak about";

#[derive(Debug, clap::Args)]
#[command(after_help = EXAMPLES)]
pub(super) struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Checks rules and shows which one answers what; exit code 2 if there is a mistake
    Check(check::Arguments),
    /// Shows what conditions and templates can speak about
    Context(context::Arguments),
}

impl Arguments {
    /// Whether errors are to be JSON.
    pub(super) const fn json(&self) -> bool {
        match &self.command {
            Command::Check(arguments) => arguments.json,
            Command::Context(arguments) => arguments.json,
        }
    }
}

pub(super) fn run(arguments: &Arguments, caller: &Caller) -> Result<(), Error> {
    match &arguments.command {
        Command::Check(arguments) => check::run(arguments, caller),
        Command::Context(arguments) => context::run(arguments),
    }
}
