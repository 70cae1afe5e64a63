//! The GraphQL API: a query is checked against a cut of GitHub's own schema, then resolved over the world.
//!
//! A field that GitHub does not have is an error here too, so that a typo in a query cannot hide behind a `null`.

mod checks;
mod connection;
mod cost;
mod execute;
mod issues;
mod mutations;
mod nodes;
mod pulls;
mod schema;
mod validate;

use graphql_parser::query::{Definition, Document, FragmentDefinition, OperationDefinition, parse_query};
use serde_json::{Map, Value, json};

use self::{execute::Execution, nodes::Node};
use super::{adversary::GivenUp, call::Reply, happened::Write, shared::Shared};

/// An entry of `errors[]`.
type Problem = Value;

/// Why a query was not run.
enum Refused {
    /// It is wrong.
    Wrong(Vec<Problem>),
    /// It asks for more than GitHub manages.
    TooMuch(GivenUp),
}

impl From<Vec<Problem>> for Refused {
    fn from(problems: Vec<Problem>) -> Self {
        Self::Wrong(problems)
    }
}

/// Answers one query or mutation. Errors come with status 200, as GitHub's do.
pub(super) fn answer(shared: &Shared, body: &Value) -> Reply {
    let Some(text) = body["query"].as_str() else {
        return Reply::refusal(400, "A query attribute must be specified and must be a string.");
    };
    let variables = body["variables"].as_object().cloned().unwrap_or_default();
    match run(shared, text, &variables, body["operationName"].as_str()) {
        Ok((data, problems)) if problems.is_empty() => Reply::ok(json!({ "data": data })),
        Ok((data, problems)) => Reply::ok(json!({ "data": data, "errors": problems })),
        Err(Refused::Wrong(problems)) => Reply::ok(json!({ "errors": problems })),
        Err(Refused::TooMuch(how)) => given_up(how),
    }
}

fn given_up(how: GivenUp) -> Reply {
    match how {
        GivenUp::BadGateway => Reply::refusal(502, "Server Error"),
        GivenUp::TimedOut => Reply::ok(json!({ "data": null, "errors": [{
            "message": "Something went wrong while executing your query. This may be the result of a timeout, or it \
                could be a GitHub bug. Please include `0A:1B` when reporting this issue.",
        }] })),
        GivenUp::OutOfResources => Reply::ok(json!({ "data": { "repository": null }, "errors": [{
            "type": "RESOURCE_LIMITS_EXCEEDED",
            "message": "Resource limits for this query exceeded.",
        }] })),
    }
}

fn run(
    shared: &Shared,
    text: &str,
    variables: &Map<String, Value>,
    operation_name: Option<&str>,
) -> Result<(Value, Vec<Problem>), Refused> {
    let document = parse_query::<String>(text)
        .map_err(|error| vec![json!({ "message": format!("Parse error on query: {error}") })])?
        .into_static();
    validate::check(&document)?;
    let operation = operation(&document, operation_name)?;
    let variables = validate::variables(&document, operation, variables)?;
    let fragments = fragments(&document);
    if let OperationDefinition::Query(query) = operation {
        let entries = cost::Given { variables: &variables, fragments: &fragments }.entries(&query.selection_set);
        shared.faults().bear(entries).map_err(Refused::TooMuch)?;
    }
    match operation {
        OperationDefinition::Query(query) => Ok(shared.look(|world| {
            let mut execution = Execution::new(world, &variables, &fragments);
            let data = execution.select(&Node::Query, &query.selection_set);
            (data, execution.problems)
        })),
        OperationDefinition::SelectionSet(selection) => Ok(shared.look(|world| {
            let mut execution = Execution::new(world, &variables, &fragments);
            let data = execution.select(&Node::Query, selection);
            (data, execution.problems)
        })),
        OperationDefinition::Mutation(mutation) => {
            let run = mutations::run(shared, &mutation.selection_set, &variables, &fragments);
            if run.1.is_empty() {
                shared.change(|world| {
                    let (method, path, actor) = ("MUTATION".to_owned(), "/graphql".to_owned(), world.own_login.clone());
                    let body = json!({ "query": text, "variables": variables });
                    world.writes.push(Write { method, path, actor, body });
                });
            }
            Ok(run)
        }
        OperationDefinition::Subscription(_) => {
            Err(vec![json!({ "message": "Subscriptions are not supported" })].into())
        }
    }
}

/// The operation to run.
fn operation<'a>(
    document: &'a Document<'static, String>,
    name: Option<&str>,
) -> Result<&'a OperationDefinition<'static, String>, Vec<Problem>> {
    let mut operations = document.definitions.iter().filter_map(|definition| match definition {
        Definition::Operation(operation) => Some(operation),
        Definition::Fragment(_) => None,
    });
    let found = match name {
        Some(name) => operations.find(|operation| operation_name(operation) == Some(name)),
        None => operations.next(),
    };
    found.ok_or_else(|| vec![json!({ "message": "No operation named like this" })])
}

/// The name of an operation.
fn operation_name<'a>(operation: &'a OperationDefinition<'static, String>) -> Option<&'a str> {
    match operation {
        OperationDefinition::Query(query) => query.name.as_deref(),
        OperationDefinition::Mutation(mutation) => mutation.name.as_deref(),
        OperationDefinition::Subscription(subscription) => subscription.name.as_deref(),
        OperationDefinition::SelectionSet(_) => None,
    }
}

/// The fragments of a document.
fn fragments<'a>(document: &'a Document<'static, String>) -> Vec<&'a FragmentDefinition<'static, String>> {
    document
        .definitions
        .iter()
        .filter_map(|definition| match definition {
            Definition::Fragment(fragment) => Some(fragment),
            Definition::Operation(_) => None,
        })
        .collect()
}
