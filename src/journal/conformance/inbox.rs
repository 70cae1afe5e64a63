//! Inboxes: each cause once.

use super::{World, released, session, task, wanted};
use crate::{
    event::{Session, Task},
    journal::{Novelty, Post, Waiting},
    model::MachineKey,
};

pub(crate) async fn a_cause_is_accepted_once_ever(world: World) {
    let post = |cause: &str, to: MachineKey, event| Post { cause: cause.to_owned(), to, event };

    let first = world.journal.post(vec![
        post("request/1", MachineKey::Fleet, released("t-1")),
        post("request/1", MachineKey::Fleet, released("t-2")),
    ]);
    let first = first.await.unwrap();
    // The same cause for another machine is the same cause.
    let second = world.journal.post(vec![
        post("request/1", task("a"), Task::TurnEnded.into()),
        post("request/2", task("a"), Task::TurnEnded.into()),
    ]);
    let second = second.await.unwrap();

    assert_eq!((first, second), (vec![Novelty::New, Novelty::Known], vec![Novelty::Known, Novelty::New]));
    assert_eq!(world.causes().await, ["request/1", "request/2"]);
    assert_eq!(world.waiting().await[0].event, released("t-1"));
}

pub(crate) async fn events_wait_in_the_order_in_which_they_came(world: World) {
    let posts = [
        ("z", MachineKey::Fleet, wanted("t-1")),
        ("a", session("s-1"), Session::EndWanted.into()),
        ("m", task("t-1"), Task::StopWanted.into()),
    ];
    for (cause, to, event) in &posts {
        let post = Post { cause: (*cause).to_owned(), to: to.clone(), event: event.clone() };
        world.journal.post(vec![post]).await.unwrap();
    }

    let waiting = world.waiting().await;

    let rows: Vec<u64> = waiting.iter().map(|waiting| waiting.row).collect();
    assert!(rows.is_sorted_by(|a, b| a < b), "{rows:?}");
    let expected: Vec<Waiting> = rows
        .iter()
        .zip(posts)
        .map(|(row, (cause, to, event))| Waiting { row: *row, cause: cause.to_owned(), to, event })
        .collect();
    assert_eq!(world.journal.waiting(2).await.unwrap(), expected[..2]);
    assert_eq!(waiting, expected);
}

pub(crate) async fn a_cause_stays_known_after_its_event_was_consumed(world: World) {
    let row = world.posted(&task("a"), "hook/1").await;
    let step = world.step_from(&task("a"), world.version(&task("a")).await, crate::journal::Cause::Inbox(row));
    world.committed(step).await;

    let again = Post { cause: "hook/1".to_owned(), to: task("a"), event: Task::TurnEnded.into() };

    assert_eq!(world.journal.post(vec![again]).await.unwrap(), [Novelty::Known]);
    assert_eq!(world.waiting().await, []);
}
