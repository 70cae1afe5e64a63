//! Sessions in tmux, in the product: the real binary, a real tmux server on a private socket.
//!
//! Where tmux is not installed these tests prove nothing and say so.

use std::{collections::BTreeMap, path::Path, process::Stdio};

use tokio::process::Command;

use crate::{
    story,
    world::{World, eventually},
};

/// Whether tmux is there; tells a reader of the tests' output if it is not.
pub(crate) fn is_there() -> bool {
    let there =
        ["/usr/local/bin/tmux", "/usr/bin/tmux", "/opt/homebrew/bin/tmux"].iter().any(|it| Path::new(it).exists());
    if !there {
        eprintln!("SKIPPED: tmux is not installed, so nothing was shown about sessions in tmux");
    }
    there
}

/// What tmux says of the world's own server.
#[expect(clippy::disallowed_methods, reason = "a test looks at the server as a user would")]
pub(crate) async fn tmux(world: &World, args: &[&str]) -> Option<String> {
    let socket = world.state_dir().join("tmux.sock");
    let mut command = Command::new("tmux");
    command.arg("-S").arg(socket).args(["-f", "/dev/null"]).args(args).stdin(Stdio::null());
    let output = command.output().await.unwrap();
    output.status.success().then(|| String::from_utf8(output.stdout).unwrap())
}

/// The tmux servers and clients that were told of a directory.
fn processes_of(dir: &Path) -> Vec<String> {
    let entries = std::fs::read_dir("/proc").into_iter().flatten().flatten();
    entries
        .filter_map(|entry| std::fs::read(entry.path().join("cmdline")).ok())
        .map(|line| String::from_utf8_lossy(&line).replace('\0', " "))
        .filter(|line| line.contains("tmux") && line.contains(dir.to_str().unwrap()))
        .collect()
}

/// tmux expands `#{…}` and runs `#(…)` in many of its arguments, and a path may hold both.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_story_plays_in_tmux_and_leaves_no_server_behind() {
    if !is_there() {
        return;
    }
    let dir = tempfile::Builder::new().prefix("a #{pid} #(touch pwned); ").tempdir().unwrap();
    let mut world = World::within(dir, &BTreeMap::from([("runtime", "tmux".to_owned())])).await;
    let daemon = world.start_daemon();

    story::play(&mut world).await;

    eventually("the end of the pane", async || {
        let panes = tmux(&world, &["list-panes", "-a", "-F", "#{session_name}"]).await.unwrap_or_default();
        (!panes.contains("pages-1")).then_some(())
    })
    .await;
    daemon.stop().await;
    eventually("the end of the server", async || processes_of(world.dir.path()).is_empty().then_some(())).await;
    assert!(!Path::new("pwned").exists(), "tmux ran what stands in a path");
    let recording = world.state_dir().join("sessions/pages-1/1/recording.cast");
    let recording = std::fs::read_to_string(recording).unwrap();
    assert!(recording.contains("received [antiphon:") && recording.contains("Pushed "), "{recording}");
    world.end().await;
}
