//! Real programs in pseudoconsoles, held by real processes: this test binary, started again as a holder.

#![cfg(windows)]

use std::{path::Path, time::Duration};

use super::PtyRuntime;
use crate::runtime::{
    Launch, Probe, Runtime as _, Settle,
    testing::{self, eventually, holder, shows},
};

fn runtime(root: &Path) -> PtyRuntime {
    PtyRuntime::with_settle(holder(), root.join("index"), Settle::TYPICAL)
}

fn launch(root: &Path, line: &[&str]) -> Launch {
    let argv = [&[r"C:\Windows\System32\cmd.exe", "/D", "/C"], line].concat();
    let mut launch = testing::launch(root, "t-1", &argv);
    launch.env.extend([("SystemRoot", r"C:\Windows"), ("PATH", r"C:\Windows\System32")].map(owned));
    launch
}

fn owned((name, value): (&str, &str)) -> (String, String) {
    (name.to_owned(), value.to_owned())
}

#[tokio::test]
async fn how_a_program_ended_is_known_after_its_holder_left() {
    let dir = tempfile::tempdir().unwrap();
    let (runtime, launch) = (runtime(dir.path()), launch(dir.path(), &["exit", "7"]));

    runtime.start(&launch).await.unwrap();

    eventually("the end of the holder", async || runtime.list().await.unwrap().is_empty().then_some(())).await;
    assert_eq!(runtime.probe(&launch.address).await, Probe::Exited { code: Some(7), signal: None });
}

#[tokio::test]
async fn a_program_has_one_holder_that_tells_of_it() {
    let dir = tempfile::tempdir().unwrap();
    let (runtime, launch) = (runtime(dir.path()), launch(dir.path(), &["ping", "-n", "60", "127.0.0.1"]));

    runtime.start(&launch).await.unwrap();
    runtime.start(&launch).await.unwrap();

    let alive = runtime.probe(&launch.address).await;
    assert!(matches!(alive, Probe::Alive { pid: Some(_) }), "{alive:?}");
    assert_eq!(runtime.list().await.unwrap(), std::slice::from_ref(&launch.address));
    drop(runtime.stop(&launch.address, Duration::ZERO).await);
}

#[tokio::test]
async fn a_program_runs_until_it_is_stopped() {
    let dir = tempfile::tempdir().unwrap();
    let (runtime, launch) = (runtime(dir.path()), launch(dir.path(), &["ping", "-n", "60", "127.0.0.1"]));
    runtime.start(&launch).await.unwrap();

    runtime.stop(&launch.address, Duration::from_millis(100)).await.unwrap();

    assert_eq!(runtime.list().await.unwrap(), []);
    let ended = runtime.probe(&launch.address).await;
    assert!(matches!(ended, Probe::Exited { .. }), "{ended:?}");
    std::fs::remove_dir_all(&launch.session_dir).unwrap();
}

#[tokio::test]
async fn what_a_program_shows_is_on_the_screen() {
    let dir = tempfile::tempdir().unwrap();
    let line = ["echo", "hello&", "ping", "-n", "60", "127.0.0.1"];
    let (runtime, launch) = (runtime(dir.path()), launch(dir.path(), &line));
    runtime.start(&launch).await.unwrap();

    shows(&runtime, &launch.address, "hello").await;

    runtime.stop(&launch.address, Duration::ZERO).await.unwrap();
}
