//! What people see, folded from the states of the machines. Pure: the same states give the same view.
//!
//! These are the types of the HTTP API, the page and the CLI; `"schema": 1` stands for their shape. A status is
//! derived here, by exhaustive matches, and stored nowhere.

mod disk;
mod entry;
mod limit;
mod need;
mod pull;
mod repository;
mod request;
mod session;
mod status;
mod task;
pub mod usage;
mod wish;

use std::collections::BTreeMap;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::{
    machine::{Rulebook, State},
    model::{MachineKey, TextHash, Usage},
};

pub use disk::{disk_need, full_disk};
pub use entry::{EntryView, TaskLog};
pub use limit::LimitView;
pub use need::{Need, Severity};
pub use pull::{IncidentView, PullPhase, PullView};
pub use repository::{BrokenRule, RepositoryView};
pub use request::RequestView;
pub use session::{PromptView, SessionPhase, SessionView};
pub use status::status_lines;
pub use task::{TaskPhase, TaskView};
pub use wish::{Adopt, Finding, Granted, Link, Problem, Send, Spawn, Subject, Terminal};

/// The shape of these types. Raised when a field changes its meaning or goes.
pub const SCHEMA: u32 = 1;

/// Everything at a glance.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Overview {
    /// The shape of this object.
    pub schema: u32,
    /// When it was true.
    pub at: Timestamp,
    /// What needs a person, the most urgent first.
    pub needs: Vec<Need>,
    /// Tasks, the newest first.
    pub tasks: Vec<TaskView>,
    /// Pull requests, managed ones first.
    pub pulls: Vec<PullView>,
    /// Agents.
    pub sessions: Vec<SessionView>,
    /// Slots in use and in all.
    pub slots: Slots,
    /// Repositories.
    pub repositories: Vec<RepositoryView>,
    /// What holds requests to GitHub back.
    #[serde(default)]
    pub limits: Vec<LimitView>,
}

/// Slots for agents.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Slots {
    /// In use.
    pub used: u32,
    /// In all.
    pub all: u32,
    /// Tasks that wait for one.
    pub waiting: u32,
}

/// Texts by hash, as far as the journal still has them.
pub type Texts = BTreeMap<TextHash, String>;

/// Folds all states into what people see.
#[must_use]
pub fn overview(states: &[(MachineKey, State)], rules: &Rulebook, texts: &Texts, at: Timestamp) -> Overview {
    let mut view = Overview {
        schema: SCHEMA,
        at,
        needs: Vec::new(),
        tasks: Vec::new(),
        pulls: Vec::new(),
        sessions: Vec::new(),
        slots: Slots { all: rules.slots(), ..Slots::default() },
        repositories: Vec::new(),
        limits: Vec::new(),
    };
    for (_, state) in states {
        match state {
            State::Pull(state) => view.pulls.extend(PullView::of(state, rules, texts, at)),
            State::Task(state) => view.tasks.push(TaskView::of(state, rules, texts)),
            State::Session(state) => view.sessions.push(SessionView::of(state)),
            State::Backlog(state) => {
                let waiting = state.waiting.iter();
                view.tasks
                    .extend(waiting.map(|(task, wanted)| TaskView::waiting(task, wanted, state.repo, rules, texts)));
                view.repositories.push(RepositoryView::of(state, rules));
            }
            State::Fleet(state) => {
                view.slots.used = u32::try_from(state.running.len()).unwrap_or(u32::MAX);
                view.slots.waiting = u32::try_from(state.queue.len()).unwrap_or(u32::MAX);
            }
        }
    }
    view.spread_usage();
    view.pulls.sort_by(|a, b| (a.task.is_none(), &a.repo, b.number).cmp(&(b.task.is_none(), &b.repo, a.number)));
    view.tasks.sort_by(|a, b| b.since.cmp(&a.since).then_with(|| a.task.cmp(&b.task)));
    view.needs = need::needs(&view);
    view
}

impl Overview {
    /// What an agent used was used for its task and for its pull request.
    fn spread_usage(&mut self) {
        let used: BTreeMap<&str, &Usage> =
            self.sessions.iter().filter_map(|session| Some((session.task.as_str(), session.used.as_ref()?))).collect();
        for task in &mut self.tasks {
            task.used = used.get(task.task.as_str()).copied().cloned();
        }
        for pull in &mut self.pulls {
            pull.used = pull.task.as_deref().and_then(|task| used.get(task)).copied().cloned();
        }
    }
}

/// The texts that [`overview`] wants to show.
#[must_use]
pub fn wanted_texts(states: &[(MachineKey, State)]) -> Vec<TextHash> {
    states
        .iter()
        .flat_map(|(_, state)| match state {
            State::Pull(state) => vec![state.snapshot.as_ref().map(|snapshot| snapshot.title.hash.clone())],
            State::Task(state) => vec![task::title_hash(&state.work)],
            State::Backlog(state) => state.waiting.values().map(|wanted| task::title_hash(&wanted.work)).collect(),
            State::Session(_) | State::Fleet(_) => Vec::new(),
        })
        .flatten()
        .collect()
}
