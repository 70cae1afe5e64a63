//! `antiphon github`: an App or a webhook is made once, and what is wrong with it is found.

use std::{os::unix::fs::PermissionsExt as _, path::Path};

use antiphon::{
    clock::Clock,
    github::{NEEDS, webhook::EVENTS},
    model::Secret,
    process::{Command, Running},
    simulator::{OfferedApp, Webhook},
};
use aws_lc_rs::encoding::{AsDer as _, Pkcs8V1Der};
use base64::Engine as _;
use jiff::SignedDuration;
use serde_json::Value;
use tokio::{
    io::{AsyncBufReadExt as _, AsyncReadExt as _, BufReader},
    process::ChildStdout,
};

use super::{
    connected::{Connected, REPO, SETTINGS, about},
    world::binary,
};
use crate::world::eventually;

fn mode(path: &Path) -> u32 {
    std::fs::metadata(path).unwrap().permissions().mode() & 0o777
}

#[tokio::test]
async fn a_webhook_is_made_once_and_its_secret_is_kept_and_never_printed() {
    let it = Connected::new().await;
    let setup = ["github", "setup", "--webhook", "--url", "https://box.example", "--json"];

    let first = it.world.start(&setup).await;
    let again = it.world.start(&setup).await;

    assert_eq!((first.code, again.code), (Some(0), Some(0)), "{first:?} {again:?}");
    let url = "https://box.example/webhooks/github";
    assert_eq!((&first.json()["kind"], &first.json()["url"]), (&"webhook".into(), &url.into()));
    let writes = it.github.write_log();
    let [made, changed] = writes.as_slice() else { panic!("{writes:?}") };
    assert_eq!((made.method.as_str(), changed.method.as_str()), ("POST", "PATCH"));
    assert_eq!(made.body["config"], changed.body["config"]);
    assert_eq!(made.body["events"], serde_json::json!(EVENTS));
    let secret = made.body["config"]["secret"].as_str().unwrap();
    assert_eq!(secret.len(), 64);
    let file = it.world.state().join("github/webhook-secret");
    assert_eq!((std::fs::read_to_string(&file).unwrap(), mode(&file)), (format!("{secret}\n"), 0o600));
    assert_eq!(mode(file.parent().unwrap()), 0o700);
    assert_eq!(it.settings().webhook.secrets, [Secret::new(secret)]);
    assert!(std::fs::read_to_string(it.world.path(SETTINGS)).unwrap().starts_with("# Mine.\nlisten: "));
    for said in [&first.out, &first.err, &again.out, &again.err] {
        assert!(!said.contains(secret), "{said}");
    }
}

#[tokio::test]
async fn a_dry_run_says_what_it_would_do_and_does_nothing() {
    let it = Connected::new().await;
    let before = std::fs::read_to_string(it.world.path(SETTINGS)).unwrap();

    let webhook = it.world.start(&["github", "setup", "--webhook", "--url", "https://box.example", "--dry-run"]).await;
    let app = it.world.start(&["github", "setup", "--dry-run", "--json"]).await;

    assert_eq!((webhook.code, app.code), (Some(0), Some(0)), "{webhook:?} {app:?}");
    assert!(webhook.out.contains("leads to https://box.example/webhooks/github"), "{}", webhook.out);
    let said = app.json()["done"].to_string();
    assert!(NEEDS.iter().all(|need| said.contains(need.why)), "{said}");
    assert_eq!(it.github.write_log(), []);
    assert_eq!(std::fs::read_to_string(it.world.path(SETTINGS)).unwrap(), before);
    assert!(!it.world.state().exists());
}

#[tokio::test]
async fn settings_that_cannot_be_added_to_are_left_alone_and_the_lines_are_printed() {
    let it = Connected::new().await;
    let odd = std::fs::read_to_string(it.world.path(SETTINGS)).unwrap();
    let odd = odd.replace("webhook:\n  secret_env: ANTIPHON_WEBHOOK_SECRET\n", "webhook: { enabled: true }\n");
    std::fs::write(it.world.path(SETTINGS), &odd).unwrap();

    let ran = it.world.start(&["github", "setup", "--webhook", "--url", "https://box.example"]).await;

    assert_eq!(ran.code, Some(0), "{ran:?}");
    let lines =
        "Add this to the settings:\n\nwebhook:\n  secret_file: \"~/.local/state/antiphon/github/webhook-secret\"\n";
    assert!(ran.out.contains(lines), "{}", ran.out);
    assert_eq!(std::fs::read_to_string(it.world.path(SETTINGS)).unwrap(), odd);
}

#[tokio::test]
async fn where_github_is_to_deliver_has_to_be_known() {
    let it = Connected::new().await;

    let unclear = it.world.start(&["github", "setup", "--webhook"]).await;
    it.github.set_webhook(Webhook { url: format!("{}/webhooks/github", it.url()), secret: String::new() });
    let known = it.world.start(&["github", "setup", "--webhook", "--json"]).await;

    assert_eq!(unclear.code, Some(2));
    assert!(unclear.err.contains("hint: say where it reaches this machine: --url https://HOST"), "{}", unclear.err);
    assert_eq!((known.code, &known.json()["url"]), (Some(0), &format!("{}/webhooks/github", it.url()).into()));
}

#[tokio::test]
async fn a_ping_goes_there_and_back_and_a_wrong_secret_is_found() {
    let it = Connected::new().await;
    it.github.deliveries().release();
    let setup = it.world.start(&["github", "setup", "--webhook", "--url", &it.url()]).await;
    assert_eq!(setup.code, Some(0), "{setup:?}");
    let story = async {
        eventually("the daemon", async || (it.world.start(&["status"]).await.code == Some(0)).then_some(())).await;

        let (code, checks) = it.check(&[]).await;
        assert_eq!(code, Some(0), "{checks:#?}");
        assert_eq!(about(&checks, "ping"), [("fine", "GitHub's came, signed with our secret")]);
        assert_eq!(about(&checks, "identity"), [("fine", "antiphon-app, by a classic token")]);
        for name in ["settings", "secret", "credentials", "repository", "permissions", "webhook", "clock", "budget"] {
            assert!(matches!(about(&checks, name).as_slice(), [("fine", _)]), "{name} {checks:#?}");
        }

        let url = format!("{}/webhooks/github", it.url());
        it.github.set_webhook(Webhook { url, secret: "another one".to_owned() });
        let (code, checks) = it.check(&[]).await;
        assert_eq!(code, Some(5), "{checks:#?}");
        let lost = "GitHub's did not get through: the signature was refused (401)";
        assert_eq!(about(&checks, "ping"), [("problem", lost)]);
    };
    tokio::select! {
        () = story => {}
        ended = it.world.start(&["up"]) => panic!("{ended:?}"),
    }
}

#[tokio::test]
async fn what_is_missing_is_found_with_what_mends_it() {
    let it = Connected::told_the_time_by(Clock::from_fn(|| Clock::system().now() + SignedDuration::from_mins(5))).await;

    let (code, checks) = it.check(&[]).await;

    assert_eq!(code, Some(5));
    assert_eq!(about(&checks, "secret"), [("problem", "the settings have none for the webhook")]);
    let nowhere = "none of acme/pages leads here: GitHub is only asked now and then";
    assert_eq!(about(&checks, "webhook"), [("problem", nowhere)]);
    assert!(about(&checks, "clock")[0].1.contains("differs from GitHub's by"), "{checks:#?}");
    assert_eq!(about(&checks, "clock")[0].0, "warning");
    let other = it.world.start(&["github", "check", "--repo", "acme/nothing"]).await;
    assert!(other.out.contains("acme/nothing cannot be seen: not found on GitHub"), "{}", other.out);
}

// S73
#[tokio::test]
async fn a_missing_token_is_told_and_one_that_comes_later_is_found() {
    let mut it = Connected::new().await;
    it.world.forget("GITHUB_TOKEN");
    let polling = std::fs::read_to_string(it.world.path(SETTINGS)).unwrap();
    let polling = polling.replace("webhook:\n  secret_env: ANTIPHON_WEBHOOK_SECRET\n", "webhook: { enabled: false }\n");
    std::fs::write(it.world.path(SETTINGS), polling).unwrap();
    let untold = format!("GitHub has not said anything about {REPO}");
    let story = async {
        eventually("the daemon", async || (it.world.start(&["status"]).await.code == Some(0)).then_some(())).await;

        let ran = it.world.start(&["doctor"]).await;
        assert_eq!(ran.code, Some(5), "{ran:?}");
        assert!(ran.out.contains("no token is set, and gh is not installed"), "{}", ran.out);
        assert!(ran.out.contains(&untold), "{}", ran.out);
        let (code, checks) = it.check(&[]).await;
        assert_eq!((code, about(&checks, "credentials")[0].0), (Some(5), "problem"), "{checks:#?}");

        let gh = it.world.path("bin/gh");
        std::fs::write(&gh, "#!/bin/sh\necho the-simulators-token-0123456789\n").unwrap();
        std::fs::set_permissions(&gh, std::fs::Permissions::from_mode(0o700)).unwrap();
        eventually("what GitHub says", async || {
            let out = it.world.start(&["doctor"]).await.out;
            (!out.contains(&untold)).then_some(())
        })
        .await;
    };
    tokio::select! {
        () = story => {}
        ended = it.world.start(&["up"]) => panic!("{ended:?}"),
    }
}

fn key() -> String {
    let key = aws_lc_rs::rsa::KeyPair::generate(aws_lc_rs::rsa::KeySize::Rsa2048).unwrap();
    let der: Pkcs8V1Der<'_> = key.as_der().unwrap();
    let body = base64::engine::general_purpose::STANDARD.encode(der.as_ref());
    let lines: Vec<&str> = body.as_bytes().chunks(64).map(|line| str::from_utf8(line).unwrap()).collect();
    format!("-----BEGIN PRIVATE KEY-----\n{}\n-----END PRIVATE KEY-----\n", lines.join("\n"))
}

/// A command whose output is read while it runs.
fn begin(it: &Connected, args: &[&str]) -> (Running, BufReader<ChildStdout>) {
    let command = Command::new(binary()).args(args).dir(it.world.path("here")).envs(it.world.environment());
    let (running, stdin, stdout) = command.start().unwrap();
    drop(stdin);
    (running, BufReader::new(stdout))
}

async fn link(out: &mut BufReader<ChildStdout>) -> String {
    loop {
        let mut line = String::new();
        assert_ne!(out.read_line(&mut line).await.unwrap(), 0, "it ended without a link");
        if line.trim().starts_with("http://127.0.0.1:") {
            return line.trim().to_owned();
        }
    }
}

/// The value of an attribute in a page, as a browser reads it.
fn attribute(page: &str, before: &str) -> String {
    let value = page.split_once(before).unwrap_or_else(|| panic!("{before} in {page}")).1.split('"').next().unwrap();
    value.replace("&quot;", "\"").replace("&lt;", "<").replace("&gt;", ">").replace("&amp;", "&")
}

struct Browser(reqwest::Client);

impl Browser {
    fn new() -> Self {
        Self(reqwest::Client::builder().redirect(reqwest::redirect::Policy::none()).no_proxy().build().unwrap())
    }

    async fn open(&self, url: &str) -> (u16, String) {
        let answer = self.0.get(url).send().await.unwrap();
        (answer.status().as_u16(), answer.text().await.unwrap())
    }

    /// Presses the button of a page: where that leads.
    async fn press(&self, page: &str) -> String {
        let manifest = attribute(page, "name=\"manifest\" value=\"");
        let form = url::form_urlencoded::Serializer::new(String::new()).append_pair("manifest", &manifest).finish();
        let request = self.0.post(attribute(page, "action=\"")).body(form);
        let answer = request.header("content-type", "application/x-www-form-urlencoded").send().await.unwrap();
        assert_eq!(answer.status().as_u16(), 302);
        answer.headers()["location"].to_str().unwrap().to_owned()
    }
}

#[tokio::test]
async fn an_app_is_made_in_the_browser_and_works_at_once() {
    let it = Connected::new().await;
    let secret = "0123456789012345678901234567890123456789";
    it.github.offer_app(OfferedApp { id: 4711, key: key(), webhook_secret: secret.to_owned() });
    let (mut running, mut out) = begin(&it, &["github", "setup", "--url", "https://box.example", "--no-browser"]);
    let (link, browser) = (link(&mut out).await, Browser::new());

    let (status, page) = browser.open(&link).await;
    assert_eq!(status, 200);
    let address: url::Url = link.parse().unwrap();
    let wrong = address.join("/made?code=c0de&state=guessed").unwrap();
    assert_eq!(browser.open(wrong.as_str()).await.0, 403);
    assert_eq!(browser.open(address.join("/guessed").unwrap().as_str()).await.0, 404);
    let back = browser.press(&page).await;
    let (status, last) = browser.open(&back).await;
    assert_eq!(status, 200, "{last}");
    let mut said = String::new();
    out.read_to_string(&mut said).await.unwrap();
    assert!(running.ended().await.is_ok());

    let config = it.settings();
    let app = config.github.app.as_ref().unwrap();
    assert_eq!((app.id, mode(&app.key_file)), (4711, 0o600));
    assert_eq!((config.webhook.secrets, config.github.token), (vec![Secret::new(secret)], None));
    assert!(said.contains("/apps/antiphon-acme/installations/new"), "{said}");
    assert!(!said.contains(secret) && !said.contains("PRIVATE KEY") && !last.contains(secret), "{said}");
    let (_, checks) = it.check(&[]).await;
    assert_eq!(about(&checks, "identity"), [("fine", "antiphon-acme[bot], by an App")], "{checks:#?}");
    assert_eq!(about(&checks, "permissions"), [("fine", "all 9 that it takes")]);
    assert!(matches!(about(&checks, "webhook").as_slice(), [("fine", _)]), "{checks:#?}");
    assert_eq!(it.world.start(&["github", "setup"]).await.code, Some(2), "another App was made");

    // G118
    it.github.suspend_app();
    let (code, checks) = it.check(&[]).await;
    assert_eq!((code, about(&checks, "repository")[0].0), (Some(5), "problem"), "{checks:#?}");
}

#[tokio::test]
async fn nobody_waits_for_a_browser_for_ever() {
    let it = Connected::new().await;

    let ran = it.world.start(&["github", "setup", "--no-browser", "--wait", "50ms", "--json"]).await;

    assert_eq!((ran.code, ran.out.as_str()), (Some(1), ""));
    assert!(ran.err.contains("Open this in a browser on this machine: http://127.0.0.1:"), "{}", ran.err);
    let error: Value = serde_json::from_str(ran.err.lines().last().unwrap()).unwrap();
    assert_eq!(error["error"], "nobody came back from GitHub in time");
}
