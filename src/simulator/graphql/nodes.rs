//! What a field can stand on, and the fields of the root, of accounts, repositories, branches and commits.

use serde_json::{Value, json};

use super::{
    connection::{Connection, window},
    execute::Arguments,
    issues, pulls,
};
use crate::simulator::{
    json::{checks::ACTIONS_APP, commits::fold, from_node_id, node_id, objects, time},
    world::{
        Comment, GRAPHQL, Issue, Job, Pull, QueueMoment, RATE_LIMIT, Report, Repository, Review, ReviewComment, Run,
        Status, Thread, User, World,
    },
};

/// A pull request with its repository and issue.
pub(super) type PullAt<'w> = (&'w Repository, &'w Issue, &'w Pull);

/// A thing that has fields.
#[derive(Debug, Clone)]
pub(super) enum Node<'w> {
    /// The root of queries.
    Query,
    /// An account.
    User(&'w User),
    /// A repository.
    Repository(&'w Repository),
    /// A branch.
    Ref(&'w Repository, &'w str),
    /// A commit; little is known of some.
    Commit(&'w Repository, &'w str),
    /// An issue.
    Issue(&'w Repository, &'w Issue),
    /// A label.
    Label(&'w Repository, &'w str),
    /// A comment on an issue or pull request.
    Comment(&'w Repository, &'w Issue, &'w Comment),
    /// A pull request.
    Pull(PullAt<'w>),
    /// A review.
    Review(PullAt<'w>, &'w Review),
    /// A review thread.
    Thread(PullAt<'w>, &'w Thread),
    /// A comment of a review thread.
    ReviewComment(PullAt<'w>, &'w Thread, &'w ReviewComment),
    /// A commit of a pull request.
    PullCommit(PullAt<'w>, &'w str),
    /// Something that happened in the merge queue.
    QueueMoment(&'w Repository, &'w QueueMoment),
    /// The summary of all checks of a commit.
    Rollup(&'w Repository, &'w str),
    /// A check run.
    CheckRun(&'w Repository, &'w Run, &'w Job),
    /// A commit status.
    Status(&'w Repository, &'w Status),
    /// A check run that an app reported.
    Report(&'w Repository, &'w Report),
    /// A check suite.
    Suite(&'w Repository, &'w Run),
    /// A workflow run.
    WorkflowRun(&'w Repository, &'w Run),
    /// A window on a list.
    Connection(Connection<'w>),
    /// Something that is all there: its type and its fields.
    Fixed(&'static str, Value),
    /// What a mutation gives back: its type, the name of its one field, and what that holds.
    Payload(&'static str, &'static str, Box<Self>),
}

/// What a field holds.
#[derive(Debug)]
pub(super) enum Answer<'w> {
    /// A value.
    Value(Value),
    /// A thing.
    Node(Node<'w>),
    /// Things.
    List(Vec<Node<'w>>),
    /// Nothing, although it was asked for by name: an error beside the data.
    Missing(String),
    /// More than GitHub gives at once.
    Refused(String),
}

impl<'w> Answer<'w> {
    /// A thing, or `null`.
    pub(super) fn maybe(node: Option<Node<'w>>) -> Self {
        node.map_or(Self::Value(Value::Null), Self::Node)
    }
}

impl<'w> Node<'w> {
    /// GitHub's name for the type.
    pub(super) const fn type_name(&self) -> &'static str {
        match self {
            Self::Query => "Query",
            Self::User(user) => objects::kind(user.kind),
            Self::Repository(_) => "Repository",
            Self::Ref(..) => "Ref",
            Self::Commit(..) => "Commit",
            Self::Issue(..) => "Issue",
            Self::Label(..) => "Label",
            Self::Comment(..) => "IssueComment",
            Self::Pull(_) => "PullRequest",
            Self::Review(..) => "PullRequestReview",
            Self::Thread(..) => "PullRequestReviewThread",
            Self::ReviewComment(..) => "PullRequestReviewComment",
            Self::PullCommit(..) => "PullRequestCommit",
            Self::QueueMoment(_, moment) => match moment.removal {
                Some(_) => "RemovedFromMergeQueueEvent",
                None => "AddedToMergeQueueEvent",
            },
            Self::Rollup(..) => "StatusCheckRollup",
            Self::CheckRun(..) | Self::Report(..) => "CheckRun",
            Self::Status(..) => "StatusContext",
            Self::Suite(..) => "CheckSuite",
            Self::WorkflowRun(..) => "WorkflowRun",
            Self::Connection(connection) => connection.type_name,
            Self::Fixed(type_name, _) | Self::Payload(type_name, ..) => type_name,
        }
    }

    /// One field. `None` if the simulator does not know it.
    pub(super) fn field(&self, world: &'w World, name: &str, arguments: &Arguments) -> Option<Answer<'w>> {
        match self {
            Self::Query => query(world, name, arguments),
            Self::User(user) => account(world, user, name),
            Self::Repository(repo) => repository(world, repo, name, arguments),
            Self::Ref(repo, branch) => branch_field(repo, branch, name, arguments),
            Self::Commit(repo, sha) => commit(world, (repo, sha), name, arguments),
            Self::Issue(repo, issue) => issues::issue((world, repo), issue, name, arguments),
            Self::Label(repo, label) => issues::label(world, repo, label, name),
            Self::Comment(repo, issue, comment) => issues::comment((world, repo), issue, comment, name),
            Self::Pull(at) => pulls::pull(world, *at, name, arguments),
            Self::Review(at, review) => pulls::review((world, *at), review, name, arguments),
            Self::Thread(at, thread) => pulls::thread((world, *at), thread, name, arguments),
            Self::ReviewComment(at, thread, comment) => pulls::comment((world, *at), thread, comment, name),
            Self::PullCommit(at, sha) => pulls::commit(world, *at, sha, name),
            Self::QueueMoment(repo, moment) => pulls::queue_moment(repo, moment, name),
            Self::Rollup(repo, sha) => super::checks::rollup(repo, sha, name, arguments),
            Self::CheckRun(repo, run, job) => super::checks::run((world, repo), (run, job), name, arguments),
            Self::Report(repo, report) => super::checks::report((world, repo), report, name, arguments),
            Self::Status(repo, status) => super::checks::status((world, repo), status, name, arguments),
            Self::Suite(repo, run) => super::checks::suite(world, repo, run, name),
            Self::WorkflowRun(repo, run) => super::checks::workflow_run(world, repo, run, name),
            Self::Connection(connection) => connection.field(name),
            Self::Fixed(_, fields) => fields.get(name).cloned().map(Answer::Value),
            Self::Payload(_, field, node) if *field == name => Some(Answer::Node(node.as_ref().clone())),
            Self::Payload(..) if name == "clientMutationId" => Some(Answer::Value(Value::Null)),
            Self::Payload(..) => None,
        }
    }
}

/// The thing that a global id stands for.
pub(super) fn by_id<'w>(world: &'w World, id: &str) -> Option<Node<'w>> {
    world.repositories.values().find_map(|repo| {
        if from_node_id("R", id) == Some(repo.id) {
            return Some(Node::Repository(repo));
        }
        repo.issues.values().find_map(|issue| in_issue(repo, issue, id))
    })
}

fn in_issue<'w>(repo: &'w Repository, issue: &'w Issue, id: &str) -> Option<Node<'w>> {
    if objects::issue_node_id(issue) == id {
        return Some(issue.pull.as_ref().map_or(Node::Issue(repo, issue), |pull| Node::Pull((repo, issue, pull))));
    }
    let pull = issue.pull.as_ref()?;
    let thread = from_node_id("PRRT", id)?;
    pull.threads.iter().find(|one| one.id == thread).map(|thread| Node::Thread((repo, issue, pull), thread))
}

/// The account of this name.
pub(super) fn actor<'w>(world: &'w World, login: &str) -> Answer<'w> {
    Answer::maybe(world.users.get(login).map(Node::User))
}

fn query<'w>(world: &'w World, name: &str, arguments: &Arguments) -> Option<Answer<'w>> {
    let text = |name: &str| arguments.get(name).and_then(Value::as_str).unwrap_or_default();
    Some(match name {
        "viewer" => actor(world, &world.own_login),
        "user" => actor(world, text("login")),
        "node" => by_id(world, text("id")).map_or_else(
            || Answer::Missing(format!("Could not resolve to a node with the global id of '{}'", text("id"))),
            Answer::Node,
        ),
        "repository" => {
            let full = format!("{}/{}", text("owner"), text("name"));
            world.repository(&full).map_or_else(
                |_| Answer::Missing(format!("Could not resolve to a Repository with the name '{full}'.")),
                |found| Answer::Node(Node::Repository(found)),
            )
        }
        "rateLimit" => {
            let (remaining, resets_at) = world.rate(GRAPHQL);
            let used = RATE_LIMIT - remaining;
            Answer::Node(Node::Fixed(
                "RateLimit",
                json!({
                    "cost": 1, "limit": RATE_LIMIT, "nodeCount": 1, "remaining": remaining, "used": used,
                    "resetAt": time(resets_at),
                }),
            ))
        }
        _ => return None,
    })
}

fn account<'w>(world: &World, user: &User, name: &str) -> Option<Answer<'w>> {
    Some(Answer::Value(match name {
        "login" => json!(user.login),
        "id" => json!(objects::user_node_id(user)),
        "databaseId" => json!(user.id),
        "name" => Value::Null,
        "avatarUrl" => json!(format!("{}/avatars/u/{}?v=4", world.root, user.id)),
        "resourcePath" => json!(format!("/{}", user.login)),
        "url" => json!(format!("{}/{}", world.root, user.login)),
        _ => return None,
    }))
}

fn repository<'w>(world: &'w World, repo: &'w Repository, name: &str, arguments: &Arguments) -> Option<Answer<'w>> {
    let number = arguments.get("number").and_then(Value::as_u64).unwrap_or_default();
    Some(match name {
        "id" => Answer::Value(json!(node_id("R", repo.id))),
        "databaseId" => Answer::Value(json!(repo.id)),
        "name" => Answer::Value(json!(repo.name)),
        "nameWithOwner" => Answer::Value(json!(repo.full_name())),
        "url" => Answer::Value(json!(objects::html_url(world, repo))),
        "createdAt" => Answer::Value(json!(time(repo.created_at))),
        "updatedAt" => Answer::Value(json!(time(repo.pushed_at))),
        "isFork" => Answer::Value(json!(repo.parent.is_some())),
        "isArchived" | "isPrivate" => Answer::Value(json!(false)),
        "viewerPermission" => Answer::Value(json!(world.permission(repo, &world.own_login).to_ascii_uppercase())),
        "owner" => actor(world, &repo.owner),
        "defaultBranchRef" => Answer::maybe(branch(repo, &repo.default_branch)),
        "ref" => {
            let name = arguments.get("qualifiedName").and_then(Value::as_str).unwrap_or_default();
            Answer::maybe(branch(repo, name.strip_prefix("refs/heads/").unwrap_or(name)))
        }
        "issue" => match repo.issue(number) {
            Ok(issue) if issue.pull.is_none() => Answer::Node(Node::Issue(repo, issue)),
            _ => Answer::Missing(format!("Could not resolve to an Issue with the number of {number}.")),
        },
        "pullRequest" => match repo.pull(number) {
            Ok((issue, pull)) => Answer::Node(Node::Pull((repo, issue, pull))),
            Err(_) => Answer::Missing(format!("Could not resolve to a PullRequest with the number of {number}.")),
        },
        "issues" => issues::list(repo, arguments),
        "pullRequests" => pulls::list(repo, arguments),
        _ => return None,
    })
}

/// A branch, if there is one of this name.
pub(super) fn branch<'w>(repo: &'w Repository, name: &str) -> Option<Node<'w>> {
    repo.branches.get_key_value(name).map(|(name, _)| Node::Ref(repo, name))
}

fn branch_field<'w>(repo: &'w Repository, branch: &str, name: &str, arguments: &Arguments) -> Option<Answer<'w>> {
    let sha = repo.branches.get(branch)?;
    Some(match name {
        "id" => Answer::Value(json!(node_id("REF", fold(sha)))),
        "name" => Answer::Value(json!(branch)),
        "prefix" => Answer::Value(json!("refs/heads/")),
        // Those that come from this branch, not those that go into it.
        "associatedPullRequests" => {
            let mut arguments = arguments.clone();
            arguments.insert("headRefName".to_owned(), json!(branch));
            pulls::list(repo, &arguments)
        }
        "repository" => Answer::Node(Node::Repository(repo)),
        "target" => Answer::Node(Node::Commit(repo, sha)),
        _ => return None,
    })
}

fn commit<'w>(
    world: &World,
    (repo, sha): (&'w Repository, &'w str),
    name: &str,
    arguments: &Arguments,
) -> Option<Answer<'w>> {
    let known = repo.commits.get(sha);
    let message = known.map_or("", |commit| commit.message.as_str());
    let (head, rest) = message.split_once('\n').unwrap_or((message, ""));
    let date = known.map(|commit| commit.date.clone());
    let who = known.map_or(Answer::Value(Value::Null), |commit| {
        let fields = json!({ "name": commit.author_name, "email": commit.author_email, "date": commit.date });
        Answer::Node(Node::Fixed("GitActor", fields))
    });
    Some(match name {
        "id" => Answer::Value(json!(node_id("C", fold(sha)))),
        "oid" => Answer::Value(json!(sha)),
        "abbreviatedOid" => Answer::Value(json!(sha.get(..7))),
        "message" => Answer::Value(json!(message)),
        "messageHeadline" => Answer::Value(json!(head)),
        "messageBody" => Answer::Value(json!(rest.trim_start())),
        "authoredDate" | "committedDate" => Answer::Value(json!(date)),
        "author" | "committer" => who,
        "url" => Answer::Value(json!(format!("{}/commit/{sha}", objects::html_url(world, repo)))),
        "repository" => Answer::Node(Node::Repository(repo)),
        "statusCheckRollup" => Answer::maybe(rollup(repo, sha)),
        "parents" => {
            let parents = known.into_iter().flat_map(|commit| &commit.parents);
            window("CommitConnection", parents.map(|sha| Node::Commit(repo, sha)).collect(), arguments)
        }
        "signature" => Answer::maybe(
            repo.signed
                .contains(sha)
                .then(|| Node::Fixed("GpgSignature", json!({ "isValid": true, "wasSignedByGitHub": true }))),
        ),
        _ => return None,
    })
}

/// The summary of a commit's checks; none if nothing reported.
pub(super) fn rollup<'w>(repo: &'w Repository, sha: &'w str) -> Option<Node<'w>> {
    repo.rollup(sha).map(|_| Node::Rollup(repo, sha))
}

/// The app that runs workflows.
pub(super) fn app<'w>(world: &World) -> Node<'w> {
    Node::Fixed(
        "App",
        json!({
            "id": node_id("A", ACTIONS_APP),
            "databaseId": ACTIONS_APP,
            "slug": "github-actions",
            "name": "GitHub Actions",
            "url": format!("{}/apps/github-actions", world.root),
        }),
    )
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use graphql_parser::schema::{Definition, TypeDefinition, parse_schema};
    use jiff::Timestamp;

    use super::*;
    use crate::simulator::{
        happened::Verdict,
        people::LineComment,
        world::{Diff, OpenPull, RefChange, StatusReport},
    };

    const SHA: &str = "00000000000000000000000000000000000000aa";

    /// A world in which there is at least one thing of every type.
    fn full_world() -> World {
        let mut world = World::new("http://h".to_owned(), "robot", Timestamp::UNIX_EPOCH);
        world.create_repository("o/r").unwrap();
        let commits = vec![crate::simulator::world::Commit { sha: SHA.to_owned(), ..Default::default() }];
        let change = |branch: &str| RefChange {
            branch: branch.to_owned(),
            before: None,
            after: Some(SHA.to_owned()),
            forced: false,
            commits: commits.clone(),
        };
        world.refs_moved("o/r", "ada", vec![change("main"), change("work")]).unwrap();
        world.open_issue("o/r", "renovate[bot]", ("Issue", ""), &["agent".to_owned()]).unwrap();
        let (title, body) = ("Pull".to_owned(), "Closes #1".to_owned());
        let open = OpenPull { title, body, head: "work".to_owned(), base: "main".to_owned(), draft: false };
        let number = world.open_pull("o/r", "robot", open, Diff::default()).unwrap();
        world.comment("o/r", 1, "ada", "Hm.").unwrap();
        let line = LineComment { path: "a".to_owned(), line: 1, body: "Why?".to_owned() };
        world.review("o/r", number, ("ada", Verdict::Approve), ("Yes.", &[line])).unwrap();
        world.request_run("o/r", number, "robot").unwrap();
        world.enable_auto_merge("o/r", number, "ada").unwrap();
        for removal in [None, Some(("CI_FAILURE".to_owned(), SHA.to_owned())), None] {
            world.queue("o/r", (number, "ada"), removal).unwrap();
        }
        world.repository_mut("o/r").unwrap().signed.insert(SHA.to_owned());
        let status = Status {
            id: 0,
            sha: SHA.to_owned(),
            context: "lint".to_owned(),
            state: StatusReport::Success,
            description: None,
            target_url: None,
            creator: "ada".to_owned(),
            created_at: Timestamp::UNIX_EPOCH,
        };
        world.report_status("o/r", status).unwrap();
        world
    }

    /// Every object type of the schema with its fields.
    fn objects() -> Vec<(String, Vec<String>)> {
        let schema = parse_schema::<String>(include_str!("schema.graphql")).unwrap();
        let object = |definition: Definition<'_, String>| {
            let Definition::TypeDefinition(TypeDefinition::Object(one)) = definition else { return None };
            Some((one.name, one.fields.into_iter().map(|field| field.name).collect()))
        };
        schema.definitions.into_iter().filter_map(object).collect()
    }

    /// Follows every field from a thing and notes which ones are not answered.
    fn follow<'w>(world: &'w World, node: &Node<'w>, unanswered: &mut BTreeMap<&'static str, Vec<String>>) {
        if unanswered.contains_key(node.type_name()) {
            return;
        }
        let Value::Object(arguments) = json!({
            "owner": "o", "name": "r", "login": "ada", "number": 2, "first": 10, "qualifiedName": "main",
            "pullRequestNumber": 2, "id": node_id("R", world.repositories["o/r"].id),
        }) else {
            unreachable!("it is an object")
        };
        let objects = objects();
        let (_, fields) = objects.iter().find(|(name, _)| name == node.type_name()).unwrap();
        unanswered.insert(node.type_name(), Vec::new());
        for field in fields {
            let mut arguments = arguments.clone();
            if field == "issue" {
                arguments.insert("number".to_owned(), json!(1));
            }
            match node.field(world, field, &arguments) {
                Some(Answer::Value(_)) => {}
                Some(Answer::Node(next)) => follow(world, &next, unanswered),
                Some(Answer::List(all)) => all.iter().for_each(|next| follow(world, next, unanswered)),
                Some(Answer::Missing(_) | Answer::Refused(_)) | None => {
                    unanswered.get_mut(node.type_name()).unwrap().push(field.clone());
                }
            }
        }
    }

    #[test]
    fn no_field_of_the_schema_is_a_promise_only() {
        let world = full_world();
        let mut unanswered = BTreeMap::new();

        follow(&world, &Node::Query, &mut unanswered);

        let types: Vec<String> = objects()
            .into_iter()
            .map(|(name, _)| name)
            .filter(|name| name != "Mutation" && !name.ends_with("Payload"))
            .filter(|name| unanswered.get(name.as_str()).is_none_or(|fields| !fields.is_empty()))
            .collect();
        assert_eq!(types, Vec::<String>::new(), "{unanswered:?}");
    }
}
