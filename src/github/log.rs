//! The log of a job: fetched from wherever GitHub keeps it, in bounded memory whatever its size.
//! What is kept of a long one, [`Sieve`] decides.
//!
//! The address of a log is signed and belongs to another host: our credentials never go there. The words are cleaned
//! elsewhere; here they only become valid UTF-8.

use bytes::Bytes;
use http::StatusCode;
use http_body_util::BodyExt as _;
use url::Url;

use super::{
    Error,
    client::loopback,
    governor::Class,
    transport::Transport,
    wire::{self, Call, READ_TIMEOUT, Streamed},
};
use crate::{
    failure::Sieve,
    model::{JobId, RepoName},
};

/// A download that is still going on after this is given up with what is there.
const DOWNLOAD_MAX: std::time::Duration = std::time::Duration::from_mins(5);

/// The log of a job; `None` if there is none, any more or yet.
///
/// # Errors
///
/// When GitHub or the place of the log cannot be reached.
pub(super) async fn fetch(transport: &Transport, repo: &RepoName, job: JobId) -> Result<Option<String>, Error> {
    match follow(transport, repo, &["actions", "jobs", &job.to_string(), "logs"]).await? {
        Some(stored) => collect(stored).await.map(Some),
        None => Ok(None),
    }
}

/// Opens what GitHub keeps elsewhere: a log or an artifact. `None` if there is none, any more or yet.
pub(super) async fn follow(
    transport: &Transport,
    repo: &RepoName,
    segments: &[&str],
) -> Result<Option<Streamed>, Error> {
    // The signed address is good for a minute; one that is refused may have been too old, so a new one is asked for.
    for _ in 0..2 {
        let (url, answer) = transport.open(repo, segments).await?;
        let place = match answer.status() {
            StatusCode::NOT_FOUND | StatusCode::GONE => return Ok(None),
            StatusCode::OK => return Ok(Some(answer)),
            StatusCode::UNAUTHORIZED => return Err(Error::Unauthorized),
            StatusCode::FORBIDDEN => {
                return Err(Error::Forbidden { what: "reading logs and artifacts of workflow runs".to_owned() });
            }
            status if status.is_redirection() => wire::location(&url, answer.headers())?,
            status => return Err(Error::unexpected(anyhow::anyhow!("status {status} for a log or artifact"))),
        };
        let stored = open_place(transport, place).await?;
        if stored.status() == StatusCode::OK {
            return Ok(Some(stored));
        }
    }
    Ok(None)
}

async fn open_place(transport: &Transport, place: Url) -> Result<Streamed, Error> {
    if place.scheme() != "https" && !loopback(&place) {
        return Err(Error::unexpected(anyhow::anyhow!("a log or artifact at an unencrypted address")));
    }
    // Another host with limits and outages of its own.
    let call = Call::read(place, Class::Event, "log storage".to_owned());
    transport.wire().open(&call).await
}

async fn collect(response: Streamed) -> Result<String, Error> {
    let mut body = response.into_body();
    let mut sieve = Sieve::new();
    let read = async {
        loop {
            let frame = tokio::time::timeout(READ_TIMEOUT, body.frame()).await;
            match frame.map_err(|elapsed| Error::Unavailable(elapsed.into()))? {
                None => return Ok(()),
                Some(Err(error)) => return Err(Error::Unavailable(error.into())),
                Some(Ok(frame)) => sieve.push(&frame.into_data().unwrap_or_else(|_| Bytes::new())),
            }
        }
    };
    match tokio::time::timeout(DOWNLOAD_MAX, read).await {
        Ok(ended) => ended?,
        Err(_) => tracing::warn!(log.bytes = sieve.seen(), "Gave up on the rest of a log after {DOWNLOAD_MAX:?}"),
    }
    Ok(sieve.into_text())
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicU32, Ordering};

    use axum::body::Body;

    use super::*;
    use crate::github::fake::{Fake, Reply, Seen, not_found, redirect, reply, repo};

    /// A fake whose logs lie at `place`.
    async fn github(place: &str) -> Fake {
        let place = place.to_owned();
        Fake::start(move |seen| match seen.line.as_str() {
            "GET /repos/octo/hello/actions/jobs/5/logs" => redirect(302, &format!("{place}/log?sig=abc")),
            _ => not_found(),
        })
        .await
    }

    async fn storage(answer: impl Fn(&Seen) -> Reply + Send + Sync + 'static) -> Fake {
        Fake::start(answer).await
    }

    async fn log(github: &Fake) -> Result<Option<String>, Error> {
        fetch(github.client.transport(), &repo(), JobId(5)).await
    }

    // G072
    #[tokio::test]
    async fn a_log_is_fetched_from_another_host_without_our_credentials() {
        let storage = storage(|_| Reply::new(Body::from("line 1\n"))).await;
        let github = github(&storage.url).await;

        assert_eq!(log(&github).await.unwrap().as_deref(), Some("line 1\n"));

        assert_eq!(github.seen()[0].authorization.as_deref(), Some("Bearer t0k3n"));
        let seen = storage.seen();
        assert_eq!((seen[0].line.as_str(), &seen[0].authorization), ("GET /log?sig=abc", &None));
    }

    // G045
    #[tokio::test]
    async fn a_log_of_a_renamed_repository_is_found() {
        let storage = storage(|_| Reply::new(Body::from("moved"))).await;
        let place = storage.url.clone();
        let github = Fake::start(move |seen| match seen.line.as_str() {
            "GET /repos/octo/hello/actions/jobs/5/logs" => redirect(301, "/repositories/7/actions/jobs/5/logs"),
            "GET /repositories/7/actions/jobs/5/logs" => redirect(302, &place),
            _ => not_found(),
        })
        .await;

        assert_eq!(log(&github).await.unwrap().as_deref(), Some("moved"));
        assert!(github.seen().iter().all(|seen| seen.authorization.is_some()));
        assert!(storage.seen().iter().all(|seen| seen.authorization.is_none()));
    }

    // G072
    #[tokio::test]
    async fn an_address_that_has_expired_is_asked_for_once_more() {
        let tries = AtomicU32::new(0);
        let storage = storage(move |_| match tries.fetch_add(1, Ordering::SeqCst) {
            0 => reply(403, &serde_json::json!({})),
            _ => Reply::new(Body::from("late")),
        })
        .await;
        let github = github(&storage.url).await;

        assert_eq!(log(&github).await.unwrap().as_deref(), Some("late"));
        assert_eq!(github.seen().len(), 2);
    }

    // G072
    #[tokio::test]
    async fn a_log_that_is_not_there_or_no_longer_is_none() {
        for status in [404, 410] {
            let github = Fake::start(move |_| reply(status, &serde_json::json!({}))).await;
            assert_eq!(log(&github).await.unwrap(), None);
        }
        let storage = storage(|_| not_found()).await;
        assert_eq!(log(&github(&storage.url).await).await.unwrap(), None);
    }

    // G072: 64 MiB here; `tests/it/long_log.rs` reads 600.
    #[tokio::test]
    async fn a_long_log_is_streamed_and_cut() {
        let storage = storage(|_| {
            let chunks = (0..1024).map(|_| Ok::<_, std::io::Error>(Bytes::from(vec![b'x'; 64 << 10])));
            Reply::new(Body::from_stream(tokio_stream::iter(chunks)))
        })
        .await;

        let log = log(&github(&storage.url).await).await.unwrap().unwrap();

        assert!(log.len() < 2 << 20, "{}", log.len());
    }

    #[tokio::test]
    async fn an_unencrypted_address_elsewhere_is_not_followed() {
        let github = github("http://logs.example").await;
        assert!(matches!(log(&github).await, Err(Error::Other(_))));
    }
}
