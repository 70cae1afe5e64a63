//! `antiphon doctor`: everything that has to be right, each finding with its fix; without a daemon and with one.
//!
//! It changes nothing.

mod github;
mod here;
mod repositories;

pub(super) use self::github::{credentials, own_host};

use super::{
    caller::{Caller, Log, wait_for},
    check::{self, Check, Grade},
    error::Error,
    reactions::operators,
};
use crate::{
    client::{self, Client},
    config::{Config, Search},
    reaction,
};

const EXAMPLES: &str = "\
Examples:
  antiphon doctor                                         before the first `antiphon up`, and whenever in doubt
  antiphon doctor --json | jq '.checks[] | select(.grade == \"problem\")'

Exit code 0: no problem (there may be warnings); 5: there are problems.";

#[derive(Debug, clap::Args)]
#[command(after_help = EXAMPLES)]
pub(super) struct Arguments {
    /// Prints the findings as JSON
    #[arg(long)]
    pub(super) json: bool,
}

pub(super) fn run(arguments: &Arguments, caller: &Caller) -> Result<(), Error> {
    caller.start_log(Log::Command, false);
    let checks = wait_for(async { Ok(examine(caller).await) })?;
    check::report(&checks, arguments.json, caller)
}

async fn examine(caller: &Caller) -> Vec<Check> {
    let daemon = daemon(caller).await;
    let mut checks = vec![here::git(caller).await, here::tmux(caller).await];
    match caller.config_if_any(Search::UserThenHere) {
        Ok(Some((path, config))) => {
            checks.push(Check::fine("settings", path.display().to_string()));
            checks.push(rules(&config));
            checks.push(credentials(&config, caller).await);
            checks.extend(repositories::all(&config, caller).await);
            if !daemon.is_running {
                checks.push(here::port(&config).await);
            }
        }
        Ok(None) if daemon.is_running => {
            checks.push(Check::new("settings", Grade::Note, "none found here; the daemon was given others"));
        }
        Ok(None) => checks.push(Check::problem("settings", "there are none", "write them with `antiphon init`")),
        Err(error) => checks.push(Check::of_error("settings", &error)),
    }
    checks.push(here::state_dir(caller, daemon.is_running));
    checks.extend(daemon.checks);
    checks
}

fn rules(config: &Config) -> Check {
    let sources = match operators(config) {
        Ok(own) => reaction::shipped().into_iter().chain(own).collect::<Vec<_>>(),
        Err(error) => return Check::of_error("reactions", &error),
    };
    let report = reaction::check(&sources, &config.agent_names());
    if report.mistakes.is_empty() {
        return Check::fine("reactions", format!("{} rules in {} files", report.summary.rules, report.summary.files));
    }
    Check::of_error("reactions", &Error::mistakes("the reactions", report.mistakes))
}

/// What the running daemon says of itself.
struct Daemon {
    is_running: bool,
    checks: Vec<Check>,
}

async fn daemon(caller: &Caller) -> Daemon {
    let client = caller.state_dir().and_then(|dir| Ok(Client::connect(&dir)?));
    let asked = match &client {
        Ok(client) => client.doctor().await.map_err(but_not_running),
        Err(_) => Err(None),
    };
    match asked {
        Ok(findings) => {
            let mut checks = vec![Check::fine("daemon", "it runs")];
            checks.extend(findings.into_iter().map(Check::from));
            Daemon { is_running: true, checks }
        }
        Err(None) => {
            let what = "none runs with this state directory; `antiphon up` starts one";
            Daemon { is_running: false, checks: vec![Check::new("daemon", Grade::Note, what)] }
        }
        Err(Some(error)) => Daemon { is_running: true, checks: vec![Check::of_error("daemon", &error)] },
    }
}

/// `None` if there is just no daemon.
fn but_not_running(error: client::Error) -> Option<Error> {
    match error {
        client::Error::NotRunning { .. } => None,
        client::Error::Refused(_) | client::Error::TooNew { .. } | client::Error::Other(_) => Some(error.into()),
    }
}
