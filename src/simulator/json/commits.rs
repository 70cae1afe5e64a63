//! Commits, branches and pushes.

use serde_json::{Value, json};

use super::{
    node_id,
    objects::{api_url, html_url},
};
use crate::simulator::world::{Commit, NO_COMMIT, RefChange, Repository, User, World};

/// A commit in the short form that check events carry; `null` if it is not known.
pub(crate) fn small(repo: &Repository, sha: &str) -> Value {
    let Some(commit) = repo.commits.get(sha) else { return Value::Null };
    let who = json!({ "name": commit.author_name, "email": commit.author_email });
    json!({
        "id": commit.sha,
        "tree_id": commit.tree,
        "message": commit.message,
        "timestamp": commit.date,
        "author": who,
        "committer": who,
    })
}

/// A commit as REST answers it; `null` if it is not known.
pub(crate) fn full(world: &World, repo: &Repository, sha: &str) -> Value {
    let Some(commit) = repo.commits.get(sha) else { return Value::Null };
    let api = api_url(world, repo);
    let url = format!("{api}/commits/{sha}");
    let html = format!("{}/commit/{sha}", html_url(world, repo));
    let who = json!({ "name": commit.author_name, "email": commit.author_email, "date": commit.date });
    let parents: Vec<Value> = commit
        .parents
        .iter()
        .map(|parent| {
            let html = format!("{}/commit/{parent}", html_url(world, repo));
            json!({ "sha": parent, "url": format!("{api}/commits/{parent}"), "html_url": html })
        })
        .collect();
    json!({
        "sha": sha,
        "node_id": node_id("C", fold(sha)),
        "commit": {
            "author": who,
            "committer": who,
            "message": commit.message,
            "tree": { "sha": commit.tree, "url": format!("{api}/git/trees/{}", commit.tree) },
            "url": format!("{api}/git/commits/{sha}"),
            "comment_count": 0,
            "verification": {
                "verified": false, "reason": "unsigned", "signature": null, "payload": null, "verified_at": null,
            },
        },
        "url": url,
        "html_url": html,
        "comments_url": format!("{url}/comments"),
        "author": null,
        "committer": null,
        "parents": parents,
    })
}

/// A number made of a SHA, for a global id.
pub(crate) fn fold(sha: &str) -> u64 {
    sha.get(..15).and_then(|start| u64::from_str_radix(start, 16).ok()).unwrap_or(0)
}

/// What a push event says beside repository and sender.
pub(crate) fn push(world: &World, repo: &Repository, pusher: &User, change: &RefChange) -> Value {
    let before = change.before.as_deref().unwrap_or(NO_COMMIT);
    let after = change.after.as_deref().unwrap_or(NO_COMMIT);
    let html = html_url(world, repo);
    let commits: Vec<Value> = change.commits.iter().map(|commit| pushed(&html, commit)).collect();
    let head = repo.commits.get(after).map(|commit| pushed(&html, commit));
    let email = format!("{}+{}@users.noreply.github.com", pusher.id, pusher.login);
    json!({
        "ref": format!("refs/heads/{}", change.branch),
        "before": before,
        "after": after,
        "pusher": { "name": pusher.login, "email": email },
        "created": change.before.is_none(),
        "deleted": change.after.is_none(),
        "forced": change.forced,
        "base_ref": null,
        "compare": format!("{html}/compare/{}...{}", &before[..12], &after[..12]),
        "commits": commits,
        "head_commit": head,
    })
}

fn pushed(html: &str, commit: &Commit) -> Value {
    let who = json!({ "name": commit.author_name, "email": commit.author_email });
    json!({
        "id": commit.sha,
        "tree_id": commit.tree,
        "distinct": true,
        "message": commit.message,
        "timestamp": commit.date,
        "url": format!("{html}/commit/{}", commit.sha),
        "author": who,
        "committer": who,
        "added": commit.added,
        "removed": commit.removed,
        "modified": commit.modified,
    })
}
