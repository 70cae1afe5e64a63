//! The stream of events.

use std::time::Duration;

use axum::{
    body::{Body, BodyDataStream},
    http::Method,
};
use futures_util::StreamExt as _;
use tower::ServiceExt as _;

use super::{house::House, samples::one_task};

/// A listener that reads whole events.
struct Listener {
    body: BodyDataStream,
    unread: String,
}

impl Listener {
    async fn new(house: &House, last: Option<&str>) -> Self {
        let mut request = house.request(Method::GET, "/api/v1/events", Body::empty());
        if let Some(last) = last {
            request.headers_mut().insert("last-event-id", last.parse().unwrap());
        }
        let answer = house.router.clone().oneshot(request).await.unwrap();
        assert_eq!(answer.status(), 200);
        assert_eq!(answer.headers()["content-type"], "text/event-stream");
        Self { body: answer.into_body().into_data_stream(), unread: String::new() }
    }

    /// The next event's name and data; `None` at the end of the stream.
    async fn next(&mut self) -> Option<(String, serde_json::Value)> {
        loop {
            if let Some((event, rest)) = self.unread.split_once("\n\n") {
                let field = |name: &str| event.lines().find_map(|line| line.strip_prefix(name)).unwrap_or_default();
                let told = (field("event: ").to_owned(), serde_json::from_str(field("data: ")).unwrap());
                self.unread = rest.to_owned();
                return Some(told);
            }
            let bytes = self.body.next().await?.unwrap();
            self.unread.push_str(std::str::from_utf8(&bytes).unwrap());
        }
    }
}

#[tokio::test]
async fn a_listener_hears_how_things_are_and_then_every_change() {
    let house = House::new().await;
    let mut listener = Listener::new(&house, None).await;
    let (name, first) = listener.next().await.unwrap();
    assert_eq!((name.as_str(), first["tasks"].as_array().unwrap().len()), ("overview", 0));

    one_task(&house).await;

    let mut heard = Vec::new();
    while !heard.iter().any(|(name, _)| name == "overview") {
        heard.push(listener.next().await.unwrap());
    }
    let (names, machines): (Vec<_>, Vec<_>) =
        heard.iter().map(|(name, data)| (name.as_str(), data["machine"].as_str())).unzip();
    assert_eq!(names, ["entry", "entry", "overview"]);
    assert_eq!(machines, [Some("task/pages-1"), Some("session/pages-1"), None]);
    assert_eq!(heard[2].1["tasks"][0]["task"], "pages-1");
}

#[tokio::test]
async fn a_listener_that_comes_back_hears_what_it_missed() {
    let house = House::new().await;
    one_task(&house).await;

    let mut listener = Listener::new(&house, Some("1")).await;

    let (name, entry) = listener.next().await.unwrap();
    assert_eq!((name.as_str(), &entry["seq"]), ("entry", &serde_json::json!(2)));
    assert_eq!(listener.next().await.unwrap().0, "overview");
}

#[tokio::test]
async fn refused_settings_are_a_change() {
    let house = House::new().await;
    let mut listener = Listener::new(&house, None).await;
    listener.next().await.unwrap();

    house.changing.refused.send_replace(Some("line 3".to_owned()));

    assert_eq!(listener.next().await.unwrap().0, "overview");
}

#[tokio::test]
async fn the_stream_ends_when_the_daemon_does() {
    let house = House::new().await;
    let mut listener = Listener::new(&house, None).await;
    listener.next().await.unwrap();

    house.tasks.shut_down(Duration::from_secs(1)).await;

    assert_eq!(listener.next().await, None);
}

#[tokio::test]
async fn there_are_places_for_64_listeners_and_one_who_leaves_makes_room() {
    let house = House::new().await;
    let mut listeners = Vec::new();
    for _ in 0..64 {
        listeners.push(Listener::new(&house, None).await);
    }
    assert_eq!(house.get("/api/v1/events").await.status, 503);

    listeners.pop();

    Listener::new(&house, None).await;
}
