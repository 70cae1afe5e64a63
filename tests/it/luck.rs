//! Bad luck, with the real daemon: what passes when it is run again wakes nobody.

use antiphon::simulator::{Happened, Push};

use crate::world::{Conclusion, REPO, World};

/// A check that fails in the first attempt of each run, in the words of a network that is down.
const UNLUCKY: &str = r#"#!/bin/sh
if [ "$GITHUB_RUN_ATTEMPT" = 1 ]; then
    echo "curl: (6) Could not resolve host: pages.example.org"
    exit 1
fi
"#;

// G061: the house rule is the agent's to keep, the network is not. The answer to the re-run is lost, and it is not asked
// for twice.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_network_that_fails_once_is_run_again_and_wakes_no_agent() {
    let mut world = World::new().await;
    let files = vec![("tests/unlucky.sh".to_owned(), Some(UNLUCKY.to_owned()))];
    let push = Push { person: "maya".to_owned(), branch: "main".to_owned(), files, message: "Ask far away".to_owned() };
    world.github.push_as(REPO, push).await.unwrap();
    world.github.lose_next_answer("POST", &format!("/repos/{REPO}/actions/runs"));
    let daemon = world.start_daemon();
    world.open_issue(0);

    let green = world.until("a green check", |it| finished(it, Conclusion::Success)).await;
    daemon.stop().await;

    assert_eq!(green, 2, "the second attempt of the second commit");
    let typed = std::fs::read_to_string(world.typed()).unwrap();
    assert_eq!(typed.matches("[antiphon:").count(), 2, "the task, and the house rule\n{}", world.report());
    let writes = world.github.write_log();
    let reruns: Vec<_> = writes.iter().filter(|write| write.path.ends_with("/rerun-failed-jobs")).collect();
    assert_eq!(reruns.len(), 1, "{writes:#?}");
    world.end().await;
}

// G060: the first run is interrupted, and the agent hears only what the second attempt says
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_interrupted_run_is_run_again_once_and_wakes_no_agent() {
    let mut world = World::new().await;
    world.github.interrupt_next_jobs(1);
    let daemon = world.start_daemon();
    world.open_issue(0);

    world.until("a green check", |it| finished(it, Conclusion::Success)).await;
    daemon.stop().await;

    let typed = std::fs::read_to_string(world.typed()).unwrap();
    assert_eq!(typed.matches("[antiphon:").count(), 2, "the task, and the house rule\n{}", world.report());
    let writes = world.github.write_log();
    let reruns = writes.iter().filter(|write| write.path.contains("/rerun"));
    assert_eq!(reruns.count(), 1, "{writes:#?}");
    world.end().await;
}

fn finished(happened: &Happened, wanted: Conclusion) -> Option<u64> {
    let Happened::CheckFinished { conclusion, attempt, .. } = happened else { return None };
    (*conclusion == wanted).then_some(*attempt)
}
