//! `antiphon spawn` with words instead of an issue, with the real daemon.

use antiphon::simulator::Happened;

use crate::world::World;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn words_that_somebody_typed_reach_an_agent_and_become_a_pull_request() {
    let mut world = World::new().await;
    let daemon = world.start_daemon();
    world.is_served().await;

    let (code, said) = world.run(&["spawn", "Create pages/words.txt with the line: Only words"]).await;

    assert_eq!(code, Some(0), "{said}");
    let opened = |it: &Happened| if let Happened::PullOpened { number, .. } = it { Some(*number) } else { None };
    world.until("a pull request", opened).await;
    let typed = std::fs::read_to_string(world.typed()).unwrap();
    assert!(typed.contains("] Create pages/words.txt with the line: Only words"), "{typed}");
    daemon.stop().await;
    world.end().await;
}
