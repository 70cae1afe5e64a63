//! A webhook of the repository, made or set right through the API. A second call finds it by its address.

use super::{Report, secret};
use crate::{
    cli::{caller::Caller, error::Error, github::Target},
    clock::Clock,
    github::{self, Connected, DOOR, webhook::EVENTS},
};

/// Connects the webhook that leads to `address`; without one the only webhook that leads to a door like ours.
pub(super) async fn connect(
    target: &Target,
    address: Option<String>,
    dry_run: bool,
    caller: &Caller,
) -> Result<Report, Error> {
    let client = target.client(&caller.environment, &Clock::system())?;
    let mut report = Report::of(target, "webhook");
    let url = match address {
        Some(url) => url,
        None => known(target, &client).await?,
    };
    report.url = Some(url.clone());
    if dry_run {
        report.would(format!("make or set right the webhook of {} that leads to {url}", target.repo));
        report.would(format!("subscribe it to {}", EVENTS.join(", ")));
        if let Some(lines) = secret::settings(target) {
            report.would(format!("make a secret, and add to the settings\n{}", lines.text().trim_end()));
        }
        return Ok(report);
    }
    let lines = secret::settings(target);
    let secret = secret::of(target)?;
    let connected = client.connect_webhook(&target.repo, &url, &secret).await;
    report.did(match connected.map_err(|error| refused(&error, target))? {
        Connected::Made(id) => format!("made webhook {id} of {}, which leads to {url}", target.repo),
        Connected::Changed(id) => format!("webhook {id} of {}, which leads to {url}, is as it should be", target.repo),
    });
    report.settle(target, lines.as_slice(), caller)?;
    if !url.ends_with(DOOR) {
        report.next("antiphon webhook forward --smee");
    }
    report.next("antiphon up, if it does not run yet");
    report.next("antiphon github check");
    Ok(report)
}

/// Where deliveries go already.
async fn known(target: &Target, client: &github::Client) -> Result<String, Error> {
    let hooks = client.webhooks(&target.repo).await.map_err(|error| refused(&error, target))?;
    let mut ours = hooks.into_iter().filter(|hook| hook.url.ends_with(DOOR));
    match (ours.next(), ours.next()) {
        (Some(hook), None) => Ok(hook.url),
        (None, _) | (Some(_), Some(_)) => Err(Error::invalid("it is not clear where GitHub is to deliver to")
            .hint("say where it reaches this machine: --url https://HOST")
            .hint("or let it deliver to a laptop: --smee")),
    }
}

/// Why GitHub does not let webhooks be set up, and what helps.
fn refused(error: &github::Error, target: &Target) -> Error {
    let hint = match error {
        github::Error::NotFound | github::Error::Forbidden { .. } => {
            "it takes somebody who administers the repository, and a token with admin:repo_hook: \
             `gh auth refresh -s admin:repo_hook`; or make an App: `antiphon github setup`"
        }
        github::Error::Unauthorized => {
            "log in with `gh auth login`, or set GITHUB_TOKEN; or make an App: `antiphon github setup`"
        }
        github::Error::AmbiguousWrite(_) => "run the same command again: it finds what was made",
        github::Error::RateLimited { .. } | github::Error::Unavailable(_) => "try again later",
        github::Error::HeadMoved | github::Error::Unprocessable { .. } | github::Error::Other(_) => {
            "see whether the address can be reached from the internet"
        }
    };
    Error::failed(format!("GitHub does not let the webhook of {} be set up", target.repo)).because(error).hint(hint)
}
