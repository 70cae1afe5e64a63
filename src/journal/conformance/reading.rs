//! What is read: the log, texts, numbers, signals.

use std::collections::BTreeMap;

use jiff::Timestamp;

use super::{World, released, stop, task, tell_fleet};
use crate::{
    event::Task,
    journal::{Cause, Delivery, Entry, Post, Stats, Step},
    model::{MachineKey, RepoId, Seq, TextHash, Version},
};

fn positions(entries: &[Entry]) -> Vec<(Seq, MachineKey, Version)> {
    entries.iter().map(|entry| (entry.seq, entry.machine.clone(), entry.version)).collect()
}

pub(crate) async fn the_tail_of_the_log_follows_a_position(world: World) {
    let mut expected = Vec::new();
    for (machine, version) in [("a", 1), ("b", 1), ("a", 2)] {
        let seq = world.committed(world.step(&task(machine)).await).await;
        expected.push((seq, task(machine), Version(version)));
    }
    let tail = async |after: Seq, max| positions(&world.journal.tail(after, max).await.unwrap());

    assert!(expected.is_sorted_by(|a, b| a.0 < b.0));
    assert_eq!(tail(Seq(0), 10).await, expected);
    assert_eq!(tail(expected[0].0, 1).await, expected[1..2]);
    assert_eq!(tail(expected[2].0, 10).await, []);
    assert_eq!(tail(Seq(u64::MAX), 10).await, []);
}

pub(crate) async fn an_entry_records_everything_that_a_replay_needs(world: World) {
    let row = world.posted(&task("a"), "delivery/d1/0").await;
    let first = Step {
        effects: vec![stop("s", 1), tell_fleet("a")],
        deadline: Some((world.later(10), "backoff".to_owned())),
        ..world.step_from(&task("a"), Version(0), Cause::Inbox(row))
    };
    let second = Step {
        event: Task::DeadlinePassed.into(),
        rules: "rules-2".to_owned(),
        entropy: [0xa0; 16],
        ..world.step_from(&task("a"), Version(1), Cause::Deadline(world.later(10)))
    };
    let seqs = [world.committed(first.clone()).await, world.committed(second.clone()).await];

    let entries = world.journal.tail(Seq(0), 10).await.unwrap();

    let entry = |seq, version, cause: String, step: Step| Entry {
        seq,
        at: step.at,
        machine: step.machine,
        version: Version(version),
        cause,
        event: step.event,
        effects: step.effects,
        rules: step.rules,
        entropy: hex::encode(step.entropy),
    };
    let expected = [
        entry(seqs[0], 1, "delivery/d1/0".to_owned(), first),
        entry(seqs[1], 2, format!("deadline {}", world.later(10)), second),
    ];
    assert_eq!(entries, expected);
}

pub(crate) async fn the_history_of_a_machine_is_its_newest_entries_oldest_first(world: World) {
    for machine in ["a", "b", "a", "a", "b"] {
        world.committed(world.step(&task(machine)).await).await;
    }

    let versions: Vec<Version> =
        world.journal.history(task("a"), 2).await.unwrap().iter().map(|entry| entry.version).collect();

    assert_eq!(versions, [Version(2), Version(3)]);
    assert_eq!(world.journal.history(task("a"), 10).await.unwrap().len(), 3);
    assert_eq!(world.journal.history(task("c"), 10).await.unwrap(), []);
}

pub(crate) async fn a_text_is_kept_under_its_hash(world: World) {
    let texts = vec![String::new(), "short ✓".to_owned(), "long ".repeat(10_000), "short ✓".to_owned()];

    let hashes = world.journal.keep_texts(texts.clone()).await.unwrap();
    world.journal.keep_texts(texts.clone()).await.unwrap();

    let expected: Vec<TextHash> = texts.iter().map(|text| TextHash::of(text)).collect();
    assert_eq!(hashes, expected);
    for (hash, text) in hashes.into_iter().zip(texts) {
        assert_eq!(world.journal.text(hash).await.unwrap(), Some(text));
    }
    assert_eq!(world.journal.text(TextHash::of("other")).await.unwrap(), None);
}

pub(crate) async fn the_head_is_there_before_the_answer(world: World) {
    let head = world.journal.head();
    assert_eq!(*head.borrow(), Seq(0));

    for machine in ["a", "b", "a"] {
        let seq = world.committed(world.step(&task(machine)).await).await;
        assert_eq!((*head.borrow(), *world.journal.head().borrow()), (seq, seq));
    }
}

pub(crate) async fn news_come_with_everything_that_somebody_may_wait_for(world: World) {
    let mut news = world.journal.news();
    let mut has_news = |what: &str| {
        assert!(news.has_changed().unwrap(), "{what} was not signalled");
        news.mark_unchanged();
    };
    let delivery = |id: &str| Delivery {
        id: id.parse().unwrap(),
        event: "ping".to_owned(),
        repo: None,
        received_at: world.now(),
        body: b"{}".to_vec(),
    };
    let post = |cause: &str| Post { cause: cause.to_owned(), to: MachineKey::Fleet, event: released("a") };

    world.journal.ingest(delivery("d1")).await.unwrap();
    has_news("a delivery");
    world.journal.route("d1".parse().unwrap(), vec![post("delivery/d1/0")]).await.unwrap();
    has_news("a routed event");
    world.journal.post(vec![post("request/1")]).await.unwrap();
    has_news("a posted event");
    world.ordered(&task("a"), vec![stop("s", 1), stop("s", 2)]).await;
    has_news("an effect");
    let claimed = world.claim_one().await;
    world.journal.progress(claimed.id.clone(), claimed.fence, "x".into(), Some(released("a"))).await.unwrap();
    has_news("progress");
    world.journal.resolve(claimed.id, claimed.fence, None).await.unwrap();
    has_news("a free lane");
    let claimed = world.claim_one().await;
    world.journal.postpone(claimed.id, claimed.fence, world.waits(9)).await.unwrap();
    has_news("a postponed effect");
    world.hand.forward(9);
    world.claim_one().await;
    world.journal.reclaim().await.unwrap();
    has_news("a reclaimed effect");

    // What was known brings no news.
    world.journal.ingest(delivery("d1")).await.unwrap();
    world.journal.post(vec![post("request/1")]).await.unwrap();
    assert!(!world.journal.news().has_changed().unwrap());
}

pub(crate) async fn stats_count_what_is_there(world: World) {
    for (id, repo) in [("d1", None), ("d2", Some(RepoId(1))), ("d3", None)] {
        let id = id.parse().unwrap();
        let delivery = Delivery { id, event: "push".into(), repo, received_at: world.now(), body: b"{}".to_vec() };
        world.journal.ingest(delivery).await.unwrap();
    }
    world.journal.route("d1".parse().unwrap(), Vec::new()).await.unwrap();
    world.journal.bury("d2".parse().unwrap(), "why".into()).await.unwrap();
    world.ordered(&task("a"), vec![stop("s", 1), stop("s", 2), tell_fleet("a")]).await;
    world.ordered(&task("b"), vec![]).await;
    world.committed(world.step(&MachineKey::Fleet).await).await;
    let claimed = world.claim_one().await;
    world.journal.resolve(claimed.id, claimed.fence, None).await.unwrap();

    let stats = world.journal.stats().await.unwrap();

    let expected = Stats {
        deliveries: 3,
        unrouted: 1,
        dead: 1,
        waiting: 1,
        outbox: 1,
        entries: 3,
        machines: BTreeMap::from([("task".to_owned(), 2), ("fleet".to_owned(), 1)]),
        bytes: stats.bytes,
        newest_delivery: Some(world.now()),
    };
    assert_eq!(stats, expected);
    assert!(stats.bytes > 0);
}

pub(crate) async fn an_empty_journal_answers_with_nothing(world: World) {
    let stats = world.journal.stats().await.unwrap();

    assert_eq!(stats, Stats { bytes: stats.bytes, ..Stats::default() });
    assert_eq!(world.journal.load(task("a")).await.unwrap(), None);
    assert_eq!(world.journal.next_deadline(Timestamp::UNIX_EPOCH).await.unwrap(), None);
    assert_eq!(world.journal.post(Vec::new()).await.unwrap(), []);
    assert_eq!(world.journal.keep_texts(Vec::new()).await.unwrap(), []);
    assert_eq!(world.claim(10).await, []);
}
