//! The webhook door: read the body, check the signature on the raw bytes, store, answer 202. Nothing else.
//!
//! The status never depends on what the body says: a signed body that nobody understands is stored as well, and shown.

use std::{sync::Arc, time::Duration};

use axum::{
    body::{Body, Bytes},
    extract::State,
    http::{HeaderMap, StatusCode, header::CONTENT_TYPE},
};
use futures_util::StreamExt as _;
use metrics::counter;
use tracing::{debug, warn};

use super::Surroundings;
use crate::{
    boundary,
    github::webhook,
    journal::{Delivery, Novelty},
    model::DeliveryId,
};

/// GitHub sends no larger payload.
const BODY_BYTES_MAX: usize = 25 << 20;
/// GitHub gives up after 10 s; whoever sends slower than this is not GitHub.
const BODY_DEADLINE: Duration = Duration::from_secs(8);

/// Takes one delivery.
pub(super) async fn receive(
    State(surroundings): State<Arc<Surroundings>>,
    headers: HeaderMap,
    body: Body,
) -> (StatusCode, &'static str) {
    let answer = take(&surroundings, &headers, body).await;
    let (status, words) = answer;
    counter!("antiphon_deliveries_total", "status" => status.as_u16().to_string()).increment(1);
    if status.is_client_error() || status.is_server_error() {
        debug!(http.status = status.as_u16(), "Refused a delivery: {words}");
    }
    answer
}

async fn take(surroundings: &Surroundings, headers: &HeaderMap, body: Body) -> (StatusCode, &'static str) {
    let Some(verifier) = surroundings.verifier.borrow().clone() else {
        return (StatusCode::NOT_FOUND, "webhooks are switched off\n");
    };
    if !is_json(headers) {
        return (StatusCode::UNSUPPORTED_MEDIA_TYPE, "set the webhook's content type to application/json\n");
    }
    let body = match tokio::time::timeout(BODY_DEADLINE, read(headers, body)).await {
        Ok(Ok(body)) => body,
        Ok(Err(status)) => return (status, "the body could not be taken\n"),
        Err(_) => return (StatusCode::REQUEST_TIMEOUT, "the body came too slowly\n"),
    };
    let signature = text(headers, "x-hub-signature-256");
    if verifier.verify(&body, signature).is_err() {
        return (StatusCode::UNAUTHORIZED, "the signature is missing or wrong\n");
    }
    let id = text(headers, "x-github-delivery").and_then(|id| id.parse::<DeliveryId>().ok());
    let (Some(id), Some(event)) = (id, text(headers, "x-github-event")) else {
        return (StatusCode::BAD_REQUEST, "X-GitHub-Delivery and X-GitHub-Event are needed\n");
    };
    if event == "ping" {
        return (StatusCode::OK, "pong\n");
    }
    store(surroundings, id, event, body).await
}

async fn store(surroundings: &Surroundings, id: DeliveryId, event: &str, body: Vec<u8>) -> (StatusCode, &'static str) {
    let delivery = Delivery {
        repo: webhook::route(event, &body).ok().and_then(|routed| routed.repo),
        id,
        event: event.to_owned(),
        received_at: surroundings.clock.now(),
        body,
    };
    if let Some(repo) = delivery.repo {
        surroundings.ears.heard(repo, delivery.received_at);
    }
    boundary::cross("door: verified, not stored");
    match surroundings.journal.ingest(delivery).await {
        Ok(Novelty::New) => {
            boundary::cross("door: stored, not answered");
            (StatusCode::ACCEPTED, "")
        }
        Ok(Novelty::Known) => (StatusCode::ACCEPTED, "known\n"),
        Err(error) => {
            // Not acknowledged: GitHub's delivery log has it, and it can be asked for again.
            warn!(error = &error as &dyn std::error::Error, "Could not store a delivery");
            (StatusCode::SERVICE_UNAVAILABLE, "not stored; deliver it again later\n")
        }
    }
}

async fn read(headers: &HeaderMap, body: Body) -> Result<Vec<u8>, StatusCode> {
    let announced = text(headers, "content-length").and_then(|length| length.parse::<usize>().ok()).unwrap_or(0);
    if announced > BODY_BYTES_MAX {
        return Err(StatusCode::PAYLOAD_TOO_LARGE);
    }
    let mut stream = body.into_data_stream();
    // What is announced is not believed beyond a megabyte: memory is taken as bytes come.
    let mut read = Vec::with_capacity(announced.min(1 << 20));
    while let Some(chunk) = stream.next().await {
        let chunk: Bytes = chunk.map_err(|_| StatusCode::BAD_REQUEST)?;
        if read.len() + chunk.len() > BODY_BYTES_MAX {
            return Err(StatusCode::PAYLOAD_TOO_LARGE);
        }
        read.extend_from_slice(&chunk);
    }
    Ok(read)
}

fn is_json(headers: &HeaderMap) -> bool {
    headers.get(CONTENT_TYPE).and_then(|value| value.to_str().ok()).is_some_and(|value| {
        value.split(';').next().is_some_and(|kind| kind.trim().eq_ignore_ascii_case("application/json"))
    })
}

fn text<'h>(headers: &'h HeaderMap, name: &str) -> Option<&'h str> {
    headers.get(name).and_then(|value| value.to_str().ok())
}
