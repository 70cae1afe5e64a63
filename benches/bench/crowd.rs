//! Many sessions at once that wait for work: what they cost while nothing happens, and how long it takes to look into one.

use std::{
    io::Read as _,
    path::Path,
    time::{Duration, Instant},
};

use antiphon::{
    client::Client,
    simulator::NewIssue,
    view::{Overview, SessionPhase},
};
use anyhow::{Context as _, bail, ensure};
use portable_pty::{CommandBuilder, PtySize, native_pty_system};

use crate::{
    daemon::{BINARY, Daemon, REPO, Style, World},
    table::{Samples, Table, ms, ratio},
};

const SESSIONS: u16 = 100;
const ATTACHED: usize = 20;
/// How long everything may take to come up.
const PATIENCE: Duration = Duration::from_mins(15);
/// How long nothing happens while it is measured what that costs.
const IDLE: Duration = Duration::from_mins(1);

pub(crate) async fn measure(dir: &Path, table: &mut Table) -> anyhow::Result<()> {
    for runtime in ["tmux", "pty"] {
        let style = Style { runtime, sessions: SESSIONS, time_scale: 1 };
        let world = World::with(&dir.join(runtime), &style).await?;
        let (daemon, _) = world.start().await?;
        let costs = costs(&world, &daemon, runtime, table).await;
        // What outlives the daemon ends before its directory does.
        drop(daemon);
        world.end_sessions().await?;
        world.end().await;
        costs?;
    }
    Ok(())
}

async fn costs(world: &World, daemon: &Daemon, runtime: &str, table: &mut Table) -> anyhow::Result<()> {
    let alone = daemon.resident()?;
    let begun = Instant::now();
    for number in 1..=SESSIONS {
        let (title, body) = (format!("Work {number}"), "Work.".to_owned());
        let labels = vec!["agent".to_owned()];
        world.github.create_issue(REPO, &NewIssue { author: "maya".to_owned(), title, body, labels })?;
    }
    all_idle(world).await?;
    let came_up = begun.elapsed();
    table.note(
        &format!("{runtime}: {SESSIONS} issues → {SESSIONS} sessions that wait, each with a pull request"),
        format!("{:.0} s", came_up.as_secs_f64()),
    );
    let more = (daemon.resident()? - alone) / f64::from(SESSIONS);
    table.line(
        &format!("{runtime}: the daemon, resident, for each session and pull request"),
        format!("{more:.2} MB"),
        "< 1.1 MB",
        more < 1.1,
    );
    let helpers = world.helpers(daemon)?;
    let memory = helpers.iter().map(|&process| proportional(process)).sum::<f64>() / f64::from(SESSIONS);
    let found = format!("{memory:.2} MB, {} processes in all", helpers.len());
    table.note(&format!("{runtime}: what holds and records a session, proportional"), found);
    idle(daemon, &helpers, runtime, table).await?;
    attach(world, runtime, table)
}

async fn overview(world: &World) -> anyhow::Result<Overview> {
    Ok(Client::connect(&world.state_dir())?.overview().await?)
}

async fn all_idle(world: &World) -> anyhow::Result<()> {
    let begun = Instant::now();
    loop {
        let sessions = overview(world).await?.sessions;
        let idle = sessions.iter().filter(|session| session.phase == SessionPhase::Idle);
        // One that has taken nothing yet is idle, too.
        let rests = idle.filter(|session| session.prompts.first().is_some_and(|it| it.state == "acknowledged"));
        if rests.count() == usize::from(SESSIONS) {
            break;
        }
        ensure!(begun.elapsed() < PATIENCE, "not all sessions came up: {}", world.log_tail());
        tokio::time::sleep(Duration::from_millis(500)).await;
    }
    world.github.quiet().await;
    Ok(())
}

async fn idle(daemon: &Daemon, helpers: &[u32], runtime: &str, table: &mut Table) -> anyhow::Result<()> {
    let used = || -> anyhow::Result<(f64, f64)> {
        let helpers = helpers.iter().map(|&process| processor_time(process)).sum::<anyhow::Result<f64>>()?;
        Ok((processor_time(daemon.process())?, helpers))
    };
    let (before, begun) = (used()?, Instant::now());
    tokio::time::sleep(IDLE).await;
    let (after, passed) = (used()?, begun.elapsed().as_secs_f64());
    let share = |before: f64, after: f64| (after - before) / passed * 100.0;
    let (ours, theirs) = (share(before.0, after.0), share(before.1, after.1));
    table.line(
        &format!("{runtime}: {SESSIONS} sessions that wait, of one core: daemon + what holds and records them"),
        format!("{ours:.1} % + {theirs:.1} %"),
        "< 5 %",
        ours + theirs < 5.0,
    );
    Ok(())
}

fn attach(world: &World, runtime: &str, table: &mut Table) -> anyhow::Result<()> {
    let names = world.sessions()?;
    let (mut ours, mut plain) = (Vec::new(), Vec::new());
    for name in names.iter().step_by(names.len().div_ceil(ATTACHED)) {
        let mut command = CommandBuilder::new(BINARY);
        command.args(["attach", name, "--state-dir"]);
        command.arg(world.state_dir());
        ours.push(until_shown(command)?);
        if runtime == "tmux" {
            let mut command = CommandBuilder::new("tmux");
            command.arg("-S");
            command.arg(world.state_dir().join("tmux.sock"));
            command.args(["attach-session", "-t", &format!("={name}-1")]);
            plain.push(until_shown(command)?);
        }
    }
    let (ours, plain) = (Samples::new(ours), Samples::new(plain));
    let what =
        format!("{runtime}: `antiphon attach` until the agent's screen is there, p50 of {}", names.len().min(20));
    if runtime == "tmux" {
        let found = format!("{} : {}, {:.1} ×", ms(ours.p50()), ms(plain.p50()), ratio(ours.p50(), plain.p50()));
        table.note(&format!("{what}; by tmux itself"), found);
    } else {
        table.note(&what, ms(ours.p50()));
    }
    Ok(())
}

/// How long a command in a terminal takes to show what stands on the agents' screens.
fn until_shown(command: CommandBuilder) -> anyhow::Result<Duration> {
    let pair = native_pty_system().openpty(PtySize { rows: 50, cols: 160, pixel_width: 0, pixel_height: 0 })?;
    let mut command = command;
    command.env("TERM", "xterm-256color");
    let mut screen = pair.master.try_clone_reader()?;
    let begun = Instant::now();
    let mut child = pair.slave.spawn_command(command)?;
    drop(pair.slave);
    let (mut shown, mut bytes) = (Vec::new(), [0; 4096]);
    let took = loop {
        let read = screen.read(&mut bytes).unwrap_or_default();
        if read == 0 {
            bail!("nothing was shown: {}", String::from_utf8_lossy(&shown));
        }
        shown.extend_from_slice(&bytes[..read]);
        if shown.windows(6).any(|window| window == b"bench>") {
            break begun.elapsed();
        }
    };
    child.kill()?;
    child.wait()?;
    Ok(took)
}

/// What a process has for itself, and its share of what it has with others, in MB.
fn proportional(process: u32) -> f64 {
    let rollup = std::fs::read_to_string(format!("/proc/{process}/smaps_rollup")).unwrap_or_default();
    let line = rollup.lines().find_map(|line| line.strip_prefix("Pss:")).unwrap_or_default();
    line.trim().trim_end_matches(" kB").parse::<f64>().unwrap_or_default() / 1024.0
}

/// How long a process has kept a processor busy, in seconds.
fn processor_time(process: u32) -> anyhow::Result<f64> {
    let stat = std::fs::read_to_string(format!("/proc/{process}/stat")).context("a process has ended")?;
    // The second field is a name in parentheses, which may hold anything.
    let fields: Vec<_> = stat.rsplit_once(')').context("an unknown form")?.1.split_whitespace().collect();
    let ticks = |at: usize| fields.get(at).and_then(|ticks| ticks.parse::<f64>().ok()).unwrap_or_default();
    // Linux counts 100 of them in a second, whatever its own clock does.
    Ok((ticks(11) + ticks(12)) / 100.0)
}
