//! Everything the simulated GitHub knows, and how each act changes it.
//!
//! Pure: a [`World`] reads no clock, file or socket. The shell beside it (`server`) locks it, sets `now`, calls one
//! method, and passes on the news. What git alone can say (commits, conflicts) is handed in as a value.

mod account;
mod checks;
mod forks;
mod issues;
mod merging;
mod pulls;
mod quota;
mod refs;
mod refusal;
mod reports;
mod repository;
mod reviews;

use std::collections::BTreeMap;

use jiff::Timestamp;
use serde_json::{Map, Value, json};

pub(crate) use account::{Kind, User};
pub(crate) use checks::{Job, JobState, Run, Started, Status, StatusReport};
pub(crate) use forks::Fork;
pub(crate) use issues::{Comment, Issue, IssueEdit};
pub(crate) use pulls::{Diff, MergeState, Mergeability, Merged, OpenPull, Pull, PullEdit, QueueMoment};
pub(crate) use quota::{CORE, GRAPHQL, Quotas, RATE_LIMIT};
pub(crate) use refs::{BranchMove, Moved, NO_COMMIT, RefChange};
pub use refusal::Refusal;
pub(crate) use reports::{Report, Words};
pub use repository::RequiredChecks;
pub(crate) use repository::{Commit, Repository};
pub(crate) use reviews::{Review, ReviewComment, Thread};

use super::{
    apps::App,
    happened::{Happened, Write},
    json::objects,
    mail::Mailbox,
};

/// The whole simulated GitHub.
#[derive(Debug)]
pub(crate) struct World {
    /// Where the API is served, without a slash at the end.
    pub(crate) root: String,
    /// The time of the current change.
    pub(crate) now: Timestamp,
    /// The account behind the token.
    pub(crate) own_login: String,
    /// Accounts by login.
    pub(crate) users: BTreeMap<String, User>,
    /// Repositories by full name.
    pub(crate) repositories: BTreeMap<String, Repository>,
    /// What happened in the current change, oldest first.
    pub(crate) news: Vec<Happened>,
    /// Webhooks and their deliveries.
    pub(crate) mail: Mailbox,
    /// What the client changed, oldest first.
    pub(crate) writes: Vec<Write>,
    /// Requests per endpoint.
    pub(crate) requests: BTreeMap<String, u64>,
    /// Work of the simulator itself that has begun and not ended.
    pub(crate) busy: u32,
    /// The App that a manifest made, or will make.
    pub(crate) app: Option<App>,
    /// What was spent of the hourly budgets.
    pub(crate) quotas: Quotas,
    ids: u64,
    /// How many repositories there have ever been.
    made: u64,
}

impl World {
    /// An empty GitHub with one account.
    pub(crate) fn new(root: String, own_login: &str, now: Timestamp) -> Self {
        let mut world = Self {
            root,
            now,
            own_login: own_login.to_owned(),
            users: BTreeMap::new(),
            repositories: BTreeMap::new(),
            news: Vec::new(),
            mail: Mailbox::default(),
            writes: Vec::new(),
            requests: BTreeMap::new(),
            busy: 0,
            app: None,
            quotas: Quotas::new(),
            // Real ids no longer fit into 32 bits; a client that thinks otherwise must fail here.
            ids: 5_000_000_000,
            made: 0,
        };
        world.user(own_login);
        world
    }

    /// A number that nothing else has.
    pub(crate) fn next_id(&mut self) -> u64 {
        self.ids += 7;
        self.ids
    }

    /// The repository of this full name; GitHub does not mind the case.
    pub(crate) fn repository(&self, name: &str) -> Result<&Repository, Refusal> {
        self.repositories
            .get(name)
            .or_else(|| self.repositories.values().find(|repo| repo.full_name().eq_ignore_ascii_case(name)))
            .ok_or(Refusal::NotFound)
    }

    /// The same, to change it. The name must be spelled as stored.
    pub(crate) fn repository_mut(&mut self, name: &str) -> Result<&mut Repository, Refusal> {
        self.repositories.get_mut(name).ok_or(Refusal::NotFound)
    }

    /// Records a fact for those who watch the simulator.
    pub(crate) fn happened(&mut self, fact: Happened) {
        self.news.push(fact);
    }

    /// Puts one webhook into the mail. `about` are the fields beside `action`, `repository` and `sender`.
    pub(crate) fn announce(&mut self, repo: &str, sender: &str, (event, action): (&str, Option<&str>), about: Value) {
        let sender = self.user(sender);
        let Ok(repository) = self.repository(repo) else { return };
        if repository.parent.is_some() {
            return;
        }
        let mut payload = Map::new();
        if let Some(action) = action {
            payload.insert("action".to_owned(), json!(action));
        }
        if let Value::Object(about) = about {
            payload.extend(about);
        }
        payload.insert("repository".to_owned(), objects::repository(self, repository));
        if let Some(owner) = self.users.get(&repository.owner).filter(|owner| owner.kind == Kind::Organization) {
            payload.insert("organization".to_owned(), objects::organization(self, owner));
        }
        payload.insert("sender".to_owned(), objects::user(self, &sender));
        let repository_id = repository.id;
        let id = self.next_id();
        self.mail.at(self.now);
        self.mail.post(id, repository_id, (event, action), Value::Object(payload).to_string());
    }
}
