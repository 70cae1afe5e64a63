//! Webhooks as GitHub has them: what a repository or the App is set to deliver, and one hook set as it should be.
//!
//! A hook is known by the address that it leads to, so that setting it up a second time changes it and makes no other.
//! Secrets go to GitHub and never come back: GitHub only says whether there is one.

use std::collections::BTreeSet;

use http::Method;
use serde::{Deserialize, Serialize};

use super::{Client, Error, webhook::EVENTS};
use crate::model::{RepoName, Secret};

/// A webhook as GitHub shows it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Webhook {
    /// Its number; `None` for the one of the App.
    pub id: Option<u64>,
    /// Where it leads.
    pub url: String,
    /// What it subscribes to; `*` is everything.
    pub events: BTreeSet<String>,
    /// What else is wrong with it.
    pub faults: Vec<Fault>,
}

/// What can be wrong with a webhook, beside its events.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fault {
    /// GitHub delivers nothing to it.
    Inactive,
    /// What it brings is a form.
    NotJson,
    /// What it brings is not signed.
    Unsigned,
    /// GitHub delivers to whoever claims to be the receiver.
    CertificateUnchecked,
}

/// What became of a webhook.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Connected {
    /// There was none that leads there.
    Made(u64),
    /// One leads there; it is now as it should be.
    Changed(u64),
}

impl Webhook {
    /// The events that it should subscribe to and does not.
    #[must_use]
    pub fn missing_events(&self) -> Vec<&'static str> {
        if self.events.contains("*") {
            return Vec::new();
        }
        EVENTS.into_iter().filter(|event| !self.events.contains(*event)).collect()
    }

    /// Whether it leads to this address. A slash at the end makes no other one.
    #[must_use]
    pub fn leads_to(&self, url: &str) -> bool {
        self.url.trim_end_matches('/') == url.trim_end_matches('/')
    }
}

impl Connected {
    /// The number of the webhook.
    #[must_use]
    pub const fn id(self) -> u64 {
        match self {
            Self::Made(id) | Self::Changed(id) => id,
        }
    }
}

#[derive(Deserialize)]
struct Raw {
    id: u64,
    #[serde(default)]
    active: bool,
    #[serde(default)]
    events: BTreeSet<String>,
    config: Config,
}

#[derive(Deserialize)]
struct Config {
    url: Option<String>,
    content_type: Option<String>,
    insecure_ssl: Option<serde_json::Value>,
    secret: Option<String>,
}

#[derive(Deserialize)]
struct Made {
    id: u64,
}

/// What GitHub is told. Everything is said each time: a changed hook loses what is left out of its `config`.
#[derive(Serialize)]
struct Wanted<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    name: Option<&'static str>,
    active: bool,
    events: &'static [&'static str],
    config: WantedConfig<'a>,
}

#[derive(Serialize)]
struct WantedConfig<'a> {
    url: &'a str,
    content_type: &'static str,
    insecure_ssl: &'static str,
    secret: &'a str,
}

impl Raw {
    fn read(self) -> Webhook {
        self.config.read(Some(self.id), self.active, self.events)
    }
}

impl Config {
    fn read(self, id: Option<u64>, active: bool, events: BTreeSet<String>) -> Webhook {
        let faults = [
            (Fault::Inactive, !active),
            // A form is what GitHub sends unless it is told.
            (Fault::NotJson, self.content_type.as_deref() != Some("json")),
            (Fault::Unsigned, self.secret.is_none_or(|stars| stars.is_empty())),
            // GitHub writes this number as a text.
            (Fault::CertificateUnchecked, self.insecure_ssl.is_some_and(|it| it == "1" || it == 1)),
        ];
        let faults = faults.into_iter().filter_map(|(fault, is)| is.then_some(fault)).collect();
        Webhook { id, url: self.url.unwrap_or_default(), events, faults }
    }
}

impl Client {
    /// The webhooks of a repository, whoever's they are.
    ///
    /// # Errors
    ///
    /// [`Error::Forbidden`] or [`Error::NotFound`] if the credential may not see webhooks.
    pub async fn webhooks(&self, repo: &RepoName) -> Result<Vec<Webhook>, Error> {
        let hooks: Vec<Raw> = self.transport().list(repo, &["hooks"], &[]).await?;
        Ok(hooks.into_iter().map(Raw::read).collect())
    }

    /// The webhook of the App that we are, with the events that the App subscribes to; `None` if it has no address.
    ///
    /// # Errors
    ///
    /// [`Error::Unauthorized`] if we are no App.
    pub async fn app_webhook(&self) -> Result<Option<Webhook>, Error> {
        #[derive(Deserialize)]
        struct App {
            #[serde(default)]
            events: BTreeSet<String>,
        }
        let App { events } = self.transport().as_app(Method::GET, &["app"], &[]).await?.json()?;
        let config = self.transport().as_app(Method::GET, &["app", "hook", "config"], &[]).await?.json::<Config>();
        match config {
            Ok(config) => Ok(Some(config.read(None, true, events)).filter(|hook| !hook.url.is_empty())),
            Err(Error::NotFound) => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// Makes the webhook of a repository that leads to `url` be as it should be; makes it if there is none.
    ///
    /// # Errors
    ///
    /// [`Error::Forbidden`] or [`Error::NotFound`] if the credential may not administer webhooks. After
    /// [`Error::AmbiguousWrite`] the same call finds out what happened.
    pub async fn connect_webhook(&self, repo: &RepoName, url: &str, secret: &Secret) -> Result<Connected, Error> {
        let known = self.webhooks(repo).await?.into_iter().find(|hook| hook.leads_to(url)).and_then(|hook| hook.id);
        let config = WantedConfig { url, content_type: "json", insecure_ssl: "0", secret: secret.expose() };
        let wanted = Wanted { name: known.is_none().then_some("web"), active: true, events: &EVENTS, config };
        match known {
            Some(id) => {
                let path = ["hooks", &id.to_string()];
                self.transport().write(Method::PATCH, repo, &path, Some(&wanted)).await?.success()?;
                Ok(Connected::Changed(id))
            }
            None => {
                let made = self.transport().write(Method::POST, repo, &["hooks"], Some(&wanted)).await?;
                made.json::<Made>().map(|made| Connected::Made(made.id))
            }
        }
    }

    /// Orders a `ping` to a webhook of a repository.
    ///
    /// # Errors
    ///
    /// When GitHub does not take the order.
    pub async fn ping(&self, repo: &RepoName, hook: u64) -> Result<(), Error> {
        let path = ["hooks", &hook.to_string(), "pings"];
        self.transport().write(Method::POST, repo, &path, None::<&()>).await?.success().map(drop)
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;
    use crate::github::fake::{Fake, not_found, ok, reply, repo};

    const URL: &str = "https://box.example/webhooks/github";

    fn hooks() -> Value {
        json!([
            {"id": 1, "active": true, "events": ["push"], "config": {"url": "https://ci.example/hook"}},
            {"id": 2, "active": false, "events": ["*"], "config": {
                "url": format!("{URL}/"), "content_type": "json", "insecure_ssl": "1", "secret": "********"}},
        ])
    }

    #[tokio::test]
    async fn a_hook_that_leads_there_is_changed_and_no_second_one_is_made() {
        let fake = Fake::start(|seen| match seen.line.as_str() {
            "GET /repos/octo/hello/hooks?per_page=100&page=1" => ok(&hooks()),
            "PATCH /repos/octo/hello/hooks/2" => ok(&json!({"id": 2})),
            _ => not_found(),
        })
        .await;

        let connected = fake.client.connect_webhook(&repo(), URL, &Secret::new("s3cret")).await.unwrap();

        assert_eq!(connected, Connected::Changed(2));
        let config = json!({"url": URL, "content_type": "json", "insecure_ssl": "0", "secret": "s3cret"});
        assert_eq!(fake.seen()[1].body, json!({"active": true, "events": EVENTS, "config": config}));
    }

    #[tokio::test]
    async fn where_no_hook_leads_there_one_is_made() {
        let fake = Fake::start(|seen| match seen.line.as_str() {
            "GET /repos/octo/hello/hooks?per_page=100&page=1" => ok(&hooks()),
            "POST /repos/octo/hello/hooks" => reply(201, &json!({"id": 7})),
            _ => not_found(),
        })
        .await;

        let url = "https://other.example/webhooks/github";
        let connected = fake.client.connect_webhook(&repo(), url, &Secret::new("s")).await.unwrap();

        assert_eq!((connected, &fake.seen()[1].body["name"]), (Connected::Made(7), &json!("web")));
    }

    #[tokio::test]
    async fn what_a_hook_lacks_is_seen() {
        let fake = Fake::start(|_| ok(&hooks())).await;

        let hooks = fake.client.webhooks(&repo()).await.unwrap();

        let [ci, ours] = hooks.as_slice() else { panic!("{hooks:?}") };
        assert_eq!(
            (ci.faults.as_slice(), ci.missing_events().len()),
            (&[Fault::NotJson, Fault::Unsigned][..], EVENTS.len() - 1)
        );
        assert_eq!(
            (ours.faults.as_slice(), ours.missing_events().len()),
            (&[Fault::Inactive, Fault::CertificateUnchecked][..], 0)
        );
        assert!(ours.leads_to(URL) && !ci.leads_to(URL));
    }
}
