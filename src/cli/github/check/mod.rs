//! `antiphon github check`: whether the connection with GitHub works, each finding with what mends it.
//!
//! It changes nothing, except that it orders a ping.

mod deliveries;
mod ping;
mod who;

use super::Target;
use crate::{
    cli::{
        caller::{Caller, Log, wait_for},
        check::{self, Check, Grade},
        doctor,
        error::Error,
    },
    clock::Clock,
    config::{self, Search},
    github,
    model::RepoName,
};

const EXAMPLES: &str = "\
Examples:
  antiphon github check                                   every repository of the settings
  antiphon github check --repo octo-org/hello --no-ping
  antiphon github check --json | jq '.checks[] | select(.grade == \"problem\")'

Exit code 0: no problem (there may be warnings); 5: there are problems.";

#[derive(Debug, clap::Args)]
#[command(after_help = EXAMPLES)]
pub(super) struct Arguments {
    /// Only this repository
    #[arg(long, value_name = "OWNER/NAME")]
    repo: Option<RepoName>,
    /// Orders no ping
    #[arg(long)]
    no_ping: bool,
    /// Prints the findings as JSON
    #[arg(long)]
    pub(super) json: bool,
}

pub(super) fn run(arguments: &Arguments, caller: &Caller) -> Result<(), Error> {
    caller.start_log(Log::Command, false);
    let checks = wait_for(examine(arguments, caller))?;
    check::report(&checks, arguments.json, caller)
}

async fn examine(arguments: &Arguments, caller: &Caller) -> Result<Vec<Check>, Error> {
    let targets = Target::all(arguments.repo.as_ref(), caller).await?;
    let first = targets.first().ok_or_else(|| Error::invalid("there is no repository to check"))?;
    let mut checks = vec![settings(caller), secret(first)];
    let credential = doctor::credentials(&first.config, caller).await;
    let usable = credential.grade != Grade::Problem;
    checks.push(credential);
    if !usable {
        return Ok(checks);
    }
    let clock = Clock::system();
    let client = first.client(&caller.environment, &clock)?;
    for target in &targets {
        let Some(private) = who::look(&client, target, &mut checks).await else { continue };
        who::permissions(&client, target, private, &mut checks).await;
        if !target.config.webhook.enabled {
            continue;
        }
        for hook in deliveries::look(&client, target, &mut checks).await {
            // The ping first: it may be the one delivery that shows how things are now.
            if !arguments.no_ping {
                checks.push(ping::there_and_back(&client, &hook, caller, &clock).await);
            }
            deliveries::lately(&client, &hook, &clock, &mut checks).await;
        }
    }
    checks.extend(who::budget(&client));
    Ok(checks)
}

fn settings(caller: &Caller) -> Check {
    match caller.config_if_any(Search::UserThenHere) {
        Ok(Some((path, _))) => Check::fine("settings", path.display().to_string()),
        Ok(None) => Check::warning("settings", "there are none", "write them with `antiphon init`"),
        Err(error) => Check::of_error("settings", &error),
    }
}

/// Whether deliveries can be checked, and nobody else reads what they are signed with.
fn secret(target: &Target) -> Check {
    const NAME: &str = "secret";
    let config::Webhook { enabled, secrets, secret_file, .. } = &target.config.webhook;
    if !enabled {
        return Check::new(NAME, Grade::Note, "webhooks are switched off: GitHub is polled");
    }
    let Some(shortest) = secrets.iter().map(|secret| secret.expose().len()).min() else {
        return Check::problem(NAME, "the settings have none for the webhook", "make one with `antiphon github setup`");
    };
    if let Some(file) = secret_file.as_ref().filter(|file| is_open(file)) {
        let what = format!("others on this machine can read {}", file.display());
        return Check::problem(NAME, what, format!("chmod 600 {}", file.display()));
    }
    if shortest < 16 {
        let what = format!("the shortest has only {shortest} characters");
        return Check::warning(NAME, what, "make a longer one: `antiphon github setup --secret-only`");
    }
    Check::fine(NAME, "the settings have one for the webhook")
}

#[cfg(unix)]
fn is_open(file: &std::path::Path) -> bool {
    use std::os::unix::fs::PermissionsExt as _;
    std::fs::metadata(file).is_ok_and(|metadata| metadata.permissions().mode() & 0o077 != 0)
}

#[cfg(not(unix))]
fn is_open(_file: &std::path::Path) -> bool {
    false
}

/// Why GitHub could not be asked, in one line.
fn in_words(error: &github::Error) -> String {
    let mut words = error.to_string();
    let mut next = std::error::Error::source(error);
    while let Some(cause) = next {
        words.push_str(": ");
        words.push_str(&cause.to_string());
        next = cause.source();
    }
    words
}
