//! REST: authentication, refusals, pages, entity tags, faults.

use serde_json::json;

use super::*;

fn issue(title: &str, labels: &[&str]) -> NewIssue {
    let labels = labels.iter().map(|label| (*label).to_owned()).collect();
    NewIssue { author: "ada".to_owned(), title: title.to_owned(), body: "Please.".to_owned(), labels }
}

#[tokio::test]
async fn whoever_shows_no_token_or_a_wrong_one_is_refused() {
    let world = World::new().await;
    let url = format!("{}/user", world.github.api_url());

    let none = world.http.get(&url).send().await.unwrap().status();
    let wrong = world.http.get(&url).header("authorization", "token wrong").send().await.unwrap().status();
    let right = world.http.get(&url).header("authorization", format!("token {TOKEN}")).send().await.unwrap();

    assert_eq!((none.as_u16(), wrong.as_u16(), right.status().as_u16()), (401, 401, 200));
    assert_eq!(right.json::<Value>().await.unwrap()["login"], "robot");
}

#[tokio::test]
async fn the_enterprise_path_is_the_same_api() {
    let world = World::new().await;

    assert_eq!(world.get("/api/v3/repos/acme/pages").await["full_name"], REPO);
}

/// G125
#[tokio::test]
async fn an_unchanged_list_is_answered_with_304_and_costs_nothing() {
    let world = World::new().await;
    let url = format!("{}/repos/acme/pages/pulls?state=open&sort=updated&direction=desc", world.github.api_url());
    let first = world.http.get(&url).bearer_auth(TOKEN).send().await.unwrap();
    let etag = first.headers()["etag"].clone();

    let again = world.http.get(&url).bearer_auth(TOKEN).header("if-none-match", &etag).send().await.unwrap();

    assert_eq!(again.status(), 304);
    assert_eq!(first.headers()["x-ratelimit-remaining"], again.headers()["x-ratelimit-remaining"]);
    world.pull("more", ("pages/more.txt", "More.\n")).await;
    let changed = world.http.get(&url).bearer_auth(TOKEN).header("if-none-match", &etag).send().await.unwrap();
    assert_eq!(changed.status(), 200);
}

#[tokio::test]
async fn issues_are_listed_in_pages_with_pull_requests_among_them() {
    let world = World::new().await;
    for number in 1..=4 {
        world.github.create_issue(REPO, &issue(&format!("Issue {number}"), &["agent"])).unwrap();
    }
    world.pull("more", ("pages/more.txt", "More.\n")).await;

    let (_, headers, page) = world.call("GET", "/repos/acme/pages/issues?per_page=2&page=2", Value::Null).await;
    let labelled = world.get("/repos/acme/pages/issues?labels=agent").await;

    let numbers: Vec<&Value> = page.as_array().unwrap().iter().map(|issue| &issue["number"]).collect();
    assert_eq!(numbers, [&json!(3), &json!(2)]);
    assert!(headers["link"].contains("page=3>; rel=\"next\""), "{}", headers["link"]);
    assert_eq!(labelled.as_array().unwrap().len(), 4);
    assert!(world.get("/repos/acme/pages/issues/5").await["pull_request"]["url"].is_string());
}

/// G115
#[tokio::test]
async fn a_second_pull_request_of_the_same_branch_is_refused_by_name() {
    let world = World::new().await;
    world.pull("more", ("pages/more.txt", "More.\n")).await;
    let ask = |head: &str| json!({ "title": "Again", "head": head, "base": "main" });

    let (twice, _, body) = world.call("POST", "/repos/acme/pages/pulls", ask("acme:more")).await;
    let (nothing, _, empty) = world.call("POST", "/repos/acme/pages/pulls", ask("main")).await;
    let found = world.get("/repos/acme/pages/pulls?head=acme:more&base=main").await;

    assert_eq!((twice, nothing), (422, 422));
    assert_eq!(body["errors"][0]["message"], "A pull request already exists for acme:more.");
    assert_eq!(empty["errors"][0]["message"], "No commits between main and main");
    assert_eq!(found.as_array().unwrap().len(), 1);
}

#[tokio::test]
async fn comments_and_labels_are_written_read_and_logged() {
    let world = World::new().await;
    world.github.create_issue(REPO, &issue("Welcome", &[])).unwrap();

    let (_, _, said) = world.call("POST", "/repos/acme/pages/issues/1/comments", json!({ "body": "On it." })).await;
    let path = format!("/repos/acme/pages/issues/comments/{}", said["id"]);
    world.call("PATCH", &path, json!({ "body": "Done." })).await;
    world.call("POST", "/repos/acme/pages/issues/1/labels", json!({ "labels": ["doing", "later"] })).await;
    world.call("DELETE", "/repos/acme/pages/issues/1/labels/later", Value::Null).await;
    let (missing, _, _) = world.call("DELETE", "/repos/acme/pages/issues/1/labels/later", Value::Null).await;

    let comments = world.get("/repos/acme/pages/issues/1/comments").await;
    assert_eq!((&comments[0]["body"], &comments[0]["user"]["login"]), (&json!("Done."), &json!("robot")));
    assert_eq!(world.get("/repos/acme/pages/issues/1").await["labels"][0]["name"], "doing");
    assert_eq!(missing, 404);
    let log: Vec<String> = world.github.write_log().into_iter().map(|write| write.method).collect();
    assert_eq!(log, ["POST", "PATCH", "POST", "DELETE"]);
}

/// G082
#[tokio::test]
async fn a_branch_is_brought_up_to_date_at_the_head_that_is_expected_only() {
    let world = World::new().await;
    let number = world.pull("more", ("pages/more.txt", "More.\n")).await;
    let head = world.get(&format!("/repos/acme/pages/pulls/{number}")).await["head"]["sha"].clone();
    let files = vec![("pages/else.txt".to_owned(), Some("Else.\n".to_owned()))];
    let push = Push { person: "ada".to_owned(), branch: "main".to_owned(), files, message: "Else".to_owned() };
    let base = world.github.push_as(REPO, push).await.unwrap();
    let path = format!("/repos/acme/pages/pulls/{number}/update-branch");

    let (refused, _, why) = world.call("PUT", &path, json!({ "expected_head_sha": base })).await;
    let (accepted, _, _) = world.call("PUT", &path, json!({ "expected_head_sha": head })).await;
    world.github.quiet().await;

    assert_eq!((refused, accepted), (422, 202), "{why}");
    let query = format!(
        "{{ repository(owner: \"acme\", name: \"pages\") {{ pullRequest(number: {number}) {{ commits(last: 1) {{ nodes {{
            commit {{ parents(first: 3) {{ nodes {{ oid }} }} signature {{ isValid wasSignedByGitHub }} }}
        }} }} }} }} }}"
    );
    let (_, _, answer) = world.call("POST", "/graphql", json!({ "query": query })).await;
    let commit = &answer["data"]["repository"]["pullRequest"]["commits"]["nodes"][0]["commit"];
    assert_eq!(commit["parents"]["nodes"], json!([{ "oid": head }, { "oid": base }]), "{answer}");
    assert_eq!(commit["signature"], json!({ "isValid": true, "wasSignedByGitHub": true }));
}

/// G101
#[tokio::test]
async fn only_the_first_comment_of_a_thread_can_be_answered() {
    let world = World::new().await;
    let number = world.pull("more", ("pages/more.txt", "More.\n")).await;
    let line = LineComment { path: "pages/more.txt".to_owned(), line: 1, body: "Why?".to_owned() };
    let review =
        NewReview { author: "ada".to_owned(), verdict: Verdict::Comment, body: String::new(), comments: vec![line] };
    world.github.review(REPO, number, &review).unwrap();
    let (_, first) = world.github.threads(REPO, number)[0];
    let path = |id: &Value| format!("/repos/acme/pages/pulls/{number}/comments/{id}/replies");

    let (answered, _, reply) = world.call("POST", &path(&json!(first)), json!({ "body": "Because." })).await;
    let (refused, _, _) = world.call("POST", &path(&reply["id"]), json!({ "body": "Because?" })).await;

    assert_eq!((answered, refused), (201, 422));
    assert_eq!(reply["in_reply_to_id"], first);
}

#[tokio::test]
async fn nobody_approves_their_own_pull_request() {
    let world = World::new().await;
    let number = world.pull("more", ("pages/more.txt", "More.\n")).await;

    let refused = world.github.approve(REPO, number, "robot");

    assert_eq!(refused.unwrap_err().to_string(), "GitHub refused: Can not approve your own pull request");
}

#[tokio::test]
async fn permissions_are_told_by_role() {
    let world = World::new().await;
    world.github.set_permission(REPO, "ada", "maintain").unwrap();
    world.github.create_issue(REPO, &NewIssue { author: "eve".to_owned(), ..issue("Mine", &[]) }).unwrap();
    let of = |login: &str| format!("/repos/acme/pages/collaborators/{login}/permission");

    let ada = world.get(&of("ada")).await;
    let eve = world.get(&of("eve")).await;
    let (nobody, _, _) = world.call("GET", &of("nobody"), Value::Null).await;

    assert_eq!((&ada["permission"], &ada["role_name"]), (&json!("write"), &json!("maintain")));
    assert_eq!((&eve["permission"], nobody), (&json!("read"), 404));
}

#[tokio::test]
async fn protection_is_404_until_it_is_set() {
    let world = World::new().await;
    let path = "/repos/acme/pages/branches/main/protection/required_status_checks";
    let (before, _, _) = world.call("GET", path, Value::Null).await;

    let required = RequiredChecks { strict: true, contexts: vec!["test".to_owned()] };
    world.github.set_protection(REPO, "main", required).unwrap();

    assert_eq!((before, world.get(path).await["contexts"].clone()), (404, json!(["test"])));
    assert_eq!(world.get("/repos/acme/pages/rules/branches/main").await, json!([]));
}

/// G121, G123
#[tokio::test]
async fn planned_faults_refuse_and_then_pass() {
    let world = World::new().await;
    world.github.create_issue(REPO, &issue("Welcome", &[])).unwrap();
    world.github.fail_next("GET", "/repos/acme/pages/issues", 502, 1);
    world.github.fail_next("GET", "/repos/acme/pages/issues", 403, 1);

    let (bad, _, _) = world.call("GET", "/repos/acme/pages/issues/1", Value::Null).await;
    let (limited, headers, _) = world.call("GET", "/repos/acme/pages/issues/1", Value::Null).await;
    let (fine, _, _) = world.call("GET", "/repos/acme/pages/issues/1", Value::Null).await;

    assert_eq!((bad, limited, fine, headers["retry-after"].as_str()), (502, 403, 200, "60"));
    assert_eq!(world.github.requests()["GET /repos/acme/pages/issues/{number}"], 1);
}

/// G084: the deed was done, and nobody said so.
#[tokio::test]
async fn a_lost_answer_is_a_cut_connection_after_the_deed() {
    let world = World::new().await;
    world.github.create_issue(REPO, &issue("Welcome", &[])).unwrap();
    world.github.lose_next_answer("POST", "/repos/acme/pages/issues/1/comments");
    let url = format!("{}/repos/acme/pages/issues/1/comments", world.github.api_url());

    let answer = world.http.post(url).bearer_auth(TOKEN).json(&json!({ "body": "Once." })).send().await;

    assert!(answer.is_err());
    let comments = world.get("/repos/acme/pages/issues/1/comments").await;
    assert_eq!(comments.as_array().unwrap().len(), 1);
}
