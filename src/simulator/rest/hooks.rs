//! The delivery log of the webhook.

use serde_json::{Value, json};

use super::{Answer, page};
use crate::simulator::{
    call::{Call, Reply},
    json::time,
    mail::{Delivery, DeliveryAttempt, DeliveryState, HOOK_ID, Webhook},
    shared::Shared,
    world::{Refusal, World},
};

/// Answers `/repos/{owner}/{name}/hooks…`.
pub(super) fn answer(shared: &Shared, repo: &str, call: &Call, rest: &[&str]) -> Answer {
    let repository_id = shared.look(|world| world.repository(repo).map(|found| found.id))?;
    let is_ours = |hook: &str| hook.parse() == Ok(HOOK_ID);
    let reply = match (call.method.as_str(), rest) {
        ("GET", []) => shared.look(|world| {
            let hooks = world.mail.webhook.as_ref().map(|webhook| hook(world, repo, webhook));
            page::list(&world.root, call, hooks.into_iter().collect())
        }),
        ("GET", [hook, "deliveries"]) if is_ours(hook) => list(shared, call, repository_id),
        ("GET", [hook, "deliveries", id]) if is_ours(hook) => one(shared, id)?,
        ("POST", [hook, "deliveries", id, "attempts"]) if is_ours(hook) => redeliver(shared, id)?,
        _ => return Ok(None),
    };
    Ok(Some(reply))
}

fn hook(world: &World, repo: &str, webhook: &Webhook) -> Value {
    let url = format!("{}/repos/{repo}/hooks/{HOOK_ID}", world.root);
    let created_at = world.repository(repo).map(|found| time(found.created_at)).ok();
    json!({
        "type": "Repository", "id": HOOK_ID, "name": "web", "active": true, "events": ["*"],
        "config": { "url": webhook.url, "content_type": "json", "insecure_ssl": "0", "secret": "********" },
        "url": url,
        "test_url": format!("{url}/test"),
        "ping_url": format!("{url}/pings"),
        "deliveries_url": format!("{url}/deliveries"),
        "last_response": { "code": null, "status": "unused", "message": null },
        "created_at": created_at,
        "updated_at": created_at,
    })
}

/// Attempts, the newest first, page by page with a cursor.
fn list(shared: &Shared, call: &Call, repository_id: u64) -> Reply {
    let mut items: Vec<(u64, Value)> = shared.look(|world| {
        let ours = world.mail.deliveries.iter().filter(|delivery| delivery.repository_id == repository_id);
        ours.flat_map(|delivery| delivery.attempts.iter().map(move |attempt| (attempt.id, summary(delivery, attempt))))
            .collect()
    });
    items.sort_by_key(|(id, _)| std::cmp::Reverse(*id));
    let per_page = call.param("per_page").and_then(|size| size.parse::<usize>().ok()).unwrap_or(30).clamp(1, 100);
    let before = call.param("cursor").and_then(|cursor| cursor.parse::<u64>().ok());
    let mut rest = items.into_iter().filter(|(id, _)| before.is_none_or(|before| *id < before));
    let page: Vec<(u64, Value)> = rest.by_ref().take(per_page).collect();
    let more = rest.next().is_some();
    let reply = Reply::ok(page.iter().map(|(_, item)| item.clone()).collect());
    match page.last().filter(|_| more) {
        Some((last, _)) => {
            let root = shared.look(|world| world.root.clone());
            let next = format!("<{root}{}?per_page={per_page}&cursor={last}>; rel=\"next\"", call.path);
            reply.header("link", next)
        }
        None => reply,
    }
}

fn one(shared: &Shared, id: &str) -> Result<Reply, Refusal> {
    let id: u64 = id.parse().map_err(|_| Refusal::NotFound)?;
    shared.change(|world| {
        let delivery = world.mail.find(id).ok_or(Refusal::NotFound)?;
        let attempt = delivery.attempts.iter().find(|attempt| attempt.id == id).ok_or(Refusal::NotFound)?;
        let mut body = summary(delivery, attempt);
        let payload: Value = serde_json::from_str(&delivery.payload).unwrap_or_default();
        body["request"] = json!({
            "headers": { "X-GitHub-Delivery": delivery.guid, "X-GitHub-Event": delivery.event }, "payload": payload,
        });
        body["response"] = json!({ "headers": {}, "payload": null });
        Ok(Reply::ok(body))
    })
}

fn redeliver(shared: &Shared, id: &str) -> Result<Reply, Refusal> {
    let id: u64 = id.parse().map_err(|_| Refusal::NotFound)?;
    shared.change(|world| {
        world.mail.find(id).ok_or(Refusal::NotFound)?.state = DeliveryState::Pending;
        Ok(())
    })?;
    Ok(Reply { status: 202, headers: Vec::new(), body: json!({}) })
}

fn summary(delivery: &Delivery, attempt: &DeliveryAttempt) -> Value {
    json!({
        "id": attempt.id,
        "guid": delivery.guid,
        "delivered_at": time(attempt.at),
        "redelivery": attempt.redelivery,
        "duration": 0.05,
        "status": attempt.outcome,
        "status_code": attempt.status,
        "event": delivery.event,
        "action": delivery.action,
        "installation_id": null,
        "repository_id": delivery.repository_id,
        "throttled_at": null,
    })
}
