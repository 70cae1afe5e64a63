//! `antiphon up`: runs the daemon until it is asked to end.

use std::path::{Path, PathBuf};

use super::{
    caller::{Caller, Log},
    error::Error,
    output,
    reactions::operators,
};
use crate::{
    app::{self, Order},
    boundary,
    config::{self, Search},
    reaction,
};

const EXAMPLES: &str = "\
Examples:
  antiphon up                                             with the user's settings, else ./antiphon.yaml
  antiphon up --config ./antiphon.yaml --state-dir ./state
  ANTIPHON_LOG=info,antiphon::engine=debug antiphon up    more about one part
  antiphon up --log-json 2> antiphon.log                  for log collectors

It ends on ctrl-c or SIGTERM, after what has begun is finished. Agents live on, and the next start finds them again.
Settings and reactions are taken over when their files change; mistakes in them change nothing and are shown.";

#[derive(Debug, clap::Args)]
#[command(after_help = EXAMPLES)]
pub(super) struct Arguments {
    /// Log lines as JSON objects
    #[arg(long)]
    log_json: bool,
    /// Kills the process at the n-th counted boundary, for tests of recovery
    #[arg(long, hide = true, value_name = "N")]
    die_at_boundary: Option<u64>,
    /// Kills the process at the first boundary of this name, for tests of recovery
    #[arg(long, hide = true, value_name = "NAME")]
    die_at_boundary_named: Option<String>,
    /// Writes the number of boundaries that were crossed to this file at the end
    #[arg(long, hide = true, value_name = "FILE")]
    count_boundaries: Option<PathBuf>,
}

pub(super) fn run(arguments: &Arguments, caller: &Caller) -> Result<(), Error> {
    caller.start_log(Log::Daemon, arguments.log_json);
    if let Some(n) = arguments.die_at_boundary {
        boundary::die_at(n);
    }
    if let Some(name) = &arguments.die_at_boundary_named {
        boundary::die_at_named(name.clone());
    }
    let ended = serve(caller);
    match &arguments.count_boundaries {
        Some(path) => ended.and(count(path)),
        None => ended,
    }
}

fn count(path: &Path) -> Result<(), Error> {
    std::fs::write(path, boundary::crossed().to_string())
        .map_err(|error| Error::failed(format!("cannot write {}", path.display())).because(&error))
}

fn serve(caller: &Caller) -> Result<(), Error> {
    let config = caller.config_path(Search::UserThenHere)?;
    check(&config, caller)?;
    let own_program = own_program()?;
    let order = Order { config, state_dir: caller.state_dir()?, environment: caller.environment.clone(), own_program };
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build();
    runtime.map_err(|error| Error::failed("cannot start").because(&error))?.block_on(async {
        let daemon = app::start(order).await.map_err(refused)?;
        if !caller.is_quiet() {
            output::line(&format!("Antiphon is up on http://{}\nOpen once: {}", daemon.address(), daemon.link()))?;
        }
        daemon.run().await;
        Ok(())
    })
}

/// A daemon that runs keeps its last good rules; one that starts has none yet, so mistakes are better told now.
fn check(path: &Path, caller: &Caller) -> Result<(), Error> {
    let config = config::load(path, &caller.environment)?;
    let sources: Vec<_> = reaction::shipped().into_iter().chain(operators(&config)?).collect();
    let mistakes = reaction::check(&sources, &config.agent_names()).mistakes;
    if mistakes.is_empty() { Ok(()) } else { Err(Error::mistakes("the reactions", mistakes)) }
}

fn refused(error: anyhow::Error) -> Error {
    let taken = error.chain().any(|cause| {
        cause.downcast_ref::<std::io::Error>().is_some_and(|io| io.kind() == std::io::ErrorKind::AddrInUse)
    });
    let error = Error::from(error);
    if taken {
        error.hint("end what listens there, or choose another address: `listen: 127.0.0.1:7118`")
    } else {
        error
    }
}

fn own_program() -> Result<PathBuf, Error> {
    std::env::current_exe().map_err(|error| Error::failed("cannot tell which program this is").because(&error))
}
