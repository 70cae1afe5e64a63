//! The command line: one file per command, one error with kind, cause and hint.
//!
//! Commands that people use speak to a running daemon as clients, or look at files. Hidden ones are what the daemon
//! itself starts: the holder of a terminal, its recorder, the hook of an agent, the credential helper of its git.
//!
//! Nothing here starts an async runtime before a command needs one: `--version` and completions are instant.

mod adopt;
mod age;
mod attach;
mod bench;
mod caller;
mod check;
mod clone;
mod command;
mod completions;
mod demo;
mod doctor;
mod error;
mod exit_codes;
mod faulty_agent;
mod gc;
mod git_credential;
mod github;
mod granted;
mod headless;
mod hold;
mod hook;
mod init;
mod journal;
mod logs;
mod open;
mod output;
mod reactions;
mod record;
mod recording;
mod remote;
mod retry;
mod sandbox;
mod scripted_agent;
mod send;
mod spawn;
mod status;
mod stop;
mod subject;
mod undo;
mod up;
mod webhook;

use std::{ffi::OsString, process::ExitCode};

use anstyle::AnsiColor;
use clap::{Parser, builder::Styles};

use self::{caller::Caller, command::Command, error::Error};
use crate::config::Environment;

const STYLES: Styles = Styles::styled()
    .header(AnsiColor::Cyan.on_default().bold())
    .usage(AnsiColor::Cyan.on_default().bold())
    .literal(AnsiColor::Green.on_default())
    .placeholder(AnsiColor::Yellow.on_default());

const EXAMPLES: &str = "\
Examples:
  antiphon demo                    plays the whole story, without an account or a network
  antiphon init                    writes the settings for the clone you stand in
  antiphon github setup            connects GitHub: an App, or a webhook
  antiphon doctor                  checks that everything is there
  antiphon up                      runs the daemon
  antiphon status --watch          what happens, and what needs you

Exit codes: antiphon help exit-codes. Colours: none in a pipe, or if NO_COLOR is set.";

/// GitHub calls, your agents answer.
#[derive(Debug, Parser)]
#[command(name = "antiphon", version, about, after_help = EXAMPLES, styles = STYLES, arg_required_else_help = true)]
struct Arguments {
    #[command(flatten)]
    options: caller::Options,
    #[command(subcommand)]
    command: Command,
}

/// Runs the command line and returns the exit code.
#[must_use]
pub fn main() -> ExitCode {
    let typed: Vec<OsString> = std::env::args_os().collect();
    let Arguments { options, command } = match Arguments::try_parse_from(&typed) {
        Ok(arguments) => arguments,
        Err(error) => return not_understood(error, &typed),
    };
    let caller = Caller::new(options, Environment::from_process());
    let json = command.wants_json();
    command.run(&caller).unwrap_or_else(|error| end(&error, json))
}

/// Help and version are asked for in the same way as mistakes are made.
fn not_understood(error: clap::Error, typed: &[OsString]) -> ExitCode {
    if typed.get(1).is_some_and(|command| command == "hook") && error.use_stderr() {
        return ExitCode::SUCCESS;
    }
    let before_rest = typed.iter().take_while(|it| *it != "--");
    if error.use_stderr() && before_rest.into_iter().any(|it| it == "--json") {
        return end(&error.into(), true);
    }
    // Nobody is left to tell if the stream is closed.
    drop(error.print());
    ExitCode::from(u8::try_from(error.exit_code()).unwrap_or(2))
}

fn end(error: &Error, json: bool) -> ExitCode {
    output::complain(error, json);
    ExitCode::from(error.kind.exit_code())
}
