//! Issues, comments and labels.

use serde_json::Value;

use super::{Answer, changed_since, page};
use crate::simulator::{
    call::{Call, Reply},
    error::Error,
    json::objects,
    shared::Shared,
    world::{Issue, IssueEdit, Refusal, World},
};

/// Answers `/repos/{owner}/{name}/issues…`.
pub(super) fn answer(shared: &Shared, repo: &str, call: &Call, rest: &[&str]) -> Answer {
    let number = rest.first().and_then(|number| number.parse::<u64>().ok());
    let reply = match (call.method.as_str(), number, rest) {
        ("GET", _, []) => shared.look(|world| list(world, repo, call))?,
        ("POST", _, []) => open(shared, repo, call)?,
        ("GET", Some(number), [_]) => Reply::ok(shared.look(|world| one(world, repo, number))?),
        ("PATCH", Some(number), [_]) => edit(shared, repo, call, number)?,
        ("GET", Some(number), [_, "comments"]) => shared.look(|world| list_comments(world, repo, call, number))?,
        ("POST", Some(number), [_, "comments"]) => comment(shared, repo, call, number)?,
        ("GET", _, ["comments", id]) => Reply::ok(shared.look(|world| one_comment(world, repo, parse(id)?))?),
        ("PATCH", _, ["comments", id]) => edit_comment(shared, repo, call, parse(id)?)?,
        ("POST", _, ["comments", id, "reactions"]) => react(shared, repo, call, parse(id)?)?,
        ("GET", Some(number), [_, "labels"]) => shared.look(|world| labels_of(world, repo, call, number))?,
        ("POST", Some(number), [_, "labels"]) => add_labels(shared, repo, call, number)?,
        ("DELETE", Some(number), [_, "labels", name]) => remove_label(shared, repo, call, (number, name))?,
        _ => return Ok(None),
    };
    Ok(Some(reply))
}

/// Answers `/repos/{owner}/{name}/labels…`.
pub(super) fn labels(shared: &Shared, repo: &str, call: &Call, rest: &[&str]) -> Answer {
    match (call.method.as_str(), rest) {
        ("GET", []) => Ok(Some(shared.look(|world| -> Result<Reply, Refusal> {
            let repository = world.repository(repo)?;
            let items = repository.labels.keys().map(|name| objects::label(world, repository, name)).collect();
            Ok(page::list(&world.root, call, items))
        })?)),
        ("POST", []) => {
            let name = call.required("Label", "name")?;
            let body = shared.change(|world| -> Result<Value, Refusal> {
                if world.repository(repo)?.labels.contains_key(&name) {
                    return Err(Refusal::unprocessable("Label", "already_exists"));
                }
                world.label(repo, &name)?;
                Ok(objects::label(world, world.repository(repo)?, &name))
            })?;
            Ok(Some(Reply::created(body)))
        }
        _ => Ok(None),
    }
}

fn parse(id: &str) -> Result<u64, Refusal> {
    id.parse().map_err(|_| Refusal::NotFound)
}

fn list(world: &World, repo: &str, call: &Call) -> Result<Reply, Refusal> {
    let repository = world.repository(repo)?;
    let state = call.param("state").unwrap_or("open");
    let labels: Vec<&str> = call.param("labels").into_iter().flat_map(|names| names.split(',')).collect();
    let wanted = |issue: &&Issue| {
        (state == "all" || issue.open == (state == "open"))
            && labels.iter().all(|name| issue.labels.contains(*name))
            && changed_since(call, issue.updated_at)
    };
    let mut issues: Vec<&Issue> = repository.issues.values().filter(wanted).collect();
    if call.param("sort") == Some("updated") {
        issues.sort_by_key(|issue| (issue.updated_at, issue.number));
    }
    if call.param("direction").unwrap_or("desc") == "desc" {
        issues.reverse();
    }
    let items = issues.iter().map(|issue| objects::issue(world, repository, issue)).collect();
    Ok(page::list(&world.root, call, items))
}

fn one(world: &World, repo: &str, number: u64) -> Result<Value, Refusal> {
    let repository = world.repository(repo)?;
    Ok(objects::issue(world, repository, repository.issue(number)?))
}

fn open(shared: &Shared, repo: &str, call: &Call) -> Result<Reply, Error> {
    let title = call.required("Issue", "title")?;
    let body = call.text("body").unwrap_or_default();
    let labels = names(&call.body["labels"]);
    let number = shared.change(|world| {
        let author = world.own_login.clone();
        world.open_issue(repo, &author, (&title, &body), &labels)
    })?;
    Ok(Reply::created(shared.look(|world| one(world, repo, number))?))
}

fn edit(shared: &Shared, repo: &str, call: &Call, number: u64) -> Result<Reply, Error> {
    let open = call.text("state").map(|state| state == "open");
    let edit = IssueEdit { title: call.text("title"), body: call.text("body"), open };
    shared.change(|world| {
        let actor = world.own_login.clone();
        world.edit_issue(repo, number, &actor, edit)
    })?;
    Ok(Reply::ok(shared.look(|world| one(world, repo, number))?))
}

fn list_comments(world: &World, repo: &str, call: &Call, number: u64) -> Result<Reply, Refusal> {
    let repository = world.repository(repo)?;
    let issue = repository.issue(number)?;
    let wanted = issue.comments.iter().filter(|comment| changed_since(call, comment.updated_at));
    let items = wanted.map(|comment| objects::comment(world, repository, issue, comment)).collect();
    Ok(page::list(&world.root, call, items))
}

fn one_comment(world: &World, repo: &str, id: u64) -> Result<Value, Refusal> {
    let repository = world.repository(repo)?;
    let found = repository
        .issues
        .values()
        .find_map(|issue| Some((issue, issue.comments.iter().find(|comment| comment.id == id)?)));
    let (issue, comment) = found.ok_or(Refusal::NotFound)?;
    Ok(objects::comment(world, repository, issue, comment))
}

fn comment(shared: &Shared, repo: &str, call: &Call, number: u64) -> Result<Reply, Error> {
    let body = call.required("IssueComment", "body")?;
    let said = shared.change(|world| -> Result<Value, Refusal> {
        let author = world.own_login.clone();
        let id = world.comment(repo, number, &author, &body)?;
        one_comment(world, repo, id)
    })?;
    Ok(Reply::created(said))
}

fn edit_comment(shared: &Shared, repo: &str, call: &Call, id: u64) -> Result<Reply, Error> {
    let body = call.required("IssueComment", "body")?;
    let said = shared.change(|world| -> Result<Value, Refusal> {
        let actor = world.own_login.clone();
        world.edit_comment(repo, id, &actor, &body)?;
        one_comment(world, repo, id)
    })?;
    Ok(Reply::ok(said))
}

fn react(shared: &Shared, repo: &str, call: &Call, id: u64) -> Result<Reply, Error> {
    const KNOWN: [&str; 8] = ["+1", "-1", "laugh", "confused", "heart", "hooray", "rocket", "eyes"];
    let content = call.required("Reaction", "content")?;
    if !KNOWN.contains(&content.as_str()) {
        return Err(Refusal::unprocessable("Reaction", "content is not included in the list").into());
    }
    let (new, body) = shared.change(|world| -> Result<(bool, Value), Refusal> {
        let actor = world.own_login.clone();
        let new = world.react(repo, id, &actor, &content)?;
        Ok((new, objects::reaction(world, id, &actor, &content)))
    })?;
    Ok(if new { Reply::created(body) } else { Reply::ok(body) })
}

fn labels_of(world: &World, repo: &str, call: &Call, number: u64) -> Result<Reply, Refusal> {
    let repository = world.repository(repo)?;
    let issue = repository.issue(number)?;
    let items = issue.labels.iter().map(|name| objects::label(world, repository, name)).collect();
    Ok(page::list(&world.root, call, items))
}

fn add_labels(shared: &Shared, repo: &str, call: &Call, number: u64) -> Result<Reply, Error> {
    // Both `{"labels": [...]}` and a bare list are understood.
    let list = if call.body.is_array() { &call.body } else { &call.body["labels"] };
    let labels = names(list);
    if labels.is_empty() {
        return Err(Refusal::unprocessable("Label", "labels wasn't supplied.").into());
    }
    shared.change(|world| {
        let actor = world.own_login.clone();
        labels.iter().try_for_each(|name| world.add_label(repo, number, &actor, name))
    })?;
    Ok(shared.look(|world| labels_of(world, repo, call, number))?)
}

fn remove_label(shared: &Shared, repo: &str, call: &Call, (number, name): (u64, &str)) -> Result<Reply, Error> {
    shared
        .change(|world| {
            let actor = world.own_login.clone();
            world.remove_label(repo, number, &actor, name)
        })
        .map_err(|_| Refusal::NotFound)?;
    Ok(shared.look(|world| labels_of(world, repo, call, number))?)
}

fn names(list: &Value) -> Vec<String> {
    let entries = list.as_array().into_iter().flatten();
    entries.filter_map(|entry| entry.as_str().or_else(|| entry["name"].as_str())).map(ToOwned::to_owned).collect()
}
