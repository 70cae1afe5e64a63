//! `antiphon logs`: what happened to a task, its agent and its pull request, and why.

use std::str::FromStr as _;

use jiff::tz::TimeZone;

use super::{
    caller::{Caller, wait_for},
    error::{Error, Kind},
    output,
    subject::Numbered,
};
use crate::{
    client::{Client, Event},
    model::{MachineKey, Seq, TaskId},
    view::{EntryView, TaskLog},
};

const EXAMPLES: &str = "\
Examples:
  antiphon logs hello-12                                  a task: its setup, its agent, its pull request
  antiphon logs octo-org/hello#34                         the same, by the pull request
  antiphon logs hello-12 --follow                         goes on as things happen
  antiphon logs hello-12 --json | jq .event               one entry a line, routine included
  antiphon logs fleet                                     any machine by its key, as `--json` shows it";

/// How many entries of a machine are shown.
const ENTRIES_MAX: usize = 200;

#[derive(Debug, clap::Args)]
#[command(after_help = EXAMPLES)]
#[expect(clippy::struct_excessive_bools, reason = "each is a flag of the command line")]
pub(super) struct Arguments {
    /// A task or session by name, a pull request as owner/name#number, or the key of a machine
    subject: String,
    /// Goes on as things happen
    #[arg(long, short)]
    follow: bool,
    /// Also shows entries that only say that somebody looked
    #[arg(long, short)]
    all: bool,
    /// Prints every entry as one line of JSON
    #[arg(long)]
    pub(super) json: bool,
}

pub(super) fn run(arguments: &Arguments, caller: &Caller) -> Result<(), Error> {
    let client = caller.client()?;
    wait_for(async {
        let log = Log { client: &client, of: Subject::parse(&arguments.subject, &client).await?, arguments };
        // Listening begins first, so that nothing falls between what was and what comes.
        let events = if arguments.follow { Some(client.events().await?) } else { None };
        let mut shown = log.show_after(None).await?;
        let Some(mut events) = events else { return Ok(()) };
        while let Some(event) = events.next().await? {
            match event {
                Event::Entry(entry) if Some(entry.seq) > shown && log.of.may_be_about(&entry.machine) => {
                    shown = log.show_after(shown).await?.max(shown);
                }
                Event::Entry(_) | Event::Overview(_) => {}
            }
        }
        Err(Error::new(Kind::NoDaemon, "the daemon has ended"))
    })
}

/// Whose log.
enum Subject {
    Task(TaskId),
    Machine(MachineKey),
}

impl Subject {
    async fn parse(text: &str, client: &Client) -> Result<Self, Error> {
        if let Some(pull) = Numbered::parse(text) {
            return task_of(&pull, text, client).await.map(Self::Task);
        }
        if text.contains('/') || text == "fleet" {
            return MachineKey::from_str(text).map(Self::Machine).map_err(|error| unknown(&error));
        }
        TaskId::from_str(text).map(Self::Task).map_err(|error| unknown(&error))
    }

    /// What happens to a task happens to its session and pull request, too; the fleet and backlogs are others.
    fn may_be_about(&self, machine: &MachineKey) -> bool {
        match (self, machine) {
            (Self::Machine(own), machine) => own == machine,
            (Self::Task(own), MachineKey::Task(task)) => own == task,
            (Self::Task(own), MachineKey::Session(session)) => own.as_str() == session.as_str(),
            (Self::Task(_), MachineKey::Pull { .. }) => true,
            (Self::Task(_), MachineKey::Backlog(_) | MachineKey::Fleet) => false,
        }
    }
}

fn unknown(error: &crate::model::InvalidId) -> Error {
    Error::invalid(error.to_string())
        .hint("name a task as `antiphon status` shows it, or a pull request as owner/name#12")
}

/// The task that owns a pull request.
async fn task_of(wanted: &Numbered, text: &str, client: &Client) -> Result<TaskId, Error> {
    let overview = client.overview().await?;
    let meant = |repo: &str| wanted.repo.as_ref().is_none_or(|name| name.as_str().eq_ignore_ascii_case(repo));
    let mut found = overview.pulls.iter().filter(|pull| pull.number == wanted.number && meant(&pull.repo));
    let refused = |message: String| Error::new(Kind::Refused, message);
    let (Some(pull), None) = (found.next(), found.next()) else {
        return Err(refused(format!("{text} is not one pull request")).hint("name it as owner/name#12"));
    };
    let task = pull.task.as_deref().and_then(|task| task.parse().ok());
    task.ok_or_else(|| {
        refused(format!("no task owns {}#{}", pull.repo, pull.number))
            .hint(format!("let an agent carry it on: `antiphon adopt {}#{}`", pull.repo, pull.number))
    })
}

struct Log<'a> {
    client: &'a Client,
    of: Subject,
    arguments: &'a Arguments,
}

impl Log<'_> {
    /// Shows the entries after `after`, and what the setup wrote before the first; the newest position.
    async fn show_after(&self, after: Option<Seq>) -> Result<Option<Seq>, Error> {
        let entries = match &self.of {
            Subject::Machine(machine) => self.client.history(machine, ENTRIES_MAX).await?,
            Subject::Task(task) => {
                let log = self.client.task_log(task).await?;
                if after.is_none() {
                    self.show_setup(&log)?;
                }
                log.entries
            }
        };
        for entry in entries.iter().filter(|entry| Some(entry.seq) > after) {
            self.show(entry)?;
        }
        Ok(entries.iter().map(|entry| entry.seq).max())
    }

    fn show_setup(&self, log: &TaskLog) -> Result<(), Error> {
        match &log.setup {
            Some(setup) if !self.arguments.json && !setup.trim().is_empty() => {
                output::line(&format!("setup of {}\n  {}\n", log.task, setup.trim_end().replace('\n', "\n  ")))
            }
            Some(_) | None => Ok(()),
        }
    }

    fn show(&self, entry: &EntryView) -> Result<(), Error> {
        if self.arguments.json {
            return output::json_line(entry);
        }
        if entry.is_routine() && !self.arguments.all {
            return Ok(());
        }
        output::line(&line(entry))
    }
}

fn line(entry: &EntryView) -> String {
    let at = entry.at.to_zoned(TimeZone::system()).strftime("%F %T").to_string();
    let detail = entry.detail.as_ref().map(|detail| format!(": {detail}")).unwrap_or_default();
    let effects =
        if entry.effects.is_empty() { String::new() } else { format!("\n{:21}→ {}", "", entry.effects.join("; ")) };
    format!("{at}  {:<22} {}{detail}{effects}", entry.machine.to_string(), entry.event)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{PrNumber, RepoId};

    #[test]
    fn a_task_hears_of_its_session_but_not_of_a_namesakes() {
        let of = Subject::Task("t-1".parse().unwrap());
        let session = |name: &str| MachineKey::Session(name.parse().unwrap());

        assert!(of.may_be_about(&session("t-1")) && !of.may_be_about(&session("t-10")));
        assert!(of.may_be_about(&MachineKey::Pull { repo: RepoId(1), number: PrNumber(2) }));
        assert!(!of.may_be_about(&MachineKey::Fleet));
    }
}
