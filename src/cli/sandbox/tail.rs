//! Reads what a daemon writes down, as it grows. The journal is opened for reading, also while no daemon runs.

use std::path::PathBuf;

use crate::{
    journal::{Entry, Journal as _, SqliteJournal},
    machine::State,
    model::{MachineKey, Seq, TextHash},
};

/// Entries that are read at once.
const ENTRIES_MAX: usize = 256;

/// A reader of a journal.
pub(in crate::cli) struct Tail {
    dir: PathBuf,
    journal: Option<SqliteJournal>,
    after: Seq,
}

impl Tail {
    /// A reader of the journal in this state directory, which need not be there yet.
    pub(in crate::cli) const fn new(dir: PathBuf) -> Self {
        Self { dir, journal: None, after: Seq(0) }
    }

    /// What is new, oldest first.
    pub(in crate::cli) async fn news(&mut self) -> Vec<Entry> {
        if self.journal.is_none() {
            // Not there yet, or being made: the next time will do.
            self.journal = SqliteJournal::open_read_only(&self.dir).ok();
        }
        let Some(journal) = &self.journal else { return Vec::new() };
        let Ok(entries) = journal.tail(self.after, ENTRIES_MAX).await else {
            self.journal = None;
            return Vec::new();
        };
        if let Some(last) = entries.last() {
            self.after = last.seq;
        }
        entries
    }

    /// How a machine is now.
    pub(in crate::cli) async fn state(&self, machine: &MachineKey) -> Option<State> {
        let stored = self.journal.as_ref()?.load(machine.clone()).await.ok()??;
        serde_json::from_str(&stored.state).ok()
    }

    /// A kept text; none if it is no longer there.
    pub(in crate::cli) async fn text(&self, hash: &TextHash) -> Option<String> {
        self.journal.as_ref()?.text(hash.clone()).await.ok().flatten()
    }
}
