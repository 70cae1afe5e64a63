//! The kill test: the daemon dies at every boundary that a run of the story crosses, one after the other, and is started
//! again; what GitHub was told and what the terminal got must be the same as in the run that nobody disturbed.

use std::{collections::BTreeMap, sync::Arc};

use regex::Regex;
use tokio::sync::Semaphore;

use crate::{
    story::{play, prompts, settled},
    world::World,
};

/// How many stories run beside each other: they wait more than they work.
const PARALLEL: usize = 4;

/// What a run of the story did to the world.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Trace {
    writes: Vec<String>,
    typed: String,
    prompts: usize,
}

// G013, G014, G015, G115, G131, G133, S18, S19.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_kill_at_any_boundary_changes_nothing_that_anybody_sees() {
    killed_at(16).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "takes many minutes: cargo test --test it kill -- --ignored --nocapture"]
async fn a_kill_at_each_single_boundary_changes_nothing_that_anybody_sees() {
    killed_at(usize::MAX).await;
}

/// Tries so many boundaries, spread over the whole run.
async fn killed_at(many: usize) {
    let (undisturbed, boundaries) = undisturbed().await;
    let stride = (usize::try_from(boundaries).unwrap() / many).max(1);
    let chosen: Vec<u64> = (1..=boundaries).step_by(stride).collect();
    let tried = u64::try_from(chosen.len()).unwrap();
    let free = Arc::new(Semaphore::new(PARALLEL));
    let mut runs = tokio::task::JoinSet::new();
    for n in chosen {
        let free = free.clone();
        runs.spawn(async move {
            let _permit = free.acquire_owned().await.unwrap();
            // In a task of its own, so that one run that fails does not hide the others.
            let mut alone = tokio::task::JoinSet::new();
            alone.spawn(killed_once(n));
            (n, alone.join_next().await.unwrap())
        });
    }
    let (mut killed, mut different, mut stuck) = (0, BTreeMap::new(), Vec::new());
    while let Some(run) = runs.join_next().await {
        let (n, run) = run.unwrap();
        let Ok((trace, died)) = run else {
            stuck.push(n);
            continue;
        };
        killed += u64::from(died);
        if trace != undisturbed {
            different.insert(n, trace);
        }
    }
    println!("k = {boundaries} boundaries, {tried} of them tried; {killed} runs were killed there and went on");
    let none = (Vec::<u64>::new(), BTreeMap::new());
    assert_eq!((stuck, different), none, "stuck, and different from the undisturbed {undisturbed:#?}");
    // Runs differ a little in how often they look: the last boundaries are not reached by all.
    assert!(killed > tried * 2 / 3, "only {killed} of {tried} runs died");
}

async fn undisturbed() -> (Trace, u64) {
    let mut world = quiet_world().await;
    let count = world.dir.path().join("boundaries");
    let daemon = world.starter().start(&["--count-boundaries", count.to_str().unwrap()]);
    play(&mut world).await;
    let sent = prompts(&settled(&world).await).0;
    daemon.stop().await;
    let boundaries = std::fs::read_to_string(&count).unwrap().parse().unwrap();
    let trace = trace(&world, sent);
    world.end().await;
    (trace, boundaries)
}

/// The trace of a run whose daemon is killed at boundary `n`, and whether it came to that.
async fn killed_once(n: u64) -> (Trace, bool) {
    let mut world = quiet_world().await;
    let starter = world.starter();
    let mut first = starter.start(&["--die-at-boundary", &n.to_string()]);
    let (sent, second) = {
        let mut story = Box::pin(async {
            play(&mut world).await;
            prompts(&settled(&world).await).0
        });
        tokio::select! {
            sent = &mut story => (sent, None),
            () = first.ended() => {
                let second = starter.start(&[]);
                (story.await, Some(second))
            }
        }
    };
    let died = match second {
        Some(second) => {
            world.is_served().await;
            second.stop().await;
            true
        }
        // The last boundaries lie in the shutdown.
        None => !first.ends_when_asked().await,
    };
    let trace = trace(&world, sent);
    world.end().await;
    (trace, died)
}

/// A world in which nobody is asked where they stand: how long an agent takes for a turn is the machine's business.
async fn quiet_world() -> World {
    let world = World::with_settings(&settings()).await;
    world.add_rule("agent-stuck", "name: agent-stuck\nsettle: 10h\n");
    world
}

/// Slow enough that a restart is quicker than every deadline that would change the story.
fn settings() -> BTreeMap<&'static str, String> {
    BTreeMap::from([("time_scale", "60".to_owned())])
}

fn trace(world: &World, prompts: usize) -> Trace {
    let typed = std::fs::read(world.typed()).unwrap_or_default();
    let writes = world.github.write_log();
    Trace {
        writes: writes
            .iter()
            .map(|write| plain(&format!("{} {} {} {}", write.method, write.path, write.actor, write.body)))
            .collect(),
        typed: plain(&String::from_utf8_lossy(&typed)),
        prompts,
    }
}

/// Without what chance and time decide: addresses, commit ids, prompt ids and nonces, directories.
fn plain(text: &str) -> String {
    let rules = [
        (r"127\.0\.0\.1:\d+", "HOST"),
        (r"\b[0-9a-f]{40}\b", "SHA"),
        (r"\bat [0-9a-f]{7}\b", "at SHA"),
        (r"\[antiphon:[a-z0-9]{10}\]", "[antiphon:ID]"),
        (r"(begin|end) [a-z0-9]{10}\b", "$1 NONCE"),
        (r"/tmp/\.tmp\w+", "DIR"),
        (r"<!-- antiphon:[\w-]+ -->", "MARK"),
    ];
    rules.iter().fold(text.to_owned(), |text, (pattern, with)| {
        Regex::new(pattern).unwrap().replace_all(&text, *with).into_owned()
    })
}
