//! What both runtimes must do: each promise of [`Runtime`] that can be tried without knowing how it is kept is a case
//! here. A runtime writes `conformance::suite!(ItsRuntime)` and gets one test for each.

#![cfg(target_os = "linux")]

use std::{
    path::{Path, PathBuf},
    time::Duration,
};

use regex::Regex;

use super::{
    Attribute, Color, Error, Gate, Launch, Probe, Runtime, Why,
    attach::{Connection, Left},
    recording::Recording,
    testing::{
        ASKER, COMPOSER, DEAF, REPORTER, Viewer, address, awkward_text, environment, eventually, gate, holds, kill_all,
        launch, message, pasted, processes, prompt, ready, script, shows,
    },
};
use crate::{model::Submission, runtime::Address};

/// How a test gets a runtime.
pub(crate) trait Tried: Runtime + Sized {
    /// The variables that its terminals add to the environment of a launch or change in it.
    const ADDS: &'static [&'static str];
    /// The keys by which a person leaves.
    const LEAVE: &'static [u8];

    /// What a daemon has whose launches are in `root`.
    fn in_root(root: &Path) -> Self;

    /// Connects a terminal of so many columns and rows to a launch.
    async fn attach(&self, address: &Address, size: (u16, u16), read_only: bool, root: &Path) -> Connection;
}

/// A daemon's runtime with a directory of its own. At the end every process of it is killed.
pub(crate) struct World<R> {
    dir: tempfile::TempDir,
    pub(crate) runtime: R,
}

impl<R> World<R> {
    pub(crate) fn path(&self) -> &Path {
        self.dir.path()
    }
}

impl<R: Tried> World<R> {
    pub(crate) fn new() -> Self {
        // Each of these means something to a shell or to tmux.
        let dir = tempfile::Builder::new().prefix("#(exit)#{pid}#[b];").tempdir().unwrap();
        let runtime = R::in_root(dir.path());
        Self { dir, runtime }
    }

    /// Another daemon with the same directory.
    pub(crate) fn other_daemon(&self) -> R {
        R::in_root(self.path())
    }

    pub(crate) async fn start(&self, launch: &Launch, shown: &str) {
        self.runtime.start(launch).await.unwrap();
        shows(&self.runtime, &launch.address, shown).await;
    }

    /// A composer that is ready for text, and the file of what it read.
    pub(crate) async fn composer(&self, session: &str) -> (Launch, PathBuf) {
        let (launch, typed) = script(self.path(), session, COMPOSER);
        self.runtime.start(&launch).await.unwrap();
        ready(&self.runtime, &launch.address).await;
        (launch, typed)
    }

    /// A person with a terminal of so many columns and rows.
    pub(crate) async fn viewer(&self, address: &Address, size: (u16, u16), read_only: bool) -> Viewer {
        Viewer::at(self.runtime.attach(address, size, read_only, self.path()).await)
    }

    pub(crate) async fn stop(&self, address: &Address) {
        self.runtime.stop(address, Duration::from_secs(1)).await.unwrap();
    }
}

impl<R> Drop for World<R> {
    fn drop(&mut self) {
        kill_all(self.path());
    }
}

pub(crate) async fn a_long_text_of_many_lines_arrives_once_and_unchanged<R: Tried>(world: World<R>) {
    let (launch, typed) = world.composer("t-1").await;
    let (message, address) = (message("abcdefghij", &awkward_text()), &launch.address);

    assert_eq!(world.runtime.submit(address, &message, &gate()).await.unwrap(), Submission::Submitted);
    holds(&typed, &pasted(&message)).await;

    assert_eq!(world.runtime.submit(address, &message, &gate()).await.unwrap(), Submission::Submitted);
    let other = world.other_daemon();
    assert_eq!(other.submit(address, &message, &gate()).await.unwrap(), Submission::Submitted);
    assert_eq!(other.submission(address, &prompt("zzzzzzzzzz")).await.unwrap(), Submission::Untouched);
    world.stop(address).await;
    holds(&typed, &pasted(&message)).await;
}

pub(crate) async fn three_messages_at_once_arrive_intact_and_in_order<R: Tried>(world: World<R>) {
    let (launch, typed) = world.composer("t-1").await;
    let messages = ["aaaaaaaaaa", "bbbbbbbbbb", "cccccccccc"].map(|id| message(id, "line one\nline two\nline three"));
    let gate = gate();

    let [one, two, three] = &messages;
    let submit = |message| world.runtime.submit(&launch.address, message, &gate);
    let (one, two, three) = tokio::join!(submit(one), submit(two), submit(three));

    assert_eq!([one.unwrap(), two.unwrap(), three.unwrap()], [Submission::Submitted; 3]);
    holds(&typed, &messages.iter().map(pasted).collect::<String>()).await;
    world.stop(&launch.address).await;
}

pub(crate) async fn two_daemons_with_the_same_prompt_type_it_once<R: Tried>(world: World<R>) {
    let (launch, typed) = world.composer("t-1").await;
    let (message, gate, other) = (message("abcdefghij", "a\nb"), gate(), world.other_daemon());
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
    world.stop(&launch.address).await;
    holds(&typed, &pasted(&message)).await;
}

pub(crate) async fn a_prompt_that_was_typed_once_is_only_answered_from_the_record<R: Tried>(world: World<R>) {
    let (launch, typed) = world.composer("t-1").await;
    let (one, two) = (message("aaaaaaaaaa", "one"), message("bbbbbbbbbb", "two"));
    let known = async |id| world.runtime.submission(&launch.address, &prompt(id)).await.unwrap();

    assert_eq!(known("aaaaaaaaaa").await, Submission::Untouched);
    world.runtime.submit(&launch.address, &one, &gate()).await.unwrap();
    world.runtime.submit(&launch.address, &two, &gate()).await.unwrap();
    // Another text under the same id is not typed either, nor is the gate asked.
    let again = message("aaaaaaaaaa", "other words");
    let closed = Gate { ready: Some(Regex::new("never").unwrap()), ..Gate::default() };
    assert_eq!(world.runtime.submit(&launch.address, &again, &closed).await.unwrap(), Submission::Submitted);

    holds(&typed, &format!("{}{}", pasted(&one), pasted(&two))).await;
    assert_eq!(known("aaaaaaaaaa").await, Submission::Submitted);
    assert_eq!(known("cccccccccc").await, Submission::Untouched);
    world.stop(&launch.address).await;
}

pub(crate) async fn nothing_is_typed_into_a_shell<R: Tried>(world: World<R>) {
    let launch = launch(world.path(), "t-1", &["/bin/sh", "-c", "echo 'ready>'; read -r line; echo \"heard $line\""]);
    world.start(&launch, "ready>").await;

    let refused = world.runtime.submit(&launch.address, &message("abcdefghij", "rm -rf /"), &gate()).await;

    assert!(matches!(refused, Err(Error::NotReceptive(Why::Shell))), "{refused:?}");
    let known = world.runtime.submission(&launch.address, &prompt("abcdefghij")).await.unwrap();
    assert_eq!(known, Submission::Untouched);
    assert!(!world.runtime.screen(&launch.address, 0).await.unwrap().text().contains("heard"));
    world.stop(&launch.address).await;
}

pub(crate) async fn nothing_is_typed_into_a_dialog_a_draft_or_what_is_not_ready<R: Tried>(world: World<R>) {
    let (launch, typed) = world.composer("t-1").await;
    let message = message("abcdefghij", "x");
    let pattern = |words| Regex::new(words).unwrap();
    let dialog = Gate { dialogs: vec![pattern("ready")], ..gate() };
    let draft = Gate { draft: Some(pattern("(read)y>")), ..gate() };
    let unready = Gate { ready: Some(pattern("never")), ..Gate::default() };

    for (gate, expected) in [(dialog, Why::Dialog), (draft, Why::Draft), (unready, Why::NotReady)] {
        let refused = world.runtime.submit(&launch.address, &message, &gate).await;
        assert!(matches!(refused, Err(Error::NotReceptive(why)) if why == expected), "{refused:?}, not {expected:?}");
    }
    assert_eq!(world.runtime.submit(&launch.address, &message, &gate()).await.unwrap(), Submission::Submitted);

    holds(&typed, &pasted(&message)).await;
    world.stop(&launch.address).await;
}

pub(crate) async fn a_dialog_that_opens_after_the_text_gets_no_enter<R: Tried>(world: World<R>) {
    let (launch, typed) = script(world.path(), "t-1", ASKER);
    world.runtime.start(&launch).await.unwrap();
    ready(&world.runtime, &launch.address).await;
    let (message, gate) =
        (message("abcdefghij", "x"), Gate { dialogs: vec![Regex::new("Shall I").unwrap()], ..gate() });

    for _ in 0..2 {
        assert_eq!(world.runtime.submit(&launch.address, &message, &gate).await.unwrap(), Submission::Placed);
    }

    world.stop(&launch.address).await;
    holds(&typed, pasted(&message).trim_end_matches('\r')).await;
}

pub(crate) async fn a_text_that_a_composer_has_not_drawn_gets_no_enter<R: Tried>(world: World<R>) {
    let (deaf, _) = script(world.path(), "t-1", DEAF);
    let (blank, typed) = script(world.path(), "t-2", COMPOSER);
    let (message, gate) =
        (message("abcdefghij", "x"), Gate { draft: Some(Regex::new("ready> (.+)").unwrap()), ..gate() });

    for launch in [&deaf, &blank] {
        world.runtime.start(launch).await.unwrap();
        ready(&world.runtime, &launch.address).await;
        assert_eq!(world.runtime.submit(&launch.address, &message, &gate).await.unwrap(), Submission::Placed);
    }

    holds(&typed, pasted(&message).trim_end_matches('\r')).await;
    world.stop(&deaf.address).await;
    world.stop(&blank.address).await;
}

pub(crate) async fn a_living_launch_and_a_dead_one_with_a_similar_name_are_not_confused<R: Tried>(world: World<R>) {
    let (ten, typed) = world.composer("t-10").await;
    let dead = launch(world.path(), "t-1", &["/bin/sh", "-c", "exit 3"]);
    world.runtime.start(&dead).await.unwrap();
    eventually("the end of t-1", async || {
        matches!(world.runtime.probe(&dead.address).await, Probe::Exited { code: Some(3), .. }).then_some(())
    })
    .await;

    let refused = async |address| {
        let refused = world.runtime.submit(&address, &message("abcdefghij", "x"), &Gate::default()).await;
        assert!(matches!(refused, Err(Error::Gone)), "{address}: {refused:?}");
    };
    refused(dead.address.clone()).await;
    world.stop(&dead.address).await;
    refused(dead.address.clone()).await;
    refused(address("t-10", 2)).await;

    assert_eq!(world.runtime.list().await.unwrap(), std::slice::from_ref(&ten.address));
    world.stop(&ten.address).await;
    holds(&typed, "").await;
    assert_eq!(world.runtime.list().await.unwrap(), []);
}

pub(crate) async fn names_and_texts_execute_nothing_and_keep_their_semicolons<R: Tried>(world: World<R>) {
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
    world.stop(&launch.address).await;
}

pub(crate) async fn the_environment_is_complete_and_nothing_is_inherited<R: Tried>(world: World<R>) {
    let mut launch = launch(world.path(), "t-1", &["sleep", "1000"]);
    launch.env.insert("QUOTED".into(), "a 'b' \"c\"\n$d ;".into());
    world.runtime.start(&launch).await.unwrap();
    let Probe::Alive { pid: Some(pid) } = world.runtime.probe(&launch.address).await else { panic!("no process") };

    let mut expected = launch.environment();
    expected.retain(|name, _| !R::ADDS.contains(&name.as_str()));
    eventually("the environment", async || {
        let mut found = environment(pid);
        found.retain(|name, _| !R::ADDS.contains(&name.as_str()));
        (found == expected).then_some(())
    })
    .await;
    world.stop(&launch.address).await;
}

pub(crate) async fn starts_at_the_same_time_start_one_program<R: Tried>(world: World<R>) {
    let (count, launch) = counted(&world, "exec sleep 1000");

    let start = || world.runtime.start(&launch);
    let (one, two, three) = tokio::join!(start(), start(), start());
    for started in [one, two, three, start().await] {
        started.unwrap();
    }

    holds(&count, "started\n").await;
    assert_eq!(world.runtime.list().await.unwrap(), std::slice::from_ref(&launch.address));
    world.stop(&launch.address).await;
    holds(&count, "started\n").await;
    assert_eq!(world.runtime.list().await.unwrap(), []);
}

pub(crate) async fn starting_what_has_ended_starts_nothing<R: Tried>(world: World<R>) {
    let (count, launch) = counted(&world, "exit 5");
    let exited = Probe::Exited { code: Some(5), signal: None };

    world.runtime.start(&launch).await.unwrap();
    eventually("its end", async || (world.runtime.probe(&launch.address).await == exited).then_some(())).await;
    world.runtime.start(&launch).await.unwrap();

    assert_eq!(world.runtime.probe(&launch.address).await, exited);
    holds(&count, "started\n").await;
    world.stop(&launch.address).await;
    world.stop(&launch.address).await;
}

/// A launch that says in a file that it was started, and goes on with `then`.
fn counted<R>(world: &World<R>, then: &str) -> (PathBuf, Launch) {
    let count = world.path().join("count");
    let script = format!("echo started >> '{}'; {then}", count.display());
    (count, launch(world.path(), "t-1", &["/bin/sh", "-c", &script]))
}

pub(crate) async fn stopping_ends_grandchildren_that_ignore_signals_or_left_the_session<R: Tried>(world: World<R>) {
    let stubborn = "(trap '' HUP TERM; while :; do sleep 1; done) & setsid sh -c \"trap '' HUP TERM; sleep 1000\" & \
                    echo up; wait";
    let launch = launch(world.path(), "t-1", &["/bin/sh", "-c", stubborn]);
    world.start(&launch, "up").await;
    eventually("the grandchildren", async || (processes(world.path()).len() >= 4).then_some(())).await;

    world.runtime.stop(&launch.address, Duration::from_millis(50)).await.unwrap();

    assert_eq!(processes(world.path()), Vec::<u32>::new());
    let probe = world.runtime.probe(&launch.address).await;
    assert!(matches!(probe, Probe::Exited { .. } | Probe::Gone), "{probe:?}");
    assert_eq!(world.runtime.list().await.unwrap(), []);
}

pub(crate) async fn an_id_that_the_program_prints_back_is_quoted_and_the_terminals_echo_is_not<R: Tried>(
    world: World<R>,
) {
    let (silent, _) = script(world.path(), "t-1", REPORTER);
    let (echoing, _) = script(world.path(), "t-2", "printf 'ready> '; exec sed -u 's/^/got /'");
    for launch in [&silent, &echoing] {
        world.runtime.start(launch).await.unwrap();
        ready(&world.runtime, &launch.address).await;
        world.runtime.submit(&launch.address, &message("abcdefghij", "hello"), &gate()).await.unwrap();
        shows(&world.runtime, &launch.address, "got [antiphon:abcdefghij] hello").await;
    }

    let echoed = async |launch: &Launch, id| world.runtime.echoed(&launch.address, &prompt(id)).await.unwrap();
    let line = echoed(&silent, "abcdefghij").await.unwrap();
    assert!(line.ends_with("got [antiphon:abcdefghij] hello"), "{line}");
    assert_eq!(echoed(&silent, "zzzzzzzzzz").await, None);
    assert_eq!(echoed(&echoing, "abcdefghij").await, None);
    world.stop(&silent.address).await;
    world.stop(&echoing.address).await;
}

pub(crate) async fn the_screen_has_scrollback_colors_and_size<R: Tried>(world: World<R>) {
    let launch =
        launch(world.path(), "t-1", &["/bin/sh", "-c", "seq 100; printf '\\033[1;31mred\\033[m>'; sleep 1000"]);
    world.start(&launch, "red>").await;

    let screen = world.runtime.screen(&launch.address, 5).await.unwrap();

    assert_eq!((screen.columns, screen.rows, screen.lines.len()), (100, 30, 35));
    assert!(screen.text().ends_with("99\n100\nred>"), "{}", screen.text());
    assert_eq!(screen.visible().count(), 30);
    let style = &screen.lines[34].0[0].style;
    assert_eq!((style.foreground, style.attributes.as_slice()), (Color::Indexed(1), &[Attribute::Bold][..]));
    world.stop(&launch.address).await;
}

pub(crate) async fn several_people_see_the_same_and_only_those_who_may_type_do<R: Tried>(world: World<R>) {
    let (launch, _) = script(world.path(), "t-1", REPORTER);
    world.runtime.start(&launch).await.unwrap();
    ready(&world.runtime, &launch.address).await;
    let mut reader = world.viewer(&launch.address, (40, 10), true).await;
    let mut one = world.viewer(&launch.address, (90, 20), false).await;
    let mut other = world.viewer(&launch.address, (90, 20), false).await;
    for person in [&reader, &one, &other] {
        person.sees("ready>").await;
    }

    reader.type_keys(b"from the reader\r").await;
    one.type_keys(b"from the one\r").await;
    for person in [&reader, &one, &other] {
        person.sees("got from the one").await;
    }
    other.type_keys(b"from the other\r").await;
    for person in [&reader, &one, &other] {
        person.sees("got from the other").await;
    }

    assert!(!one.saw().contains("from the reader"), "{}", one.saw());
    let screen = world.runtime.screen(&launch.address, 0).await.unwrap();
    assert_eq!((screen.columns, screen.rows), (90, 20), "who only looks has no say in the size");
    world.stop(&launch.address).await;
}

pub(crate) async fn who_resizes_or_leaves_disturbs_nobody<R: Tried>(world: World<R>) {
    let (launch, _) = script(world.path(), "t-1", REPORTER);
    world.runtime.start(&launch).await.unwrap();
    ready(&world.runtime, &launch.address).await;
    let size = async |columns, rows| {
        eventually("the size", async || {
            let screen = world.runtime.screen(&launch.address, 0).await.unwrap();
            ((screen.columns, screen.rows) == (columns, rows)).then_some(())
        })
        .await;
    };
    let mut stays = world.viewer(&launch.address, (90, 20), false).await;
    let mut leaves = world.viewer(&launch.address, (90, 20), false).await;
    for person in [&stays, &leaves] {
        person.sees("ready>").await;
    }

    leaves.resize(60, 15).await;
    leaves.type_keys(b"smaller\r").await;
    size(60, 15).await;
    for person in [&stays, &leaves] {
        person.sees("got smaller").await;
    }
    leaves.type_keys(R::LEAVE).await;
    let left = leaves.left().await;
    assert!(matches!(left, Left::Detached | Left::Ended(Probe::Exited { code: Some(0), .. })), "{left:?}");

    size(90, 20).await;
    stays.type_keys(b"still here\r").await;
    stays.sees("got still here").await;
    assert!(matches!(world.runtime.probe(&launch.address).await, Probe::Alive { .. }));
    world.stop(&launch.address).await;
    let left = stays.left().await;
    assert!(matches!(left, Left::Ended(Probe::Exited { .. })), "{left:?}");
}

pub(crate) async fn a_recording_holds_what_was_shown_and_neither_secrets_nor_input<R: Tried>(world: World<R>) {
    let shows = "printf '\\033[?2004hready> ghp_16C7e42F292c'; sleep 0.6; printf '6912E7710c838347Ae178B4a s3cr'; sleep 0.6; \
                 printf 'et-of-mine end\\r\\n'; stty raw -echo; exec cat > \"$1\"";
    let (mut launch, typed) = script(world.path(), "t-1", shows);
    launch.recording = Some(Recording { bytes_max: 1_000_000, secrets: vec!["s3cret-of-mine".to_owned()] });
    world.runtime.start(&launch).await.unwrap();
    eventually("the end on disk", async || recorded(&launch).contains(" end").then_some(())).await;
    ready(&world.runtime, &launch.address).await;
    let message = message("abcdefghij", "what was said");
    world.runtime.submit(&launch.address, &message, &gate()).await.unwrap();
    holds(&typed, &pasted(&message)).await;
    let person = world.viewer(&launch.address, (70, 17), false).await;
    eventually("the new size", async || recorded(&launch).contains("\"r\",\"70x17\"").then_some(())).await;
    drop(person);
    world.stop(&launch.address).await;

    let recording = recorded(&launch);
    assert!(recording.starts_with("{\"version\":2,\"width\":100,\"height\":30,"), "{recording}");
    let events = recording.lines().filter_map(|line| serde_json::from_str::<(f64, String, String)>(line).ok());
    let shown: String = events.filter(|(_, kind, _)| kind == "o").map(|(_, _, text)| text).collect();
    let (token, known) = ("*".repeat(40), "*".repeat(14));
    assert!(shown.contains(&format!("ready> {token} {known} end")), "{shown}");
    for never in ["ghp_", "6912E", "s3cr", "et-of-mine", "what was said"] {
        assert!(!recording.contains(never), "{never}\n{recording}");
    }
}

/// What was recorded of a launch so far.
fn recorded(launch: &Launch) -> String {
    std::fs::read_to_string(launch.session_dir.join("recording.cast")).unwrap_or_default()
}

macro_rules! suite {
    ($runtime:ty) => {
        $crate::runtime::conformance::cases! { $runtime;
            a_long_text_of_many_lines_arrives_once_and_unchanged,
            // S65
            three_messages_at_once_arrive_intact_and_in_order,
            two_daemons_with_the_same_prompt_type_it_once,
            a_prompt_that_was_typed_once_is_only_answered_from_the_record,
            // S61
            nothing_is_typed_into_a_shell,
            // S60
            nothing_is_typed_into_a_dialog_a_draft_or_what_is_not_ready,
            // S60
            a_dialog_that_opens_after_the_text_gets_no_enter,
            // S60
            a_text_that_a_composer_has_not_drawn_gets_no_enter,
            a_living_launch_and_a_dead_one_with_a_similar_name_are_not_confused,
            names_and_texts_execute_nothing_and_keep_their_semicolons,
            the_environment_is_complete_and_nothing_is_inherited,
            starts_at_the_same_time_start_one_program,
            starting_what_has_ended_starts_nothing,
            stopping_ends_grandchildren_that_ignore_signals_or_left_the_session,
            an_id_that_the_program_prints_back_is_quoted_and_the_terminals_echo_is_not,
            the_screen_has_scrollback_colors_and_size,
            several_people_see_the_same_and_only_those_who_may_type_do,
            who_resizes_or_leaves_disturbs_nobody,
            a_recording_holds_what_was_shown_and_neither_secrets_nor_input,
        }
    };
}

macro_rules! cases {
    ($runtime:ty; $($case:ident),* $(,)?) => {
        $(#[tokio::test]
        async fn $case() {
            let world = $crate::runtime::conformance::World::<$runtime>::new();
            $crate::runtime::conformance::$case(world).await;
        })*
    };
}

pub(crate) use {cases, suite};
