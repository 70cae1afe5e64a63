//! A GitHub that shows what a recording shows. It answers what is asked in the course of a look, notes whatever else is
//! asked, and changes nothing.

use std::{
    net::SocketAddr,
    sync::{Arc, Mutex},
};

use axum::{
    Router,
    body::Bytes,
    extract::State,
    http::{Method, StatusCode, Uri},
    response::{IntoResponse as _, Response},
};
use serde_json::{Value, json};

use super::facts::{Facts, lifecycle};

/// What is shown now, and what was asked that has no answer.
#[derive(Clone, Default)]
pub(super) struct Recorded(Arc<Mutex<(Facts, Vec<String>)>>);

impl Recorded {
    /// Serves on a free port until the returned task is dropped.
    pub(super) async fn serve(&self) -> (SocketAddr, tokio::task::JoinSet<()>) {
        let listener = tokio::net::TcpListener::bind(("127.0.0.1", 0)).await.unwrap();
        let (address, app) = (listener.local_addr().unwrap(), Router::new().fallback(answer).with_state(self.clone()));
        let mut served = tokio::task::JoinSet::new();
        served.spawn(async move { axum::serve(listener, app).await.unwrap() });
        (address, served)
    }

    /// Looks at what is shown, or changes it.
    pub(super) fn with<T>(&self, act: impl FnOnce(&mut Facts) -> T) -> T {
        act(&mut self.0.lock().unwrap().0)
    }

    /// What was asked that no recording can answer.
    pub(super) fn unanswered(&self) -> Vec<String> {
        self.0.lock().unwrap().1.clone()
    }
}

async fn answer(State(recorded): State<Recorded>, method: Method, uri: Uri, body: Bytes) -> Response {
    let (facts, unanswered) = &mut *recorded.0.lock().unwrap();
    let said = match method.as_str() {
        "POST" if uri.path() == "/graphql" => Some(graphql(facts, &serde_json::from_slice(&body).unwrap())),
        "GET" => rest(facts, uri.path()),
        _ => None,
    };
    match said {
        Some(Value::Null) => (StatusCode::NOT_FOUND, "{\"message\": \"Not Found\"}").into_response(),
        Some(said) => (StatusCode::OK, said.to_string()).into_response(),
        None => {
            unanswered.push(format!("{method} {uri}"));
            (StatusCode::NOT_FOUND, "{\"message\": \"Not Found\"}").into_response()
        }
    }
}

/// An answer of the REST API; `null` is 404.
fn rest(facts: &Facts, path: &str) -> Option<Value> {
    if path == "/user" {
        return Some(json!({ "login": "antiphon-app", "id": 1, "type": "User" }));
    }
    let path = path.strip_prefix("/repos/")?;
    let rest: Vec<&str> = path.split('/').skip(2).collect();
    Some(match rest.as_slice() {
        [] => facts.repository.clone(),
        ["pulls"] => facts.pulls.values().filter(|pull| pull["state"] == "open").cloned().collect(),
        ["pulls", number] => facts.pulls.get(&number.parse().unwrap()).cloned().unwrap_or_default(),
        ["collaborators", _, "permission"] => json!({ "permission": "write", "role_name": "write" }),
        ["branches", .., "required_status_checks"] => Value::Null,
        ["issues" | "hooks"] | ["rules", "branches", ..] => json!([]),
        _ => return None,
    })
}

/// The answer to the one query about a pull request.
fn graphql(facts: &Facts, asked: &Value) -> Value {
    let number = asked["variables"]["number"].as_u64().unwrap();
    let pull = facts.pulls.get(&number).map(|pull| shown(facts, number, pull));
    let repository = json!({
        "databaseId": facts.repository["id"], "nameWithOwner": facts.repository["full_name"], "pullRequest": pull,
    });
    json!({ "data": { "repository": repository } })
}

fn shown(facts: &Facts, number: u64, pull: &Value) -> Value {
    let head = pull["head"]["sha"].as_str().unwrap();
    let runs = facts.runs(head).into_iter().map(run);
    let contexts: Vec<Value> = runs.chain(facts.statuses(head).into_iter().map(status)).collect();
    let rollup = (!contexts.is_empty()).then(|| json!({ "contexts": page(contexts) }));
    let reviews = facts.opinions(number).into_iter().map(|review| {
        json!({
            "id": review["node_id"], "author": account(&review["user"]), "body": review["body"].as_str().unwrap_or(""),
            "state": upper(&review["state"]), "submittedAt": review["submitted_at"],
            "commit": { "oid": review["commit_id"] },
        })
    });
    let labels = pull["labels"].as_array().into_iter().flatten().map(|label| json!({ "name": label["name"] }));
    let mergeable = match pull["mergeable"].as_bool() {
        None => "UNKNOWN",
        Some(true) => "MERGEABLE",
        Some(false) => "CONFLICTING",
    };
    json!({
        "number": number, "url": pull["html_url"], "title": pull["title"],
        "state": lifecycle(pull).to_uppercase(), "isDraft": pull["draft"], "author": account(&pull["user"]),
        "headRefOid": head, "headRefName": pull["head"]["ref"],
        "headRepository": { "databaseId": pull["head"]["repo"]["id"] },
        "baseRefName": pull["base"]["ref"], "baseRefOid": pull["base"]["sha"],
        "mergeable": mergeable, "mergeStateStatus": upper(&pull["mergeable_state"]),
        "autoMergeRequest": null, "mergeQueueEntry": null, "timelineItems": page([]),
        "updatedAt": pull["updated_at"], "labels": page(labels), "comments": page([]),
        "latestOpinionatedReviews": page(reviews), "reviewThreads": page([]),
        "commits": page([json!({
            "commit": { "oid": head, "parents": page([]), "signature": null, "statusCheckRollup": rollup },
        })]),
    })
}

fn run(run: &Value) -> Value {
    json!({
        "__typename": "CheckRun", "databaseId": run["id"], "name": run["name"], "status": upper(&run["status"]),
        "conclusion": run["conclusion"].as_str().map(str::to_uppercase), "startedAt": run["started_at"],
        "detailsUrl": run["details_url"], "isRequired": false,
        "checkSuite": {
            "app": { "databaseId": run["app"]["id"], "slug": run["app"]["slug"] }, "workflowRun": null,
        },
    })
}

fn status(status: &Value) -> Value {
    json!({
        "__typename": "StatusContext", "context": status["context"], "state": upper(&status["state"]),
        "targetUrl": status["target_url"], "createdAt": status["created_at"], "isRequired": false,
    })
}

fn account(user: &Value) -> Value {
    json!({ "__typename": user["type"], "login": user["login"] })
}

fn page(nodes: impl IntoIterator<Item = Value>) -> Value {
    json!({ "nodes": nodes.into_iter().collect::<Vec<_>>(), "pageInfo": { "hasNextPage": false, "endCursor": null } })
}

fn upper(word: &Value) -> String {
    word.as_str().unwrap_or("unknown").to_uppercase()
}
