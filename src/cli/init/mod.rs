//! `antiphon init`: looks around, writes the first settings, and says what to do next.
//!
//! It asks no network, and never overwrites a file unless told.

mod advice;
mod settings;

use std::{
    io::Write as _,
    path::{Path, PathBuf},
};

use self::settings::Found;
use super::{
    caller::{Caller, wait_for},
    clone,
    error::Error,
    output,
    remote::Remote,
};
use crate::{
    agent,
    config::{Adapters, FILE_NAME},
    model::RepoName,
};

const EXAMPLES: &str = "\
Examples:
  cd ~/src/hello && antiphon init                         writes the user's settings for this clone
  antiphon init --print                                   only shows what would be written
  antiphon init --no-webhook                              GitHub is polled; nothing has to be connected
  antiphon init --repo octo-org/hello --config ./antiphon.yaml";

#[derive(Debug, clap::Args)]
#[command(after_help = EXAMPLES)]
#[expect(clippy::struct_excessive_bools, reason = "each is a flag of the command line")]
pub(super) struct Arguments {
    /// The clone; default: the one around the current directory
    #[arg(value_name = "DIR")]
    dir: Option<PathBuf>,
    /// The repository on GitHub; default: what the clone's remote says
    #[arg(long, value_name = "OWNER/NAME")]
    repo: Option<RepoName>,
    /// Polls GitHub instead of taking webhooks
    #[arg(long)]
    no_webhook: bool,
    /// Writes over settings that are there
    #[arg(long, conflicts_with = "print")]
    force: bool,
    /// Prints the settings and writes nothing
    #[arg(long)]
    print: bool,
}

pub(super) fn run(arguments: &Arguments, caller: &Caller) -> Result<(), Error> {
    let found = wait_for(look_around(arguments, caller))?;
    let text = settings::text(&found);
    if arguments.print {
        return output::text_as_it_is(&text);
    }
    let path = target(caller)?;
    write(&path, &text, arguments.force, &found)?;
    if caller.is_quiet() {
        return output::line(&path.display().to_string());
    }
    let option = caller.asked_config().map(|path| format!(" --config {}", path.display())).unwrap_or_default();
    output::text_as_it_is(&advice::text(&found, &path.display().to_string(), &option))
}

async fn look_around(arguments: &Arguments, caller: &Caller) -> Result<Found, Error> {
    let here = caller.environment.dir();
    let dir = arguments.dir.as_ref().map_or_else(|| here.to_owned(), |dir| here.join(dir));
    let top = clone::top(&dir, caller).await.map_err(|error| Error::failed("git cannot be asked").because(&error))?;
    let top = top.ok_or_else(|| {
        Error::invalid(format!("{} is not inside of a git repository", dir.display()))
            .hint("go into a clone of the repository, or name one: `antiphon init DIR`")
    })?;
    let remote = remote(&top, arguments.repo.as_ref(), caller).await?;
    let agents = agent::detect(&Adapters::default(), caller.environment.variables()).await;
    Ok(Found {
        base: clone::default_branch(&top, caller).await,
        path: top.display().to_string(),
        api_url: remote.api_url(),
        name: remote.name,
        agents: agents.into_iter().map(|agent| agent.name.to_string()).collect(),
        tmux: caller.find_program("tmux").is_some(),
        webhooks: !arguments.no_webhook,
    })
}

async fn remote(top: &Path, asked: Option<&RepoName>, caller: &Caller) -> Result<Remote, Error> {
    let remotes = clone::remotes(top, caller).await;
    let found = remotes.iter().find_map(|(_, url)| Remote::parse(url));
    match (asked, found) {
        (Some(name), Some(found)) => Ok(Remote { name: name.clone(), ..found }),
        (Some(name), None) => Ok(Remote { host: "github.com".to_owned(), name: name.clone() }),
        (None, Some(found)) => Ok(found),
        (None, None) => Err(Error::invalid(format!("no remote of {} is on GitHub", top.display()))
            .hint("name the repository: `antiphon init --repo OWNER/NAME`")),
    }
}

/// The file that was asked for, else the user's: the one that every command finds.
fn target(caller: &Caller) -> Result<PathBuf, Error> {
    match caller.asked_config() {
        Some(path) => Ok(caller.environment.dir().join(path)),
        None => {
            let dir = caller.environment.config_dir().ok_or(crate::config::Error::NoHome)?;
            Ok(dir.join(FILE_NAME))
        }
    }
}

fn write(path: &Path, text: &str, force: bool, found: &Found) -> Result<(), Error> {
    let unwritten = |error: std::io::Error| Error::failed(format!("cannot write {}", path.display())).because(&error);
    if let Some(dir) = path.parent() {
        std::fs::create_dir_all(dir).map_err(unwritten)?;
    }
    let mut options = std::fs::OpenOptions::new();
    options.write(true).create(true).truncate(true).create_new(!force);
    let mut file = match options.open(path) {
        Ok(file) => file,
        Err(error) if error.kind() == std::io::ErrorKind::AlreadyExists => {
            return Err(Error::invalid(format!("there are settings already: {}", path.display()))
                .hint(format!("add this below `repositories:`\n{}", settings::entry(found).trim_end()))
                .hint("or write over them with --force"));
        }
        Err(error) => return Err(unwritten(error)),
    };
    file.write_all(text.as_bytes()).and_then(|()| file.sync_all()).map_err(unwritten)
}
