//! Whether there is a credential for GitHub. GitHub itself is asked by the daemon alone.

use std::time::Duration;

use crate::{
    cli::{caller::Caller, check::Check},
    config::Config,
    process::Command,
};

const PATIENCE: Duration = Duration::from_secs(10);

/// A token, an App, or what `gh` knows.
pub(in crate::cli) async fn credentials(config: &Config, caller: &Caller) -> Check {
    const NAME: &str = "credentials";
    if let Some(app) = &config.github.app {
        return match std::fs::read_to_string(&app.key_file) {
            Ok(key) if key.contains("PRIVATE KEY") => Check::fine(NAME, format!("GitHub App {}", app.id)),
            Ok(_) => Check::problem(
                NAME,
                format!("{} holds no private key", app.key_file.display()),
                "download the key on the App's page",
            ),
            Err(error) => Check::problem(
                NAME,
                format!("the App's key {} cannot be read: {error}", app.key_file.display()),
                "download the key on the App's page, and make it readable for this user alone",
            ),
        };
    }
    if config.github.token.is_some() {
        let variable = config.github.token_env.as_deref().unwrap_or("GITHUB_TOKEN");
        return Check::fine(NAME, format!("the token in {variable}"));
    }
    let fix = "run `gh auth login`, or set GITHUB_TOKEN, or name a GitHub App in the settings";
    let Some(gh) = caller.find_program("gh") else {
        return Check::problem(NAME, "no token is set, and gh is not installed", fix);
    };
    let mut command = Command::new(gh).args(["auth", "token"]).deadline(PATIENCE);
    if let Some(host) = own_host(&config.github.api_url) {
        command = command.args(["--hostname", &host]);
    }
    match command.envs(caller.environment.variables()).run().await {
        Ok(output) if output.success() && !output.stdout_text().trim().is_empty() => {
            Check::fine(NAME, "what `gh auth token` says")
        }
        Ok(_) => Check::problem(NAME, "no token is set, and gh is not logged in", fix),
        Err(error) => Check::problem(NAME, format!("gh cannot be asked: {error}"), fix),
    }
}

/// The host of a server of one's own.
pub(in crate::cli) fn own_host(api_url: &str) -> Option<String> {
    let host = url::Url::parse(api_url).ok()?.host_str()?.to_owned();
    (host != "api.github.com").then_some(host)
}
