//! Webhooks as their receiver sees them.

use std::sync::{Arc, Mutex};

use axum::{Router, body::Bytes, extract::State};
use hmac::{Hmac, KeyInit as _, Mac as _};
use http::{HeaderMap, StatusCode};
use serde_json::json;
use sha2::Sha256;
use tokio::net::TcpListener;

use super::*;

const SECRET: &str = "s3cret";

/// What came in, and what is answered.
struct Receiver {
    got: Mutex<Vec<(HeaderMap, Bytes)>>,
    answer: Mutex<u16>,
}

async fn receive(State(receiver): State<Arc<Receiver>>, headers: HeaderMap, body: Bytes) -> StatusCode {
    receiver.got.lock().unwrap().push((headers, body));
    StatusCode::from_u16(*receiver.answer.lock().unwrap()).unwrap()
}

impl Receiver {
    async fn start(world: &World) -> Arc<Self> {
        let receiver = Arc::new(Self { got: Mutex::default(), answer: Mutex::new(202) });
        let listener = TcpListener::bind(("127.0.0.1", 0)).await.unwrap();
        let url = format!("http://{}/webhooks/github", listener.local_addr().unwrap());
        let app = Router::new().fallback(receive).with_state(receiver.clone());
        world.tasks.spawn("receiver", |stop| async move {
            tokio::select! {
                () = stop.cancelled() => {}
                _ = async { axum::serve(listener, app).await } => {}
            }
        });
        world.github.set_webhook(Webhook { url, secret: SECRET.to_owned() });
        receiver
    }

    /// Event and action of everything that came in.
    fn names(&self) -> Vec<String> {
        let name = |(headers, body): &(HeaderMap, Bytes)| {
            let payload: Value = serde_json::from_slice(body).unwrap();
            let event = headers["x-github-event"].to_str().unwrap();
            payload["action"].as_str().map_or(event.to_owned(), |action| format!("{event}.{action}"))
        };
        self.got.lock().unwrap().iter().map(name).collect()
    }
}

#[tokio::test]
async fn a_pull_request_and_its_ci_are_told_in_order_and_signed() {
    let world = World::new().await;
    let receiver = Receiver::start(&world).await;

    world.pull("more", ("pages/more.txt", "More.\n")).await;

    assert_eq!(
        receiver.names(),
        [
            "create",
            "push",
            "pull_request.opened",
            "check_suite.requested",
            "workflow_run.requested",
            "workflow_job.queued",
            "check_run.created",
            "workflow_run.in_progress",
            "workflow_job.in_progress",
            "workflow_job.completed",
            "check_run.completed",
            "workflow_run.completed",
            "check_suite.completed",
        ]
    );
    for (headers, body) in receiver.got.lock().unwrap().iter() {
        let mut mac = Hmac::<Sha256>::new_from_slice(SECRET.as_bytes()).unwrap();
        mac.update(body);
        let signature = format!("sha256={}", hex::encode(mac.finalize().into_bytes()));
        assert_eq!(headers["x-hub-signature-256"], signature);
        assert_eq!(headers["content-type"], "application/json");
    }
}

/// G093: one act, many events.
#[tokio::test]
async fn a_review_with_two_comments_is_three_deliveries() {
    let world = World::new().await;
    let number = world.pull("more", ("pages/more.txt", "More.\nMore.\n")).await;
    let receiver = Receiver::start(&world).await;
    let at = |line| LineComment { path: "pages/more.txt".to_owned(), line, body: "Why?".to_owned() };
    let (author, verdict) = ("ada".to_owned(), Verdict::RequestChanges);
    let review = NewReview { author, verdict, body: "No.".to_owned(), comments: vec![at(1), at(2)] };

    world.github.review(REPO, number, &review).unwrap();
    world.github.quiet().await;

    let comment = "pull_request_review_comment.created";
    assert_eq!(receiver.names(), ["pull_request_review.submitted", comment, comment]);
}

/// G109
#[tokio::test]
async fn an_issue_opened_with_a_label_is_two_deliveries() {
    let world = World::new().await;
    let receiver = Receiver::start(&world).await;
    let labels = vec!["agent".to_owned()];

    let issue = NewIssue { author: "ada".to_owned(), title: "Welcome".to_owned(), body: String::new(), labels };
    world.github.create_issue(REPO, &issue).unwrap();
    world.github.quiet().await;

    assert_eq!(receiver.names(), ["issues.opened", "issues.labeled"]);
}

/// G001, G021: a redelivery keeps GUID and bytes.
#[tokio::test]
async fn a_failed_delivery_is_not_repeated_until_somebody_asks() {
    let world = World::new().await;
    let receiver = Receiver::start(&world).await;
    *receiver.answer.lock().unwrap() = 503;
    let issue = NewIssue { author: "ada".to_owned(), title: "Welcome".to_owned(), ..NewIssue::default() };
    world.github.create_issue(REPO, &issue).unwrap();
    world.github.quiet().await;
    *receiver.answer.lock().unwrap() = 202;
    let log = world.get("/repos/acme/pages/hooks").await[0]["deliveries_url"].as_str().unwrap().to_owned();
    let log = log.strip_prefix(&world.github.api_url()).unwrap().to_owned();
    let failed = world.get(&log).await;
    assert_eq!((&failed[0]["status_code"], &failed[0]["redelivery"]), (&json!(503), &json!(false)));

    let (status, _, _) = world.call("POST", &format!("{log}/{}/attempts", failed[0]["id"]), Value::Null).await;
    world.github.quiet().await;

    let again = world.get(&log).await;
    assert_eq!((status, &again[0]["status"], &again[0]["redelivery"]), (202, &json!("OK"), &json!(true)));
    assert_eq!(again[0]["guid"], failed[0]["guid"]);
    let got = receiver.got.lock().unwrap();
    assert_eq!((got.len(), &got[0].1), (2, &got[1].1));
}

#[tokio::test]
async fn held_deliveries_go_out_doubled_reordered_or_not_at_all() {
    let world = World::new().await;
    let receiver = Receiver::start(&world).await;
    let deliveries = world.github.deliveries();
    deliveries.hold();
    let issue = NewIssue { author: "ada".to_owned(), title: "Welcome".to_owned(), ..NewIssue::default() };
    world.github.create_issue(REPO, &issue).unwrap();
    world.github.label(REPO, 1, "ada", "agent").unwrap();
    world.github.comment(REPO, 1, "ada", "Please.").unwrap();
    world.github.quiet().await;
    let held: Vec<u64> = deliveries.held().iter().map(|delivery| delivery.id).collect();
    assert_eq!(receiver.names(), Vec::<String>::new());

    deliveries.lose(held[0]);
    let answers = deliveries.send_in(&[held[2], held[1]]).await;
    deliveries.send_twice(held[2]).await;

    assert_eq!(answers, [Some(202), Some(202)]);
    let comment = "issue_comment.created";
    assert_eq!(receiver.names(), [comment, "issues.labeled", comment, comment]);
    assert_eq!(deliveries.held(), []);
}
