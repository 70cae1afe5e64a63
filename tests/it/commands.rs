//! What people ask for in comments, with the real daemon: obeyed once, answered once, and only for those who may.

use antiphon::simulator::{Happened, Write};

use crate::{
    story,
    world::{REPO, World},
};

// G003, G104, G015 as far
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn comments_of_those_who_may_are_obeyed_and_answered_once() {
    let mut world = World::new().await;
    let daemon = world.start_daemon();
    world.open_issue(0);
    let number = story::until_green(&mut world).await;

    let strangers = world.github.comment(REPO, number, "mallory", "/antiphon stop").unwrap();
    reacted(&mut world, strangers, "-1").await;
    let quoted = "> /antiphon stop\n\nWhat does this do?\n\n`/antiphon stop`";
    world.github.comment(REPO, number, "maya", quoted).unwrap();
    let status = world.github.comment(REPO, number, "maya", "How far is it?\n\n/antiphon status").unwrap();
    reacted(&mut world, status, "+1").await;
    world.until("the answer", |it| commented(it, "- agent scripted: ")).await;
    let unknown = world.github.comment(REPO, number, "maya", "/antiphon dance @everybody").unwrap();
    reacted(&mut world, unknown, "confused").await;
    world.until("the list of commands", |it| commented(it, "`retry`")).await;

    // Whatever was answered is not answered again, with the daemon that was there or with another.
    daemon.stop().await;
    let daemon = world.start_daemon();
    story::from_review_to_merge(&mut world, number).await;
    story::settled(&world).await;
    daemon.stop().await;
    let writes = world.github.write_log();
    assert_eq!(count(&writes, "/reactions"), 3, "{writes:#?}");
    assert_eq!(count(&writes, "/comments"), 2, "{writes:#?}");
    world.end().await;
}

/// The daemon's own writes whose path ends so.
fn count(writes: &[Write], end: &str) -> usize {
    writes.iter().filter(|write| write.actor == "antiphon-app" && write.path.ends_with(end)).count()
}

fn commented(happened: &Happened, words: &str) -> Option<()> {
    let Happened::Commented { actor, body, .. } = happened else { return None };
    (actor == "antiphon-app" && body.contains(words)).then_some(())
}

async fn reacted(world: &mut World, comment: u64, reaction: &str) {
    let wanted = |it: &Happened| {
        matches!(it, Happened::Reacted { comment: on, content, .. } if *on == comment && content == reaction)
            .then_some(())
    };
    world.until(&format!("the reaction {reaction}"), wanted).await;
}
