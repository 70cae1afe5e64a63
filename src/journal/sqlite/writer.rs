//! The one thread that writes, and its group commit: whoever waits at the same time shares one fsync.

use std::{
    panic::{AssertUnwindSafe, catch_unwind},
    sync::Mutex,
    thread::JoinHandle,
};

use anyhow::anyhow;
use jiff::Timestamp;
use rusqlite::Connection;
use tokio::sync::{mpsc, oneshot, watch};
use tracing::{debug, error, warn};

use crate::{
    boundary::cross,
    clock::Clock,
    journal::{
        Error,
        sqlite::query::{execute, number},
    },
    model::Seq,
};

/// Jobs that may wait before a caller has to.
const QUEUE: usize = 1024;
/// Jobs in one transaction: 64 waiting callers fit, and no answer waits for more than this many others.
const GROUP: usize = 256;

/// What a job sees: the connection inside the job's savepoint, and what to signal when all is durable.
pub(super) struct Desk<'a> {
    /// The connection, inside a transaction.
    pub(super) connection: &'a Connection,
    /// When the transaction began.
    pub(super) now: Timestamp,
    signals: Signals,
}

#[derive(Debug, Clone, Copy, Default)]
struct Signals {
    head: Option<Seq>,
    news: bool,
}

impl Desk<'_> {
    /// There may be something to route, to handle or to claim.
    pub(super) const fn has_news(&mut self) {
        self.signals.news = true;
    }

    /// The log has a new newest entry.
    pub(super) const fn has_head(&mut self, head: Seq) {
        self.signals.head = Some(head);
    }
}

/// The handle of the thread. Dropping it lets the thread carry out what waits, ends it and waits for it.
#[derive(Debug)]
pub(super) struct Writer {
    queue: Mutex<Option<mpsc::Sender<Box<dyn Job>>>>,
    thread: Mutex<Option<JoinHandle<()>>>,
    head: watch::Receiver<Seq>,
    news: watch::Receiver<u64>,
}

impl Writer {
    /// Starts the thread on its connection.
    pub(super) fn start(connection: Connection, clock: Clock) -> Result<Self, Error> {
        let newest = number(&connection, "SELECT max(seq) FROM log", [])?;
        let (head_out, head) = watch::channel(Seq(newest.cast_unsigned()));
        let (news_out, news) = watch::channel(0);
        let (queue, jobs) = mpsc::channel(QUEUE);
        let desk = Thread { connection, clock, head: head_out, news: news_out };
        let thread = std::thread::Builder::new()
            .name("journal-writer".to_owned())
            .spawn(move || desk.run(jobs))
            .map_err(|error| Error::Other(error.into()))?;
        Ok(Self { queue: Mutex::new(Some(queue)), thread: Mutex::new(Some(thread)), head, news })
    }

    /// Carries out a job; the answer comes after it is durable.
    pub(super) async fn submit<T, W>(&self, work: W) -> Result<T, Error>
    where
        T: Send + 'static,
        W: FnOnce(&mut Desk<'_>) -> Result<T, Error> + Send + 'static,
    {
        let queue = self.queue.lock().expect("no holder of this lock panics").clone();
        let (answer, answered) = oneshot::channel();
        let job = Box::new(Task { work: Some(work), result: None, answer });
        let queue = queue.ok_or_else(closed)?;
        queue.send(job).await.map_err(|_| closed())?;
        drop(queue);
        answered.await.map_err(|_| closed())?
    }

    /// The newest entry's position; what is there now counts as seen.
    pub(super) fn head(&self) -> watch::Receiver<Seq> {
        seen(&self.head)
    }

    /// Changes with everything that somebody may wait for; what is there now counts as seen.
    pub(super) fn news(&self) -> watch::Receiver<u64> {
        seen(&self.news)
    }

    /// Takes no more jobs, carries out those that wait, and returns when the thread has ended.
    pub(super) fn close(&self) {
        drop(self.queue.lock().expect("no holder of this lock panics").take());
        let thread = self.thread.lock().expect("no holder of this lock panics").take();
        if thread.is_some_and(|thread| thread.join().is_err()) {
            error!("The journal's writer thread panicked");
        }
    }
}

impl Drop for Writer {
    fn drop(&mut self) {
        self.close();
    }
}

fn seen<T>(signal: &watch::Receiver<T>) -> watch::Receiver<T> {
    let mut signal = signal.clone();
    signal.mark_unchanged();
    signal
}

/// What a caller gets whose question comes too late.
pub(super) fn closed() -> Error {
    Error::Other(anyhow!("the journal is closed"))
}

/// A job in the queue: carried out in its savepoint, answered when the fate of the whole transaction is known.
trait Job: Send {
    fn run(&mut self, desk: &mut Desk<'_>) -> Result<(), Lost>;
    fn answer(self: Box<Self>, fate: &Result<(), Lost>);
}

struct Task<T, W> {
    work: Option<W>,
    result: Option<Result<T, Error>>,
    answer: oneshot::Sender<Result<T, Error>>,
}

impl<T, W> Job for Task<T, W>
where
    T: Send,
    W: FnOnce(&mut Desk<'_>) -> Result<T, Error> + Send,
{
    fn run(&mut self, desk: &mut Desk<'_>) -> Result<(), Lost> {
        let Some(work) = self.work.take() else { return Ok(()) };
        let before = desk.signals;
        execute(desk.connection, "SAVEPOINT job", []).map_err(Lost::from)?;
        // A bug in one job must not take the thread and everybody else's journal with it.
        let result = catch_unwind(AssertUnwindSafe(|| work(desk)))
            .unwrap_or_else(|_| Err(Error::Other(anyhow!("a journal operation panicked"))));
        // A full disk makes SQLite roll back everything, and the savepoint is gone with it.
        if desk.connection.is_autocommit() {
            return Err(Lost::from(result.err().unwrap_or_else(|| Error::Other(anyhow!("the transaction is gone")))));
        }
        if result.is_err() {
            desk.signals = before;
            execute(desk.connection, "ROLLBACK TO job", []).map_err(Lost::from)?;
        }
        execute(desk.connection, "RELEASE job", []).map_err(Lost::from)?;
        self.result = Some(result);
        Ok(())
    }

    fn answer(self: Box<Self>, fate: &Result<(), Lost>) {
        let result = match fate {
            Ok(()) => self.result.unwrap_or_else(|| Err(closed())),
            Err(lost) => Err(lost.to_error()),
        };
        // Whoever stopped waiting does not want the answer; what was done stays done.
        drop(self.answer.send(result));
    }
}

/// Why a whole transaction did not become durable; told to everyone in it.
#[derive(Debug, Clone)]
struct Lost {
    writable: bool,
    why: String,
}

impl Lost {
    fn to_error(&self) -> Error {
        let why = anyhow!("{}", self.why);
        if self.writable { Error::Other(why) } else { Error::NotWritable(why) }
    }
}

impl From<Error> for Lost {
    fn from(error: Error) -> Self {
        match error {
            Error::NotWritable(why) => Self { writable: false, why: format!("{why:#}") },
            Error::Other(why) => Self { writable: true, why: format!("{why:#}") },
            Error::Locked { .. } | Error::TooNew { .. } => Self { writable: true, why: error.to_string() },
        }
    }
}

struct Thread {
    connection: Connection,
    clock: Clock,
    head: watch::Sender<Seq>,
    news: watch::Sender<u64>,
}

impl Thread {
    fn run(self, mut jobs: mpsc::Receiver<Box<dyn Job>>) {
        while let Some(first) = jobs.blocking_recv() {
            let mut group = vec![first];
            while group.len() < GROUP
                && let Ok(next) = jobs.try_recv()
            {
                group.push(next);
            }
            let fate = self.carry_out(&mut group);
            if let Ok(signals) = &fate {
                self.signal(*signals);
            }
            let fate = fate.map(|_| ());
            for job in group {
                job.answer(&fate);
            }
        }
        debug!("The journal's writer ended");
    }

    /// One transaction for a group of jobs.
    fn carry_out(&self, group: &mut [Box<dyn Job>]) -> Result<Signals, Lost> {
        let done = self.transaction(group);
        if let Err(lost) = &done {
            if !self.connection.is_autocommit()
                && let Err(error) = execute(&self.connection, "ROLLBACK", [])
            {
                error!(%error, "Could not roll back a journal transaction");
            }
            warn!(error = %lost.why, jobs.count = group.len(), "Lost a journal transaction; nothing of it was done");
        }
        done
    }

    fn transaction(&self, group: &mut [Box<dyn Job>]) -> Result<Signals, Lost> {
        let before = self.connection.total_changes();
        execute(&self.connection, "BEGIN IMMEDIATE", []).map_err(Lost::from)?;
        let mut desk = Desk { connection: &self.connection, now: self.clock.now(), signals: Signals::default() };
        for job in group {
            job.run(&mut desk)?;
        }
        let signals = desk.signals;
        // A transaction that changed nothing writes nothing: there is no boundary to die at.
        let writes = self.connection.total_changes() != before;
        if writes {
            cross("commit");
        }
        execute(&self.connection, "COMMIT", []).map_err(Lost::from)?;
        if writes {
            cross("committed");
        }
        Ok(signals)
    }

    fn signal(&self, signals: Signals) {
        if let Some(head) = signals.head {
            self.head.send_replace(head);
        }
        if signals.news {
            self.news.send_modify(|count| *count = count.wrapping_add(1));
        }
    }
}
