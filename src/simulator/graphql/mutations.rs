//! Changes by GraphQL: what REST has no endpoint for, and comments.

use graphql_parser::query::{Field, FragmentDefinition, Selection, SelectionSet};
use serde_json::{Map, Value, json};

use super::{
    Problem,
    execute::{Execution, json_of},
    nodes::{self, Node},
};
use crate::simulator::{
    shared::Shared,
    world::{Refusal, World},
};

/// What a change left behind: the type of its payload, its field, and the id of what that holds.
struct Done {
    type_name: &'static str,
    field: &'static str,
    id: String,
}

/// Carries out the chosen mutations in order.
pub(super) fn run(
    shared: &Shared,
    selection: &SelectionSet<'static, String>,
    variables: &Map<String, Value>,
    fragments: &[&FragmentDefinition<'static, String>],
) -> (Value, Vec<Problem>) {
    let (mut data, mut problems) = (Map::new(), Vec::new());
    for item in &selection.items {
        let Selection::Field(field) = item else { continue };
        let key = field.alias.as_ref().unwrap_or(&field.name).clone();
        let input = field.arguments.first().map(|(_, value)| json_of(value, variables)).unwrap_or_default();
        match shared.change(|world| execute(world, field, &input)) {
            Ok(done) => {
                let (value, more) = shared.look(|world| {
                    let mut execution = Execution::new(world, variables, fragments);
                    let node = held(world, &done);
                    let value = node.map_or(Value::Null, |node| execution.select(&node, &field.selection_set));
                    (value, execution.problems)
                });
                data.insert(key, value);
                problems.extend(more);
            }
            Err(refusal) => {
                let kind = if refusal == Refusal::NotFound { "NOT_FOUND" } else { "UNPROCESSABLE" };
                problems.push(json!({ "type": kind, "path": [key], "message": refusal.to_string() }));
                data.insert(key, Value::Null);
            }
        }
    }
    (Value::Object(data), problems)
}

fn held<'w>(world: &'w World, done: &Done) -> Option<Node<'w>> {
    let found = nodes::by_id(world, &done.id)?;
    let held = match (done.field, found) {
        // The answer is the newest comment of its thread.
        ("comment", Node::Thread(at, thread)) => Node::ReviewComment(at, thread, thread.comments.last()?),
        (_, found) => found,
    };
    Some(Node::Payload(done.type_name, done.field, Box::new(held)))
}

/// Where a mutation acts: repository, number, and the number of the thread if it names one.
fn place(world: &World, id: &str) -> Result<(String, u64, u64), Refusal> {
    let found = nodes::by_id(world, id).ok_or(Refusal::NotFound)?;
    if let Node::Thread((repo, issue, _), thread) = found {
        return Ok((repo.full_name(), issue.number, thread.id));
    }
    if let Node::Pull((repo, issue, _)) | Node::Issue(repo, issue) = found {
        return Ok((repo.full_name(), issue.number, 0));
    }
    Err(Refusal::NotFound)
}

fn execute(world: &mut World, field: &Field<'static, String>, input: &Value) -> Result<Done, Refusal> {
    let text = |name: &str| input[name].as_str().unwrap_or_default().to_owned();
    let done = |type_name, field, id| Ok(Done { type_name, field, id });
    let actor = world.own_login.clone();
    match field.name.as_str() {
        "resolveReviewThread" | "unresolveReviewThread" => {
            let (repo, number, thread) = place(world, &text("threadId"))?;
            let resolved = field.name == "resolveReviewThread";
            world.resolve(&repo, number, thread, (&actor, resolved))?;
            let payload = if resolved { "ResolveReviewThreadPayload" } else { "UnresolveReviewThreadPayload" };
            done(payload, "thread", text("threadId"))
        }
        "addPullRequestReviewThreadReply" => {
            let id = text("pullRequestReviewThreadId");
            let (repo, number, thread) = place(world, &id)?;
            let (_, pull) = world.repository(&repo)?.pull(number)?;
            let first = pull.threads.iter().find(|one| one.id == thread).ok_or(Refusal::NotFound)?.comments[0].id;
            world.reply(&repo, number, first, (&actor, &text("body")))?;
            done("AddPullRequestReviewThreadReplyPayload", "comment", id)
        }
        "addComment" => {
            let (repo, number, _) = place(world, &text("subjectId"))?;
            world.comment(&repo, number, &actor, &text("body"))?;
            done("AddCommentPayload", "subject", text("subjectId"))
        }
        "convertPullRequestToDraft" | "markPullRequestReadyForReview" => {
            let (repo, number, _) = place(world, &text("pullRequestId"))?;
            let draft = field.name == "convertPullRequestToDraft";
            world.set_draft(&repo, number, &actor, draft)?;
            let payload =
                if draft { "ConvertPullRequestToDraftPayload" } else { "MarkPullRequestReadyForReviewPayload" };
            done(payload, "pullRequest", text("pullRequestId"))
        }
        _ => Err(Refusal::NotFound),
    }
}
