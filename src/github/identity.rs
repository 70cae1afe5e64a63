//! Who we are to GitHub, and what we were given: for people who set it up. It asks and changes nothing.

use std::collections::{BTreeMap, BTreeSet};

use http::Method;
use jiff::Timestamp;
use serde::Deserialize;

use super::{Client, Error, needs::Granted, wire::Answer};
use crate::model::RepoName;

/// Who we are.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Identity {
    /// The account; an App's ends in `[bot]`.
    pub login: String,
    /// What we were given.
    pub granted: Granted,
    /// When the token ends, in GitHub's words, if it does.
    pub expires: Option<String>,
    /// When somebody suspended the installation, if it is suspended.
    pub suspended: Option<Timestamp>,
    /// How many seconds GitHub's clock is ahead of ours; negative: ours is.
    pub skew_secs: Option<i64>,
}

#[derive(Deserialize)]
struct Account {
    #[serde(default)]
    login: String,
}

#[derive(Deserialize)]
struct App {
    slug: String,
}

#[derive(Deserialize)]
struct Installation {
    #[serde(default)]
    permissions: BTreeMap<String, String>,
    suspended_at: Option<Timestamp>,
}

impl Client {
    /// Who we are where `repo` is concerned.
    ///
    /// # Errors
    ///
    /// [`Error::Unauthorized`] if GitHub does not accept the credential, [`Error::NotFound`] if the App is not installed
    /// there.
    pub async fn identity(&self, repo: &RepoName) -> Result<Identity, Error> {
        if self.transport().tokens().app().is_some() { self.app(repo).await } else { self.account().await }
    }

    /// Tries to see what a permission lets one see; `None` if there is no way to try that leaves no trace.
    ///
    /// # Errors
    ///
    /// When GitHub cannot be asked.
    pub async fn may_see(&self, repo: &RepoName, permission: &str) -> Result<Option<bool>, Error> {
        let path: &[&str] = match permission {
            "actions" => &["actions", "runs"],
            "checks" => &["commits", "HEAD", "check-runs"],
            "contents" => &["commits"],
            "issues" => &["issues"],
            "pull_requests" => &["pulls"],
            "statuses" => &["commits", "HEAD", "statuses"],
            _ => return Ok(None),
        };
        match self.transport().get(repo, path, &[("per_page", "1")]).await?.success() {
            // An empty repository has no commits, and says so in its own way.
            Ok(_) | Err(Error::Unprocessable { .. }) => Ok(Some(true)),
            Err(Error::Forbidden { .. } | Error::NotFound) => Ok(Some(false)),
            Err(error) => Err(error),
        }
    }

    async fn app(&self, repo: &RepoName) -> Result<Identity, Error> {
        let answer = self.transport().as_app(Method::GET, &["app"], &[]).await?;
        let skew_secs = self.transport().tokens().skew_secs(&answer);
        let App { slug } = answer.json()?;
        let path = ["repos", repo.owner(), repo.name(), "installation"];
        let installation: Installation = self.transport().as_app(Method::GET, &path, &[]).await?.json()?;
        Ok(Identity {
            login: format!("{slug}[bot]"),
            granted: Granted::Permissions(installation.permissions),
            expires: None,
            suspended: installation.suspended_at,
            skew_secs,
        })
    }

    async fn account(&self) -> Result<Identity, Error> {
        let answer = self.transport().of_us(&["user"]).await?;
        let granted = match header(&answer, "x-oauth-scopes") {
            Some(scopes) => Granted::Scopes(words(&scopes)),
            None => Granted::Untold,
        };
        let expires = header(&answer, "github-authentication-token-expiration");
        let skew_secs = self.transport().tokens().skew_secs(&answer);
        let Account { login } = answer.json()?;
        Ok(Identity { login, granted, expires, suspended: None, skew_secs })
    }
}

fn words(list: &str) -> BTreeSet<String> {
    list.split(',').map(|word| word.trim().to_owned()).filter(|word| !word.is_empty()).collect()
}

fn header(answer: &Answer, name: &str) -> Option<String> {
    answer.headers.get(name)?.to_str().ok().map(ToOwned::to_owned)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::github::fake::{Fake, ok, repo};

    #[tokio::test]
    async fn a_classic_token_tells_its_scopes_and_githubs_clock_is_compared_with_ours() {
        let fake = Fake::start(|_| {
            let mut reply = ok(&json!({"login": "maya"}));
            let headers = reply.headers_mut();
            headers.insert("x-oauth-scopes", "repo, workflow".parse().unwrap());
            headers.insert("github-authentication-token-expiration", "2026-02-01 12:00:00 UTC".parse().unwrap());
            headers.insert("date", "Thu, 01 Jan 2026 12:01:30 GMT".parse().unwrap());
            reply
        })
        .await;

        let expected = Identity {
            login: "maya".to_owned(),
            granted: Granted::Scopes(["repo", "workflow"].map(ToOwned::to_owned).into()),
            expires: Some("2026-02-01 12:00:00 UTC".to_owned()),
            suspended: None,
            skew_secs: Some(90),
        };
        assert_eq!(fake.client.identity(&repo()).await.unwrap(), expected);
    }

    #[tokio::test]
    async fn of_a_fine_grained_token_nothing_is_told() {
        let fake = Fake::start(|_| ok(&json!({"login": "maya"}))).await;

        assert_eq!(fake.client.identity(&repo()).await.unwrap().granted, Granted::Untold);
    }
}
