//! `antiphon webhook forward`: what comes through a channel reaches the door as GitHub signed it, or not at all.

use std::{
    convert::Infallible,
    os::unix::fs::PermissionsExt as _,
    sync::{Arc, Mutex},
};

use antiphon::{
    background::Tasks,
    github::webhook::{EVENTS, Verifier},
};
use axum::{
    Router,
    body::{Body, Bytes},
    extract::State,
    http::{HeaderMap, StatusCode},
    response::{IntoResponse as _, Redirect, Response},
    routing,
};
use futures_util::stream;
use hmac::{Hmac, KeyInit as _, Mac as _};
use sha2::Sha256;

use super::{
    connected::{Connected, REPO},
    world::{Ran, World},
};

const SECRET: &str = "a webhook secret";

/// A door and a smee server, and what they saw.
#[derive(Default)]
struct Seen {
    /// What was taken by the door: event and body.
    taken: Vec<(String, String)>,
    /// How many times the door is still shut.
    shut: u32,
    /// What each connection to the channel said it saw last.
    last_ids: Vec<Option<String>>,
    /// What each connection is told before it ends.
    told: Vec<String>,
}

type Shared = Arc<Mutex<Seen>>;

/// As the daemon's own door answers: the signature first.
async fn door(State(seen): State<Shared>, headers: HeaderMap, body: Bytes) -> StatusCode {
    let mut seen = seen.lock().unwrap();
    if seen.shut > 0 {
        seen.shut -= 1;
        return StatusCode::SERVICE_UNAVAILABLE;
    }
    let text = |name: &str| headers.get(name).and_then(|it| it.to_str().ok());
    let verifier = Verifier::new(vec![SECRET.as_bytes().to_vec()]).unwrap();
    if verifier.verify(&body, text("x-hub-signature-256")).is_err() {
        return StatusCode::UNAUTHORIZED;
    }
    let event = text("x-github-event").unwrap().to_owned();
    seen.taken.push((event, String::from_utf8(body.to_vec()).unwrap()));
    StatusCode::ACCEPTED
}

/// Tells each connection its part and ends it; one too many is refused for good.
async fn channel(State(seen): State<Shared>, headers: HeaderMap) -> Response {
    let mut seen = seen.lock().unwrap();
    seen.last_ids.push(headers.get("last-event-id").map(|id| id.to_str().unwrap().to_owned()));
    if seen.told.is_empty() {
        return StatusCode::FORBIDDEN.into_response();
    }
    let text = format!("retry: 10\nevent: ready\ndata: {{}}\n\n{}", seen.told.remove(0));
    // In pieces, as a network cuts them.
    let pieces: Vec<Result<Vec<u8>, Infallible>> = text.as_bytes().chunks(7).map(|piece| Ok(piece.to_vec())).collect();
    ([("content-type", "text/event-stream")], Body::from_stream(stream::iter(pieces))).into_response()
}

/// A machine with a door, and smee; both end with it.
struct Served {
    address: String,
    tasks: Tasks,
}

impl Drop for Served {
    fn drop(&mut self) {
        self.tasks.stop_token().cancel();
    }
}

async fn serve(seen: Shared) -> Served {
    let router = Router::new()
        .route("/webhooks/github", routing::post(door))
        .route("/new", routing::get(|| async { Redirect::temporary("/chan-7") }))
        .route("/chan-7", routing::get(channel))
        .with_state(seen);
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap().to_string();
    let tasks = Tasks::new();
    tasks.spawn("a door and a channel", |stop| async move {
        tokio::select! {
            () = stop.cancelled() => {}
            ended = async { axum::serve(listener, router).await } => ended.unwrap(),
        }
    });
    Served { address, tasks }
}

/// What smee makes of a delivery that GitHub wrote as `written`: its body is `read` here.
fn envelope(id: u32, event: &str, written: &str, read: &str) -> String {
    let mut mac = Hmac::<Sha256>::new_from_slice(SECRET.as_bytes()).unwrap();
    mac.update(written.as_bytes());
    let signature = hex::encode(mac.finalize().into_bytes());
    format!(
        "id: {id}\ndata: {{\"host\":\"smee.io\",\"x-github-event\":\"{event}\",\"x-github-delivery\":\"guid-{id}\",\
         \"x-hub-signature-256\":\"sha256={signature}\",\"body\":{read},\"query\":{{}},\"timestamp\":1}}\n\n"
    )
}

async fn forward(seen: &Shared) -> Ran {
    let served = serve(seen.clone()).await;
    let address = &served.address;
    let world = World::new()
        .with_file(".local/state/antiphon/address", address)
        .with_file(".local/state/antiphon/token", "0123456789abcdef0123456789abcdef");
    world.start(&["webhook", "forward", &format!("--smee=http://{address}/chan-7")]).await
}

#[tokio::test]
async fn deliveries_arrive_as_github_signed_them_over_any_number_of_connections() {
    let odd = r#"{"n":1.50,"a":"ü","b":  true}"#;
    let (upper, lower) = (r#"{"log":"\u001B[31m"}"#, r#"{"log":"\u001b[31m"}"#);
    let told = vec![envelope(1, "push", odd, odd), envelope(2, "status", upper, lower)];
    let seen = Arc::new(Mutex::new(Seen { told, shut: 2, ..Seen::default() }));

    let ran = forward(&seen).await;

    let seen = seen.lock().unwrap();
    let taken = [("push", odd), ("status", upper)].map(|(event, body)| (event.to_owned(), body.to_owned()));
    assert_eq!(seen.taken, taken, "{ran:?}");
    assert_eq!(seen.last_ids, [None, Some("1".to_owned()), Some("2".to_owned())]);
    assert!(ran.out.contains("push guid-1  taken\nstatus guid-2  taken\n"), "{}", ran.out);
    assert_eq!(ran.code, Some(1), "the channel is gone: {ran:?}");
}

#[tokio::test]
async fn what_was_changed_on_the_way_is_refused_and_told() {
    let told = vec![envelope(1, "push", r#"{"n":1.0}"#, r#"{"n":1}"#)];
    let seen = Arc::new(Mutex::new(Seen { told, ..Seen::default() }));

    let ran = forward(&seen).await;

    assert_eq!(seen.lock().unwrap().taken, []);
    assert!(ran.out.contains("push guid-1  refused: the signature does not match"), "{}", ran.out);
}

#[tokio::test]
async fn a_channel_is_made_once_and_found_again() {
    let it = Connected::new().await;
    let served = serve(Shared::default()).await;
    let address = &served.address;
    let smee = format!("--smee=http://{address}");
    let setup = ["github", "setup", "--webhook", smee.as_str(), "--json"];

    let (first, again) = (it.world.start(&setup).await, it.world.start(&setup).await);

    let channel = format!("http://{address}/chan-7");
    assert_eq!((&first.json()["url"], &again.json()["url"]), (&channel.clone().into(), &channel.into()));
    let methods: Vec<String> = it.github.write_log().into_iter().map(|write| write.method).collect();
    assert_eq!(methods, ["POST", "PATCH"]);
    assert_eq!(it.world.start(&["webhook", "forward", "--smee"]).await.code, Some(1), "it refuses for good");
}

#[tokio::test]
async fn githubs_own_forwarder_is_started_with_what_it_needs() {
    let it = Connected::new().await;
    let gh = it.world.path("bin/gh");
    let script = format!("#!/bin/sh\nprintf '%s\\n' \"$@\" > {}\n", it.world.path("args").display());
    std::fs::write(&gh, script).unwrap();
    std::fs::set_permissions(&gh, std::fs::Permissions::from_mode(0o700)).unwrap();

    let without = it.world.start(&["webhook", "forward", "--gh"]).await;
    let made = it.world.start(&["github", "setup", "--secret-only"]).await;
    let ran = it.world.start(&["webhook", "forward", "--gh"]).await;

    assert_eq!((without.code, made.code, ran.code), (Some(2), Some(0), Some(0)), "{without:?} {made:?} {ran:?}");
    let secret = std::fs::read_to_string(it.world.state().join("github/webhook-secret")).unwrap();
    let expected = format!(
        "webhook\nforward\n--repo={REPO}\n--events={}\n--url=http://127.0.0.1:{}/webhooks/github\n--secret={secret}\
         --github-host=127.0.0.1\n",
        EVENTS.join(","),
        it.port.number,
    );
    assert_eq!(std::fs::read_to_string(it.world.path("args")).unwrap(), expected);
}

#[test]
fn it_has_to_be_said_where_deliveries_come_from() {
    let ran = World::new().run(&["webhook", "forward"]);
    let unknown = World::new().run(&["webhook", "forward", "--smee"]);

    assert_eq!((ran.code, unknown.code), (Some(2), Some(2)));
    assert!(unknown.err.contains("antiphon github setup --webhook --smee"), "{}", unknown.err);
}
