//! `antiphon status`: what needs you, the tasks and the pull requests, once or as they change.

mod tables;
mod tone;

use super::{
    caller::{Caller, wait_for},
    error::{Error, Kind},
    output,
    subject::Numbered,
};
use crate::{
    client::Event,
    runtime::attach,
    view::{Overview, PullView},
};

const EXAMPLES: &str = "\
Examples:
  antiphon status                                         what needs you, tasks, pull requests
  antiphon status --watch                                 the same, anew whenever something changes
  antiphon status octo/hello#12                           one pull request, with everything that reviewers ask for
  antiphon status --all                                   also what has ended
  antiphon status --json | jq '.needs'                    for scripts; see its field \"schema\"
  antiphon status --json --watch                          one line for every change";

/// The width of lines that no terminal limits, as in a pipe: nothing is broken there.
const UNLIMITED: u16 = u16::MAX;

#[derive(Debug, clap::Args)]
#[command(after_help = EXAMPLES)]
#[expect(clippy::struct_excessive_bools, reason = "each is a flag of the command line")]
pub(super) struct Arguments {
    /// Only this: a pull request (`12`, `owner/name#12` or its address), or a task by its name
    subject: Option<String>,
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
            let overview = narrowed(client.overview().await?, arguments)?;
            return if arguments.json {
                output::json(&overview)
            } else {
                output::text_as_it_is(&text(&overview, arguments))
            };
        }
        let mut events = client.events().await?;
        while let Some(event) = events.next().await? {
            match event {
                Event::Overview(overview) => redraw(&narrowed(*overview, arguments)?, arguments)?,
                Event::Entry(_) => {}
            }
        }
        Err(Error::new(Kind::NoDaemon, "the daemon has ended").hint("start it with `antiphon up`"))
    })
}

/// The part of an overview that was asked for.
fn narrowed(mut overview: Overview, arguments: &Arguments) -> Result<Overview, Error> {
    let Some(subject) = &arguments.subject else { return Ok(overview) };
    let number = Numbered::parse(subject);
    let is_meant = |pull: &PullView| match &number {
        Some(meant) => meant.number == pull.number && meant.repo.as_ref().is_none_or(|it| it.as_str() == pull.repo),
        None => pull.task.as_ref() == Some(subject),
    };
    overview.pulls.retain(is_meant);
    let owners: Vec<&String> = overview.pulls.iter().filter_map(|pull| pull.task.as_ref()).chain([subject]).collect();
    overview.tasks.retain(|task| owners.contains(&&task.task));
    overview.sessions.retain(|session| owners.contains(&&session.task));
    let names = overview.pulls.iter().map(|pull| format!("{}#{}", pull.repo, pull.number));
    let names: Vec<String> = names.chain(owners.into_iter().cloned()).collect();
    overview.needs.retain(|need| names.contains(&need.subject));
    if overview.pulls.is_empty() && overview.tasks.is_empty() {
        let hint = "`antiphon status --all` lists what there is";
        return Err(Error::new(Kind::Refused, format!("nothing is known of {subject}")).hint(hint));
    }
    Ok(overview)
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
    // Who names something wants to see it, also when it is over.
    let all = arguments.all || arguments.subject.is_some();
    let requests = arguments.subject.as_ref().map(|_| tables::requests(overview));
    tables::of(overview, all, width) + &requests.unwrap_or_default()
}
