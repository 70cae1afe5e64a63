//! The outbox: in order within a lane, lanes in parallel, every outcome fenced.

use jiff::Timestamp;

use super::{World, looks, stop, task, tell_fleet};
use crate::{
    event::{Event, Task},
    journal::{Claimed, EffectId, Fenced, Postponement},
    model::{Fence, Version},
};

fn prepared() -> Event {
    Task::WorkspaceRemoved.into()
}

fn ids(claimed: &[Claimed]) -> Vec<EffectId> {
    claimed.iter().map(|claimed| claimed.id.clone()).collect()
}

async fn resolve(world: &World, claimed: &Claimed) -> Fenced {
    world.journal.resolve(claimed.id.clone(), claimed.fence, Some(prepared())).await.unwrap()
}

pub(crate) async fn effects_of_a_lane_are_claimed_one_after_the_other(world: World) {
    let first = world.ordered(&task("a"), vec![stop("s", 1), stop("s", 2)]).await;
    let second = world.ordered(&task("b"), vec![stop("s", 3)]).await;
    let mut claimed = Vec::new();

    for _ in 0..3 {
        let one = world.claim_one().await;
        assert_eq!(world.claim(10).await, [], "the lane is taken");
        assert_eq!(resolve(&world, &one).await, Fenced::Accepted);
        claimed.push(one.id);
    }

    assert_eq!(claimed, [first, second].concat());
    assert_eq!(world.claim(10).await, []);
}

pub(crate) async fn lanes_are_claimed_in_parallel_oldest_first_up_to_the_limit(world: World) {
    let effects = vec![looks(9, 1), stop("z", 1), stop("z", 2), stop("a", 1), looks(9, 2)];
    let all = world.ordered(&task("a"), effects).await;

    let some = world.claim(2).await;
    let rest = world.claim(10).await;

    assert_eq!(ids(&some), [all[0].clone(), all[1].clone()]);
    assert_eq!(ids(&rest), [all[3].clone()]);
}

pub(crate) async fn a_claim_hands_out_what_was_ordered(world: World) {
    let since = world.now();
    let id = world.ordered(&task("a"), vec![looks(7, 3)]).await.remove(0);
    world.hand.forward(5);

    let claimed = world.claim_one().await;

    let expected = Claimed { id, fence: Fence(1), effect: looks(7, 3), progress: None, postponed: 0, tried: 0, since };
    assert_eq!(claimed, expected);
}

pub(crate) async fn a_told_event_is_never_claimed(world: World) {
    world.ordered(&task("a"), vec![tell_fleet("a")]).await;

    assert_eq!(world.claim(10).await, []);
    assert_eq!(world.journal.stats().await.unwrap().outbox, 0);
}

pub(crate) async fn a_lease_that_ran_out_is_claimed_again_and_the_first_claimant_is_stale(world: World) {
    world.ordered(&task("a"), vec![stop("s", 1), stop("s", 2)]).await;
    let first = world.claim_one().await;
    world.hand.forward(59);
    assert_eq!(world.claim(10).await, []);
    world.hand.forward(1);

    let second = world.claim_one().await;

    assert_eq!((&second.id, second.fence), (&first.id, Fence(2)));
    let (id, fence) = (first.id.clone(), first.fence);
    assert_eq!(resolve(&world, &first).await, Fenced::Stale);
    assert_eq!(world.journal.progress(id.clone(), fence, "x".into(), Some(prepared())).await.unwrap(), Fenced::Stale);
    assert_eq!(world.journal.postpone(id, fence, world.waits(9)).await.unwrap(), Fenced::Stale);
    assert_eq!(world.waiting().await, []);
    assert_eq!(resolve(&world, &second).await, Fenced::Accepted);
    assert_eq!(resolve(&world, &second).await, Fenced::Stale);
}

pub(crate) async fn a_lease_that_ran_out_still_counts_until_somebody_else_claims(world: World) {
    world.ordered(&task("a"), vec![stop("s", 1)]).await;
    let claimed = world.claim_one().await;
    world.hand.forward(600);

    assert_eq!(resolve(&world, &claimed).await, Fenced::Accepted);
}

pub(crate) async fn an_outcome_lands_in_the_inbox_once(world: World) {
    world.ordered(&task("a"), vec![stop("s", 1), stop("s", 2)]).await;
    let told = world.claim_one().await;
    resolve(&world, &told).await;
    resolve(&world, &told).await;
    let silent = world.claim_one().await;
    world.journal.resolve(silent.id, silent.fence, None).await.unwrap();

    let waiting = world.waiting().await;

    assert_eq!(waiting.len(), 1);
    assert_eq!(
        (waiting[0].cause.as_str(), &waiting[0].to, &waiting[0].event),
        ("outcome/task/a/1/0/1", &task("a"), &prepared())
    );
    assert_eq!(world.journal.stats().await.unwrap().outbox, 0);
}

pub(crate) async fn progress_survives_and_tells_the_machine_each_time(world: World) {
    world.ordered(&task("a"), vec![stop("s", 1)]).await;
    let first = world.claim_one().await;
    let note = async |claimed: &Claimed, text: &str, event| {
        world.journal.progress(claimed.id.clone(), claimed.fence, text.into(), event).await.unwrap()
    };

    assert_eq!(note(&first, "placed", Some(prepared())).await, Fenced::Accepted);
    assert_eq!(note(&first, "quiet", None).await, Fenced::Accepted);
    assert_eq!(note(&first, "submitted", Some(prepared())).await, Fenced::Accepted);
    world.journal.reclaim().await.unwrap();
    let second = world.claim_one().await;
    assert_eq!(note(&second, "sought", Some(prepared())).await, Fenced::Accepted);

    assert_eq!(second.progress.as_deref(), Some("submitted"));
    let expected =
        ["outcome/task/a/1/0/progress/1/1", "outcome/task/a/1/0/progress/1/3", "outcome/task/a/1/0/progress/2/4"];
    assert_eq!(world.causes().await, expected);
}

pub(crate) async fn a_postponed_effect_holds_up_its_lane_until_its_moment(world: World) {
    let all = world.ordered(&task("a"), vec![stop("s", 1), stop("s", 2), stop("t", 1)]).await;
    let claimed = world.claim(1).await.remove(0);
    world.journal.postpone(claimed.id, claimed.fence, world.waits(30)).await.unwrap();

    assert_eq!(ids(&world.claim(10).await), [all[2].clone()], "only the other lane goes on");
    world.hand.forward(29);
    assert_eq!(world.claim(10).await, []);
    world.hand.forward(1);
    let again = world.claim_one().await;

    assert_eq!((again.id, again.fence, again.postponed), (all[0].clone(), Fence(2), 1));
}

pub(crate) async fn tries_are_counted_apart_from_waits(world: World) {
    world.ordered(&task("a"), vec![stop("s", 1)]).await;
    for tried in [true, false, false, true, true] {
        let claimed = world.claim_one().await;
        let how = Postponement { tried, ..world.waits(1) };
        world.journal.postpone(claimed.id, claimed.fence, how).await.unwrap();
        world.hand.forward(1);
    }

    let claimed = world.claim_one().await;

    assert_eq!((claimed.postponed, claimed.tried), (5, 3));
}

pub(crate) async fn a_postponed_claim_is_over(world: World) {
    world.ordered(&task("a"), vec![stop("s", 1)]).await;
    let claimed = world.claim_one().await;
    let (id, fence) = (claimed.id.clone(), claimed.fence);
    world.journal.postpone(id.clone(), fence, world.waits(30)).await.unwrap();

    assert_eq!(resolve(&world, &claimed).await, Fenced::Stale);
    assert_eq!(world.journal.postpone(id, fence, world.waits(90)).await.unwrap(), Fenced::Stale);
    assert_eq!(world.journal.next_deadline(Timestamp::UNIX_EPOCH).await.unwrap(), Some(world.later(30)));
}

pub(crate) async fn reclaiming_frees_everything_and_makes_old_claims_stale(world: World) {
    world.ordered(&task("a"), vec![stop("s", 1), stop("t", 1), looks(1, 1)]).await;
    let old = world.claim(2).await;

    assert_eq!(world.journal.reclaim().await.unwrap(), 2);
    assert_eq!(world.journal.reclaim().await.unwrap(), 0);

    assert_eq!(resolve(&world, &old[0]).await, Fenced::Stale);
    let fences: Vec<Fence> = world.claim(10).await.iter().map(|claimed| claimed.fence).collect();
    assert_eq!(fences, [Fence(2), Fence(2), Fence(1)]);
}

pub(crate) async fn an_unknown_effect_is_stale(world: World) {
    let unknown = EffectId { machine: task("a"), version: Version(1), index: 0 };

    assert_eq!(world.journal.resolve(unknown, Fence(0), Some(prepared())).await.unwrap(), Fenced::Stale);
    assert_eq!(world.waiting().await, []);
}
