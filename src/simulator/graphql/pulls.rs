//! The fields of pull requests, reviews and threads.

use serde_json::{Value, json};

use super::{
    connection::window,
    execute::Arguments,
    issues,
    nodes::{Answer, Node, PullAt, actor, branch, rollup},
};
use crate::simulator::{
    json::{node_id, objects, time},
    world::{Issue, Mergeability, Pull, QueueMoment, Repository, Review, ReviewComment, Thread, World},
};

/// A repository's pull requests, filtered and sorted as asked.
pub(super) fn list<'w>(repo: &'w Repository, arguments: &Arguments) -> Answer<'w> {
    let named = |name: &str, branch: &str| arguments.get(name).and_then(Value::as_str).is_none_or(|one| one == branch);
    let mut pulls: Vec<(&Issue, &Pull)> = repo
        .pulls()
        .filter(|(issue, pull)| issues::has_state(arguments.get("states"), state(issue, pull)))
        .filter(|(issue, _)| issues::has_labels(arguments.get("labels"), issue))
        .filter(|(_, pull)| named("headRefName", &pull.head) && named("baseRefName", &pull.base))
        .collect();
    issues::sort(&mut pulls, arguments.get("orderBy"), |(issue, _)| *issue);
    let all = pulls.into_iter().map(|(issue, pull)| Node::Pull((repo, issue, pull))).collect();
    window("PullRequestConnection", all, arguments)
}

fn state(issue: &Issue, pull: &Pull) -> &'static str {
    match (&pull.merged, issue.open) {
        (Some(_), _) => "MERGED",
        (None, true) => "OPEN",
        (None, false) => "CLOSED",
    }
}

/// A field of a pull request.
pub(super) fn pull<'w>(world: &'w World, at: PullAt<'w>, name: &str, arguments: &Arguments) -> Option<Answer<'w>> {
    plain(world, at, name).map(Answer::Value).or_else(|| linked(world, at, name, arguments))
}

/// The fields that are values.
fn plain(world: &World, (repo, issue, pull): PullAt<'_>, name: &str) -> Option<Value> {
    let threads: usize = pull.threads.iter().map(|thread| thread.comments.len()).sum();
    Some(match name {
        "databaseId" => json!(pull.id),
        "fullDatabaseId" => json!(pull.id.to_string()),
        "url" | "permalink" => json!(objects::pull_html_url(world, repo, issue)),
        "state" => json!(state(issue, pull)),
        "isDraft" => json!(pull.draft),
        "merged" => json!(pull.merged.is_some()),
        "mergedAt" => json!(pull.merged.as_ref().map(|merged| time(merged.at))),
        "isInMergeQueue" => json!(pull.queued().is_some()),
        "isCrossRepository" => json!(pull.fork.is_some()),
        "maintainerCanModify" => json!(pull.fork.as_ref().is_some_and(|fork| fork.modifiable)),
        "locked" => json!(false),
        "headRefName" => json!(pull.head),
        "headRefOid" => json!(pull.head_sha),
        "baseRefName" => json!(pull.base),
        "baseRefOid" => json!(pull.base_sha),
        "mergeable" => json!(match pull.mergeability {
            Mergeability::Unknown => "UNKNOWN",
            Mergeability::Clean { .. } => "MERGEABLE",
            Mergeability::Conflicting => "CONFLICTING",
        }),
        "mergeStateStatus" => json!(repo.merge_state(issue, pull).name()),
        "reviewDecision" => json!(repo.review_decision(issue, pull)),
        "additions" => json!(pull.diff.additions),
        "deletions" => json!(pull.diff.deletions),
        "changedFiles" => json!(pull.diff.files),
        "totalCommentsCount" => json!(issue.comments.len() + threads),
        _ => return None,
    })
}

/// The fields that lead on.
fn linked<'w>(world: &'w World, at: PullAt<'w>, name: &str, arguments: &Arguments) -> Option<Answer<'w>> {
    let (repo, issue, pull) = at;
    let reviews = |all: Vec<&'w Review>| {
        window("PullRequestReviewConnection", all.into_iter().map(|one| Node::Review(at, one)).collect(), arguments)
    };
    Some(match name {
        "headRef" => Answer::maybe(world.head_repository(repo, pull).and_then(|from| branch(from, &pull.head))),
        "baseRef" => Answer::maybe(branch(repo, &pull.base)),
        "baseRepository" => Answer::Node(Node::Repository(repo)),
        "headRepository" => Answer::maybe(world.head_repository(repo, pull).map(Node::Repository)),
        "headRepositoryOwner" => match world.head_repository(repo, pull) {
            Some(from) => actor(world, &from.owner),
            None => Answer::Value(Value::Null),
        },
        "mergedBy" => pull.merged.as_ref().map_or(Answer::Value(Value::Null), |merged| actor(world, &merged.by)),
        "mergeCommit" => Answer::maybe(pull.merged.as_ref().map(|merged| Node::Commit(repo, &merged.sha))),
        "statusCheckRollup" => Answer::maybe(rollup(repo, &pull.head_sha)),
        "latestOpinionatedReviews" => reviews(pull.opinions(&issue.author)),
        "latestReviews" => reviews(latest(pull)),
        "reviews" => reviews(pull.reviews.iter().filter(|one| wanted(one, arguments)).collect()),
        "reviewThreads" => {
            let all = pull.threads.iter().map(|thread| Node::Thread(at, thread)).collect();
            window("PullRequestReviewThreadConnection", all, arguments)
        }
        "commits" => {
            let all = commits(repo, pull).into_iter().map(|sha| Node::PullCommit(at, sha)).collect();
            window("PullRequestCommitConnection", all, arguments)
        }
        "timelineItems" => window("PullRequestTimelineItemsConnection", timeline(at, arguments), arguments),
        "mergeQueueEntry" => Answer::maybe(pull.queued().map(|added| {
            let (id, at) = (node_id("MQE", added.id), time(added.at));
            let fields = json!({ "id": id, "enqueuedAt": at, "position": 1, "state": "QUEUED" });
            Node::Fixed("MergeQueueEntry", fields)
        })),
        "autoMergeRequest" => {
            Answer::maybe(pull.auto_merge.map(|at| Node::Fixed("AutoMergeRequest", json!({ "enabledAt": time(at) }))))
        }
        "closingIssuesReferences" => {
            let numbers = repo.closing_references(issue);
            let all = numbers.iter().filter_map(|number| repo.issues.get(number));
            window("IssueConnection", all.map(|issue| Node::Issue(repo, issue)).collect(), arguments)
        }
        _ => return issues::common((world, repo), issue, name, arguments),
    })
}

fn wanted(review: &Review, arguments: &Arguments) -> bool {
    let author = arguments.get("author").and_then(Value::as_str);
    issues::has_state(arguments.get("states"), review.verdict.state())
        && author.is_none_or(|author| author == review.author)
}

fn latest(pull: &Pull) -> Vec<&Review> {
    let mut latest: Vec<&Review> = Vec::new();
    for review in &pull.reviews {
        latest.retain(|earlier| earlier.author != review.author);
        latest.push(review);
    }
    latest
}

/// The commits of a pull request, oldest first: along the first parents from the head to what the base has.
fn commits<'w>(repo: &'w Repository, pull: &'w Pull) -> Vec<&'w str> {
    let count = usize::try_from(pull.diff.commits.max(1)).unwrap_or(usize::MAX);
    let next = |sha: &&'w str| {
        let parent = repo.commits.get(*sha)?.parents.first()?;
        Some(parent.as_str()).filter(|parent| *parent != pull.base_sha && repo.commits.contains_key(*parent))
    };
    let mut shas: Vec<&str> = std::iter::successors(Some(pull.head_sha.as_str()), next).take(count).collect();
    shas.reverse();
    shas
}

/// Of everything that GitHub keeps in a timeline, the commits and the merge queue. What happened to an older head stands
/// before the commits.
fn timeline<'w>(at: PullAt<'w>, arguments: &Arguments) -> Vec<Node<'w>> {
    let (repo, _, pull) = at;
    let wanted = |kind: &str| issues::has_state(arguments.get("itemTypes"), kind);
    let (older, newer): (Vec<&QueueMoment>, Vec<_>) = pull.queue.iter().partition(|it| it.head != pull.head_sha);
    let kind = |moment: &QueueMoment| match moment.removal {
        Some(_) => "REMOVED_FROM_MERGE_QUEUE_EVENT",
        None => "ADDED_TO_MERGE_QUEUE_EVENT",
    };
    let moments = |all: Vec<&'w QueueMoment>| {
        all.into_iter().filter(|it| wanted(kind(it))).map(|it| Node::QueueMoment(repo, it)).collect::<Vec<_>>()
    };
    let shas = commits(repo, pull).into_iter().filter(|_| wanted("PULL_REQUEST_COMMIT"));
    let commits = shas.map(|sha| Node::PullCommit(at, sha));
    moments(older).into_iter().chain(commits).chain(moments(newer)).collect()
}

/// A field of what happened in the merge queue.
pub(super) fn queue_moment<'w>(repo: &'w Repository, moment: &'w QueueMoment, name: &str) -> Option<Answer<'w>> {
    Some(match name {
        "id" => Answer::Value(json!(node_id("MQT", moment.id))),
        "createdAt" => Answer::Value(json!(time(moment.at))),
        "reason" => Answer::Value(json!(moment.removal.as_ref().map(|(reason, _)| reason))),
        "beforeCommit" => Answer::maybe(moment.removal.as_ref().map(|(_, commit)| Node::Commit(repo, commit))),
        _ => return None,
    })
}

/// A field of a commit of a pull request.
pub(super) fn commit<'w>(world: &World, at: PullAt<'w>, sha: &'w str, name: &str) -> Option<Answer<'w>> {
    let (repo, issue, _) = at;
    Some(match name {
        "id" => Answer::Value(json!(format!("PURC_{sha}"))),
        "commit" => Answer::Node(Node::Commit(repo, sha)),
        "pullRequest" => Answer::Node(Node::Pull(at)),
        "url" => Answer::Value(json!(format!("{}/commits/{sha}", objects::pull_html_url(world, repo, issue)))),
        _ => return None,
    })
}

/// A field of a review.
pub(super) fn review<'w>(
    (world, at): (&'w World, PullAt<'w>),
    review: &'w Review,
    name: &str,
    arguments: &Arguments,
) -> Option<Answer<'w>> {
    let (repo, issue, pull) = at;
    let url = || format!("{}#pullrequestreview-{}", objects::pull_html_url(world, repo, issue), review.id);
    Some(match name {
        "id" => Answer::Value(json!(node_id("PRR", review.id))),
        "databaseId" => Answer::Value(json!(review.id)),
        "fullDatabaseId" => Answer::Value(json!(review.id.to_string())),
        "author" => actor(world, &review.author),
        "authorAssociation" => Answer::Value(json!(world.association(repo, &review.author))),
        "body" | "bodyText" => Answer::Value(json!(review.body)),
        "state" => Answer::Value(json!(review.verdict.state())),
        "commit" => Answer::Node(Node::Commit(repo, &review.sha)),
        "submittedAt" | "createdAt" | "updatedAt" => Answer::Value(json!(time(review.submitted_at))),
        "pullRequest" => Answer::Node(Node::Pull(at)),
        "url" => Answer::Value(json!(url())),
        "comments" => {
            let all = pull.threads.iter().flat_map(|thread| {
                let of_review = thread.comments.iter().filter(|comment| comment.review == review.id);
                of_review.map(move |comment| Node::ReviewComment(at, thread, comment))
            });
            window("PullRequestReviewCommentConnection", all.collect(), arguments)
        }
        _ => return None,
    })
}

/// A field of a thread.
pub(super) fn thread<'w>(
    (world, at): (&'w World, PullAt<'w>),
    thread: &'w Thread,
    name: &str,
    arguments: &Arguments,
) -> Option<Answer<'w>> {
    Some(match name {
        "id" => Answer::Value(json!(node_id("PRRT", thread.id))),
        "isResolved" | "isCollapsed" => Answer::Value(json!(thread.resolved_by.is_some())),
        "isOutdated" => Answer::Value(json!(thread.outdated)),
        "line" => Answer::Value(json!((!thread.outdated).then_some(thread.line))),
        "originalLine" => Answer::Value(json!(thread.line)),
        "startLine" => Answer::Value(Value::Null),
        "path" => Answer::Value(json!(thread.path)),
        "resolvedBy" => thread.resolved_by.as_ref().map_or(Answer::Value(Value::Null), |login| actor(world, login)),
        "pullRequest" => Answer::Node(Node::Pull(at)),
        "repository" => Answer::Node(Node::Repository(at.0)),
        "comments" => {
            let all = thread.comments.iter().map(|comment| Node::ReviewComment(at, thread, comment)).collect();
            window("PullRequestReviewCommentConnection", all, arguments)
        }
        _ => return None,
    })
}

/// A field of a comment in a thread.
pub(super) fn comment<'w>(
    (world, at): (&'w World, PullAt<'w>),
    thread: &'w Thread,
    comment: &'w ReviewComment,
    name: &str,
) -> Option<Answer<'w>> {
    let (repo, issue, pull) = at;
    let first = &thread.comments[0];
    let url = || format!("{}#discussion_r{}", objects::pull_html_url(world, repo, issue), comment.id);
    Some(match name {
        "id" => Answer::Value(json!(node_id("PRRC", comment.id))),
        "databaseId" => Answer::Value(json!(comment.id)),
        "fullDatabaseId" => Answer::Value(json!(comment.id.to_string())),
        "author" => actor(world, &comment.author),
        "authorAssociation" => Answer::Value(json!(world.association(repo, &comment.author))),
        "body" | "bodyText" => Answer::Value(json!(comment.body)),
        "createdAt" | "updatedAt" => Answer::Value(json!(time(comment.created_at))),
        "diffHunk" => Answer::Value(json!(format!("@@ -0,0 +1,{0} @@", thread.line))),
        "path" => Answer::Value(json!(thread.path)),
        "line" => Answer::Value(json!((!thread.outdated).then_some(thread.line))),
        "originalLine" => Answer::Value(json!(thread.line)),
        "outdated" => Answer::Value(json!(thread.outdated)),
        "commit" => Answer::Node(Node::Commit(repo, &pull.head_sha)),
        "originalCommit" => Answer::Node(Node::Commit(repo, &thread.sha)),
        "pullRequest" => Answer::Node(Node::Pull(at)),
        "pullRequestReview" => {
            let review = pull.reviews.iter().find(|review| review.id == comment.review);
            Answer::maybe(review.map(|review| Node::Review(at, review)))
        }
        "replyTo" => Answer::maybe((first.id != comment.id).then_some(Node::ReviewComment(at, thread, first))),
        "url" => Answer::Value(json!(url())),
        _ => return None,
    })
}
