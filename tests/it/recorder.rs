//! Notes what client and simulator say to each other, for checkers that nobody here wrote.
//!
//! `ANTIPHON_EXCHANGES=DIR`: every world of a test writes two files there. `*.api.ndjson` holds one request with its answer a
//! line, as they went over the wire; `*.webhooks.ndjson` one delivery a line. Without the variable nothing stands between
//! the two, and nothing is written.

use std::{
    io::Write as _,
    path::PathBuf,
    sync::{
        Arc, Mutex,
        atomic::{AtomicU64, Ordering},
    },
};

use antiphon::{background::Tasks, simulator::Simulator};
use axum::{
    Router,
    body::{Body, Bytes},
    extract::{DefaultBodyLimit, State},
    http::{HeaderMap, Method, Uri, header},
    response::Response,
};
use serde_json::{Value, json};

static NUMBER: AtomicU64 = AtomicU64::new(0);

/// Stands between client and simulator.
pub(crate) struct Recorder {
    /// Where the client is to ask.
    pub(crate) url: String,
    webhooks: PathBuf,
}

struct Between {
    upstream: String,
    client: reqwest::Client,
    file: Mutex<std::fs::File>,
}

#[expect(clippy::disallowed_methods, reason = "whoever runs the tests says where to")]
fn asked_for() -> Option<PathBuf> {
    std::env::var_os("ANTIPHON_EXCHANGES").map(Into::into)
}

impl Recorder {
    /// Begins to listen in, if anybody asked for it.
    pub(crate) async fn begin(github: &Simulator, tasks: &Tasks) -> Option<Self> {
        let dir = asked_for()?;
        std::fs::create_dir_all(&dir).unwrap();
        let name = format!("{}-{}", std::process::id(), NUMBER.fetch_add(1, Ordering::SeqCst));
        let file = Mutex::new(std::fs::File::create(dir.join(format!("{name}.api.ndjson"))).unwrap());
        let client = reqwest::Client::builder().redirect(reqwest::redirect::Policy::none()).build().unwrap();
        let between = Arc::new(Between { upstream: github.api_url(), client, file });
        let app = Router::new().fallback(pass).layer(DefaultBodyLimit::disable()).with_state(between);
        let listener = tokio::net::TcpListener::bind(("127.0.0.1", 0)).await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        tasks.spawn("recorder", |stop| async move {
            tokio::select! { () = stop.cancelled() => {} served = async { axum::serve(listener, app).await } => served.unwrap() }
        });
        Some(Self { url, webhooks: dir.join(format!("{name}.webhooks.ndjson")) })
    }

    /// Writes down what the simulator had to tell.
    pub(crate) fn end(&self, github: &Simulator) {
        let mut file = std::fs::File::create(&self.webhooks).unwrap();
        for delivery in github.deliveries().all() {
            let payload: Value = serde_json::from_str(&delivery.payload).unwrap();
            writeln!(file, "{}", json!({ "event": delivery.event, "payload": payload })).unwrap();
        }
    }
}

/// Hands a request on, and its answer back.
async fn pass(
    State(between): State<Arc<Between>>,
    (method, uri): (Method, Uri),
    headers: HeaderMap,
    body: Bytes,
) -> Response {
    let mut onward = headers.clone();
    onward.remove(header::HOST);
    let request = between.client.request(method.clone(), format!("{}{uri}", between.upstream)).headers(onward);
    // A connection that is cut on purpose is an answer, too.
    let Ok(answer) = request.body(body.clone()).send().await else { return refused() };
    let (status, answered) = (answer.status(), answer.headers().clone());
    let Ok(said) = answer.bytes().await else { return refused() };
    let line = json!({
        "method": method.as_str(), "uri": uri.to_string(), "request_headers": texts(&headers), "request": text(&body),
        "status": status.as_u16(), "response_headers": texts(&answered), "response": text(&said),
    });
    writeln!(between.file.lock().unwrap(), "{line}").unwrap();
    let mut response = Response::new(Body::from(said));
    *response.status_mut() = status;
    *response.headers_mut() = answered;
    response
}

fn refused() -> Response {
    let mut response = Response::new(Body::empty());
    *response.status_mut() = http::StatusCode::BAD_GATEWAY;
    response
}

/// Headers but for what belongs to one connection, or to nobody else.
fn texts(headers: &HeaderMap) -> Value {
    let kept = headers.iter().filter(|(name, _)| {
        !["host", "authorization", "content-length", "transfer-encoding", "connection"].contains(&name.as_str())
    });
    kept.map(|(name, value)| (name.to_string(), json!(String::from_utf8_lossy(value.as_bytes())))).collect()
}

fn text(body: &[u8]) -> String {
    String::from_utf8_lossy(body).into_owned()
}
