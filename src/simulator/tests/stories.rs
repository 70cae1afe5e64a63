//! The demo's story from end to end: real git, real tests, and the scripted agent that sees bytes alone.

use serde_json::json;

use super::*;
use crate::simulator::agent::{Agent, AgentArgs};

/// Hands a message to a fresh agent in a worktree, as a terminal would.
async fn hand_over(dir: std::path::PathBuf, message: String) {
    let variables = [
        ("PATH", git::PATH),
        ("GIT_CONFIG_NOSYSTEM", "1"),
        ("GIT_AUTHOR_NAME", "Agent"),
        ("GIT_AUTHOR_EMAIL", "agent@example.org"),
        ("GIT_COMMITTER_NAME", "Agent"),
        ("GIT_COMMITTER_EMAIL", "agent@example.org"),
    ];
    let mut env: BTreeMap<_, _> = variables.iter().map(|(name, value)| (name.into(), value.into())).collect();
    env.insert("HOME".into(), dir.clone().into());
    let args = AgentArgs { dir, env, hook: Vec::new(), session_id: "s".to_owned(), delay_ms: 0, record: None };
    let work = move || {
        let bytes = format!("\x1b[200~[antiphon:p] {message}\x1b[201~\r\x04");
        Agent::new(args).unwrap().converse(&mut bytes.as_bytes(), &mut Vec::new()).unwrap()
    };
    assert_eq!(tokio::task::spawn_blocking(work).await.unwrap(), 0);
}

/// How CI ended on the newest commit of the pull request, and its log.
#[cfg(unix)]
async fn verdict(world: &World) -> (Value, String) {
    world.github.quiet().await;
    let head = world.get("/repos/acme/pages/pulls/2").await["head"]["sha"].clone();
    let path = format!("/repos/acme/pages/commits/{}/check-runs", head.as_str().unwrap());
    let run = world.get(&path).await["check_runs"][0].clone();
    let (_, headers, _) =
        world.call("GET", &format!("/repos/acme/pages/actions/jobs/{}/logs", run["id"]), Value::Null).await;
    let log = world.http.get(&headers["location"]).send().await.unwrap().text().await.unwrap();
    (run["conclusion"].clone(), log)
}

// The script of its CI is one for a shell.
#[cfg(unix)]
#[tokio::test]
async fn the_agent_learns_from_the_log_what_the_issue_did_not_say() {
    let world = World::new().await;
    let (title, body) = story::issues().remove(0);
    let issue = NewIssue { author: "ada".to_owned(), title, body: body.clone(), labels: Vec::new() };
    world.github.create_issue(REPO, &issue).unwrap();
    let dir = world.clone("agent").await;
    git(&dir, &["switch", "--quiet", "-c", "issue-1"]).await;
    hand_over(dir.clone(), body).await;
    let pull = json!({ "title": "Welcome", "body": "Closes #1", "head": "issue-1", "base": "main" });
    world.call("POST", "/repos/acme/pages/pulls", pull).await;

    let (first, log) = verdict(&world).await;
    hand_over(dir.clone(), log).await;
    let (second, _) = verdict(&world).await;
    let files = story::stricter_check().into_iter().map(|(path, text)| (path, Some(text))).collect();
    let (person, branch, message) = ("ada".to_owned(), "issue-1".to_owned(), "Ask for plain words".to_owned());
    world.github.push_as(REPO, Push { person, branch, files, message }).await.unwrap();
    let (third, log) = verdict(&world).await;
    hand_over(dir, log).await;
    let (fourth, log) = verdict(&world).await;

    assert_eq!([first, second, third, fourth], ["failure", "success", "failure", "success"], "{log}");
    world.github.merge_as(REPO, 2, "ada").await.unwrap();
    assert_eq!(world.get("/repos/acme/pages/issues/1").await["state"], "closed");
}

#[tokio::test]
async fn two_issues_conflict_in_the_index_and_both_get_in() {
    let world = World::new().await;
    let mut numbers = Vec::new();
    for (branch, (title, body)) in ["hours", "directions"].into_iter().zip(story::issues().into_iter().skip(1)) {
        let dir = world.clone(branch).await;
        git(&dir, &["switch", "--quiet", "-c", branch]).await;
        hand_over(dir, body).await;
        let pull = json!({ "title": title, "head": branch, "base": "main" });
        numbers.push(world.call("POST", "/repos/acme/pages/pulls", pull).await.2["number"].as_u64().unwrap());
        world.github.quiet().await;
    }
    world.github.merge_as(REPO, numbers[0], "ada").await.unwrap();
    world.github.quiet().await;
    let path = format!("/repos/acme/pages/pulls/{}", numbers[1]);
    assert_eq!(world.get(&path).await["mergeable_state"], "dirty");

    hand_over(world.dir.path().join("directions"), "Your branch conflicts with `main`.".to_owned()).await;
    world.github.quiet().await;

    let pull = world.get(&path).await;
    assert_eq!((&pull["mergeable"], &pull["mergeable_state"]), (&json!(true), &json!("unstable")));
}
