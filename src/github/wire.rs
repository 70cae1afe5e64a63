//! One request to GitHub and its answer, with octocrab as the transport.
//!
//! What it adds to HTTP: leave from the governor, deadlines, redirects inside GitHub, and the knowledge whether a lost
//! answer leaves a write in doubt. It never repeats a request, keeps no cache, and sends credentials to the host of
//! the API only.

use std::{io, sync::Arc, time::Duration};

use bytes::Bytes;
use http::{
    HeaderMap, HeaderValue, Method, StatusCode,
    header::{ACCEPT, AUTHORIZATION, CONTENT_TYPE, ETAG, IF_NONE_MATCH, LINK, LOCATION, USER_AGENT},
};
use http_body_util::{BodyExt as _, Limited, combinators::BoxBody};
use octocrab::Octocrab;
use serde::de::DeserializeOwned;
use tracing::debug;
use url::Url;

use super::{
    Error,
    governor::{Budget, Class, Governor, Governors, Kind, Wish},
    refusals::Permissions,
};
use crate::boundary;

const CONNECT_TIMEOUT: Duration = Duration::from_secs(5);
/// How long the head of an answer, each read of its body, or the whole of a small body may take.
pub(super) const READ_TIMEOUT: Duration = Duration::from_secs(30);
const BODY_BYTES_MAX: usize = 32 << 20;
const REDIRECTS_MAX: usize = 3;

pub(super) type Streamed = http::Response<BoxBody<Bytes, octocrab::Error>>;

/// The connection pool and the governors in front of it.
#[derive(Debug)]
pub(super) struct Wire {
    octocrab: Arc<Octocrab>,
    governors: Governors,
    permissions: Permissions,
}

/// One request.
#[derive(Debug, Clone)]
pub(super) struct Call {
    pub(super) method: Method,
    pub(super) url: Url,
    pub(super) authorization: Option<HeaderValue>,
    pub(super) body: Option<String>,
    pub(super) kind: Kind,
    pub(super) class: Class,
    pub(super) budget: Budget,
    /// The account whose installation the credential belongs to; empty for one that is good everywhere.
    pub(super) account: String,
    /// What is known already: an unchanged answer then has no body, and costs nothing.
    pub(super) known: Option<String>,
}

impl Call {
    /// A request that reads by REST.
    pub(super) const fn read(url: Url, class: Class, account: String) -> Self {
        let (method, kind, budget) = (Method::GET, Kind::Read, Budget::Rest);
        Self { method, url, authorization: None, body: None, kind, class, budget, account, known: None }
    }

    /// A request that changes something is a write even if it is made because something happened.
    fn wish(&self) -> Wish {
        let class = match (self.kind, self.class) {
            (Kind::Write, Class::Event) => Class::Write,
            (Kind::Write | Kind::Read, class) => class,
        };
        Wish { kind: self.kind, class, budget: self.budget }
    }
}

/// One answer, whatever its status below 500.
#[derive(Debug)]
pub(super) struct Answer {
    pub(super) status: StatusCode,
    pub(super) headers: HeaderMap,
    pub(super) body: Vec<u8>,
}

impl Wire {
    /// Must be called inside a tokio runtime: the pool runs on it.
    pub(super) fn new(governors: Governors) -> Result<Self, Error> {
        let octocrab = Octocrab::builder()
            .set_connect_timeout(Some(CONNECT_TIMEOUT))
            .set_read_timeout(Some(READ_TIMEOUT))
            .set_write_timeout(Some(READ_TIMEOUT))
            .add_header(USER_AGENT, concat!("antiphon/", env!("CARGO_PKG_VERSION")).to_owned())
            .build()
            .map_err(Error::unexpected)?;
        Ok(Self { octocrab: Arc::new(octocrab), governors, permissions: Permissions::default() })
    }

    pub(super) const fn governors(&self) -> &Governors {
        &self.governors
    }

    pub(super) const fn permissions(&self) -> &Permissions {
        &self.permissions
    }

    /// The governor of the credential that a request is made with.
    pub(super) fn governor(&self, call: &Call) -> Arc<Governor> {
        self.governors.of(&call.account)
    }

    /// Sends a request and reads the whole answer.
    ///
    /// # Errors
    ///
    /// When it may not be sent, GitHub limits us, is broken, or the answer is lost.
    pub(super) async fn exchange(&self, call: &Call) -> Result<Answer, Error> {
        let mut call = call.clone();
        for _ in 0..=REDIRECTS_MAX {
            let answer = self.once(&call).await?;
            if !answer.status.is_redirection() || answer.status == StatusCode::NOT_MODIFIED {
                return Ok(answer);
            }
            // A renamed repository answers so. Nothing was carried out yet, so a write may follow, as the write it is.
            call.url = redirected(&call.url, &answer.headers)?;
        }
        Err(Error::unexpected(anyhow::anyhow!("too many redirects")))
    }

    /// Sends a request and leaves the body to be read; redirects are not followed.
    pub(super) async fn open(&self, call: &Call) -> Result<Streamed, Error> {
        let governor = self.governor(call);
        let _admission = governor.admit(call.wish()).await?;
        let opened = self.send(call).await.and_then(|response| {
            refuse_broken(response.status(), call.kind)?;
            Ok(response)
        });
        noted(&governor, opened)
    }

    async fn once(&self, call: &Call) -> Result<Answer, Error> {
        let governor = self.governor(call);
        let _admission = governor.admit(call.wish()).await?;
        let answer = noted(&governor, self.answer(call).await)?;
        match governor.learn(call.budget, answer.status, &answer.headers, &answer.body) {
            Some(resets_at) => Err(Error::RateLimited { resets_at }),
            None => {
                self.permissions.learn(call, &answer);
                Ok(answer)
            }
        }
    }

    async fn answer(&self, call: &Call) -> Result<Answer, Error> {
        let answer = read(self.send(call).await?, call.kind).await?;
        debug!(
            http.method = %call.method,
            http.path = call.url.path(),
            http.status = answer.status.as_u16(),
            "GitHub answered {}",
            answer.status
        );
        refuse_broken(answer.status, call.kind)?;
        Ok(answer)
    }

    async fn send(&self, call: &Call) -> Result<Streamed, Error> {
        let request = request(call)?;
        boundary::cross("github: before a request");
        let sent = tokio::time::timeout(READ_TIMEOUT, self.octocrab.send(request)).await;
        boundary::cross("github: after a request");
        match sent {
            Ok(Ok(response)) => Ok(response),
            Ok(Err(error)) => Err(lost(call.kind, error.into())),
            Err(elapsed) => Err(lost(call.kind, elapsed.into())),
        }
    }
}

impl Answer {
    /// The body, if GitHub did what was asked.
    ///
    /// # Errors
    ///
    /// By status, and if the body is not what was expected.
    pub(super) fn json<T: DeserializeOwned>(self) -> Result<T, Error> {
        let answer = self.success()?;
        serde_json::from_slice(&answer.body).map_err(Error::unexpected)
    }

    /// The answer, if its status says that GitHub did what was asked.
    pub(super) fn success(self) -> Result<Self, Error> {
        match self.status {
            status if status.is_success() => Ok(self),
            StatusCode::UNAUTHORIZED => Err(Error::Unauthorized),
            StatusCode::FORBIDDEN => Err(Error::Forbidden { what: self.message() }),
            StatusCode::NOT_FOUND | StatusCode::GONE => Err(Error::NotFound),
            _ => Err(Error::Unprocessable { message: self.message() }),
        }
    }

    /// GitHub's words about a refusal, with those of its single errors, at most 500 characters.
    pub(super) fn message(&self) -> String {
        #[derive(serde::Deserialize)]
        struct Refusal {
            message: Option<String>,
            #[serde(default)]
            errors: serde_json::Value,
        }
        let Ok(refusal) = serde_json::from_slice::<Refusal>(&self.body) else { return self.status.to_string() };
        let errors = refusal.errors.as_array().into_iter().flatten();
        let single = errors.filter_map(|error| error["message"].as_str().or(error.as_str()));
        let words: Vec<&str> = refusal.message.as_deref().into_iter().chain(single).collect();
        words.join(": ").chars().take(500).collect()
    }

    /// What to show next time, so that an unchanged answer costs nothing.
    pub(super) fn etag(&self) -> Option<String> {
        self.headers.get(ETAG)?.to_str().ok().map(ToOwned::to_owned)
    }

    /// Whether the installation that asked is suspended: its tokens live on for a while, and nothing may be done.
    pub(super) fn is_suspended(&self) -> bool {
        self.status == StatusCode::FORBIDDEN
            && self.message().to_lowercase().contains("installation has been suspended")
    }

    /// Where the page after this one begins, in lists that have cursors instead of numbers.
    pub(super) fn next_cursor(&self) -> Option<String> {
        let link = self.headers.get(LINK)?.to_str().ok()?;
        let next = link.split(',').find(|part| part.contains("rel=\"next\""))?;
        let target: Url = next.split_once('<')?.1.split_once('>')?.0.parse().ok()?;
        target.query_pairs().find(|(name, _)| name == "cursor").map(|(_, cursor)| cursor.into_owned())
    }

    /// Whether a list has a page after this one.
    pub(super) fn has_next_page(&self) -> bool {
        let link = self.headers.get(LINK).and_then(|link| link.to_str().ok());
        link.is_some_and(|link| link.contains("rel=\"next\""))
    }
}

/// Tells the governor of a request that got no usable answer.
fn noted<T>(governor: &Governor, result: Result<T, Error>) -> Result<T, Error> {
    if matches!(result, Err(Error::Unavailable(_) | Error::AmbiguousWrite(_))) {
        governor.failed();
    }
    result
}

fn request(call: &Call) -> Result<http::Request<octocrab::OctoBody>, Error> {
    let mut builder = http::Request::builder()
        .method(call.method.clone())
        .uri(call.url.as_str())
        .header(ACCEPT, "application/vnd.github+json")
        .header("x-github-api-version", "2022-11-28");
    if let Some(authorization) = &call.authorization {
        builder = builder.header(AUTHORIZATION, authorization);
    }
    if let Some(known) = &call.known {
        builder = builder.header(IF_NONE_MATCH, known);
    }
    let body = match &call.body {
        Some(body) => {
            builder = builder.header(CONTENT_TYPE, "application/json");
            octocrab::OctoBody::from(body.clone())
        }
        None => octocrab::OctoBody::empty(),
    };
    builder.body(body).map_err(Error::unexpected)
}

async fn read(response: Streamed, kind: Kind) -> Result<Answer, Error> {
    let (head, body) = response.into_parts();
    let whole = tokio::time::timeout(READ_TIMEOUT, Limited::new(body, BODY_BYTES_MAX).collect()).await;
    let body = match whole {
        Ok(Ok(body)) => body.to_bytes().to_vec(),
        Ok(Err(error)) => return Err(lost(kind, anyhow::anyhow!(error))),
        Err(elapsed) => return Err(lost(kind, elapsed.into())),
    };
    Ok(Answer { status: head.status, headers: head.headers, body })
}

fn refuse_broken(status: StatusCode, kind: Kind) -> Result<(), Error> {
    if status.is_server_error() { Err(lost(kind, anyhow::anyhow!("status {status}"))) } else { Ok(()) }
}

/// No usable answer came. Only a refused connection proves that a write did not arrive.
fn lost(kind: Kind, error: anyhow::Error) -> Error {
    let refused = error
        .chain()
        .any(|cause| cause.downcast_ref::<io::Error>().is_some_and(|io| io.kind() == io::ErrorKind::ConnectionRefused));
    match kind {
        Kind::Write if !refused => Error::AmbiguousWrite(error),
        Kind::Write | Kind::Read => Error::Unavailable(error),
    }
}

/// Where GitHub sends us on: only inside the API's own host, for the credentials go along.
fn redirected(from: &Url, headers: &HeaderMap) -> Result<Url, Error> {
    let target = location(from, headers)?;
    if target.origin() != from.origin() {
        return Err(Error::unexpected(anyhow::anyhow!("redirected to another host")));
    }
    Ok(target)
}

/// The target of a redirect, absolute.
pub(super) fn location(from: &Url, headers: &HeaderMap) -> Result<Url, Error> {
    let target = headers.get(LOCATION).and_then(|target| target.to_str().ok());
    target
        .and_then(|target| from.join(target).ok())
        .ok_or_else(|| Error::unexpected(anyhow::anyhow!("a redirect without a target")))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::{
        github::{
            Credentials, NewPull, Settings,
            fake::{Fake, not_found, ok, redirect, reply, repo},
        },
        model::Secret,
    };

    fn new_pull() -> NewPull {
        NewPull {
            head: "work".parse().unwrap(),
            base: "main".parse().unwrap(),
            title: "Title".to_owned(),
            body: String::new(),
        }
    }

    fn repository() -> serde_json::Value {
        json!({"id": 7, "full_name": "octo/new", "default_branch": "main", "clone_url": "https://x/y.git"})
    }

    fn limited_until(fake: &Fake) -> Option<jiff::Timestamp> {
        fake.client.standings().into_iter().find_map(|standing| standing.limited).map(|(until, _)| until)
    }

    #[tokio::test]
    async fn a_write_that_is_answered_with_502_is_not_sent_again_and_is_ambiguous() {
        let fake = Fake::start(|_| reply(502, &json!({}))).await;

        let error = fake.client.open_pull(&repo(), &new_pull()).await.unwrap_err();

        assert!(matches!(error, Error::AmbiguousWrite(_)), "{error:?}");
        assert_eq!(fake.lines(), ["POST /repos/octo/hello/pulls"]);
    }

    #[tokio::test]
    async fn a_read_that_is_answered_with_502_is_not_sent_again_and_is_unavailable() {
        let fake = Fake::start(|_| reply(502, &json!({}))).await;

        let error = fake.client.repository(&repo()).await.unwrap_err();

        assert!(matches!(error, Error::Unavailable(_)), "{error:?}");
        assert_eq!(fake.lines(), ["GET /repos/octo/hello"]);
    }

    #[tokio::test]
    async fn a_write_whose_connection_breaks_is_ambiguous_and_one_that_was_refused_is_not() {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let settings = Settings {
            api_url: format!("http://{address}"),
            credentials: Credentials::Token(Secret::new("t")),
            write_gap: None,
        };
        let client = crate::github::Client::new(settings, crate::clock::Clock::system()).unwrap();
        let accept = async {
            let (mut stream, _) = listener.accept().await.unwrap();
            // Wait for the request, so that it was sent, then hang up.
            let mut byte = [0];
            tokio::io::AsyncReadExt::read(&mut stream, &mut byte).await.unwrap();
        };

        let new = new_pull();
        let repo = repo();
        let (broken, ()) = tokio::join!(client.open_pull(&repo, &new), accept);
        drop(listener);
        let refused = client.open_pull(&repo, &new).await;

        assert!(matches!(broken, Err(Error::AmbiguousWrite(_))), "{broken:?}");
        assert!(matches!(refused, Err(Error::Unavailable(_))), "{refused:?}");
    }

    // G121
    #[tokio::test]
    async fn after_a_secondary_limit_nothing_is_sent() {
        let body = json!({"message": "You have exceeded a secondary rate limit."});
        let fake = Fake::start(move |_| reply(403, &body)).await;

        let first = fake.client.repository(&repo()).await.unwrap_err();
        let second = fake.client.open_pulls(&repo(), None).await.unwrap_err();

        let until = |error: &Error| match error {
            Error::RateLimited { resets_at } => Some(*resets_at),
            Error::Unauthorized
            | Error::Forbidden { .. }
            | Error::NotFound
            | Error::HeadMoved
            | Error::Unprocessable { .. }
            | Error::Unavailable(_)
            | Error::AmbiguousWrite(_)
            | Error::Other(_) => None,
        };
        assert_eq!(until(&first), Some("2026-01-01T12:01:00Z".parse().unwrap()));
        assert_eq!(until(&first), until(&second));
        assert_eq!(limited_until(&fake), until(&first));
        assert_eq!(fake.lines(), ["GET /repos/octo/hello"]);
    }

    // G119
    #[tokio::test]
    async fn a_missing_permission_is_said_in_githubs_words() {
        let fake = Fake::start(|_| reply(403, &json!({"message": "Resource not accessible by integration"}))).await;

        let error = fake.client.repository(&repo()).await.unwrap_err();

        assert_eq!(error.to_string(), "GitHub forbids it: Resource not accessible by integration");
        assert_eq!(limited_until(&fake), None);
    }

    // G045
    #[tokio::test]
    async fn a_renamed_repository_is_found_under_its_new_name() {
        let fake = Fake::start(|seen| match seen.line.as_str() {
            "GET /repos/octo/hello" => redirect(301, "/repositories/7"),
            "GET /repositories/7" => ok(&repository()),
            _ => not_found(),
        })
        .await;

        let found = fake.client.repository(&repo()).await.unwrap();

        assert_eq!((found.id.0, found.name.as_str()), (7, "octo/new"));
        assert!(fake.seen().iter().all(|seen| seen.authorization.as_deref() == Some("Bearer t0k3n")));
    }

    #[tokio::test]
    async fn a_redirected_write_stays_a_write() {
        let fake = Fake::start(|seen| match seen.line.as_str() {
            "POST /repos/octo/hello/pulls" => redirect(307, "/repositories/7/pulls"),
            "POST /repositories/7/pulls" => reply(201, &json!({"number": 3})),
            _ => not_found(),
        })
        .await;

        assert_eq!(fake.client.open_pull(&repo(), &new_pull()).await.unwrap().0, 3);
        assert_eq!(fake.seen()[1].body["title"], "Title");
    }

    #[tokio::test]
    async fn credentials_do_not_follow_to_another_host() {
        let other = Fake::start(|_| ok(&repository())).await;
        let target = other.url.clone();
        let fake = Fake::start(move |_| redirect(302, &target)).await;

        assert!(fake.client.repository(&repo()).await.is_err());
        assert_eq!(other.lines(), [""; 0]);
    }
}
