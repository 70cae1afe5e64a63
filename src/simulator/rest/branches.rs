//! Branches, their rules and protection, and permissions.

use serde_json::{Value, json};

use super::{Answer, page};
use crate::simulator::{
    call::{Call, Reply},
    json::{commits, node_id, objects},
    shared::Shared,
    world::{Refusal, World},
};

/// Answers the parts of a repository's API that ask about branches and people.
pub(super) fn answer(shared: &Shared, repo: &str, call: &Call, rest: &[&str]) -> Answer {
    if call.method != "GET" {
        return Ok(None);
    }
    let reply = match rest {
        ["branches"] => shared.look(|world| list(world, repo, call))?,
        ["branches", branch @ .., "protection", "required_status_checks"] => {
            Reply::ok(shared.look(|world| required(world, repo, &branch.join("/")))?)
        }
        ["branches", branch @ ..] => Reply::ok(shared.look(|world| one(world, repo, &branch.join("/")))?),
        ["rules", "branches", branch @ ..] => shared.look(|world| {
            let rules = world.repository(repo)?.rules.get(&branch.join("/")).cloned().unwrap_or_default();
            Ok::<_, Refusal>(page::list(&world.root, call, rules))
        })?,
        ["git", "ref", "heads", branch @ ..] => {
            Reply::ok(shared.look(|world| reference(world, repo, &branch.join("/")))?)
        }
        ["collaborators", login, "permission"] => Reply::ok(shared.look(|world| permission(world, repo, login))?),
        _ => return Ok(None),
    };
    Ok(Some(reply))
}

fn list(world: &World, repo: &str, call: &Call) -> Result<Reply, Refusal> {
    let repository = world.repository(repo)?;
    let items: Result<Vec<Value>, Refusal> =
        repository.branches.keys().map(|branch| one(world, repo, branch)).collect();
    Ok(page::list(&world.root, call, items?))
}

fn one(world: &World, repo: &str, branch: &str) -> Result<Value, Refusal> {
    let repository = world.repository(repo)?;
    let sha = repository.branches.get(branch).ok_or(Refusal::NotFound)?;
    let url = format!("{}/branches/{branch}", objects::api_url(world, repository));
    Ok(json!({
        "name": branch,
        "commit": commits::full(world, repository, sha),
        "_links": {
            "self": url,
            "html": format!("{}/tree/{branch}", objects::html_url(world, repository)),
        },
        "protected": repository.protected(branch),
        "protection": {
            "enabled": repository.protection.contains_key(branch),
            "required_status_checks": { "enforcement_level": "off", "contexts": [], "checks": [] },
        },
        "protection_url": format!("{url}/protection"),
    }))
}

fn required(world: &World, repo: &str, branch: &str) -> Result<Value, Refusal> {
    let repository = world.repository(repo)?;
    let required = repository.protection.get(branch).ok_or(Refusal::NotFound)?;
    let checks: Vec<Value> = required.contexts.iter().map(|name| json!({ "context": name, "app_id": null })).collect();
    let url = format!("{}/branches/{branch}/protection/required_status_checks", objects::api_url(world, repository));
    Ok(json!({
        "url": url,
        "strict": required.strict,
        "contexts": required.contexts,
        "contexts_url": format!("{url}/contexts"),
        "checks": checks,
    }))
}

fn reference(world: &World, repo: &str, branch: &str) -> Result<Value, Refusal> {
    let repository = world.repository(repo)?;
    let sha = repository.branches.get(branch).ok_or(Refusal::NotFound)?;
    let api = objects::api_url(world, repository);
    Ok(json!({
        "ref": format!("refs/heads/{branch}"),
        "node_id": node_id("REF", commits::fold(sha)),
        "url": format!("{api}/git/refs/heads/{branch}"),
        "object": { "sha": sha, "type": "commit", "url": format!("{api}/git/commits/{sha}") },
    }))
}

fn permission(world: &World, repo: &str, login: &str) -> Result<Value, Refusal> {
    let repository = world.repository(repo)?;
    let mut user = objects::login(world, login);
    if user.is_null() {
        return Err(Refusal::NotFound);
    }
    let role = world.permission(repository, login);
    user["role_name"] = json!(role);
    // The legacy field knows fewer words than the role.
    let legacy = match role.as_str() {
        "maintain" => "write",
        "triage" => "read",
        other => other,
    };
    Ok(json!({ "permission": legacy, "role_name": role, "user": user }))
}
