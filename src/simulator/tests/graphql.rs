//! GraphQL: the snapshot query, pages, refusals, mutations.

use serde_json::json;

use super::*;

async fn ask(world: &World, query: &str, variables: Value) -> Value {
    let (status, _, body) = world.call("POST", "/graphql", json!({ "query": query, "variables": variables })).await;
    assert_eq!(status, 200, "{body}");
    body
}

#[tokio::test]
async fn an_unknown_field_is_an_error_as_githubs() {
    let world = World::new().await;

    let body = ask(&world, "{ viewer { logn } }", Value::Null).await;

    assert_eq!(
        body,
        json!({ "errors": [{
            "path": ["query", "viewer", "logn"],
            "extensions": { "code": "undefinedField", "typeName": "User", "fieldName": "logn" },
            "locations": [{ "line": 1, "column": 12 }],
            "message": "Field 'logn' doesn't exist on type 'User'",
        }] })
    );
}

#[tokio::test]
async fn what_github_would_not_run_is_refused() {
    let world = World::new().await;
    let wrong = [
        (
            "query($n: Int!) { repository(owner: \"acme\", name: \"pages\") { issue(number: $n) { title } } }",
            "invalid value",
        ),
        ("query($n: Int) { viewer { login } }", "declared by the query but not used"),
        ("{ repository(owner: \"acme\") { id } }", "missing required arguments: name"),
        ("{ viewer }", "must have selections"),
        ("{ viewer { login { id } } }", "Selections can't be made on scalars"),
        ("{ repository(owner: \"acme\", name: \"pages\") { issues { totalCount } } }", "provide a `first` or `last`"),
        (
            "{ repository(owner: \"acme\", name: \"pages\") { issues(first: 1, states: [OPN]) { totalCount } } }",
            "invalid value",
        ),
        (
            "{ repository(owner: \"acme\", name: \"pages\") { issues(first: 1, sort: 1) { totalCount } } }",
            "doesn't accept argument",
        ),
        ("{ viewer { ...Nothing } }", "was used, but not defined"),
        ("{ viewer { ", "Parse error"),
    ];
    for (query, why) in wrong {
        let body = ask(&world, query, Value::Null).await;
        let message = body["errors"][0]["message"].as_str().unwrap();
        assert!(message.contains(why), "{query}: {message}");
        assert!(body["data"].is_null(), "{body}");
    }
}

#[tokio::test]
async fn a_missing_thing_is_null_with_an_error_beside_the_data() {
    let world = World::new().await;

    let body =
        ask(&world, "{ repository(owner: \"acme\", name: \"pages\") { pullRequest(number: 9) { id } } }", Value::Null)
            .await;

    assert_eq!(body["data"], json!({ "repository": { "pullRequest": null } }));
    assert_eq!(
        (&body["errors"][0]["type"], &body["errors"][0]["path"]),
        (&json!("NOT_FOUND"), &json!(["repository", "pullRequest"]))
    );
}

const SNAPSHOT: &str = "
query Snapshot($owner: String!, $name: String!, $number: Int!) {
  repository(owner: $owner, name: $name) {
    pull: pullRequest(number: $number) { ...Pull }
  }
  rateLimit { cost remaining }
}
fragment Pull on PullRequest {
  number state isDraft mergeable mergeStateStatus reviewDecision headRefName headRefOid
  headRepository { databaseId }
  author { __typename login ... on User { databaseId } ... on Bot { id } }
  labels(first: 10) { nodes { name } }
  latestOpinionatedReviews(first: 10) { nodes { state author { login } commit { oid } } }
  reviewThreads(first: 10) {
    totalCount
    nodes { isResolved isOutdated path line comments(first: 5) { nodes { body author { login } } } }
  }
  commits(last: 1) {
    nodes { commit { oid statusCheckRollup { state contexts(first: 100) {
      nodes {
        __typename
        ... on CheckRun {
          name status conclusion isRequired(pullRequestNumber: $number)
          checkSuite { app { slug databaseId } workflowRun { runNumber } }
        }
        ... on StatusContext { context state isRequired(pullRequestNumber: $number) }
      }
      pageInfo { hasNextPage }
    } } } }
  }
  closingIssuesReferences(first: 5) { nodes { number blockedBy(first: 5) { totalCount } } }
}";

#[tokio::test]
async fn a_snapshot_tells_everything_about_a_pull_request() {
    let world = World::new().await;
    let number = world.pull("more", ("pages/more.txt", "More\n")).await;
    let required = RequiredChecks { strict: false, contexts: vec!["test".to_owned()] };
    world.github.set_protection(REPO, "main", required).unwrap();
    world.github.label(REPO, number, "ada", "agent").unwrap();
    let line = LineComment { path: "pages/more.txt".to_owned(), line: 1, body: "Full stop?".to_owned() };
    let verdict = Verdict::RequestChanges;
    let review = NewReview { author: "ada".to_owned(), verdict, body: "No.".to_owned(), comments: vec![line] };
    world.github.review(REPO, number, &review).unwrap();

    let body = ask(&world, SNAPSHOT, json!({ "owner": "acme", "name": "pages", "number": number })).await;

    let pull = world.get(&format!("/repos/acme/pages/pulls/{number}")).await;
    let (head, repo, robot) = (&pull["head"]["sha"], &pull["head"]["repo"]["id"], &pull["user"]["id"]);
    let check = json!({
        "__typename": "CheckRun", "name": "test", "status": "COMPLETED", "conclusion": "FAILURE", "isRequired": true,
        "checkSuite": { "app": { "slug": "github-actions", "databaseId": 15368 }, "workflowRun": { "runNumber": 1 } },
    });
    let comments = json!({ "nodes": [{ "body": "Full stop?", "author": { "login": "ada" } }] });
    assert_eq!(body["errors"], Value::Null);
    assert_eq!(
        body["data"]["repository"]["pull"],
        json!({
            "number": 1, "state": "OPEN", "isDraft": false, "mergeable": "MERGEABLE", "mergeStateStatus": "BLOCKED",
            "reviewDecision": null, "headRefName": "more", "headRefOid": head,
            "headRepository": { "databaseId": repo },
            "author": { "__typename": "User", "login": "robot", "databaseId": robot },
            "labels": { "nodes": [{ "name": "agent" }] },
            "latestOpinionatedReviews": {
                "nodes": [{ "state": "CHANGES_REQUESTED", "author": { "login": "ada" }, "commit": { "oid": head } }],
            },
            "reviewThreads": { "totalCount": 1, "nodes": [{
                "isResolved": false, "isOutdated": false, "path": "pages/more.txt", "line": 1, "comments": comments,
            }] },
            "commits": { "nodes": [{ "commit": { "oid": head, "statusCheckRollup": {
                "state": "FAILURE", "contexts": { "nodes": [check], "pageInfo": { "hasNextPage": false } },
            } } }] },
            "closingIssuesReferences": { "nodes": [] },
        })
    );
}

#[tokio::test]
async fn a_connection_is_walked_by_its_cursors() {
    let world = World::new().await;
    for number in 1..=3 {
        let issue = NewIssue { author: "ada".to_owned(), title: format!("Issue {number}"), ..NewIssue::default() };
        world.github.create_issue(REPO, &issue).unwrap();
    }
    let query = "query($after: String) { repository(owner: \"acme\", name: \"pages\") {
        issues(first: 2, after: $after, states: [OPEN], orderBy: { field: CREATED_AT, direction: DESC }) {
            totalCount nodes { number } pageInfo { hasNextPage endCursor }
        } } }";

    let first = &ask(&world, query, Value::Null).await["data"]["repository"]["issues"];
    let second =
        &ask(&world, query, json!({ "after": first["pageInfo"]["endCursor"] })).await["data"]["repository"]["issues"];

    assert_eq!(first["nodes"], json!([{ "number": 3 }, { "number": 2 }]));
    assert_eq!((&second["nodes"], &second["pageInfo"]["hasNextPage"]), (&json!([{ "number": 1 }]), &json!(false)));
}

#[tokio::test]
async fn a_thread_is_resolved_by_mutation_and_logged() {
    let world = World::new().await;
    let number = world.pull("more", ("pages/more.txt", "More.\n")).await;
    let line = LineComment { path: "pages/more.txt".to_owned(), line: 1, body: "Why?".to_owned() };
    let review =
        NewReview { author: "ada".to_owned(), verdict: Verdict::Comment, body: String::new(), comments: vec![line] };
    world.github.review(REPO, number, &review).unwrap();
    let query = "{ repository(owner: \"acme\", name: \"pages\") { pullRequest(number: 1) {
        reviewThreads(first: 1) { nodes { id } } } } }";
    let found = ask(&world, query, Value::Null).await;
    let id = &found["data"]["repository"]["pullRequest"]["reviewThreads"]["nodes"][0]["id"];

    let mutation = "mutation($id: ID!) { resolveReviewThread(input: { threadId: $id }) {
        thread { isResolved resolvedBy { login } } } }";
    let body = ask(&world, mutation, json!({ "id": id })).await;

    let thread = json!({ "isResolved": true, "resolvedBy": { "login": "robot" } });
    assert_eq!(body, json!({ "data": { "resolveReviewThread": { "thread": thread } } }));
    assert_eq!(world.github.write_log().last().unwrap().method, "MUTATION");
}
