//! A base that must be in the branch before the branch is merged, with the real binary.

use antiphon::simulator::{Happened, Push, RequiredChecks};
use serde_json::json;

use crate::{
    story::{settled, until_green},
    world::{REPO, World},
};

// G082: one update at the head that was approved, then checks, then the merge; the approval covers GitHub's own merge
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_approved_pull_request_behind_its_base_is_brought_up_to_date_and_merged() {
    let mut world = World::new().await;
    let demanded = RequiredChecks { strict: true, contexts: vec!["test".to_owned()] };
    world.github.set_protection(REPO, "main", demanded).unwrap();
    let daemon = world.start_daemon();
    world.open_issue(0);
    let number = until_green(&mut world).await;

    world.github.push_as(REPO, somebody_elses_work()).await.unwrap();
    world.forget();
    world.github.approve(REPO, number, "maya").unwrap();
    let (before, after) = world.until("the update", synchronized).await;
    world.until("the merge", |it| matches!(it, Happened::PullMerged { .. }).then_some(())).await;
    settled(&world).await;

    let updates: Vec<_> = world
        .github
        .write_log()
        .into_iter()
        .filter(|write| write.path.ends_with("/update-branch"))
        .map(|write| write.body)
        .collect();
    assert_eq!(updates, [json!({ "expected_head_sha": before })], "{}", world.report());
    assert_ne!(before, after);
    daemon.stop().await;
    world.end().await;
}

fn somebody_elses_work() -> Push {
    Push {
        person: "maya".to_owned(),
        branch: "main".to_owned(),
        files: vec![("pages/elsewhere.txt".to_owned(), Some("Something else.\n".to_owned()))],
        message: "Work on something else".to_owned(),
    }
}

fn synchronized(happened: &Happened) -> Option<(String, String)> {
    let Happened::PullSynchronized { before, after, .. } = happened else { return None };
    Some((before.clone(), after.clone()))
}
