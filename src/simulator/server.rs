//! The running simulator: its ports, its handle, and the way of a request from a socket to its answer.

use std::{collections::BTreeMap, path::PathBuf, time::Duration};

use axum::{
    Router,
    body::{Body, Bytes},
    extract::{ConnectInfo, DefaultBodyLimit, State},
    response::Response,
};
use base64::{Engine as _, engine::general_purpose::STANDARD};
use http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode, Uri, header};
use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};
use tokio::{net::TcpListener, sync::broadcast};
use tracing::debug;

use super::{
    adversary::{Befallen, Chance, Fault, GivenUp, ServiceTroubles, without_mergeability},
    apps,
    call::{Call, Reply},
    courier,
    deliveries::Deliveries,
    error::Error,
    follow,
    git::{Git, GitRequest},
    graphql,
    happened::{Happened, Write},
    listener::{Cuttable, Scissors},
    logs::{self, LogUrls},
    mail::Webhook,
    rest,
    shared::{Inner, Shared},
    world::{CORE, GRAPHQL, RATE_LIMIT, World},
};
use crate::{background::Tasks, clock::Clock};

/// The largest request body: a push, in bytes.
const BODY_BYTES_MAX: usize = 256 << 20;

/// GitHub's words for a limit that is not the hourly one.
const SECONDARY_LIMIT: &str =
    "You have exceeded a secondary rate limit. Please wait a few minutes before you try again.";

/// What to simulate with.
#[derive(Debug)]
pub struct Options {
    /// Where bare repositories and checkouts are kept.
    pub dir: PathBuf,
    /// What time it is on GitHub.
    pub clock: Clock,
    /// Accepted on the API, and as the password of git.
    pub token: String,
    /// Where webhooks go, if anywhere yet.
    pub webhook: Option<Webhook>,
    /// The account behind the token.
    pub own_login: String,
    /// The git program.
    pub git: PathBuf,
}

/// A running simulator. Cloning shares it; it ends with the tasks that it was started with.
#[derive(Clone)]
pub struct Simulator {
    pub(super) shared: Shared,
    pub(super) client: reqwest::Client,
    root: String,
}

impl std::fmt::Debug for Simulator {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Simulator").field("root", &self.root).finish_non_exhaustive()
    }
}

impl Simulator {
    /// Starts an empty GitHub on free ports of this machine.
    ///
    /// # Errors
    ///
    /// When no port can be bound or the directory cannot be made.
    pub async fn start(options: Options, tasks: &Tasks) -> Result<Self, Error> {
        let git = Git::new(options.git.clone(), std::path::absolute(&options.dir)?);
        std::fs::create_dir_all(git.repositories())?;
        Self::start_with(options, git, tasks).await
    }

    /// Starts an empty GitHub whose repositories exist on paper only: pushes and merges take no time and no program,
    /// nobody can clone, and a run of CI ends when [`Simulator::finish_runs`] says so.
    ///
    /// # Errors
    ///
    /// When no port can be bound.
    pub async fn start_on_paper(options: Options, tasks: &Tasks) -> Result<Self, Error> {
        Self::start_with(options, Git::on_paper(), tasks).await
    }

    async fn start_with(options: Options, git: Git, tasks: &Tasks) -> Result<Self, Error> {
        let api = TcpListener::bind(("127.0.0.1", 0)).await?;
        let storage = TcpListener::bind(("127.0.0.1", 0)).await?;
        let root = format!("http://127.0.0.1:{}", api.local_addr()?.port());
        // Another name for this machine, so that it is another host to an HTTP client.
        let storage_root = format!("http://localhost:{}", storage.local_addr()?.port());
        let log_key = Sha256::digest(format!("logs of {}", options.token)).to_vec();
        let mut world = World::new(root.clone(), &options.own_login, options.clock.now());
        world.mail.webhook = options.webhook;
        let parts = (LogUrls::new(storage_root, log_key), tasks.clone());
        let shared = Inner::new(world, options.clock, git, options.token, parts);
        serve(&shared, api, storage);
        let client = reqwest::Client::new();
        courier::start(&shared, client.clone());
        Ok(Self { shared, client, root })
    }

    /// The root of the API. REST is here and under `/api/v3`, GraphQL at `/graphql` and `/api/graphql`.
    #[must_use]
    pub fn api_url(&self) -> String {
        self.root.clone()
    }

    /// What to clone a repository from.
    #[must_use]
    pub fn clone_url(&self, repo: &str) -> String {
        format!("{}/{repo}.git", self.root)
    }

    /// Sends webhooks somewhere from now on.
    pub fn set_webhook(&self, webhook: Webhook) {
        self.shared.change(|world| world.mail.webhook = Some(webhook));
    }

    /// The delivery log and what is done with it.
    #[must_use]
    pub fn deliveries(&self) -> Deliveries {
        Deliveries::new(self.shared.clone(), self.client.clone())
    }

    /// Everything that happens from now on. A subscriber that lags far behind misses facts and is told so.
    #[must_use]
    pub fn subscribe(&self) -> broadcast::Receiver<Happened> {
        self.shared.subscribe()
    }

    /// What the client changed, oldest first.
    #[must_use]
    pub fn write_log(&self) -> Vec<Write> {
        self.shared.look(|world| world.writes.clone())
    }

    /// How often each endpoint was called; numbers and SHAs in paths are left open.
    #[must_use]
    pub fn requests(&self) -> BTreeMap<String, u64> {
        self.shared.look(|world| world.requests.clone())
    }

    /// How many points were spent so far of each hourly budget, `core` and `graphql`. An unchanged answer costs nothing.
    #[must_use]
    pub fn spent(&self) -> BTreeMap<String, u64> {
        self.shared.look(World::spent)
    }

    /// Waits until nothing is computed, tested or delivered any more.
    pub async fn quiet(&self) {
        self.shared.until(|world| world.busy == 0 && world.mail.next_pending().is_none()).await;
    }

    /// Refuses the next `times` requests of this method whose path begins like this.
    pub fn fail_next(&self, method: &str, path_prefix: &str, status: u16, times: u32) {
        self.plan(method, path_prefix, Fault::Refuse(status), times);
    }

    /// Answers the next such request late.
    pub fn slow_next(&self, method: &str, path_prefix: &str, delay: Duration) {
        self.plan(method, path_prefix, Fault::Delay(delay), 1);
    }

    /// Carries the next such request out, and cuts the connection instead of answering.
    pub fn lose_next_answer(&self, method: &str, path_prefix: &str) {
        self.plan(method, path_prefix, Fault::LoseAnswer, 1);
    }

    /// Interrupts the next `times` jobs of CI: they end as cancelled.
    pub fn interrupt_next_jobs(&self, times: u32) {
        self.shared.faults().interrupt_jobs(times);
    }

    /// Gives up on queries that ask for more than so many entries, by GitHub's own formula; `None`: on none.
    pub fn give_up_on_queries(&self, patience: Option<(u64, GivenUp)>) {
        self.shared.faults().limit_queries(patience);
    }

    /// Lets the service adversary befall requests from now on.
    pub fn trouble(&self, chance: Chance, troubles: ServiceTroubles) {
        self.shared.service().begin(chance, troubles);
    }

    /// From now on every request is answered as it should be. How many requests something befell until now.
    pub fn recover(&self) -> u64 {
        self.shared.service().end()
    }

    fn plan(&self, method: &str, path_prefix: &str, fault: Fault, times: u32) {
        self.shared.faults().plan(method, path_prefix, fault, times);
    }
}

fn serve(shared: &Shared, api: TcpListener, storage: TcpListener) {
    let app = Router::new().fallback(handle).layer(DefaultBodyLimit::max(BODY_BYTES_MAX)).with_state(shared.clone());
    shared.tasks.spawn("simulated GitHub", |stop| async move {
        let service = app.into_make_service_with_connect_info::<Scissors>();
        let served = axum::serve(Cuttable(api), service);
        // Clients keep connections open; waiting for them would make every end slow.
        tokio::select! {
            () = stop.cancelled() => {}
            ended = async { served.await } => debug!(?ended, "The simulated GitHub ended"),
        }
    });
    let logs = logs::router(shared.clone());
    shared.tasks.spawn("simulated log storage", |stop| async move {
        tokio::select! {
            () = stop.cancelled() => {}
            ended = async { axum::serve(storage, logs).await } => debug!(?ended, "The simulated log storage ended"),
        }
    });
}

/// One request, as it came.
struct Incoming {
    method: Method,
    path: String,
    query: String,
    headers: HeaderMap,
    body: Bytes,
}

async fn handle(
    State(shared): State<Shared>,
    ConnectInfo(scissors): ConnectInfo<Scissors>,
    (method, uri, headers): (Method, Uri, HeaderMap),
    body: Bytes,
) -> Response {
    let path = uri.path().strip_prefix("/api/v3").unwrap_or(uri.path()).to_owned();
    let query = uri.query().unwrap_or_default().to_owned();
    let incoming = Incoming { method, path, query, headers, body };
    let fault = shared.faults().take(incoming.method.as_str(), &incoming.path);
    match fault {
        Some(Fault::Refuse(status)) => return render(&shared, &incoming, refusal(status)),
        Some(Fault::Delay(delay)) => tokio::time::sleep(delay).await,
        Some(Fault::LoseAnswer) | None => {}
    }
    let (response, cut) = answer(&shared, incoming).await;
    if cut || fault == Some(Fault::LoseAnswer) {
        scissors.cut();
    }
    response
}

/// The answer, and whether it gets lost.
async fn answer(shared: &Shared, incoming: Incoming) -> (Response, bool) {
    if incoming.path.contains(".git/") {
        return (git(shared, incoming).await, false);
    }
    let token = token_of(&incoming.headers);
    let (method, path) = (incoming.method.as_str(), incoming.path.as_str());
    if let Some(reply) = apps::answer(shared, (method, path, &incoming.query), &incoming.body, token.as_deref()) {
        return (render(shared, &incoming, reply), false);
    }
    let (reply, cut) = match token {
        Some(token) if token == shared.token => api(shared, &incoming).await,
        Some(_) => (Reply::refusal(401, "Bad credentials"), false),
        None => (Reply::refusal(401, "Requires authentication"), false),
    };
    (render(shared, &incoming, reply), cut)
}

async fn api(shared: &Shared, incoming: &Incoming) -> (Reply, bool) {
    let body = match serde_json::from_slice(&incoming.body) {
        Ok(body) => body,
        Err(_) if incoming.body.is_empty() => Value::Null,
        Err(_) => return (Reply::refusal(400, "Problems parsing JSON"), false),
    };
    let mut call = Call::new(incoming.method.as_str(), &incoming.path, &incoming.query, body);
    shared.change(|world| *world.requests.entry(call.endpoint()).or_default() += 1);
    let befallen = shared.service().befall(&call, shared.clock.now());
    if let Some(reply) = befallen.and_then(|befallen| instead(shared, &call, befallen)) {
        return (reply, false);
    }
    if let Some(max) = shared.service().page_max() {
        call.limit_pages(max);
    }
    let mut reply = match (call.method.as_str(), call.path.as_str()) {
        ("POST", "/graphql" | "/api/graphql") => graphql::answer(shared, &call.body),
        _ => rest::answer(shared, &call).await,
    };
    shared.service().remember(&call, &reply);
    if befallen == Some(Befallen::Unknown) {
        without_mergeability(&mut reply.body);
    }
    (reply, befallen == Some(Befallen::Cut))
}

/// What is answered without anything being done.
fn instead(shared: &Shared, call: &Call, befallen: Befallen) -> Option<Reply> {
    match befallen {
        Befallen::Refused => Some(refusal(502)),
        Befallen::Secondary => Some(Reply::refusal(403, SECONDARY_LIMIT)),
        Befallen::Exhausted { until } => {
            let reset = until.as_second().to_string();
            let words = "API rate limit exceeded for installation.";
            Some(Reply::refusal(403, words).header("x-ratelimit-remaining", "0").header("x-ratelimit-reset", reset))
        }
        Befallen::Behind => shared.service().older(call),
        Befallen::Cut | Befallen::Unknown => None,
    }
}

fn token_of(headers: &HeaderMap) -> Option<String> {
    let value = headers.get(header::AUTHORIZATION)?.to_str().ok()?;
    let (scheme, token) = value.split_once(' ')?;
    match scheme.to_ascii_lowercase().as_str() {
        "bearer" | "token" => Some(token.trim().to_owned()),
        "basic" => {
            let pair = String::from_utf8(STANDARD.decode(token.trim()).ok()?).ok()?;
            pair.split_once(':').map(|(_, password)| password.to_owned())
        }
        _ => None,
    }
}

/// Refusals in the words that GitHub has for them.
fn refusal(status: u16) -> Reply {
    match status {
        403 => Reply::refusal(403, SECONDARY_LIMIT).header("retry-after", "60"),
        405 => Reply::refusal(405, "Base branch was modified. Review and try the merge again."),
        429 => Reply::refusal(429, "Too many requests").header("retry-after", "60"),
        500 | 502 | 503 | 504 => Reply { status, headers: Vec::new(), body: json!({ "message": "Server Error" }) },
        other => Reply::refusal(other, "Refused on purpose"),
    }
}

/// Makes HTTP of an answer: entity tags, limits, and GitHub's own headers.
fn render(shared: &Shared, incoming: &Incoming, reply: Reply) -> Response {
    let text = if reply.body.is_null() { String::new() } else { reply.body.to_string() };
    let etag = format!("W/\"{}\"", hex::encode(Sha256::digest(&text)));
    let cacheable = incoming.method == Method::GET && reply.status == 200;
    let known = incoming.headers.get(header::IF_NONE_MATCH).is_some_and(|known| known.as_bytes() == etag.as_bytes());
    let unchanged = cacheable && known;
    // An unchanged answer costs nothing.
    let budget = if incoming.path.ends_with("/graphql") { GRAPHQL } else { CORE };
    let (remaining, resets_at) = shared.change(|world| world.spend(budget, u64::from(!unchanged)));
    let now = shared.clock.now();
    let mut headers = reply.headers;
    let usual = [
        (
            "date".to_owned(),
            jiff::fmt::rfc2822::DateTimePrinter::new().timestamp_to_rfc9110_string(&now).unwrap_or_default(),
        ),
        ("x-github-media-type".to_owned(), "github.v3; format=json".to_owned()),
        ("x-github-request-id".to_owned(), format!("{:04X}:{remaining:08X}", text.len())),
        ("x-ratelimit-limit".to_owned(), RATE_LIMIT.to_string()),
        ("x-ratelimit-remaining".to_owned(), remaining.to_string()),
        ("x-ratelimit-used".to_owned(), (RATE_LIMIT - remaining).to_string()),
        ("x-ratelimit-reset".to_owned(), resets_at.as_second().to_string()),
        ("x-ratelimit-resource".to_owned(), budget.to_owned()),
    ];
    for (name, value) in usual {
        if headers.iter().all(|(known, _)| *known != name) {
            headers.push((name, value));
        }
    }
    if cacheable {
        headers.push(("etag".to_owned(), etag));
    }
    if unchanged {
        return respond(304, &headers, Body::empty());
    }
    if !text.is_empty() {
        headers.push(("content-type".to_owned(), "application/json; charset=utf-8".to_owned()));
    }
    respond(reply.status, &headers, Body::from(text))
}

fn respond(status: u16, headers: &[(String, String)], body: Body) -> Response {
    let mut response = Response::new(body);
    *response.status_mut() = StatusCode::from_u16(status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    for (name, value) in headers {
        if let (Ok(name), Ok(value)) = (HeaderName::try_from(name.as_str()), HeaderValue::from_str(value)) {
            response.headers_mut().append(name, value);
        }
    }
    response
}

/// git over HTTP. Anyone may read; whoever pushes shows the token.
async fn git(shared: &Shared, incoming: Incoming) -> Response {
    let token = token_of(&incoming.headers);
    let pushes = incoming.path.ends_with("/git-receive-pack") || incoming.query.contains("service=git-receive-pack");
    let admitted = token.as_ref().map_or(!pushes, |token| *token == shared.token);
    if !admitted {
        let challenge = ("www-authenticate".to_owned(), "Basic realm=\"GitHub\"".to_owned());
        return respond(401, &[challenge], Body::from("Invalid username or token.\n"));
    }
    let repo = incoming.path.split_once(".git/").map_or("", |(repo, _)| repo).trim_start_matches('/').to_owned();
    let known = shared.look(|world| world.repositories.contains_key(&repo));
    if !known {
        return respond(404, &[], Body::from("Repository not found.\n"));
    }
    if pushes && !shared.look(|world| world.may_push(&repo)) {
        let words = format!("Permission to {repo}.git denied.\n");
        return respond(403, &[], Body::from(words));
    }
    let changes = incoming.path.ends_with("/git-receive-pack");
    let turn = if changes { Some(shared.turn(&repo).await) } else { None };
    let user = shared.look(|world| if token.is_some() { world.own_login.clone() } else { String::new() });
    let response = serve_git(shared, &incoming, &user).await;
    if changes {
        let moved = pushed(shared, &repo, &user).await;
        if let Err(error) = moved {
            tracing::warn!(%error, repo, "Could not follow a push");
        }
    }
    drop(turn);
    response
}

async fn serve_git(shared: &Shared, incoming: &Incoming, user: &str) -> Response {
    let header = |name: &str| incoming.headers.get(name).and_then(|value| value.to_str().ok()).map(ToOwned::to_owned);
    let variables = [
        ("CONTENT_TYPE", "content-type"),
        ("HTTP_CONTENT_ENCODING", "content-encoding"),
        ("GIT_PROTOCOL", "git-protocol"),
    ];
    let headers = variables.into_iter().filter_map(|(variable, name)| Some((variable, header(name)?))).collect();
    let request = GitRequest {
        method: incoming.method.as_str(),
        path: &incoming.path,
        query: &incoming.query,
        user,
        headers,
        body: incoming.body.to_vec(),
    };
    match shared.git.serve(request).await {
        Ok(answer) => respond(answer.status, &answer.headers, Body::from(answer.body)),
        Err(error) => respond(500, &[], Body::from(format!("{error}\n"))),
    }
}

/// Follows a push of the client and writes it into the log.
async fn pushed(shared: &Shared, repo: &str, user: &str) -> Result<(), Error> {
    let before = shared.look(|world| world.repository(repo).map(|found| found.branches.clone()))?;
    let moved = follow::refs_moved(shared, repo, user).await?;
    shared.change(|world| -> Result<(), Error> {
        let after = world.repository(repo)?.branches.clone();
        for branch in moved {
            let body = json!({ "ref": branch, "before": before.get(&branch), "after": after.get(&branch) });
            let (method, path, actor) = ("PUSH".to_owned(), repo.to_owned(), user.to_owned());
            world.writes.push(Write { method, path, actor, body });
        }
        Ok(())
    })
}
