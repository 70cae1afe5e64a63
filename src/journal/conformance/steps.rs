//! Steps: all of one happens, once, on the version that it was computed from.

use jiff::Timestamp;

use super::{World, released, stop, task, tell_fleet};
use crate::{
    effect::Effect,
    event::Task,
    journal::{Cause, Commit, Post, Step, Stored},
    model::{LookupKey, MachineKey, MachineKind, PrNumber, RepoId, TaskId, Version},
};

pub(crate) async fn a_first_step_makes_the_machine(world: World) {
    let step = Step { state: "{\"phase\":\"é\"}".to_owned(), ..world.step(&task("a")).await };

    world.committed(step).await;

    let stored = world.journal.load(task("a")).await.unwrap();
    assert_eq!(stored, Some(Stored { version: Version(1), state: "{\"phase\":\"é\"}".to_owned() }));
    assert_eq!(world.waiting().await, []);
}

pub(crate) async fn a_step_on_another_version_is_a_conflict_and_changes_nothing(world: World) {
    world.committed(world.step(&task("a")).await).await;
    for wrong in [Version(0), Version(2)] {
        let step = Step {
            expected: wrong,
            state: "{}".into(),
            effects: vec![stop("s", 1), tell_fleet("a")],
            ..world.step(&task("a")).await
        };

        assert_eq!(world.journal.commit(step).await.unwrap(), Commit::Conflict);
    }

    let missing = Step { expected: Version(1), ..world.step(&task("b")).await };
    assert_eq!(world.journal.commit(missing).await.unwrap(), Commit::Conflict);

    assert_eq!(world.version(&task("a")).await, Version(1));
    assert_eq!(world.version(&task("b")).await, Version(0));
    assert_eq!(world.causes().await, ["test/task/a/1", "test/task/b/0"]);
    assert_eq!(world.claim(10).await, []);
    assert_eq!(world.journal.stats().await.unwrap().entries, 1);
}

pub(crate) async fn a_repeated_step_is_a_duplicate_and_changes_nothing(world: World) {
    let step = Step { effects: vec![stop("s", 1), tell_fleet("a")], ..world.step(&task("a")).await };
    world.committed(step.clone()).await;

    // As it was, and as somebody would compute it who read the new version but an old inbox.
    let repeated = world.journal.commit(step.clone()).await.unwrap();
    let recomputed = world.journal.commit(Step { expected: Version(1), ..step }).await.unwrap();

    assert_eq!([repeated, recomputed], [Commit::Duplicate, Commit::Duplicate]);
    assert_eq!(world.version(&task("a")).await, Version(1));
    assert_eq!(world.causes().await, ["tell/task/a/1/1"]);
    assert_eq!(world.journal.stats().await.unwrap().outbox, 1);
}

pub(crate) async fn a_step_cannot_consume_the_event_of_another_machine(world: World) {
    let row = world.posted(&task("a"), "request/1").await;

    let stolen = world.journal.commit(world.step_from(&task("b"), Version(0), Cause::Inbox(row))).await;

    assert!(stolen.is_err(), "{stolen:?}");
    assert_eq!(world.causes().await, ["request/1"]);
    assert_eq!(world.version(&task("b")).await, Version(0));
}

pub(crate) async fn told_events_land_in_inboxes_in_the_same_transaction(world: World) {
    let effects = vec![tell_fleet("a"), stop("s", 1), Effect::Tell { to: task("b"), event: Task::PullMerged.into() }];

    world.ordered(&task("a"), effects).await;

    let told: Vec<_> = world.waiting().await.into_iter().map(|told| (told.cause, told.to, told.event)).collect();
    assert_eq!(
        told,
        [
            ("tell/task/a/1/0".to_owned(), MachineKey::Fleet, released("a")),
            ("tell/task/a/1/2".to_owned(), task("b"), Task::PullMerged.into()),
        ]
    );
}

pub(crate) async fn a_machine_may_tell_itself(world: World) {
    world.ordered(&task("a"), vec![Effect::Tell { to: task("a"), event: Task::RetryWanted.into() }]).await;
    let row = world.waiting().await[0].row;

    world.committed(world.step_from(&task("a"), Version(1), Cause::Inbox(row))).await;

    assert_eq!((world.version(&task("a")).await, world.waiting().await), (Version(2), Vec::new()));
}

async fn with_deadline(world: &World, machine: &MachineKey, seconds: i64) {
    let deadline = Some((world.later(seconds), "backoff".to_owned()));
    world.committed(Step { deadline, ..world.step(machine).await }).await;
}

pub(crate) async fn a_deadline_is_due_at_its_moment_most_overdue_first(world: World) {
    with_deadline(&world, &task("a"), 20).await;
    with_deadline(&world, &task("b"), 10).await;
    with_deadline(&world, &task("c"), 30).await;
    let (ten, twenty) = (world.later(10), world.later(20));

    let due = async |seconds: i64, max: usize| world.journal.due(world.later(seconds), max).await.unwrap();

    assert_eq!(due(9, 10).await, []);
    assert_eq!(due(10, 10).await, [(task("b"), ten)]);
    assert_eq!(due(20, 10).await, [(task("b"), ten), (task("a"), twenty)]);
    assert_eq!(due(100, 1).await, [(task("b"), ten)]);
}

pub(crate) async fn a_step_replaces_the_deadline(world: World) {
    with_deadline(&world, &task("a"), 10).await;
    with_deadline(&world, &task("a"), 20).await;
    assert_eq!(world.journal.next_deadline(Timestamp::UNIX_EPOCH).await.unwrap(), Some(world.later(20)));

    world.committed(world.step(&task("a")).await).await;

    assert_eq!(world.journal.next_deadline(Timestamp::UNIX_EPOCH).await.unwrap(), None);
    assert_eq!(world.journal.due(world.later(100), 10).await.unwrap(), []);
}

pub(crate) async fn a_deadline_is_consumed_once(world: World) {
    with_deadline(&world, &task("a"), 10).await;
    let step = world.step_from(&task("a"), Version(1), Cause::Deadline(world.later(10)));

    world.committed(step.clone()).await;

    assert_eq!(world.journal.commit(step.clone()).await.unwrap(), Commit::Conflict);
    let recomputed = Step { expected: Version(2), ..step };
    assert_eq!(world.journal.commit(recomputed).await.unwrap(), Commit::Duplicate);
    assert_eq!(world.version(&task("a")).await, Version(2));
    assert_eq!(world.journal.due(world.later(100), 10).await.unwrap(), []);
}

pub(crate) async fn a_deadline_that_was_moved_is_a_duplicate(world: World) {
    with_deadline(&world, &task("a"), 10).await;
    let early = world.step_from(&task("a"), Version(1), Cause::Deadline(world.later(9)));
    let unborn = world.step_from(&task("b"), Version(0), Cause::Deadline(world.later(9)));

    assert_eq!(world.journal.commit(early).await.unwrap(), Commit::Duplicate);
    assert_eq!(world.journal.commit(unborn).await.unwrap(), Commit::Duplicate);
    assert_eq!(world.journal.next_deadline(Timestamp::UNIX_EPOCH).await.unwrap(), Some(world.later(10)));
}

pub(crate) async fn the_next_deadline_is_the_earliest_of_machines_and_postponed_effects(world: World) {
    let next = async || world.journal.next_deadline(Timestamp::UNIX_EPOCH).await.unwrap();
    world.ordered(&task("a"), vec![stop("s", 1)]).await;
    assert_eq!(next().await, None);

    let claimed = world.claim_one().await;
    world.journal.postpone(claimed.id, claimed.fence, world.waits(30)).await.unwrap();
    assert_eq!(next().await, Some(world.later(30)));

    with_deadline(&world, &task("b"), 40).await;
    assert_eq!(next().await, Some(world.later(30)));
    with_deadline(&world, &task("c"), 20).await;
    assert_eq!(world.journal.next_deadline(world.later(20)).await.unwrap(), Some(world.later(30)));
    assert_eq!(next().await, Some(world.later(20)));

    world.hand.forward(30);
    world.claim_one().await;
    world.committed(world.step(&task("c")).await).await;
    assert_eq!(next().await, Some(world.later(10)));
}

fn issue(number: u64) -> LookupKey {
    LookupKey::Issue(RepoId(1), crate::model::IssueNumber(number))
}

pub(crate) async fn machines_are_found_by_the_keys_of_their_last_step(world: World) {
    let (branch, other) = ("feature/a".parse().unwrap(), "feature".parse().unwrap());
    let (branch, other) = (LookupKey::HeadBranch(RepoId(1), branch), LookupKey::HeadBranch(RepoId(1), other));
    let with = async |lookup: Vec<LookupKey>| {
        world.committed(Step { lookup, ..world.step(&task("a")).await }).await;
    };
    let find = async |key: &LookupKey| world.journal.find(key.clone()).await.unwrap();

    with(vec![issue(1), branch.clone(), issue(1)]).await;
    assert_eq!(find(&issue(1)).await, [task("a")]);
    assert_eq!(find(&branch).await, [task("a")]);
    assert_eq!(find(&other).await, []);

    with(vec![branch.clone(), issue(2)]).await;
    assert_eq!(find(&issue(1)).await, []);
    assert_eq!(find(&issue(2)).await, [task("a")]);
    assert_eq!(find(&branch).await, [task("a")]);

    with(vec![]).await;
    assert_eq!(find(&branch).await, []);
}

fn pull(number: u64) -> MachineKey {
    MachineKey::Pull { repo: RepoId(1), number: PrNumber(number) }
}

pub(crate) async fn several_machines_share_a_key(world: World) {
    let name: TaskId = "t-1".parse().unwrap();
    for machine in [task("t-1"), pull(10), pull(9)] {
        let step = Step { lookup: vec![LookupKey::Task(name.clone())], ..world.step(&machine).await };
        world.committed(step).await;
    }

    let found = world.journal.find(LookupKey::Task(name)).await.unwrap();

    assert_eq!(found, [pull(9), pull(10), task("t-1")]);
}

pub(crate) async fn machines_are_listed_by_kind_and_sorted_by_number(world: World) {
    for machine in [task("b"), pull(10), MachineKey::Fleet, pull(9), task("a")] {
        world.committed(world.step(&machine).await).await;
    }
    let list = async |kind| -> Vec<MachineKey> {
        world.journal.machines(kind).await.unwrap().into_iter().map(|(key, _)| key).collect()
    };

    assert_eq!(list(None).await, [pull(9), pull(10), task("a"), task("b"), MachineKey::Fleet]);
    assert_eq!(list(Some(MachineKind::Pull)).await, [pull(9), pull(10)]);
    assert_eq!(list(Some(MachineKind::Backlog)).await, []);
    let stored = Stored { version: Version(1), state: "{\"steps\":1}".to_owned() };
    assert_eq!(world.journal.machines(Some(MachineKind::Fleet)).await.unwrap(), [(MachineKey::Fleet, stored)]);
    // An inbox alone makes no machine.
    let post = Post { cause: "x".into(), to: task("z"), event: Task::TurnEnded.into() };
    world.journal.post(vec![post]).await.unwrap();
    assert_eq!(world.journal.load(task("z")).await.unwrap(), None);
}
