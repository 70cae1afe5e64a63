//! What GitHub says of the configured repositories, remembered for starts while it is down.

use std::collections::BTreeMap;

use tracing::warn;

use crate::{
    config::{self, Config},
    event::Parked,
    executor::{Repositories, Repository},
    github,
    model::RepoName,
    places::Places,
};

/// Asks GitHub about every configured repository; what it does not answer is taken from what it said last.
/// The names of those of which nothing is known are returned beside, with the reason.
pub(super) async fn resolve(
    config: &Config,
    github: &github::Client,
    places: &Places,
) -> (Repositories, BTreeMap<RepoName, String>) {
    let remembered = remembered(places);
    let mut unknown = BTreeMap::new();
    let mut known = Vec::new();
    for settings in &config.repositories {
        match github.repository(&settings.name).await {
            Ok(said) => known.push(described(settings, &said)),
            Err(error) => {
                let why = error.to_string();
                warn!(repo.name = %settings.name, why, "GitHub did not say anything about {}: {why}", settings.name);
                match remembered.named(&settings.name) {
                    Some(earlier) => {
                        let mut earlier = configured(settings, earlier.clone());
                        // Anything else says nothing about the repository: it is as it was.
                        if matches!(error, github::Error::NotFound) {
                            earlier.parked = Some(Parked::OutOfReach);
                        }
                        known.push(earlier);
                    }
                    None => drop(unknown.insert(settings.name.clone(), why)),
                }
            }
        }
    }
    let known = Repositories::new(known);
    if unknown.is_empty() {
        remember(places, &known);
    }
    (known, unknown)
}

/// What GitHub said when it was last asked, for the moments before it is asked again.
pub(super) fn known_before(config: &Config, places: &Places) -> Repositories {
    let remembered = remembered(places);
    let settings = config.repositories.iter();
    Repositories::new(settings.filter_map(|it| Some(configured(it, remembered.named(&it.name)?.clone()))))
}

fn described(settings: &config::Repository, said: &github::Repository) -> Repository {
    let repository = Repository {
        id: said.id,
        name: said.name.clone(),
        configured: settings.name.clone(),
        clone_url: said.clone_url.clone(),
        base: said.default_branch.clone(),
        path: settings.path.clone(),
        labels: Vec::new(),
        merge: settings.merge,
        parked: said.archived.then_some(Parked::Archived),
    };
    configured(settings, repository)
}

fn configured(settings: &config::Repository, mut repository: Repository) -> Repository {
    repository.configured = settings.name.clone();
    repository.path.clone_from(&settings.path);
    repository.labels.clone_from(&settings.issues.labels);
    repository.merge = settings.merge;
    if let Some(base) = &settings.base {
        repository.base.clone_from(base);
    }
    repository
}

fn remembered(places: &Places) -> Repositories {
    std::fs::read(places.repositories()).ok().and_then(|bytes| serde_json::from_slice(&bytes).ok()).unwrap_or_default()
}

fn remember(places: &Places, known: &Repositories) {
    let Ok(json) = serde_json::to_vec_pretty(known) else { return };
    if let Err(error) = Places::write_private(&places.repositories(), &json) {
        warn!(%error, "Could not remember what GitHub said of the repositories");
    }
}
