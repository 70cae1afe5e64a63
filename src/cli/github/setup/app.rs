//! An App from a manifest: a page on this machine leads to GitHub, and GitHub leads back with a code for the App's key.

use tokio::sync::oneshot;
use tokio_util::sync::CancellationToken;

use super::{
    Arguments, Report,
    browser::{Brought, Listener},
    edit::{self, Lines},
    secret,
};
use crate::{
    cli::{caller::Caller, error::Error, github::Target, open, output},
    clock::Clock,
    github::{self, Manifest, NEEDS, NewApp},
    model::{Login, Secret},
};

/// How long the browser may take to fetch the last page.
const LAST_PAGE: std::time::Duration = std::time::Duration::from_secs(3);

/// Makes an App whose deliveries go to `url`, if anywhere.
pub(super) async fn make(
    target: &Target,
    url: Option<String>,
    arguments: &Arguments,
    caller: &Caller,
) -> Result<Report, Error> {
    if let Some(app) = target.config.github.app.as_ref().filter(|_| !arguments.dry_run) {
        return Err(Error::invalid(format!("the settings name App {} already", app.id))
            .hint("see whether it works with `antiphon github check`")
            .hint("or take `github.app` out of the settings to make another one"));
    }
    let client = target.client(&caller.environment, &Clock::system()).or_else(|_| nobody(target))?;
    let owner = owner(target, arguments, &client).await;
    let mut report = Report::of(target, "app");
    report.url.clone_from(&url);
    if arguments.dry_run {
        plan(&mut report, target, url.as_deref(), owner.as_ref());
        return Ok(report);
    }
    let listener = Listener::open(arguments.port).await?;
    let manifest =
        Manifest { repo: target.repo.clone(), redirect_url: listener.redirect_url(), webhook_url: url.clone() };
    let api = &target.config.github.api_url;
    let form = (Manifest::form_address(api, owner.as_ref(), listener.state()), manifest.json(api));
    invite(&listener.link(), arguments, caller).await?;
    let app = listen(listener, form, arguments, &client).await?;
    keep(target, &app, &mut report, caller)?;
    if url.is_none() {
        report.next(
            "it has no webhook: GitHub is polled (`webhook: { enabled: false }`) until its page names an address",
        );
    }
    report.next(format!("install it on {}: {}/installations/new", target.repo, app.html_url));
    report.next("start the daemon, or restart it: it takes a new credential over at its start");
    report.next("antiphon github check");
    Ok(report)
}

/// Without any credential, too, an App can be made.
fn nobody(target: &Target) -> Result<github::Client, Error> {
    let credentials = github::Credentials::Token(Secret::new(String::new()));
    let settings = github::Settings { api_url: target.config.github.api_url.clone(), credentials, write_gap: None };
    Ok(github::Client::new(settings, Clock::system()).map_err(anyhow::Error::from)?.for_person())
}

/// The organisation that is to own the App; `None`: whoever is logged in.
async fn owner(target: &Target, arguments: &Arguments, client: &github::Client) -> Option<Login> {
    if arguments.org.is_some() {
        return arguments.org.clone();
    }
    match client.is_organization(target.repo.owner()).await {
        Ok(true) => target.repo.owner().parse().ok(),
        Ok(false) => None,
        Err(error) => {
            output::remark(&format!(
                "cannot tell whether {} is an organisation ({error}); if it is, say --org {0}",
                target.repo.owner()
            ));
            None
        }
    }
}

fn plan(report: &mut Report, target: &Target, url: Option<&str>, owner: Option<&Login>) {
    let whose = owner.map_or_else(|| "whoever is logged in".to_owned(), ToString::to_string);
    report.would(format!("make a private App for {} that belongs to {whose}", target.repo));
    match url {
        Some(url) => report.would(format!("let GitHub deliver to {url}")),
        None => report.would("make no webhook, for no --url was given".to_owned()),
    }
    for need in NEEDS {
        report.would(format!("ask for {}: {}, to {}", need.permission, need.access.name(), need.why));
    }
    report.would(format!("keep its key in {}", target.places.webhook_secret().with_file_name("app-ID.pem").display()));
}

async fn invite(link: &str, arguments: &Arguments, caller: &Caller) -> Result<(), Error> {
    if arguments.json {
        output::remark(&format!("Open this in a browser on this machine: {link}"));
    } else {
        output::line(&format!("Open this in a browser on this machine, if it does not open by itself:\n  {link}"))?;
    }
    if !arguments.no_browser && output::is_terminal() {
        open::open(link, caller).await;
    }
    Ok(())
}

/// Waits for the browser and exchanges what it brings.
async fn listen(
    listener: Listener,
    form: (String, String),
    arguments: &Arguments,
    client: &github::Client,
) -> Result<NewApp, Error> {
    let (sender, receiver) = oneshot::channel();
    let stop = CancellationToken::new();
    let serving = listener.serve(form, sender, stop.clone());
    tokio::pin!(serving);
    let waiting = async {
        match tokio::time::timeout(arguments.wait.0, receiver).await {
            Ok(Ok(brought)) => exchange(brought, client).await,
            Ok(Err(_)) | Err(_) => Err(Error::failed("nobody came back from GitHub in time")
                .hint("run it again; `--wait 30m` waits longer, and GitHub's own code works for an hour")),
        }
    };
    let app = tokio::select! {
        app = waiting => app,
        ended = &mut serving => {
            return Err(Error::failed("the page for the browser ended").because(&ended.err().unwrap_or_else(|| std::io::ErrorKind::Other.into())));
        }
    };
    stop.cancel();
    // A browser that keeps its connection open has the page by now.
    drop(tokio::time::timeout(LAST_PAGE, serving).await);
    app
}

async fn exchange(brought: Brought, client: &github::Client) -> Result<NewApp, Error> {
    let Brought { code, answer } = brought;
    let app = client.redeem_manifest(&code).await;
    let told = match &app {
        Ok(app) => Ok(format!("{}/installations/new", app.html_url)),
        Err(error) => Err(format!("GitHub did not hand the App over: {error}. Run the command again.")),
    };
    // The browser may be gone; the terminal says the same.
    drop(answer.send(told));
    app.map_err(|error| {
        Error::failed("GitHub did not hand the App over")
            .because(&error)
            .hint("if the App is there already, delete it on its page under Advanced, and run this again")
    })
}

/// Keeps what GitHub made, and tells the settings where it is.
fn keep(target: &Target, app: &NewApp, report: &mut Report, caller: &Caller) -> Result<(), Error> {
    let key_file = target.places.app_key(app.id);
    secret::write(&key_file, app.key.expose().as_bytes())?;
    report.did(format!("made the App {} ({}); its key is in {}", app.slug, app.id, key_file.display()));
    let names =
        vec!["app:".to_owned(), format!("  id: {}", app.id), format!("  key_file: {}", edit::quoted(&key_file))];
    let mut lines = vec![Lines { section: "github", lines: names }];
    if let Some(signed_with) = &app.webhook_secret {
        secret::keep(target, signed_with)?;
        let file = target.places.webhook_secret();
        if target.config.webhook.secret_file.as_ref() != Some(&file) {
            let line = format!("secret_file: {}", edit::quoted(&file));
            lines.push(Lines { section: "webhook", lines: vec![line] });
        }
    }
    if target.config.github.token_env.is_some() {
        report.next("take `token_env` out of `github` in the settings: the App brings its own tokens");
    }
    report.settle(target, &lines, caller)
}
