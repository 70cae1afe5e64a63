//! Commands that speak to a daemon: what they ask, how they show the answer, and that there is none.

use std::sync::{Arc, Mutex};

use antiphon::{
    model::{IncidentKind, Rescue},
    view::{
        IncidentView, Need, Overview, PullPhase, PullView, RepositoryView, SessionPhase, SessionView, Severity, Slots,
        TaskPhase, TaskView,
    },
};
use axum::{
    Json, Router,
    body::Bytes,
    extract::State,
    http::{HeaderMap, Method, StatusCode, Uri},
    response::{IntoResponse as _, Response},
};
use insta::assert_snapshot;
use jiff::{SignedDuration, Timestamp};
use serde_json::{Value, json};

use super::world::{Ran, World, wait_for};

const TOKEN: &str = "0123456789abcdef0123456789abcdef";

fn now() -> Timestamp {
    "2026-01-01T12:00:00Z".parse().expect("it is a time")
}

fn ago(seconds: i64) -> Timestamp {
    now() - SignedDuration::from_secs(seconds)
}

fn task(name: &str, phase: TaskPhase, title: &str) -> TaskView {
    TaskView {
        task: name.to_owned(),
        repo: "octo-org/hello".to_owned(),
        title: title.to_owned(),
        issue: Some(12),
        pull: (phase == TaskPhase::InReview).then_some(34),
        branch: None,
        agent: Some("claude".to_owned()),
        phase,
        trouble: None,
        since: Some(ago(7_300)),
        workspace: None,
        rescue: None,
        used: None,
    }
}

/// An ended task whose workspace is still there.
fn left(name: &str) -> TaskView {
    TaskView {
        workspace: Some(format!("/state/workspaces/{name}")),
        trouble: Some("workspace kept: uncommitted changes in notes.txt".to_owned()),
        ..task(name, TaskPhase::Abandoned, "Given up")
    }
}

fn rescue() -> Rescue {
    Rescue { task: "hello-9".parse().unwrap(), at: ago(7_300), commit: "e".repeat(40).parse().unwrap() }
}

fn pull(number: u64, phase: PullPhase, task: Option<&str>) -> PullView {
    PullView {
        repo: "octo-org/hello".to_owned(),
        number,
        url: format!("https://github.com/octo-org/hello/pull/{number}"),
        title: "Greet people by name".to_owned(),
        branch: "antiphon/12-greet".to_owned(),
        head: "0123456".to_owned(),
        task: task.map(ToOwned::to_owned),
        phase,
        why: "checks failed: waits before the next attempt".to_owned(),
        incidents: task.map(|_| incident()).into_iter().collect(),
        used: None,
        checks: (4, 1, 0),
        requests: Vec::new(),
        withheld: 0,
        observed_at: None,
    }
}

fn incident() -> IncidentView {
    IncidentView {
        kind: IncidentKind::ChecksFailed,
        since: now(),
        stage: "waits before the next attempt".to_owned(),
        attempts: 2,
        attempts_max: Some(3),
        rule: Some("ci-failed".to_owned()),
        next_at: Some(ago(-90)),
    }
}

fn overview() -> Overview {
    let session = SessionView {
        session: "hello-12".to_owned(),
        task: "hello-12".to_owned(),
        agent: "claude".to_owned(),
        runtime: "pty".to_owned(),
        generation: 1,
        phase: SessionPhase::NeedsInput,
        since: Some(ago(30)),
        trouble: None,
        queued: 0,
        prompts: Vec::new(),
        incidents: Vec::new(),
        used: None,
    };
    let need = Need {
        severity: Severity::Urgent,
        since: Some(ago(30)),
        subject: "hello-12".to_owned(),
        what: "the agent waits for an answer in its terminal".to_owned(),
        hint: "`antiphon attach hello-12`".to_owned(),
    };
    Overview {
        schema: 1,
        at: now(),
        needs: vec![need],
        tasks: vec![
            task("hello-12", TaskPhase::InReview, "Greet people by name"),
            TaskView { rescue: Some(rescue()), ..task("hello-9", TaskPhase::Done, "Old work") },
            left("hello-10"),
        ],
        pulls: vec![pull(34, PullPhase::Repairing, Some("hello-12")), pull(35, PullPhase::Green, None)],
        sessions: vec![session],
        slots: Slots { used: 1, all: 4, waiting: 2 },
        repositories: vec![RepositoryView {
            name: "octo-org/hello".to_owned(),
            observed_at: Some(ago(60)),
            trouble: None,
            blocked: Vec::new(),
            silent_since: None,
            parked: None,
            broken_rules: Vec::new(),
        }],
        limits: Vec::new(),
    }
}

/// What was asked: method, path and body.
type Asked = Arc<Mutex<Vec<(String, Value)>>>;

/// Runs a command beside a daemon that answers with fixed words; what it was asked is noted.
fn beside_a_daemon(world: &World, args: &[&str]) -> (Ran, Vec<(String, Value)>) {
    let asked = Asked::default();
    let router = Router::new().fallback(answer).with_state(Arc::clone(&asked));
    let ran = wait_for(async {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.expect("a port is free");
        let address = listener.local_addr().expect("it is bound").to_string();
        std::fs::create_dir_all(world.state()).expect("it can be made");
        std::fs::write(world.state().join("address"), address).expect("it can be written");
        std::fs::write(world.state().join("token"), TOKEN).expect("it can be written");
        let serving = axum::serve(listener, router);
        tokio::select! {
            ran = world.start(args) => ran,
            ended = serving => panic!("{ended:?}"),
        }
    });
    let asked = std::mem::take(&mut *asked.lock().expect("nobody panicked"));
    (ran, asked)
}

async fn answer(State(asked): State<Asked>, method: Method, uri: Uri, headers: HeaderMap, body: Bytes) -> Response {
    let shown = headers.get("authorization").and_then(|it| it.to_str().ok()).unwrap_or_default();
    if shown != format!("Bearer {TOKEN}") {
        return StatusCode::UNAUTHORIZED.into_response();
    }
    let path = uri.path().to_owned();
    let body = serde_json::from_slice(&body).unwrap_or(Value::Null);
    asked.lock().expect("nobody panicked").push((format!("{method} {path}"), body));
    let overview = serde_json::to_string(&overview()).expect("it can be written");
    match path.trim_start_matches("/api/v1/") {
        "overview" => overview.into_response(),
        "events" => format!(": hello\n\nevent: overview\ndata: {overview}\n\nevent: entry\ndata: {}\n\n", entry(8))
            .into_response(),
        "link" => Json(json!({ "path": "/login?code=c0de" })).into_response(),
        "spawn" => {
            Json(json!({ "task": "hello-12", "what": "hello-12 begins as soon as a slot is free" })).into_response()
        }
        "clean" | "restore" => Json(json!({ "task": "hello-9", "what": "hello-9: it is done" })).into_response(),
        "doctor" => {
            let finding = json!({ "severity": "urgent", "what": "GitHub refuses the token", "hint": "renew it" });
            Json(json!([finding])).into_response()
        }
        "tasks/hello-12/log" => {
            // Whoever asks again sees what has happened since.
            let times = asked.lock().expect("nobody panicked").iter().filter(|(it, _)| it.ends_with("/log")).count();
            let entries: Vec<Value> = (7..).take(times).map(entry).collect();
            Json(json!({ "task": "hello-12", "setup": "$ npm ci\nok\n", "entries": entries })).into_response()
        }
        _ => {
            let problem = json!({ "error": "there is no task `nobody`", "hint": "see `antiphon status`" });
            (StatusCode::NOT_FOUND, Json(problem)).into_response()
        }
    }
}

fn entry(seq: u64) -> Value {
    json!({
        "seq": seq, "at": "2026-01-01T12:00:00Z", "machine": "session/hello-12", "event": "acknowledged",
        "detail": "abcdefghij", "cause": "hook/1", "effects": ["tell pull/42/34: turn ended"],
    })
}

#[test]
fn without_a_daemon_there_is_a_hint_and_exit_code_3() {
    for args in [
        &["status"][..],
        &["spawn", "12"],
        &["send", "t-1", "hi"],
        &["logs", "t-1"],
        &["open"],
        &["stop", "t-1"],
        &["gc"],
        &["undo"],
    ] {
        let ran = World::new().run(args);

        assert_eq!((ran.code, ran.out.as_str()), (Some(3), ""), "{args:?} {}", ran.err);
        assert!(ran.err.contains("hint: start one with `antiphon up`"), "{args:?} {}", ran.err);
        assert!(!ran.err.contains('\x1b'), "{}", ran.err);
    }
    let error = World::new().run(&["status", "--json"]).error();
    assert_eq!((&error["kind"], &error["exit_code"]), (&"no-daemon".into(), &3.into()));
}

#[test]
fn an_address_that_a_dead_daemon_left_behind_is_no_daemon() {
    let free = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().to_string();
    let world =
        World::new().with_file(".local/state/antiphon/address", &free).with_file(".local/state/antiphon/token", TOKEN);

    assert_eq!(world.run(&["status"]).code, Some(3));
}

#[test]
fn the_status_says_first_what_needs_you() {
    let (ran, _) = beside_a_daemon(&World::new(), &["status"]);

    assert_eq!((ran.code, ran.err.as_str()), (Some(0), ""));
    assert_snapshot!(ran.out, @r"
    octo-org/hello · 1 of 4 slots in use, 2 waiting for one

    Needs you
      ✗ hello-12: the agent waits for an answer in its terminal (30s)
        → `antiphon attach hello-12`

    Tasks
      hello-12  ○ in-review  claude needs-input  #34  2h  Greet people by name

    Pull requests
      octo-org/hello#34             ● repairing  1 failed, 4 passed  attempt 2 of 3, next in 1m  checks failed: waits before the next attempt
      octo-org/hello#35 (observed)  ✓ green      1 failed, 4 passed                              checks failed: waits before the next attempt
    ");
}

#[test]
fn the_status_shows_what_has_ended_only_when_asked() {
    let world = World::new();

    assert!(!beside_a_daemon(&world, &["status"]).0.out.contains("hello-9"));
    assert!(beside_a_daemon(&world, &["status", "--all"]).0.out.contains("hello-9"));
}

#[test]
fn the_status_as_json_is_what_the_daemon_says() {
    let (ran, asked) = beside_a_daemon(&World::new(), &["status", "--json"]);

    assert_eq!(ran.json(), serde_json::to_value(overview()).unwrap());
    assert_eq!(asked, [("GET /api/v1/overview".to_owned(), Value::Null)]);
}

#[test]
fn watching_shows_every_change_until_the_daemon_ends() {
    let (ran, _) = beside_a_daemon(&World::new(), &["status", "--watch", "--json"]);

    assert_eq!(ran.code, Some(3), "{}", ran.err);
    assert_eq!(ran.out.lines().count(), 1);
    assert_eq!(ran.json()["schema"], 1);
}

#[test]
fn a_wish_carries_what_was_typed_and_an_id_of_its_own() {
    let (ran, mut asked) = beside_a_daemon(&World::new(), &["spawn", "octo-org/hello#12", "--agent", "codex"]);

    assert_eq!((ran.code, ran.out.as_str()), (Some(0), "hello-12 begins as soon as a slot is free\n"));
    let (path, body) = asked.remove(0);
    let request = body["request"].as_str().unwrap();
    let expected = json!({ "request": request, "repo": "octo-org/hello", "issue": 12, "text": null, "agent": "codex" });
    assert_eq!((path.as_str(), &body, request.len()), ("POST /api/v1/spawn", &expected, 24));
}

#[test]
fn words_come_from_the_command_line_or_from_standard_input() {
    let (_, typed) = beside_a_daemon(&World::new(), &["spawn", "fix", "the", "greeting"]);
    let (_, piped) = beside_a_daemon(&World::new().with_input("from\na file\n"), &["spawn", "-"]);

    assert_eq!((&typed[0].1["text"], &piped[0].1["text"]), (&"fix the greeting".into(), &"from\na file\n".into()));
    assert_eq!(World::new().with_input(" \n").run(&["send", "t-1", "-"]).code, Some(2));
}

#[test]
fn for_scripts_the_answer_is_json_or_just_the_name() {
    let (json, _) = beside_a_daemon(&World::new(), &["spawn", "12", "--json"]);
    let (quiet, _) = beside_a_daemon(&World::new(), &["spawn", "12", "--quiet"]);

    assert_eq!(json.json()["task"], "hello-12");
    assert_eq!(quiet.out, "hello-12\n");
}

#[test]
fn a_refusal_has_the_daemons_words_and_exit_code_4() {
    let (ran, asked) = beside_a_daemon(&World::new(), &["retry", "nobody"]);

    let complaint = "error: there is no task `nobody`\nhint: see `antiphon status`\n";
    assert_eq!((ran.code, ran.out.as_str(), ran.err.as_str()), (Some(4), "", complaint));
    assert_eq!(asked[0].0, "POST /api/v1/retry");
}

#[test]
fn another_daemons_token_is_refused() {
    let world = World::new();
    let (first, _) = beside_a_daemon(&world, &["open", "--print"]);

    assert!(first.out.starts_with("http://127.0.0.1:") && first.out.ends_with("/login?code=c0de\n"), "{}", first.out);
}

#[test]
fn a_log_shows_setup_and_entries_by_task_and_by_pull_request() {
    let (by_task, _) = beside_a_daemon(&World::new(), &["logs", "hello-12"]);
    let (by_pull, _) = beside_a_daemon(&World::new(), &["logs", "octo-org/hello#34"]);

    assert_eq!(by_task.code, Some(0), "{}", by_task.err);
    assert_snapshot!(by_task.out, @r"
    setup of hello-12
      $ npm ci
      ok

    2026-01-01 12:00:00  session/hello-12       acknowledged: abcdefghij
                         → tell pull/42/34: turn ended
    ");
    assert_eq!(by_pull.out, by_task.out);
}

#[test]
fn a_log_as_json_is_one_entry_a_line() {
    let (ran, _) = beside_a_daemon(&World::new(), &["logs", "hello-12", "--json"]);

    assert_eq!((ran.out.lines().count(), ran.json()), (1, entry(7)));
}

#[test]
fn a_followed_log_goes_on_and_shows_nothing_twice() {
    let (ran, _) = beside_a_daemon(&World::new(), &["logs", "hello-12", "--follow", "--json"]);

    let shown: Vec<Value> = ran.out.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert_eq!((ran.code, shown), (Some(3), vec![entry(7), entry(8)]));
}

#[test]
fn a_pull_request_that_nobody_owns_has_no_log() {
    let (ran, _) = beside_a_daemon(&World::new(), &["logs", "octo-org/hello#35"]);

    let complaint = "error: no task owns octo-org/hello#35\n\
                     hint: let an agent carry it on: `antiphon adopt octo-org/hello#35`\n";
    assert_eq!((ran.code, ran.err.as_str()), (Some(4), complaint));
}

#[test]
fn the_doctor_passes_on_what_the_daemon_noticed() {
    let (ran, _) = beside_a_daemon(&World::new(), &["doctor"]);

    assert_eq!(ran.code, Some(5));
    assert!(ran.out.contains("✗ daemon       GitHub refuses the token\n    → renew it\n"), "{}", ran.out);
    assert!(ran.out.contains("· settings     none found here; the daemon was given others\n"), "{}", ran.out);
    assert!(!ran.out.contains("address"), "a daemon that runs takes its own address: {}", ran.out);
}

#[test]
fn workspaces_of_ended_tasks_are_removed_or_only_listed() {
    let world = World::new();
    let line = "hello-10: /state/workspaces/hello-10";
    let why = "(workspace kept: uncommitted changes in notes.txt)";

    let (dry, asked) = beside_a_daemon(&world, &["gc", "--dry-run"]);
    assert_eq!((dry.out, asked.len()), (format!("{line} would be removed {why}\n"), 1));

    let (ran, asked) = beside_a_daemon(&world, &["gc"]);
    assert_eq!(ran.out, format!("{line} is being removed {why}\n"));
    assert_eq!((asked[1].0.as_str(), &asked[1].1["subject"]), ("POST /api/v1/clean", &json!("hello-10")));

    let (unknown, asked) = beside_a_daemon(&world, &["gc", "hello-12"]);
    assert_eq!((unknown.code, asked.len()), (Some(2), 1), "{}", unknown.err);
    assert!(unknown.err.contains("hello-12 is no ended task with a workspace"), "{}", unknown.err);
}

#[test]
fn what_can_be_brought_back_is_listed_and_brought_back() {
    let world = World::new();

    let (listed, _) = beside_a_daemon(&world, &["undo"]);
    assert_eq!(listed.out, "hello-9                    2h ago  eeeeeee\n");
    let (json, _) = beside_a_daemon(&world, &["undo", "--json"]);
    assert_eq!(serde_json::from_str::<Value>(&json.out).unwrap()[0]["task"], "hello-9");

    let (ran, asked) = beside_a_daemon(&world, &["undo", "hello-9"]);
    assert_eq!(ran.out, "hello-9: it is done\n");
    assert_eq!((asked[0].0.as_str(), &asked[0].1["subject"]), ("POST /api/v1/restore", &json!("hello-9")));
}
