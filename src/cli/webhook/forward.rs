//! `antiphon webhook forward`: from where deliveries come, and where they go. The daemon checks their signatures as always.

use clap::ArgGroup;
use url::Url;

use super::{door::Door, gh, smee};
use crate::{
    app,
    cli::{
        caller::{Caller, Log, wait_for},
        error::Error,
        github::Target,
        output,
    },
    model::RepoName,
};

const EXAMPLES: &str = "\
Examples:
  antiphon webhook forward --smee                         from the channel that `github setup --webhook --smee` made
  antiphon webhook forward --smee=https://smee.io/Xyz     from this channel
  antiphon webhook forward --gh --repo octo-org/hello     with GitHub's own forwarder (gh extension install cli/gh-webhook)

It runs until ctrl-c. What comes while it does not run is lost on the way; the periodic look finds it.";

#[derive(Debug, clap::Args)]
#[command(after_help = EXAMPLES, group = ArgGroup::new("source").required(true))]
pub(super) struct Arguments {
    /// From a smee channel; default: the one that `github setup --smee` made
    #[arg(long, value_name = "CHANNEL", num_args = 0..=1, require_equals = true, group = "source")]
    smee: Option<Option<Url>>,
    /// From GitHub's own forwarder, an extension of gh
    #[arg(long, group = "source")]
    gh: bool,
    /// The repository for --gh; default: that of the settings, or of the clone here
    #[arg(long, value_name = "OWNER/NAME")]
    repo: Option<RepoName>,
}

pub(super) fn run(arguments: &Arguments, caller: &Caller) -> Result<(), Error> {
    caller.start_log(Log::Command, false);
    let target = wait_for(Target::find(arguments.repo.as_ref(), caller));
    match &arguments.smee {
        // Nothing here depends on the repository.
        Some(channel) => wait_for(from_smee(channel.as_ref(), caller)),
        None => gh::run(&target?, caller),
    }
}

async fn from_smee(channel: Option<&Url>, caller: &Caller) -> Result<(), Error> {
    let channel = match channel {
        Some(channel) => channel.clone(),
        None => smee::known(caller)?,
    };
    let door = Door::find(caller)?;
    if !caller.is_quiet() {
        output::line(&format!("Forwarding {channel}\n        to {}\nctrl-c ends it.", door.url()))?;
    }
    let listened = app::Ending::listen();
    let mut ending = listened.map_err(|error| Error::failed("cannot listen for signals").because(&error))?;
    tokio::select! {
        ended = smee::forward(&channel, &door, caller.is_quiet()) => ended,
        () = ending.asked() => Ok(()),
    }
}
