//! Pull requests: listing, opening, editing, merging, their reviews and threads.

use serde_json::{Value, json};

use super::{Answer, page};
use crate::simulator::{
    call::{Call, Reply},
    error::Error,
    follow,
    git::{Method, Person},
    happened::Verdict,
    json::{objects, reviews},
    people::LineComment,
    shared::Shared,
    world::{Issue, OpenPull, Pull, PullEdit, Refusal, World},
};

/// Answers `/repos/{owner}/{name}/pulls…`.
pub(super) async fn answer(shared: &Shared, repo: &str, call: &Call, rest: &[&str]) -> Answer {
    let number = rest.first().and_then(|number| number.parse::<u64>().ok());
    let reply = match (call.method.as_str(), number, rest) {
        ("GET", _, []) => shared.look(|world| list(world, repo, call))?,
        ("POST", _, []) => open(shared, repo, call).await?,
        ("GET", Some(number), [_]) => Reply::ok(shared.look(|world| one(world, repo, number))?),
        ("PATCH", Some(number), [_]) => edit(shared, repo, call, number)?,
        ("PUT", Some(number), [_, "merge"]) => merge(shared, repo, call, number).await?,
        ("PUT", Some(number), [_, "update-branch"]) => update_branch(shared, repo, call, number).await?,
        ("GET", Some(number), [_, "merge"]) => merged(shared, repo, number)?,
        ("GET", Some(number), [_, "reviews"]) => shared.look(|world| list_reviews(world, repo, call, number))?,
        ("POST", Some(number), [_, "reviews"]) => submit(shared, repo, call, number)?,
        ("GET", Some(number), [_, "comments"]) => shared.look(|world| list_comments(world, repo, call, number))?,
        ("POST", Some(number), [_, "comments", id, "replies"]) => reply(shared, repo, call, (number, id))?,
        _ => return Ok(None),
    };
    Ok(Some(reply))
}

/// Opens a pull request as somebody: what the API and people share.
pub(crate) async fn open_as(shared: &Shared, repo: &str, author: &str, open: OpenPull) -> Result<u64, Error> {
    let (head, base) = shared.look(|world| world.check_open_pull(repo, &open))?;
    let diff = shared.git.diff(repo, &base, &head).await?;
    if diff.commits == 0 {
        let message = format!("No commits between {} and {}", open.base, open.head);
        return Err(Refusal::unprocessable("PullRequest", message).into());
    }
    let number = shared.change(|world| world.open_pull(repo, author, open, diff))?;
    follow::settle_later(shared, repo, number, Some(author));
    Ok(number)
}

/// Merges as somebody: what the API and people share. The SHA on the base branch.
pub(crate) async fn merge_as(
    shared: &Shared,
    repo: &str,
    (number, actor): (u64, &str),
    (method, expected_head): (Method, Option<&str>),
) -> Result<String, Error> {
    let _turn = shared.turn(repo).await;
    let (head, tip) = shared.look(|world| world.check_merge(repo, number, expected_head))?;
    let (base, message) = shared.look(|world| -> Result<_, Refusal> {
        let repository = world.repository(repo)?;
        let (issue, pull) = repository.pull(number)?;
        let message = match method {
            Method::Merge => {
                let owner = pull.head_owner(&repository.owner);
                format!("Merge pull request #{number} from {owner}/{}\n\n{}", pull.head, issue.title)
            }
            Method::Squash | Method::Rebase => format!("{} (#{number})", issue.title),
        };
        Ok((pull.base.clone(), message))
    })?;
    let person = Person { login: actor.to_owned(), at: shared.clock.now() };
    let made = shared.git.merge(repo, (&tip, &head), (method, &message), &person).await?;
    let sha = made.ok_or_else(|| Refusal::NotAllowed("Pull Request is not mergeable".to_owned()))?;
    shared.git.update_ref(repo, (&format!("refs/heads/{base}"), &sha, Some(&tip))).await?;
    shared.change(|world| world.merged(repo, number, actor, &sha))?;
    follow::refs_moved(shared, repo, actor).await?;
    Ok(sha)
}

/// Merges the base into the branch. GitHub does it after it has answered; here it is done when the answer comes.
async fn update_branch(shared: &Shared, repo: &str, call: &Call, number: u64) -> Result<Reply, Error> {
    let _turn = shared.turn(repo).await;
    let (branch, head, tip, message) = shared.look(|world| -> Result<_, Refusal> {
        let repository = world.repository(repo)?;
        let (_, pull) = repository.pull(number)?;
        let tip = repository.branches.get(&pull.base).ok_or(Refusal::NotFound)?;
        // Nothing here writes into a fork.
        if pull.fork.is_some() {
            return Err(Refusal::Forbidden("Resource not accessible by integration".to_owned()));
        }
        let message = format!("Merge branch '{}' into {}", pull.base, pull.head);
        Ok((pull.head.clone(), pull.head_sha.clone(), tip.clone(), message))
    })?;
    if call.text("expected_head_sha").is_some_and(|expected| expected != head) {
        let words = "expected head sha didn\u{2019}t match current head ref.";
        return Err(Refusal::unprocessable("PullRequest", words).into());
    }
    let actor = shared.look(|world| world.own_login.clone());
    let person = Person { login: actor.clone(), at: shared.clock.now() };
    let made = shared.git.merge(repo, (&head, &tip), (Method::Merge, &message), &person).await?;
    let sha = made.ok_or_else(|| Refusal::unprocessable("PullRequest", "merge conflict between base and head"))?;
    shared.change(|world| world.repository_mut(repo).map(|found| found.signed.insert(sha.clone())))?;
    shared.git.update_ref(repo, (&format!("refs/heads/{branch}"), &sha, Some(&head))).await?;
    follow::refs_moved(shared, repo, &actor).await?;
    let url = shared.look(|world| Ok::<_, Refusal>(one(world, repo, number)?["html_url"].clone()))?;
    let body = json!({ "message": "Updating pull request branch.", "url": url });
    Ok(Reply { status: 202, headers: Vec::new(), body })
}

fn list(world: &World, repo: &str, call: &Call) -> Result<Reply, Refusal> {
    let repository = world.repository(repo)?;
    let state = call.param("state").unwrap_or("open");
    // GitHub filters by `owner:branch`, and ignores a head without an owner.
    let head = call.param("head").and_then(|head| head.split_once(':'));
    let wanted = |issue: &Issue, pull: &Pull| {
        (state == "all" || issue.open == (state == "open"))
            && head.is_none_or(|(owner, branch)| owner == pull.head_owner(&repository.owner) && branch == pull.head)
            && call.param("base").is_none_or(|base| base == pull.base)
    };
    let mut pulls: Vec<(&Issue, &Pull)> = repository.pulls().filter(|(issue, pull)| wanted(issue, pull)).collect();
    match call.param("sort") {
        Some("updated") => pulls.sort_by_key(|(issue, _)| (issue.updated_at, issue.number)),
        _ => pulls.sort_by_key(|(issue, _)| issue.number),
    }
    // Without a sort order GitHub lists the newest first.
    if call.param("direction").unwrap_or(if call.param("sort").is_none() { "desc" } else { "asc" }) == "desc" {
        pulls.reverse();
    }
    let items = pulls.iter().map(|(issue, pull)| objects::pull_in_list(world, repository, issue, pull)).collect();
    Ok(page::list(&world.root, call, items))
}

fn one(world: &World, repo: &str, number: u64) -> Result<Value, Refusal> {
    let repository = world.repository(repo)?;
    let (issue, pull) = repository.pull(number)?;
    Ok(objects::pull(world, repository, issue, pull))
}

async fn open(shared: &Shared, repo: &str, call: &Call) -> Result<Reply, Error> {
    let head = call.required("PullRequest", "head")?;
    let owner = repo.split('/').next().unwrap_or_default();
    let head = match head.split_once(':') {
        Some((of, branch)) if of.eq_ignore_ascii_case(owner) => branch.to_owned(),
        Some(_) => return Err(Refusal::unprocessable("PullRequest", "head is invalid").into()),
        None => head,
    };
    let open = OpenPull {
        title: call.required("PullRequest", "title")?,
        body: call.text("body").unwrap_or_default(),
        head,
        base: call.required("PullRequest", "base")?,
        draft: call.body["draft"].as_bool().unwrap_or(false),
    };
    let author = shared.look(|world| world.own_login.clone());
    let number = open_as(shared, repo, &author, open).await?;
    Ok(Reply::created(shared.look(|world| one(world, repo, number))?))
}

fn edit(shared: &Shared, repo: &str, call: &Call, number: u64) -> Result<Reply, Error> {
    let open = match call.text("state").as_deref() {
        Some("open") => Some(true),
        Some("closed") => Some(false),
        Some(_) => return Err(Refusal::unprocessable("PullRequest", "state is not included in the list").into()),
        None => None,
    };
    let edit = PullEdit { title: call.text("title"), body: call.text("body"), base: call.text("base"), open };
    let base_changed = shared.change(|world| {
        let actor = world.own_login.clone();
        world.edit_pull(repo, number, &actor, edit)
    })?;
    if base_changed || open == Some(true) {
        // Workflows run when a pull request is reopened, and not when its base changes.
        let actor = shared.look(|world| world.own_login.clone());
        follow::settle_later(shared, repo, number, Some(actor.as_str()).filter(|_| open == Some(true)));
    }
    Ok(Reply::ok(shared.look(|world| one(world, repo, number))?))
}

async fn merge(shared: &Shared, repo: &str, call: &Call, number: u64) -> Result<Reply, Error> {
    let method = Method::from_name(call.body["merge_method"].as_str())
        .ok_or_else(|| Refusal::unprocessable("PullRequest", "merge_method is not included in the list"))?;
    let actor = shared.look(|world| world.own_login.clone());
    let expected = call.text("sha");
    let sha = merge_as(shared, repo, (number, &actor), (method, expected.as_deref())).await?;
    Ok(Reply::ok(json!({ "sha": sha, "merged": true, "message": "Pull Request successfully merged" })))
}

fn merged(shared: &Shared, repo: &str, number: u64) -> Result<Reply, Refusal> {
    let merged = shared.look(|world| Ok(world.repository(repo)?.pull(number)?.1.merged.is_some()))?;
    if merged { Ok(Reply::empty(204)) } else { Err(Refusal::NotFound) }
}

fn list_reviews(world: &World, repo: &str, call: &Call, number: u64) -> Result<Reply, Refusal> {
    let repository = world.repository(repo)?;
    let (issue, pull) = repository.pull(number)?;
    let items = pull.reviews.iter().map(|review| reviews::review(world, repository, issue, review)).collect();
    Ok(page::list(&world.root, call, items))
}

fn submit(shared: &Shared, repo: &str, call: &Call, number: u64) -> Result<Reply, Error> {
    let verdict = match call.body["event"].as_str() {
        Some("APPROVE") => Verdict::Approve,
        Some("REQUEST_CHANGES") => Verdict::RequestChanges,
        Some("COMMENT") => Verdict::Comment,
        // Without an event GitHub keeps a pending review that nobody else sees; nothing here needs one.
        _ => return Err(Refusal::unprocessable("PullRequestReview", "event is not included in the list").into()),
    };
    let comments: Vec<LineComment> = call.body["comments"]
        .as_array()
        .into_iter()
        .flatten()
        .map(|comment| LineComment {
            path: comment["path"].as_str().unwrap_or_default().to_owned(),
            line: comment["line"].as_u64().unwrap_or(1),
            body: comment["body"].as_str().unwrap_or_default().to_owned(),
        })
        .collect();
    let body = call.text("body").unwrap_or_default();
    let said = shared.change(|world| -> Result<Value, Refusal> {
        let author = world.own_login.clone();
        let id = world.review(repo, number, (&author, verdict), (&body, &comments))?;
        let repository = world.repository(repo)?;
        let (issue, pull) = repository.pull(number)?;
        let review = pull.reviews.iter().find(|review| review.id == id).ok_or(Refusal::NotFound)?;
        Ok(reviews::review(world, repository, issue, review))
    })?;
    Ok(Reply::ok(said))
}

fn list_comments(world: &World, repo: &str, call: &Call, number: u64) -> Result<Reply, Refusal> {
    let repository = world.repository(repo)?;
    let (issue, pull) = repository.pull(number)?;
    let mut ids: Vec<u64> =
        pull.threads.iter().flat_map(|thread| thread.comments.iter().map(|comment| comment.id)).collect();
    ids.sort_unstable();
    let items: Result<Vec<Value>, Refusal> =
        ids.into_iter().map(|id| reviews::comment(world, repository, issue, id)).collect();
    Ok(page::list(&world.root, call, items?))
}

fn reply(shared: &Shared, repo: &str, call: &Call, (number, to): (u64, &str)) -> Result<Reply, Error> {
    let to: u64 = to.parse().map_err(|_| Refusal::NotFound)?;
    let body = call.required("PullRequestReviewComment", "body")?;
    let said = shared.change(|world| -> Result<Value, Refusal> {
        let author = world.own_login.clone();
        let id = world.reply(repo, number, to, (&author, &body))?;
        let repository = world.repository(repo)?;
        reviews::comment(world, repository, repository.issue(number)?, id)
    })?;
    Ok(Reply::created(said))
}
