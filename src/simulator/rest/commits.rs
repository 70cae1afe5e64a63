//! What hangs on commits: check runs, statuses, comparisons.

use serde_json::{Value, json};

use super::{Answer, page};
use crate::simulator::{
    call::{Call, Reply},
    error::Error,
    json::{checks, commits, objects},
    shared::Shared,
    world::{Job, Refusal, Repository, Run, Status, StatusReport, Words, World},
};

/// Answers `/repos/{owner}/{name}/commits/{ref}…`. A ref is a SHA or a branch.
pub(super) async fn answer(shared: &Shared, repo: &str, call: &Call, (revision, rest): (&str, &[&str])) -> Answer {
    if call.method != "GET" {
        return Ok(None);
    }
    let sha = resolve(shared, repo, revision).await?;
    let reply = match rest {
        [] => {
            let known = shared.look(|world| Ok::<_, Refusal>(commits::full(world, world.repository(repo)?, &sha)))?;
            if known.is_null() {
                return Ok(None);
            }
            Reply::ok(known)
        }
        ["check-runs"] => shared.look(|world| check_runs(world, repo, call, &sha))?,
        ["check-suites"] => shared.look(|world| check_suites(world, repo, call, &sha))?,
        ["status"] => Reply::ok(shared.look(|world| combined(world, repo, &sha))?),
        ["statuses"] => shared.look(|world| statuses(world, repo, call, &sha))?,
        ["pulls"] => shared.look(|world| pulls(world, repo, call, &sha))?,
        _ => return Ok(None),
    };
    Ok(Some(reply))
}

/// Answers `POST /repos/{owner}/{name}/statuses/{sha}`.
pub(super) async fn report(shared: &Shared, repo: &str, call: &Call, sha: &str) -> Answer {
    if call.method != "POST" {
        return Ok(None);
    }
    let unknown = || Refusal::unprocessable("Status", format!("No commit found for SHA: {sha}"));
    let sha = shared.git.resolve(repo, sha).await?.filter(|found| found == sha).ok_or_else(unknown)?;
    let state = call.required("Status", "state")?;
    let state = StatusReport::from_name(&state)
        .ok_or_else(|| Refusal::unprocessable("Status", "state is not included in the list"))?;
    let body = shared.change(|world| -> Result<Value, Refusal> {
        let status = Status {
            id: 0,
            sha,
            context: call.text("context").unwrap_or_else(|| "default".to_owned()),
            state,
            description: call.text("description"),
            target_url: call.text("target_url"),
            creator: world.own_login.clone(),
            created_at: world.now,
        };
        let id = world.report_status(repo, status)?;
        let repository = world.repository(repo)?;
        let status = repository.statuses.iter().find(|status| status.id == id).ok_or(Refusal::NotFound)?;
        Ok(checks::status(world, repository, status))
    })?;
    Ok(Some(Reply::created(body)))
}

/// Answers `POST /repos/{owner}/{name}/check-runs` and `PATCH …/{id}`.
pub(super) async fn report_run(shared: &Shared, repo: &str, call: &Call, rest: &[&str]) -> Answer {
    let id = match (call.method.as_str(), rest) {
        ("POST", []) => {
            let (name, sha) = (call.required("CheckRun", "name")?, call.required("CheckRun", "head_sha")?);
            let unknown = || Refusal::unprocessable("CheckRun", format!("No commit found for SHA: {sha}"));
            let sha = shared.git.resolve(repo, &sha).await?.filter(|found| *found == sha).ok_or_else(unknown)?;
            shared.change(|world| world.add_report(repo, &sha, &name, words(call)))?
        }
        ("PATCH", [id]) => {
            let id = id.parse().map_err(|_| Refusal::NotFound)?;
            shared.change(|world| world.change_report(repo, id, words(call)))?;
            id
        }
        _ => return Ok(None),
    };
    let body = shared.look(|world| -> Result<Value, Refusal> {
        let repository = world.repository(repo)?;
        let report = repository.reports.iter().find(|report| report.id == id).ok_or(Refusal::NotFound)?;
        Ok(checks::report(world, repository, report))
    })?;
    Ok(Some(if call.method == "POST" { Reply::created(body) } else { Reply::ok(body) }))
}

fn words(call: &Call) -> Words {
    let output = |name: &str| call.body["output"][name].as_str().map(ToOwned::to_owned);
    Words {
        external_id: call.text("external_id"),
        // Whoever gives a conclusion means that it has ended.
        status: call.text("conclusion").map(|_| "completed".to_owned()).or_else(|| call.text("status")),
        conclusion: call.text("conclusion"),
        details_url: call.text("details_url"),
        title: output("title"),
        summary: output("summary"),
    }
}

/// Answers `GET /repos/{owner}/{name}/compare/{base}...{head}`.
pub(super) async fn compare(shared: &Shared, repo: &str, call: &Call, ends: &str) -> Answer {
    if call.method != "GET" {
        return Ok(None);
    }
    let (base, head) = ends.split_once("...").ok_or(Refusal::NotFound)?;
    let (base, head) = (resolve(shared, repo, base).await?, resolve(shared, repo, head).await?);
    let ahead = shared.git.count(repo, &base, &head).await?;
    let behind = shared.git.count(repo, &head, &base).await?;
    let status = match (ahead, behind) {
        (0, 0) => "identical",
        (_, 0) => "ahead",
        (0, _) => "behind",
        (_, _) => "diverged",
    };
    let shas: Vec<String> =
        shared.git.commits(repo, &head, &[format!("^{base}")]).await?.into_iter().map(|one| one.sha).collect();
    let body = shared.look(|world| -> Result<Value, Refusal> {
        let repository = world.repository(repo)?;
        let between: Vec<Value> = shas.iter().map(|sha| commits::full(world, repository, sha)).collect();
        Ok(json!({
            "url": format!("{}/compare/{ends}", objects::api_url(world, repository)),
            "html_url": format!("{}/compare/{ends}", objects::html_url(world, repository)),
            "base_commit": commits::full(world, repository, &base),
            "status": status,
            "ahead_by": ahead,
            "behind_by": behind,
            "total_commits": ahead,
            "commits": between,
            "files": [],
        }))
    })?;
    Ok(Some(Reply::ok(body)))
}

async fn resolve(shared: &Shared, repo: &str, revision: &str) -> Result<String, Error> {
    Ok(shared.git.resolve(repo, revision).await?.ok_or(Refusal::NotFound)?)
}

fn check_runs(world: &World, repo: &str, call: &Call, sha: &str) -> Result<Reply, Refusal> {
    let repository = world.repository(repo)?;
    let runs = repository.runs.iter().filter(|run| run.sha == sha);
    let jobs: Vec<(&Run, &Job)> = match call.param("filter") {
        Some("all") => runs.flat_map(|run| run.attempts.iter().map(move |job| (run, job))).collect(),
        _ => runs.map(|run| (run, run.latest())).collect(),
    };
    let named = |name: &str| call.param("check_name").is_none_or(|wanted| wanted == name);
    let jobs = jobs.into_iter().filter(|(_, job)| named(&job.name));
    let jobs = jobs.map(|(run, job)| checks::check_run(world, repository, run, job));
    let reports = repository.latest_reports(sha).into_iter().filter(|report| named(&report.name));
    let items = jobs.chain(reports.map(|report| checks::report(world, repository, report))).collect();
    Ok(page::counted(&world.root, call, "check_runs", items))
}

fn check_suites(world: &World, repo: &str, call: &Call, sha: &str) -> Result<Reply, Refusal> {
    let repository = world.repository(repo)?;
    let runs = repository.runs.iter().filter(|run| run.sha == sha);
    let items = runs.map(|run| checks::suite(world, repository, run)).collect();
    Ok(page::counted(&world.root, call, "check_suites", items))
}

fn combined(world: &World, repo: &str, sha: &str) -> Result<Value, Refusal> {
    let repository = world.repository(repo)?;
    let latest = repository.latest_statuses(sha);
    let items: Vec<Value> = latest.iter().map(|status| checks::status(world, repository, status)).collect();
    Ok(json!({
        "state": combined_state(&latest),
        "statuses": items,
        "sha": sha,
        "total_count": items.len(),
        "repository": objects::repository(world, repository),
        "commit_url": format!("{}/commits/{sha}", objects::api_url(world, repository)),
        "url": format!("{}/commits/{sha}/status", objects::api_url(world, repository)),
    }))
}

/// GitHub says `pending` also when there are no statuses at all.
fn combined_state(latest: &[&Status]) -> &'static str {
    if latest.iter().any(|status| matches!(status.state, StatusReport::Error | StatusReport::Failure)) {
        return "failure";
    }
    let passed = latest.iter().all(|status| status.state == StatusReport::Success);
    if passed && !latest.is_empty() { "success" } else { "pending" }
}

fn statuses(world: &World, repo: &str, call: &Call, sha: &str) -> Result<Reply, Refusal> {
    let repository: &Repository = world.repository(repo)?;
    let all = repository.statuses.iter().rev().filter(|status| status.sha == sha);
    let items = all.map(|status| checks::status(world, repository, status)).collect();
    Ok(page::list(&world.root, call, items))
}

fn pulls(world: &World, repo: &str, call: &Call, sha: &str) -> Result<Reply, Refusal> {
    let repository = world.repository(repo)?;
    let with_head = repository.pulls().filter(|(_, pull)| pull.head_sha == sha);
    let items = with_head.map(|(issue, pull)| objects::pull_in_list(world, repository, issue, pull)).collect();
    Ok(page::list(&world.root, call, items))
}
