//! `antiphon demo` as people run it: the real command, and what it says.

#![expect(clippy::unwrap_used, reason = "what a test cannot go on without is a failure of the test")]

use std::{path::Path, process::Stdio, time::Duration};

use antiphon::simulator::story;
use serde_json::Value;
use tokio::{
    io::{AsyncBufReadExt as _, BufReader, Lines},
    process::{Child, ChildStdout, Command},
};

use crate::world::{BINARY, eventually};

/// No run may take longer. It says that something hangs, never that something is slow.
const HANGS: Duration = Duration::from_secs(60);

/// A demo that runs.
struct Demo {
    child: Child,
    lines: Lines<BufReader<ChildStdout>>,
    said: Vec<Value>,
    dir: tempfile::TempDir,
}

impl Demo {
    fn start(arguments: &[&str]) -> Self {
        let dir = tempfile::tempdir().unwrap();
        let mut child = command(dir.path())
            .args(["demo", "--once", "--json"])
            .args(arguments)
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let lines = BufReader::new(child.stdout.take().unwrap()).lines();
        Self { child, lines, said: Vec::new(), dir }
    }

    /// The next line of this kind. Each line on the way is a JSON object.
    async fn next(&mut self, kind: &str) -> Value {
        loop {
            let line = tokio::time::timeout(HANGS, self.lines.next_line()).await.expect("the demo hangs").unwrap();
            let line = line.unwrap_or_else(|| panic!("the demo ended before {kind}: {:#?}", self.said));
            let said: Value = serde_json::from_str(&line).unwrap_or_else(|error| panic!("{error}: {line}"));
            self.said.push(said.clone());
            if said["kind"] == kind {
                return said;
            }
        }
    }

    /// The summary, which is the last line, and the exit code. Nothing is left of the demo then.
    async fn end(mut self) -> (Value, Option<i32>) {
        let summary = self.next("summary").await;
        assert_eq!(self.lines.next_line().await.unwrap(), None, "something was said after the summary");
        let status = tokio::time::timeout(HANGS, self.child.wait()).await.expect("the demo hangs").unwrap();
        let left: Vec<_> = std::fs::read_dir(self.dir.path()).unwrap().map(|it| it.unwrap().path()).collect();
        assert!(left.iter().all(|path| path.extension().is_some_and(|it| it == "log")), "{left:?} is left");
        // A tmux server ends by itself, a moment after the daemon whose client kept it.
        let left = async || processes_that_name(self.dir.path()).is_empty().then_some(());
        eventually("the end of every process of the demo", left).await;
        (summary, status.code())
    }

    /// What the agent was asked, told and shown, as far as the demo quotes it.
    fn quotes(&self) -> String {
        self.said.iter().map(|said| said["quote"].to_string()).collect()
    }
}

#[expect(clippy::disallowed_methods, reason = "a test starts the program as a user would")]
fn command(dir: &Path) -> Command {
    let mut command = Command::new(BINARY);
    command
        .env_clear()
        .env("PATH", "/usr/local/bin:/usr/bin:/bin")
        .env("TMPDIR", dir)
        .stdin(Stdio::null())
        .kill_on_drop(true);
    command
}

/// Command lines of this machine in which the directory stands.
fn processes_that_name(dir: &Path) -> Vec<String> {
    let dir = dir.to_str().unwrap();
    let all = std::fs::read_dir("/proc").into_iter().flatten().filter_map(Result::ok);
    let lines = all.filter_map(|process| std::fs::read_to_string(process.path().join("cmdline")).ok());
    lines.filter(|line| line.contains(dir)).collect()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_demo_ends_with_a_merge_and_leaves_nothing_behind() {
    let mut demo = Demo::start(&AT_ONCE);

    let withheld = demo.next("withheld").await;
    let (summary, code) = demo.end().await;

    assert_eq!((code, &summary["merged"], &summary["schema"]), (Some(0), &true.into(), &1.into()), "{summary:#}");
    assert_eq!((withheld["withheld"].as_u64(), summary["withheld"].as_u64()), (Some(2), Some(2)));
    assert_eq!(summary["webhooks_failed"], 0, "{summary:#}");
    assert_eq!(summary["page"], "Welcome, and stay a while.\n");
    assert_eq!(summary["prompts_acknowledged"], 3, "{summary:#}");
    assert_eq!((&summary["ci_red"], &summary["ci_green"]), (&1.into(), &2.into()), "{summary:#}");
    assert_eq!(causes(&summary), CAUSES);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn another_failing_test_is_put_right_as_well() {
    let dir = tempfile::tempdir().unwrap();
    let (_, check) = story::stricter_check().swap_remove(0);
    let file = dir.path().join("plain-words.sh");
    std::fs::write(&file, check).unwrap();
    let mut demo = Demo::start(&["--pace", "0", "--extra-test", file.to_str().unwrap()]);

    demo.next("merged").await;
    let quotes = demo.quotes();
    let (summary, code) = demo.end().await;

    assert_eq!((code, &summary["merged"]), (Some(0), &true.into()), "{summary:#}");
    assert!(quotes.contains("Hello from our pages"), "the check was not among what the agent was told: {quotes}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn without_the_answer_to_a_red_check_the_demo_fails() {
    let demo = Demo::start(&["--pace", "0", "--withhold-prompts", "--patience", "3"]);

    let (summary, code) = demo.end().await;

    assert_eq!((code, &summary["merged"]), (Some(1), &false.into()), "{summary:#}");
    let missing = summary["missing"].as_str().unwrap();
    assert!(missing.contains("a green check on the pull request"), "{missing}");
    assert_eq!(causes(&summary), ["task"]);
    assert!(Path::new(summary["log"].as_str().unwrap()).extension().is_some());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_daemon_that_is_killed_in_the_middle_is_missed_and_goes_on_where_it_was() {
    let mut demo = Demo::start(&AT_ONCE);
    let daemon = demo.next("daemon").await;
    demo.next("check-finished").await;

    kill(daemon["pid"].as_u64().unwrap());
    let gone = demo.next("daemon-gone").await;
    assert_eq!(gone["argv"], daemon["argv"]);
    let mut successor = start_again(&gone["argv"]);
    let back = demo.next("daemon-returned").await;
    assert_eq!(back["pid"].as_u64(), successor.id().map(u64::from));
    let (summary, code) = demo.end().await;

    assert_eq!((code, &summary["merged"]), (Some(0), &true.into()), "{summary:#}");
    assert_eq!((causes(&summary).as_slice(), &summary["daemon_starts"]), (CAUSES.as_slice(), &2.into()), "{summary:#}");
    assert_eq!(summary["prompts_acknowledged"], 3, "{summary:#}");
    // Whoever ends the demo ends this one, too.
    assert!(successor.wait().await.unwrap().success());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_github_could_not_deliver_meanwhile_is_delivered_again() {
    let mut demo = Demo::start(&["--pace", "300"]);
    let daemon = demo.next("daemon").await;

    // People go on: the issue is opened while nobody listens.
    kill(daemon["pid"].as_u64().unwrap());
    demo.next("webhook-failed").await;
    let mut successor = start_again(&daemon["argv"]);
    demo.next("redelivered").await;
    let (summary, code) = demo.end().await;

    assert_eq!((code, &summary["merged"]), (Some(0), &true.into()), "{summary:#}");
    assert_eq!(summary["webhooks_redelivered"], summary["webhooks_failed"], "{summary:#}");
    assert_eq!(causes(&summary), CAUSES);
    assert!(successor.wait().await.unwrap().success());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_demo_that_is_interrupted_takes_everything_with_it() {
    let mut demo = Demo::start(&AT_ONCE);
    demo.next("prompt-acknowledged").await;

    let pid = rustix::process::Pid::from_raw(i32::try_from(demo.child.id().unwrap()).unwrap()).unwrap();
    rustix::process::kill_process(pid, rustix::process::Signal::INT).unwrap();
    let (summary, code) = demo.end().await;

    assert_eq!((code, &summary["merged"]), (Some(1), &false.into()), "{summary:#}");
}

/// Nobody has to follow with their eyes.
const AT_ONCE: [&str; 2] = ["--pace", "0"];

const CAUSES: [&str; 3] = ["changes-requested", "checks-failed", "task"];

/// Why prompts were sent, sorted: each cause stands there as often as there was a prompt for it.
fn causes(summary: &Value) -> Vec<&str> {
    let prompts = summary["prompts"].as_array().unwrap().iter();
    let mut causes: Vec<&str> = prompts
        .flat_map(|prompt| prompt["causes"].as_array().unwrap())
        .map(|cause| cause.as_str().unwrap().split(' ').nth(1).unwrap())
        .collect();
    causes.sort_unstable();
    causes
}

fn kill(pid: u64) {
    let pid = rustix::process::Pid::from_raw(i32::try_from(pid).unwrap()).unwrap();
    rustix::process::kill_process(pid, rustix::process::Signal::KILL).unwrap();
}

/// Starts the daemon by the very command that the demo printed.
#[expect(clippy::disallowed_methods, reason = "a test starts the program as a user would")]
fn start_again(argv: &Value) -> Child {
    let words: Vec<&str> = argv.as_array().unwrap().iter().map(|word| word.as_str().unwrap()).collect();
    Command::new(words[0])
        .args(&words[1..])
        .env_clear()
        .env("PATH", "/usr/local/bin:/usr/bin:/bin")
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .kill_on_drop(true)
        .spawn()
        .unwrap()
}
