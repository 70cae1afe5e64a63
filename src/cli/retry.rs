//! `antiphon retry`: tries again what was given up or waits for a person.

use super::{
    caller::{Caller, request_id},
    error::Error,
    granted,
};
use crate::view;

const EXAMPLES: &str = "\
Examples:
  antiphon retry hello-12                                 a task
  antiphon retry octo-org/hello#34                        what its reaction gave up on a pull request
  antiphon retry hello-12 --json";

#[derive(Debug, clap::Args)]
#[command(after_help = EXAMPLES)]
pub(super) struct Arguments {
    /// A task or session by name, or a pull request as owner/name#number
    subject: String,
    /// Prints the answer as JSON
    #[arg(long)]
    pub(super) json: bool,
}

pub(super) fn run(arguments: Arguments, caller: &Caller) -> Result<(), Error> {
    let wish = view::Subject { request: request_id()?, subject: arguments.subject };
    granted::ask(caller, arguments.json, async |client| client.retry(&wish).await)
}
