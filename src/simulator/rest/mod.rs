//! The REST API. Each file answers one part of it; this one finds the part and keeps the books.

mod actions;
mod branches;
mod commits;
mod hooks;
mod issues;
mod page;
pub(super) mod pulls;

use serde_json::{Value, json};

use super::{
    call::{Call, Reply},
    error::Error,
    happened::Write,
    json::{objects, time},
    shared::Shared,
    world::{CORE, GRAPHQL, RATE_LIMIT, Refusal, World},
};

/// What a part of the API gives: `None` if it has no such endpoint.
type Answer = Result<Option<Reply>, Error>;

/// Answers one authenticated request.
pub(crate) async fn answer(shared: &Shared, call: &Call) -> Reply {
    let reply = match route(shared, call).await {
        Ok(Some(reply)) => reply,
        Ok(None) => Refusal::NotFound.into(),
        Err(error) => error.into(),
    };
    // A delivery that is sent again changes nothing.
    let changes = call.method != "GET" && !call.path.contains("/deliveries/");
    if changes && reply.success() {
        shared.change(|world| {
            let (method, path, body) = (call.method.clone(), call.path.clone(), call.body.clone());
            let actor = world.own_login.clone();
            world.writes.push(Write { method, path, actor, body });
        });
    }
    reply
}

async fn route(shared: &Shared, call: &Call) -> Answer {
    let segments: Vec<&str> = call.segments.iter().map(String::as_str).collect();
    match (call.method.as_str(), segments.as_slice()) {
        ("GET", ["user"]) => Ok(Some(Reply::ok(shared.look(own_account)).header("x-oauth-scopes", "repo"))),
        ("GET", ["rate_limit"]) => Ok(Some(Reply::ok(shared.change(rate_limit)))),
        ("GET", ["users", login]) => Ok(Some(user(shared, login)?)),
        (_, ["repos", owner, name, rest @ ..]) => {
            let asked = format!("{owner}/{name}");
            let repo = shared.look(|world| world.repository(&asked).map(super::world::Repository::full_name))?;
            in_repository(shared, &repo, call, rest).await
        }
        _ => Ok(None),
    }
}

async fn in_repository(shared: &Shared, repo: &str, call: &Call, rest: &[&str]) -> Answer {
    match rest {
        [] if call.method == "GET" => {
            let mut body =
                shared.look(|world| world.repository(repo).map(|found| objects::repository(world, found)))?;
            // Lists and webhooks show less.
            body["network_count"] = json!(0);
            body["subscribers_count"] = json!(0);
            Ok(Some(Reply::ok(body)))
        }
        ["pulls", rest @ ..] => pulls::answer(shared, repo, call, rest).await,
        ["issues", rest @ ..] => issues::answer(shared, repo, call, rest),
        ["labels", rest @ ..] => issues::labels(shared, repo, call, rest),
        ["commits", sha, rest @ ..] => commits::answer(shared, repo, call, (sha, rest)).await,
        ["statuses", sha] => commits::report(shared, repo, call, sha).await,
        ["check-runs", rest @ ..] => commits::report_run(shared, repo, call, rest).await,
        ["compare", rest @ ..] => commits::compare(shared, repo, call, &rest.join("/")).await,
        ["actions", rest @ ..] => actions::answer(shared, repo, call, rest),
        ["hooks", rest @ ..] => hooks::answer(shared, repo, call, rest),
        ["branches" | "rules" | "git" | "collaborators", ..] => branches::answer(shared, repo, call, rest),
        _ => Ok(None),
    }
}

/// The account behind the token, as it alone sees itself.
fn own_account(world: &World) -> Value {
    let mut body = objects::login(world, &world.own_login);
    let nothing = json!({
        "name": null, "company": null, "blog": null, "location": null, "email": null, "hireable": null, "bio": null,
        "public_repos": 0, "public_gists": 0, "followers": 0, "following": 0, "private_gists": 0,
        "total_private_repos": 0, "owned_private_repos": 0, "disk_usage": 0, "collaborators": 0,
        "two_factor_authentication": true, "created_at": "2024-01-01T00:00:00Z", "updated_at": "2024-01-01T00:00:00Z",
    });
    if let (Value::Object(body), Value::Object(nothing)) = (&mut body, nothing) {
        body.extend(nothing);
    }
    body
}

fn user(shared: &Shared, login: &str) -> Result<Reply, Error> {
    let found = shared.look(|world| objects::login(world, login));
    if found.is_null() { Err(Refusal::NotFound.into()) } else { Ok(Reply::ok(found)) }
}

fn rate_limit(world: &mut World) -> Value {
    let mut budget = |name| {
        let (remaining, resets_at) = world.spend(name, 0);
        let used = RATE_LIMIT - remaining;
        json!({ "limit": RATE_LIMIT, "used": used, "remaining": remaining, "reset": resets_at.as_second() })
    };
    let (core, graphql) = (budget(CORE), budget(GRAPHQL));
    let search = json!({ "limit": 30, "used": 0, "remaining": 30, "reset": core["reset"] });
    json!({ "resources": { "core": core, "graphql": graphql, "search": search }, "rate": core })
}

/// When a list's entry last changed, for `since`.
fn changed_since(call: &Call, updated_at: jiff::Timestamp) -> bool {
    // Times compare as text because all are printed alike.
    call.param("since").is_none_or(|since| time(updated_at).as_str() >= since)
}
