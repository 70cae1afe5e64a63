//! Real programs in real pseudo-terminals, held by real processes: this test binary, started again as a holder.

#![cfg(target_os = "linux")]

use std::{
    os::unix::fs::PermissionsExt as _,
    path::{Path, PathBuf},
    time::Duration,
};

use super::{
    PtyRuntime,
    client::{self, unexpected},
    place::Place,
    protocol::{self, Answer, Frame, Request},
    record, socket,
};
use crate::{
    model::Submission,
    runtime::{
        Address, Error, Gate, Launch, Probe, Runtime as _, Settle, Why,
        attach::Connection,
        conformance::{self, Tried},
        testing::{
            COMPOSER, address, awkward_text, eventually, gate, holder, holds, launch, message, pasted, processes,
            ready, script, shows,
        },
    },
};

type World = conformance::World<PtyRuntime>;

impl Tried for PtyRuntime {
    // From the user database.
    const ADDS: &'static [&'static str] = &["SHELL"];
    // ctrl-\\
    const LEAVE: &'static [u8] = b"\x1c";

    fn in_root(root: &Path) -> Self {
        Self::with_settle(
            holder(),
            root.join("index"),
            Settle { quiet: Duration::from_millis(20), unread: Duration::from_secs(1), ..Settle::TYPICAL },
        )
    }

    async fn attach(&self, address: &Address, size: (u16, u16), read_only: bool, _root: &Path) -> Connection {
        Connection::open(self, address, size, read_only).await.unwrap()
    }
}

impl World {
    fn place(&self, address: &Address) -> Place {
        Place::new(self.path().join("launches").join(address.to_string()))
    }

    fn kill_holder(&self, address: &Address) {
        let pid = std::fs::read_to_string(self.place(address).started()).unwrap().parse().unwrap();
        let pid = rustix::process::Pid::from_raw(pid).unwrap();
        rustix::process::kill_process(pid, rustix::process::Signal::KILL).unwrap();
    }
}

conformance::suite!(PtyRuntime);

/// S60
#[tokio::test]
async fn nothing_is_typed_into_a_dialog_and_the_prompt_arrives_after_it() {
    let world = World::new();
    let ask = "stty raw -echo; printf '\\033[?2004hready> Do you want to proceed?'; dd bs=1 count=1 2>/dev/null; \
               printf '\\033[2J\\033[Hready> '; exec cat > \"$1\"";
    let (launch, typed) = script(world.path(), "t-1", ask);
    world.runtime.start(&launch).await.unwrap();
    shows(&world.runtime, &launch.address, "proceed?").await;
    let gate = Gate { dialogs: vec![regex::Regex::new("Do you want to proceed").unwrap()], shells: false, ..gate() };
    let message = message("abcdefghij", "fix\nthis");

    let refused = world.runtime.submit(&launch.address, &message, &gate).await;
    assert!(matches!(refused, Err(Error::NotReceptive(Why::Dialog))), "{refused:?}");

    let mut viewer = world.viewer(&launch.address, (90, 20), false).await;
    viewer.type_keys(b"y").await;
    eventually("the prompt is typed", async || {
        world
            .runtime
            .submit(&launch.address, &message, &gate)
            .await
            .ok()
            .filter(|typed| *typed == Submission::Submitted)
    })
    .await;
    holds(&typed, &pasted(&message)).await;
    world.stop(&launch.address).await;
}

#[tokio::test]
async fn many_lines_are_not_typed_without_bracketed_paste_but_one_line_is() {
    let world = World::new();
    let (launch, typed) = script(world.path(), "t-1", "stty raw -echo; printf 'ready> '; exec cat > \"$1\"");
    world.runtime.start(&launch).await.unwrap();
    ready(&world.runtime, &launch.address).await;

    let refused = world.runtime.submit(&launch.address, &message("aaaaaaaaaa", "a\nb"), &gate()).await;
    assert!(matches!(refused, Err(Error::NotReceptive(Why::NoBracketedPaste))), "{refused:?}");
    let line = message("bbbbbbbbbb", "one line");
    world.runtime.submit(&launch.address, &line, &gate()).await.unwrap();

    holds(&typed, &format!("{}\r", line.text())).await;
    world.stop(&launch.address).await;
}

#[tokio::test]
async fn a_holder_obeys_no_other_launch() {
    let world = World::new();
    let (Launch { address, .. }, _) = world.composer("t-1").await;
    let place = world.place(&address);

    let refused = client::greet(&place, &self::address("t-1", 2)).await;

    assert!(matches!(refused, Err(Error::NotReceptive(Why::StaleLaunch))));
    world.stop(&address).await;
}

#[tokio::test]
async fn a_client_of_another_version_is_told_so() {
    let world = World::new();
    let (Launch { address, .. }, _) = world.composer("t-1").await;
    let mut wire = protocol::wire(socket::connect(&world.place(&address)).await.unwrap());

    protocol::say(&mut wire, &Request::Hello { version: 99, address: address.clone() }).await.unwrap();
    let answer = protocol::hear::<Answer>(&mut wire).await.unwrap();

    let Some(Frame::Said(answer @ Answer::Refused { version: 1 })) = answer else { panic!("{answer:?}") };
    assert_eq!(unexpected(answer).to_string(), "the holder's protocol is version 1, but 1 is needed");
    world.stop(&address).await;
}

#[tokio::test]
async fn what_was_begun_is_finished_when_the_client_vanishes() {
    let world = World::new();
    let (Launch { address, .. }, typed) = world.composer("t-1").await;
    let message = message("abcdefghij", &awkward_text());
    let mut wire = client::greet(&world.place(&address), &address).await.unwrap().unwrap();

    protocol::say(&mut wire, &Request::submit(&message, &gate())).await.unwrap();
    drop(wire);

    holds(&typed, &pasted(&message)).await;
    eventually("the record of it", async || {
        let known = world.runtime.submission(&address, message.prompt()).await.unwrap();
        (known == Submission::Submitted).then_some(())
    })
    .await;
    world.stop(&address).await;
}

#[tokio::test]
async fn a_holder_that_is_killed_between_text_and_enter_leaves_an_indeterminate_prompt() {
    let world = World::new();
    // It never reads, so the holder waits before it types Enter.
    let deaf = "stty raw -echo; printf '\\033[?2004hready> '; exec sleep 1000";
    let (launch, _) = script(world.path(), "t-1", deaf);
    let runtime = &world.runtime;
    runtime.start(&launch).await.unwrap();
    ready(runtime, &launch.address).await;
    let place = world.place(&launch.address);
    let message = message("abcdefghij", "x");
    let mut wire = client::greet(&place, &launch.address).await.unwrap().unwrap();
    protocol::say(&mut wire, &Request::submit(&message, &gate())).await.unwrap();
    eventually("the record of the text", async || (!record::read(&place.record()).unwrap().is_empty()).then_some(()))
        .await;

    world.kill_holder(&launch.address);
    eventually("the end of the holder", async || (!place.is_held().unwrap()).then_some(())).await;

    let known = runtime.submission(&launch.address, message.prompt()).await.unwrap();
    assert_eq!(known, Submission::Indeterminate);
    assert_eq!(runtime.submit(&launch.address, &message, &gate()).await.unwrap(), Submission::Indeterminate);
    let other = runtime.submit(&launch.address, &self::message("bbbbbbbbbb", "x"), &gate()).await;
    assert!(matches!(other, Err(Error::Gone)), "{other:?}");
    world.stop(&launch.address).await;
    assert_eq!(runtime.probe(&launch.address).await, Probe::Gone);
    assert!(matches!(runtime.start(&launch).await, Err(Error::Gone)));
}

#[tokio::test]
async fn a_holder_that_dies_at_any_step_of_typing_leaves_the_truth_behind() {
    let world = World::new();
    let message = message("abcdefghij", "one\ntwo");
    let text = pasted(&message);
    // Before the record; after it; after the text; before Enter; after it.
    for crossing in 1..=5 {
        let (launch, typed) = script(world.path(), &format!("t-{crossing}"), COMPOSER);
        std::fs::write(launch.session_dir.join("die_at"), crossing.to_string()).unwrap();
        world.runtime.start(&launch).await.unwrap();
        ready(&world.runtime, &launch.address).await;

        let outcome = world.runtime.submit(&launch.address, &message, &gate()).await;
        let known = world.runtime.submission(&launch.address, message.prompt()).await.unwrap();
        let again = world.runtime.submit(&launch.address, &message, &gate()).await;
        world.stop(&launch.address).await;

        let arrived = std::fs::read_to_string(&typed).unwrap();
        assert!(text.starts_with(&arrived) && (crossing > 2 || arrived.is_empty()), "{crossing}: {arrived:?}");
        if crossing == 1 {
            assert!(matches!((&outcome, &again), (Err(Error::Gone), Err(Error::Gone))), "{outcome:?} {again:?}");
            assert_eq!(known, Submission::Untouched);
        } else {
            let told = [outcome.unwrap(), known, again.unwrap()];
            assert_eq!(told, [Submission::Indeterminate; 3], "{crossing}");
        }
    }
}

#[tokio::test]
async fn the_exit_code_and_the_last_screen_outlive_the_holder() {
    let world = World::new();
    let launch = launch(world.path(), "t-1", &["/bin/sh", "-c", "seq 100; echo done; exit 7"]);
    world.runtime.start(&launch).await.unwrap();
    let place = world.place(&launch.address);
    eventually("the end of the holder", async || (!place.is_held().unwrap() && place.exit().exists()).then_some(()))
        .await;

    assert_eq!(world.runtime.probe(&launch.address).await, Probe::Exited { code: Some(7), signal: None });
    let screen = world.runtime.screen(&launch.address, 3).await.unwrap();
    assert!(screen.text().ends_with("100\ndone") && screen.lines.len() == 33, "{screen:?}");
    // A second start of what has ended starts nothing.
    world.runtime.start(&launch).await.unwrap();
    assert_eq!(world.runtime.probe(&launch.address).await, Probe::Exited { code: Some(7), signal: None });
    assert_eq!(world.runtime.list().await.unwrap(), []);
}

#[tokio::test]
async fn a_program_that_cannot_be_started_is_an_error_with_its_name() {
    let world = World::new();
    let launch = launch(world.path(), "t-1", &["/nonexistent/agent"]);

    let error = world.runtime.start(&launch).await.unwrap_err();

    assert!(error.to_string().contains("/nonexistent/agent"), "{error}");
    assert_eq!(world.runtime.probe(&launch.address).await, Probe::Gone);
}

#[tokio::test]
async fn stopping_after_the_holder_died_still_ends_what_is_left() {
    let world = World::new();
    let launch =
        launch(world.path(), "t-1", &["/bin/sh", "-c", "trap '' HUP TERM; echo up; while :; do sleep 1; done"]);
    world.runtime.start(&launch).await.unwrap();
    shows(&world.runtime, &launch.address, "up").await;

    world.kill_holder(&launch.address);
    let place = world.place(&launch.address);
    eventually("the end of the holder", async || (!place.is_held().unwrap()).then_some(())).await;
    let probe = world.runtime.probe(&launch.address).await;
    assert!(matches!(probe, Probe::Unknown { .. }), "S50: a process still lives, so this is no death: {probe:?}");
    assert_eq!(world.runtime.list().await.unwrap(), std::slice::from_ref(&launch.address));

    world.runtime.stop(&launch.address, Duration::from_millis(50)).await.unwrap();
    assert_eq!(processes(world.path()), Vec::<u32>::new());
    assert_eq!(world.runtime.probe(&launch.address).await, Probe::Gone);
}

#[tokio::test]
async fn a_path_that_is_too_long_for_a_socket_is_no_obstacle_and_nothing_is_readable_by_others() {
    let world = World::new();
    let (mut launch, _) = script(world.path(), "t-1", COMPOSER);
    launch.session_dir = world.path().join("d".repeat(120));
    std::fs::create_dir(&launch.session_dir).unwrap();
    world.runtime.start(&launch).await.unwrap();
    ready(&world.runtime, &launch.address).await;

    let socket = PathBuf::from(std::fs::read_to_string(launch.session_dir.join("socket")).unwrap());
    let short = socket.parent().unwrap().to_owned();
    let mode = |path: &Path| std::fs::metadata(path).unwrap().permissions().mode() & 0o777;
    assert_eq!((mode(&short), short.starts_with("/tmp")), (0o700, true));
    world.runtime.submit(&launch.address, &message("abcdefghij", "x"), &gate()).await.unwrap();
    for name in ["typed", "started", "socket", "hold.lock"] {
        assert_eq!(mode(&launch.session_dir.join(name)), 0o600, "{name}");
    }
    assert!(!launch.session_dir.join("launch.json").exists(), "it holds secrets");
    world.stop(&launch.address).await;
    assert!(!short.exists());
}

#[tokio::test]
async fn nothing_is_typed_while_a_person_types() {
    let world = World::new();
    let (Launch { address, .. }, typed) = world.composer("t-1").await;
    let mut person = world.viewer(&address, (90, 20), false).await;

    person.type_keys(b"half a sent").await;
    holds(&typed, "half a sent").await;
    let refused = world.runtime.submit(&address, &message("abcdefghij", "x"), &gate()).await;

    assert!(matches!(refused, Err(Error::NotReceptive(Why::Typing))), "{refused:?}");
    world.stop(&address).await;
    holds(&typed, "half a sent").await;
}

#[tokio::test]
async fn a_resize_reaches_the_program() {
    let world = World::new();
    let script = "trap 'stty size' WINCH; echo up; while :; do sleep 0.05; done";
    let launch = launch(world.path(), "t-1", &["/bin/sh", "-c", script]);
    world.runtime.start(&launch).await.unwrap();
    shows(&world.runtime, &launch.address, "up").await;
    let viewer = world.viewer(&launch.address, (90, 20), false).await;
    viewer.sees("20 90").await;

    viewer.resize(70, 17).await;

    viewer.sees("17 70").await;
    world.stop(&launch.address).await;
}

#[tokio::test]
async fn questions_to_the_terminal_are_answered_when_nobody_watches() {
    let world = World::new();
    let ask = "stty raw -echo; printf 'ab\\033[6n'; dd bs=1 count=6 2>/dev/null | od -An -c; sleep 1000";
    let (launch, _) = script(world.path(), "t-1", ask);
    world.runtime.start(&launch).await.unwrap();

    shows(&world.runtime, &launch.address, "[   1   ;   3   R").await;
    world.stop(&launch.address).await;
}
