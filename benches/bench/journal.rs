//! A transition in the embedded store: log, state and two effects, durable.

use std::{
    path::Path,
    time::{Duration, Instant},
};

use antiphon::{
    clock::Clock,
    effect::Effect,
    event::{Event, Task},
    journal::{Cause, Journal as _, Post, Retention, SqliteJournal, Step},
    model::{MachineKey, PrNumber, RepoId, Version},
};

use crate::table::{Samples, Table, ms, ratio};

const ROUNDS: u64 = 1_500;

pub(crate) async fn measure(dir: &Path, sync: Duration, table: &mut Table) -> anyhow::Result<()> {
    let journal = SqliteJournal::open(dir, Clock::system(), Retention::default())?;
    let machine: MachineKey = "task/bench-1".parse()?;
    let event = || Event::from(Task::PreparationFailed { why: "w".repeat(1_500) });
    for round in 0..ROUNDS {
        let post = Post { cause: format!("bench/{round}"), to: machine.clone(), event: event() };
        journal.post(vec![post]).await?;
    }
    let waiting = journal.waiting(usize::try_from(ROUNDS)?).await?;
    let mut samples = Vec::new();
    for (round, row) in (0_u64..).zip(waiting) {
        let step = step(&machine, round, row.row, event());
        let begun = Instant::now();
        journal.commit(step).await?;
        samples.push(begun.elapsed());
    }
    let samples = Samples::new(samples);
    let times = ratio(samples.p50(), sync);
    let found = format!("{}, {times:.2} × fdatasync", ms(samples.p50()));
    table.line("a transition with two effects, p50", found, "≤ 1.5 ×", times <= 1.5);
    table.note("the same, p99", ms(samples.p99()));
    Ok(())
}

fn step(machine: &MachineKey, round: u64, row: u64, event: Event) -> Step {
    let look = |number| Effect::Look {
        repo: RepoId(1),
        number: PrNumber(number),
        look: round,
        known: None,
        rules_since: None,
    };
    Step {
        machine: machine.clone(),
        expected: Version(round),
        cause: Cause::Inbox(row),
        event,
        state: format!("\"{}\"", "s".repeat(1_500)),
        lookup: Vec::new(),
        effects: vec![look(1), look(2)],
        deadline: None,
        rules: "rules".to_owned(),
        entropy: [7; 16],
        at: Clock::system().now(),
    }
}
