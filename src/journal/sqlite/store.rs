//! The journal on SQLite: opening, closing, and who does what.

use std::{
    path::{Path, PathBuf},
    time::Duration,
};

use anyhow::anyhow;
use jiff::Timestamp;
use rusqlite::Connection;
use tokio::sync::watch;
use tracing::info;

use crate::{
    clock::Clock,
    event::Event,
    journal::{
        Answer, Claimed, Commit, Delivery, EffectId, Entry, Error, Fenced, Journal, Novelty, Post, Postponement,
        Retention, Stats, Step, Stored, Waiting,
        sqlite::{
            codec::Packed,
            connection, deliveries, inbox,
            lock::Lock,
            log, outbox,
            query::at_one_moment,
            readers::{Pace, Readers},
            schema, stats, steps, texts,
            writer::{Desk, Writer},
        },
    },
    model::{DeliveryId, Fence, LookupKey, MachineKey, MachineKind, Seq, TextHash},
};

/// The journal on SQLite, in one directory that belongs to one process. Every method is safe to call from many tasks.
///
/// The fields are in the order in which they have to end: the writer last, because it folds its log into the file.
#[derive(Debug)]
pub struct SqliteJournal {
    readers: Readers,
    /// `None`: opened for reading.
    writer: Option<Writer>,
    pub(super) retention: Retention,
    _lock: Option<Lock>,
}

impl SqliteJournal {
    /// Opens the journal in `dir`, which is made if it is not there, and brings it to the newest format.
    ///
    /// # Errors
    ///
    /// [`Error::Locked`] if another process has it open, [`Error::TooNew`] if a newer version wrote it,
    /// [`Error::NotWritable`] if the disk does not take it.
    pub fn open(dir: &Path, clock: Clock, retention: Retention) -> Result<Self, Error> {
        let unwritable = |error: std::io::Error| Error::NotWritable(error.into());
        connection::make_directory(dir).map_err(unwritable)?;
        let lock = Lock::take(dir)?;
        let mut writing = connection::writing(dir)?;
        schema::migrate(&mut writing, schema::MIGRATIONS)?;
        connection::sync_directory(dir).map_err(unwritable)?;
        let readers = readers(dir)?;
        let writer = Writer::start(writing, clock)?;
        let head = *writer.head().borrow();
        info!(journal.path = %dir.display(), journal.head = head.0, "Opened the journal at entry {head}");
        Ok(Self { readers, writer: Some(writer), retention, _lock: Some(lock) })
    }

    /// Opens the journal in `dir` for looking at it, also while a daemon writes it. Whatever would write answers
    /// [`Error::NotWritable`].
    ///
    /// # Errors
    ///
    /// [`Error::TooNew`] if a newer version wrote it; [`Error::NotWritable`] or [`Error::Other`] if there is none.
    pub fn open_read_only(dir: &Path) -> Result<Self, Error> {
        schema::check(&connection::reading(dir)?, schema::MIGRATIONS)?;
        Ok(Self { readers: readers(dir)?, writer: None, retention: Retention::default(), _lock: None })
    }

    /// Whether `dir` holds a journal of any format.
    #[must_use]
    pub fn is_in(dir: &Path) -> bool {
        dir.join(connection::FILE).is_file()
    }

    /// The process that has the journal in `dir` open for writing; 0 if it cannot be told which.
    ///
    /// # Errors
    ///
    /// [`Error::NotWritable`] if the directory does not take a lock.
    pub fn holder(dir: &Path) -> Result<Option<u32>, Error> {
        match Lock::take(dir) {
            Ok(_) => Ok(None),
            Err(Error::Locked { pid }) => Ok(Some(pid)),
            Err(error @ (Error::TooNew { .. } | Error::NotWritable(_) | Error::Other(_))) => Err(error),
        }
    }

    /// Takes no more work, carries out what waits, and returns when every thread has ended. Later calls fail.
    /// It blocks for as long as the last transaction takes. Dropping the journal does the same.
    pub fn close(&self) {
        self.readers.close();
        if let Some(writer) = &self.writer {
            writer.close();
        }
    }

    /// Carries out a write on the writer thread.
    pub(super) fn write<T: Send + 'static>(
        &self,
        work: impl FnOnce(&mut Desk<'_>) -> Result<T, Error> + Send + 'static,
    ) -> Answer<'_, T> {
        Box::pin(async move {
            let writer = self.writer.as_ref();
            writer.ok_or_else(|| Error::NotWritable(anyhow!("it was opened for reading")))?.submit(work).await
        })
    }

    /// Answers a question that an index answers.
    pub(super) fn read<T: Send + 'static>(
        &self,
        question: impl FnOnce(&Connection) -> Result<T, Error> + Send + 'static,
    ) -> Answer<'_, T> {
        Box::pin(self.readers.ask(Pace::Quick, question))
    }

    /// Answers a question that walks through tables, as of one moment.
    pub(super) fn walk<T: Send + 'static>(
        &self,
        question: impl FnOnce(&Connection) -> Result<T, Error> + Send + 'static,
    ) -> Answer<'_, T> {
        Box::pin(self.readers.ask(Pace::Slow, move |connection| at_one_moment(connection, question)))
    }
}

fn readers(dir: &Path) -> Result<Readers, Error> {
    let dir: PathBuf = dir.to_owned();
    Readers::start(move || connection::reading(&dir))
}

impl Journal for SqliteJournal {
    fn ingest(&self, mut delivery: Delivery) -> Answer<'_, Novelty> {
        // Packed by the caller's thread, so that many deliveries are packed in parallel.
        let body = Packed::new(&std::mem::take(&mut delivery.body));
        self.write(move |desk| deliveries::ingest(desk, &delivery, &body))
    }

    fn unrouted(&self, max: usize) -> Answer<'_, Vec<Delivery>> {
        self.read(move |connection| deliveries::unrouted(connection, max))
    }

    fn route(&self, id: DeliveryId, posts: Vec<Post>) -> Answer<'_, ()> {
        self.write(move |desk| deliveries::route(desk, &id, &posts))
    }

    fn bury(&self, id: DeliveryId, why: String) -> Answer<'_, ()> {
        self.write(move |desk| deliveries::bury(desk, &id, &why))
    }

    fn post(&self, posts: Vec<Post>) -> Answer<'_, Vec<Novelty>> {
        self.write(move |desk| inbox::post(desk, &posts))
    }

    fn waiting(&self, max: usize) -> Answer<'_, Vec<Waiting>> {
        self.read(move |connection| inbox::waiting(connection, max))
    }

    fn load(&self, machine: MachineKey) -> Answer<'_, Option<Stored>> {
        self.read(move |connection| steps::load(connection, &machine))
    }

    fn machines(&self, kind: Option<MachineKind>) -> Answer<'_, Vec<(MachineKey, Stored)>> {
        self.read(move |connection| steps::machines(connection, kind))
    }

    fn commit(&self, step: Step) -> Answer<'_, Commit> {
        self.write(move |desk| steps::commit(desk, &step))
    }

    fn due(&self, now: Timestamp, max: usize) -> Answer<'_, Vec<(MachineKey, Timestamp)>> {
        self.read(move |connection| steps::due(connection, now, max))
    }

    fn next_deadline(&self, after: Timestamp) -> Answer<'_, Option<Timestamp>> {
        self.read(move |connection| steps::next_deadline(connection, after))
    }

    fn claim(&self, now: Timestamp, max: usize, lease: Duration) -> Answer<'_, Vec<Claimed>> {
        self.write(move |desk| outbox::claim(desk, now, max, lease))
    }

    fn progress(&self, effect: EffectId, fence: Fence, note: String, event: Option<Event>) -> Answer<'_, Fenced> {
        self.write(move |desk| outbox::progress(desk, &effect, fence, &note, event.as_ref()))
    }

    fn resolve(&self, effect: EffectId, fence: Fence, outcome: Option<Event>) -> Answer<'_, Fenced> {
        self.write(move |desk| outbox::resolve(desk, &effect, fence, outcome.as_ref()))
    }

    fn postpone(&self, effect: EffectId, fence: Fence, how: Postponement) -> Answer<'_, Fenced> {
        self.write(move |desk| outbox::postpone(desk, &effect, fence, &how))
    }

    fn reclaim(&self) -> Answer<'_, usize> {
        self.write(outbox::reclaim)
    }

    fn find(&self, key: LookupKey) -> Answer<'_, Vec<MachineKey>> {
        self.read(move |connection| steps::find(connection, &key))
    }

    fn tail(&self, after: Seq, max: usize) -> Answer<'_, Vec<Entry>> {
        self.read(move |connection| log::tail(connection, after, max))
    }

    fn history(&self, machine: MachineKey, max: usize) -> Answer<'_, Vec<Entry>> {
        self.read(move |connection| log::history(connection, &machine, max))
    }

    fn keep_texts(&self, texts: Vec<String>) -> Answer<'_, Vec<TextHash>> {
        let packed: Vec<_> =
            texts.into_iter().map(|text| (TextHash::of(&text), Packed::new(text.as_bytes()))).collect();
        self.write(move |desk| {
            for (hash, text) in &packed {
                texts::keep(desk, hash, text)?;
            }
            Ok(packed.into_iter().map(|(hash, _)| hash).collect())
        })
    }

    fn text(&self, hash: TextHash) -> Answer<'_, Option<String>> {
        self.read(move |connection| texts::text(connection, &hash))
    }

    fn stats(&self) -> Answer<'_, Stats> {
        self.read(|connection| at_one_moment(connection, stats::count))
    }

    fn head(&self) -> watch::Receiver<Seq> {
        // Without a writer nothing is ever signalled: the sender is gone, and the receiver says so.
        self.writer.as_ref().map_or_else(|| watch::channel(Seq(0)).1, Writer::head)
    }

    fn news(&self) -> watch::Receiver<u64> {
        self.writer.as_ref().map_or_else(|| watch::channel(0).1, Writer::news)
    }
}
