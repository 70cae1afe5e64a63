//! What the API and the page are answered from: the states of the machines, read from the journal. Never written.

use tracing::warn;

use super::{Surroundings, limits};
use crate::{
    journal::{self, Entry, Journal, Stored},
    machine::State,
    model::{MachineKey, SessionId, TaskId, TextHash},
    view::{self, EntryView, Overview, Texts},
};

/// Every machine that can be read.
pub(super) async fn all(journal: &dyn Journal) -> Result<Vec<(MachineKey, State)>, journal::Error> {
    let stored = journal.machines(None).await?;
    Ok(stored.into_iter().filter_map(|(key, stored)| read(&key, &stored).map(|state| (key, state))).collect())
}

/// One machine, if it exists.
pub(super) async fn one(journal: &dyn Journal, key: &MachineKey) -> Result<Option<State>, journal::Error> {
    let stored = journal.load(key.clone()).await?;
    Ok(stored.and_then(|stored| read(key, &stored)))
}

/// One session, if it exists.
pub(super) async fn session(
    journal: &dyn Journal,
    name: &SessionId,
) -> Result<Option<crate::machine::session::State>, journal::Error> {
    let state = one(journal, &MachineKey::Session(name.clone())).await?;
    Ok(if let Some(State::Session(session)) = state { Some(*session) } else { None })
}

/// One task that got its slot, if it exists.
pub(super) async fn task(
    journal: &dyn Journal,
    name: &TaskId,
) -> Result<Option<crate::machine::task::State>, journal::Error> {
    let state = one(journal, &MachineKey::Task(name.clone())).await?;
    Ok(if let Some(State::Task(task)) = state { Some(*task) } else { None })
}

/// Everything at a glance, now.
pub(super) async fn overview(surroundings: &Surroundings) -> Result<Overview, journal::Error> {
    let states = all(&*surroundings.journal).await?;
    let texts = texts(&*surroundings.journal, view::wanted_texts(&states)).await?;
    let rules = surroundings.rules.borrow().clone();
    let mut overview = view::overview(&states, &rules, &texts, surroundings.clock.now());
    overview.limits = limits::in_force(surroundings.github.standings());
    let wanted = surroundings.config.borrow().limits.free_disk;
    overview.needs.extend(view::disk_need(surroundings.places.free_bytes(), wanted));
    overview.needs.sort();
    Ok(overview)
}

/// The newest entries of a machine in words, oldest first.
pub(super) async fn history(
    journal: &dyn Journal,
    machine: MachineKey,
    max: usize,
) -> Result<Vec<EntryView>, journal::Error> {
    Ok(journal.history(machine, max).await?.into_iter().map(in_words).collect())
}

/// An entry of the log in words.
pub(super) fn in_words(entry: Entry) -> EntryView {
    EntryView::new((entry.seq, entry.at), entry.machine, &entry.cause, &entry.event, &entry.effects)
}

async fn texts(journal: &dyn Journal, hashes: Vec<TextHash>) -> Result<Texts, journal::Error> {
    let mut texts = Texts::new();
    for hash in hashes {
        if !texts.contains_key(&hash)
            && let Some(words) = journal.text(hash.clone()).await?
        {
            texts.insert(hash, words);
        }
    }
    Ok(texts)
}

fn read(key: &MachineKey, stored: &Stored) -> Option<State> {
    match serde_json::from_str::<Option<State>>(&stored.state) {
        Ok(state) => state,
        Err(error) => {
            warn!(machine = %key, %error, "The state of {key} cannot be read");
            None
        }
    }
}
