//! Kills: a child process commits until it dies without warning; what it had acknowledged must be there, and whole.
//!
//! The child is this test binary, started again for one ignored test, which finds its orders in its own directory.
#![cfg(unix)]

use std::{
    fmt::Write as _,
    fs,
    io::Write as _,
    path::Path,
    sync::{Arc, Mutex},
    time::Duration,
};

use crate::{
    boundary,
    clock::Clock,
    journal::{
        Commit, Journal as _, Novelty, Post, Retention, SqliteJournal, Step,
        conformance::{Hand, World, looks, task, tell_fleet},
    },
    model::{MachineKey, Seq, Version},
    process::{self, Command},
};

const CHILD: &str = "journal::sqlite::crash::child";
const MACHINES: u64 = 4;
const ROUNDS: u64 = 6;

/// Not a test: what the others start. Where no orders are, it has nothing to do.
#[test]
#[ignore = "no test of its own: the other tests of this file start it as the process that they kill"]
fn child() {
    let Ok(orders) = fs::read_to_string("orders") else { return };
    let (die_at, rounds) = orders.split_once(' ').unwrap();
    let journal = SqliteJournal::open(Path::new("state"), Clock::system(), Retention::default()).unwrap();
    boundary::die_at(boundary::crossed() + die_at.parse::<u64>().unwrap());
    let world = World { journal: Arc::new(journal), hand: Hand::new(), _keep: Box::new(()) };
    let acknowledged = Mutex::new(fs::File::create("acknowledged").unwrap());
    let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
    runtime.block_on(work(&world, rounds.parse().unwrap(), &acknowledged));
}

/// Several machines step at once, so that transactions hold more than one of them.
async fn work(world: &World, rounds: u64, acknowledged: &Mutex<fs::File>) {
    let acknowledge = |line: String| {
        let mut file = acknowledged.lock().unwrap();
        file.write_all(line.as_bytes()).unwrap();
    };
    let step = async |number: u64| {
        for round in 0..rounds {
            let machine = task(&format!("t-{number}"));
            let effects = vec![looks(number, round), tell_fleet("a"), looks(number, round + 1000)];
            world.committed(Step { effects, ..world.step(&machine).await }).await;
            acknowledge(format!("step {number} {}\n", round + 1));
            let claimed = world.journal.claim(world.now(), 1, Duration::from_secs(3600)).await.unwrap();
            for claim in claimed {
                world.journal.resolve(claim.id.clone(), claim.fence, None).await.unwrap();
                acknowledge(format!("end {} {} {}\n", claim.id.machine, claim.id.version, claim.id.index));
            }
        }
    };
    futures_util::future::join_all((0..MACHINES).map(step)).await;
}

/// Runs the child until it ends or `deadline` passes. Whether it came to its end.
async fn run_child(dir: &Path, orders: String, deadline: Duration) -> bool {
    fs::write(dir.join("orders"), orders).unwrap();
    let binary = std::env::current_exe().unwrap();
    let command = Command::new(binary).args(["--exact", "--ignored", CHILD]).dir(dir).deadline(deadline);
    match command.run().await {
        Ok(output) => {
            assert!(output.code.is_none_or(|code| code == 0), "{}", output.stdout_text());
            output.success()
        }
        Err(process::Error::TooSlow { .. }) => false,
        Err(error @ (process::Error::NotStarted { .. } | process::Error::Lost { .. })) => panic!("{error}"),
    }
}

/// Opens what the child left behind and checks it against what the child had been told.
async fn check(dir: &Path) {
    let acknowledged = fs::read_to_string(dir.join("acknowledged")).unwrap_or_default();
    let journal = SqliteJournal::open(&dir.join("state"), Clock::system(), Retention::default()).unwrap();
    assert_eq!(journal.verify().await.unwrap(), []);
    let mut steps = 0;
    for line in acknowledged.lines() {
        let words: Vec<&str> = line.split(' ').collect();
        match words[..] {
            ["step", number, version] => {
                let stored = journal.load(task(&format!("t-{number}"))).await.unwrap().expect("it was acknowledged");
                assert!(stored.version >= Version(version.parse().unwrap()), "lost {line}");
                steps += 1;
            }
            ["end", machine, version, index] => {
                let version = version.parse().unwrap();
                assert!(ended(&journal, machine, version, index.parse().unwrap()).await, "lost {line}");
            }
            // The last line may be torn: then it was not acknowledged.
            _ => {}
        }
    }
    let entries = journal.tail(Seq(0), 10_000).await.unwrap();
    assert!(entries.len() >= steps, "{} entries, {steps} acknowledged", entries.len());
    // A whole step is an entry, a version, a told event and two orders; there is no part of one.
    let told = journal.waiting(10_000).await.unwrap();
    let told = told.iter().filter(|waiting| waiting.to == MachineKey::Fleet).count();
    let machines: u64 = journal.machines(None).await.unwrap().iter().map(|(_, stored)| stored.version.0).sum();
    let orders = count(&journal, "SELECT count(*) FROM outbox").await;
    assert_eq!((told, machines, orders), (entries.len(), entries.len() as u64, 2 * entries.len() as u64));
    goes_on(&journal).await;
}

async fn count(journal: &SqliteJournal, sql: &'static str) -> u64 {
    journal.read(move |c| crate::journal::sqlite::query::number(c, sql, [])).await.unwrap().cast_unsigned()
}

async fn ended(journal: &SqliteJournal, machine: &str, version: u64, index: u32) -> bool {
    let mut sql = "SELECT count(*) FROM outbox WHERE ended_at IS NOT NULL".to_owned();
    write!(sql, " AND machine = '{machine}' AND version = {version} AND place = {index}").unwrap();
    journal.read(move |c| crate::journal::sqlite::query::number(c, &sql, [])).await.unwrap() == 1
}

/// A journal that survived a kill takes the next step.
async fn goes_on(journal: &SqliteJournal) {
    let post = Post { cause: "after".into(), to: task("after"), event: crate::event::Task::TurnEnded.into() };
    assert_eq!(journal.post(vec![post]).await.unwrap(), [Novelty::New]);
    let waiting = journal.waiting(10_000).await.unwrap();
    let row = waiting.iter().find(|waiting| waiting.cause == "after").unwrap().row;
    let hand = Hand::new();
    let step = Step {
        machine: task("after"),
        expected: Version(0),
        cause: crate::journal::Cause::Inbox(row),
        event: crate::event::Task::TurnEnded.into(),
        state: "{}".to_owned(),
        lookup: Vec::new(),
        effects: Vec::new(),
        deadline: None,
        rules: String::new(),
        entropy: [0; 16],
        at: hand.now(),
    };
    assert!(matches!(journal.commit(step).await.unwrap(), Commit::Committed(_)));
}

// S18: a kill between any two of deciding, recording and telling.
#[tokio::test]
async fn a_kill_at_each_boundary_loses_nothing_that_was_acknowledged() {
    let mut deaths = 0;
    for boundary in 1.. {
        let dir = tempfile::tempdir().unwrap();
        let ended = run_child(dir.path(), format!("{boundary} {ROUNDS}"), Duration::from_secs(60)).await;
        check(dir.path()).await;
        if ended {
            break;
        }
        deaths += 1;
    }
    assert!(deaths >= 2 * ROUNDS, "only {deaths} boundaries were crossed");
}

#[tokio::test]
async fn a_kill_at_any_moment_loses_nothing_that_was_acknowledged() {
    let mut deaths = 0;
    for kill in 0..12u64 {
        let dir = tempfile::tempdir().unwrap();
        let deadline = Duration::from_millis(15 + kill * 17);
        deaths += u64::from(!run_child(dir.path(), format!("{} 100000", u64::MAX / 2), deadline).await);
        check(dir.path()).await;
    }
    assert_eq!(deaths, 12);
}

// A journal that was killed several times in a row, also while it recovered, is still whole.
#[tokio::test]
async fn kills_one_after_the_other_on_one_file_add_up_to_nothing() {
    let dir = tempfile::tempdir().unwrap();
    for boundary in [9, 1, 2, 5, 14, 3] {
        drop(fs::remove_file(dir.path().join("acknowledged")));
        run_child(dir.path(), format!("{boundary} {ROUNDS}"), Duration::from_secs(60)).await;
        let state = dir.path().join("state");
        let journal = SqliteJournal::open_read_only(&state).unwrap();
        assert_eq!(journal.verify().await.unwrap(), []);
    }
}
