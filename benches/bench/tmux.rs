//! A prompt over the persistent connection to tmux beside spawned `tmux send-keys`.

use std::{
    collections::BTreeMap,
    io::{BufRead as _, BufReader, Write as _},
    path::Path,
    process::{Command, Stdio},
    time::{Duration, Instant},
};

use antiphon::{
    clock::Clock,
    model::Submission,
    runtime::{
        Address, Gate, Launch, Message, Probe, Runtime as _, Settle,
        tmux::{Socket, TmuxRuntime},
    },
};
use anyhow::{Context as _, ensure};

use crate::table::{Samples, Table, ms, ratio};

const ROUNDS: usize = 300;

pub(crate) async fn measure(dir: &Path, table: &mut Table) -> anyhow::Result<()> {
    let socket = dir.join("tmux.sock");
    std::fs::create_dir_all(dir.join("launch"))?;
    let runtime =
        TmuxRuntime::new("tmux".into(), Socket::Path(socket.clone()), dir.join("index"), Settle::NONE, Clock::system());
    let address: Address = "bench-1-1".parse()?;
    let script = "stty raw -echo; printf 'bench> '; exec cat > /dev/null";
    let launch = Launch {
        address: address.clone(),
        argv: ["/bin/sh", "-c", script].map(str::to_owned).into(),
        env: BTreeMap::from([("PATH".to_owned(), "/usr/bin:/bin".to_owned())]),
        dir: dir.to_owned(),
        columns: 160,
        rows: 50,
        session_dir: dir.join("launch"),
        recording: None,
    };
    runtime.start(&launch).await?;
    let asked = asked(&runtime, &address).await?;
    let submitted = submitted(&runtime, &address).await?;
    let control = control(&socket)?;
    let spawned = spawned(&socket)?;
    runtime.shut_down(Duration::from_secs(5)).await;
    kill(&socket);

    let times = ratio(spawned.p50(), control.p50());
    let found = format!("{} : {}, 1/{times:.0}", ms(control.p50()), ms(spawned.p50()));
    table.line("text and Enter by control mode : by a spawned `tmux send-keys`, p50", found, "≤ 1/20", times >= 20.0);
    table.note("one question to tmux, as every probe asks it, p50", ms(asked.p50()));
    let times = ratio(spawned.p50(), submitted.p50());
    table.note(
        "a whole prompt: seven questions, gates, marks, a paste, Enter, p50",
        format!("{}, 1/{times:.1} of a spawned `send-keys`", ms(submitted.p50())),
    );
    Ok(())
}

async fn asked(runtime: &TmuxRuntime, address: &Address) -> anyhow::Result<Samples> {
    let mut samples = Vec::new();
    for _ in 0..ROUNDS {
        let begun = Instant::now();
        ensure!(matches!(runtime.probe(address).await, Probe::Alive { .. }), "the session died");
        samples.push(begun.elapsed());
    }
    Ok(Samples::new(samples))
}

async fn submitted(runtime: &TmuxRuntime, address: &Address) -> anyhow::Result<Samples> {
    let mut samples = Vec::new();
    for number in 0..ROUNDS {
        let prompt = format!("bench{number:05}").parse()?;
        let message = Message::new(prompt, format!("[antiphon:bench{number:05}] One line of work for the agent."))?;
        let begun = Instant::now();
        let known = runtime.submit(address, &message, &Gate::default()).await?;
        samples.push(begun.elapsed());
        ensure!(known == Submission::Submitted, "{known:?}");
    }
    Ok(Samples::new(samples))
}

/// A client in control mode that types a line and waits for tmux's word that it did.
fn control(socket: &Path) -> anyhow::Result<Samples> {
    let mut child = Command::new("tmux")
        .arg("-S")
        .arg(socket)
        .args(["-C", "attach-session", "-t", "=bench-1-1:", "-f", "no-output,ignore-size"])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()?;
    let mut words = child.stdin.take().context("no input")?;
    let mut lines = BufReader::new(child.stdout.take().context("no output")?).lines();
    // Each command of a line is answered by itself.
    let mut end = || -> anyhow::Result<()> {
        for line in lines.by_ref() {
            if line?.starts_with("%end") {
                return Ok(());
            }
        }
        anyhow::bail!("tmux closed the connection")
    };
    end()?;
    let mut samples = Vec::new();
    for _ in 0..ROUNDS {
        let begun = Instant::now();
        words.write_all(
            b"send-keys -t '=bench-1-1:' -l 'One line of work for the agent.' ; send-keys -t '=bench-1-1:' Enter\n",
        )?;
        end()?;
        end()?;
        samples.push(begun.elapsed());
    }
    drop(words);
    child.wait()?;
    Ok(Samples::new(samples))
}

fn spawned(socket: &Path) -> anyhow::Result<Samples> {
    let mut samples = Vec::new();
    for _ in 0..ROUNDS {
        let begun = Instant::now();
        let status = Command::new("tmux")
            .arg("-S")
            .arg(socket)
            .args(["send-keys", "-t", "=bench-1-1:", "-l", "One line of work for the agent.", ";"])
            .args(["send-keys", "-t", "=bench-1-1:", "Enter"])
            .status()?;
        samples.push(begun.elapsed());
        ensure!(status.success(), "tmux send-keys failed");
    }
    Ok(Samples::new(samples))
}

/// Ends a server with all that lives in it.
pub(crate) fn kill(socket: &Path) {
    Command::new("tmux").arg("-S").arg(socket).arg("kill-server").stderr(Stdio::null()).status().ok();
}
