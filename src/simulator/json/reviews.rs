//! Reviews, their comments and threads.

use serde_json::{Value, json};

use super::{
    node_id,
    objects::{api_url, login, pull_html_url, pull_url},
    time,
};
use crate::simulator::world::{Issue, Refusal, Repository, Review, World};

/// A review, its state spelled as in REST.
pub(crate) fn review(world: &World, repo: &Repository, issue: &Issue, review: &Review) -> Value {
    let html = format!("{}#pullrequestreview-{}", pull_html_url(world, repo, issue), review.id);
    let pull = pull_url(world, repo, issue);
    json!({
        "id": review.id,
        "node_id": node_id("PRR", review.id),
        "user": login(world, &review.author),
        "body": review.body,
        "commit_id": review.sha,
        "submitted_at": time(review.submitted_at),
        "updated_at": time(review.submitted_at),
        "state": review.verdict.state(),
        "html_url": html,
        "pull_request_url": pull,
        "author_association": world.association(repo, &review.author),
        "_links": { "html": { "href": html }, "pull_request": { "href": pull } },
    })
}

/// A comment on a line.
pub(crate) fn comment(world: &World, repo: &Repository, issue: &Issue, id: u64) -> Result<Value, Refusal> {
    let pull = issue.pull.as_ref().ok_or(Refusal::NotFound)?;
    let thread = pull.thread_of(id)?;
    let comment = thread.comments.iter().find(|one| one.id == id).ok_or(Refusal::NotFound)?;
    let first = thread.comments[0].id;
    let url = format!("{}/pulls/comments/{id}", api_url(world, repo));
    let html = format!("{}#discussion_r{id}", pull_html_url(world, repo, issue));
    let line = (!thread.outdated).then_some(thread.line);
    let mut body = json!({
        "url": url,
        "pull_request_review_id": comment.review,
        "id": id,
        "node_id": node_id("PRRC", id),
        "diff_hunk": format!("@@ -0,0 +1,{0} @@", thread.line),
        "path": thread.path,
        "position": line,
        "original_position": thread.line,
        "commit_id": pull.head_sha,
        "original_commit_id": thread.sha,
        "user": login(world, &comment.author),
        "body": comment.body,
        "created_at": time(comment.created_at),
        "updated_at": time(comment.created_at),
        "html_url": html,
        "pull_request_url": pull_url(world, repo, issue),
        "author_association": world.association(repo, &comment.author),
        "start_line": null,
        "original_start_line": null,
        "start_side": null,
        "line": line,
        "original_line": thread.line,
        "side": "RIGHT",
        "subject_type": "line",
    });
    body["reactions"] = json!({
        "url": format!("{url}/reactions"),
        "total_count": 0, "+1": 0, "-1": 0, "laugh": 0, "hooray": 0, "confused": 0, "heart": 0, "rocket": 0, "eyes": 0,
    });
    body["_links"] = json!({
        "self": { "href": url },
        "html": { "href": html },
        "pull_request": { "href": pull_url(world, repo, issue) },
    });
    if first != id {
        body["in_reply_to_id"] = json!(first);
    }
    Ok(body)
}

/// A thread as its event carries it.
pub(crate) fn thread(world: &World, repo: &Repository, issue: &Issue, id: u64) -> Result<Value, Refusal> {
    let pull = issue.pull.as_ref().ok_or(Refusal::NotFound)?;
    let thread = pull.threads.iter().find(|one| one.id == id).ok_or(Refusal::NotFound)?;
    let comments: Result<Vec<Value>, Refusal> =
        thread.comments.iter().map(|one| comment(world, repo, issue, one.id)).collect();
    Ok(json!({ "node_id": node_id("PRRT", id), "comments": comments? }))
}
