//! Work that was given up, with the real daemon: kept when its workspace is removed, and brought back.

use antiphon::{
    client::Client,
    view::{Subject, TaskPhase, TaskView},
};

use crate::{
    story,
    world::{World, eventually},
};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_an_ended_task_left_behind_is_kept_and_comes_back() {
    let mut world = World::new().await;
    let daemon = world.start_daemon();
    world.open_issue(0);
    story::until_green(&mut world).await;
    let client = Client::connect(&world.state_dir()).unwrap();
    let name = client.overview().await.unwrap().tasks.remove(0).task;
    let wish = |request: &str| Subject { request: request.to_owned(), subject: name.clone() };
    let workspace = world.state_dir().canonicalize().unwrap().join("workspaces").join(&name);
    let draft = workspace.join("draft.txt");
    std::fs::write(&draft, "half a thought\n").unwrap();

    client.stop(&wish("stop")).await.unwrap();
    let ended = |task: &TaskView| task.phase == TaskPhase::Abandoned && task.trouble.is_some();
    shown(&client, "the end of the task", ended).await;
    assert!(draft.exists(), "what exists nowhere else is kept");

    client.clean(&wish("clean")).await.unwrap();
    shown(&client, "the rescue", |task| task.rescue.is_some() && task.workspace.is_none()).await;
    assert!(!workspace.exists());

    // Another daemon knows of it as well.
    daemon.stop().await;
    let daemon = world.start_daemon();
    world.is_served().await;
    let client = Client::connect(&world.state_dir()).unwrap();
    client.restore(&wish("restore")).await.unwrap();
    shown(&client, "the workspace", |task| task.workspace.is_some()).await;
    assert_eq!(std::fs::read_to_string(&draft).unwrap(), "half a thought\n");
    daemon.stop().await;
    world.end().await;
}

/// Waits until the only task looks like this.
async fn shown(client: &Client, what: &str, like: impl Fn(&TaskView) -> bool) {
    eventually(what, async || client.overview().await.ok()?.tasks.iter().any(&like).then_some(())).await;
}
