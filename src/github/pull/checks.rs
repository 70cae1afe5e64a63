//! From GitHub's list of runs and statuses to one check per name, kind and app: the newest. Pure.

use std::collections::BTreeMap;

use jiff::Timestamp;

use super::query::{RawContext, RawRun, RawStatus};
use crate::model::{Attempt, Check, CheckKind, CheckName, CheckState, Conclusion, JobId, JobRef, RunId};

/// The newest check of each name, kind and app, sorted.
///
/// Newest is decided by id, then by start: GitHub lists and delivers in no order that could be relied on.
pub(super) fn newest(contexts: Vec<RawContext>) -> Vec<Check> {
    let mut newest: BTreeMap<(CheckName, CheckKind, Option<String>), (Age, Check)> = BTreeMap::new();
    for (age, check) in contexts.into_iter().filter_map(check) {
        let key = (check.name.clone(), check.kind, check.app.clone());
        match newest.get(&key) {
            Some((known, _)) if *known >= age => {}
            Some(_) | None => {
                newest.insert(key, (age, check));
            }
        }
    }
    let mut checks: Vec<Check> = newest.into_values().map(|(_, check)| check).collect();
    checks.sort_unstable();
    checks
}

type Age = (Option<u64>, Option<Timestamp>);

fn check(context: RawContext) -> Option<(Age, Check)> {
    match context {
        RawContext::CheckRun(run) => of_run(run),
        RawContext::StatusContext(status) => of_status(status),
        RawContext::Unknown => None,
    }
}

fn of_run(run: RawRun) -> Option<(Age, Check)> {
    let state = match run.status.as_str() {
        "COMPLETED" => CheckState::Finished(conclusion(run.conclusion.as_deref())),
        _ => CheckState::Pending,
    };
    let job = job(&run);
    let app = run.check_suite.and_then(|suite| suite.app).map(|app| app.slug);
    let check = Check {
        name: run.name.parse().ok()?,
        kind: CheckKind::Run,
        app,
        required: run.is_required,
        state,
        job,
        url: run.details_url,
    };
    Some(((run.database_id, run.started_at), check))
}

fn of_status(status: RawStatus) -> Option<(Age, Check)> {
    let state = match status.state.as_str() {
        "PENDING" | "EXPECTED" => CheckState::Pending,
        "SUCCESS" => CheckState::Finished(Conclusion::Success),
        "FAILURE" | "ERROR" => CheckState::Finished(Conclusion::Failure),
        _ => CheckState::Finished(Conclusion::Unknown),
    };
    let check = Check {
        name: status.context.parse().ok()?,
        kind: CheckKind::Status,
        app: None,
        required: status.is_required,
        state,
        job: None,
        url: status.target_url,
    };
    Some(((None, status.created_at), check))
}

fn conclusion(text: Option<&str>) -> Conclusion {
    match text {
        Some("SUCCESS") => Conclusion::Success,
        Some("NEUTRAL") => Conclusion::Neutral,
        Some("SKIPPED") => Conclusion::Skipped,
        Some("FAILURE") => Conclusion::Failure,
        Some("CANCELLED") => Conclusion::Cancelled,
        Some("TIMED_OUT") => Conclusion::TimedOut,
        Some("ACTION_REQUIRED") => Conclusion::ActionRequired,
        Some("STALE") => Conclusion::Stale,
        Some("STARTUP_FAILURE") => Conclusion::StartupFailure,
        _ => Conclusion::Unknown,
    }
}

/// The job behind a run of GitHub Actions. Its page's address names both ids; without it the run's own id is the job's.
///
/// The attempt is 1 until somebody asks for it.
fn job(run: &RawRun) -> Option<JobRef> {
    let workflow = run.check_suite.as_ref()?.workflow_run.as_ref()?;
    let named = run.details_url.as_deref().and_then(ids_in);
    let (run, job) = named.or(workflow.database_id.zip(run.database_id))?;
    Some(JobRef { run: RunId(run), attempt: Attempt(1), job: JobId(job) })
}

/// `…/actions/runs/RUN/job/JOB`, perhaps with a query behind it.
fn ids_in(url: &str) -> Option<(u64, u64)> {
    let (_, rest) = url.split_once("/actions/runs/")?;
    let (run, rest) = rest.split_once("/job/")?;
    let digits = rest.split(|c: char| !c.is_ascii_digit()).next()?;
    Some((run.parse().ok()?, digits.parse().ok()?))
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    fn checks(contexts: Value) -> Vec<Check> {
        newest(serde_json::from_value(contexts).unwrap())
    }

    fn run(id: u64, name: &str, app: &str, conclusion: Option<&str>) -> Value {
        json!({
            "__typename": "CheckRun",
            "databaseId": id,
            "name": name,
            "status": if conclusion.is_some() { "COMPLETED" } else { "QUEUED" },
            "conclusion": conclusion,
            "startedAt": null,
            "detailsUrl": format!("https://github.com/octo/hello/actions/runs/70/job/{id}"),
            "isRequired": true,
            "checkSuite": {"app": {"slug": app}, "workflowRun": {"databaseId": 70}},
        })
    }

    fn status(context: &str, state: &str) -> Value {
        json!({"__typename": "StatusContext", "context": context, "state": state, "targetUrl": null, "createdAt": "2026-01-01T00:00:00Z", "isRequired": false})
    }

    fn states(checks: &[Check]) -> Vec<(&str, CheckKind, CheckState)> {
        checks.iter().map(|check| (check.name.as_str(), check.kind, check.state)).collect()
    }

    #[test]
    fn a_run_is_read_whole() {
        let expected = Check {
            name: "build".parse().unwrap(),
            kind: CheckKind::Run,
            app: Some("github-actions".to_owned()),
            required: true,
            state: CheckState::Finished(Conclusion::Failure),
            job: Some(JobRef { run: RunId(70), attempt: Attempt(1), job: JobId(5) }),
            url: Some("https://github.com/octo/hello/actions/runs/70/job/5".to_owned()),
        };
        assert_eq!(checks(json!([run(5, "build", "github-actions", Some("FAILURE"))])), [expected]);
    }

    #[test]
    fn the_newest_of_a_name_counts_in_whatever_order_they_come() {
        let old = run(5, "build", "ci", Some("FAILURE"));
        let new = run(6, "build", "ci", None);
        for contexts in [json!([old, new]), json!([new, old])] {
            assert_eq!(states(&checks(contexts)), [("build", CheckKind::Run, CheckState::Pending)]);
        }
    }

    // G056, G057
    #[test]
    fn a_status_or_another_app_of_the_same_name_is_another_check() {
        let contexts = json!([
            run(5, "build", "a", Some("SUCCESS")),
            run(6, "build", "b", Some("SUCCESS")),
            status("build", "ERROR"),
        ]);
        assert_eq!(
            states(&checks(contexts)),
            [
                ("build", CheckKind::Run, CheckState::Finished(Conclusion::Success)),
                ("build", CheckKind::Run, CheckState::Finished(Conclusion::Success)),
                ("build", CheckKind::Status, CheckState::Finished(Conclusion::Failure)),
            ]
        );
    }

    // G011
    #[test]
    fn an_unknown_word_is_never_success() {
        let contexts = json!([
            run(5, "a", "ci", Some("SPARKLING")),
            status("b", "SPARKLING"),
            {"__typename": "Sparkling"},
        ]);
        let unknown = CheckState::Finished(Conclusion::Unknown);
        assert_eq!(states(&checks(contexts)), [("a", CheckKind::Run, unknown), ("b", CheckKind::Status, unknown)]);
    }

    #[test]
    fn a_run_without_an_address_takes_its_own_id_for_the_jobs() {
        let mut without = run(5, "build", "github-actions", Some("SUCCESS"));
        without["detailsUrl"] = Value::Null;
        let job = checks(json!([without])).remove(0).job;
        assert_eq!(job, Some(JobRef { run: RunId(70), attempt: Attempt(1), job: JobId(5) }));
    }
}
