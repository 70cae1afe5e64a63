//! Sends webhooks: signed, one at a time and in order, each at most once unless somebody asks for more.

use std::time::Duration;

use hmac::{Hmac, KeyInit as _, Mac as _};
use jiff::Timestamp;
use reqwest::Client;
use sha2::Sha256;
use tracing::{debug, warn};

use super::{
    adversary::Carried,
    happened::Happened,
    mail::{Delivery, DeliveryAttempt, DeliveryState, HOOK_ID, Webhook},
    shared::Shared,
};

/// How long GitHub waits for an answer.
const ANSWER_WITHIN: Duration = Duration::from_secs(10);

/// Sends every pending delivery until told to stop.
pub(crate) fn start(shared: &Shared, client: Client) {
    let owned = shared.clone();
    shared.tasks.spawn("simulated webhooks", move |stop| async move {
        loop {
            let next = async {
                owned.until(|world| world.mail.next_pending().is_some()).await;
                if let Some(id) = owned.look(|world| world.mail.next_pending().map(|delivery| delivery.id)) {
                    send(&owned, &client, id).await;
                }
            };
            tokio::select! {
                biased;
                () = stop.cancelled() => break,
                () = next => {}
            }
        }
    });
}

/// Sends one delivery now, whatever its state, and records the attempt. The receiver's status; 0 without an answer.
pub(crate) async fn send(shared: &Shared, client: &Client, id: u64) -> Option<u16> {
    let (delivery, webhook) = shared.change(|world| {
        let webhook = world.mail.webhook.clone()?;
        Some((world.mail.find(id)?.clone(), webhook))
    })?;
    let at = shared.clock.now();
    let (status, outcome) = post(client, &webhook, &delivery).await;
    record(shared, &delivery, (status, outcome), at);
    Some(status)
}

/// Sends what an adversary made of a delivery, and records the attempt.
pub(crate) async fn carry(shared: &Shared, client: &Client, carried: &Carried) -> Option<u16> {
    let (delivery, webhook) = shared.change(|world| {
        let webhook = world.mail.webhook.clone()?;
        Some((world.mail.find(carried.delivery)?.clone(), webhook))
    })?;
    let (guid, payload) = (carried.guid.clone(), carried.payload.clone());
    let at = shared.clock.now();
    let (status, outcome) = post(client, &webhook, &Delivery { guid, payload, ..delivery.clone() }).await;
    record(shared, &delivery, (status, outcome), at);
    Some(status)
}

/// Records that a delivery was taken without HTTP.
pub(crate) fn handed_over(shared: &Shared, id: u64) {
    if let Some(delivery) = shared.change(|world| world.mail.find(id).cloned()) {
        record(shared, &delivery, (202, "OK".to_owned()), shared.clock.now());
    }
}

async fn post(client: &Client, webhook: &Webhook, delivery: &Delivery) -> (u16, String) {
    let request = client
        .post(&webhook.url)
        .timeout(ANSWER_WITHIN)
        .header("Accept", "*/*")
        .header("Content-Type", "application/json")
        .header("User-Agent", "GitHub-Hookshot/7f2b1c3")
        .header("X-GitHub-Delivery", &delivery.guid)
        .header("X-GitHub-Event", &delivery.event)
        .header("X-GitHub-Hook-ID", HOOK_ID)
        .header("X-GitHub-Hook-Installation-Target-ID", delivery.repository_id)
        .header("X-GitHub-Hook-Installation-Target-Type", "repository")
        .header("X-Hub-Signature-256", sign(&webhook.secret, &delivery.payload))
        .body(delivery.payload.clone());
    match request.send().await {
        Ok(answer) => {
            let code = answer.status();
            let words =
                if code.is_success() { "OK".to_owned() } else { format!("Invalid HTTP Response: {}", code.as_u16()) };
            (code.as_u16(), words)
        }
        Err(error) if error.is_timeout() => (0, "timed out".to_owned()),
        Err(_) => (0, "failed to connect to host".to_owned()),
    }
}

fn record(shared: &Shared, delivery: &Delivery, (status, outcome): (u16, String), at: Timestamp) {
    let (guid, event) = (delivery.guid.clone(), delivery.event.clone());
    let arrived = (200..300).contains(&status);
    if arrived {
        debug!(delivery.guid = guid, delivery.event = event, "Delivered a webhook");
    } else {
        warn!(delivery.guid = guid, delivery.event = event, http.status = status, "Could not deliver a webhook");
    }
    shared.change(|world| {
        let attempt_id = world.next_id();
        if let Some(delivery) = world.mail.find(delivery.id) {
            let redelivery = !delivery.attempts.is_empty();
            let id = if redelivery { attempt_id } else { delivery.id };
            delivery.attempts.push(DeliveryAttempt { id, at, status, outcome, redelivery });
            delivery.state = DeliveryState::Sent;
        }
        world.happened(if arrived {
            Happened::Delivered { guid, event }
        } else {
            Happened::NotDelivered { guid, event, status }
        });
    });
}

/// The signature over the exact bytes.
fn sign(secret: &str, body: &str) -> String {
    let mut mac = Hmac::<Sha256>::new_from_slice(secret.as_bytes()).expect("HMAC takes a key of any length");
    mac.update(body.as_bytes());
    format!("sha256={}", hex::encode(mac.finalize().into_bytes()))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// G005: the example of GitHub's documentation.
    #[test]
    fn the_documented_example_is_signed_as_documented() {
        assert_eq!(
            sign("It's a Secret to Everybody", "Hello, World!"),
            "sha256=757107ea0eb2509fc211221cce984b8a37570b6d7586c22c46f4379c8b043e17"
        );
    }
}
