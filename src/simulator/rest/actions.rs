//! Workflow runs, their jobs and logs.

use serde_json::json;

use super::{Answer, page};
use crate::simulator::{
    call::{Call, Reply},
    ci,
    error::Error,
    json::checks,
    shared::Shared,
    world::{Refusal, World},
};

/// Answers `/repos/{owner}/{name}/actions…`.
pub(super) fn answer(shared: &Shared, repo: &str, call: &Call, rest: &[&str]) -> Answer {
    let reply = match (call.method.as_str(), rest) {
        ("GET", ["runs"]) => shared.look(|world| runs(world, repo, call))?,
        ("GET", ["runs", run]) => shared.look(|world| {
            let repository = world.repository(repo)?;
            let run = repository.run(parse(run)?)?;
            Ok::<_, Refusal>(Reply::ok(checks::workflow_run(world, repository, run)))
        })?,
        ("GET", ["runs", run, "jobs"]) => shared.look(|world| jobs(world, repo, call, (parse(run)?, None)))?,
        // The one workflow uploads nothing.
        ("GET", ["runs", run, "artifacts"]) => shared.look(|world| {
            world.repository(repo)?.run(parse(run)?)?;
            Ok::<_, Refusal>(page::counted(&world.root, call, "artifacts", Vec::new()))
        })?,
        ("GET", ["runs", run, "attempts", attempt, "jobs"]) => {
            shared.look(|world| jobs(world, repo, call, (parse(run)?, Some(parse(attempt)?))))?
        }
        ("GET", ["jobs", job]) => shared.look(|world| {
            let repository = world.repository(repo)?;
            let (run, attempt, job) = repository.job(parse(job)?)?;
            Ok::<_, Refusal>(Reply::ok(checks::job(world, repository, run, (attempt, job))))
        })?,
        ("GET", ["jobs", job, "logs"]) => logs(shared, repo, parse(job)?)?,
        ("POST", ["runs", run, "rerun-failed-jobs" | "rerun"]) => rerun(shared, repo, parse(run)?)?,
        _ => return Ok(None),
    };
    Ok(Some(reply))
}

fn parse(id: &str) -> Result<u64, Refusal> {
    id.parse().map_err(|_| Refusal::NotFound)
}

fn runs(world: &World, repo: &str, call: &Call) -> Result<Reply, Refusal> {
    let repository = world.repository(repo)?;
    let sha = call.param("head_sha");
    let wanted = repository.runs.iter().rev().filter(|run| sha.is_none_or(|sha| sha == run.sha));
    let items = wanted.map(|run| checks::workflow_run(world, repository, run)).collect();
    Ok(page::counted(&world.root, call, "workflow_runs", items))
}

fn jobs(world: &World, repo: &str, call: &Call, (run, attempt): (u64, Option<u64>)) -> Result<Reply, Refusal> {
    let repository = world.repository(repo)?;
    let run = repository.run(run)?;
    let newest_only = attempt.is_none() && call.param("filter") != Some("all");
    let attempt = if newest_only { Some(run.attempt()) } else { attempt };
    if attempt.is_some_and(|attempt| attempt == 0 || attempt > run.attempt()) {
        return Err(Refusal::NotFound);
    }
    let items = (1..)
        .zip(&run.attempts)
        .filter(|(number, _)| attempt.is_none_or(|attempt| attempt == *number))
        .map(|(number, job)| checks::job(world, repository, run, (number, job)))
        .collect();
    Ok(page::counted(&world.root, call, "jobs", items))
}

/// The log is not here but at an address that is good for a minute.
fn logs(shared: &Shared, repo: &str, job: u64) -> Result<Reply, Error> {
    let written = shared.look(|world| Ok::<_, Refusal>(world.repository(repo)?.job(job)?.2.log.is_some()))?;
    if !written {
        return Err(Refusal::NotFound.into());
    }
    Ok(Reply::empty(302).header("location", shared.log_urls.sign(job, shared.clock.now())))
}

fn rerun(shared: &Shared, repo: &str, run: u64) -> Result<Reply, Error> {
    let started = shared.change(|world| {
        let actor = world.own_login.clone();
        world.rerun(repo, run, &actor)
    })?;
    ci::run_later(shared, started);
    Ok(Reply::created(json!({})))
}
