//! Many agents that end at once, with the real daemon and a real tmux server that is killed.

use std::collections::BTreeMap;

use antiphon::{
    client::Client,
    event::{self, Event},
    journal::Journal as _,
    model::Seq,
    view::{SessionPhase, SessionView},
};

use crate::{
    tmux,
    world::{World, eventually},
};

const AGENTS: usize = 6;

async fn all(client: &Client, what: &str, like: impl Fn(&SessionView) -> bool) {
    let look = async || {
        let sessions = client.overview().await.ok()?.sessions;
        (sessions.len() == AGENTS && sessions.iter().all(&like)).then_some(())
    };
    eventually(what, look).await;
}

// S58
#[cfg(target_os = "linux")]
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_terminal_server_that_dies_costs_no_agent_an_attempt_and_people_one_look() {
    if !tmux::is_there() {
        return;
    }
    let changed = [("runtime", "tmux"), ("sessions", "6"), ("time_scale", "8")];
    let world = World::with_settings(&BTreeMap::from(changed.map(|(key, value)| (key, value.to_owned())))).await;
    let daemon = world.start_daemon();
    world.is_served().await;
    let client = Client::connect(&world.state_dir()).unwrap();
    for _ in 0..AGENTS {
        world.open_issue(0);
    }
    all(&client, "agents that have done their work", |it| it.phase == SessionPhase::Idle && !it.prompts.is_empty())
        .await;

    let pid = tmux::tmux(&world, &["display-message", "-p", "#{pid}"]).await.unwrap();
    let pid = rustix::process::Pid::from_raw(pid.trim().parse().unwrap()).unwrap();
    rustix::process::kill_process(pid, rustix::process::Signal::KILL).unwrap();
    all(&client, "agents that are there again", |it| it.generation == 2 && it.phase == SessionPhase::Idle).await;

    let told = " of 6 agents ended at once: that is no fault of theirs";
    assert_eq!(world.log().matches(told).count(), 1, "{}", world.report());
    daemon.stop().await;
    let entries = world.journal().tail(Seq(0), usize::MAX >> 1).await.unwrap();
    let tried = |event: &Event| matches!(event, Event::Session(event::Session::Acted { .. }));
    // On a busy machine one may be seen to end well before the others, and then it is judged alone.
    let tried = entries.iter().filter(|entry| tried(&entry.event)).count();
    assert!(tried * 2 <= AGENTS, "of those that ended together nothing counts as tried, and yet {tried} were");
    world.end().await;
}
