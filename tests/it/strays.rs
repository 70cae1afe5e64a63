//! What agents leave behind in sessions of their own, with the real daemon.

use std::collections::{BTreeMap, BTreeSet};

use antiphon::{
    journal::{Journal as _, SqliteJournal},
    model::MachineKind,
};

use crate::world::{World, eventually};

/// The launches of which a process still runs, by their numbers: what the environments of processes say.
fn left_behind(world: &World) -> BTreeSet<String> {
    let mark = format!("ANTIPHON_SESSION_DIR={}/sessions/", world.state_dir().display());
    let entries = std::fs::read_dir("/proc").unwrap().flatten();
    let environments = entries.filter_map(|entry| std::fs::read(entry.path().join("environ")).ok());
    let dir = |environment: Vec<u8>| {
        let text = String::from_utf8_lossy(&environment).into_owned();
        text.split('\0').find_map(|variable| variable.strip_prefix(&mark)?.split('/').nth(1).map(ToOwned::to_owned))
    };
    environments.filter_map(dir).collect()
}

/// An agent that starts a server, which leaves its session and ignores every signal that can be ignored, and gives up.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_an_agent_left_behind_ends_with_its_next_launch_and_at_the_latest_with_the_daemons_next_start() {
    let dir = tempfile::tempdir().unwrap();
    let launches = dir.path().join("launches");
    // It must not hear of the shell's end before it has left the shell's session.
    let server = "trap \"\" HUP TERM; setsid sh -c \"while :; do sleep 1; done\" &";
    let agents = format!(
        "\x20 leaving:\n\
         \x20   command: [/bin/sh, -c, '{server} echo launched >> \"{}\"; exit 1']\n\
         \x20   receipt: none",
        launches.display()
    );
    let world = World::with_settings(&BTreeMap::from([("agent", "leaving".to_owned()), ("agents", agents)])).await;
    let launched = || std::fs::read_to_string(&launches).unwrap_or_default().lines().count();
    let daemon = world.start_daemon();
    world.is_served().await;
    let wish = ["spawn", "Do what you like"];
    eventually("a daemon that knows the repository", async || (world.run(&wish).await.0 == Some(0)).then_some(()))
        .await;

    // Started again until people are asked; each launch ends what the one before it had left.
    eventually("the last launch", async || (launched() == 4).then_some(())).await;
    eventually("one that is left", async || (left_behind(&world) == ["4".to_owned()].into()).then_some(())).await;
    eventually("people who were asked", async || {
        let journal = SqliteJournal::open_read_only(&world.state_dir()).ok()?;
        let sessions = journal.machines(Some(MachineKind::Session)).await.unwrap();
        sessions.iter().any(|(_, stored)| stored.state.contains("\"escalated\"")).then_some(())
    })
    .await;
    daemon.stop().await;
    assert_eq!(left_behind(&world), ["4".to_owned()].into(), "a daemon that ends leaves agents alone");

    let daemon = world.start_daemon();
    eventually("the end of what is left", async || left_behind(&world).is_empty().then_some(())).await;
    daemon.stop().await;
    world.end().await;
}
