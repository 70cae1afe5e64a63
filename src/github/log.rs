//! The log of a job: fetched from wherever GitHub keeps it, in bounded memory whatever its size.
//!
//! The address of a log is signed and belongs to another host: our credentials never go there. The words are cleaned
//! elsewhere; here they only become valid UTF-8.

use std::collections::VecDeque;

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
use crate::model::{JobId, RepoName};

/// What is kept of a log: its beginning, where the environment is set up, and its end, where jobs fail.
const HEAD_BYTES: usize = 1 << 20;
const TAIL_BYTES: usize = 3 << 20;
/// A download that is still going on after this is given up with what is there.
const DOWNLOAD_MAX: std::time::Duration = std::time::Duration::from_mins(5);

/// The log of a job; `None` if there is none, any more or yet.
///
/// # Errors
///
/// When GitHub or the place of the log cannot be reached.
pub(super) async fn fetch(transport: &Transport, repo: &RepoName, job: JobId) -> Result<Option<String>, Error> {
    let job = job.to_string();
    // The signed address is good for a minute; one that is refused may have been too old, so a new one is asked for.
    for _ in 0..2 {
        let (url, answer) = transport.open(repo, &["actions", "jobs", &job, "logs"]).await?;
        let place = match answer.status() {
            StatusCode::NOT_FOUND | StatusCode::GONE => return Ok(None),
            StatusCode::OK => return collect(answer).await.map(Some),
            StatusCode::UNAUTHORIZED => return Err(Error::Unauthorized),
            StatusCode::FORBIDDEN => return Err(Error::Forbidden { what: "reading the logs of a job".to_owned() }),
            status if status.is_redirection() => wire::location(&url, answer.headers())?,
            status => return Err(Error::unexpected(anyhow::anyhow!("status {status} for a log"))),
        };
        let stored = open_place(transport, place).await?;
        if stored.status() == StatusCode::OK {
            return collect(stored).await.map(Some);
        }
    }
    Ok(None)
}

async fn open_place(transport: &Transport, place: Url) -> Result<Streamed, Error> {
    if place.scheme() != "https" && !loopback(&place) {
        return Err(Error::unexpected(anyhow::anyhow!("a log at an unencrypted address")));
    }
    // Another host with limits and outages of its own.
    let call = Call::read(place, Class::Event, "log storage".to_owned());
    transport.wire().open(&call).await
}

async fn collect(response: Streamed) -> Result<String, Error> {
    let mut body = response.into_body();
    let mut window = Window::default();
    let read = async {
        loop {
            let frame = tokio::time::timeout(READ_TIMEOUT, body.frame()).await;
            match frame.map_err(|elapsed| Error::Unavailable(elapsed.into()))? {
                None => return Ok(()),
                Some(Err(error)) => return Err(Error::Unavailable(error.into())),
                Some(Ok(frame)) => window.push(&frame.into_data().unwrap_or_else(|_| Bytes::new())),
            }
        }
    };
    match tokio::time::timeout(DOWNLOAD_MAX, read).await {
        Ok(ended) => ended?,
        Err(_) => tracing::warn!(log.bytes = window.seen, "Gave up on the rest of a log after {DOWNLOAD_MAX:?}"),
    }
    Ok(window.into_text())
}

/// The beginning and the end of a stream of bytes, of any length.
#[derive(Debug, Default)]
struct Window {
    head: Vec<u8>,
    tail: VecDeque<u8>,
    seen: u64,
}

impl Window {
    fn push(&mut self, mut bytes: &[u8]) {
        self.seen += bytes.len() as u64;
        let room = (HEAD_BYTES - self.head.len()).min(bytes.len());
        self.head.extend_from_slice(&bytes[..room]);
        bytes = &bytes[room..];
        bytes = &bytes[bytes.len().saturating_sub(TAIL_BYTES)..];
        let excess = (self.tail.len() + bytes.len()).saturating_sub(TAIL_BYTES);
        self.tail.drain(..excess);
        self.tail.extend(bytes);
    }

    /// What was kept, with a note where something was left out. Invalid bytes become `?`, so that nothing grows.
    fn into_text(mut self) -> String {
        let kept = (self.head.len() + self.tail.len()) as u64;
        let left_out = self.seen - kept;
        let mut text = String::new();
        append(&mut text, &self.head);
        self.head = Vec::new();
        if left_out > 0 {
            let note = format!("\n[{left_out} bytes of the log were left out here]\n");
            text.push_str(&note);
        }
        append(&mut text, self.tail.make_contiguous());
        text
    }
}

fn append(text: &mut String, bytes: &[u8]) {
    text.reserve(bytes.len());
    for chunk in bytes.utf8_chunks() {
        text.push_str(chunk.valid());
        if !chunk.invalid().is_empty() {
            text.push('?');
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicU32, Ordering};

    use axum::body::Body;

    use super::*;
    use crate::github::fake::{Fake, Reply, Seen, not_found, redirect, reply, repo};

    fn text_of(chunks: &[&[u8]]) -> String {
        let mut window = Window::default();
        for chunk in chunks {
            window.push(chunk);
        }
        window.into_text()
    }

    #[test]
    fn a_short_log_is_kept_whole() {
        assert_eq!(text_of(&[b"one\n", b"two\n"]), "one\ntwo\n");
        assert_eq!(text_of(&[]), "");
    }

    // G072
    #[test]
    fn a_huge_log_keeps_its_beginning_and_its_end_in_bounded_memory() {
        let chunk = vec![b'x'; 64 << 10];
        let mut window = Window::default();
        window.push(b"first\n");
        // 600 MiB.
        for _ in 0..9600 {
            window.push(&chunk);
            assert!(window.head.capacity() <= 2 * HEAD_BYTES && window.tail.capacity() <= 2 * TAIL_BYTES);
        }
        window.push(b"\nlast");
        assert_eq!(window.head.len() + window.tail.len(), HEAD_BYTES + TAIL_BYTES);

        let text = window.into_text();

        assert!(text.starts_with("first\nx") && text.ends_with("x\nlast"));
        let left_out = 6 + 9600 * (64 << 10) + 5 - (HEAD_BYTES + TAIL_BYTES);
        assert!(text.contains(&format!("[{left_out} bytes of the log were left out here]")));
    }

    // G072
    #[test]
    fn a_single_chunk_larger_than_the_window_is_cut_too() {
        let mut chunk = vec![b'a'; HEAD_BYTES + 2 * TAIL_BYTES];
        chunk.extend_from_slice(b"end");
        let text = text_of(&[&chunk]);
        assert!(text.len() < HEAD_BYTES + TAIL_BYTES + 100 && text.ends_with("aend"));
    }

    // G072
    #[test]
    fn invalid_bytes_do_not_make_the_text_longer() {
        assert_eq!(text_of(&[b"a\xff\xfe\xf0\x9f", b"\x98\x80b"]), "a??😀b");
        assert_eq!(text_of(&[&[0xff; 5000]]).len(), 5000);
    }

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

    // G072: 64 MiB here; the window above was tried with 600.
    #[tokio::test]
    async fn a_long_log_is_streamed_and_cut() {
        let storage = storage(|_| {
            let chunks = (0..1024).map(|_| Ok::<_, std::io::Error>(Bytes::from(vec![b'x'; 64 << 10])));
            Reply::new(Body::from_stream(tokio_stream::iter(chunks)))
        })
        .await;

        let log = log(&github(&storage.url).await).await.unwrap().unwrap();

        assert!((HEAD_BYTES + TAIL_BYTES..HEAD_BYTES + TAIL_BYTES + 100).contains(&log.len()), "{}", log.len());
    }

    #[tokio::test]
    async fn an_unencrypted_address_elsewhere_is_not_followed() {
        let github = github("http://logs.example").await;
        assert!(matches!(log(&github).await, Err(Error::Other(_))));
    }
}
