//! Accounts, repositories, issues, comments and pull requests.

use serde_json::{Value, json};

use super::{node_id, time};
use crate::simulator::world::{Comment, Issue, Kind, Mergeability, Pull, Repository, User, World};

/// An account.
pub(crate) fn user(world: &World, user: &User) -> Value {
    let (root, login) = (&world.root, &user.login);
    let url = format!("{root}/users/{login}");
    json!({
        "login": login,
        "id": user.id,
        "node_id": user_node_id(user),
        "avatar_url": format!("{root}/avatars/u/{}?v=4", user.id),
        "gravatar_id": "",
        "url": url,
        "html_url": format!("{root}/{login}"),
        "followers_url": format!("{url}/followers"),
        "following_url": format!("{url}/following{{/other_user}}"),
        "gists_url": format!("{url}/gists{{/gist_id}}"),
        "starred_url": format!("{url}/starred{{/owner}}{{/repo}}"),
        "subscriptions_url": format!("{url}/subscriptions"),
        "organizations_url": format!("{url}/orgs"),
        "repos_url": format!("{url}/repos"),
        "events_url": format!("{url}/events{{/privacy}}"),
        "received_events_url": format!("{url}/received_events"),
        "type": kind(user.kind),
        "user_view_type": "public",
        "site_admin": false,
    })
}

/// The global id of an account.
pub(crate) fn user_node_id(user: &User) -> String {
    let prefix = match user.kind {
        Kind::User => "U",
        Kind::Organization => "O",
        Kind::Bot => "BOT",
    };
    node_id(prefix, user.id)
}

/// The type name of an account, in REST and in GraphQL.
pub(crate) const fn kind(kind: Kind) -> &'static str {
    match kind {
        Kind::User => "User",
        Kind::Organization => "Organization",
        Kind::Bot => "Bot",
    }
}

/// An account by name; `null` if nobody of this name is known.
pub(crate) fn login(world: &World, login: &str) -> Value {
    world.users.get(login).map_or(Value::Null, |found| user(world, found))
}

/// The owner of a repository, as webhooks tell of it beside the repository.
pub(crate) fn organization(world: &World, owner: &User) -> Value {
    let url = format!("{}/orgs/{}", world.root, owner.login);
    json!({
        "login": owner.login,
        "id": owner.id,
        "node_id": user_node_id(owner),
        "url": url,
        "repos_url": format!("{url}/repos"),
        "events_url": format!("{url}/events"),
        "hooks_url": format!("{url}/hooks"),
        "issues_url": format!("{url}/issues"),
        "members_url": format!("{url}/members{{/member}}"),
        "public_members_url": format!("{url}/public_members{{/member}}"),
        "avatar_url": format!("{}/avatars/u/{}?v=4", world.root, owner.id),
        "description": null,
    })
}

/// Places of a repository's API that its JSON lists: field, path.
const PLACES: [(&str, &str); 38] = [
    ("forks_url", "/forks"),
    ("keys_url", "/keys{/key_id}"),
    ("collaborators_url", "/collaborators{/collaborator}"),
    ("teams_url", "/teams"),
    ("hooks_url", "/hooks"),
    ("issue_events_url", "/issues/events{/number}"),
    ("events_url", "/events"),
    ("assignees_url", "/assignees{/user}"),
    ("branches_url", "/branches{/branch}"),
    ("tags_url", "/tags"),
    ("blobs_url", "/git/blobs{/sha}"),
    ("git_tags_url", "/git/tags{/sha}"),
    ("git_refs_url", "/git/refs{/sha}"),
    ("trees_url", "/git/trees{/sha}"),
    ("statuses_url", "/statuses/{sha}"),
    ("languages_url", "/languages"),
    ("stargazers_url", "/stargazers"),
    ("contributors_url", "/contributors"),
    ("subscribers_url", "/subscribers"),
    ("subscription_url", "/subscription"),
    ("commits_url", "/commits{/sha}"),
    ("git_commits_url", "/git/commits{/sha}"),
    ("comments_url", "/comments{/number}"),
    ("issue_comment_url", "/issues/comments{/number}"),
    ("contents_url", "/contents/{+path}"),
    ("compare_url", "/compare/{base}...{head}"),
    ("merges_url", "/merges"),
    ("archive_url", "/{archive_format}{/ref}"),
    ("downloads_url", "/downloads"),
    ("issues_url", "/issues{/number}"),
    ("pulls_url", "/pulls{/number}"),
    ("milestones_url", "/milestones{/number}"),
    ("notifications_url", "/notifications{?since,all,participating}"),
    ("labels_url", "/labels{/name}"),
    ("releases_url", "/releases{/id}"),
    ("deployments_url", "/deployments"),
    ("url", ""),
    ("svn_url", ""),
];

/// A repository.
pub(crate) fn repository(world: &World, repo: &Repository) -> Value {
    let open_issues = repo.issues.values().filter(|issue| issue.open).count();
    let html = html_url(world, repo);
    let mut body = json!({
        "id": repo.id,
        "node_id": node_id("R", repo.id),
        "name": repo.name,
        "full_name": repo.full_name(),
        "private": false,
        "owner": login(world, &repo.owner),
        "html_url": html,
        "description": null,
        "fork": repo.parent.is_some(),
        "created_at": time(repo.created_at),
        "updated_at": time(repo.pushed_at),
        "pushed_at": time(repo.pushed_at),
        "git_url": format!("{}.git", html.replacen("http:", "git:", 1)),
        "ssh_url": format!("git@localhost:{}.git", repo.full_name()),
        "clone_url": format!("{html}.git"),
        "homepage": null,
        "mirror_url": null,
        "language": null,
        "license": null,
        "topics": [],
        "visibility": "public",
        "default_branch": repo.default_branch,
    });
    let counts = json!({
        "size": 1, "stargazers_count": 0, "watchers_count": 0, "forks_count": 0, "forks": 0, "watchers": 0,
        "open_issues_count": open_issues, "open_issues": open_issues,
        "has_issues": true, "has_projects": true, "has_downloads": true, "has_wiki": true, "has_pages": false,
        "has_discussions": false, "archived": false, "disabled": false, "allow_forking": true, "is_template": false,
        "web_commit_signoff_required": false, "custom_properties": {},
    });
    if let (Value::Object(body), Value::Object(counts)) = (&mut body, counts) {
        body.extend(counts);
        body.extend(PLACES.map(|(field, path)| (field.to_owned(), json!(format!("{}{path}", api_url(world, repo))))));
        body.insert("svn_url".to_owned(), json!(html));
    }
    body
}

/// Where the API of a repository is.
pub(crate) fn api_url(world: &World, repo: &Repository) -> String {
    format!("{}/repos/{}", world.root, repo.full_name())
}

/// Where people would look at a repository.
pub(crate) fn html_url(world: &World, repo: &Repository) -> String {
    format!("{}/{}", world.root, repo.full_name())
}

/// A label of a repository.
pub(crate) fn label(world: &World, repo: &Repository, name: &str) -> Value {
    let id = repo.labels.get(name).map_or(0, |label| label.id);
    json!({
        "id": id,
        "node_id": node_id("LA", id),
        "url": format!("{}/labels/{name}", api_url(world, repo)),
        "name": name,
        "color": "ededed",
        "default": false,
        "description": null,
        "archived_at": null,
        "archived_by": null,
    })
}

fn labels(world: &World, repo: &Repository, issue: &Issue) -> Vec<Value> {
    issue.labels.iter().map(|name| label(world, repo, name)).collect()
}

fn assignees(world: &World, issue: &Issue) -> Vec<Value> {
    issue.assignees.iter().map(|name| login(world, name)).collect()
}

/// An issue; a pull request appears as one too, with the key `pull_request`.
pub(crate) fn issue(world: &World, repo: &Repository, issue: &Issue) -> Value {
    let url = format!("{}/issues/{}", api_url(world, repo), issue.number);
    let assignees = assignees(world, issue);
    let place = if issue.pull.is_some() { "pull" } else { "issues" };
    let mut body = json!({
        "url": url,
        "repository_url": api_url(world, repo),
        "labels_url": format!("{url}/labels{{/name}}"),
        "comments_url": format!("{url}/comments"),
        "events_url": format!("{url}/events"),
        "html_url": format!("{}/{place}/{}", html_url(world, repo), issue.number),
        "id": issue.id,
        "node_id": issue_node_id(issue),
        "number": issue.number,
        "title": issue.title,
        "user": login(world, &issue.author),
        "labels": labels(world, repo, issue),
        "state": if issue.open { "open" } else { "closed" },
        "locked": false,
        "assignee": assignees.first(),
        "assignees": assignees,
        "milestone": null,
        "comments": issue.comments.len(),
        "created_at": time(issue.created_at),
        "updated_at": time(issue.updated_at),
        "closed_at": issue.closed_at.map(time),
        "author_association": world.association(repo, &issue.author),
        "active_lock_reason": null,
        "body": none_if_empty(&issue.body),
        "reactions": reactions(&url),
        "timeline_url": format!("{url}/timeline"),
        "performed_via_github_app": null,
        "state_reason": issue.state_reason,
    });
    if let Some(pull) = &issue.pull {
        body["draft"] = json!(pull.draft);
        body["pull_request"] = json!({
            "url": pull_url(world, repo, issue),
            "html_url": pull_html_url(world, repo, issue),
            "diff_url": format!("{}.diff", pull_html_url(world, repo, issue)),
            "patch_url": format!("{}.patch", pull_html_url(world, repo, issue)),
            "merged_at": pull.merged.as_ref().map(|merged| time(merged.at)),
        });
    }
    body
}

/// The global id of an issue or pull request.
pub(crate) fn issue_node_id(issue: &Issue) -> String {
    match &issue.pull {
        Some(pull) => node_id("PR", pull.id),
        None => node_id("I", issue.id),
    }
}

/// A comment on an issue or pull request.
pub(crate) fn comment(world: &World, repo: &Repository, issue: &Issue, comment: &Comment) -> Value {
    let url = format!("{}/issues/comments/{}", api_url(world, repo), comment.id);
    let place = if issue.pull.is_some() { "pull" } else { "issues" };
    json!({
        "url": url,
        "html_url": format!("{}/{place}/{}#issuecomment-{}", html_url(world, repo), issue.number, comment.id),
        "issue_url": format!("{}/issues/{}", api_url(world, repo), issue.number),
        "id": comment.id,
        "node_id": node_id("IC", comment.id),
        "user": login(world, &comment.author),
        "created_at": time(comment.created_at),
        "updated_at": time(comment.updated_at),
        "author_association": world.association(repo, &comment.author),
        "body": comment.body,
        "reactions": reacted(&url, comment),
        "performed_via_github_app": null,
    })
}

/// A reaction to a comment.
pub(crate) fn reaction(world: &World, comment: u64, actor: &str, content: &str) -> Value {
    json!({
        "id": comment,
        "node_id": node_id("REA", comment),
        "user": login(world, actor),
        "content": content,
        "created_at": time(world.now),
    })
}

/// Where the API of a pull request is.
pub(crate) fn pull_url(world: &World, repo: &Repository, issue: &Issue) -> String {
    format!("{}/pulls/{}", api_url(world, repo), issue.number)
}

/// Where people would look at a pull request.
pub(crate) fn pull_html_url(world: &World, repo: &Repository, issue: &Issue) -> String {
    format!("{}/pull/{}", html_url(world, repo), issue.number)
}

/// A pull request as lists carry it: without what has to be computed.
pub(crate) fn pull_in_list(world: &World, repo: &Repository, issue: &Issue, pull: &Pull) -> Value {
    let (url, html) = (pull_url(world, repo, issue), pull_html_url(world, repo, issue));
    let issue_url = format!("{}/issues/{}", api_url(world, repo), issue.number);
    let assignees = assignees(world, issue);
    let mut body = json!({
        "url": url,
        "id": pull.id,
        "node_id": node_id("PR", pull.id),
        "html_url": html,
        "diff_url": format!("{html}.diff"),
        "patch_url": format!("{html}.patch"),
        "issue_url": issue_url,
        "number": issue.number,
        "state": if issue.open { "open" } else { "closed" },
        "locked": false,
        "title": issue.title,
        "user": login(world, &issue.author),
        "body": none_if_empty(&issue.body),
        "created_at": time(issue.created_at),
        "updated_at": time(issue.updated_at),
        "closed_at": issue.closed_at.map(time),
        "merged_at": pull.merged.as_ref().map(|merged| time(merged.at)),
        "merge_commit_sha": pull.merged.as_ref().map(|merged| merged.sha.clone()),
        "assignee": assignees.first(),
        "assignees": assignees,
        "requested_reviewers": [],
        "requested_teams": [],
        "labels": labels(world, repo, issue),
        "milestone": null,
        "draft": pull.draft,
        "head": end(world, world.head_repository(repo, pull), &pull.head, &pull.head_sha),
        "base": end(world, Some(repo), &pull.base, &pull.base_sha),
        "author_association": world.association(repo, &issue.author),
        "auto_merge": null,
        "active_lock_reason": null,
    });
    body["commits_url"] = json!(format!("{url}/commits"));
    body["review_comments_url"] = json!(format!("{url}/comments"));
    body["review_comment_url"] = json!(format!("{}/pulls/comments{{/number}}", api_url(world, repo)));
    body["comments_url"] = json!(format!("{issue_url}/comments"));
    body["statuses_url"] = json!(format!("{}/statuses/{}", api_url(world, repo), pull.head_sha));
    body["_links"] = json!({
        "self": { "href": body["url"] },
        "html": { "href": body["html_url"] },
        "issue": { "href": body["issue_url"] },
        "comments": { "href": body["comments_url"] },
        "review_comments": { "href": body["review_comments_url"] },
        "review_comment": { "href": body["review_comment_url"] },
        "commits": { "href": body["commits_url"] },
        "statuses": { "href": body["statuses_url"] },
    });
    body
}

/// A pull request in full.
pub(crate) fn pull(world: &World, repo: &Repository, issue: &Issue, pull: &Pull) -> Value {
    let mut body = pull_in_list(world, repo, issue, pull);
    let comments: usize = pull.threads.iter().map(|thread| thread.comments.len()).sum();
    let mergeable = match pull.mergeability {
        Mergeability::Unknown => None,
        Mergeability::Clean { .. } => Some(true),
        Mergeability::Conflicting => Some(false),
    };
    let computed = json!({
        "merged": pull.merged.is_some(),
        "mergeable": mergeable,
        "rebaseable": mergeable,
        "mergeable_state": repo.merge_state(issue, pull).name().to_ascii_lowercase(),
        "merged_by": pull.merged.as_ref().map(|merged| login(world, &merged.by)),
        "comments": issue.comments.len(),
        "review_comments": comments,
        "maintainer_can_modify": pull.fork.as_ref().is_some_and(|fork| fork.modifiable),
        "commits": pull.diff.commits,
        "additions": pull.diff.additions,
        "deletions": pull.diff.deletions,
        "changed_files": pull.diff.files,
    });
    if let (Value::Object(body), Value::Object(computed)) = (&mut body, computed) {
        body.extend(computed);
    }
    body
}

/// A pull request as check events list it.
pub(crate) fn pull_reference(world: &World, repo: &Repository, issue: &Issue, pull: &Pull) -> Value {
    let of = json!({ "id": repo.id, "url": api_url(world, repo), "name": repo.name });
    json!({
        "url": pull_url(world, repo, issue),
        "id": pull.id,
        "number": issue.number,
        "head": { "ref": pull.head, "sha": pull.head_sha, "repo": of },
        "base": { "ref": pull.base, "sha": pull.base_sha, "repo": of },
    })
}

/// One end of a pull request. Of a fork that was deleted nothing is left but branch and commit.
fn end(world: &World, repo: Option<&Repository>, branch: &str, sha: &str) -> Value {
    let owner = repo.map_or("unknown repository", |repo| &repo.owner);
    json!({
        "label": repo.map_or_else(|| branch.to_owned(), |_| format!("{owner}:{branch}")),
        "ref": branch,
        "sha": sha,
        "user": login(world, owner),
        "repo": repo.map(|repo| repository(world, repo)),
    })
}

fn reactions(url: &str) -> Value {
    json!({
        "url": format!("{url}/reactions"),
        "total_count": 0, "+1": 0, "-1": 0, "laugh": 0, "hooray": 0, "confused": 0, "heart": 0, "rocket": 0, "eyes": 0,
    })
}

fn reacted(url: &str, comment: &Comment) -> Value {
    let mut reactions = reactions(url);
    for (_, content) in &comment.reactions {
        reactions[content] = json!(reactions[content].as_u64().unwrap_or_default() + 1);
    }
    reactions["total_count"] = json!(comment.reactions.len());
    reactions
}

fn none_if_empty(text: &str) -> Option<&str> {
    Some(text).filter(|text| !text.is_empty())
}
