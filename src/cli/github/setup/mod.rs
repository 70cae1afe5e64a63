//! `antiphon github setup`: an App from a manifest through the browser, or a webhook of the repository.
//!
//! It asks nothing that it can find out, prints no secret, and changes what it made before instead of making another.

mod app;
mod browser;
mod edit;
mod report;
mod secret;
mod webhook;

use url::Url;

use self::report::Report;
use super::Target;
use crate::{
    cli::{
        caller::{Caller, Log, wait_for},
        error::Error,
        webhook::smee,
    },
    github::DOOR,
    model::{Login, RepoName},
    yaml::Duration,
};

const EXAMPLES: &str = "\
Examples:
  antiphon github setup --url https://box.example.org     an App of your own, made in the browser
  antiphon github setup --no-browser --port 7118          over ssh, with the port forwarded
  antiphon github setup --webhook --smee                  a webhook of the repository, for a laptop
  antiphon github setup --webhook --url https://box.example.org
  antiphon github setup --dry-run                         only says what it would do

Permissions and their reasons: docs/github-setup.md";

#[derive(Debug, clap::Args)]
#[command(after_help = EXAMPLES)]
#[expect(clippy::struct_excessive_bools, reason = "each is a flag of the command line")]
pub(super) struct Arguments {
    /// Makes a GitHub App in the browser (this is what is done unless you say otherwise)
    #[arg(long, conflicts_with_all = ["webhook", "secret_only"])]
    app: bool,
    /// Makes a webhook of the repository, with the token that the daemon uses
    #[arg(long)]
    webhook: bool,
    /// Only makes the secret, for a webhook that somebody else makes
    #[arg(long, conflicts_with_all = ["webhook", "url", "smee"])]
    secret_only: bool,
    /// The repository; default: that of the settings, or of the clone here
    #[arg(long, value_name = "OWNER/NAME")]
    repo: Option<RepoName>,
    /// Where GitHub reaches this machine; /webhooks/github is added to a host alone
    #[arg(long, value_name = "URL")]
    url: Option<Url>,
    /// Deliveries go through a new channel of smee.io, or of another server of its kind
    #[arg(long, value_name = "SERVER", num_args = 0..=1, require_equals = true, default_missing_value = smee::SERVER)]
    #[arg(conflicts_with = "url")]
    smee: Option<Url>,
    /// The organisation that owns the App; default: the owner of the repository
    #[arg(long, value_name = "ORGANISATION")]
    org: Option<Login>,
    /// Where the browser comes back to; default: any free port
    #[arg(long, value_name = "PORT", default_value_t = 0)]
    port: u16,
    /// Opens no browser, only prints the address
    #[arg(long)]
    no_browser: bool,
    /// How long to wait for the browser
    #[arg(long, value_name = "DURATION", default_value = "10m")]
    wait: Duration,
    /// Says what would be done and does nothing
    #[arg(long)]
    dry_run: bool,
    /// Prints the result as JSON
    #[arg(long)]
    pub(super) json: bool,
}

pub(super) fn run(arguments: &Arguments, caller: &Caller) -> Result<(), Error> {
    caller.start_log(Log::Command, false);
    let report = wait_for(async {
        let target = Target::find(arguments.repo.as_ref(), caller).await?;
        if arguments.secret_only {
            return secret::only(&target, arguments.dry_run, caller);
        }
        let address = address(arguments, &target).await?;
        if arguments.webhook {
            return webhook::connect(&target, address, arguments.dry_run, caller).await;
        }
        app::make(&target, address, arguments, caller).await
    })?;
    report.show(arguments.json)
}

/// Where deliveries are to go, as far as the command line says.
async fn address(arguments: &Arguments, target: &Target) -> Result<Option<String>, Error> {
    match (&arguments.url, &arguments.smee) {
        (Some(url), _) => reachable(url).map(Some),
        (None, Some(server)) if arguments.dry_run => Ok(Some(format!("a new channel at {server}"))),
        (None, Some(server)) => smee::channel(server, &target.places).await.map(Some),
        (None, None) => Ok(None),
    }
}

fn reachable(url: &Url) -> Result<String, Error> {
    if !matches!(url.scheme(), "https" | "http") {
        return Err(Error::invalid("the address must begin with https://").hint("for example https://box.example.org"));
    }
    let mut url = url.clone();
    if url.path() == "/" {
        url.set_path(DOOR);
    }
    Ok(url.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_host_alone_gets_the_path_of_our_door() {
        let at = |url: &str| reachable(&url.parse().unwrap()).map_err(|error| error.message);

        assert_eq!(at("https://box.example").as_deref(), Ok("https://box.example/webhooks/github"));
        assert_eq!(at("https://box.example/hook/7").as_deref(), Ok("https://box.example/hook/7"));
        assert_eq!(at("ftp://box.example"), Err("the address must begin with https://".to_owned()));
    }
}
