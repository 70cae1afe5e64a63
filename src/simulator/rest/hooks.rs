//! The webhook: how it is set, its pings, and its delivery log.

use serde_json::{Value, json};

use super::{Answer, page};
use crate::simulator::{
    call::{Call, Reply},
    json::time,
    mail::{Delivery, DeliveryAttempt, DeliveryState, HOOK_ID, Mailbox, Webhook},
    shared::Shared,
    world::{Refusal, World},
};

/// Answers `/repos/{owner}/{name}/hooks…`. There is one hook, and it is every repository's.
pub(super) fn answer(shared: &Shared, repo: &str, call: &Call, rest: &[&str]) -> Answer {
    let repository_id = shared.look(|world| world.repository(repo).map(|found| found.id))?;
    let is_ours = |hook: &str| hook.parse() == Ok(HOOK_ID) && shared.look(|world| world.mail.webhook.is_some());
    let reply = match (call.method.as_str(), rest) {
        ("GET", []) => shared.look(|world| page::list(&world.root, call, shown(world, repo).into_iter().collect())),
        ("POST", []) => make(shared, repo, call)?,
        ("GET", [hook]) if is_ours(hook) => {
            shared.look(|world| shown(world, repo).map_or(Reply::empty(404), Reply::ok))
        }
        ("PATCH", [hook]) if is_ours(hook) => shared.change(|world| {
            set(&mut world.mail, call)?;
            Ok::<_, Refusal>(shown(world, repo).map_or(Reply::empty(404), Reply::ok))
        })?,
        ("DELETE", [hook]) if is_ours(hook) => {
            shared.change(|world| world.mail.webhook = None);
            Reply::empty(204)
        }
        ("POST", [hook, "pings"]) if is_ours(hook) => {
            shared.change(|world| ping(world, repo));
            Reply::empty(204)
        }
        ("GET", [hook, "deliveries"]) if is_ours(hook) => list(shared, call, repository_id),
        ("GET", [hook, "deliveries", id]) if is_ours(hook) => one(shared, id)?,
        ("POST", [hook, "deliveries", id, "attempts"]) if is_ours(hook) => redeliver(shared, id)?,
        _ => return Ok(None),
    };
    Ok(Some(reply))
}

/// The hook as the API shows it: its secret only as stars.
fn shown(world: &World, repo: &str) -> Option<Value> {
    let (webhook, settings) = (world.mail.webhook.as_ref()?, &world.mail.settings);
    let created_at = world.repository(repo).map(|found| time(found.created_at)).ok();
    let mut config = json!({ "url": webhook.url, "content_type": settings.content_type, "insecure_ssl": "0" });
    if !webhook.secret.is_empty() {
        config["secret"] = json!("********");
    }
    Some(json!({
        "type": "Repository", "id": HOOK_ID, "name": "web", "active": settings.active, "events": settings.events,
        "config": config,
        "url": format!("{}/repos/{repo}/hooks/{HOOK_ID}", world.root),
        "ping_url": format!("{}/repos/{repo}/hooks/{HOOK_ID}/pings", world.root),
        "deliveries_url": format!("{}/repos/{repo}/hooks/{HOOK_ID}/deliveries", world.root),
        "test_url": format!("{}/repos/{repo}/hooks/{HOOK_ID}/test", world.root),
        "last_response": { "code": null, "status": "unused", "message": null },
        "created_at": created_at,
        "updated_at": created_at,
    }))
}

/// Makes the hook, and pings it, as GitHub does.
fn make(shared: &Shared, repo: &str, call: &Call) -> Result<Reply, Refusal> {
    shared.change(|world| {
        let url = call.body["config"]["url"].as_str().unwrap_or_default();
        match &world.mail.webhook {
            Some(known) if known.url == url => {
                return Err(Refusal::unprocessable("Hook", "Hook already exists on this repository"));
            }
            Some(_) => return Err(Refusal::unprocessable("Hook", "The simulator has room for one hook")),
            None => set(&mut world.mail, call)?,
        }
        ping(world, repo);
        Ok(Reply::created(shown(world, repo).unwrap_or_default()))
    })
}

/// Takes over what a request says. Like GitHub it replaces the whole `config`, secret included.
fn set(mail: &mut Mailbox, call: &Call) -> Result<(), Refusal> {
    let config = &call.body["config"];
    if config.is_object() {
        let url = config["url"].as_str().ok_or_else(|| Refusal::unprocessable("Hook", "url is missing"))?;
        let secret = config["secret"].as_str().unwrap_or_default();
        mail.webhook = Some(Webhook { url: url.to_owned(), secret: secret.to_owned() });
        config["content_type"].as_str().unwrap_or("form").clone_into(&mut mail.settings.content_type);
    }
    if let Some(events) = call.body["events"].as_array() {
        mail.settings.events = events.iter().filter_map(|event| event.as_str().map(ToOwned::to_owned)).collect();
    }
    mail.settings.active = call.body["active"].as_bool().unwrap_or(mail.settings.active);
    Ok(())
}

fn ping(world: &mut World, repo: &str) {
    let sender = world.own_login.clone();
    let about = json!({ "zen": "Design for failure.", "hook_id": HOOK_ID, "hook": shown(world, repo) });
    world.announce(repo, &sender, ("ping", None), about);
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
