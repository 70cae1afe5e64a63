//! `antiphon send`: says something to an agent. The daemon types it when the agent can hear it.

use std::io::Read as _;

use super::{
    caller::{Caller, request_id},
    error::Error,
    granted,
};
use crate::{model::SessionId, view};

const EXAMPLES: &str = "\
Examples:
  antiphon send hello-12 \"use the existing parser\"
  git diff | antiphon send hello-12 -                     what standard input says";

/// More than the daemon takes; it says how much that is.
const INPUT_BYTES_MAX: u64 = 1 << 20;

#[derive(Debug, clap::Args)]
#[command(after_help = EXAMPLES)]
pub(super) struct Arguments {
    /// The session, which bears its task's name
    session: SessionId,
    /// What is said; `-` for standard input
    #[arg(required = true, value_name = "TEXT")]
    text: Vec<String>,
    /// Prints the answer as JSON
    #[arg(long)]
    pub(super) json: bool,
}

pub(super) fn run(arguments: Arguments, caller: &Caller) -> Result<(), Error> {
    let Arguments { session, text, json } = arguments;
    let wish = view::Send { request: request_id()?, session, text: words(&text.join(" "))? };
    granted::ask(caller, json, async |client| client.send(&wish).await)
}

/// What was typed, or for `-` what standard input holds; never nothing.
pub(super) fn words(typed: &str) -> Result<String, Error> {
    let words = if typed == "-" { read_stdin()? } else { typed.to_owned() };
    if words.trim().is_empty() {
        return Err(Error::invalid("there is nothing to say").hint("write the words behind the command"));
    }
    Ok(words)
}

fn read_stdin() -> Result<String, Error> {
    let mut text = String::new();
    let read = std::io::stdin().take(INPUT_BYTES_MAX).read_to_string(&mut text);
    read.map(|_| text).map_err(|error| Error::invalid("standard input cannot be read as text").because(&error))
}
