//! The whole way: a delivery comes in, GitHub is looked at, and text stands in the agent's terminal.

use std::{
    path::Path,
    time::{Duration, SystemTime, UNIX_EPOCH},
};

use antiphon::{
    journal::{Journal as _, SqliteJournal},
    machine::{
        State,
        session::{Activity, Life},
    },
    simulator::{Happened, NewIssue, NewReview, Verdict},
};
use anyhow::{Context as _, ensure};

use crate::{
    daemon::{REPO, World},
    load::{Letter, Line},
    table::{Samples, Table, ms},
};

const ROUNDS: usize = 200;
const PATIENCE: Duration = Duration::from_secs(30);
/// How often it is looked whether the daemon is at rest.
const LOOK_EVERY: Duration = Duration::from_millis(5);

/// As it is shipped, but without the wait for more comments.
const RULE: &str = "name: changes-requested
description: Says at once what was asked for.
on: changes-requested
settle: 0s
do:
  - prompt: |
      Changes were requested.
      {{#each reviews}}
      {{quote body lines=60}}
      {{/each}}
retry:
  attempts: 3
  total: 6
  backoff: { initial: 30s, factor: 2, max: 15m, jitter: 0.2 }
escalate:
  after: { attempts: 3, time: 2h }
  do:
    - notify: { priority: high }
";

pub(crate) async fn measure(dir: &Path, table: &mut Table) -> anyhow::Result<()> {
    let world = World::new(dir).await?;
    std::fs::write(dir.join("reactions/changes-requested.yaml"), RULE)?;
    let notes = dir.join("notes");
    let (daemon, _) = world.start().await?;
    let mut happened = world.github.subscribe();
    let issue = NewIssue {
        author: "maya".to_owned(),
        title: "Work".to_owned(),
        body: "Work.".to_owned(),
        labels: vec!["agent".to_owned()],
    };
    world.github.create_issue(REPO, &issue)?;
    let opened = async {
        loop {
            if let Happened::PullOpened { number, .. } = happened.recv().await? {
                return anyhow::Ok(number);
            }
        }
    };
    let number = tokio::time::timeout(PATIENCE, opened).await.context("no pull request was opened")??;
    world.github.quiet().await;
    let letter = world.letter("pull_request_review", number).await?;
    let (mut texts, mut enters) = (Vec::new(), Vec::new());
    let mut line = Line::to(world.port()).await?;
    for _ in 0..ROUNDS {
        let (text, enter) = round(&world, number, (&letter, &mut line), &notes).await?;
        texts.push(text);
        enters.push(enter);
    }
    let (texts, enters) = (Samples::new(texts), Samples::new(enters));
    let (p50, p99) = (texts.p50(), texts.p99());
    table.line("delivery → text at the agent, p50", ms(p50), "< 5 ms", p50 < Duration::from_millis(5));
    table.line("delivery → text at the agent, p99", ms(p99), "< 25 ms", p99 < Duration::from_millis(25));
    table.note("delivery → Enter at the agent, p50", ms(enters.p50()));
    table.note("resident with one session", format!("{:.1} MB", daemon.resident()?));
    drop(daemon);
    world.end().await;
    Ok(())
}

/// One review, from its delivery to the agent; then it is taken back.
async fn round(
    world: &World,
    number: u64,
    delivery: (&Letter, &mut Line),
    notes: &Path,
) -> anyhow::Result<(Duration, Duration)> {
    let (letter, line) = delivery;
    at_rest(&world.state_dir()).await?;
    let before = noted(notes).len();
    let review = NewReview {
        author: "maya".to_owned(),
        verdict: Verdict::RequestChanges,
        body: "Please say more.".to_owned(),
        comments: Vec::new(),
    };
    let review = world.github.review(REPO, number, &review)?;
    let begun = SystemTime::now().duration_since(UNIX_EPOCH)?.as_nanos();
    line.send(letter).await?;
    let arrived = async {
        loop {
            if let Some(found) = noted(notes).get(before) {
                return *found;
            }
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
    };
    let (text, enter) = tokio::time::timeout(PATIENCE, arrived).await.context("a review reached nobody")?;
    ensure!(text > begun, "the agent read before anything was sent");
    world.github.dismiss(REPO, number, review)?;
    line.send(letter).await?;
    let since = |at: u128| Duration::from_nanos(u64::try_from(at - begun).unwrap_or(u64::MAX));
    Ok((since(text), since(enter)))
}

/// Waits until nobody asks for changes and the agent waits for work: each round finds the same world.
async fn at_rest(state_dir: &Path) -> anyhow::Result<()> {
    let journal = SqliteJournal::open_read_only(state_dir)?;
    let resting = async {
        loop {
            tokio::time::sleep(LOOK_EVERY).await;
            let machines = journal.machines(None).await?;
            let states =
                machines.iter().filter_map(|(_, stored)| serde_json::from_str::<Option<State>>(&stored.state).ok()?);
            let mut busy = states.filter(|state| match state {
                State::Pull(pull) => !pull.incidents.is_empty(),
                State::Session(session) => {
                    let idle = matches!(session.life, Life::Running { activity: Activity::Idle, .. });
                    !idle || session.sending.is_some() || !session.queue.is_empty()
                }
                State::Task(_) | State::Backlog(_) | State::Fleet(_) => false,
            });
            if busy.next().is_none() {
                return anyhow::Ok(());
            }
        }
    };
    tokio::time::timeout(PATIENCE, resting).await.context("the daemon never came to rest")?
}

fn noted(notes: &Path) -> Vec<(u128, u128)> {
    let text = std::fs::read_to_string(notes).unwrap_or_default();
    let whole = text.rsplit_once('\n').map(|(whole, _)| whole).unwrap_or_default();
    let pair =
        |line: &str| line.split_once(' ').and_then(|(text, enter)| Some((text.parse().ok()?, enter.parse().ok()?)));
    whole.lines().filter_map(pair).collect()
}
