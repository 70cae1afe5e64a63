//! `antiphon demo`: the whole story on this machine alone, with a simulated GitHub and the real daemon.
//!
//! ```text
//! people ─▶ simulator ─┬─ Happened ──────────────┐
//!              ▲       │ webhooks                ├─▶ performance ─▶ teller ─▶ people's words, or JSON lines
//!              │       ▼                         │        │
//!              └── antiphon up (a child) ─▶ journal       └─▶ tally ─▶ summary
//! ```
//!
//! Nothing is told that did not happen: every line stems from the simulator's facts or from the daemon's journal, which
//! is opened for reading. The only thing that is scripted is what people do.

mod arguments;
mod daemon;
mod facts;
mod journal;
mod line;
mod noted;
mod people;
mod performance;
mod sight;
mod stage;
mod tally;
mod teller;

use std::{process::ExitCode, time::Duration};

use anyhow::Context as _;
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;

pub(super) use self::arguments::Arguments;
use self::{
    daemon::Presence,
    performance::{End, Performance},
    stage::Stage,
    teller::Teller,
};

use super::{caller::Caller, error::Error, sandbox};
use crate::{background::Tasks, clock::Clock, config::Environment};

/// How long the daemon may take to finish what it has begun.
const DRAIN: Duration = Duration::from_secs(25);
/// How long the simulator may take to end.
const GRACE: Duration = Duration::from_secs(10);

pub(super) fn run(arguments: &Arguments, caller: &Caller) -> Result<ExitCode, Error> {
    if caller.names_a_daemon() {
        let error = Error::invalid("the demo brings settings and state of its own");
        return Err(error.hint("leave --config and --state-dir out; --keep DIR says where everything goes"));
    }
    let merged = perform_and_clear_up(arguments, &caller.environment).map_err(shown)?;
    Ok(if merged { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

fn shown(error: anyhow::Error) -> Error {
    let of_pipe = |cause: &std::io::Error| cause.kind() == std::io::ErrorKind::BrokenPipe;
    if error.chain().any(|cause| cause.downcast_ref().is_some_and(of_pipe)) {
        return Error::failed("nobody reads the account any more, so the demo has ended");
    }
    let hint = error.downcast_ref::<sandbox::Unfit>().map(sandbox::Unfit::hint);
    let error = Error::from(error);
    hint.into_iter().fold(error, Error::hint)
}

/// Whether the story ended in a merge.
fn perform_and_clear_up(arguments: &Arguments, environment: &Environment) -> anyhow::Result<bool> {
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build()?;
    runtime.block_on(async {
        let (tasks, clock) = (Tasks::new(), Clock::system());
        let asked = sandbox::hear_signals(&tasks);
        let set = Stage::set(arguments, environment, (&tasks, &clock)).await;
        let stage = match set {
            Ok(stage) => stage,
            Err(error) => {
                tasks.shut_down(GRACE).await;
                return Err(error);
            }
        };
        let ending = Tasks::new();
        let ended = perform(arguments, &stage, (&ending, &clock), &asked).await;
        // In this order: whoever writes, before where it is written.
        ending.shut_down(DRAIN).await;
        let cleared = sandbox::clear_up(stage.sandbox()).await;
        tasks.shut_down(GRACE).await;
        let removed = stage.sandbox().remove();
        let ended = ended?;
        cleared.and(removed).context("the demo could not clear up behind itself")?;
        Ok(ended == End::Merged)
    })
}

async fn perform(
    arguments: &Arguments,
    stage: &Stage,
    (tasks, clock): (&Tasks, &Clock),
    asked: &CancellationToken,
) -> anyhow::Result<End> {
    let teller = Teller::new(arguments.json(), stage.sandbox().environment(), clock.now());
    let (presences, presence) = mpsc::channel::<Presence>(16);
    // Before the daemon starts, so that nothing is missed.
    let happened = stage.sandbox().github().subscribe();
    teller.open(&stage.opening(arguments))?;
    daemon::start(stage, tasks, presences).context("the daemon cannot be started")?;
    let mut performance = Performance::new(stage, teller, (happened, presence), clock.clone());
    let people = people::act(stage, arguments.pace, performance.eyes());
    let ended = performance.play(people, asked).await?;
    let stays = ended == End::Merged && !arguments.manner.once;
    performance.conclude(&ended, stays).await?;
    if stays {
        performance.stay(asked).await?;
    }
    Ok(ended)
}
