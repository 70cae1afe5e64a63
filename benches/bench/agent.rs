//! An agent that does nothing but note when text reached it.
//!
//! It is told of a launch by its environment, as every agent is, and answers each prompt at once with the hooks of one
//! whole turn. The first prompt it answers with a push, so that there is a pull request.

use std::{
    collections::BTreeMap,
    fs::OpenOptions,
    io::{Read as _, Write as _},
    process::{Command, Stdio},
    time::{SystemTime, UNIX_EPOCH},
};

use antiphon::{
    agent::spool::{self, Slot},
    clock::Clock,
};
use anyhow::Context as _;
use serde_json::json;

pub(crate) fn run() -> anyhow::Result<()> {
    let env: BTreeMap<String, String> = std::env::vars().collect();
    let slot = Slot::of(&env).context("not in a session")?;
    let mut notes = OpenOptions::new().create(true).append(true).open(env.get("BENCH_NOTES").context("no notes")?)?;
    Command::new("stty").args(["raw", "-echo"]).stdin(Stdio::inherit()).status()?;
    print!("\x1b[?2004hbench> ");
    std::io::stdout().flush()?;
    report(&slot, &json!({ "hook_event_name": "SessionStart", "session_id": "bench" }))?;
    let (mut prompt, mut arrived, mut pushed) = (Vec::new(), None, false);
    let mut bytes = [0; 64 << 10];
    loop {
        let read = std::io::stdin().read(&mut bytes)?;
        if read == 0 {
            return Ok(());
        }
        arrived.get_or_insert(now()?);
        prompt.extend_from_slice(&bytes[..read]);
        if !prompt.ends_with(b"\r") {
            continue;
        }
        writeln!(notes, "{} {}", arrived.take().unwrap_or_default(), now()?)?;
        let text =
            String::from_utf8_lossy(&prompt).replace(['\x1b', '\r'], "").replace("[200~", "").replace("[201~", "");
        prompt.clear();
        report(&slot, &json!({ "hook_event_name": "UserPromptSubmit", "session_id": "bench", "prompt": text }))?;
        if !pushed {
            git(&["commit", "-q", "--allow-empty", "-m", "work"])?;
            git(&["push", "-q", "origin", "HEAD"])?;
            pushed = true;
        }
        report(&slot, &json!({ "hook_event_name": "Stop", "session_id": "bench" }))?;
    }
}

fn now() -> anyhow::Result<u128> {
    Ok(SystemTime::now().duration_since(UNIX_EPOCH)?.as_nanos())
}

fn report(slot: &Slot, report: &serde_json::Value) -> anyhow::Result<()> {
    let report = std::io::Cursor::new(report.to_string());
    spool::report(slot.clone(), report, false, Clock::system().now())?;
    Ok(())
}

fn git(args: &[&str]) -> anyhow::Result<()> {
    let output = Command::new("git").args(args).output()?;
    anyhow::ensure!(output.status.success(), "git {args:?}: {}", String::from_utf8_lossy(&output.stderr));
    Ok(())
}
