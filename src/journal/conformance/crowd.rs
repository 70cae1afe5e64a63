//! Many callers at once.

use std::sync::Arc;

use futures_util::future::join_all;

use super::{World, looks, task, tell_fleet};
use crate::{
    event::Task,
    journal::{Cause, Commit, Post, Step, Stored},
    model::{MachineKey, Seq, Version},
};

const CROWD: u64 = 64;

fn member(number: u64) -> MachineKey {
    task(&format!("t-{number}"))
}

/// Runs one future for each member of the crowd, all at once, on all threads.
async fn at_once<T: Send + 'static, F: Future<Output = T> + Send + 'static>(
    world: World,
    act: impl Fn(Arc<World>, u64) -> F,
) -> (Arc<World>, Vec<T>) {
    let world = Arc::new(world);
    let mut tasks = tokio::task::JoinSet::new();
    for number in 0..CROWD {
        tasks.spawn(act(world.clone(), number));
    }
    (world, tasks.join_all().await)
}

pub(crate) async fn many_machines_step_at_the_same_time(world: World) {
    let (world, _) = at_once(world, |world, number| async move {
        for look in 0..3 {
            world.ordered(&member(number), vec![looks(number, look), tell_fleet("x")]).await;
        }
    })
    .await;

    for number in 0..CROWD {
        let stored = Stored { version: Version(3), state: "{\"steps\":3}".to_owned() };
        assert_eq!(world.journal.load(member(number)).await.unwrap(), Some(stored));
    }
    let seqs: Vec<u64> = world.journal.tail(Seq(0), 1000).await.unwrap().iter().map(|entry| entry.seq.0).collect();
    assert_eq!(seqs.len() as u64, 3 * CROWD);
    assert!(seqs.is_sorted_by(|a, b| a < b));
    assert_eq!(*world.journal.head().borrow(), Seq(*seqs.last().unwrap()));
    assert_eq!(world.waiting().await.len() as u64, 3 * CROWD);
    assert_eq!(world.claim(1000).await.len() as u64, CROWD);
}

pub(crate) async fn of_many_steps_on_one_version_exactly_one_is_carried_out(world: World) {
    let causes: Vec<Post> = (0..CROWD)
        .map(|n| Post { cause: format!("request/{n}"), to: task("a"), event: Task::TurnEnded.into() })
        .collect();
    world.journal.post(causes).await.unwrap();
    let rows: Arc<Vec<u64>> = Arc::new(world.waiting().await.iter().map(|waiting| waiting.row).collect());

    let (world, commits) = at_once(world, |world, number| {
        let row = rows[usize::try_from(number).unwrap()];
        async move {
            let step = world.step_from(&task("a"), Version(0), Cause::Inbox(row));
            world.journal.commit(Step { effects: vec![looks(1, number)], ..step }).await.unwrap()
        }
    })
    .await;

    let carried_out = commits.iter().filter(|commit| matches!(commit, Commit::Committed(_))).count();
    let conflicts = commits.iter().filter(|commit| matches!(commit, Commit::Conflict)).count() as u64;
    assert_eq!((carried_out, conflicts), (1, CROWD - 1));
    assert_eq!(world.version(&task("a")).await, Version(1));
    assert_eq!(world.waiting().await.len() as u64, CROWD - 1);
    assert_eq!(world.journal.stats().await.unwrap().outbox, 1);
}

pub(crate) async fn a_failing_step_takes_nobody_with_it(world: World) {
    let row = world.posted(&task("owner"), "request/1").await;
    let mut steps = Vec::new();
    for number in 0..CROWD {
        steps.push(world.step(&member(number)).await);
    }
    let thief = Step { effects: vec![looks(1, 1)], ..world.step_from(&task("thief"), Version(0), Cause::Inbox(row)) };
    steps.insert(30, thief);

    // Sent in one go, so that they share transactions.
    let answers = join_all(steps.into_iter().map(|step| world.journal.commit(step))).await;

    assert_eq!(answers.iter().filter(|answer| answer.is_err()).count(), 1);
    assert!(answers[30].is_err());
    assert_eq!(world.journal.stats().await.unwrap().entries, CROWD);
    assert_eq!(world.causes().await, ["request/1"]);
}

pub(crate) async fn whoever_was_answered_sees_its_own_write(world: World) {
    at_once(world, |world, number| async move {
        for round in 1..=5 {
            world.committed(world.step(&member(number)).await).await;
            assert_eq!(world.version(&member(number)).await, Version(round));
        }
    })
    .await;
}
