//! Setups of workspaces, with the real daemon: they take turns, they fail where people see it, they end with their task.

use std::{collections::BTreeMap, path::Path};

use antiphon::{
    client::Client,
    view::{Overview, Subject, TaskPhase, TaskView},
};

use crate::world::{BINARY, World, eventually};

/// A world whose workspaces are set up by these lines. `HERE` in them is a directory of the test's. Its agents note their
/// environment there.
async fn world(lines: &[&str]) -> World {
    let dir = tempfile::tempdir().unwrap();
    let place = dir.path().to_str().unwrap().to_owned();
    let lines: Vec<_> = lines.iter().map(|line| format!("'{}'", line.replace("HERE", &place))).collect();
    let noting = format!("env > {place}/env-$ANTIPHON_SESSION; exec \"$0\" \"$@\"");
    let agent = format!("scripted-agent, --record, '{place}/typed.log', --, '{BINARY}', hook");
    let changed = BTreeMap::from([
        ("workspace", format!("{{ setup: [{}] }}", lines.join(", "))),
        ("command", format!("[/bin/sh, -c, '{noting}', '{BINARY}', {agent}]")),
    ]);
    World::within(dir, &changed).await
}

/// A program called `npm` that notes when it begins and ends, and fails the first time. The pause gives another one the
/// chance to begin in between.
fn fake_npm(dir: &Path) -> String {
    format!(
        "mkdir -p {0}/bin; printf \"#!/bin/sh\\necho begin >> {0}/notes; sleep 0.1; echo end >> {0}/notes; \
         mkdir {0}/failed 2>/dev/null && exit 1; exit 0\\n\" > {0}/bin/npm.$$; chmod +x {0}/bin/npm.$$; \
         mv {0}/bin/npm.$$ {0}/bin/npm",
        dir.display()
    )
}

async fn overview(client: &Client) -> Overview {
    client.overview().await.unwrap()
}

async fn the_task(client: &Client, what: &str, like: impl Fn(&TaskView) -> bool) -> TaskView {
    eventually(what, async || client.overview().await.ok()?.tasks.into_iter().find(&like)).await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn two_setups_with_one_cache_take_turns_and_the_one_that_fails_is_run_again() {
    let make = fake_npm(Path::new("HERE"));
    let world =
        world(&[&make, "HERE/bin/npm ci", "echo $TMPDIR $ANTIPHON_PORT $COMPOSE_PROJECT_NAME >> HERE/own"]).await;
    let dir = world.config().parent().unwrap().to_owned();
    let daemon = world.start_daemon();
    world.is_served().await;
    let client = Client::connect(&world.state_dir()).unwrap();

    world.open_issue(0);
    world.open_issue(1);
    eventually("both agents", async || (overview(&client).await.sessions.len() == 2).then_some(())).await;

    let notes = std::fs::read_to_string(dir.join("notes")).unwrap();
    assert_eq!(notes, "begin\nend\n".repeat(3), "one at a time, and the failed one once more");
    let own = std::fs::read_to_string(dir.join("own")).unwrap();
    let mut words: Vec<&str> = own.split_whitespace().collect();
    words.sort_unstable();
    words.dedup();
    assert_eq!(words.len(), 6, "nothing of it is shared: {own}");
    for session in overview(&client).await.sessions {
        let noted = dir.join(format!("env-{}", session.session));
        let whole = |env: &String| env.contains("ANTIPHON_URL=");
        let env = eventually("the agent", async || std::fs::read_to_string(&noted).ok().filter(whole)).await;
        let value = |name: &str| env.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix('='));
        let same = ["TMPDIR", "ANTIPHON_PORT", "COMPOSE_PROJECT_NAME"].map(|name| value(name).unwrap_or_default());
        assert!(own.lines().any(|line| line == same.join(" ")), "the agent has what its setup had: {same:?}");
        assert!(env.contains(&format!(".own/{}/hooks", session.session)), "and hooks of its own: {env}");
    }
    daemon.stop().await;
    world.end().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_setup_that_keeps_failing_is_shown_and_told_and_waits_for_a_person() {
    let world = world(&["echo one of many words; test -e HERE/mended"]).await;
    let dir = world.config().parent().unwrap().to_owned();
    let daemon = world.start_daemon();
    world.is_served().await;
    let client = Client::connect(&world.state_dir()).unwrap();

    world.open_issue(0);
    let failed = the_task(&client, "the failed task", |task| task.phase == TaskPhase::Failed).await;

    let trouble = failed.trouble.unwrap();
    assert!(trouble.contains("mended` ended with 1") && trouble.contains("one of many words"), "{trouble}");
    assert!(overview(&client).await.needs.iter().any(|need| need.subject == failed.task && need.what == trouble));
    eventually("room for others", async || (overview(&client).await.slots.used == 0).then_some(())).await;
    let told = format!("the workspace of {} in", failed.task);
    eventually("the notification", async || world.log().contains(&told).then_some(())).await;

    std::fs::write(dir.join("mended"), "").unwrap();
    let wish = Subject { request: "again".to_owned(), subject: failed.task.clone() };
    client.retry(&wish).await.unwrap();
    eventually("the agent", async || (overview(&client).await.sessions.len() == 1).then_some(())).await;
    let log =
        std::fs::read_to_string(world.state_dir().join("logs").join(format!("{}-setup.log", failed.task))).unwrap();
    assert!(log.ends_with("one of many words\n"), "{log}");
    daemon.stop().await;
    world.end().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_task_that_is_given_up_ends_its_setup_with_all_that_it_started() {
    let world = world(&["echo $$ > HERE/pid.new; mv HERE/pid.new HERE/pid; sleep 1000 & wait"]).await;
    let pid = world.config().parent().unwrap().join("pid");
    let daemon = world.start_daemon();
    world.is_served().await;
    let client = Client::connect(&world.state_dir()).unwrap();
    world.open_issue(0);
    let task = the_task(&client, "the setup", |task| task.phase == TaskPhase::SettingUp && pid.exists()).await;

    let wish = Subject { request: "stop".to_owned(), subject: task.task.clone() };
    client.stop(&wish).await.unwrap();

    let ended = the_task(&client, "the end", |task| task.phase == TaskPhase::Abandoned).await;
    assert_eq!((ended.workspace, ended.trouble), (None, None));
    let group: i32 = std::fs::read_to_string(pid).unwrap().trim().parse().unwrap();
    let group = rustix::process::Pid::from_raw(group).unwrap();
    eventually("the end of the group", async || rustix::process::test_kill_process_group(group).is_err().then_some(()))
        .await;
    daemon.stop().await;
    world.end().await;
}

// A daemon that is killed in the middle of a setup: the next one ends what it left, and begins once more.
#[cfg(target_os = "linux")]
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_setup_whose_daemon_was_killed_is_ended_before_it_runs_again() {
    let first =
        "mkdir HERE/first || exit 0; echo $$ > HERE/pid.new; mv HERE/pid.new HERE/pid; setsid sleep 1000 & wait";
    let world = world(&[
        first,
        "grep -q \"^State:.[^Z]\" /proc/$(cat HERE/pid)/status 2>/dev/null && touch HERE/two-at-once; true",
    ])
    .await;
    let dir = world.config().parent().unwrap().to_owned();
    world.open_issue(0);
    let daemon = world.start_daemon();
    eventually("the setup", async || dir.join("pid").exists().then_some(())).await;

    daemon.kill().await;
    let daemon = world.start_daemon();

    world.is_served().await;
    let client = Client::connect(&world.state_dir()).unwrap();
    eventually("the agent", async || (overview(&client).await.sessions.len() == 1).then_some(())).await;
    assert!(!dir.join("two-at-once").exists(), "two setups ran in one workspace");
    let task = overview(&client).await.tasks.remove(0).task;
    let mark = format!("{}-setup.log", world.state_dir().join("logs").join(task).display());
    assert_eq!(processes_with(&mark), 0, "what it had started is gone, too");
    daemon.stop().await;
    world.end().await;
}

/// How many processes of this machine have these words in their environment.
#[cfg(target_os = "linux")]
fn processes_with(words: &str) -> usize {
    let all = std::fs::read_dir("/proc").unwrap().flatten();
    let environments = all.filter_map(|process| std::fs::read(process.path().join("environ")).ok());
    environments.filter(|environment| String::from_utf8_lossy(environment).contains(words)).count()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_task_begins_on_a_full_disk_and_whoever_waits_may_be_given_up() {
    let changed = BTreeMap::from([("sessions", "4, free_disk: 900TB".to_owned())]);
    let world = World::with_settings(&changed).await;
    let daemon = world.start_daemon();
    world.is_served().await;
    let client = Client::connect(&world.state_dir()).unwrap();

    world.open_issue(0);
    let waiting = the_task(&client, "the waiting task", |task| task.phase == TaskPhase::Preparing).await;

    let needs = overview(&client).await.needs;
    assert!(needs.iter().any(|need| need.subject == "disk" && need.what.contains("below 900TB")), "{needs:?}");
    let wish = Subject { request: "stop".to_owned(), subject: waiting.task };
    client.stop(&wish).await.unwrap();
    let ended = the_task(&client, "the end", |task| task.phase == TaskPhase::Abandoned).await;
    assert_eq!((ended.workspace, overview(&client).await.sessions.len()), (None, 0));
    daemon.stop().await;
    world.end().await;
}
