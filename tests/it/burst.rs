//! A burst of deliveries, some of them twice and some of them forged, at the real daemon: what is stored, what it costs.
//!
//! How long answers took is printed and judged by nobody: that is a matter of the machine (`docs/benchmarks.md`).

use std::{
    collections::BTreeSet,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
};

use antiphon::{
    clock::Clock,
    journal::{Journal as _, SqliteJournal},
    simulator::{Chance, NewPull, Push},
};
use jiff::SignedDuration;

use crate::world::{REPO, World, eventually, signature};

/// How many deliveries there are beside all other tests; `ANTIPHON_BURST=10000` says otherwise.
const DELIVERIES: usize = 1_000;
/// How many are under way at the same time.
const LINES: usize = 64;
/// How long the text of the pull request is, in bytes: with it a payload is as long as usual ones, some 25 kB.
const TEXT_BYTES: usize = 6_000;
/// By how much the daemon may grow, in KiB. 10,000 payloads are four times as much, and more of them change nothing.
const GROWTH_KIB_MAX: u64 = 64 << 10;
/// More looks than this would mean that each delivery is looked into by itself.
const LOOKS_MAX: u64 = 100;

#[expect(clippy::disallowed_methods, reason = "whoever runs the tests says how much of them is to be run")]
fn deliveries() -> usize {
    std::env::var("ANTIPHON_BURST").map_or(DELIVERIES, |asked| asked.parse().unwrap())
}

/// One request at the door.
#[derive(Debug, Clone)]
struct Letter {
    guid: String,
    forged: bool,
}

/// So many deliveries, 1 % of them forged, and 1 % of the good ones once more somewhere behind.
fn letters(count: usize) -> Vec<Letter> {
    let mut chance = Chance::new(17);
    let guid = |number: usize| format!("00000000-0000-4000-8000-{number:012}");
    let mut letters: Vec<Letter> =
        (0..count).map(|number| Letter { guid: guid(number), forged: number % 100 == 50 }).collect();
    for number in (7..count).step_by(100) {
        let at = number + 1 + chance.below(count - number);
        letters.insert(at.min(letters.len()), Letter { guid: guid(number), forged: false });
    }
    letters
}

/// What came of a burst.
#[derive(Debug, Default)]
struct Outcome {
    accepted: usize,
    refused: usize,
    other: Vec<u16>,
    took: Vec<SignedDuration>,
}

impl Outcome {
    fn add(&mut self, mut other: Self) {
        self.accepted += other.accepted;
        self.refused += other.refused;
        self.other.append(&mut other.other);
        self.took.append(&mut other.took);
    }
}

/// Sends them over many connections, each waiting for its answer before it sends the next.
async fn send(door: &str, body: &str, letters: &[Letter]) -> Outcome {
    let (good, bad) = (signature(body.as_bytes()), signature(b"another body"));
    let shared = Arc::new((letters.to_vec(), body.to_owned(), [good, bad], AtomicUsize::new(0)));
    let mut lines = tokio::task::JoinSet::new();
    for _ in 0..LINES {
        let (shared, door, client, clock) = (shared.clone(), door.to_owned(), reqwest::Client::new(), Clock::system());
        lines.spawn(async move {
            let (letters, body, [good, bad], next) = &*shared;
            let mut outcome = Outcome::default();
            while let Some(letter) = letters.get(next.fetch_add(1, Ordering::SeqCst)) {
                let request = client.post(&door).header("content-type", "application/json").body(body.clone());
                let request = request.header("x-github-event", "pull_request");
                let request = request.header("x-github-delivery", &letter.guid);
                let request = request.header("x-hub-signature-256", if letter.forged { bad } else { good });
                let begun = clock.now();
                let status = request.send().await.unwrap().status().as_u16();
                outcome.took.push(clock.now().duration_since(begun));
                match status {
                    202 => outcome.accepted += 1,
                    401 => outcome.refused += 1,
                    other => outcome.other.push(other),
                }
            }
            outcome
        });
    }
    let mut whole = Outcome::default();
    while let Some(outcome) = lines.join_next().await {
        whole.add(outcome.unwrap());
    }
    whole.took.sort_unstable();
    whole
}

/// The payload of a pull request that there is, as long as payloads are.
async fn payload(world: &World) -> String {
    world.github.deliveries().hold();
    let files = vec![("pages/more.txt".to_owned(), Some("More.\n".to_owned()))];
    let push = Push { person: "maya".to_owned(), branch: "more".to_owned(), files, message: "Say more".to_owned() };
    world.github.push_as(REPO, push).await.unwrap();
    let pull = NewPull {
        author: "maya".to_owned(),
        title: "Say more".to_owned(),
        body: "words ".repeat(TEXT_BYTES / 6),
        head: "more".to_owned(),
        base: "main".to_owned(),
    };
    world.github.open_pull(REPO, pull).await.unwrap();
    let posted = world.github.deliveries().all();
    posted.into_iter().find(|it| it.event == "pull_request").unwrap().payload
}

// Show 7, G017
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_burst_is_stored_whole_in_bounded_memory() {
    let world = World::new().await;
    let payload = payload(&world).await;
    let daemon = world.start_daemon();
    let answers = reqwest::Client::new();
    let ready = world.door().replace("/webhooks/github", "/readyz");
    eventually("a daemon that is ready", async || {
        answers.get(&ready).send().await.ok()?.status().is_success().then_some(())
    })
    .await;
    let (letters, before) = (letters(deliveries()), daemon.peak_kib());

    let outcome = send(&world.door(), &payload, &letters).await;

    let good: Vec<&Letter> = letters.iter().filter(|letter| !letter.forged).collect();
    let distinct: BTreeSet<&str> = good.iter().map(|letter| letter.guid.as_str()).collect();
    assert_eq!((outcome.accepted, outcome.refused), (good.len(), letters.len() - good.len()), "{:?}", outcome.other);
    let stored = eventually("every delivery routed", async || {
        let journal = SqliteJournal::open_read_only(&world.state_dir()).ok()?;
        let stats = journal.stats().await.ok()?;
        (stats.unrouted == 0).then_some((stats.deliveries, stats.dead))
    })
    .await;
    assert_eq!(stored, (distinct.len() as u64, 0), "all good ones are stored once, and no forged one");
    let growth = daemon.peak_kib() - before;
    let looks = world.github.requests().get("POST /graphql").copied().unwrap_or_default();
    let at = |percent: usize| outcome.took[(outcome.took.len() - 1) * percent / 100].as_millis();
    println!(
        "{} deliveries of {} kB: {} stored, {} refused, {looks} looks, {growth} KiB more memory; 202 after {} ms (p50), {} ms (p99)",
        letters.len(),
        payload.len() / 1000,
        stored.0,
        outcome.refused,
        at(50),
        at(99)
    );
    assert!(growth < GROWTH_KIB_MAX, "{growth} KiB");
    assert!(looks < LOOKS_MAX, "{looks} looks");
    daemon.stop().await;
    world.end().await;
}
