//! What Antiphon says on GitHub beside comments: its line on every commit, and replies in review threads.

use std::collections::{BTreeMap, BTreeSet};

use antiphon::simulator::Happened;

use crate::{
    story,
    world::{REPO, World},
};

const REPLYING: &str = r#"
name: changes-requested
do:
  - prompt: |
      {{#each threads}}
      {{#each comments}}
      {{quote body}}
      {{/each}}
      {{/each}}
  - reply: "{{#each threads}}{{#if commit}}Done in {{short commit}}.{{/if}}{{/each}}"
  - resolve: {}
"#;

/// Waits for this line on a commit; the commit.
async fn line(world: &mut World, wanted: &str) -> String {
    let said = |it: &Happened| {
        let Happened::CheckReported { sha, name, line, .. } = it else { return None };
        (name == "antiphon" && line == wanted).then(|| sha.clone())
    };
    world.until(wanted, said).await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_app_says_on_every_commit_what_is_done_and_nothing_waits_for_it() {
    let app = BTreeMap::from([("own_login", "antiphon[bot]".to_owned()), ("report", "true".to_owned())]);
    let mut world = World::with_settings(&app).await;
    let daemon = world.start_daemon();
    world.open_issue(0);

    let number = story::until_green(&mut world).await;
    line(&mut world, "Green; waiting for a review").await;
    story::from_review_to_merge(&mut world, number).await;

    daemon.stop().await;
    let writes = world.github.write_log();
    let made = writes.iter().filter(|it| it.method == "POST" && it.path.ends_with("/check-runs"));
    let heads: Vec<String> = made.map(|it| it.body["head_sha"].to_string()).collect();
    let distinct: BTreeSet<&String> = heads.iter().collect();
    assert!(heads.len() >= 2 && distinct.len() == heads.len(), "one check run for each commit: {heads:?}");
    let reports = writes.iter().filter(|it| it.path.contains("/check-runs"));
    assert!(reports.clone().all(|it| it.body["conclusion"] == "neutral"), "it judges nothing");
    assert!(reports.count() <= 20 * heads.len());
    world.end().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_token_says_it_by_a_commit_status() {
    let mut world = World::with_settings(&BTreeMap::from([("report", "true".to_owned())])).await;
    let daemon = world.start_daemon();
    world.open_issue(0);

    let reported =
        |it: &Happened| matches!(it, Happened::StatusReported { context, .. } if context == "antiphon").then_some(());
    world.until("a status", reported).await;
    story::until_green(&mut world).await;

    daemon.stop().await;
    let writes = world.github.write_log();
    let statuses = writes.iter().filter(|it| it.path.contains("/statuses/"));
    assert!(statuses.clone().count() > 0 && statuses.clone().all(|it| it.body["state"] == "success"), "{writes:#?}");
    assert!(!writes.iter().any(|it| it.path.contains("/check-runs")), "{writes:#?}");
    world.end().await;
}

// G101
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_answered_thread_gets_one_reply_with_the_commit_and_is_resolved() {
    let mut world = World::new().await;
    world.add_rule("changes-requested", REPLYING);
    let daemon = world.start_daemon();
    world.open_issue(0);
    let number = story::until_green(&mut world).await;
    world.forget();

    let wish = "pages/welcome.txt:1: please use \"Welcome, and stay a while.\"";
    world.ask_for_changes("maya", number, ("pages/welcome.txt", 1, wish));
    let replied = |it: &Happened| {
        let Happened::ThreadReplied { actor, body, .. } = it else { return None };
        (actor == "antiphon-app").then(|| body.clone())
    };
    let body = world.until("a reply", replied).await;
    let resolved = |it: &Happened| {
        if let Happened::ThreadResolved { actor, resolved: true, .. } = it { Some(actor.clone()) } else { None }
    };
    let by = world.until("the thread is resolved", resolved).await;

    daemon.stop().await;
    let pushed = world.github.pulls(REPO).into_iter().find(|it| it.number == number).unwrap().head;
    assert!(body.starts_with(&format!("Done in {}.", &pushed[..7])), "{body}\n{}", world.report());
    assert_eq!(by, "antiphon-app");
    let writes = world.github.write_log();
    assert_eq!(writes.iter().filter(|it| it.path.ends_with("/replies")).count(), 1, "{writes:#?}");
    world.end().await;
}
