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
    governor::{Budget, Class, Kind},
    page::PageSize,
    wire::{self, Answer, Call, Streamed, Wire},
};
use crate::model::RepoName;

/// No list we read is longer: 3,000 entries.
const PAGES_MAX: u32 = 30;
/// Two redirects inside the API and one fresh token.
const OPENED_MAX: u32 = 4;

/// The API of one GitHub, with our credentials for it. Cloning shares them.
#[derive(Debug, Clone)]
pub(super) struct Transport {
    shared: Arc<Shared>,
    class: Class,
}

#[derive(Debug)]
struct Shared {
    wire: Arc<Wire>,
    tokens: TokenStore,
    rest: Url,
    graphql: Url,
    pages: PageSize,
}

/// A list that was asked for with what is known of it.
#[derive(Debug)]
pub(super) enum Listed<T> {
    /// It is as it was.
    Unchanged,
    /// Its entries, and what to show next time; nothing if it is longer than one page, for then the first page says
    /// nothing about what ended on the others.
    Changed(Vec<T>, Option<String>),
}

impl Transport {
    pub(super) fn new(wire: Arc<Wire>, tokens: TokenStore, rest: Url, graphql: Url) -> Self {
        let shared = Shared { wire, tokens, rest, graphql, pages: PageSize::default() };
        Self { shared: Arc::new(shared), class: Class::Event }
    }

    /// The same, on behalf of somebody else.
    pub(super) fn on_behalf_of(&self, class: Class) -> Self {
        Self { shared: self.shared.clone(), class }
    }

    pub(super) fn tokens(&self) -> &TokenStore {
        &self.shared.tokens
    }

    pub(super) fn wire(&self) -> &Wire {
        &self.shared.wire
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
            let authorization = self.shared.tokens.authorization(Some(repo)).await?;
            call.authorization = Some(authorization.clone());
            let response = self.shared.wire.open(&call).await?;
            let (status, headers) = (response.status(), response.headers());
            if let Some(resets_at) = self.shared.wire.governor(&call).learn(Budget::Rest, status, headers, b"") {
                return Err(Error::RateLimited { resets_at });
            }
            if status == StatusCode::UNAUTHORIZED && !renewed && self.shared.tokens.renew(Some(repo), &authorization) {
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
        url.origin() == self.shared.rest.origin() && url.path().starts_with(self.shared.rest.path())
    }

    /// Reads a list to its end. A list that is longer than any we expect is an error, not a shorter list.
    pub(super) async fn list<T: DeserializeOwned>(
        &self,
        repo: &RepoName,
        segments: &[&str],
        query: &[(&str, &str)],
    ) -> Result<Vec<T>, Error> {
        match self.list_anew(repo, segments, query, None).await? {
            Listed::Changed(items, _) => Ok(items),
            Listed::Unchanged => Err(Error::unexpected(anyhow::anyhow!("a list is said not to have changed"))),
        }
    }

    /// The same, if it is not as it was when `known` was given.
    pub(super) async fn list_anew<T: DeserializeOwned>(
        &self,
        repo: &RepoName,
        segments: &[&str],
        query: &[(&str, &str)],
        known: Option<String>,
    ) -> Result<Listed<T>, Error> {
        let mut items = Vec::new();
        let mut known = known;
        for page in 1..=PAGES_MAX {
            let number = page.to_string();
            let mut query = query.to_vec();
            query.extend([("per_page", "100"), ("page", number.as_str())]);
            let mut call = self.call(Method::GET, repo, segments, &query)?;
            call.known = known.take();
            let answer = self.authorized(repo, call).await?;
            if answer.status == StatusCode::NOT_MODIFIED {
                return Ok(Listed::Unchanged);
            }
            let more = answer.has_next_page();
            let etag = answer.etag().filter(|_| page == 1);
            items.extend(answer.json::<Vec<T>>()?);
            if !more {
                return Ok(Listed::Changed(items, etag));
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
        let answer = self.authorized(repo, self.question(repo, query, variables)?).await;
        let read = answer.and_then(|answer| self.data(repo, &answer.success()?));
        match &read {
            Ok(_) => self.shared.pages.answered(),
            // A query that takes longer than ten seconds is given up, and its points are gone.
            Err(Error::Unavailable(_)) => self.shared.pages.shrink(),
            Err(_) => {}
        }
        read
    }

    /// Changes something by the mutation `name`, for which REST has no endpoint. Never repeated.
    pub(super) async fn mutate<T: DeserializeOwned>(
        &self,
        repo: &RepoName,
        (name, query): (&str, &str),
        variables: &(impl Serialize + Sync),
    ) -> Result<T, Error> {
        let mut call = self.question(repo, query, variables)?;
        call.kind = Kind::Write;
        let answer = self.authorized(repo, call).await?.success()?;
        let data = self.data(repo, &answer);
        self.shared.wire.permissions().learn_mutation(name, data.as_ref().err());
        data
    }

    fn question(&self, repo: &RepoName, query: &str, variables: &(impl Serialize + Sync)) -> Result<Call, Error> {
        let body = serde_json::to_string(&Question { query, variables }).map_err(Error::unexpected)?;
        let mut call = Call::read(self.shared.graphql.clone(), self.class, self.account(repo));
        (call.method, call.body, call.budget) = (Method::POST, Some(body), Budget::Graphql);
        Ok(call)
    }

    /// What GraphQL answered, unless it hides a refusal in its 200.
    fn data<T: DeserializeOwned>(&self, repo: &RepoName, answer: &Answer) -> Result<T, Error> {
        let reply: Reply<'_> = serde_json::from_slice(&answer.body).map_err(Error::unexpected)?;
        // Errors first: the data beside them may have holes where the query has none.
        if let Some(failure) = reply.errors.into_iter().flatten().next() {
            return Err(self.refusal(repo, failure, answer));
        }
        let data = reply.data.ok_or_else(|| Error::unexpected(anyhow::anyhow!("GraphQL answered without data")))?;
        serde_json::from_str(data.get()).map_err(Error::unexpected)
    }

    /// Sends a call, and once more with a fresh token if GitHub does not accept the one we have: a request that was not
    /// accepted was not carried out.
    async fn authorized(&self, repo: &RepoName, mut call: Call) -> Result<Answer, Error> {
        let authorization = self.shared.tokens.authorization(Some(repo)).await?;
        call.authorization = Some(authorization.clone());
        let answer = self.shared.wire.exchange(&call).await?;
        if answer.is_suspended() {
            self.shared.tokens.no_access(repo);
            return Err(Error::Unauthorized);
        }
        if answer.status != StatusCode::UNAUTHORIZED || !self.shared.tokens.renew(Some(repo), &authorization) {
            return Ok(answer);
        }
        call.authorization = Some(self.shared.tokens.authorization(Some(repo)).await?);
        self.shared.wire.exchange(&call).await
    }

    fn call(&self, method: Method, repo: &RepoName, segments: &[&str], query: &[(&str, &str)]) -> Result<Call, Error> {
        let mut all = vec!["repos", repo.owner(), repo.name()];
        all.extend(segments);
        let mut url = path(&self.shared.rest, &all)?;
        if !query.is_empty() {
            url.query_pairs_mut().extend_pairs(query);
        }
        let mut call = Call::read(url, self.class, self.account(repo));
        call.method = method;
        Ok(call)
    }

    /// How many entries a page of a GraphQL list should have now.
    pub(super) fn page_size(&self) -> u32 {
        self.shared.pages.get()
    }

    /// Reads something that belongs to our account and to no repository. An App has no such thing.
    pub(super) async fn of_us(&self, segments: &[&str]) -> Result<Answer, Error> {
        let mut call = Call::read(path(&self.shared.rest, segments)?, self.class, String::new());
        call.authorization = Some(self.shared.tokens.authorization(None).await?);
        self.shared.wire.exchange(&call).await
    }

    /// Asks as nobody: no credential goes with it.
    pub(super) async fn anonymously(&self, method: Method, segments: &[&str]) -> Result<Answer, Error> {
        let mut call = Call::read(path(&self.shared.rest, segments)?, self.class, String::new());
        if method != Method::GET {
            call.kind = Kind::Write;
        }
        call.method = method;
        self.shared.wire.exchange(&call).await
    }

    /// Asks as the App itself.
    pub(super) async fn as_app(
        &self,
        method: Method,
        segments: &[&str],
        query: &[(&str, &str)],
    ) -> Result<Answer, Error> {
        let mut url = path(&self.shared.rest, segments)?;
        if !query.is_empty() {
            url.query_pairs_mut().extend_pairs(query);
        }
        let mut call = Call::read(url, self.class, String::new());
        if method != Method::GET {
            call.kind = Kind::Write;
        }
        call.method = method;
        self.shared.tokens.as_app(call).await
    }

    fn account(&self, repo: &RepoName) -> String {
        self.shared.tokens.account(Some(repo))
    }

    fn refusal(&self, repo: &RepoName, failure: Failure, answer: &Answer) -> Error {
        let message: String = failure.message.unwrap_or_default().chars().take(500).collect();
        match failure.kind.as_deref() {
            Some("RATE_LIMITED" | "RATE_LIMIT") => {
                let governor = self.shared.wire.governors().of(&self.account(repo));
                Error::RateLimited { resets_at: governor.learn_graphql_refusal(&answer.headers) }
            }
            Some("RESOURCE_LIMITS_EXCEEDED") => Error::Unavailable(anyhow::anyhow!("GraphQL: {message}")),
            // A query that was given up half-way has no type.
            None if message.contains("timeout") => Error::Unavailable(anyhow::anyhow!("GraphQL: {message}")),
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
        assert_eq!(fake.client.open_pulls(&repo(), None).await.unwrap().map(|list| list.pulls), Some(Vec::new()));
        assert_eq!(fake.lines().iter().filter(|line| *line == "POST /graphql").count(), 1);
    }

    #[tokio::test]
    async fn a_query_that_takes_too_long_asks_for_less_the_next_time() {
        let fake = Fake::start(|_| crate::github::fake::reply(502, &json!({}))).await;

        for _ in 0..3 {
            assert!(matches!(fake.client.snapshot(&repo(), PrNumber(1)).await, Err(Error::Unavailable(_))));
        }

        let sizes: Vec<_> = fake.seen().iter().map(|seen| seen.body["variables"]["checks"].clone()).collect();
        assert_eq!(sizes, [100, 50, 25]);
    }

    #[tokio::test]
    async fn a_query_that_was_given_up_in_a_200_asks_for_less_the_next_time() {
        let given_up = [
            json!([{"type": "RESOURCE_LIMITS_EXCEEDED", "message": "Resource limits for this query exceeded."}]),
            json!([{"message": "Something went wrong. This may be the result of a timeout, or a GitHub bug."}]),
        ];
        for errors in given_up {
            let body = json!({"data": {"repository": null}, "errors": errors});
            let fake = Fake::start(move |_| ok(&body)).await;

            for _ in 0..2 {
                assert!(matches!(fake.client.snapshot(&repo(), PrNumber(1)).await, Err(Error::Unavailable(_))));
            }

            let sizes: Vec<_> = fake.seen().iter().map(|seen| seen.body["variables"]["checks"].clone()).collect();
            assert_eq!(sizes, [100, 50]);
        }
    }

    // G123
    #[tokio::test]
    async fn an_outage_is_not_asked_about_by_everybody() {
        let fake = Fake::start(|_| crate::github::fake::reply(503, &json!({}))).await;

        for _ in 0..200 {
            assert!(matches!(fake.client.open_pulls(&repo(), None).await, Err(Error::Unavailable(_))));
        }
        assert_eq!(fake.seen().len(), 5);
        fake.pass(4);
        for _ in 0..200 {
            assert!(fake.client.open_pulls(&repo(), None).await.is_err());
        }
        assert_eq!(fake.seen().len(), 6, "one probe");
    }

    #[test]
    fn what_comes_from_outside_cannot_leave_its_place_in_a_path() {
        let base: Url = "https://ghe.example/api/v3".parse().unwrap();
        let path = path(&base, &["repos", "a", "labels", "x/../../y?z#ü"]).unwrap();
        assert_eq!(path.as_str(), "https://ghe.example/api/v3/repos/a/labels/x%2F..%2F..%2Fy%3Fz%23%C3%BC");
    }
}
