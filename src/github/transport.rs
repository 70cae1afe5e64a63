//! Calls in GitHub's words: a path below the API, a GraphQL query, a page of a list.
//!
//! It adds credentials and reads the errors that GraphQL hides in a 200. It knows no endpoint.

use std::sync::Arc;

use http::{Method, StatusCode};
use serde::{Deserialize, Serialize, de::DeserializeOwned};
use serde_json::value::RawValue;
use url::Url;

use super::{
    Error,
    credentials::TokenStore,
    governor::{Budget, Kind},
    wire::{self, Answer, Call, Streamed, Wire},
};
use crate::model::RepoName;

/// No list we read is longer: 3,000 entries.
const PAGES_MAX: u32 = 30;
/// Two redirects inside the API and one fresh token.
const OPENED_MAX: u32 = 4;

/// The API of one GitHub, with our credentials for it.
#[derive(Debug)]
pub(super) struct Transport {
    wire: Arc<Wire>,
    tokens: TokenStore,
    rest: Url,
    graphql: Url,
}

impl Transport {
    pub(super) const fn new(wire: Arc<Wire>, tokens: TokenStore, rest: Url, graphql: Url) -> Self {
        Self { wire, tokens, rest, graphql }
    }

    pub(super) const fn tokens(&self) -> &TokenStore {
        &self.tokens
    }

    pub(super) fn wire(&self) -> &Wire {
        &self.wire
    }

    /// Reads what lies at `segments` below `/repos/OWNER/NAME`.
    pub(super) async fn get(
        &self,
        repo: &RepoName,
        segments: &[&str],
        query: &[(&str, &str)],
    ) -> Result<Answer, Error> {
        self.authorized(repo, self.call(Method::GET, repo, segments, query)?).await
    }

    /// Like [`Transport::get`], with the body left to be read, and redirects that leave the API left to be followed.
    ///
    /// Returns the address that answered with the answer.
    pub(super) async fn open(&self, repo: &RepoName, segments: &[&str]) -> Result<(Url, Streamed), Error> {
        let mut call = self.call(Method::GET, repo, segments, &[])?;
        let mut renewed = false;
        for _ in 0..OPENED_MAX {
            let authorization = self.tokens.authorization(Some(repo)).await?;
            call.authorization = Some(authorization.clone());
            let response = self.wire.open(&call).await?;
            let (status, headers) = (response.status(), response.headers());
            if let Some(resets_at) = self.wire.governor().learn(Budget::Rest, status, headers, b"") {
                return Err(Error::RateLimited { resets_at });
            }
            if status == StatusCode::UNAUTHORIZED && !renewed && self.tokens.renew(Some(repo), &authorization) {
                renewed = true;
                continue;
            }
            let target = status.is_redirection().then(|| wire::location(&call.url, headers)).transpose()?;
            match target.filter(|target| self.is_api(target)) {
                Some(target) => call.url = target,
                None => return Ok((call.url, response)),
            }
        }
        Err(Error::unexpected(anyhow::anyhow!("too many redirects")))
    }

    /// Whether an address belongs to the API, and our credentials with it.
    fn is_api(&self, url: &Url) -> bool {
        url.origin() == self.rest.origin() && url.path().starts_with(self.rest.path())
    }

    /// Reads a list to its end. A list that is longer than any we expect is an error, not a shorter list.
    pub(super) async fn list<T: DeserializeOwned>(
        &self,
        repo: &RepoName,
        segments: &[&str],
        query: &[(&str, &str)],
    ) -> Result<Vec<T>, Error> {
        let mut items = Vec::new();
        for page in 1..=PAGES_MAX {
            let page = page.to_string();
            let mut query = query.to_vec();
            query.extend([("per_page", "100"), ("page", page.as_str())]);
            let answer = self.get(repo, segments, &query).await?;
            let more = answer.has_next_page();
            items.extend(answer.json::<Vec<T>>()?);
            if !more {
                return Ok(items);
            }
        }
        Err(Error::unexpected(anyhow::anyhow!("a list has more than {PAGES_MAX} pages")))
    }

    /// Changes something below `/repos/OWNER/NAME`. Never repeated.
    pub(super) async fn write(
        &self,
        method: Method,
        repo: &RepoName,
        segments: &[&str],
        body: Option<&(impl Serialize + Sync)>,
    ) -> Result<Answer, Error> {
        let mut call = self.call(method, repo, segments, &[])?;
        call.kind = Kind::Write;
        call.body = body.map(serde_json::to_string).transpose().map_err(Error::unexpected)?;
        self.authorized(repo, call).await
    }

    /// Asks a GraphQL query. Partial data beside errors is an error.
    pub(super) async fn query<T: DeserializeOwned>(
        &self,
        repo: &RepoName,
        query: &str,
        variables: &(impl Serialize + Sync),
    ) -> Result<T, Error> {
        let body = serde_json::to_string(&Question { query, variables }).map_err(Error::unexpected)?;
        let call = Call {
            method: Method::POST,
            url: self.graphql.clone(),
            authorization: None,
            body: Some(body),
            kind: Kind::Read,
            budget: Budget::Graphql,
        };
        let answer = self.authorized(repo, call).await?.success()?;
        let reply: Reply<'_> = serde_json::from_slice(&answer.body).map_err(Error::unexpected)?;
        // Errors first: the data beside them may have holes where the query has none.
        if let Some(failure) = reply.errors.into_iter().flatten().next() {
            return Err(self.refusal(failure, &answer));
        }
        let data = reply.data.ok_or_else(|| Error::unexpected(anyhow::anyhow!("GraphQL answered without data")))?;
        serde_json::from_str(data.get()).map_err(Error::unexpected)
    }

    /// Sends a call, and once more with a fresh token if GitHub does not accept the one we have: a request that was not
    /// accepted was not carried out.
    async fn authorized(&self, repo: &RepoName, mut call: Call) -> Result<Answer, Error> {
        let authorization = self.tokens.authorization(Some(repo)).await?;
        call.authorization = Some(authorization.clone());
        let answer = self.wire.exchange(&call).await?;
        if answer.status != StatusCode::UNAUTHORIZED || !self.tokens.renew(Some(repo), &authorization) {
            return Ok(answer);
        }
        call.authorization = Some(self.tokens.authorization(Some(repo)).await?);
        self.wire.exchange(&call).await
    }

    fn call(&self, method: Method, repo: &RepoName, segments: &[&str], query: &[(&str, &str)]) -> Result<Call, Error> {
        let mut all = vec!["repos", repo.owner(), repo.name()];
        all.extend(segments);
        let mut url = path(&self.rest, &all)?;
        if !query.is_empty() {
            url.query_pairs_mut().extend_pairs(query);
        }
        Ok(Call { method, url, authorization: None, body: None, kind: Kind::Read, budget: Budget::Rest })
    }

    fn refusal(&self, failure: Failure, answer: &Answer) -> Error {
        let message: String = failure.message.unwrap_or_default().chars().take(500).collect();
        match failure.kind.as_deref() {
            Some("RATE_LIMITED" | "RATE_LIMIT") => {
                Error::RateLimited { resets_at: self.wire.governor().learn_graphql_refusal(&answer.headers) }
            }
            Some("NOT_FOUND") => Error::NotFound,
            Some("FORBIDDEN") => Error::Forbidden { what: message },
            _ => Error::unexpected(anyhow::anyhow!("GraphQL: {message}")),
        }
    }
}

/// `base` with `segments` below it, each escaped.
pub(super) fn path(base: &Url, segments: &[&str]) -> Result<Url, Error> {
    let mut url = base.clone();
    url.path_segments_mut()
        .map_err(|()| Error::unexpected(anyhow::anyhow!("the API's address cannot have a path")))?
        .pop_if_empty()
        .extend(segments);
    Ok(url)
}

#[derive(Serialize)]
struct Question<'a, V> {
    query: &'a str,
    variables: &'a V,
}

#[derive(Deserialize)]
struct Reply<'a> {
    #[serde(borrow)]
    data: Option<&'a RawValue>,
    errors: Option<Vec<Failure>>,
}

#[derive(Deserialize)]
struct Failure {
    #[serde(rename = "type")]
    kind: Option<String>,
    message: Option<String>,
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;
    use crate::{
        github::fake::{Fake, ok, repo},
        model::PrNumber,
    };

    async fn refusal(errors: Value) -> Error {
        let body = json!({"data": {"repository": null}, "errors": errors});
        let fake = Fake::start(move |_| ok(&body)).await;
        fake.client.snapshot(&repo(), PrNumber(1)).await.unwrap_err()
    }

    #[tokio::test]
    async fn graphql_hides_its_refusals_in_a_200() {
        let of = |kind: &str| json!([{"type": kind, "message": "words"}]);

        assert!(matches!(refusal(of("NOT_FOUND")).await, Error::NotFound));
        assert!(matches!(refusal(of("FORBIDDEN")).await, Error::Forbidden { what } if what == "words"));
        assert!(matches!(refusal(of("RATE_LIMITED")).await, Error::RateLimited { .. }));
        assert!(matches!(refusal(json!([{"message": "Field 'x' doesn't exist"}])).await, Error::Other(_)));
        assert!(matches!(refusal(json!([])).await, Error::NotFound));
    }

    #[tokio::test]
    async fn a_limit_of_graphql_leaves_rest_alone() {
        let fake = Fake::start(|seen| match seen.line.as_str() {
            "POST /graphql" => {
                let body = json!({"errors": [{"type": "RATE_LIMITED"}]});
                let mut reply = ok(&body);
                reply.headers_mut().insert("x-ratelimit-reset", (crate::github::fake::NOON + 60).into());
                reply
            }
            _ => ok(&json!([])),
        })
        .await;

        for _ in 0..2 {
            let limited = fake.client.snapshot(&repo(), PrNumber(1)).await.unwrap_err();
            assert_eq!(limited.to_string(), "rate limit reached, resets at 2026-01-01T12:01:00Z");
        }
        assert_eq!(fake.client.open_pulls(&repo()).await.unwrap(), []);
        assert_eq!(fake.lines().iter().filter(|line| *line == "POST /graphql").count(), 1);
    }

    #[test]
    fn what_comes_from_outside_cannot_leave_its_place_in_a_path() {
        let base: Url = "https://ghe.example/api/v3".parse().unwrap();
        let path = path(&base, &["repos", "a", "labels", "x/../../y?z#ü"]).unwrap();
        assert_eq!(path.as_str(), "https://ghe.example/api/v3/repos/a/labels/x%2F..%2F..%2Fy%3Fz%23%C3%BC");
    }
}
