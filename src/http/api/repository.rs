//! Which repository and which agent a wish means.

use std::sync::Arc;

use super::refusal::Refusal;
use crate::{
    executor::Repository,
    http::Surroundings,
    machine::Rules,
    model::{AgentName, RepoName},
};

/// The repository of this name, or the only one; with its rules.
pub(super) fn of(surroundings: &Surroundings, name: Option<&RepoName>) -> Result<(Repository, Arc<Rules>), Refusal> {
    let known = surroundings.repositories.borrow().clone();
    let configured: Vec<_> =
        surroundings.config.borrow().repositories.iter().map(|repository| repository.name.clone()).collect();
    let names = configured.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ");
    let wanted = match (name, configured.as_slice()) {
        (Some(name), _) => name,
        (None, [only]) => only,
        (None, []) => return Err(Refusal::conflict("no repository is configured")),
        (None, _) => {
            return Err(Refusal::unprocessable("there are several repositories").hint(format!("name one of {names}")));
        }
    };
    let Some(repository) = known.named(wanted).cloned() else {
        return Err(if configured.contains(wanted) {
            Refusal::unavailable(format!("GitHub has not said anything about {wanted} yet"))
                .hint("see `antiphon doctor`")
        } else {
            Refusal::not_found(format!("{wanted} is not in the settings")).hint(format!("name one of {names}"))
        });
    };
    let Some(rules) = surroundings.rules.borrow().of_repo(repository.id) else {
        return Err(Refusal::unavailable(format!("the rules of {wanted} are not in force yet")));
    };
    Ok((repository, rules))
}

/// An agent that the settings know.
pub(super) fn check_agent(rules: &Rules, agent: Option<&AgentName>) -> Result<(), Refusal> {
    match agent {
        Some(name) if !rules.agents.contains_key(name) => {
            let names = rules.agents.keys().map(ToString::to_string).collect::<Vec<_>>().join(", ");
            Err(Refusal::unprocessable(format!("there is no agent named {name}"))
                .hint(format!("name one of {names}, or describe it under `agents`")))
        }
        Some(_) | None => Ok(()),
    }
}
