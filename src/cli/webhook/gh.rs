//! GitHub's own forwarder, an extension of `gh`, started with the right repository, events, secret and door.

use std::ffi::OsString;

use crate::{
    cli::{caller::Caller, doctor::own_host, error::Error, github::Target},
    github::webhook::EVENTS,
    process,
};

/// Runs it on this terminal until it ends.
pub(super) fn run(target: &Target, caller: &Caller) -> Result<(), Error> {
    let install = "install gh (https://cli.github.com), then `gh extension install cli/gh-webhook`";
    let gh = caller.find_program("gh").ok_or_else(|| Error::failed("gh is not installed").hint(install))?;
    let secret = target.config.webhook.secrets.first().ok_or_else(|| {
        Error::invalid("the settings have no secret for the webhook")
            .hint("make one with `antiphon github setup --secret-only`")
    })?;
    let mut argv: Vec<OsString> = vec![gh.into(), "webhook".into(), "forward".into()];
    argv.push(format!("--repo={}", target.repo).into());
    argv.push(format!("--events={}", EVENTS.join(",")).into());
    argv.push(format!("--url={}", target.door()).into());
    argv.push(format!("--secret={}", secret.expose()).into());
    argv.extend(own_host(&target.config.github.api_url).map(|host| format!("--github-host={host}").into()));
    match process::on_this_terminal(&argv, caller.environment.variables()) {
        // Without a code somebody ended it.
        Ok(Some(0) | None) => Ok(()),
        Ok(Some(code)) => Err(Error::failed(format!("gh webhook forward ended with {code}"))
            .hint(install)
            .hint("GitHub allows one forwarder for a repository at a time")),
        Err(error) => Err(Error::failed("gh cannot be started").because(&error).hint(install)),
    }
}
