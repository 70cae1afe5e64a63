//! The client against daemons that are missing, strange, too new, or silent.

use std::{path::Path, time::Duration};

use axum::{
    Json, Router,
    http::{HeaderMap, StatusCode},
    response::IntoResponse as _,
    routing,
};
use serde_json::json;
use tempfile::TempDir;

use super::{Client, Error, Event};
use crate::{background::Tasks, places::Places, view::Problem};

/// A state directory whose daemon answers as `router` does.
async fn daemon(router: Router, tasks: &Tasks) -> TempDir {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let dir = written(&listener.local_addr().unwrap().to_string());
    tasks.spawn("daemon", |stop| async move {
        tokio::select! {
            served = axum::serve(listener, router) => served.unwrap(),
            () = stop.cancelled() => {}
        }
    });
    dir
}

fn written(address: &str) -> TempDir {
    let dir = tempfile::tempdir().unwrap();
    let places = Places::new(dir.path());
    Places::write_private(&places.address(), address.as_bytes()).unwrap();
    Places::write_private(&places.access_token(), b"t0ken\n").unwrap();
    dir
}

async fn overview(dir: &Path) -> Error {
    Client::connect(dir).unwrap().overview().await.unwrap_err()
}

#[test]
fn where_no_daemon_ever_ran_there_is_none() {
    let dir = tempfile::tempdir().unwrap();

    let error = Client::connect(dir.path()).unwrap_err();

    assert_eq!(error.to_string(), format!("no daemon at {}", dir.path().display()));
}

#[tokio::test]
async fn a_daemon_that_has_ended_is_not_running() {
    let gone = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap().local_addr().unwrap().to_string();

    let error = overview(written(&gone).path()).await;

    assert!(matches!(&error, Error::NotRunning { place } if *place == gone), "{error:?}");
}

#[tokio::test]
async fn a_refusal_is_told_as_the_daemon_says_it() {
    let tasks = Tasks::new();
    let problem = Problem { error: "nothing is known of it".to_owned(), hint: Some("look again".to_owned()) };
    let answer = problem.clone();
    let router = Router::new().fallback(move || async move { (StatusCode::NOT_FOUND, Json(answer)) });

    let error = overview(daemon(router, &tasks).await.path()).await;

    assert!(matches!(&error, Error::Refused(said) if *said == problem), "{error:?}");
    tasks.shut_down(Duration::from_secs(1)).await;
}

#[tokio::test]
async fn a_stranger_at_the_address_is_no_daemon() {
    let tasks = Tasks::new();
    let router = Router::new().fallback(|| async { (StatusCode::UNAUTHORIZED, "<h1>router login</h1>") });

    let error = overview(daemon(router, &tasks).await.path()).await;

    let Error::Refused(problem) = error else { panic!("{error:?}") };
    assert_eq!(problem.error, "the daemon answered 401 Unauthorized");
    assert!(problem.hint.unwrap().starts_with("something else may listen there"));
    tasks.shut_down(Duration::from_secs(1)).await;
}

#[tokio::test]
async fn a_later_schema_is_named_whatever_else_has_changed() {
    let tasks = Tasks::new();
    let router = Router::new().fallback(|| async { Json(json!({"schema": 2, "everything": "else"})) });

    let error = overview(daemon(router, &tasks).await.path()).await;

    assert!(matches!(error, Error::TooNew { found: 2, known: 1 }), "{error:?}");
    tasks.shut_down(Duration::from_secs(1)).await;
}

#[tokio::test]
async fn the_token_is_shown_to_the_daemon_and_never_printed() {
    let tasks = Tasks::new();
    let shown = |headers: HeaderMap| async move {
        let right = headers["authorization"] == "Bearer t0ken";
        if right { Json(json!([])).into_response() } else { StatusCode::IM_A_TEAPOT.into_response() }
    };
    let dir = daemon(Router::new().route("/api/v1/doctor", routing::get(shown)), &tasks).await;
    let client = Client::connect(dir.path()).unwrap();

    assert_eq!(client.doctor().await.unwrap(), []);
    assert!(!format!("{client:?}").contains("t0ken"));
    tasks.shut_down(Duration::from_secs(1)).await;
}

#[tokio::test]
async fn events_are_read_however_they_are_cut() {
    let tasks = Tasks::new();
    let entry = json!({
        "seq": 7, "at": "2026-01-01T12:00:00Z", "machine": "fleet", "event": "ä", "detail": null, "cause": "c", "effects": [],
    });
    let stream = format!(
        ": hello\n\nevent: entry\nid: 7\ndata: {entry}\n\nevent: strange\ndata: 1\n\nevent: entry\r\ndata: {entry}\r\n\r\n"
    );
    let serve = move || async move {
        let pieces: Vec<_> = stream.into_bytes().chunks(3).map(<[u8]>::to_vec).collect();
        axum::body::Body::from_stream(futures_util::stream::iter(pieces.into_iter().map(Ok::<_, std::io::Error>)))
    };
    let dir = daemon(Router::new().route("/api/v1/events", routing::get(serve)), &tasks).await;

    let mut events = Client::connect(dir.path()).unwrap().events().await.unwrap();

    let expected = Event::Entry(serde_json::from_value(entry).unwrap());
    assert_eq!(events.next().await.unwrap(), Some(expected.clone()));
    assert_eq!(events.next().await.unwrap(), Some(expected));
    assert_eq!(events.next().await.unwrap(), None);
    tasks.shut_down(Duration::from_secs(1)).await;
}

#[tokio::test]
async fn an_event_without_end_is_given_up() {
    let tasks = Tasks::new();
    let endless = || async {
        let pieces = futures_util::stream::repeat_with(|| Ok::<_, std::io::Error>(vec![b'x'; 1 << 20]));
        axum::body::Body::from_stream(pieces)
    };
    let dir = daemon(Router::new().route("/api/v1/events", routing::get(endless)), &tasks).await;

    let mut events = Client::connect(dir.path()).unwrap().events().await.unwrap();

    assert!(events.next().await.is_err());
    tasks.shut_down(Duration::from_secs(1)).await;
}
