//! Deliveries: stored once, routed once.

use super::{World, released, task};
use crate::{
    event::Task,
    journal::{Delivery, Novelty, Post, Stats},
    model::{MachineKey, RepoId},
};

fn delivery(world: &World, id: &str) -> Delivery {
    Delivery {
        id: id.parse().unwrap(),
        event: "pull_request".to_owned(),
        repo: Some(RepoId(42)),
        received_at: world.now(),
        body: format!("{{\"id\":\"{id}\",\"filler\":\"{}\"}}", "x".repeat(20_000)).into_bytes(),
    }
}

fn post(cause: &str) -> Post {
    Post { cause: cause.to_owned(), to: MachineKey::Fleet, event: released("t-1") }
}

pub(crate) async fn a_delivery_is_new_once_and_known_ever_after(world: World) {
    let first = world.journal.ingest(delivery(&world, "d1")).await.unwrap();
    // S18: GitHub's redelivery may differ in everything but its id.
    let again = Delivery { event: "push".to_owned(), ..delivery(&world, "d1") };
    let second = world.journal.ingest(again).await.unwrap();
    world.journal.route("d1".parse().unwrap(), Vec::new()).await.unwrap();
    let third = world.journal.ingest(delivery(&world, "d1")).await.unwrap();

    assert_eq!([first, second, third], [Novelty::New, Novelty::Known, Novelty::Known]);
    assert_eq!(world.journal.unrouted(10).await.unwrap(), []);
}

pub(crate) async fn unrouted_deliveries_come_back_as_they_were_oldest_first(world: World) {
    let one = delivery(&world, "z");
    let two = Delivery { repo: None, body: Vec::new(), ..delivery(&world, "a") };
    let three = Delivery { repo: Some(RepoId(u64::MAX)), body: vec![0xff, 0, 1], ..delivery(&world, "m") };
    for delivery in [&one, &two, &three] {
        world.journal.ingest(delivery.clone()).await.unwrap();
    }

    assert_eq!(world.journal.unrouted(2).await.unwrap(), [one.clone(), two.clone()]);
    assert_eq!(world.journal.unrouted(10).await.unwrap(), [one, two, three]);
}

pub(crate) async fn a_routed_delivery_is_out_of_the_way_and_its_posts_are_in_inboxes(world: World) {
    world.journal.ingest(delivery(&world, "d1")).await.unwrap();
    let other = Post { cause: "delivery/d1/1".into(), to: task("a"), event: Task::TurnEnded.into() };

    world.journal.route("d1".parse().unwrap(), vec![post("delivery/d1/0"), other]).await.unwrap();

    assert_eq!(world.journal.unrouted(10).await.unwrap(), []);
    assert_eq!(world.causes().await, ["delivery/d1/0", "delivery/d1/1"]);
}

pub(crate) async fn a_second_routing_does_nothing(world: World) {
    world.journal.ingest(delivery(&world, "d1")).await.unwrap();
    world.journal.route("d1".parse().unwrap(), vec![post("delivery/d1/0")]).await.unwrap();

    world.journal.route("d1".parse().unwrap(), vec![post("delivery/d1/other")]).await.unwrap();

    assert_eq!(world.causes().await, ["delivery/d1/0"]);
}

pub(crate) async fn routing_an_unknown_delivery_does_nothing(world: World) {
    world.journal.route("d9".parse().unwrap(), vec![post("delivery/d9/0")]).await.unwrap();

    assert_eq!(world.causes().await, Vec::<String>::new());
}

pub(crate) async fn a_buried_delivery_is_kept_and_counted_and_cannot_be_routed(world: World) {
    world.journal.ingest(delivery(&world, "d1")).await.unwrap();

    world.journal.bury("d1".parse().unwrap(), "it is not JSON".to_owned()).await.unwrap();
    world.journal.route("d1".parse().unwrap(), vec![post("delivery/d1/0")]).await.unwrap();

    let stats = world.journal.stats().await.unwrap();
    let newest_delivery = Some(world.now());
    assert_eq!(stats, Stats { deliveries: 1, dead: 1, bytes: stats.bytes, newest_delivery, ..Stats::default() });
    assert_eq!(world.journal.unrouted(10).await.unwrap(), []);
    assert_eq!(world.causes().await, Vec::<String>::new());
}
