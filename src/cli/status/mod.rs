//! `antiphon status`: what needs you, the tasks and the pull requests, once or as they change.

mod tables;
mod tone;

use super::{
    caller::{Caller, wait_for},
    error::{Error, Kind},
    output,
};
use crate::{client::Event, runtime::attach, view::Overview};

const EXAMPLES: &str = "\
Examples:
  antiphon status                                         what needs you, tasks, pull requests
  antiphon status --watch                                 the same, anew whenever something changes
  antiphon status --all                                   also what has ended
  antiphon status --json | jq '.needs'                    for scripts; see its field \"schema\"
  antiphon status --json --watch                          one line for every change";

/// The width of lines that no terminal limits, as in a pipe: nothing is broken there.
const UNLIMITED: u16 = u16::MAX;

#[derive(Debug, clap::Args)]
#[command(after_help = EXAMPLES)]
#[expect(clippy::struct_excessive_bools, reason = "each is a flag of the command line")]
pub(super) struct Arguments {
    /// Goes on showing it as it changes
    #[arg(long, short)]
    watch: bool,
    /// Also shows tasks and pull requests that have ended
    #[arg(long, short)]
    all: bool,
    /// Prints everything as JSON
    #[arg(long)]
    pub(super) json: bool,
}

pub(super) fn run(arguments: &Arguments, caller: &Caller) -> Result<(), Error> {
    let client = caller.client()?;
    wait_for(async {
        if !arguments.watch {
            let overview = client.overview().await?;
            return if arguments.json {
                output::json(&overview)
            } else {
                output::text_as_it_is(&text(&overview, arguments))
            };
        }
        let mut events = client.events().await?;
        while let Some(event) = events.next().await? {
            match event {
                Event::Overview(overview) => redraw(&overview, arguments)?,
                Event::Entry(_) => {}
            }
        }
        Err(Error::new(Kind::NoDaemon, "the daemon has ended").hint("start it with `antiphon up`"))
    })
}

fn redraw(overview: &Overview, arguments: &Arguments) -> Result<(), Error> {
    if arguments.json {
        return output::json_line(overview);
    }
    // Home, then clear: what is behind a terminal's screen stays.
    let clear = if output::is_terminal() { "\x1b[H\x1b[2J" } else { "" };
    output::raw(clear)?;
    output::text_as_it_is(&text(overview, arguments))
}

fn text(overview: &Overview, arguments: &Arguments) -> String {
    let width =
        if output::is_terminal() { attach::size().map_or(UNLIMITED, |(columns, _)| columns) } else { UNLIMITED };
    tables::of(overview, arguments.all, width)
}
