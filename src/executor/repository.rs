//! What is known of the configured repositories.

use std::{collections::BTreeMap, path::PathBuf};

use serde::{Deserialize, Serialize};

use crate::{
    event::Parked,
    model::{Branch, Merge, RepoId, RepoName},
};

/// One configured repository, with what GitHub said of it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Repository {
    /// Its identity.
    pub id: RepoId,
    /// Its name now.
    pub name: RepoName,
    /// Its name in the settings, which may be an older one.
    pub configured: RepoName,
    /// Where git finds it, without credentials.
    pub clone_url: String,
    /// The branch that pull requests go into.
    pub base: Branch,
    /// The user's clone.
    pub path: PathBuf,
    /// Which issues may be worked on.
    pub labels: Vec<String>,
    /// How pull requests are merged.
    pub merge: Merge,
    /// Why nothing can be done in it, if nothing can.
    #[serde(default)]
    pub parked: Option<Parked>,
}

/// All configured repositories that GitHub was asked about.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Repositories(BTreeMap<RepoId, Repository>);

impl Repositories {
    /// These repositories.
    #[must_use]
    pub fn new(repositories: impl IntoIterator<Item = Repository>) -> Self {
        Self(repositories.into_iter().map(|repository| (repository.id, repository)).collect())
    }

    /// One of them.
    #[must_use]
    pub fn get(&self, id: RepoId) -> Option<&Repository> {
        self.0.get(&id)
    }

    /// One of them, by its name now or in the settings.
    #[must_use]
    pub fn named(&self, name: &RepoName) -> Option<&Repository> {
        self.0.values().find(|repository| repository.name == *name || repository.configured == *name)
    }

    /// All of them, by id.
    pub fn iter(&self) -> impl Iterator<Item = &Repository> {
        self.0.values()
    }
}
