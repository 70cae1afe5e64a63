//! Pushes, CI, mergeability and merges.

use serde_json::json;

use super::*;

#[tokio::test]
async fn a_push_without_the_token_is_refused() {
    let world = World::new().await;
    let clone = world.clone("clone").await;
    let anonymous = world.github.clone_url(REPO);

    let fetched = git(&clone, &["fetch", "--quiet", &anonymous, "main"]).await;
    let pushed = git(&clone, &["push", "--quiet", &anonymous, "HEAD:refs/heads/x"]).await;

    assert_eq!((fetched.code, pushed.success()), (Some(0), false));
    assert_eq!(world.github.write_log(), []);
}

#[tokio::test]
async fn nobody_pushes_to_a_fork_unless_its_owner_lets_maintainers() {
    let world = World::new().await;
    let fork = world.github.fork(REPO, "eno").await.unwrap();
    let files = vec![("pages/bell.txt".to_owned(), Some("Ding.\n".to_owned()))];
    let (branch, message) = ("bell".to_owned(), "Add a bell".to_owned());
    world.github.push_as(&fork, Push { person: "eno".to_owned(), branch, files, message }).await.unwrap();
    let (author, head, base) = ("eno".to_owned(), "eno:bell".to_owned(), "main".to_owned());
    let pull = NewPull { author, title: "A bell".to_owned(), body: String::new(), head, base };
    let number = world.github.open_pull(REPO, pull).await.unwrap();
    let clone = world.clone("clone").await;
    let url = world.github.clone_url(&fork).replacen("http://", &format!("http://x:{TOKEN}@"), 1);
    git(&clone, &["fetch", "--quiet", &url, "bell"]).await;
    git(&clone, &["checkout", "--quiet", "FETCH_HEAD"]).await;
    git(&clone, &["commit", "--quiet", "--allow-empty", "-m", "Ours"]).await;
    let ours = git(&clone, &["rev-parse", "HEAD"]).await.stdout_text().trim().to_owned();
    let push = ["push", "--quiet", &url, "HEAD:refs/heads/bell"];

    let before = git(&clone, &push).await.success();
    world.github.let_maintainers_push(REPO, number).unwrap();
    let after = git(&clone, &push).await.success();

    assert_eq!((before, after), (false, true));
    let pull = world.get(&format!("/repos/acme/pages/pulls/{number}")).await;
    let shown = (&pull["head"]["sha"], &pull["head"]["repo"]["full_name"], &pull["maintainer_can_modify"]);
    assert_eq!(shown, (&json!(ours), &json!("eno/pages"), &json!(true)));
    world.github.delete_fork(&fork).unwrap();
    let pull = world.get(&format!("/repos/acme/pages/pulls/{number}")).await;
    assert_eq!((&pull["state"], &pull["head"]["repo"]), (&json!("open"), &Value::Null));
}

// The script of its CI is one for a shell.
#[cfg(unix)]
#[tokio::test]
async fn a_push_turns_ci_red_and_the_next_one_green() {
    let world = World::new().await;
    let clone = world.clone("clone").await;
    let red = world.push(&clone, "welcome", ("pages/welcome.txt", "Welcome\n")).await;
    let asked = json!({ "title": "Welcome", "head": "welcome", "base": "main" });
    let (status, _, pull) = world.call("POST", "/repos/acme/pages/pulls", asked).await;
    assert_eq!((status, pull["number"].as_u64()), (201, Some(1)));
    world.github.quiet().await;

    let runs = world.get(&format!("/repos/acme/pages/commits/{red}/check-runs")).await;
    assert_eq!(runs["check_runs"][0]["conclusion"], "failure");
    let run = &world.get(&format!("/repos/acme/pages/actions/runs?head_sha={red}")).await["workflow_runs"][0];
    let jobs = world.get(&format!("/repos/acme/pages/actions/runs/{}/attempts/1/jobs", run["id"])).await;
    let log = read_log(&world, &jobs["jobs"][0]["id"]).await;
    assert!(log.contains("pages/welcome.txt:1: expected \"Welcome.\", found \"Welcome\"\n"), "{log}");
    assert!(log.contains("##[error]Process completed with exit code 1.\n"), "{log}");

    let green = world.push(&clone, "welcome", ("pages/welcome.txt", "Welcome.\n")).await;
    world.github.quiet().await;

    let pull = world.get("/repos/acme/pages/pulls/1").await;
    assert_eq!((&pull["head"]["sha"], &pull["mergeable_state"]), (&json!(green), &json!("clean")));
    let log: Vec<(String, Value)> =
        world.github.write_log().into_iter().map(|write| (write.method, write.body["ref"].clone())).collect();
    let push = ("PUSH".to_owned(), json!("welcome"));
    assert_eq!(log, [push.clone(), ("POST".to_owned(), Value::Null), push]);
}

/// G072: the log lies behind an address that knows no tokens.
#[cfg(unix)]
async fn read_log(world: &World, job: &Value) -> String {
    let (status, headers, _) =
        world.call("GET", &format!("/repos/acme/pages/actions/jobs/{job}/logs"), Value::Null).await;
    assert_eq!(status, 302);
    let refused = world.http.get(&headers["location"]).bearer_auth(TOKEN).send().await.unwrap();
    assert_eq!(refused.status(), 400);
    world.http.get(&headers["location"]).send().await.unwrap().text().await.unwrap()
}

#[tokio::test]
async fn a_failed_run_is_run_again_as_its_next_attempt() {
    let world = World::new().await;
    world.pull("welcome", ("pages/welcome.txt", "Welcome\n")).await;
    let run = &world.get("/repos/acme/pages/actions/runs").await["workflow_runs"][0];

    let path = format!("/repos/acme/pages/actions/runs/{}/rerun-failed-jobs", run["id"]);
    let (status, _, _) = world.call("POST", &path, Value::Null).await;
    world.github.quiet().await;

    let again = &world.get("/repos/acme/pages/actions/runs").await["workflow_runs"][0];
    assert_eq!(status, 201);
    assert_eq!((&again["id"], &again["run_attempt"], &again["conclusion"]), (&run["id"], &json!(2), &json!("failure")));
}

/// G081
#[tokio::test]
async fn a_conflict_with_the_base_is_found_and_starts_no_ci() {
    let world = World::new().await;
    let first = world.pull("first", ("pages/home.txt", "This is our home.\n")).await;
    let second = world.pull("second", ("pages/home.txt", "This is your home.\n")).await;
    let runs_before = world.get("/repos/acme/pages/actions/runs").await["total_count"].clone();

    world.github.merge_as(REPO, first, "ada").await.unwrap();
    world.github.quiet().await;

    let pull = world.get(&format!("/repos/acme/pages/pulls/{second}")).await;
    assert_eq!((&pull["mergeable"], &pull["mergeable_state"]), (&json!(false), &json!("dirty")));
    let push = Push {
        person: "robot".to_owned(),
        branch: "second".to_owned(),
        files: vec![("pages/more.txt".to_owned(), Some("More.\n".to_owned()))],
        message: "More".to_owned(),
    };
    world.github.push_as(REPO, push).await.unwrap();
    world.github.quiet().await;
    assert_eq!(world.get("/repos/acme/pages/actions/runs").await["total_count"], runs_before);
}

/// G083
#[tokio::test]
async fn a_merge_is_refused_for_a_stale_head_and_done_for_the_right_one() {
    let world = World::new().await;
    let number = world.pull("more", ("pages/more.txt", "More.\n")).await;
    let path = format!("/repos/acme/pages/pulls/{number}/merge");
    let head = world.get(&format!("/repos/acme/pages/pulls/{number}")).await["head"]["sha"].clone();

    let (stale, _, why) = world.call("PUT", &path, json!({ "sha": "0".repeat(40) })).await;
    let (merged, _, body) = world.call("PUT", &path, json!({ "sha": head, "merge_method": "squash" })).await;
    let (again, _, _) = world.call("PUT", &path, json!({ "sha": head })).await;

    assert_eq!((stale, merged, again), (409, 200, 405), "{why} {body}");
    assert_eq!(world.get("/repos/acme/pages/git/ref/heads/main").await["object"]["sha"], body["sha"]);
    assert_eq!(world.get("/repos/acme/pages/pulls?state=closed").await[0]["merge_commit_sha"], body["sha"]);
}

#[tokio::test]
async fn a_rebase_merge_puts_every_commit_on_top_of_the_base() {
    let world = World::new().await;
    let number = world.pull("more", ("pages/more.txt", "More.\n")).await;
    world.pull("other", ("pages/other.txt", "Other.\n")).await;
    world.github.merge_as(REPO, 2, "ada").await.unwrap();
    world.github.quiet().await;

    let path = format!("/repos/acme/pages/pulls/{number}/merge");
    let (status, _, body) = world.call("PUT", &path, json!({ "merge_method": "rebase" })).await;

    assert_eq!(status, 200, "{body}");
    let compared = world.get(&format!("/repos/acme/pages/compare/other...{}", body["sha"].as_str().unwrap())).await;
    assert_eq!((&compared["status"], &compared["ahead_by"]), (&json!("ahead"), &json!(2)));
}

// The script of its CI is one for a shell.
#[cfg(unix)]
#[tokio::test]
async fn required_checks_and_approvals_block_a_merge_until_they_are_there() {
    let world = World::new().await;
    let number = world.pull("more", ("pages/more.txt", "More.\n")).await;
    let rules = vec![
        json!({ "type": "pull_request", "parameters": { "required_approving_review_count": 1 } }),
        json!({ "type": "required_status_checks", "parameters": { "required_status_checks": [{ "context": "lint" }] } }),
    ];
    world.github.set_rules(REPO, "main", rules).unwrap();
    let state = || async { world.get(&format!("/repos/acme/pages/pulls/{number}")).await["mergeable_state"].clone() };
    let before = state().await;

    world.github.approve(REPO, number, "ada").unwrap();
    let approved = state().await;
    let sha = world.get(&format!("/repos/acme/pages/pulls/{number}")).await["head"]["sha"].clone();
    let path = format!("/repos/acme/pages/statuses/{}", sha.as_str().unwrap());
    world.call("POST", &path, json!({ "state": "success", "context": "lint" })).await;

    assert_eq!([before, approved, state().await], [json!("blocked"), json!("blocked"), json!("clean")]);
}

/// G038
#[tokio::test]
async fn a_branch_deleted_by_git_closes_its_pull_request() {
    let world = World::new().await;
    let number = world.pull("more", ("pages/more.txt", "More.\n")).await;
    let clone = world.clone("clone").await;

    let pushed = git(&clone, &["push", "--quiet", "origin", "--delete", "more"]).await;

    assert_eq!(pushed.code, Some(0), "{}", pushed.stderr_text());
    assert_eq!(world.get(&format!("/repos/acme/pages/pulls/{number}")).await["state"], "closed");
}

#[tokio::test]
async fn a_thread_is_outdated_once_its_line_reads_differently() {
    let world = World::new().await;
    let number = world.pull("more", ("pages/more.txt", "More.\nAnd more.\n")).await;
    let at = |line| LineComment { path: "pages/more.txt".to_owned(), line, body: "Why?".to_owned() };
    let review = NewReview {
        author: "ada".to_owned(),
        verdict: Verdict::RequestChanges,
        body: String::new(),
        comments: vec![at(1), at(2)],
    };
    world.github.review(REPO, number, &review).unwrap();

    let push = Push {
        person: "robot".to_owned(),
        branch: "more".to_owned(),
        files: vec![("pages/more.txt".to_owned(), Some("More.\nAnd still more.\n".to_owned()))],
        message: "Reword".to_owned(),
    };
    world.github.push_as(REPO, push).await.unwrap();
    world.github.quiet().await;

    let comments = world.get(&format!("/repos/acme/pages/pulls/{number}/comments")).await;
    assert_eq!((&comments[0]["line"], &comments[1]["line"]), (&json!(1), &Value::Null));
}
