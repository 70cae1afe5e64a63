//! `antiphon bench delivery`, small: each fault once in each runtime, so that the rig itself cannot rot.

use std::{path::Path, process::Stdio, time::Duration};

use serde_json::Value;
use tokio::process::{Child, Command};

use crate::{
    tmux,
    world::{BINARY, eventually},
};

/// No measurement may take longer. It says that something hangs, never that something is slow.
const HANGS: Duration = Duration::from_secs(400);

/// The bench with everything of its own below `dir`.
#[expect(clippy::disallowed_methods, reason = "a test starts the program as a user would")]
fn start(dir: &Path, args: &[&str]) -> Child {
    Command::new(BINARY)
        .args(["bench", "delivery", "--json"])
        .args(args)
        .env_clear()
        .env("PATH", "/usr/local/bin:/usr/bin:/bin")
        .env("TMPDIR", dir)
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .kill_on_drop(true)
        .spawn()
        .unwrap()
}

/// What it says at the end; nothing of it is left then.
async fn end(bench: Child, dir: &Path) -> (Option<i32>, String, String) {
    let ended = tokio::time::timeout(HANGS, bench.wait_with_output()).await.expect("the bench ends").unwrap();
    let text = |bytes| String::from_utf8(bytes).unwrap();
    eventually("the end of every process", async || processes_of(dir).is_empty().then_some(())).await;
    (ended.status.code(), text(ended.stdout), text(ended.stderr))
}

/// Command lines of this machine in which the directory stands.
fn processes_of(dir: &Path) -> Vec<String> {
    let dir = dir.to_str().unwrap();
    let all = std::fs::read_dir("/proc").into_iter().flatten().filter_map(Result::ok);
    let lines = all.filter_map(|process| std::fs::read_to_string(process.path().join("cmdline")).ok());
    lines.filter(|line| line.contains(dir)).collect()
}

fn entries(dir: &Path) -> usize {
    std::fs::read_dir(dir).unwrap().count()
}

// S60, S61, S63, S67
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn under_every_fault_each_prompt_arrives_once_or_is_called_indeterminate() {
    let (runtime, prompts) = if tmux::is_there() { ("both", 50) } else { ("pty", 24) };
    each_arrives_once(&["--runtime", runtime], prompts).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn under_every_fault_each_prompt_in_an_inbox_is_taken_once_or_called_indeterminate() {
    each_arrives_once(&["--runtime", "pty", "--channel", "inbox"], 24).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn under_every_fault_each_prompt_in_a_queue_is_taken_once_or_called_indeterminate() {
    each_arrives_once(&["--runtime", "pty", "--channel", "queue"], 24).await;
}

async fn each_arrives_once(args: &[&str], prompts: u64) {
    let dir = tempfile::tempdir().unwrap();
    let prompts_wanted = prompts.to_string();
    let args = [args, &["--prompts", &prompts_wanted, "--sessions", "5", "--time-scale", "20"]].concat();

    let (code, out, err) = end(start(dir.path(), &args), dir.path()).await;

    let report: Value = serde_json::from_str(&out).unwrap_or_else(|_| panic!("{code:?}\n{out}\n{err}"));
    let all = &report["all"]["counts"];
    let count = |name: &str| all[name].as_u64().unwrap();
    assert_eq!((code, &report["wrongs"]), (Some(0), &Value::Array(Vec::new())), "{report:#}");
    assert_eq!((count("sent"), report["rows"].as_array().unwrap().len()), (prompts, usize::try_from(prompts).unwrap()));
    assert_eq!(count("acknowledged") + count("indeterminate") + count("refused"), prompts, "{report:#}");
    assert!(count("acknowledged") > prompts * 2 / 3, "{report:#}");
    assert_eq!(entries(dir.path()), 0);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_bench_that_is_interrupted_leaves_nothing_behind() {
    let dir = tempfile::tempdir().unwrap();
    let mut bench = start(dir.path(), &["--runtime", "pty", "--sessions", "2"]);
    let said = bench.stderr.take().unwrap();
    let mut lines = tokio::io::AsyncBufReadExt::lines(tokio::io::BufReader::new(said));
    let seated = tokio::time::timeout(HANGS, lines.next_line()).await.expect("it says something");
    assert_eq!(seated.unwrap().as_deref(), Some("2 agents wait for messages"));

    let pid = rustix::process::Pid::from_raw(i32::try_from(bench.id().unwrap()).unwrap()).unwrap();
    rustix::process::kill_process(pid, rustix::process::Signal::INT).unwrap();
    let (code, _, _) = end(bench, dir.path()).await;

    assert_eq!((code, entries(dir.path())), (Some(1), 0));
}
