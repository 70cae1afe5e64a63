//! From GitHub's list of runs and statuses to one check per name, kind, app and workflow: the newest. Pure.
//!
//! What the base branch demands is marked, and what it demands and nobody has reported is there as well.

use std::collections::BTreeMap;

use jiff::Timestamp;

use super::query::{RawContext, RawRun, RawStatus, RawWorkflowRun};
use crate::{
    github::{demands::Demands, people::Account, report::is_own},
    model::{Attempt, Check, CheckKind, CheckName, CheckState, Conclusion, JobId, JobRef, Login, RunId},
};

/// Runs that were started so work on the default branch, whatever they are about: they say nothing about a pull request.
const NOT_OF_A_PULL: [&str; 3] = ["workflow_run", "issue_comment", "schedule"];

/// The newest check of each name, kind, app and workflow, and the demanded ones that are not there; sorted.
///
/// Newest is decided by id, then by start: GitHub lists and delivers in no order that could be relied on, and the jobs of
/// a later attempt have later ids. A job of another workflow is another check, whatever its name: otherwise a workflow
/// that a pull request adds could hide the failure of a required one.
///
/// What we report ourselves satisfies a demand and is no check: our verdict does not follow from our own words.
pub(super) fn newest(contexts: Vec<RawContext>, demands: &Demands, own: &Login) -> Vec<Check> {
    let mut reports = reports(contexts);
    let missing = demand(&mut reports, demands);
    reports.retain(|Report { check, maker, .. }| !is_own(own, check.name.as_str(), check.kind, maker.as_deref()));
    let mut checks: Vec<Check> = reports.into_iter().map(|report| report.check).chain(missing).collect();
    checks.sort_unstable();
    checks
}

/// The newest checks that failed, sorted.
pub(super) fn failed(contexts: Vec<RawContext>) -> Vec<Check> {
    let bad = |state| {
        matches!(state, CheckState::Finished(Conclusion::Failure | Conclusion::TimedOut | Conclusion::StartupFailure))
    };
    let mut checks: Vec<Check> = reports(contexts).into_iter().map(|report| report.check).collect();
    checks.retain(|check| bad(check.state));
    checks.sort_unstable();
    checks
}

/// One reported check, with what decides whether it is the one that is demanded.
struct Report {
    check: Check,
    /// The slug of the app that made a check run, or the account that made a status.
    maker: Option<String>,
    app: Option<u64>,
    /// The file of the workflow behind it.
    path: Option<String>,
}

type Key = (CheckName, CheckKind, Option<String>, Workflow);
/// Which workflow, started by what: two workflows may have jobs of one name, and so may two runs of one workflow.
type Workflow = (Option<u64>, Option<String>);
type Age = (Option<u64>, Option<Timestamp>);

fn reports(contexts: Vec<RawContext>) -> Vec<Report> {
    let mut newest: BTreeMap<Key, (Age, Report)> = BTreeMap::new();
    for (workflow, age, report) in contexts.into_iter().filter_map(report) {
        let key = (report.check.name.clone(), report.check.kind, report.check.app.clone(), workflow);
        match newest.get(&key) {
            Some((known, _)) if *known >= age => {}
            Some(_) | None => {
                newest.insert(key, (age, report));
            }
        }
    }
    newest.into_values().map(|(_, report)| report).collect()
}

/// Marks what is demanded, and says what is demanded and not there.
fn demand(reports: &mut [Report], demands: &Demands) -> Vec<Check> {
    let mut missing = Vec::new();
    for (name, app) in &demands.checks {
        let mut there = false;
        for report in reports.iter_mut().filter(|it| it.check.name == *name && reports_for(it, *app)) {
            report.check.required = true;
            there = true;
        }
        if !there {
            missing.push(expected(name.clone()));
        }
    }
    // A run that does not say where its workflow stands may be the demanded one.
    let nameless = reports.iter().any(|report| report.check.job.is_some() && report.path.is_none());
    for path in &demands.workflows {
        let mut there = nameless;
        for report in reports.iter_mut().filter(|report| report.path.as_ref() == Some(path)) {
            report.check.required = true;
            there = true;
        }
        if !there && let Ok(name) = path.parse() {
            missing.push(expected(name));
        }
    }
    missing
}

/// Whether a report of the right name is one of the app that is demanded. A status does not say which app made it: there
/// GitHub's own word decides.
fn reports_for(report: &Report, app: Option<u64>) -> bool {
    match (app, report.check.kind) {
        (None, _) => true,
        (Some(_), CheckKind::Status) => report.check.required,
        (Some(app), CheckKind::Run) => report.app == Some(app),
    }
}

fn expected(name: CheckName) -> Check {
    let (kind, state) = (CheckKind::Status, CheckState::Expected);
    Check { name, kind, app: None, required: true, state, job: None, url: None }
}

fn report(context: RawContext) -> Option<(Workflow, Age, Report)> {
    match context {
        RawContext::CheckRun(run) => of_run(run),
        RawContext::StatusContext(status) => of_status(status),
        RawContext::Unknown => None,
    }
}

fn of_run(run: RawRun) -> Option<(Workflow, Age, Report)> {
    let state = match run.status.as_str() {
        "COMPLETED" => CheckState::Finished(conclusion(run.conclusion.as_deref())),
        "IN_PROGRESS" => CheckState::Pending,
        _ => CheckState::Expected,
    };
    let age = (run.database_id, run.started_at);
    let (app, workflow) = run.check_suite.map_or((None, None), |suite| (suite.app, suite.workflow_run));
    let event = workflow.as_ref().and_then(|workflow| workflow.event.clone());
    if event.as_deref().is_some_and(|event| NOT_OF_A_PULL.contains(&event)) {
        return None;
    }
    let job = workflow.as_ref().and_then(|workflow| job(workflow, run.database_id, run.details_url.as_deref()));
    let file = workflow.as_ref().and_then(|it| it.workflow.as_ref()).and_then(|workflow| workflow.database_id);
    let (number, slug) = app.map_or((None, None), |app| (app.database_id, Some(app.slug)));
    let check = Check {
        name: run.name.parse().ok()?,
        kind: CheckKind::Run,
        app: slug.clone(),
        required: run.is_required,
        state,
        job,
        url: run.details_url,
    };
    let path = workflow.and_then(|workflow| workflow.file).map(|file| file.path);
    Some(((file, event), age, Report { check, maker: slug, app: number, path }))
}

fn of_status(status: RawStatus) -> Option<(Workflow, Age, Report)> {
    let state = match status.state.as_str() {
        "EXPECTED" => CheckState::Expected,
        "PENDING" => CheckState::Pending,
        "SUCCESS" => CheckState::Finished(Conclusion::Success),
        "FAILURE" | "ERROR" => CheckState::Finished(Conclusion::Failure),
        _ => CheckState::Finished(Conclusion::Unknown),
    };
    let maker = status.creator.as_ref().and_then(Account::login).map(|login| login.to_string());
    let check = Check {
        name: status.context.parse().ok()?,
        kind: CheckKind::Status,
        app: None,
        required: status.is_required,
        state,
        job: None,
        url: status.target_url,
    };
    Some(((None, None), (None, status.created_at), Report { check, maker, app: None, path: None }))
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
///
/// The attempt is put in where it matters, see `Attempts`.
fn job(workflow: &RawWorkflowRun, check: Option<u64>, url: Option<&str>) -> Option<JobRef> {
    let (run, job) = url.and_then(ids_in).or(workflow.database_id.zip(check))?;
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

    fn own() -> Login {
        "antiphon[bot]".parse().unwrap()
    }

    #[test]
    fn our_own_report_satisfies_a_demand_and_is_no_check() {
        let report = run(9, "antiphon", "antiphon", Some("NEUTRAL"));
        let status = json!({"__typename": "StatusContext", "context": "antiphon", "state": "SUCCESS", "targetUrl": null,
            "creator": {"__typename": "Bot", "login": "antiphon"}, "createdAt": null, "isRequired": false});
        let demands = Demands { checks: [("antiphon".parse().unwrap(), None)].into(), ..Demands::default() };
        let newest = |contexts| newest(serde_json::from_value(contexts).unwrap(), &demands, &own());

        assert_eq!(newest(json!([report, status])), []);
        assert_eq!(newest(json!([])).len(), 1, "what is demanded and not there is expected");
        assert_eq!(newest(json!([run(9, "antiphon", "mallory", Some("FAILURE"))])).len(), 1);
    }

    fn checks(contexts: Value) -> Vec<Check> {
        newest(serde_json::from_value(contexts).unwrap(), &Demands::default(), &own())
    }

    fn run(id: u64, name: &str, app: &str, conclusion: Option<&str>) -> Value {
        json!({
            "__typename": "CheckRun",
            "databaseId": id,
            "name": name,
            "status": if conclusion.is_some() { "COMPLETED" } else { "IN_PROGRESS" },
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

    /// A run of the workflow in `file`, which `event` started.
    fn job_of(file: u64, event: &str, (id, conclusion): (u64, &str)) -> Value {
        let mut job = run(id, "build", "github-actions", Some(conclusion));
        job["isRequired"] = json!(false);
        job["checkSuite"]["app"]["databaseId"] = json!(15368);
        job["checkSuite"]["workflowRun"] = json!({
            "databaseId": 70 + file,
            "event": event,
            "file": {"path": format!(".github/workflows/{file}.yml")},
            "workflow": {"databaseId": file},
        });
        job
    }

    fn demanded(contexts: Value, demands: &Demands) -> Vec<(String, bool, CheckState)> {
        let checks = newest(serde_json::from_value(contexts).unwrap(), demands, &own());
        checks.into_iter().map(|check| (check.name.to_string(), check.required, check.state)).collect()
    }

    fn named(name: &str, app: Option<u64>) -> Demands {
        Demands { checks: [(name.parse().unwrap(), app)].into(), workflows: [].into() }
    }

    const PASSED: CheckState = CheckState::Finished(Conclusion::Success);
    const FAILED: CheckState = CheckState::Finished(Conclusion::Failure);

    // G077
    #[test]
    fn a_job_of_another_workflow_hides_no_failure_of_the_same_name() {
        let ours = job_of(1, "pull_request", (5, "FAILURE"));
        let theirs = job_of(2, "pull_request", (6, "SUCCESS"));

        let checks = demanded(json!([ours, theirs]), &named("build", Some(15368)));

        let build = |state| ("build".to_owned(), true, state);
        assert_eq!(checks, [build(PASSED), build(FAILED)]);
    }

    #[test]
    fn one_workflow_that_was_started_by_two_events_has_two_checks_and_a_second_run_replaces_the_first() {
        let runs = json!([
            job_of(1, "push", (5, "FAILURE")),
            job_of(1, "pull_request", (6, "SUCCESS")),
            job_of(1, "push", (7, "SUCCESS")),
        ]);

        let states: Vec<_> = demanded(runs, &Demands::default()).into_iter().map(|(.., state)| state).collect();

        assert_eq!(states, [PASSED, PASSED]);
    }

    // G076
    #[test]
    fn a_run_that_worked_on_the_default_branch_is_not_credited() {
        for event in NOT_OF_A_PULL {
            let runs = json!([job_of(1, event, (5, "SUCCESS"))]);
            let expected = [("build".to_owned(), true, CheckState::Expected)];
            assert_eq!(demanded(runs, &named("build", None)), expected, "{event}");
        }
    }

    // G050
    #[test]
    fn what_is_demanded_and_has_not_reported_is_expected() {
        let runs = json!([job_of(1, "push", (5, "SUCCESS"))]);
        let expected = [("build".to_owned(), false, PASSED), ("test".to_owned(), true, CheckState::Expected)];
        assert_eq!(demanded(runs, &named("test", None)), expected);
    }

    // G057
    #[test]
    fn a_check_of_another_app_than_the_demanded_one_does_not_count() {
        let runs = || json!([job_of(1, "push", (5, "SUCCESS"))]);
        let build = |required, state| ("build".to_owned(), required, state);

        assert_eq!(demanded(runs(), &named("build", Some(15368))), [build(true, PASSED)]);
        let missing = [build(true, CheckState::Expected), build(false, PASSED)];
        let mut other = demanded(runs(), &named("build", Some(99)));
        other.sort_by_key(|(.., state)| *state);
        assert_eq!(other, missing);
    }

    // G071 as far: which statuses count is GitHub's own word
    #[test]
    fn a_status_counts_for_an_app_if_github_says_so() {
        let mut of_app = status("build", "SUCCESS");
        let mut names = |required: bool| {
            of_app["isRequired"] = json!(required);
            demanded(json!([of_app]), &named("build", Some(99))).len()
        };
        assert_eq!((names(true), names(false)), (1, 2));
    }

    // G077
    #[test]
    fn a_demanded_workflow_is_known_by_its_file() {
        let demands = Demands { workflows: [".github/workflows/1.yml".to_owned()].into(), ..Demands::default() };
        let run = |file| json!([job_of(file, "pull_request", (5, "SUCCESS"))]);

        assert_eq!(demanded(run(1), &demands), [("build".to_owned(), true, PASSED)]);
        let missing = (".github/workflows/1.yml".to_owned(), true, CheckState::Expected);
        assert_eq!(demanded(run(2), &demands), [missing, ("build".to_owned(), false, PASSED)]);
    }

    #[test]
    fn what_has_not_started_is_told_apart_from_what_runs() {
        let mut queued = run(5, "a", "ci", None);
        queued["status"] = json!("QUEUED");
        let contexts = json!([queued, run(6, "b", "ci", None), status("c", "EXPECTED"), status("d", "PENDING")]);
        let states: Vec<_> = checks(contexts).into_iter().map(|check| check.state).collect();
        let (expected, pending) = (CheckState::Expected, CheckState::Pending);
        assert_eq!(states, [expected, pending, expected, pending]);
    }
}
