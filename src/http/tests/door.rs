//! The webhook door: what gets in, what does not, and that nothing that is refused leaves a trace.

use std::{sync::Arc, time::Duration};

use axum::{
    body::{Body, Bytes},
    http::{Request, header},
};
use futures_util::{StreamExt as _, stream};
use hmac::{Hmac, KeyInit as _, Mac as _};
use sha2::Sha256;

use super::house::{House, SECRET};
use crate::{
    github::webhook::Verifier,
    journal::{Journal as _, Stats},
};

fn signature(secret: &str, body: &[u8]) -> String {
    let mut mac = Hmac::<Sha256>::new_from_slice(secret.as_bytes()).unwrap();
    mac.update(body);
    format!("sha256={}", hex::encode(mac.finalize().into_bytes()))
}

/// A delivery as GitHub sends it.
fn delivery(id: &str, event: &str, body: &[u8]) -> Request<Body> {
    signed(id, event, body, &signature(SECRET, body))
}

fn signed(id: &str, event: &str, body: &[u8], signature: &str) -> Request<Body> {
    Request::post("/webhooks/github")
        .header(header::CONTENT_TYPE, "application/json")
        .header("x-github-delivery", id)
        .header("x-github-event", event)
        .header("x-hub-signature-256", signature)
        .body(Body::from(body.to_vec()))
        .unwrap()
}

async fn status(house: &House, request: Request<Body>) -> u16 {
    house.answer(request).await.status.as_u16()
}

async fn stats(house: &House) -> Stats {
    house.journal.stats().await.unwrap()
}

// G001
#[tokio::test]
async fn g001_a_delivery_that_comes_again_is_accepted_and_changes_nothing() {
    let house = House::new().await;
    let body = br#"{"repository":{"id":42}}"#;

    assert_eq!(status(&house, delivery("d1", "push", body)).await, 202);
    assert_eq!(status(&house, delivery("d1", "push", body)).await, 202);

    assert_eq!(stats(&house).await.deliveries, 1);
}

// G002
#[tokio::test]
async fn g002_two_of_one_id_at_the_same_time_are_one() {
    let house = House::new().await;
    let once = || status(&house, delivery("d1", "push", b"{}"));

    let answers = tokio::join!(once(), once(), once(), once());

    assert_eq!(answers, (202, 202, 202, 202));
    assert_eq!(stats(&house).await.deliveries, 1);
}

// G004, S68
#[tokio::test]
async fn g004_whatever_is_not_signed_rightly_is_refused_and_leaves_no_trace() {
    let house = House::new().await;
    let body = b"{}";
    let right = signature(SECRET, body);
    let mut flipped = right.clone().into_bytes();
    let last = flipped.len() - 1;
    flipped[last] = if flipped[last] == b'0' { b'1' } else { b'0' };
    for wrong in [
        String::from_utf8(flipped).unwrap(),
        right.replace("sha256=", "sha1="),
        right.replace("sha256=", ""),
        right.to_uppercase().replace("SHA256=", "sha256="),
        right[..70].to_owned(),
        signature("another secret", body),
        String::new(),
    ] {
        assert_eq!(status(&house, signed("d1", "push", body, &wrong)).await, 401, "{wrong}");
    }
    let mut sha1_only = delivery("d1", "push", body);
    sha1_only.headers_mut().remove("x-hub-signature-256");
    sha1_only.headers_mut().insert("x-hub-signature", "sha1=00".parse().unwrap());
    assert_eq!(status(&house, sha1_only).await, 401);

    assert_eq!(stats(&house).await.deliveries, 0);
}

// G005: secret, body and signature are GitHub's published example.
#[tokio::test]
async fn g005_githubs_published_signature_is_accepted() {
    let house = House::new().await;
    let published = "sha256=757107ea0eb2509fc211221cce984b8a37570b6d7586c22c46f4379c8b043e17";

    assert_eq!(status(&house, signed("d1", "push", b"Hello, World!", published)).await, 202);
}

// G006
#[tokio::test]
async fn g006_secrets_rotate_while_it_listens() {
    let house = House::new().await;
    let by = |secret: &str, id: &str| signed(id, "push", b"{}", &signature(secret, b"{}"));
    let accept = |secrets: &[&str]| {
        let secrets = secrets.iter().map(|secret| secret.as_bytes().to_vec()).collect();
        house.changing.verifier.send_replace(Some(Arc::new(Verifier::new(secrets).unwrap())));
    };

    accept(&["old", "new"]);
    assert_eq!(status(&house, by("old", "d1")).await, 202);
    assert_eq!(status(&house, by("new", "d2")).await, 202);
    accept(&["new"]);
    assert_eq!(status(&house, by("old", "d3")).await, 401);
    assert_eq!(status(&house, by("new", "d4")).await, 202);

    assert_eq!(stats(&house).await.deliveries, 3);
}

/// A body that is sent in chunks, so that nobody announces its length, and how much of it was taken.
fn chunked(chunks: usize) -> (Body, Arc<std::sync::atomic::AtomicUsize>) {
    let taken = Arc::new(std::sync::atomic::AtomicUsize::new(0));
    let counting = taken.clone();
    let chunks = stream::iter(0..chunks).map(move |_| {
        counting.fetch_add(1, std::sync::atomic::Ordering::SeqCst);
        Ok::<_, std::io::Error>(Bytes::from(vec![b' '; 1 << 20]))
    });
    (Body::from_stream(chunks), taken)
}

// G008, S69
#[tokio::test]
async fn g008_a_body_of_25_mib_is_taken_and_a_larger_one_is_cut_off() {
    let house = House::new().await;
    let largest = vec![b' '; 25 << 20];
    assert_eq!(status(&house, delivery("d1", "push", &largest)).await, 202);

    let mut larger = delivery("d2", "push", b"");
    larger.headers_mut().insert("content-length", ((25 << 20) + 1).to_string().parse().unwrap());
    assert_eq!(status(&house, larger).await, 413);

    let (body, taken) = chunked(1_000);
    let mut endless = delivery("d3", "push", b"");
    *endless.body_mut() = body;
    assert_eq!(status(&house, endless).await, 413);
    assert_eq!(taken.load(std::sync::atomic::Ordering::SeqCst), 26);

    assert_eq!(stats(&house).await.deliveries, 1);
}

// G008
#[tokio::test(start_paused = true)]
async fn g008_a_body_that_comes_too_slowly_is_given_up() {
    let house = House::new().await;
    let mut slow = delivery("d1", "push", b"");
    let drops = stream::unfold((), |()| async {
        tokio::time::sleep(Duration::from_secs(1)).await;
        Some((Ok::<_, std::io::Error>(Bytes::from_static(b" ")), ()))
    });
    *slow.body_mut() = Body::from_stream(drops);

    assert_eq!(status(&house, slow).await, 408);
}

// G009
#[tokio::test]
async fn g009_what_is_no_json_is_refused_or_kept_and_the_next_one_works() {
    let house = House::new().await;
    let mut form = delivery("d1", "push", b"payload=%7B%7D");
    form.headers_mut().insert(header::CONTENT_TYPE, "application/x-www-form-urlencoded".parse().unwrap());
    assert_eq!(status(&house, form).await, 415);
    for (id, body) in [("d2", &b"{\"a\":"[..]), ("d3", b"\xff\xfe"), ("d4", b"no json"), ("d5", b"")] {
        assert_eq!(status(&house, delivery(id, "push", body)).await, 202, "{id}");
    }
    assert_eq!(status(&house, delivery("d6", "push", b"{}")).await, 202);

    house.work().await;

    let stats = stats(&house).await;
    assert_eq!((stats.deliveries, stats.dead >= 4, stats.unrouted), (5, true, 0));
}

#[tokio::test]
async fn a_delivery_without_its_headers_is_refused() {
    let house = House::new().await;
    for missing in ["x-github-delivery", "x-github-event"] {
        let mut request = delivery("d1", "push", b"{}");
        request.headers_mut().remove(missing);
        assert_eq!(status(&house, request).await, 400, "{missing}");
    }
    assert_eq!(stats(&house).await.deliveries, 0);
}

// G010
#[tokio::test]
async fn g010_unknown_events_and_actions_are_kept_and_hurt_nobody() {
    let house = House::new().await;
    let body = br#"{"action":"pinned_to_moon","number":1,"pull_request":{},"repository":{"id":42}}"#;

    assert_eq!(status(&house, delivery("d1", "foo_bar", b"{}")).await, 202);
    assert_eq!(status(&house, delivery("d2", "pull_request", body)).await, 202);
    house.work().await;

    let stats = stats(&house).await;
    assert_eq!((stats.deliveries, stats.unrouted), (2, 0));
}

// G012
#[tokio::test]
async fn g012_a_ping_is_answered_and_not_kept() {
    let house = House::new().await;

    assert_eq!(status(&house, delivery("d1", "ping", b"{}")).await, 200);

    assert_eq!(stats(&house).await.deliveries, 0);
}

// G016: nothing is acknowledged that is not durable.
#[tokio::test]
async fn g016_a_journal_that_fails_is_no_acceptance() {
    let house = House::new().await;
    house.journal.close();

    assert_eq!(status(&house, delivery("d1", "push", b"{}")).await, 503);
    assert_eq!(house.get("/readyz").await.status, 503);
    assert_eq!(house.get("/healthz").await.status, 200);
    assert_eq!(house.get("/api/v1/overview").await.status, 503);
}

#[tokio::test]
async fn there_is_no_door_while_webhooks_are_switched_off() {
    let house = House::new().await;
    house.changing.verifier.send_replace(None);

    assert_eq!(status(&house, delivery("d1", "push", b"{}")).await, 404);
}
