//! `antiphon bench`: what the product promises, measured on this machine.
//!
//! ```text
//! messages ──▶ antiphon up (a child) ──▶ terminals ──▶ faulty agents ──▶ diaries ─┐
//!     │               └─▶ journal ──▶ board ──────────────────────────────────────┼─▶ account ─▶ table
//!     └─ would leave a file behind if anything ran them: canaries ────────────────┘
//! ```
//!
//! It decides nothing about a message beforehand: what became of it is what the three say at the end.

mod account;
mod arguments;
mod board;
mod daemon;
mod fault;
mod house;
mod measure;
mod outage;
mod person;
mod play;
mod seat;
mod table;
mod tmux;
mod words;

use std::{process::ExitCode, time::Duration};

use anyhow::Context as _;
use tokio::sync::watch;

pub(super) use self::arguments::Arguments;
use self::{
    account::draw_up,
    arguments::{Delivery, Home, What},
    board::Board,
    house::House,
    table::{Head, Report},
};
use super::{
    caller::Caller,
    error::{Error, Kind},
    output,
    sandbox::{self, Tail, Unfit, answers},
};
use crate::{
    background::Tasks,
    clock::{Clock, Stopwatch},
    config::Environment,
};

/// How long everything of ours may take to end.
const GRACE: Duration = Duration::from_secs(10);

pub(super) fn run(arguments: &Arguments, caller: &Caller) -> Result<ExitCode, Error> {
    let What::Delivery(delivery) = &arguments.what;
    if caller.names_a_daemon() {
        let error = Error::invalid("the bench brings settings and state of its own");
        return Err(error.hint("leave --config and --state-dir out; --keep DIR says where everything goes"));
    }
    let watch = Stopwatch::start();
    let (rows, wrongs) = account_of(delivery, &caller.environment).map_err(shown)?;
    let head = Head {
        version: env!("CARGO_PKG_VERSION"),
        seed: delivery.seed,
        channel: delivery.channel.name(),
        time_scale: delivery.time_scale,
        sessions: delivery.sessions,
        seconds: watch.elapsed().as_secs(),
    };
    if delivery.json {
        output::json(&Report::new(&head, &rows, &wrongs))?;
    } else {
        output::text_as_it_is(&table::markdown(&head, delivery.runtime.each(), &delivery.wanted(), &rows))?;
    }
    for wrong in &wrongs {
        output::remark(wrong);
    }
    let sound = wrongs.is_empty() && rows.values().all(account::Row::is_sound);
    Ok(if sound { ExitCode::SUCCESS } else { ExitCode::from(Kind::Unsound.exit_code()) })
}

fn shown(error: anyhow::Error) -> Error {
    let hint = error.downcast_ref::<Unfit>().map(Unfit::hint);
    let error = Error::from(error);
    hint.into_iter().fold(error, Error::hint)
}

fn account_of(delivery: &Delivery, user: &Environment) -> anyhow::Result<(account::Rows, Vec<String>)> {
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build()?;
    runtime.block_on(async {
        check_programs(delivery, user).await?;
        let (tasks, clock) = (Tasks::new(), Clock::system());
        let asked = sandbox::hear_signals(&tasks);
        let (write, board) = watch::channel(Board::default());
        let built = House::build(delivery, user, (&tasks, &clock), board).await;
        let house = match built {
            Ok(house) => house,
            Err(error) => {
                tasks.shut_down(GRACE).await;
                return Err(error);
            }
        };
        let tail = Tail::new(house.sandbox.state_dir());
        tasks.spawn("board", |stop| board::keep(tail, write, stop));
        let found = tokio::select! {
            biased;
            () = asked.cancelled() => Err(anyhow::anyhow!("the bench was interrupted; nothing was measured")),
            found = Box::pin(measure::all(&house, delivery)) => found.map_err(|error| keep_log(&house, error)),
        };
        let cleared = measure::clear_up(&house).await;
        tasks.shut_down(GRACE).await;
        let removed = house.sandbox.remove();
        let found = found?;
        cleared.and(removed).context("the bench could not clear up behind itself")?;
        Ok(draw_up(&found))
    })
}

/// Of a failure the daemon's log is kept in any case.
fn keep_log(house: &House, error: anyhow::Error) -> anyhow::Error {
    let kept = house.sandbox.dir().with_extension("log");
    match std::fs::copy(house.sandbox.log(), &kept) {
        Ok(_) => error.context(format!("the daemon's log is kept in {}", kept.display())),
        Err(_) => error,
    }
}

async fn check_programs(delivery: &Delivery, user: &Environment) -> Result<(), Unfit> {
    if !answers("git", "--version", user).await {
        return Err(Unfit::Missing { program: "git", hint: "install git; every agent gets a worktree" });
    }
    if delivery.runtime.each().contains(&Home::Tmux) && !answers("tmux", "-V", user).await {
        return Err(Unfit::Missing { program: "tmux", hint: "install tmux, or choose --runtime pty" });
    }
    Ok(())
}
