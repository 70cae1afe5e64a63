//! `antiphon spawn` with words instead of an issue, with the real daemon.

use antiphon::simulator::Happened;

use crate::world::{World, eventually};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn words_that_somebody_typed_reach_an_agent_and_become_a_pull_request() {
    let mut world = World::new().await;
    let daemon = world.start_daemon();
    world.is_served().await;

    // Until the daemon has asked GitHub about the repository, it refuses.
    let wish = ["spawn", "Create pages/words.txt with the line: Only words"];
    eventually("a daemon that knows the repository", async || (world.run(&wish).await.0 == Some(0)).then_some(()))
        .await;

    let opened = |it: &Happened| if let Happened::PullOpened { number, .. } = it { Some(*number) } else { None };
    world.until("a pull request", opened).await;
    let typed = std::fs::read_to_string(world.typed()).unwrap();
    assert!(typed.contains("] Create pages/words.txt with the line: Only words"), "{typed}");
    daemon.stop().await;
    world.end().await;
}
