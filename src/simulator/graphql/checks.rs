//! The fields of check runs, suites, workflow runs and commit statuses.

use serde_json::{Value, json};

use super::{
    connection::window,
    execute::Arguments,
    nodes::{Answer, Node, actor, app},
};
use crate::simulator::{
    happened::Conclusion,
    json::{checks, commits::fold, node_id, objects, time},
    world::{Issue, Job, Pull, Report, Repository, Run, Status, World},
};

/// A field of the summary of a commit's checks.
pub(super) fn rollup<'w>(repo: &'w Repository, sha: &'w str, name: &str, arguments: &Arguments) -> Option<Answer<'w>> {
    Some(match name {
        "id" => Answer::Value(json!(node_id("SCR", fold(sha)))),
        "state" => Answer::Value(json!(repo.rollup(sha))),
        "commit" => Answer::Node(Node::Commit(repo, sha)),
        "contexts" => {
            let runs = repo.latest_jobs(sha).map(|(run, job)| Node::CheckRun(repo, run, job));
            let statuses = repo.latest_statuses(sha).into_iter().map(|status| Node::Status(repo, status));
            let reports = repo.latest_reports(sha).into_iter().map(|report| Node::Report(repo, report));
            let all = runs.chain(reports).chain(statuses).collect();
            window("StatusCheckRollupContextConnection", all, arguments)
        }
        _ => return None,
    })
}

/// A field of a check run.
pub(super) fn run<'w>(
    (world, repo): (&'w World, &'w Repository),
    (run, job): (&'w Run, &'w Job),
    name: &str,
    arguments: &Arguments,
) -> Option<Answer<'w>> {
    let rest = || checks::check_run(world, repo, run, job);
    Some(match name {
        "id" => Answer::Value(json!(node_id("CR", job.id))),
        "databaseId" => Answer::Value(json!(job.id)),
        "name" => Answer::Value(json!(job.name)),
        "status" => Answer::Value(json!(job.state.status().to_ascii_uppercase())),
        "conclusion" => Answer::Value(conclusion(job.state.conclusion())),
        "startedAt" => Answer::Value(json!(time(job.started_at.unwrap_or(job.created_at)))),
        "completedAt" => Answer::Value(json!(job.completed_at.map(time))),
        "detailsUrl" | "url" | "permalink" => Answer::Value(rest()["html_url"].clone()),
        "externalId" => Answer::Value(rest()["external_id"].clone()),
        "title" | "summary" | "text" => Answer::Value(Value::Null),
        "isRequired" => required(repo, &job.name, arguments),
        "checkSuite" => Answer::Node(Node::Suite(repo, run)),
        _ => return None,
    })
}

/// A field of a check run that an app reported.
pub(super) fn report<'w>(
    (world, repo): (&'w World, &'w Repository),
    report: &'w Report,
    name: &str,
    arguments: &Arguments,
) -> Option<Answer<'w>> {
    let rest = checks::report(world, repo, report);
    let upper = |field: &str| rest[field].as_str().map(str::to_ascii_uppercase);
    Some(match name {
        "id" => Answer::Value(rest["node_id"].clone()),
        "databaseId" => Answer::Value(json!(report.id)),
        "name" => Answer::Value(json!(report.name)),
        "status" => Answer::Value(json!(upper("status"))),
        "conclusion" => Answer::Value(json!(upper("conclusion"))),
        "startedAt" => Answer::Value(rest["started_at"].clone()),
        "completedAt" => Answer::Value(rest["completed_at"].clone()),
        "detailsUrl" => Answer::Value(rest["details_url"].clone()),
        "url" | "permalink" => Answer::Value(rest["html_url"].clone()),
        "externalId" => Answer::Value(rest["external_id"].clone()),
        "title" | "summary" => Answer::Value(rest["output"][name].clone()),
        "text" => Answer::Value(Value::Null),
        "isRequired" => required(repo, &report.name, arguments),
        "checkSuite" => {
            let app = json!({ "databaseId": checks::OWN_APP, "slug": checks::slug(&report.app) });
            Answer::Node(Node::Fixed("CheckSuite", json!({ "app": app, "workflowRun": null })))
        }
        _ => return None,
    })
}

/// A field of a commit status.
pub(super) fn status<'w>(
    (world, repo): (&'w World, &'w Repository),
    status: &'w Status,
    name: &str,
    arguments: &Arguments,
) -> Option<Answer<'w>> {
    Some(match name {
        "id" => Answer::Value(json!(node_id("SC", status.id))),
        "context" => Answer::Value(json!(status.context)),
        "state" => Answer::Value(json!(status.state.name().to_ascii_uppercase())),
        "description" => Answer::Value(json!(status.description)),
        "targetUrl" => Answer::Value(json!(status.target_url)),
        "createdAt" => Answer::Value(json!(time(status.created_at))),
        "creator" => actor(world, &status.creator),
        "commit" => Answer::Node(Node::Commit(repo, &status.sha)),
        "isRequired" => required(repo, &status.context, arguments),
        _ => return None,
    })
}

/// Whether a check is required for a pull request, which GitHub wants named in one of two ways.
fn required<'w>(repo: &Repository, check: &str, arguments: &Arguments) -> Answer<'w> {
    let number = arguments.get("pullRequestNumber").and_then(Value::as_u64);
    let id = arguments.get("pullRequestId").and_then(Value::as_str);
    let is_meant =
        |issue: &Issue, pull: &Pull| number == Some(issue.number) || id == Some(node_id("PR", pull.id).as_str());
    match repo.pulls().find(|(issue, pull)| is_meant(issue, pull)) {
        Some((_, pull)) => Answer::Value(json!(repo.required_checks(&pull.base).iter().any(|name| name == check))),
        None => Answer::Missing("Could not resolve to a pull request; give its number or id".to_owned()),
    }
}

/// A field of a check suite.
pub(super) fn suite<'w>(world: &World, repo: &'w Repository, run: &'w Run, name: &str) -> Option<Answer<'w>> {
    let state = run.latest().state;
    Some(match name {
        "id" => Answer::Value(json!(node_id("CS", run.suite))),
        "databaseId" => Answer::Value(json!(run.suite)),
        "app" => Answer::Node(app(world)),
        "status" => Answer::Value(json!(state.status().to_ascii_uppercase())),
        "conclusion" => Answer::Value(conclusion(state.conclusion())),
        "commit" => Answer::Node(Node::Commit(repo, &run.sha)),
        "createdAt" => Answer::Value(json!(time(run.created_at))),
        "updatedAt" => Answer::Value(json!(time(run.updated_at))),
        "url" => Answer::Value(json!(format!("{}/suites/{}", objects::html_url(world, repo), run.suite))),
        "workflowRun" => Answer::Node(Node::WorkflowRun(repo, run)),
        _ => return None,
    })
}

/// A field of a workflow run.
pub(super) fn workflow_run<'w>(world: &World, repo: &'w Repository, run: &'w Run, name: &str) -> Option<Answer<'w>> {
    Some(match name {
        "id" => Answer::Value(json!(node_id("WFR", run.id))),
        "databaseId" => Answer::Value(json!(run.id)),
        "runNumber" => Answer::Value(json!(run.number)),
        "event" => Answer::Value(json!("pull_request")),
        "createdAt" => Answer::Value(json!(time(run.created_at))),
        "updatedAt" => Answer::Value(json!(time(run.updated_at))),
        "url" => Answer::Value(json!(format!("{}/actions/runs/{}", objects::html_url(world, repo), run.id))),
        "checkSuite" => Answer::Node(Node::Suite(repo, run)),
        "file" => {
            let path = &checks::workflow(world, repo)["path"];
            let fields = json!({ "id": node_id("WFRF", run.id), "path": path });
            Answer::Node(Node::Fixed("WorkflowRunFile", fields))
        }
        "workflow" => {
            let workflow = checks::workflow(world, repo);
            let fields = json!({ "id": workflow["node_id"], "databaseId": workflow["id"], "name": workflow["name"] });
            Answer::Node(Node::Fixed("Workflow", fields))
        }
        _ => return None,
    })
}

fn conclusion(ended: Option<Conclusion>) -> Value {
    json!(ended.map(|ended| ended.name().to_ascii_uppercase()))
}
