//! The whole story, with the real binary: an issue becomes a merged pull request.

use std::time::Duration;

use antiphon::{
    journal::{Journal as _, SqliteJournal},
    machine::{State, session::SendEnd, task::Phase},
    simulator::Happened,
};

use crate::world::{Conclusion, REPO, World, eventually};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_issue_becomes_a_merged_pull_request() {
    let mut world = World::new().await;
    let daemon = world.start_daemon();

    play(&mut world).await;
    let states = settled(&world).await;

    assert_eq!(prompts(&states), (3, 3), "three prompts, all of them acknowledged\n{}", world.report());
    daemon.stop().await;
    world.end().await;
}

// G048: what the agent pushes comes back as a delivery of our own account. It moves the head, and that is all.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_own_push_moves_the_head_and_calls_nobody() {
    let mut world = World::new().await;
    let daemon = world.start_daemon();

    world.open_issue(0);
    let number = until_green(&mut world).await;
    let pushed = world.github.pulls(REPO).into_iter().find(|pull| pull.number == number).unwrap();
    eventually("the pushed head, green and with nothing wrong", async || {
        let states = states(&world).await;
        states.into_iter().find_map(|state| {
            let State::Pull(pull) = state else { return None };
            let shown = pull.snapshot.as_ref().is_some_and(|it| it.head.sha.as_str() == pushed.head);
            (shown && pull.green.is_some() && pull.incidents.is_empty()).then_some(())
        })
    })
    .await;

    let synchronized: Vec<String> = world
        .github
        .deliveries()
        .all()
        .iter()
        .filter(|it| it.event == "pull_request" && it.action.as_deref() == Some("synchronize"))
        .map(|it| serde_json::from_str::<serde_json::Value>(&it.payload).unwrap()["sender"]["login"].to_string())
        .collect();
    assert_eq!(synchronized, ["\"antiphon-app\""], "the repair was pushed by ourselves");
    assert_eq!((pushed.labels, pushed.comments), (Vec::new(), Vec::new()), "nobody was called");
    let (sent, acknowledged) = prompts(&states(&world).await);
    assert_eq!((sent, acknowledged), (2, 2), "the issue and the red check, and no prompt was withdrawn");
    daemon.stop().await;
    world.end().await;
}

/// From an issue to its merge.
pub(crate) async fn play(world: &mut World) {
    world.open_issue(0);
    let number = until_green(world).await;
    from_review_to_merge(world, number).await;
}

/// From an open issue to the green pull request of this number.
pub(crate) async fn until_green(world: &mut World) -> u64 {
    let number = world.until("a pull request", pull_opened).await;
    world.until("a red check", |it| finished(it, Conclusion::Failure)).await;
    world.until("a green check", |it| finished(it, Conclusion::Success)).await;
    number
}

/// A reviewer asks for a change, sees it, and approves.
pub(crate) async fn from_review_to_merge(world: &mut World, number: u64) {
    world.forget();
    world.ask_for_changes(
        "maya",
        number,
        ("pages/welcome.txt", 1, "pages/welcome.txt:1: please use \"Welcome, and stay a while.\""),
    );
    world.until("a green check after the review", |it| finished(it, Conclusion::Success)).await;
    world.github.approve(REPO, number, "maya").unwrap();
    world.until("the merge", |it| matches!(it, Happened::PullMerged { .. }).then_some(())).await;
}

/// The states of all machines once every task is done: its agent has ended and its workspace is removed.
pub(crate) async fn settled(world: &World) -> Vec<State> {
    let mut ticks = tokio::time::interval(Duration::from_millis(20));
    let wait = async {
        loop {
            ticks.tick().await;
            let states = states(world).await;
            let tasks: Vec<_> = states
                .iter()
                .filter_map(|state| if let State::Task(task) = state { Some(task.phase) } else { None })
                .collect();
            if !tasks.is_empty() && tasks.iter().all(|phase| *phase == Phase::Done) {
                return states;
            }
        }
    };
    match tokio::time::timeout(Duration::from_secs(30), wait).await {
        Ok(states) => states,
        Err(_) => panic!("the task did not end\n{}", world.report()),
    }
}

async fn states(world: &World) -> Vec<State> {
    let Ok(journal) = SqliteJournal::open_read_only(&world.state_dir()) else { return Vec::new() };
    let stored = journal.machines(None).await.unwrap_or_default();
    stored.into_iter().filter_map(|(_, stored)| serde_json::from_str::<Option<State>>(&stored.state).unwrap()).collect()
}

/// How many prompts were sent, and how many of them are known to have arrived.
pub(crate) fn prompts(states: &[State]) -> (usize, usize) {
    let sent =
        states.iter().filter_map(|state| if let State::Session(session) = state { Some(&session.sent) } else { None });
    let ends: Vec<_> = sent.flatten().map(|sent| &sent.end).filter(|end| **end != SendEnd::Withdrawn).collect();
    let acknowledged = ends.iter().filter(|end| matches!(end, SendEnd::Acknowledged(_))).count();
    (ends.len(), acknowledged)
}

fn pull_opened(happened: &Happened) -> Option<u64> {
    if let Happened::PullOpened { number, .. } = happened { Some(*number) } else { None }
}

fn finished(happened: &Happened, wanted: Conclusion) -> Option<()> {
    matches!(happened, Happened::CheckFinished { conclusion, .. } if *conclusion == wanted).then_some(())
}
