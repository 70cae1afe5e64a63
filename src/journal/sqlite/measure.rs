//! What a transition costs against the disk's floor in the same run. Not a test: it judges nothing and prints.
//!
//! `cargo test --profile … --lib journal::sqlite::measure -- --ignored --nocapture`

use std::{fs::OpenOptions, io::Write as _, path::Path, sync::Arc};

use crate::{
    clock::Clock,
    event::Task,
    journal::{
        Cause, Delivery, Post, Retention, SqliteJournal, Step,
        conformance::{Hand, World, looks, task},
    },
    model::{MachineKey, Version},
};

const SINGLE: usize = 1500;
const CROWD: u64 = 64;
const ROUNDS: u64 = 60;

/// The machine's clock in nanoseconds; good enough for medians.
fn nanos() -> i128 {
    Clock::system().now().as_nanosecond()
}

fn report(name: &str, mut samples: Vec<i128>) -> f64 {
    samples.sort_unstable();
    let at = |share: usize| samples[samples.len() * share / 100] as f64 / 1e6;
    println!("{name}: p50 {:.3} ms, p99 {:.3} ms, n {}", at(50), at(99), samples.len());
    at(50)
}

fn floor(dir: &Path) -> f64 {
    let mut file = OpenOptions::new().create(true).append(true).open(dir.join("floor")).unwrap();
    let record = [b'x'; 512];
    let samples = (0..SINGLE).map(|_| {
        let begun = nanos();
        file.write_all(&record).unwrap();
        file.sync_data().unwrap();
        nanos() - begun
    });
    report("append 512 B + fdatasync", samples.collect())
}

fn step(world: &World, machine: &MachineKey, expected: u64, row: u64) -> Step {
    let step = world.step_from(machine, Version(expected), Cause::Inbox(row));
    let state = format!("\"{}\"", "s".repeat(1500));
    Step { state, effects: vec![looks(row, 1), looks(row, 2)], ..step }
}

async fn posts(world: &World, machines: u64, rounds: u64) -> Vec<(MachineKey, u64, u64)> {
    let keys: Vec<_> =
        (0..rounds).flat_map(|round| (0..machines).map(move |n| (task(&format!("t-{n}")), round))).collect();
    for batch in keys.chunks(500) {
        let posts = batch.iter().map(|(to, round)| {
            let event = Task::PreparationFailed { why: "w".repeat(1500) };
            Post { cause: format!("request/{to}/{round}"), to: to.clone(), event: event.into() }
        });
        world.journal.post(posts.collect()).await.unwrap();
    }
    let waiting = world.journal.waiting(usize::MAX).await.unwrap();
    waiting.into_iter().zip(keys).map(|(waiting, (machine, round))| (machine, round, waiting.row)).collect()
}

fn world(dir: &Path) -> World {
    let journal = SqliteJournal::open(dir, Clock::system(), Retention::default()).unwrap();
    World { journal: Arc::new(journal), hand: Hand::new(), _keep: Box::new(()) }
}

async fn single(dir: &Path) -> f64 {
    let world = world(dir);
    let mut samples = Vec::new();
    for (machine, round, row) in posts(&world, 1, SINGLE as u64).await {
        let step = step(&world, &machine, round, row);
        let begun = nanos();
        world.committed(step).await;
        samples.push(nanos() - begun);
    }
    report("one transition", samples)
}

async fn crowd(dir: &Path) {
    let world = Arc::new(world(dir));
    let mut lanes = vec![Vec::new(); usize::try_from(CROWD).unwrap()];
    for (index, (machine, round, row)) in posts(&world, CROWD, ROUNDS).await.into_iter().enumerate() {
        let lane = index % lanes.len();
        lanes[lane].push(step(&world, &machine, round, row));
    }
    let mut tasks = tokio::task::JoinSet::new();
    let begun = nanos();
    for lane in lanes {
        let world = world.clone();
        tasks.spawn(async move {
            for step in lane {
                world.committed(step).await;
            }
        });
    }
    tasks.join_all().await;
    let seconds = (nanos() - begun) as f64 / 1e9;
    println!("{CROWD} in flight: {:.0} transitions/s", (CROWD * ROUNDS) as f64 / seconds);
}

async fn deliveries(dir: &Path) {
    let world = Arc::new(world(dir));
    let body: Vec<u8> = "{\"pull_request\":{\"number\":12,\"title\":\"words\"}}".repeat(520).into_bytes();
    let mut tasks = tokio::task::JoinSet::new();
    let begun = nanos();
    for lane in 0..CROWD {
        let (world, body) = (world.clone(), body.clone());
        tasks.spawn(async move {
            for number in 0..ROUNDS {
                let id = format!("{lane}-{number}").parse().unwrap();
                let (event, body) = ("pull_request".to_owned(), body.clone());
                let delivery = Delivery { id, event, repo: None, received_at: world.now(), body };
                world.journal.ingest(delivery).await.unwrap();
            }
        });
    }
    tasks.join_all().await;
    let seconds = (nanos() - begun) as f64 / 1e9;
    println!("{CROWD} in flight: {:.0} deliveries of {} B/s", (CROWD * ROUNDS) as f64 / seconds, body.len());
}

#[test]
#[ignore = "prints times and has no verdict: cargo test --release what_a_transition_costs -- --ignored --nocapture"]
fn what_a_transition_costs() {
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
    runtime.block_on(async {
        for _ in 0..3 {
            let dir = tempfile::tempdir_in(".").unwrap();
            let before = floor(dir.path());
            let transition = single(&dir.path().join("single")).await;
            let floor = (before + floor(dir.path())) / 2.0;
            println!("ratio {:.2}", transition / floor);
            crowd(&dir.path().join("crowd")).await;
            deliveries(&dir.path().join("deliveries")).await;
        }
    });
}
