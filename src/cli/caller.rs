//! Who called: the options that every command has, the environment, and what follows from both.

use std::path::{Path, PathBuf};

use tracing_subscriber::EnvFilter;

use super::error::Error;
use crate::{
    client::Client,
    config::{self, Config, Environment, Search},
};

/// Options of every command.
#[derive(Debug, Clone, clap::Args)]
pub(super) struct Options {
    /// Where the daemon keeps its state; default: the user's state directory
    #[arg(long, global = true, value_name = "DIR", help_heading = "Global options")]
    state_dir: Option<PathBuf>,
    /// The settings; default: the user's, and for `up` also ./antiphon.yaml
    #[arg(long, global = true, value_name = "FILE", help_heading = "Global options")]
    config: Option<PathBuf>,
    /// Says more about what is done; twice: everything
    #[arg(short, long, global = true, action = clap::ArgAction::Count, help_heading = "Global options")]
    verbose: u8,
    /// Says only what was asked for
    #[arg(short, long, global = true, conflicts_with = "verbose", help_heading = "Global options")]
    quiet: bool,
}

/// Who called.
#[derive(Debug)]
pub(super) struct Caller {
    options: Options,
    /// The environment of the process.
    pub(super) environment: Environment,
}

impl Caller {
    /// The caller with these options.
    pub(super) const fn new(options: Options, environment: Environment) -> Self {
        Self { options, environment }
    }

    /// Whether only the result is wanted.
    pub(super) const fn is_quiet(&self) -> bool {
        self.options.quiet
    }

    /// The settings file that was asked for.
    pub(super) fn asked_config(&self) -> Option<&Path> {
        self.options.config.as_deref()
    }

    /// Whether settings or a state directory were asked for.
    pub(super) const fn names_a_daemon(&self) -> bool {
        self.options.config.is_some() || self.options.state_dir.is_some()
    }

    /// The state directory.
    pub(super) fn state_dir(&self) -> Result<PathBuf, Error> {
        Ok(config::state_dir(self.options.state_dir.as_deref(), &self.environment)?)
    }

    /// Where the settings are.
    pub(super) fn config_path(&self, search: Search) -> Result<PathBuf, Error> {
        Ok(config::locate(self.asked_config(), search, &self.state_dir()?, &self.environment)?)
    }

    /// The settings and where they are; `None` if nobody asked for a file and there is none.
    pub(super) fn config_if_any(&self, search: Search) -> Result<Option<(PathBuf, Config)>, Error> {
        let asked = self.asked_config();
        match config::locate(asked, search, &self.state_dir()?, &self.environment) {
            Ok(path) => {
                let config = config::load(&path, &self.environment)?;
                Ok(Some((path, config)))
            }
            Err(config::Error::NotFound { .. }) if asked.is_none() => Ok(None),
            Err(error) => Err(error.into()),
        }
    }

    /// The same for whoever connects GitHub: what that makes may still be missing.
    pub(super) fn unconnected_if_any(&self) -> Result<Option<(PathBuf, Config)>, Error> {
        let asked = self.asked_config();
        match config::locate(asked, Search::UserThenHere, &self.state_dir()?, &self.environment) {
            Ok(path) => {
                let config = config::load_unconnected(&path, &self.environment)?;
                Ok(Some((path, config)))
            }
            Err(config::Error::NotFound { .. }) if asked.is_none() => Ok(None),
            Err(error) => Err(error.into()),
        }
    }

    /// The daemon.
    pub(super) fn client(&self) -> Result<Client, Error> {
        Ok(Client::connect(&self.state_dir()?)?)
    }

    /// The programs of `PATH`.
    pub(super) fn find_program(&self, name: &str) -> Option<PathBuf> {
        let dirs = std::env::split_paths(self.environment.var("PATH").unwrap_or_default());
        // An empty entry means the working directory, whose programs are nobody's choice.
        let mut files = dirs.filter(|dir| dir.is_absolute()).flat_map(|dir| with_endings(&dir.join(name)));
        files.find(|file| file.is_file())
    }

    /// Starts the log on standard error. `ANTIPHON_LOG` wins over `-v` and `-q`.
    pub(super) fn start_log(&self, usual: Log, json: bool) {
        let words = match (self.environment.var("ANTIPHON_LOG"), self.options.quiet, self.options.verbose) {
            (Some(asked), _, _) => asked,
            (None, true, _) => "warn",
            (None, false, 0) => usual.words(),
            (None, false, 1) => "info,antiphon=debug",
            (None, false, _) => "trace",
        };
        let filter = EnvFilter::try_new(words).unwrap_or_else(|_| EnvFilter::new("info"));
        let coloured = anstream::AutoStream::choice(&std::io::stderr()) != anstream::ColorChoice::Never;
        let log = tracing_subscriber::fmt().with_env_filter(filter).with_ansi(coloured).with_writer(std::io::stderr);
        // A second start in one process changes nothing.
        drop(if json { log.json().try_init() } else { log.with_target(false).try_init() });
    }
}

/// How much a command logs unless it was told.
#[derive(Debug, Clone, Copy)]
pub(super) enum Log {
    /// The daemon: states that a user cares about.
    Daemon,
    /// A command that says itself what it does.
    Command,
}

impl Log {
    const fn words(self) -> &'static str {
        match self {
            Self::Daemon => "info",
            Self::Command => "error",
        }
    }
}

/// Runs async work to its end on this thread.
pub(super) fn wait_for<T>(work: impl Future<Output = Result<T, Error>>) -> Result<T, Error> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    runtime.map_err(|error| Error::failed("cannot start").because(&error))?.block_on(work)
}

/// Random bytes that nobody guesses, in hexadecimal digits: two for each byte.
pub(super) fn random<const BYTES: usize>() -> Result<String, Error> {
    let mut random = [0; BYTES];
    getrandom::fill(&mut random).map_err(|error| Error::failed("there are no random numbers").because(&error))?;
    Ok(hex::encode(random))
}

/// A new id for a wish.
pub(super) fn request_id() -> Result<String, Error> {
    random::<12>()
}

#[cfg(unix)]
fn with_endings(path: &Path) -> Vec<PathBuf> {
    vec![path.to_owned()]
}

#[cfg(not(unix))]
fn with_endings(path: &Path) -> Vec<PathBuf> {
    ["exe", "cmd", "bat"].into_iter().map(|ending| path.with_extension(ending)).collect()
}
