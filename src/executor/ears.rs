//! When GitHub last delivered something, by repository. In memory: what came before this process says nothing about
//! whether deliveries arrive now.

use std::{collections::BTreeMap, sync::Mutex};

use jiff::Timestamp;

use crate::{event::Hearing, model::RepoId};

/// What was heard since the start.
#[derive(Debug)]
pub struct Ears {
    since: Timestamp,
    newest: Mutex<BTreeMap<RepoId, Timestamp>>,
}

impl Ears {
    /// Ears that are open since then.
    #[must_use]
    pub const fn new(since: Timestamp) -> Self {
        Self { since, newest: Mutex::new(BTreeMap::new()) }
    }

    /// Something was delivered about a repository.
    pub fn heard(&self, repo: RepoId, at: Timestamp) {
        self.newest.lock().expect("no holder of this lock panics").insert(repo, at);
    }

    /// What was heard of a repository.
    #[must_use]
    pub fn of(&self, repo: RepoId) -> Hearing {
        let newest = self.newest.lock().expect("no holder of this lock panics").get(&repo).copied();
        Hearing { since: self.since, newest }
    }
}
