//! A GitHub that says what a test wants it to say, and remembers what it was asked. Tests only.

use std::sync::{
    Arc, Mutex,
    atomic::{AtomicI64, Ordering},
};

use axum::{
    body::{Body, to_bytes},
    extract::Request,
    response::Response,
};
use jiff::Timestamp;
use serde_json::{Value, json};

use super::{Client, Credentials, Settings};
use crate::{
    background::Tasks,
    clock::Clock,
    model::{RepoName, Secret},
};

/// One request that arrived.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Seen {
    /// Method and address, for example `GET /repos/octo/hello/pulls?state=open`.
    pub(super) line: String,
    pub(super) authorization: Option<String>,
    /// `If-None-Match`.
    pub(super) known: Option<String>,
    pub(super) body: Value,
}

/// One answer.
pub(super) type Reply = Response<Body>;

/// A running fake.
pub(super) struct Fake {
    pub(super) url: String,
    pub(super) client: Client,
    pub(super) hand: Arc<AtomicI64>,
    seen: Arc<Mutex<Vec<Seen>>>,
    tasks: Tasks,
}

impl Drop for Fake {
    fn drop(&mut self) {
        self.tasks.stop_token().cancel();
    }
}

impl Fake {
    /// Starts a fake that answers with `answer`, and a client with a token for it.
    pub(super) async fn start(answer: impl Fn(&Seen) -> Reply + Send + Sync + 'static) -> Self {
        Self::start_as(Credentials::Token(Secret::new("t0k3n")), answer).await
    }

    /// The same with other credentials. The clock stands at 2026-01-01, until its hand is moved.
    pub(super) async fn start_as(
        credentials: Credentials,
        answer: impl Fn(&Seen) -> Reply + Send + Sync + 'static,
    ) -> Self {
        let seen = Arc::new(Mutex::new(Vec::new()));
        let tasks = Tasks::new();
        let url = serve(&tasks, seen.clone(), Arc::new(answer)).await;
        let hand = Arc::new(AtomicI64::new(NOON));
        let settings = Settings { api_url: url.clone(), credentials, write_gap: None };
        let client = Client::new(settings, clock(&hand)).unwrap();
        Self { url, client, hand, seen, tasks }
    }

    /// What arrived so far, as request lines.
    pub(super) fn lines(&self) -> Vec<String> {
        self.seen().into_iter().map(|seen| seen.line).collect()
    }

    /// What arrived so far.
    pub(super) fn seen(&self) -> Vec<Seen> {
        self.seen.lock().unwrap().clone()
    }

    /// Lets time pass.
    pub(super) fn pass(&self, seconds: i64) {
        self.hand.fetch_add(seconds, Ordering::SeqCst);
    }
}

/// 2026-01-01T12:00:00Z.
pub(super) const NOON: i64 = 1_767_268_800;

pub(super) fn repo() -> RepoName {
    "octo/hello".parse().unwrap()
}

pub(super) fn reply(status: u16, body: &Value) -> Reply {
    Response::builder().status(status).body(Body::from(body.to_string())).unwrap()
}

pub(super) fn ok(body: &Value) -> Reply {
    reply(200, body)
}

pub(super) fn not_found() -> Reply {
    reply(404, &json!({"message": "Not Found"}))
}

pub(super) fn redirect(status: u16, to: &str) -> Reply {
    Response::builder().status(status).header("location", to).body(Body::empty()).unwrap()
}

fn clock(hand: &Arc<AtomicI64>) -> Clock {
    let hand = hand.clone();
    Clock::from_fn(move || Timestamp::from_second(hand.load(Ordering::SeqCst)).unwrap())
}

async fn serve(
    tasks: &Tasks,
    seen: Arc<Mutex<Vec<Seen>>>,
    answer: Arc<dyn Fn(&Seen) -> Reply + Send + Sync>,
) -> String {
    let handler = move |request: Request| {
        let (seen, answer) = (seen.clone(), answer.clone());
        async move {
            let request = read(request).await;
            seen.lock().unwrap().push(request.clone());
            answer(&request)
        }
    };
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    tasks.spawn("fake GitHub", |stop| async move {
        let app = axum::Router::new().fallback(handler);
        tokio::select! {
            served = axum::serve(listener, app) => served.unwrap(),
            () = stop.cancelled() => {}
        }
    });
    url
}

async fn read(request: Request) -> Seen {
    let line = format!("{} {}", request.method(), request.uri());
    let (head, body) = request.into_parts();
    let header = |name: &str| head.headers.get(name).map(|value| value.to_str().unwrap().to_owned());
    let (authorization, known) = (header("authorization"), header("if-none-match"));
    let bytes = to_bytes(body, usize::MAX).await.unwrap();
    Seen { line, authorization, known, body: serde_json::from_slice(&bytes).unwrap_or(Value::Null) }
}
