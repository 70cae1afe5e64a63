//! An App from a manifest: what GitHub is shown in a browser, and the code that it gives back for the App's secrets.
//!
//! The code works once and for an hour. Nothing here opens a browser or keeps a secret.

use std::collections::BTreeMap;

use http::Method;
use serde::{Deserialize, Serialize};
use serde_json::json;
use url::Url;

use super::{Client, Error, NEEDS, webhook::EVENTS};
use crate::model::{Login, RepoName, Secret};

/// GitHub takes no longer names of Apps.
const NAME_CHARS_MAX: usize = 34;

/// What an App is to be.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Manifest {
    /// The repository that it is set up for first.
    pub repo: RepoName,
    /// Where the browser is sent with the code.
    pub redirect_url: String,
    /// Where deliveries go; `None`: there are none.
    pub webhook_url: Option<String>,
}

/// An App that was just made. It is not installed anywhere yet.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct NewApp {
    /// Its number.
    pub id: u64,
    /// Its name in addresses.
    pub slug: String,
    /// Its page, where it is installed.
    pub html_url: String,
    /// Its private key, PEM.
    #[serde(rename = "pem")]
    pub key: Secret,
    /// What its deliveries are signed with, if it has any.
    pub webhook_secret: Option<Secret>,
}

impl Manifest {
    /// The manifest as GitHub wants it: JSON with the permissions and events that we need and no others.
    #[must_use]
    pub fn json(&self, api_url: &str) -> String {
        let permissions: BTreeMap<&str, &str> =
            NEEDS.iter().map(|need| (need.permission, need.access.name())).collect();
        let name: String = format!("antiphon-{}", self.repo.owner()).chars().take(NAME_CHARS_MAX).collect();
        let mut manifest = json!({
            "name": name,
            "url": format!("{}/{}", web_root(api_url), self.repo),
            "redirect_url": self.redirect_url,
            "public": false,
            "default_permissions": permissions,
        });
        if let Some(url) = &self.webhook_url {
            manifest["hook_attributes"] = json!({ "url": url, "active": true });
            manifest["default_events"] = json!(EVENTS);
        }
        manifest.to_string()
    }

    /// Where the manifest is posted to, by a browser in which somebody is logged in. `owner`: the organisation that is to
    /// own the App; `None`: whoever is logged in.
    #[must_use]
    pub fn form_address(api_url: &str, owner: Option<&Login>, state: &str) -> String {
        let root = web_root(api_url);
        match owner {
            Some(owner) => format!("{root}/organizations/{owner}/settings/apps/new?state={state}"),
            None => format!("{root}/settings/apps/new?state={state}"),
        }
    }
}

/// Where people find a GitHub whose API is there.
fn web_root(api_url: &str) -> String {
    let Ok(url) = api_url.parse::<Url>() else { return api_url.to_owned() };
    let origin = url.origin().ascii_serialization();
    // github.com and its data residency have a host for the API; an own server has a path.
    origin.replacen("://api.", "://", 1)
}

impl Client {
    /// Exchanges the code of a manifest for the App that was made of it. A code works once.
    ///
    /// # Errors
    ///
    /// [`Error::NotFound`] if the code is wrong, old or used.
    pub async fn redeem_manifest(&self, code: &str) -> Result<NewApp, Error> {
        self.transport().anonymously(Method::POST, &["app-manifests", code, "conversions"]).await?.json()
    }

    /// Whether an account is an organisation. Anybody may ask.
    ///
    /// # Errors
    ///
    /// When GitHub cannot say, or tells strangers nothing.
    pub async fn is_organization(&self, account: &str) -> Result<bool, Error> {
        #[derive(Serialize, Deserialize)]
        struct Account {
            #[serde(rename = "type")]
            kind: String,
        }
        let account: Account = self.transport().anonymously(Method::GET, &["users", account]).await?.json()?;
        Ok(account.kind == "Organization")
    }
}

#[cfg(test)]
mod tests {
    use serde_json::Value;

    use super::*;
    use crate::github::fake::{Fake, not_found, reply};

    fn manifest(webhook_url: Option<&str>) -> Value {
        let repo = "octo-org/hello".parse().unwrap();
        let redirect_url = "http://127.0.0.1:4000/made".to_owned();
        let manifest = Manifest { repo, redirect_url, webhook_url: webhook_url.map(ToOwned::to_owned) };
        serde_json::from_str(&manifest.json("https://api.github.com")).unwrap()
    }

    #[test]
    fn a_manifest_asks_for_what_we_need_and_nothing_else() {
        let manifest = manifest(Some("https://box.example/webhooks/github"));

        assert_eq!(manifest["name"], "antiphon-octo-org");
        assert_eq!(manifest["url"], "https://github.com/octo-org/hello");
        assert_eq!((&manifest["public"], &manifest["hook_attributes"]["active"]), (&json!(false), &json!(true)));
        let permissions = manifest["default_permissions"].as_object().unwrap();
        assert_eq!(permissions.len(), NEEDS.len());
        assert_eq!((&permissions["contents"], &permissions["statuses"]), (&json!("write"), &json!("read")));
        assert_eq!(manifest["default_events"], json!(EVENTS));
    }

    #[test]
    fn without_an_address_an_app_has_no_webhook() {
        let manifest = manifest(None);

        assert_eq!((manifest.get("hook_attributes"), manifest.get("default_events")), (None, None));
    }

    #[test]
    fn people_find_each_kind_of_server_where_it_is() {
        let owner = "octo-org".parse().unwrap();
        let at = |api: &str, owner| Manifest::form_address(api, owner, "s");

        assert_eq!(at("https://api.github.com", None), "https://github.com/settings/apps/new?state=s");
        let organization = "https://github.com/organizations/octo-org/settings/apps/new?state=s";
        assert_eq!(at("https://api.github.com", Some(&owner)), organization);
        assert_eq!(at("https://api.acme.ghe.com", None), "https://acme.ghe.com/settings/apps/new?state=s");
        assert_eq!(at("https://git.example.org/api/v3", None), "https://git.example.org/settings/apps/new?state=s");
    }

    #[tokio::test]
    async fn a_code_is_exchanged_without_any_credential() {
        let fake = Fake::start(|seen| match seen.line.as_str() {
            "POST /app-manifests/c0de%2F..%2Fx/conversions" => reply(
                201,
                &json!({"id": 7, "slug": "antiphon-octo", "html_url": "https://github.com/apps/antiphon-octo",
                    "pem": "KEY", "webhook_secret": "s", "client_secret": "unused"}),
            ),
            _ => not_found(),
        })
        .await;

        let app = fake.client.redeem_manifest("c0de/../x").await.unwrap();

        assert_eq!((app.id, app.slug.as_str(), app.key.expose()), (7, "antiphon-octo", "KEY"));
        assert_eq!(fake.seen()[0].authorization, None);
        assert!(!format!("{app:?}").contains("KEY"));
    }
}
