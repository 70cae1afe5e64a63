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
        Error, Gate, Launch, Probe, Runtime as _, Settle, Why,
        testing::{
            COMPOSER, REPORTER, address, awkward_text, environment, eventually, gate, holds, kill_all, launch, message,
            pasted, processes, prompt, ready, script, shows,
        },
    },
};

struct World {
    dir: tempfile::TempDir,
    runtime: TmuxRuntime,
}

impl World {
    fn new() -> Self {
        // Each of these means something to tmux.
        let dir = tempfile::Builder::new().prefix("#(exit)#{pid}#[b];").tempdir().unwrap();
        let runtime = daemon(dir.path());
        Self { dir, runtime }
    }

    fn path(&self) -> &Path {
        self.dir.path()
    }

    async fn start(&self, launch: &Launch, shown: &str) {
        self.runtime.start(launch).await.unwrap();
        shows(&self.runtime, &launch.address, shown).await;
    }

    async fn composer(&self, session: &str) -> (Launch, PathBuf) {
        let (launch, typed) = script(self.path(), session, COMPOSER);
        self.runtime.start(&launch).await.unwrap();
        ready(&self.runtime, &launch.address).await;
        (launch, typed)
    }

    async fn stop(&self, launch: &Launch) {
        self.runtime.stop(&launch.address, Duration::from_secs(1)).await.unwrap();
    }

    async fn tmux(&self, arguments: &[&str]) -> String {
        let socket = self.path().join("tmux.sock");
        let asked = Command::new("/usr/bin/tmux").arg("-S").arg(socket).args(arguments).run().await.unwrap();
        assert!(asked.success(), "{}", asked.stderr_text());
        asked.stdout_text().trim_end().to_owned()
    }
}

impl Drop for World {
    fn drop(&mut self) {
        kill_all(self.path());
    }
}

/// A daemon on the server of `root`.
fn daemon(root: &Path) -> TmuxRuntime {
    let settle = Settle { quiet: Duration::from_millis(20), ..Settle::TYPICAL };
    let socket = Socket::of_state_dir(root);
    TmuxRuntime::new("/usr/bin/tmux".into(), socket, root.join("index"), settle, Clock::system())
}

#[tokio::test]
async fn a_long_text_of_many_lines_arrives_once_and_unchanged() {
    let world = World::new();
    let (launch, typed) = world.composer("t-1").await;
    let message = message("abcdefghij", &awkward_text());
    let address = &launch.address;

    assert_eq!(world.runtime.submit(address, &message, &gate()).await.unwrap(), Submission::Submitted);
    holds(&typed, &pasted(&message)).await;
    assert_eq!(world.runtime.submit(address, &message, &gate()).await.unwrap(), Submission::Submitted);

    // A daemon that knows nothing finds the mark.
    let other = daemon(world.path());
    assert_eq!(other.submit(address, &message, &gate()).await.unwrap(), Submission::Submitted);
    assert_eq!(other.submission(address, &prompt("zzzzzzzzzz")).await.unwrap(), Submission::Untouched);
    other.shut_down(Duration::from_secs(5)).await;
    world.stop(&launch).await;
    holds(&typed, &pasted(&message)).await;
    assert!(std::fs::read_dir(&launch.session_dir).unwrap().next().is_none(), "no text is left on disk");
}

/// S65
#[tokio::test]
async fn three_messages_at_once_arrive_intact_and_in_order() {
    let world = World::new();
    let (launch, typed) = world.composer("t-1").await;
    let messages = ["aaaaaaaaaa", "bbbbbbbbbb", "cccccccccc"].map(|id| message(id, "line one\nline two\nline three"));
    let gate = gate();

    let [one, two, three] = &messages;
    let submit = |message| world.runtime.submit(&launch.address, message, &gate);
    let (one, two, three) = tokio::join!(submit(one), submit(two), submit(three));

    assert_eq!([one.unwrap(), two.unwrap(), three.unwrap()], [Submission::Submitted; 3]);
    holds(&typed, &messages.iter().map(pasted).collect::<String>()).await;
    world.stop(&launch).await;
}

#[tokio::test]
async fn two_daemons_with_the_same_prompt_type_it_once() {
    let world = World::new();
    let (launch, typed) = world.composer("t-1").await;
    let (message, gate, other) = (message("abcdefghij", "a\nb"), gate(), daemon(world.path()));
    // Connected before, so that both go step by step.
    assert!(matches!(other.probe(&launch.address).await, Probe::Alive { .. }));

    let (one, two) = tokio::join!(
        world.runtime.submit(&launch.address, &message, &gate),
        other.submit(&launch.address, &message, &gate)
    );

    // The slower one may have looked before the other's Enter.
    let known = [one.unwrap(), two.unwrap()];
    assert!(known.contains(&Submission::Submitted), "{known:?}");
    holds(&typed, &pasted(&message)).await;
    other.shut_down(Duration::from_secs(5)).await;
    world.stop(&launch).await;
    holds(&typed, &pasted(&message)).await;
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
    world.stop(&launch).await;
}

#[tokio::test]
async fn a_prompt_that_a_dead_daemon_placed_is_neither_typed_again_nor_submitted() {
    let world = World::new();
    let (launch, typed) = world.composer("t-1").await;
    world.tmux(&["set-option", "-p", "-t", "=t-1-1:", "@antiphon_abcdefghij", "placed"]).await;

    let known = world.runtime.submit(&launch.address, &message("abcdefghij", "x"), &gate()).await.unwrap();

    assert_eq!(known, Submission::Placed);
    world.stop(&launch).await;
    holds(&typed, "").await;
}

/// S61
#[tokio::test]
async fn nothing_is_typed_into_a_shell() {
    let world = World::new();
    let launch = launch(world.path(), "t-1", &["/bin/sh", "-c", "echo 'ready>'; read -r line; echo \"heard $line\""]);
    world.start(&launch, "ready>").await;

    let refused = world.runtime.submit(&launch.address, &message("abcdefghij", "rm -rf /"), &gate()).await;

    assert!(matches!(refused, Err(Error::NotReceptive(Why::Shell))), "{refused:?}");
    let known = world.runtime.submission(&launch.address, &prompt("abcdefghij")).await.unwrap();
    assert_eq!(known, Submission::Untouched);
    assert!(!world.runtime.screen(&launch.address, 0).await.unwrap().text().contains("heard"));
    world.stop(&launch).await;
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
    world.stop(&launch).await;
}

#[tokio::test]
async fn a_living_launch_and_a_dead_one_with_a_similar_name_are_not_confused() {
    let world = World::new();
    let (ten, typed) = world.composer("t-10").await;
    let dead = launch(world.path(), "t-1", &["/bin/sh", "-c", "exit 3"]);
    world.runtime.start(&dead).await.unwrap();
    let exited = Probe::Exited { code: Some(3), signal: None };
    eventually("the end of t-1", async || (world.runtime.probe(&dead.address).await == exited).then_some(())).await;

    let refused = world.runtime.submit(&dead.address, &message("abcdefghij", "x"), &Gate::default()).await;
    assert!(matches!(refused, Err(Error::Gone)), "{refused:?}");
    world.stop(&dead).await;
    assert_eq!(world.runtime.probe(&dead.address).await, Probe::Gone);
    let refused = world.runtime.submit(&dead.address, &message("abcdefghij", "x"), &Gate::default()).await;
    assert!(matches!(refused, Err(Error::Gone)), "{refused:?}");
    let stale = world.runtime.submit(&address("t-10", 2), &message("abcdefghij", "x"), &Gate::default()).await;
    assert!(matches!(stale, Err(Error::Gone)), "{stale:?}");

    assert_eq!(world.runtime.list().await.unwrap(), std::slice::from_ref(&ten.address));
    world.stop(&ten).await;
    holds(&typed, "").await;
    assert_eq!(world.runtime.list().await.unwrap(), []);
}

#[tokio::test]
async fn names_and_texts_execute_nothing_and_keep_their_semicolons() {
    let world = World::new();
    let touched = world.path().join("touched");
    let mut launch =
        launch(world.path(), "t-1", &["/bin/sh", "-c", "pwd; echo \"$VALUE\" \"$1\"; exec cat", "sh", "end;"]);
    launch.dir = world.path().join(format!("#(touch {})", touched.file_name().unwrap().display()));
    std::fs::create_dir(&launch.dir).unwrap();
    launch.env.insert("VALUE".into(), format!("#(touch {}) it's\n\"q\" $HOME ;", touched.display()));

    world.start(&launch, "end;").await;

    let screen = world.runtime.screen(&launch.address, 0).await.unwrap().text();
    let unwrapped: String = screen.lines().collect();
    assert!(unwrapped.contains("#(touch touched)"), "{screen}");
    assert!(unwrapped.contains("it's\"q\" $HOME ; end;"), "{screen}");
    assert!(!touched.exists() && !launch.dir.join("touched").exists());
    world.stop(&launch).await;
}

#[tokio::test]
async fn the_environment_is_complete_and_nothing_is_inherited() {
    let world = World::new();
    let launch = launch(world.path(), "t-1", &["sleep", "1000"]);
    world.runtime.start(&launch).await.unwrap();
    let Probe::Alive { pid: Some(pid) } = world.runtime.probe(&launch.address).await else { panic!("no process") };

    // The terminal itself adds what it is, where it is and the user's shell.
    let mut expected = launch.environment();
    expected.remove("TERM");
    eventually("the environment", async || {
        let mut found = environment(pid);
        for added in ["TERM", "SHELL", "PWD"] {
            found.remove(added);
        }
        (found == expected).then_some(())
    })
    .await;
    world.stop(&launch).await;
}

#[tokio::test]
async fn starting_twice_starts_once_also_after_the_end() {
    let world = World::new();
    let count = world.path().join("count");
    let launch =
        launch(world.path(), "t-1", &["/bin/sh", "-c", &format!("echo started >> '{}'; exit 5", count.display())]);
    let start = || world.runtime.start(&launch);

    let (one, two) = tokio::join!(start(), start());
    for started in [one, two] {
        started.unwrap();
    }
    let exited = Probe::Exited { code: Some(5), signal: None };
    eventually("its end", async || (world.runtime.probe(&launch.address).await == exited).then_some(())).await;
    start().await.unwrap();

    assert_eq!(world.runtime.probe(&launch.address).await, exited);
    holds(&count, "started\n").await;
    world.stop(&launch).await;
    world.stop(&launch).await;
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
    world.stop(&launch).await;
    assert_eq!(processes(world.path()), Vec::<u32>::new());
}

#[tokio::test]
async fn stopping_ends_grandchildren_that_ignore_signals_or_left_the_session() {
    let world = World::new();
    let stubborn = "(trap '' HUP TERM; while :; do sleep 1; done) & setsid sh -c \"trap '' HUP TERM; sleep 1000\" & \
                    echo up; wait";
    let launch = launch(world.path(), "t-1", &["/bin/sh", "-c", stubborn]);
    world.start(&launch, "up").await;
    eventually("the grandchildren", async || (processes(world.path()).len() >= 4).then_some(())).await;

    world.runtime.stop(&launch.address, Duration::from_millis(50)).await.unwrap();

    assert_eq!(processes(world.path()), Vec::<u32>::new());
    assert_eq!(world.runtime.probe(&launch.address).await, Probe::Gone);
}

#[tokio::test]
async fn an_id_that_the_program_prints_back_is_quoted_and_the_terminals_echo_is_not() {
    let world = World::new();
    let (silent, _) = script(world.path(), "t-1", REPORTER);
    let (echoing, _) = script(world.path(), "t-2", "printf 'ready> '; exec sed -u 's/^/got /'");
    for launch in [&silent, &echoing] {
        world.runtime.start(launch).await.unwrap();
        ready(&world.runtime, &launch.address).await;
        world.runtime.submit(&launch.address, &message("abcdefghij", "hello"), &gate()).await.unwrap();
        shows(&world.runtime, &launch.address, "got [antiphon:abcdefghij] hello").await;
    }

    let echoed = async |launch: &Launch| world.runtime.echoed(&launch.address, &prompt("abcdefghij")).await.unwrap();
    assert!(echoed(&silent).await.unwrap().contains("got [antiphon:abcdefghij] hello"));
    assert_eq!(echoed(&echoing).await, None);
    world.stop(&silent).await;
    world.stop(&echoing).await;
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
    world.stop(&launch).await;
    world.stop(&forger).await;
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

    world.stop(&launch).await;
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
async fn a_state_directory_may_lie_deeper_than_a_socket_can() {
    let dir = tempfile::tempdir().unwrap();
    let root = dir.path().join("deep".repeat(25));
    std::fs::create_dir(&root).unwrap();
    let runtime = daemon(&root);
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

#[tokio::test]
async fn the_screen_has_scrollback_colors_and_size() {
    let world = World::new();
    let launch =
        launch(world.path(), "t-1", &["/bin/sh", "-c", "seq 100; printf '\\033[1;31mred\\033[m>'; sleep 1000"]);
    world.start(&launch, "red>").await;

    let screen = world.runtime.screen(&launch.address, 5).await.unwrap();

    assert_eq!((screen.columns, screen.rows, screen.lines.len()), (100, 30, 35));
    assert!(screen.text().ends_with("99\n100\nred>"), "{}", screen.text());
    assert_eq!(screen.visible().count(), 30);
    let style = &screen.lines[34].0[0].style;
    assert_eq!(
        (style.foreground, style.attributes.as_slice()),
        (crate::runtime::Color::Indexed(1), &[crate::runtime::Attribute::Bold][..])
    );
    world.stop(&launch).await;
}
