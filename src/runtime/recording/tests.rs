//! Recordings as files.

use std::{io, path::Path, time::Duration};

use jiff::Timestamp;

use super::{Recorded, Recorder, Recording, forget, order, record, recorded};
use crate::{clock::Clock, model::Generation, places::Places, runtime::testing::launch};

const BEGAN: i64 = 1_700_000_000;

fn clock() -> Clock {
    Clock::from_fn(|| Timestamp::from_second(BEGAN).unwrap())
}

fn recording(bytes_max: u64) -> Recording {
    Recording { bytes_max, secrets: vec!["s3cret-value-of-mine".to_owned()] }
}

fn begin(dir: &Path, bytes_max: u64) -> Recorder {
    Recorder::begin(dir, &recording(bytes_max), "t-1", (100, 30), &clock()).unwrap()
}

fn lines(dir: &Path) -> Vec<String> {
    let text = std::fs::read_to_string(dir.join("recording.cast")).unwrap();
    text.lines().map(ToOwned::to_owned).collect()
}

const HEADER: &str = r#"{"version":2,"width":100,"height":30,"timestamp":1700000000,"title":"t-1"}"#;

#[tokio::test(start_paused = true)]
async fn what_comes_is_on_disk_after_two_ticks_and_private() {
    let dir = tempfile::tempdir().unwrap();
    let mut recorder = begin(dir.path(), 1_000);
    tokio::time::advance(Duration::from_millis(1_500)).await;

    recorder.output(b"one\r\ntwo").unwrap();
    recorder.settle().unwrap();
    assert_eq!(lines(dir.path()), [HEADER, r#"[1.5,"o","one\r\n"]"#]);
    recorder.settle().unwrap();

    assert_eq!(lines(dir.path())[2..], [r#"[1.5,"o","two"]"#]);
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt as _;
        let mode = std::fs::metadata(dir.path().join("recording.cast")).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600);
    }
}

#[tokio::test(start_paused = true)]
async fn a_recording_ends_at_its_size_and_says_so() {
    let dir = tempfile::tempdir().unwrap();
    let mut recorder = begin(dir.path(), 1_000);
    let ended = (0..1_000).find_map(|_| recorder.output(b"0123456789\r\n").and_then(|()| recorder.settle()).err());

    assert_eq!(ended.unwrap().to_string(), "the recording is full");
    assert_eq!(lines(dir.path()).last().unwrap(), r#"[0.0,"m","the recording is full"]"#);
    let size = std::fs::metadata(dir.path().join("recording.cast")).unwrap().len();
    assert!((900..=1_000).contains(&size), "{size}");
}

#[tokio::test(start_paused = true)]
async fn a_launch_is_recorded_once() {
    let dir = tempfile::tempdir().unwrap();
    begin(dir.path(), 1_000).end().unwrap();

    let again = Recorder::begin(dir.path(), &recording(1_000), "t-1", (100, 30), &clock());

    assert_eq!(again.err().unwrap().kind(), io::ErrorKind::AlreadyExists);
}

#[tokio::test(start_paused = true)]
async fn what_is_passed_on_is_recorded_and_the_order_is_taken_away() {
    let dir = tempfile::tempdir().unwrap();
    let mut launch = launch(dir.path(), "t-1", &["sh"]);
    assert!(!order(&launch).unwrap());
    launch.recording = Some(recording(1_000));
    assert!(order(&launch).unwrap());

    let output = &b"token s3cret-value-of-mine\r\n"[..];
    let code = record(&launch.session_dir, "/nonexistent".as_ref(), output, &clock()).await;

    assert_eq!((code, std::fs::read_dir(&launch.session_dir).unwrap().count()), (0, 1));
    let said = format!(r#"[0.0,"o","token {}\r\n"]"#, "*".repeat(20));
    assert_eq!(lines(&launch.session_dir), [HEADER.to_owned(), said]);
    assert_eq!(record(&launch.session_dir, "/nonexistent".as_ref(), &b""[..], &clock()).await, 1, "there is no order");
}

#[tokio::test(start_paused = true)]
async fn recordings_are_found_by_launch_and_forgotten_by_age() {
    let dir = tempfile::tempdir().unwrap();
    let (places, session) = (Places::new(dir.path()), "t-1".parse().unwrap());
    let launch = |generation| places.launch(&session, Generation(generation));
    for generation in [2, 10, 3] {
        std::fs::create_dir_all(launch(generation)).unwrap();
    }
    for generation in [10, 2] {
        let mut recorder = begin(&launch(generation), 1_000);
        tokio::time::advance(Duration::from_secs(61)).await;
        recorder.output(b"x").unwrap();
        recorder.end().unwrap();
    }
    std::fs::write(dir.path().join("sessions").join("stray"), "").unwrap();

    let found = recorded(&places, &session).unwrap();

    let expected = |launch: u32| Recorded {
        launch,
        began: Some(Timestamp::from_second(BEGAN).unwrap()),
        seconds: 61,
        bytes: HEADER.len() as u64 + 16,
        path: places.launch(&session, Generation(launch)).join("recording.cast"),
    };
    assert_eq!(found, [expected(2), expected(10)]);
    assert_eq!(recorded(&places, &"t-2".parse().unwrap()).unwrap(), []);

    let day = Duration::from_secs(86_400);
    let now = Timestamp::try_from(std::fs::metadata(&found[0].path).unwrap().modified().unwrap()).unwrap();
    assert_eq!(forget(&places, day, now + day / 2).unwrap(), 0);
    assert_eq!(forget(&places, day, now + day * 2).unwrap(), 2);
    assert_eq!(recorded(&places, &session).unwrap(), []);
}
