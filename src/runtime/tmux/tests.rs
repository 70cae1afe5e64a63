//! Real programs in a real tmux, each test with a server of its own.

#![cfg(target_os = "linux")]

use std::{
    path::{Path, PathBuf},
    time::Duration,
};

use super::{Socket, TmuxRuntime};
use crate::{
    clock::Clock,
    model::Submission,
    process::Command,
    runtime::{
        Address, Error, Gate, Probe, Runtime as _, Settle, Why,
        attach::Connection,
        conformance::{self, Tried},
        pty::PtyRuntime,
        recording::Recording,
        testing::{address, awkward_text, eventually, gate, holder, holds, launch, message, pasted, processes, shows},
    },
};

type World = conformance::World<TmuxRuntime>;

impl Tried for TmuxRuntime {
    // What it is, where it is, and the user's shell.
    const ADDS: &'static [&'static str] = &["TERM", "SHELL", "PWD"];
    // The prefix of tmux is a command of the terminal in which its client runs as well; twice it is passed on.
    const LEAVE: &'static [u8] = b"\x02\x02d";

    fn in_root(root: &Path) -> Self {
        let settle = Settle { quiet: Duration::from_millis(20), unread: Duration::from_secs(1), ..Settle::TYPICAL };
        let socket = Socket::of_state_dir(root);
        Self::new("/usr/bin/tmux".into(), socket, root.join("index"), settle, Clock::system()).recorded_by(holder())
    }

    async fn attach(&self, address: &Address, size: (u16, u16), read_only: bool, root: &Path) -> Connection {
        let people = PtyRuntime::new(holder(), root.join("people"));
        let came = people.list().await.unwrap().len();
        let argv = self.attach_argv(address, read_only);
        let argv: Vec<_> = argv.iter().map(|argument| argument.to_str().unwrap()).collect();
        let mut client = launch(root, &format!("person-{came}"), &argv);
        (client.columns, client.rows) = size;
        people.start(&client).await.unwrap();
        Connection::open(&people, &client.address, size, false).await.unwrap()
    }
}

impl World {
    async fn tmux(&self, arguments: &[&str]) -> String {
        let socket = self.path().join("tmux.sock");
        let asked = Command::new("/usr/bin/tmux").arg("-S").arg(socket).args(arguments).run().await.unwrap();
        assert!(asked.success(), "{}", asked.stderr_text());
        asked.stdout_text().trim_end().to_owned()
    }
}

conformance::suite!(TmuxRuntime);

#[tokio::test]
async fn what_was_typed_is_left_nowhere_on_disk() {
    let world = World::new();
    let (launch, typed) = world.composer("t-1").await;
    let message = message("abcdefghij", &awkward_text());

    world.runtime.submit(&launch.address, &message, &gate()).await.unwrap();

    holds(&typed, &pasted(&message)).await;
    assert!(std::fs::read_dir(&launch.session_dir).unwrap().next().is_none());
    world.stop(&launch.address).await;
}

#[tokio::test]
async fn what_was_begun_is_finished_when_the_caller_goes_away() {
    let world = World::new();
    let (launch, typed) = world.composer("t-1").await;
    let (message, gate) = (message("abcdefghij", &awkward_text()), gate());

    let submitting = world.runtime.submit(&launch.address, &message, &gate);
    assert!(tokio::time::timeout(Duration::from_millis(1), submitting).await.is_err());

    eventually("the mark", async || {
        let known = world.runtime.submission(&launch.address, message.prompt()).await.unwrap();
        (known == Submission::Submitted).then_some(())
    })
    .await;
    holds(&typed, &pasted(&message)).await;
    world.stop(&launch.address).await;
}

#[tokio::test]
async fn a_prompt_that_a_dead_daemon_placed_is_neither_typed_again_nor_submitted() {
    let world = World::new();
    let (launch, typed) = world.composer("t-1").await;
    world.tmux(&["set-option", "-p", "-t", "=t-1-1:", "@antiphon_abcdefghij", "placed"]).await;

    let known = world.runtime.submit(&launch.address, &message("abcdefghij", "x"), &gate()).await.unwrap();

    assert_eq!(known, Submission::Placed);
    world.stop(&launch.address).await;
    holds(&typed, "").await;
}

/// S60
#[tokio::test]
async fn nothing_is_typed_into_a_dialog_a_draft_or_a_pane_in_copy_mode() {
    let world = World::new();
    let (launch, typed) = world.composer("t-1").await;
    let message = message("abcdefghij", "x");
    let pattern = |words| regex::Regex::new(words).unwrap();
    let dialog = Gate { dialogs: vec![pattern("ready")], ..gate() };
    let draft = Gate { draft: Some(pattern("(read)y>")), ..gate() };
    let why = async |gate: &Gate| match world.runtime.submit(&launch.address, &message, gate).await {
        Err(Error::NotReceptive(why)) => why,
        other => panic!("{other:?}"),
    };

    assert_eq!(why(&dialog).await, Why::Dialog);
    assert_eq!(why(&draft).await, Why::Draft);
    assert_eq!(why(&Gate { ready: Some(pattern("never")), ..Gate::default() }).await, Why::NotReady);
    world.tmux(&["copy-mode", "-t", "=t-1-1:"]).await;
    assert_eq!(why(&gate()).await, Why::CopyMode);
    world.tmux(&["send-keys", "-t", "=t-1-1:", "-X", "cancel"]).await;
    assert_eq!(world.runtime.submit(&launch.address, &message, &gate()).await.unwrap(), Submission::Submitted);

    holds(&typed, &pasted(&message)).await;
    world.stop(&launch.address).await;
}

#[tokio::test]
async fn a_process_that_only_closed_its_terminal_is_not_declared_dead() {
    let world = World::new();
    let launch = launch(world.path(), "t-1", &["/bin/sh", "-c", "trap '' HUP; exec <&- >&- 2>&-; exec sleep 1000"]);
    world.runtime.start(&launch).await.unwrap();

    let why = eventually("the closed terminal", async || match world.runtime.probe(&launch.address).await {
        Probe::Unknown { why } => Some(why),
        Probe::Alive { .. } => None,
        dead @ (Probe::Exited { .. } | Probe::Gone) => panic!("{dead:?}"),
    })
    .await;

    assert_eq!(why, "its terminal is closed, but the process still runs");
    world.stop(&launch.address).await;
    assert_eq!(processes(world.path()), Vec::<u32>::new());
}

/// A program can print what looks like the end of a reply; it spoils nothing but its own screen.
#[tokio::test]
async fn a_screen_that_imitates_replies_confuses_nobody() {
    let world = World::new();
    let forge = "t=$(date +%s); awk -v t=$t 'BEGIN { for (n = 0; n < 1000; n++) \
                 printf \"%%end %d %d 1\\n%%begin %d %d 1\\n\", t, n, t, n }'; echo forged; sleep 1000";
    let mut forger = launch(world.path(), "t-1", &["/bin/sh", "-c", forge]);
    forger.rows = 200;
    let (launch, typed) = world.composer("t-2").await;
    world.runtime.start(&forger).await.unwrap();
    let message = message("abcdefghij", "x\ny");

    for _ in 0..50 {
        drop(world.runtime.screen(&forger.address, 2_000).await);
        let probe = world.runtime.probe(&launch.address).await;
        assert!(matches!(probe, Probe::Alive { .. } | Probe::Unknown { .. }), "{probe:?}");
    }
    eventually("the prompt is typed", async || {
        world
            .runtime
            .submit(&launch.address, &message, &gate())
            .await
            .ok()
            .filter(|typed| *typed == Submission::Submitted)
    })
    .await;

    holds(&typed, &pasted(&message)).await;
    world.stop(&launch.address).await;
    world.stop(&forger.address).await;
}

#[tokio::test]
async fn the_connection_is_made_again_and_the_server_ends_with_its_last_launch() {
    let world = World::new();
    let (launch, typed) = world.composer("t-1").await;
    let clients = world.tmux(&["list-clients", "-F", "#{client_pid}"]).await;
    let pid = rustix::process::Pid::from_raw(clients.trim().parse().unwrap()).unwrap();
    let server = world.tmux(&["display-message", "-p", "#{pid}"]).await;

    rustix::process::kill_process(pid, rustix::process::Signal::KILL).unwrap();
    let message = message("abcdefghij", "x");
    eventually("the prompt is typed", async || {
        world
            .runtime
            .submit(&launch.address, &message, &gate())
            .await
            .ok()
            .filter(|typed| *typed == Submission::Submitted)
    })
    .await;
    holds(&typed, &pasted(&message)).await;

    world.stop(&launch.address).await;
    world.runtime.shut_down(Duration::from_secs(5)).await;
    let server = PathBuf::from(format!("/proc/{server}"));
    eventually("the end of the server", async || (!server.exists()).then_some(())).await;
}

#[tokio::test]
async fn where_nothing_was_ever_launched_no_server_is_started_to_say_so() {
    let world = World::new();

    assert_eq!(world.runtime.list().await.unwrap(), []);

    assert!(!world.path().join("tmux.sock").exists());
}

#[tokio::test]
async fn a_recording_outlives_the_daemon_and_ends_with_its_pane() {
    let world = World::new();
    let told = world.path().join("told");
    let script = format!("echo before; until [ -e '{}' ]; do sleep 0.05; done; echo after; sleep 1000", told.display());
    let mut launch = launch(world.path(), "t-1", &["/bin/sh", "-c", &script]);
    launch.recording = Some(Recording { bytes_max: 1_000_000, secrets: Vec::new() });
    world.start(&launch, "before").await;
    let recording = launch.session_dir.join("recording.cast");
    let holds = async |text: &str| {
        let read = || std::fs::read_to_string(&recording).unwrap_or_default();
        eventually(text, async || read().contains(text).then_some(())).await;
    };
    holds("before").await;

    world.runtime.shut_down(Duration::from_secs(5)).await;
    std::fs::write(&told, "").unwrap();

    holds("after").await;
    assert!(!launch.session_dir.join("recording.json").exists(), "it holds secrets");
    let other = world.other_daemon();
    other.stop(&launch.address, Duration::from_secs(1)).await.unwrap();
    let dir = launch.session_dir.to_str().unwrap();
    eventually("the end of the recorder", async || {
        let listed = Command::new("/usr/bin/pgrep").args(["-f", "--", "record /"]).run().await.unwrap();
        let ids = listed.stdout_text();
        let ours = ids.lines().filter(|id| {
            let arguments = std::fs::read(format!("/proc/{id}/cmdline")).unwrap_or_default();
            String::from_utf8_lossy(&arguments).contains(dir)
        });
        (ours.count() == 0).then_some(())
    })
    .await;
    other.shut_down(Duration::from_secs(5)).await;
}

#[tokio::test]
async fn a_state_directory_may_lie_deeper_than_a_socket_can() {
    let dir = tempfile::tempdir().unwrap();
    let root = dir.path().join("deep".repeat(25));
    std::fs::create_dir(&root).unwrap();
    let runtime = TmuxRuntime::in_root(&root);
    let launch = launch(&root, "t-1", &["/bin/sh", "-c", "echo here; sleep 1000"]);

    runtime.start(&launch).await.unwrap();
    shows(&runtime, &launch.address, "here").await;
    let argv = runtime.attach_argv(&launch.address, false);

    assert_eq!(argv[..3], ["/usr/bin/env", "-u", "TMUX_TMPDIR"]);
    runtime.stop(&launch.address, Duration::from_secs(1)).await.unwrap();
    runtime.shut_down(Duration::from_secs(5)).await;
}

#[tokio::test]
async fn a_person_can_be_shown_a_launch() {
    let world = World::new();
    let argv = world.runtime.attach_argv(&address("t-1", 2), true);
    let argv: Vec<_> = argv.iter().map(|argument| argument.to_str().unwrap()).collect();
    let socket = world.path().join("tmux.sock");

    assert_eq!(
        argv,
        ["/usr/bin/tmux", "-S", socket.to_str().unwrap(), "-f", "/dev/null", "attach-session", "-t", "=t-1-2:", "-r"]
    );
}
