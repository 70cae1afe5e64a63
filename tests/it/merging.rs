//! A merge while GitHub is down and while the base moves, with the real binary.

use antiphon::simulator::Happened;

use crate::{
    story::{settled, until_green},
    world::{REPO, World},
};

// G083: a base that moves is met with three more tries, and an outage before the first of them uses none up
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_outage_uses_up_no_try_of_a_merge() {
    let mut world = World::new().await;
    let daemon = world.start_daemon();
    world.open_issue(0);
    let number = until_green(&mut world).await;
    let pull = format!("/repos/{REPO}/pulls/{number}");

    // Looks before a merge fail, as often as there are tries, and less often than GitHub is left alone for; then the base moves
    // under three of the four tries.
    world.github.fail_next("GET", &pull, 503, 4);
    world.github.fail_next("PUT", &format!("{pull}/merge"), 405, 3);
    world.github.approve(REPO, number, "maya").unwrap();

    world.until("the merge", |it| matches!(it, Happened::PullMerged { .. }).then_some(())).await;
    settled(&world).await;
    daemon.stop().await;
    world.end().await;
}
