//! Everything that the board shows, read at one moment.

use std::collections::BTreeMap;

use jiff::Timestamp;

use crate::{
    http::{Surroundings, states},
    journal,
    machine::{Rulebook, State},
    model::{MachineKey, RepoId},
    view::{EntryView, Overview},
};

/// How many entries are looked through for one that is worth showing.
const LOOKED_BACK: usize = 60;

/// What the board shows.
pub(in crate::http) struct Glance {
    /// The overview.
    pub(in crate::http) overview: Overview,
    /// Why the newest settings are not in force, if they are not.
    pub(in crate::http) refused: Option<String>,
    /// The last thing worth showing about a task, session or pull request under way, by `subject`.
    pub(in crate::http) last: BTreeMap<String, EntryView>,
    /// What is due next on them, and when.
    pub(in crate::http) next: BTreeMap<String, (Timestamp, &'static str)>,
}

impl Glance {
    /// Reads it.
    pub(super) async fn take(surroundings: &Surroundings) -> Result<Self, journal::Error> {
        let journal = &*surroundings.journal;
        let (mut last, mut next) = (BTreeMap::new(), BTreeMap::new());
        let (rules, now) = (surroundings.rules.borrow().clone(), surroundings.clock.now());
        for (key, state) in states::all(journal).await? {
            let Some(subject) = subject(&state, &rules) else { continue };
            let deadline = rules.of_repo(repo(&state)).and_then(|rules| state.next_deadline(&rules, now));
            if let Some((at, words)) = deadline.and_then(|(at, why)| Some((at, worth_saying(why)?))) {
                next.insert(subject.clone(), (at, words));
            }
            if let Some(entry) = newest(surroundings, key).await? {
                last.insert(subject, entry);
            }
        }
        let refused = surroundings.refused.borrow().clone();
        Ok(Self { overview: states::overview(surroundings).await?, refused, last, next })
    }

    /// How many things need somebody, in one sentence.
    pub(super) fn summary(&self) -> String {
        match self.overview.needs.len() + usize::from(self.refused.is_some()) {
            0 => "Nothing needs you".to_owned(),
            1 => "1 thing needs you".to_owned(),
            n => format!("{n} things need you"),
        }
    }
}

async fn newest(surroundings: &Surroundings, key: MachineKey) -> Result<Option<EntryView>, journal::Error> {
    let entries = states::history(&*surroundings.journal, key, LOOKED_BACK).await?;
    Ok(entries.into_iter().rev().find(|entry| !entry.is_routine()))
}

/// What something under way is called in the overview; `None` for what is over or has no row.
fn subject(state: &State, rules: &Rulebook) -> Option<String> {
    match state {
        State::Pull(pull) if !pull.over => Some(format!("{}#{}", rules.name(pull.repo), pull.number)),
        State::Task(task) if !task.is_over() => Some(format!("task {}", task.task)),
        State::Session(session) => Some(format!("session {}", session.session)),
        State::Pull(_) | State::Task(_) | State::Backlog(_) | State::Fleet(_) => None,
    }
}

const fn repo(state: &State) -> RepoId {
    match state {
        State::Pull(pull) => pull.repo,
        State::Task(task) => task.repo,
        State::Session(session) => session.repo,
        State::Backlog(backlog) => backlog.repo,
        State::Fleet(_) => RepoId(0),
    }
}

/// What a deadline means to people; the machine's own housekeeping means nothing to them.
fn worth_saying(why: &str) -> Option<&'static str> {
    match why {
        "settled green" => Some("counts as green"),
        "settled" | "settled red" => Some("is answered"),
        "next attempt" => Some("next attempt"),
        "next try" => Some("next try"),
        "escalation" => Some("people are asked"),
        "look" => Some("GitHub is asked again"),
        _ => None,
    }
}
