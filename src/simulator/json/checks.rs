//! Workflow runs, jobs, check suites, check runs and commit statuses.

use serde_json::{Value, json};

use super::{
    commits, node_id,
    objects::{api_url, html_url, login, repository, user},
    time,
};
use crate::simulator::{
    happened::Conclusion,
    world::{Job, JobState, Kind, Report, Repository, Run, Status, User, World},
};

/// The number of GitHub's own app that runs workflows.
pub(crate) const ACTIONS_APP: u64 = 15_368;

/// The name of the one workflow.
const WORKFLOW: &str = "CI";
/// Its file.
const WORKFLOW_PATH: &str = ".github/workflows/ci.yml";

/// The app that runs workflows.
pub(crate) fn app(world: &World) -> Value {
    let owner = User { id: 9919, login: "github".to_owned(), kind: Kind::Organization };
    json!({
        "id": ACTIONS_APP,
        "client_id": "Iv1.05c79e9ad1f6bdfa",
        "slug": "github-actions",
        "node_id": node_id("A", ACTIONS_APP),
        "owner": user(world, &owner),
        "name": "GitHub Actions",
        "description": "Automate your workflow from idea to production",
        "external_url": "https://help.github.com/en/actions",
        "html_url": format!("{}/apps/github-actions", world.root),
        "created_at": "2018-07-30T09:30:17Z",
        "updated_at": "2024-04-10T20:33:16Z",
        "permissions": { "actions": "write", "checks": "write", "contents": "write", "metadata": "read" },
        "events": ["check_run", "check_suite", "workflow_dispatch"],
    })
}

/// The number of the workflow of a repository.
fn workflow_id(repo: &Repository) -> u64 {
    repo.id / 10
}

/// The workflow itself.
pub(crate) fn workflow(world: &World, repo: &Repository) -> Value {
    let id = workflow_id(repo);
    json!({
        "id": id,
        "node_id": node_id("W", id),
        "name": WORKFLOW,
        "path": WORKFLOW_PATH,
        "state": "active",
        "created_at": time(repo.created_at),
        "updated_at": time(repo.created_at),
        "url": format!("{}/actions/workflows/{id}", api_url(world, repo)),
        "html_url": format!("{}/blob/{}/{WORKFLOW_PATH}", html_url(world, repo), repo.default_branch),
        "badge_url": format!("{}/workflows/{WORKFLOW}/badge.svg", html_url(world, repo)),
    })
}

/// A workflow run, as its newest attempt stands.
pub(crate) fn workflow_run(world: &World, repo: &Repository, run: &Run) -> Value {
    let url = format!("{}/actions/runs/{}", api_url(world, repo), run.id);
    let previous = (run.attempt() > 1).then(|| format!("{url}/attempts/{}", run.attempt() - 1));
    let mut body = json!({
        "id": run.id,
        "name": WORKFLOW,
        "node_id": node_id("WFR", run.id),
        "head_branch": run.branch,
        "head_sha": run.sha,
        "path": WORKFLOW_PATH,
        "display_title": repo.issues.get(&run.pull).map(|issue| issue.title.clone()),
        "run_number": run.number,
        "event": "pull_request",
        "status": run.latest().state.status(),
        "conclusion": conclusion(run.latest().state),
        "workflow_id": workflow_id(repo),
        "check_suite_id": run.suite,
        "check_suite_node_id": node_id("CS", run.suite),
        "url": url,
        "html_url": format!("{}/actions/runs/{}", html_url(world, repo), run.id),
        "pull_requests": world.pulls_with_head(repo, &run.sha),
        "created_at": time(run.created_at),
        "updated_at": time(run.updated_at),
        "actor": login(world, &run.actor),
        "run_attempt": run.attempt(),
        "referenced_workflows": [],
        "run_started_at": time(run.latest().created_at),
        "triggering_actor": login(world, &run.actor),
        "previous_attempt_url": previous,
    });
    for (field, path) in [
        ("jobs_url", "jobs"),
        ("logs_url", "logs"),
        ("artifacts_url", "artifacts"),
        ("cancel_url", "cancel"),
        ("rerun_url", "rerun"),
    ] {
        body[field] = json!(format!("{url}/{path}"));
    }
    body["check_suite_url"] = json!(format!("{}/check-suites/{}", api_url(world, repo), run.suite));
    body["workflow_url"] = json!(format!("{}/actions/workflows/{}", api_url(world, repo), workflow_id(repo)));
    body["head_commit"] = commits::small(repo, &run.sha);
    body["repository"] = repository(world, repo);
    let from = repo.pull(run.pull).ok().and_then(|(_, pull)| world.head_repository(repo, pull));
    body["head_repository"] = repository(world, from.unwrap_or(repo));
    body
}

/// A job of a workflow run.
pub(crate) fn job(world: &World, repo: &Repository, run: &Run, (attempt, job): (u64, &Job)) -> Value {
    let began = job.started_at.unwrap_or(job.created_at);
    let runner = job.started_at.is_some();
    json!({
        "id": job.id,
        "run_id": run.id,
        "workflow_name": WORKFLOW,
        "head_branch": run.branch,
        "run_url": format!("{}/actions/runs/{}", api_url(world, repo), run.id),
        "run_attempt": attempt,
        "node_id": node_id("CR", job.id),
        "head_sha": run.sha,
        "url": format!("{}/actions/jobs/{}", api_url(world, repo), job.id),
        "html_url": format!("{}/actions/runs/{}/job/{}", html_url(world, repo), run.id, job.id),
        "status": job.state.status(),
        "conclusion": conclusion(job.state),
        "created_at": time(job.created_at),
        "started_at": time(began),
        "completed_at": job.completed_at.map(time),
        "name": job.name,
        "steps": steps(job),
        "check_run_url": check_run_url(world, repo, job),
        "labels": ["ubuntu-latest"],
        "runner_id": runner.then_some(1),
        "runner_name": runner.then_some("GitHub Actions 1"),
        "runner_group_id": runner.then_some(2),
        "runner_group_name": runner.then_some("GitHub Actions"),
    })
}

fn steps(job: &Job) -> Vec<Value> {
    let Some(started) = job.started_at else { return Vec::new() };
    let step = |number: u64, name: &str, status: &str, conclusion: Option<&str>, ended: Option<String>| {
        json!({
            "name": name, "status": status, "conclusion": conclusion, "number": number,
            "started_at": time(started), "completed_at": ended,
        })
    };
    vec![
        step(1, "Set up job", "completed", Some("success"), Some(time(started))),
        step(2, "Run actions/checkout@v4", "completed", Some("success"), Some(time(started))),
        step(3, "Run sh test.sh", job.state.status(), conclusion(job.state), job.completed_at.map(time)),
    ]
}

fn check_run_url(world: &World, repo: &Repository, job: &Job) -> String {
    format!("{}/check-runs/{}", api_url(world, repo), job.id)
}

fn conclusion(state: JobState) -> Option<&'static str> {
    state.conclusion().map(Conclusion::name)
}

/// The check suite of a run.
pub(crate) fn suite(world: &World, repo: &Repository, run: &Run) -> Value {
    let mut body = short_suite(world, repo, run);
    body["rerequestable"] = json!(true);
    body["runs_rerequestable"] = json!(false);
    body["latest_check_runs_count"] = json!(1);
    body["check_runs_url"] = json!(format!("{}/check-suites/{}/check-runs", api_url(world, repo), run.suite));
    body["head_commit"] = commits::small(repo, &run.sha);
    body
}

fn short_suite(world: &World, repo: &Repository, run: &Run) -> Value {
    let parent = repo.commits.get(&run.sha).and_then(|commit| commit.parents.first().cloned());
    // The branch of a fork is none of this repository.
    let of_fork = repo.pull(run.pull).is_ok_and(|(_, pull)| pull.fork.is_some());
    json!({
        "id": run.suite,
        "node_id": node_id("CS", run.suite),
        "head_branch": (!of_fork).then_some(&run.branch),
        "head_sha": run.sha,
        "status": run.latest().state.status(),
        "conclusion": conclusion(run.latest().state),
        "url": format!("{}/check-suites/{}", api_url(world, repo), run.suite),
        "before": parent,
        "after": run.sha,
        "pull_requests": world.pulls_with_head(repo, &run.sha),
        "app": app(world),
        "created_at": time(run.created_at),
        "updated_at": time(run.updated_at),
    })
}

/// The check run of a job.
pub(crate) fn check_run(world: &World, repo: &Repository, run: &Run, job: &Job) -> Value {
    let html = format!("{}/actions/runs/{}/job/{}", html_url(world, repo), run.id, job.id);
    let url = check_run_url(world, repo, job);
    json!({
        "id": job.id,
        "name": job.name,
        "node_id": node_id("CR", job.id),
        "head_sha": run.sha,
        "external_id": format!("{:08x}-0000-4000-8000-{:012x}", run.number, job.id),
        "url": url,
        "html_url": html,
        "details_url": html,
        "status": job.state.status(),
        "conclusion": conclusion(job.state),
        "started_at": time(job.started_at.unwrap_or(job.created_at)),
        "completed_at": job.completed_at.map(time),
        "output": {
            "title": null, "summary": null, "text": null, "annotations_count": 0,
            "annotations_url": format!("{url}/annotations"),
        },
        "check_suite": short_suite(world, repo, run),
        "app": app(world),
        "pull_requests": world.pulls_with_head(repo, &run.sha),
    })
}

/// The number of our own app.
pub(crate) const OWN_APP: u64 = 424_242;

/// The short name of an app by its account.
pub(crate) fn slug(app: &str) -> &str {
    app.strip_suffix("[bot]").unwrap_or(app)
}

/// A check run that an app reported.
pub(crate) fn report(world: &World, repo: &Repository, report: &Report) -> Value {
    let (slug, words) = (slug(&report.app), &report.words);
    let url = format!("{}/check-runs/{}", api_url(world, repo), report.id);
    let html = format!("{}/runs/{}", html_url(world, repo), report.id);
    let ended = words.status.as_deref() == Some("completed");
    json!({
        "id": report.id,
        "name": report.name,
        "node_id": node_id("CR", report.id),
        "head_sha": report.sha,
        "external_id": words.external_id,
        "url": url,
        "html_url": html,
        "details_url": words.details_url.as_ref().unwrap_or(&html),
        "status": words.status,
        "conclusion": words.conclusion,
        "started_at": time(report.created_at),
        "completed_at": ended.then(|| time(report.created_at)),
        "output": {
            "title": words.title, "summary": words.summary, "text": null, "annotations_count": 0,
            "annotations_url": format!("{url}/annotations"),
        },
        "check_suite": { "id": report.id + 1 },
        "app": { "id": OWN_APP, "slug": slug, "node_id": node_id("A", OWN_APP), "name": slug },
        "pull_requests": world.pulls_with_head(repo, &report.sha),
    })
}

/// A commit status as REST answers it.
pub(crate) fn status(world: &World, repo: &Repository, status: &Status) -> Value {
    json!({
        "url": format!("{}/statuses/{}", api_url(world, repo), status.sha),
        "avatar_url": login(world, &status.creator)["avatar_url"],
        "id": status.id,
        "node_id": node_id("SC", status.id),
        "state": status.state.name(),
        "description": status.description,
        "target_url": status.target_url,
        "context": status.context,
        "created_at": time(status.created_at),
        "updated_at": time(status.created_at),
        "creator": login(world, &status.creator),
    })
}

/// What the event of a commit status says beside the repository.
pub(crate) fn status_event(world: &World, repo: &Repository, status: &Status) -> Value {
    let branches: Vec<Value> = repo
        .branches
        .iter()
        .filter(|(_, sha)| **sha == status.sha)
        .take(10)
        .map(|(name, sha)| {
            let url = format!("{}/commits/{sha}", api_url(world, repo));
            json!({ "name": name, "commit": { "sha": sha, "url": url }, "protected": repo.protected(name) })
        })
        .collect();
    json!({
        "id": status.id,
        "sha": status.sha,
        "name": repo.full_name(),
        "avatar_url": login(world, &status.creator)["avatar_url"],
        "target_url": status.target_url,
        "context": status.context,
        "description": status.description,
        "state": status.state.name(),
        "commit": commits::full(world, repo, &status.sha),
        "branches": branches,
        "created_at": time(status.created_at),
        "updated_at": time(status.created_at),
    })
}
