//! The convergence property: whatever gets lost, late, doubled or killed, one reconcile later the machines know what
//! GitHub shows, and everything that GitHub still asks for was answered exactly as if nothing had gone wrong.
//!
//! ```text
//! seed ─▶ script (people, CI, agents) ─▶ town: simulated GitHub ─▶ post adversary ─▶ house: journal, engine, executor
//!                                           ▲                                           │      (killed at boundaries)
//!                                           └──── service adversary ◀── GitHub client ◀─┘──▶ terminal: what was typed
//! ```
//!
//! Every seed is played twice with the same script: undisturbed, and with both adversaries at work and kills at counted
//! boundaries. Time is virtual, so that hours pass in milliseconds, and chance is drawn from the seed: a seed that fails
//! fails again. What is judged is read from GitHub's own JSON and from the terminal, never through the client.

mod house;
mod judge;
mod play;
mod script;
mod terminal;

use std::{
    collections::BTreeMap,
    sync::{
        Arc, Mutex,
        atomic::{AtomicU64, Ordering},
    },
};

use self::play::Played;

/// How many seeds are played beside all other tests. `scripts/check-convergence` plays a thousand and more.
const SEEDS: u64 = 24;
/// How many are played beside each other.
const PARALLEL: usize = 2;

/// `ANTIPHON_SEEDS`: so many seeds, or those from one to before another (`40..41` plays one of them again).
#[expect(clippy::disallowed_methods, reason = "whoever runs the tests says how much of them is to be run")]
fn seeds() -> std::ops::Range<u64> {
    let Ok(asked) = std::env::var("ANTIPHON_SEEDS") else { return 0..SEEDS };
    match asked.split_once("..") {
        Some((from, to)) => from.parse().unwrap()..to.parse().unwrap(),
        None => 0..asked.parse().unwrap(),
    }
}

// G001, G003, G013, G014, G018, G021, G023, G047, G084, G112, G115, G120, G121, G123, G133, G135, G136, S02, S18, S27, S36,
// S70, S71, S72
#[test]
fn one_reconcile_after_any_trouble_everything_is_known_and_answered_once() {
    let seeds = seeds();
    let (next, failed, seen) = (AtomicU64::new(seeds.start), Mutex::new(BTreeMap::new()), Mutex::new(Tally::default()));
    std::thread::scope(|scope| {
        for _ in 0..PARALLEL {
            scope.spawn(|| {
                loop {
                    let seed = next.fetch_add(1, Ordering::SeqCst);
                    if seed >= seeds.end || failed.lock().unwrap().len() > 5 {
                        break;
                    }
                    match played(seed) {
                        Ok(tally) => seen.lock().unwrap().add(&tally),
                        Err(why) => drop(failed.lock().unwrap().insert(seed, why)),
                    }
                }
            });
        }
    });
    let (failed, seen) = (failed.into_inner().unwrap(), seen.into_inner().unwrap());
    println!("{seen:?}");
    for (seed, why) in &failed {
        let again = format!("ANTIPHON_SEEDS={seed}..{} cargo test --test it convergence -- --nocapture", seed + 1);
        println!("seed {seed} failed; play it again with\n    {again}\n{why}\n");
    }
    assert!(failed.is_empty(), "these seeds failed: {:?}", failed.keys());
    let many = seeds.end - seeds.start >= 100;
    assert!(!many || seen.is_worth_it(), "too little was tried: {seen:?}");
}

/// What was tried.
#[derive(Debug, Default, Clone)]
struct Tally {
    seeds: u64,
    kills: u64,
    lost: u64,
    befallen: u64,
    compared: u64,
    causes: u64,
    prompts: u64,
    merges: u64,
}

impl Tally {
    fn add(&mut self, other: &Self) {
        self.seeds += other.seeds;
        self.kills += other.kills;
        self.lost += other.lost;
        self.befallen += other.befallen;
        self.compared += other.compared;
        self.causes += other.causes;
        self.prompts += other.prompts;
        self.merges += other.merges;
    }

    /// Whether enough happened that passing means something.
    const fn is_worth_it(&self) -> bool {
        self.kills > self.seeds && self.lost > self.seeds && self.befallen > self.seeds && self.compared > self.seeds
    }
}

/// Plays one seed twice and compares. The error says what is wrong.
fn played(seed: u64) -> Result<Tally, String> {
    let alone = |disturbed: bool| {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        // A panic of one seed must not hide the others.
        let run = std::panic::AssertUnwindSafe(|| runtime.block_on(Box::pin(play::play(seed, disturbed))));
        let played = std::panic::catch_unwind(run).unwrap_or_else(|why| Err(format!("panicked: {}", words(&*why))));
        let name = if disturbed { "disturbed" } else { "undisturbed" };
        played.map_err(|why| format!("the {name} run: {why}"))
    };
    let (calm, wild): (Played, Played) = (alone(false)?, alone(true)?);
    let mut tally = Tally {
        seeds: 1,
        kills: wild.kills,
        lost: wild.lost,
        befallen: wild.befallen,
        prompts: wild.prompts,
        ..Tally::default()
    };
    for (task, answers) in &calm.answers {
        let Some(after_trouble) = wild.answers.get(task) else { continue };
        if answers != after_trouble {
            let both = format!("undisturbed: {answers:#?}\ndisturbed: {after_trouble:#?}");
            return Err(format!("{task} was not answered as in the undisturbed run\n{both}\n{}", wild.story));
        }
        tally.compared += 1;
        tally.causes += answers.causes();
        tally.merges += u64::from(answers.merged);
    }
    Ok(tally)
}

fn words(panic: &(dyn std::any::Any + Send)) -> String {
    let text = panic.downcast_ref::<String>().cloned();
    text.or_else(|| panic.downcast_ref::<&str>().map(|text| (*text).to_owned())).unwrap_or_default()
}

/// Virtual time: everybody in a play reads it, and the play alone moves it.
#[derive(Clone)]
struct Hand(Arc<AtomicU64>);

impl Hand {
    /// Some morning.
    fn new() -> Self {
        Self(Arc::new(AtomicU64::new(1_800_000_000_000)))
    }

    fn now(&self) -> jiff::Timestamp {
        jiff::Timestamp::from_millisecond(i64::try_from(self.millis()).unwrap()).unwrap()
    }

    fn millis(&self) -> u64 {
        self.0.load(Ordering::SeqCst)
    }

    fn set(&self, millis: u64) {
        self.0.fetch_max(millis, Ordering::SeqCst);
    }

    fn clock(&self) -> antiphon::clock::Clock {
        let hand = self.clone();
        antiphon::clock::Clock::from_fn(move || hand.now())
    }
}
