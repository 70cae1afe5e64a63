//! From a delivery to the places where something may have changed.
//!
//! An event or action that this version does not know gives no hint and no error. An unknown value inside a known event
//! gives the same hint as a known one, so that the look that follows decides.

use serde::{Deserialize, Serialize};

use super::payload::{LinkedPull, Payload, Run, Text};
use crate::github::report::EXTERNAL_ID;
use crate::model::{Branch, IssueNumber, Login, PrNumber, RepoId, RepoName, Sha};

/// GitHub's id of one installation of an App.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(transparent)]
pub struct InstallationId(pub u64);

/// What a delivery tells us.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Routed {
    /// The repository, if the event has one.
    pub repo: Option<RepoId>,
    /// Its name at that time.
    pub repo_name: Option<RepoName>,
    /// The event's action, as GitHub wrote it.
    pub action: Option<String>,
    /// Who caused it.
    pub sender: Option<Login>,
    /// Whether this version knows the event and its action. An unknown one is stored and counted.
    pub known: bool,
    /// Where to look.
    pub hints: Vec<Hint>,
}

/// One place where something may have changed. `urgent`: a failed conclusion or a submitted review, so look at once.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub enum Hint {
    /// This pull request.
    Pull {
        /// Its repository.
        repo: RepoId,
        /// Its number.
        number: PrNumber,
        /// Whether the look should not wait.
        urgent: bool,
    },
    /// This pull request, whose head is this commit now.
    Told {
        /// Its repository.
        repo: RepoId,
        /// Its number.
        number: PrNumber,
        /// The commit.
        head: Sha,
    },
    /// Every pull request whose head is this commit.
    Head {
        /// The repository.
        repo: RepoId,
        /// The commit.
        sha: Sha,
        /// Whether the look should not wait.
        urgent: bool,
    },
    /// Every pull request from or into this branch.
    Branch {
        /// The repository.
        repo: RepoId,
        /// The branch.
        branch: Branch,
    },
    /// This issue.
    Issue {
        /// Its repository.
        repo: RepoId,
        /// Its number.
        number: IssueNumber,
    },
    /// The repository itself: its name, its people.
    Repository {
        /// The repository.
        repo: RepoId,
    },
    /// The rules of its branches.
    Rules {
        /// The repository.
        repo: RepoId,
    },
    /// Whether the repository is there, what it is called, and whether it can be changed.
    Existence {
        /// The repository.
        repo: RepoId,
        /// Whether it was deleted.
        deleted: bool,
    },
    /// An installation of the App: its repositories or its permissions.
    Installation {
        /// The installation.
        id: InstallationId,
    },
}

/// A signed body that cannot be read.
#[derive(Debug, thiserror::Error)]
#[error("delivery cannot be parsed")]
pub struct Unparsable(#[from] serde_json::Error);

/// Reads where to look out of a delivery. `event` is the value of `X-GitHub-Event`.
///
/// # Errors
///
/// If the body is not JSON, or a field that is read has another type than GitHub documents.
pub fn route(event: &str, body: &[u8]) -> Result<Routed, Unparsable> {
    let payload: Payload<'_> = serde_json::from_slice(body)?;
    let repository = payload.repository.as_ref();
    let repo = repository.and_then(|r| r.id).map(RepoId);
    let known = knows(event, text(payload.action.as_ref()).unwrap_or_default());
    let mut hints = if known { hints(event, &payload, repo) } else { Vec::new() };
    hints.sort_unstable();
    hints.dedup();
    Ok(Routed {
        repo,
        repo_name: parsed(repository.and_then(|r| r.full_name.as_ref())),
        action: text(payload.action.as_ref()).map(str::to_owned),
        sender: parsed(payload.sender.as_ref().and_then(|s| s.login.as_ref())),
        known,
        hints,
    })
}

fn hints(event: &str, payload: &Payload<'_>, repo: Option<RepoId>) -> Vec<Hint> {
    if event.starts_with("installation") {
        let id = payload.installation.as_ref().and_then(|i| i.id);
        return id.map(|id| Hint::Installation { id: InstallationId(id) }).into_iter().collect();
    }
    let Some(repo) = repo else { return Vec::new() };
    match event {
        "pull_request" | "pull_request_review" | "pull_request_review_comment" | "pull_request_review_thread" => {
            on_pull(event, payload, repo).into_iter().collect()
        }
        "issue_comment" | "issues" => on_issue(payload, repo).into_iter().collect(),
        "check_run" => on_run(payload.check_run.as_ref(), repo),
        "check_suite" => on_run(payload.check_suite.as_ref(), repo),
        "workflow_run" => on_run(payload.workflow_run.as_ref(), repo),
        "workflow_job" => on_run(payload.workflow_job.as_ref(), repo),
        "deployment_protection_rule" => pulls(payload.pull_requests.as_deref(), repo, false),
        "deployment_review" => on_run(payload.workflow_run.as_ref(), repo),
        "status" => {
            let urgent = failed(text(payload.state.as_ref()));
            head(payload.sha.as_ref(), repo, urgent).into_iter().collect()
        }
        "push" => on_push(payload, repo),
        "create" | "delete" if text(payload.ref_type.as_ref()) == Some("branch") => {
            branch(text(payload.git_ref.as_ref()), repo).into_iter().collect()
        }
        "merge_group" => on_merge_group(payload, repo).into_iter().collect(),
        "repository" => {
            vec![Hint::Existence { repo, deleted: text(payload.action.as_ref()) == Some("deleted") }]
        }
        "public" | "member" | "label" => vec![Hint::Repository { repo }],
        "branch_protection_rule" | "branch_protection_configuration" | "repository_ruleset" => {
            vec![Hint::Rules { repo }]
        }
        _ => Vec::new(),
    }
}

fn on_pull(event: &str, payload: &Payload<'_>, repo: RepoId) -> Option<Hint> {
    let pull = payload.pull_request.as_ref()?;
    let number = pull.number?;
    if event == "pull_request" && matches!(text(payload.action.as_ref()), Some("opened" | "reopened" | "synchronize")) {
        let head = parsed(pull.head.as_ref().and_then(|head| head.sha.as_ref()));
        if let Some(head) = head {
            return Some(Hint::Told { repo, number: PrNumber(number), head });
        }
    }
    let urgent = event == "pull_request_review" && text(payload.action.as_ref()) == Some("submitted");
    Some(Hint::Pull { repo, number: PrNumber(number), urgent })
}

fn on_issue(payload: &Payload<'_>, repo: RepoId) -> Option<Hint> {
    let issue = payload.issue.as_ref()?;
    let number = issue.number?;
    Some(match issue.pull_request {
        Some(_) => Hint::Pull { repo, number: PrNumber(number), urgent: false },
        None => Hint::Issue { repo, number: IssueNumber(number) },
    })
}

fn on_run(run: Option<&Run<'_>>, repo: RepoId) -> Vec<Hint> {
    let Some(run) = run else { return Vec::new() };
    // Such a run works on the default branch, whatever it is about: it says nothing about the pull request that has
    // this commit as its head.
    if matches!(text(run.event.as_ref()), Some("workflow_run" | "issue_comment" | "schedule")) {
        return Vec::new();
    }
    // Our own report changes no fact.
    if text(run.external_id.as_ref()).is_some_and(|id| id.starts_with(EXTERNAL_ID)) {
        return Vec::new();
    }
    let urgent = failed(text(run.conclusion.as_ref()));
    let named = pulls(run.pull_requests.as_deref(), repo, urgent);
    if named.is_empty() { head(run.head_sha.as_ref(), repo, urgent).into_iter().collect() } else { named }
}

fn on_push(payload: &Payload<'_>, repo: RepoId) -> Vec<Hint> {
    let pushed = text(payload.git_ref.as_ref()).and_then(|name| name.strip_prefix("refs/heads/"));
    let Some(branch) = branch(pushed, repo) else { return Vec::new() };
    let commits = [payload.before.as_ref(), payload.after.as_ref()];
    let heads = commits.into_iter().filter_map(|sha| head(sha, repo, false));
    std::iter::once(branch).chain(heads).collect()
}

/// A group is named after the last pull request in it: `refs/heads/gh-readonly-queue/BASE/pr-NUMBER-SHA`.
fn on_merge_group(payload: &Payload<'_>, repo: RepoId) -> Option<Hint> {
    let name = text(payload.merge_group.as_ref()?.head_ref.as_ref())?;
    let number = name.rsplit('/').next()?.strip_prefix("pr-")?.split('-').next()?.parse().ok()?;
    Some(Hint::Pull { repo, number: PrNumber(number), urgent: false })
}

/// Runs of forks name no pull request, and runs of shared commits name those of other repositories too.
fn pulls(linked: Option<&[LinkedPull]>, repo: RepoId, urgent: bool) -> Vec<Hint> {
    let ours = |pull: &&LinkedPull| {
        let base = pull.base.as_ref().and_then(|base| base.repo.as_ref()).and_then(|repo| repo.id);
        base == Some(repo.0)
    };
    let numbers = linked.unwrap_or_default().iter().filter(ours).filter_map(|pull| pull.number);
    numbers.map(|number| Hint::Pull { repo, number: PrNumber(number), urgent }).collect()
}

fn head(sha: Option<&Text<'_>>, repo: RepoId, urgent: bool) -> Option<Hint> {
    let sha: Sha = parsed(sha)?;
    // All zeros stand for "no commit".
    sha.as_str().bytes().any(|b| b != b'0').then_some(Hint::Head { repo, sha, urgent })
}

fn branch(name: Option<&str>, repo: RepoId) -> Option<Hint> {
    Some(Hint::Branch { repo, branch: name?.parse().ok()? })
}

fn failed(verdict: Option<&str>) -> bool {
    matches!(verdict, Some("failure" | "error" | "timed_out" | "startup_failure" | "cancelled"))
}

fn text<'a>(field: Option<&'a Text<'_>>) -> Option<&'a str> {
    field.map(Text::as_str)
}

fn parsed<T: std::str::FromStr>(field: Option<&Text<'_>>) -> Option<T> {
    text(field)?.parse().ok()
}

/// The events and actions that this version knows, after GitHub's webhook documentation.
fn knows(event: &str, action: &str) -> bool {
    let actions: &[&str] = match event {
        "push" | "create" | "delete" | "status" | "public" | "ping" => &[""],
        "pull_request" => &PULL_ACTIONS,
        "pull_request_review" => &["submitted", "edited", "dismissed"],
        "pull_request_review_comment" => &["created", "edited", "deleted"],
        "pull_request_review_thread" => &["resolved", "unresolved"],
        "issue_comment" => &["created", "edited", "deleted", "pinned", "unpinned"],
        "issues" => &ISSUE_ACTIONS,
        "check_run" => &["created", "completed", "rerequested", "requested_action"],
        "check_suite" => &["requested", "rerequested", "completed"],
        "workflow_run" => &["requested", "in_progress", "completed"],
        "workflow_job" => &["queued", "waiting", "in_progress", "completed"],
        "merge_group" => &["checks_requested", "destroyed"],
        "installation" => &["created", "deleted", "suspend", "unsuspend", "new_permissions_accepted"],
        "installation_repositories" => &["added", "removed"],
        "installation_target" => &["renamed"],
        "repository" => &REPOSITORY_ACTIONS,
        "label" | "branch_protection_rule" | "repository_ruleset" => &["created", "edited", "deleted"],
        "branch_protection_configuration" => &["enabled", "disabled"],
        "member" => &["added", "edited", "removed"],
        "deployment_protection_rule" => &["requested"],
        "deployment_review" => &["approved", "rejected", "requested"],
        _ => &[],
    };
    actions.contains(&action)
}

const PULL_ACTIONS: [&str; 21] = [
    "assigned",
    "auto_merge_disabled",
    "auto_merge_enabled",
    "closed",
    "converted_to_draft",
    "demilestoned",
    "dequeued",
    "edited",
    "enqueued",
    "labeled",
    "locked",
    "milestoned",
    "opened",
    "ready_for_review",
    "reopened",
    "review_request_removed",
    "review_requested",
    "synchronize",
    "unassigned",
    "unlabeled",
    "unlocked",
];

const ISSUE_ACTIONS: [&str; 18] = [
    "assigned",
    "closed",
    "deleted",
    "demilestoned",
    "edited",
    "labeled",
    "locked",
    "milestoned",
    "opened",
    "pinned",
    "reopened",
    "transferred",
    "typed",
    "unassigned",
    "unlabeled",
    "unlocked",
    "unpinned",
    "untyped",
];

const REPOSITORY_ACTIONS: [&str; 9] =
    ["archived", "created", "deleted", "edited", "privatized", "publicized", "renamed", "transferred", "unarchived"];

#[cfg(test)]
mod tests {
    use std::{fs, io::Read as _, path::PathBuf};

    use proptest::prelude::*;
    use serde_json::{Value, json};

    use super::*;

    const REPO: RepoId = RepoId(7);
    const OTHER: u64 = 8;
    const SHA: &str = "1111111111111111111111111111111111111111";

    fn hints_of(event: &str, mut payload: Value) -> Vec<Hint> {
        payload["repository"] = json!({"id": REPO.0, "full_name": "octo/hello"});
        route(event, payload.to_string().as_bytes()).unwrap().hints
    }

    fn pull(number: u64, urgent: bool) -> Hint {
        Hint::Pull { repo: REPO, number: PrNumber(number), urgent }
    }

    fn at(sha: &str, urgent: bool) -> Hint {
        Hint::Head { repo: REPO, sha: sha.parse().unwrap(), urgent }
    }

    fn linked(number: u64, base: u64) -> Value {
        json!({"number": number, "base": {"repo": {"id": base}}})
    }

    /// Every vendored example as (event, payload).
    fn examples() -> Vec<(String, Value)> {
        let folder = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("webhooks/examples");
        let mut examples = Vec::new();
        for entry in fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            let event = path.file_stem().unwrap().to_str().unwrap().to_owned();
            for line in fs::read_to_string(&path).unwrap().lines() {
                examples.push((event.clone(), serde_json::from_str(line).unwrap()));
            }
        }
        examples
    }

    /// Puts `value` in the place of every text under one of `keys`.
    fn mutate(payload: &mut Value, keys: &[&str], value: &str) {
        match payload {
            Value::Object(fields) => {
                for (key, field) in fields {
                    if keys.contains(&key.as_str()) && field.is_string() {
                        *field = json!(value);
                    } else {
                        mutate(field, keys, value);
                    }
                }
            }
            Value::Array(items) => items.iter_mut().for_each(|item| mutate(item, keys, value)),
            Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
        }
    }

    #[test]
    fn a_delivery_says_whose_it_is() {
        let body = json!({
            "action": "opened",
            "pull_request": {"number": 12},
            "repository": {"id": 7, "full_name": "octo/hello"},
            "sender": {"login": "mona"},
        });

        let routed = route("pull_request", body.to_string().as_bytes()).unwrap();

        let expected = Routed {
            repo: Some(REPO),
            repo_name: Some("octo/hello".parse().unwrap()),
            action: Some("opened".to_owned()),
            sender: Some("mona".parse().unwrap()),
            known: true,
            hints: vec![pull(12, false)],
        };
        assert_eq!(routed, expected);
    }

    #[test]
    fn everything_about_a_pull_request_points_at_it_and_a_submitted_review_is_urgent() {
        let body = |action: &str| json!({"action": action, "pull_request": {"number": 12}});
        assert_eq!(hints_of("pull_request", body("synchronize")), [pull(12, false)]);
        assert_eq!(hints_of("pull_request_review", body("submitted")), [pull(12, true)]);
        assert_eq!(hints_of("pull_request_review", body("dismissed")), [pull(12, false)]);
        assert_eq!(hints_of("pull_request_review_comment", body("created")), [pull(12, false)]);
        assert_eq!(hints_of("pull_request_review_thread", body("resolved")), [pull(12, false)]);
    }

    // G047
    #[test]
    fn a_push_to_a_pull_request_tells_its_head() {
        let body = |action: &str| json!({"action": action, "pull_request": {"number": 12, "head": {"sha": SHA}}});
        let told = Hint::Told { repo: REPO, number: PrNumber(12), head: SHA.parse().unwrap() };

        for action in ["opened", "reopened", "synchronize"] {
            assert_eq!(hints_of("pull_request", body(action)), std::slice::from_ref(&told));
        }
        // A label may have been set long after the head in the payload was one.
        assert_eq!(hints_of("pull_request", body("labeled")), [pull(12, false)]);
    }

    // G092
    #[test]
    fn changed_rules_point_at_the_rules_of_the_repository() {
        for event in ["branch_protection_rule", "repository_ruleset"] {
            assert_eq!(hints_of(event, json!({"action": "edited"})), [Hint::Rules { repo: REPO }]);
        }
    }

    // G045
    #[test]
    fn a_repository_that_changes_its_name_or_goes_points_at_itself() {
        let existence = |deleted| Hint::Existence { repo: REPO, deleted };
        for (action, deleted) in [("renamed", false), ("transferred", false), ("archived", false), ("deleted", true)] {
            assert_eq!(hints_of("repository", json!({"action": action})), [existence(deleted)], "{action}");
        }
    }

    #[test]
    fn a_comment_points_at_its_pull_request_or_its_issue() {
        let on_pull = json!({"action": "created", "issue": {"number": 5, "pull_request": {"url": "x"}}});
        let on_issue = json!({"action": "created", "issue": {"number": 5, "pull_request": null}});

        assert_eq!(hints_of("issue_comment", on_pull), [pull(5, false)]);
        assert_eq!(hints_of("issue_comment", on_issue), [Hint::Issue { repo: REPO, number: IssueNumber(5) }]);
    }

    // G041, G046
    #[test]
    fn a_run_points_at_the_pull_requests_of_its_repository_or_else_at_its_commit() {
        let body = |pulls: Value| json!({"action": "completed", "check_run": {"head_sha": SHA, "conclusion": "success", "pull_requests": pulls}});

        assert_eq!(hints_of("check_run", body(json!([linked(3, OTHER), linked(4, 7)]))), [pull(4, false)]);
        assert_eq!(hints_of("check_run", body(json!([linked(3, OTHER)]))), [at(SHA, false)]);
        assert_eq!(hints_of("check_run", body(json!([]))), [at(SHA, false)]);
    }

    // G011
    #[test]
    fn a_failed_conclusion_is_urgent_and_an_unknown_one_still_points() {
        let body = |conclusion: &str| json!({"action": "completed", "workflow_job": {"head_sha": SHA, "conclusion": conclusion}});

        assert_eq!(hints_of("workflow_job", body("failure")), [at(SHA, true)]);
        assert_eq!(hints_of("workflow_job", body("timed_out")), [at(SHA, true)]);
        assert_eq!(hints_of("workflow_job", body("sparkling")), [at(SHA, false)]);
        assert_eq!(hints_of("status", json!({"sha": SHA, "state": "error"})), [at(SHA, true)]);
    }

    // G076
    #[test]
    fn a_run_on_behalf_of_something_else_points_nowhere() {
        for cause in ["workflow_run", "issue_comment", "schedule"] {
            let run = json!({"head_sha": SHA, "conclusion": "failure", "event": cause, "pull_requests": []});
            assert_eq!(hints_of("workflow_run", json!({"action": "completed", "workflow_run": run})), []);
        }
    }

    #[test]
    fn a_push_points_at_its_branch_and_both_commits_but_not_at_no_commit() {
        let branch = Hint::Branch { repo: REPO, branch: "fix/a".parse().unwrap() };
        let old = "0".repeat(40);
        let push = json!({"ref": "refs/heads/fix/a", "before": old, "after": SHA});

        assert_eq!(hints_of("push", push), [at(SHA, false), branch.clone()]);
        assert_eq!(hints_of("push", json!({"ref": "refs/tags/v1", "before": old, "after": SHA})), []);
        assert_eq!(hints_of("create", json!({"ref": "fix/a", "ref_type": "branch"})), [branch]);
        assert_eq!(hints_of("create", json!({"ref": "v1", "ref_type": "tag"})), []);
    }

    #[test]
    fn a_merge_group_points_at_the_pull_request_it_is_named_after() {
        let group = json!({"head_ref": format!("refs/heads/gh-readonly-queue/main/pr-104-{SHA}")});
        assert_eq!(
            hints_of("merge_group", json!({"action": "checks_requested", "merge_group": group})),
            [pull(104, false)]
        );
    }

    // G010
    #[test]
    fn an_unknown_event_or_action_points_nowhere_and_is_no_error() {
        for (event, action) in [("foo_bar", "made"), ("pull_request", "pinned_to_moon")] {
            let body = json!({"action": action, "pull_request": {"number": 1}, "repository": {"id": 7}});
            let routed = route(event, body.to_string().as_bytes()).unwrap();
            assert_eq!((routed.known, routed.hints), (false, vec![]));
        }
    }

    #[test]
    fn all_examples_route_also_with_unknown_actions_conclusions_and_states() {
        let examples = examples();
        assert_eq!(examples.len(), 329);
        for (event, payload) in examples {
            for keys in [&[][..], &["action"], &["conclusion", "status"], &["state", "type", "event"]] {
                let mut mutated = payload.clone();
                mutate(&mut mutated, keys, "sparkling");
                let routed = route(&event, mutated.to_string().as_bytes());
                assert!(routed.is_ok(), "{event} with other {keys:?}: {routed:?}");
            }
        }
    }

    #[test]
    fn the_examples_of_every_event_about_a_pull_request_point_somewhere() {
        let about = ["pull_request", "check_run", "check_suite", "workflow_job", "status", "push", "issue_comment"];
        for (event, payload) in examples().into_iter().filter(|(event, _)| about.contains(&event.as_str())) {
            let routed = route(&event, payload.to_string().as_bytes()).unwrap();
            let tag = payload["ref"].as_str().is_some_and(|name| name.starts_with("refs/tags/"));
            assert!(tag || !routed.hints.is_empty(), "{event} {:?} points nowhere", routed.action);
        }
    }

    // The recordings are not part of the project: without the folder there is nothing to check.
    #[test]
    fn every_recorded_delivery_routes() {
        let folder = PathBuf::from(option_env!("ANTIPHON_RECORDINGS").unwrap_or_default());
        let Ok(entries) = fs::read_dir(folder) else { return };
        for path in entries.map(|entry| entry.unwrap().path()) {
            if !path.to_string_lossy().ends_with(".events.ndjson.gz") {
                continue;
            }
            let mut lines = String::new();
            flate2::read::MultiGzDecoder::new(fs::File::open(&path).unwrap()).read_to_string(&mut lines).unwrap();
            for line in lines.lines() {
                let delivery: Value = serde_json::from_str(line).unwrap();
                let event = delivery["event"].as_str().unwrap();
                let routed = route(event, delivery["payload"].to_string().as_bytes());
                assert!(routed.is_ok_and(|r| r.repo.is_some()), "{event} of {}", path.display());
            }
        }
    }

    // G009
    #[test]
    fn a_truncated_delivery_is_unparsable_and_nothing_worse() {
        for (event, payload) in examples().into_iter().step_by(15) {
            let body = payload.to_string().into_bytes();
            for end in (0..body.len()).step_by(997) {
                assert!(route(&event, &body[..end]).is_err());
            }
        }
    }

    proptest! {
        // G009
        #[test]
        fn no_bytes_panic(event in "[a-z_]{0,20}", body in proptest::collection::vec(any::<u8>(), 0..200)) {
            drop(route(&event, &body));
        }

        #[test]
        fn no_changed_byte_panics(at in 0_usize..4000, to in any::<u8>()) {
            let body = json!({
                "action": "completed",
                "repository": {"id": 7, "full_name": "octo/hello"},
                "check_run": {"head_sha": SHA, "conclusion": "failure", "pull_requests": [linked(1, 7)]},
            });
            let mut body = body.to_string().into_bytes();
            let at = at % body.len();
            body[at] = to;
            drop(route("check_run", &body));
        }
    }
}
