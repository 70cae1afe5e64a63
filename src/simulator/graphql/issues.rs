//! The fields of issues, comments and labels.

use serde_json::{Value, json};

use super::{
    connection::window,
    execute::Arguments,
    nodes::{Answer, Node, actor},
};
use crate::simulator::{
    json::{node_id, objects, time},
    world::{Comment, Issue, Repository, World},
};

/// A repository's issues, filtered and sorted as asked.
pub(super) fn list<'w>(repo: &'w Repository, arguments: &Arguments) -> Answer<'w> {
    let filter = arguments.get("filterBy").cloned().unwrap_or_default();
    let since = filter["since"].as_str().map(ToOwned::to_owned);
    let mut issues: Vec<&Issue> = repo
        .issues
        .values()
        .filter(|issue| issue.pull.is_none())
        .filter(|issue| has_state(arguments.get("states"), if issue.open { "OPEN" } else { "CLOSED" }))
        .filter(|issue| has_state(filter.get("states"), if issue.open { "OPEN" } else { "CLOSED" }))
        .filter(|issue| has_labels(arguments.get("labels"), issue) && has_labels(filter.get("labels"), issue))
        .filter(|issue| since.as_ref().is_none_or(|since| time(issue.updated_at) >= *since))
        .collect();
    sort(&mut issues, arguments.get("orderBy"), |issue| *issue);
    window("IssueConnection", issues.into_iter().map(|issue| Node::Issue(repo, issue)).collect(), arguments)
}

/// Whether one of the wanted states is this one; none wanted means all.
pub(super) fn has_state(wanted: Option<&Value>, state: &str) -> bool {
    match wanted {
        None | Some(Value::Null) => true,
        Some(Value::Array(states)) => states.iter().any(|one| one == state),
        Some(one) => one == state,
    }
}

/// Whether an issue has one of the wanted labels; none wanted means all.
pub(super) fn has_labels(wanted: Option<&Value>, issue: &Issue) -> bool {
    match wanted.and_then(Value::as_array) {
        None => true,
        Some(names) => names.iter().filter_map(Value::as_str).any(|name| issue.labels.contains(name)),
    }
}

/// Sorts as `orderBy` asks; without it by creation.
pub(super) fn sort<T>(items: &mut [T], order: Option<&Value>, issue: impl Fn(&T) -> &Issue) {
    let order = order.cloned().unwrap_or_default();
    match order["field"].as_str() {
        Some("UPDATED_AT") => items.sort_by_key(|item| (issue(item).updated_at, issue(item).number)),
        Some("COMMENTS") => items.sort_by_key(|item| (issue(item).comments.len(), issue(item).number)),
        _ => items.sort_by_key(|item| issue(item).number),
    }
    if order["direction"] == "DESC" {
        items.reverse();
    }
}

/// Fields that issues and pull requests share.
pub(super) fn common<'w>(
    (world, repo): (&'w World, &'w Repository),
    issue: &'w Issue,
    name: &str,
    arguments: &Arguments,
) -> Option<Answer<'w>> {
    Some(match name {
        "id" => Answer::Value(json!(objects::issue_node_id(issue))),
        "number" => Answer::Value(json!(issue.number)),
        "title" => Answer::Value(json!(issue.title)),
        "body" | "bodyText" => Answer::Value(json!(issue.body)),
        "author" => actor(world, &issue.author),
        "authorAssociation" => Answer::Value(json!(world.association(repo, &issue.author))),
        "closed" => Answer::Value(json!(!issue.open)),
        "closedAt" => Answer::Value(json!(issue.closed_at.map(time))),
        "createdAt" => Answer::Value(json!(time(issue.created_at))),
        "updatedAt" => Answer::Value(json!(time(issue.updated_at))),
        "repository" => Answer::Node(Node::Repository(repo)),
        "labels" => {
            let all = issue.labels.iter().map(|label| Node::Label(repo, label)).collect();
            window("LabelConnection", all, arguments)
        }
        "assignees" => {
            let all = issue.assignees.iter().filter_map(|login| world.users.get(login)).map(Node::User).collect();
            window("UserConnection", all, arguments)
        }
        "comments" => {
            let all = issue.comments.iter().map(|comment| Node::Comment(repo, issue, comment)).collect();
            window("IssueCommentConnection", all, arguments)
        }
        _ => return None,
    })
}

/// A field of an issue.
pub(super) fn issue<'w>(
    (world, repo): (&'w World, &'w Repository),
    issue: &'w Issue,
    name: &str,
    arguments: &Arguments,
) -> Option<Answer<'w>> {
    Some(match name {
        "databaseId" => Answer::Value(json!(issue.id)),
        "fullDatabaseId" => Answer::Value(json!(issue.id.to_string())),
        "url" => Answer::Value(json!(format!("{}/issues/{}", objects::html_url(world, repo), issue.number))),
        "state" => Answer::Value(json!(if issue.open { "OPEN" } else { "CLOSED" })),
        "stateReason" => Answer::Value(json!(issue.state_reason.map(str::to_ascii_uppercase))),
        "parent" => Answer::Value(Value::Null),
        "blockedBy" => {
            let blockers = issue.blocked_by.iter().filter_map(|number| repo.issues.get(number));
            window("IssueConnection", blockers.map(|issue| Node::Issue(repo, issue)).collect(), arguments)
        }
        "trackedInIssues" | "trackedIssues" => window("IssueConnection", Vec::new(), arguments),
        _ => return common((world, repo), issue, name, arguments),
    })
}

/// A field of a label.
pub(super) fn label<'w>(world: &World, repo: &Repository, label: &str, name: &str) -> Option<Answer<'w>> {
    let id = repo.labels.get(label).map_or(0, |label| label.id);
    Some(Answer::Value(match name {
        "id" => json!(node_id("LA", id)),
        "name" => json!(label),
        "color" => json!("ededed"),
        "description" => Value::Null,
        "isDefault" => json!(false),
        "url" => json!(format!("{}/labels/{label}", objects::html_url(world, repo))),
        _ => return None,
    }))
}

/// A field of a comment.
pub(super) fn comment<'w>(
    (world, repo): (&'w World, &'w Repository),
    issue: &'w Issue,
    comment: &'w Comment,
    name: &str,
) -> Option<Answer<'w>> {
    Some(match name {
        "id" => Answer::Value(json!(node_id("IC", comment.id))),
        "databaseId" => Answer::Value(json!(comment.id)),
        "fullDatabaseId" => Answer::Value(json!(comment.id.to_string())),
        "author" => actor(world, &comment.author),
        "authorAssociation" => Answer::Value(json!(world.association(repo, &comment.author))),
        "body" | "bodyText" => Answer::Value(json!(comment.body)),
        "createdAt" => Answer::Value(json!(time(comment.created_at))),
        "updatedAt" => Answer::Value(json!(time(comment.updated_at))),
        "issue" => Answer::Node(Node::Issue(repo, issue)),
        "url" => Answer::Value(objects::comment(world, repo, issue, comment)["html_url"].clone()),
        "lastEditedAt" => {
            let edited = comment.updated_at != comment.created_at;
            Answer::Value(json!(edited.then(|| time(comment.updated_at))))
        }
        "viewerDidAuthor" => Answer::Value(json!(comment.author == world.own_login)),
        _ => return None,
    })
}
