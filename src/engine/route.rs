//! From deliveries to inboxes: what a webhook hints at, and which machines that concerns.

use tracing::{debug, warn};

use crate::{
    event,
    github::webhook::{self, Hint},
    journal::{self, Delivery, Journal, Post},
    machine::Rulebook,
    model::{LookupKey, MachineKey, RepoId},
};

/// Routes up to `max` deliveries and says how many.
pub(super) async fn deliveries(journal: &dyn Journal, rules: &Rulebook, max: usize) -> Result<usize, journal::Error> {
    let deliveries = journal.unrouted(max).await?;
    let count = deliveries.len();
    for delivery in deliveries {
        route(journal, rules, delivery).await?;
    }
    Ok(count)
}

async fn route(journal: &dyn Journal, rules: &Rulebook, delivery: Delivery) -> Result<(), journal::Error> {
    let routed = match webhook::route(&delivery.event, &delivery.body) {
        Ok(routed) => routed,
        Err(unparsable) => {
            warn!(delivery.id = %delivery.id, delivery.event, why = %unparsable, "Could not understand a delivery");
            return journal.bury(delivery.id, unparsable.to_string()).await;
        }
    };
    let mut posts = Vec::new();
    for hint in routed.hints {
        for (to, event) in addressees(journal, rules, hint).await? {
            let cause = format!("delivery/{}/{}", delivery.id, posts.len());
            posts.push(Post { cause, to, event });
        }
    }
    debug!(delivery.id = %delivery.id, delivery.event, posts = posts.len(), "Routed a delivery");
    journal.route(delivery.id, posts).await
}

async fn addressees(
    journal: &dyn Journal,
    rules: &Rulebook,
    hint: Hint,
) -> Result<Vec<(MachineKey, event::Event)>, journal::Error> {
    let addressed = match hint {
        Hint::Pull { repo, number, urgent } if rules.knows(repo) => {
            let event = event::Pull::Hinted { repo, number, urgent };
            vec![(MachineKey::Pull { repo, number }, event.into())]
        }
        Hint::Head { repo, sha, urgent } if rules.knows(repo) => {
            moved(journal.find(LookupKey::Head(repo, sha)).await?, urgent)
        }
        Hint::Told { repo, number, head } if rules.knows(repo) => {
            vec![(MachineKey::Pull { repo, number }, event::Pull::HeadTold { repo, number, head }.into())]
        }
        Hint::Branch { repo, branch } if rules.knows(repo) => {
            let mut posts = moved(journal.find(LookupKey::HeadBranch(repo, branch.clone())).await?, false);
            let into = journal.find(LookupKey::BaseBranch(repo, branch)).await?;
            posts.extend(into.into_iter().map(|key| (key, event::Pull::BaseMoved.into())));
            posts
        }
        Hint::Rules { repo } if rules.knows(repo) => {
            let pulls = journal.find(LookupKey::Pulls(repo)).await?;
            pulls.into_iter().map(|key| (key, event::Pull::RulesChanged.into())).collect()
        }
        Hint::Issue { repo, .. } | Hint::Repository { repo } if rules.knows(repo) => backlog(repo),
        // Repositories that nobody configured, and events that say nothing to us.
        Hint::Pull { .. }
        | Hint::Told { .. }
        | Hint::Rules { .. }
        | Hint::Head { .. }
        | Hint::Branch { .. }
        | Hint::Issue { .. }
        | Hint::Repository { .. }
        | Hint::Installation { .. } => Vec::new(),
    };
    Ok(addressed)
}

fn backlog(repo: RepoId) -> Vec<(MachineKey, event::Event)> {
    vec![(MachineKey::Backlog(repo), event::Backlog::Hinted { repo }.into())]
}

/// What a moved branch or commit means to the machines that it was found by.
fn moved(keys: Vec<MachineKey>, urgent: bool) -> Vec<(MachineKey, event::Event)> {
    keys.into_iter()
        .filter_map(|key| match key {
            MachineKey::Pull { repo, number } => Some((key, event::Pull::Hinted { repo, number, urgent }.into())),
            MachineKey::Task(_) => Some((key, event::Task::BranchPushed.into())),
            MachineKey::Session(_) | MachineKey::Backlog(_) | MachineKey::Fleet => None,
        })
        .collect()
}
