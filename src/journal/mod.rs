//! The durable record behind one small trait that speaks in whole steps: deliveries, the log, states, inbox, outbox,
//! deadlines.
//!
//! No SQL and no type of a store crosses the trait, so that a second store can stand beside the first and pass the
//! same conformance suite. Whoever answers `Ok` has made it durable (fsync) first.
//!
//! ```text
//! delivery ─ingest─▶ deliveries ─route─▶ inbox ─commit─▶ state + log + outbox + deadline + inbox of others
//!                                          ▲                        │
//!                                          └──── resolve ◀── claim ─┘   (the outcome of an effect)
//! ```

use std::{collections::BTreeMap, time::Duration};

use futures_util::future::BoxFuture;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::{
    effect::Effect,
    event::Event,
    model::{DeliveryId, Fence, LookupKey, MachineKey, MachineKind, RepoId, Seq, TextHash, Version},
};

/// The result of a journal operation, sometime.
pub type Answer<'a, T> = BoxFuture<'a, Result<T, Error>>;

/// A durable record. Every method is atomic: all of it happens, or nothing.
pub trait Journal: Send + Sync {
    /// Stores a delivery, unless its id is known.
    fn ingest(&self, delivery: Delivery) -> Answer<'_, Novelty>;

    /// Deliveries that were not routed yet, oldest first.
    fn unrouted(&self, max: usize) -> Answer<'_, Vec<Delivery>>;

    /// Marks a delivery as routed and puts what it means into inboxes, in one transaction. A second call does nothing.
    fn route(&self, id: DeliveryId, posts: Vec<Post>) -> Answer<'_, ()>;

    /// Marks a delivery as one that cannot be understood. It is kept, counted and shown.
    fn bury(&self, id: DeliveryId, why: String) -> Answer<'_, ()>;

    /// Puts events into inboxes; each `cause` is accepted once, ever.
    fn post(&self, posts: Vec<Post>) -> Answer<'_, Vec<Novelty>>;

    /// Events that wait in inboxes, in the order in which they came.
    fn waiting(&self, max: usize) -> Answer<'_, Vec<Waiting>>;

    /// The state of a machine.
    fn load(&self, machine: MachineKey) -> Answer<'_, Option<Stored>>;

    /// The states of all machines, or of one kind, sorted by key.
    fn machines(&self, kind: Option<MachineKind>) -> Answer<'_, Vec<(MachineKey, Stored)>>;

    /// Carries out one step: consumes its cause, writes log, state, lookup keys, deadline and outbox, and delivers
    /// every [`Effect::Tell`] to the inbox of its target. In one transaction.
    fn commit(&self, step: Step) -> Answer<'_, Commit>;

    /// Machines with a deadline at or before `now`, the most overdue first.
    fn due(&self, now: Timestamp, max: usize) -> Answer<'_, Vec<(MachineKey, Timestamp)>>;

    /// The earliest moment at which [`Journal::due`] or a postponed effect wants attention.
    fn next_deadline(&self) -> Answer<'_, Option<Timestamp>>;

    /// Claims effects to carry out: of each lane the oldest, if none of that lane is claimed and it is not postponed
    /// beyond `now`. Raises their fence.
    fn claim(&self, now: Timestamp, max: usize, lease: Duration) -> Answer<'_, Vec<Claimed>>;

    /// Notes how far a claimed effect got, so that whoever claims it next goes on from there; and tells its machine.
    fn progress(&self, effect: EffectId, fence: Fence, note: String, event: Option<Event>) -> Answer<'_, Fenced>;

    /// Ends a claimed effect; its outcome goes to the inbox of its machine in the same transaction.
    fn resolve(&self, effect: EffectId, fence: Fence, outcome: Option<Event>) -> Answer<'_, Fenced>;

    /// Puts a claimed effect back until `until`.
    fn postpone(&self, effect: EffectId, fence: Fence, until: Timestamp, why: String) -> Answer<'_, Fenced>;

    /// Takes back every claim. For the start, when the one that claimed is certainly dead.
    fn reclaim(&self) -> Answer<'_, usize>;

    /// Machines that can be found by a key, sorted.
    fn find(&self, key: LookupKey) -> Answer<'_, Vec<MachineKey>>;

    /// Entries of the log after `after`, oldest first.
    fn tail(&self, after: Seq, max: usize) -> Answer<'_, Vec<Entry>>;

    /// The newest entries of one machine, oldest first.
    fn history(&self, machine: MachineKey, max: usize) -> Answer<'_, Vec<Entry>>;

    /// Keeps a text under its hash.
    fn keep_texts(&self, texts: Vec<String>) -> Answer<'_, Vec<TextHash>>;

    /// A kept text.
    fn text(&self, hash: TextHash) -> Answer<'_, Option<String>>;

    /// Numbers for people and metrics.
    fn stats(&self) -> Answer<'_, Stats>;

    /// The newest entry's position; changes with every commit.
    fn head(&self) -> tokio::sync::watch::Receiver<Seq>;

    /// Signals that [`Journal::unrouted`], [`Journal::waiting`] or [`Journal::claim`] may have something new. Register
    /// interest before looking.
    fn news(&self) -> tokio::sync::watch::Receiver<u64>;
}

/// One webhook request as received. The body is stored compressed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Delivery {
    /// `X-GitHub-Delivery`.
    pub id: DeliveryId,
    /// `X-GitHub-Event`.
    pub event: String,
    /// The repository, if the body names one.
    pub repo: Option<RepoId>,
    /// When it came.
    pub received_at: Timestamp,
    /// The raw body.
    pub body: Vec<u8>,
}

/// Whether something was seen for the first time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Novelty {
    /// For the first time; it is durable now.
    New,
    /// It was there already; nothing changed.
    Known,
}

/// An event for an inbox.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Post {
    /// What makes it the same event again: `delivery/ID/0`, `request/ID`, `hook/…`.
    pub cause: String,
    /// Whose inbox.
    pub to: MachineKey,
    /// The event.
    pub event: Event,
}

/// An event in an inbox.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Waiting {
    /// Its position among all inbox events.
    pub row: u64,
    /// Its cause.
    pub cause: String,
    /// Whose inbox.
    pub to: MachineKey,
    /// The event.
    pub event: Event,
}

/// The state of a machine, as JSON of the journal's format.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Stored {
    /// Its version, from 1.
    pub version: Version,
    /// The state.
    pub state: String,
}

/// One step of one machine.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Step {
    /// Which machine.
    pub machine: MachineKey,
    /// The version that the step was computed from; 0: the machine is new.
    pub expected: Version,
    /// What caused it; consumed with the commit.
    pub cause: Cause,
    /// The event that was handled.
    pub event: Event,
    /// The state afterwards.
    pub state: String,
    /// The keys by which the machine is found from now on; they replace the earlier ones.
    pub lookup: Vec<LookupKey>,
    /// What is to be done.
    pub effects: Vec<Effect>,
    /// When the machine wants to be woken, and why.
    pub deadline: Option<(Timestamp, String)>,
    /// The hash of the rules in force.
    pub rules: String,
    /// The random bytes drawn for this entry.
    pub entropy: [u8; 16],
    /// When.
    pub at: Timestamp,
}

/// What caused a step.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Cause {
    /// An event from the inbox, by its row.
    Inbox(u64),
    /// A deadline of the machine.
    Deadline(Timestamp),
}

/// Whether a step was carried out.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Commit {
    /// It was; this is its position in the log.
    Committed(Seq),
    /// The machine's version is another one. Nothing changed.
    Conflict,
    /// The cause was consumed before. Nothing changed.
    Duplicate,
}

/// Which effect: the step that ordered it, and its position there.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct EffectId {
    /// The machine that ordered it.
    pub machine: MachineKey,
    /// The version that the step made.
    pub version: Version,
    /// The position among the step's effects.
    pub index: u32,
}

/// A claimed effect.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Claimed {
    /// Which.
    pub id: EffectId,
    /// What its outcome must quote.
    pub fence: Fence,
    /// What to do.
    pub effect: Effect,
    /// How far an earlier claimant got.
    pub progress: Option<String>,
    /// How often it was postponed.
    pub postponed: u32,
    /// When it was ordered.
    pub since: Timestamp,
}

/// Whether the outcome of an effect was accepted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fenced {
    /// It was.
    Accepted,
    /// Somebody else claimed the effect since, or it has ended. Nothing changed.
    Stale,
}

/// One entry of the log.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Entry {
    /// Its position.
    pub seq: Seq,
    /// When.
    pub at: Timestamp,
    /// Which machine.
    pub machine: MachineKey,
    /// The version that this step made.
    pub version: Version,
    /// The cause's text: `inbox cause` or `deadline TIME`.
    pub cause: String,
    /// The event.
    pub event: Event,
    /// What it led to.
    pub effects: Vec<Effect>,
    /// The hash of the rules in force.
    pub rules: String,
    /// The random bytes, hexadecimal.
    pub entropy: String,
}

/// Numbers for people and metrics.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct Stats {
    /// Stored deliveries.
    pub deliveries: u64,
    /// Deliveries that wait to be routed.
    pub unrouted: u64,
    /// Deliveries that could not be understood.
    pub dead: u64,
    /// Events that wait in inboxes.
    pub waiting: u64,
    /// Effects that wait or run.
    pub outbox: u64,
    /// Entries of the log.
    pub entries: u64,
    /// Machines by kind.
    pub machines: BTreeMap<String, u64>,
    /// Bytes on disk.
    pub bytes: u64,
}

/// Why the journal could not do something.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// Another process holds this state directory.
    #[error("the state directory is in use by process {pid}")]
    Locked {
        /// The process.
        pid: u32,
    },
    /// A newer version wrote it.
    #[error("the journal has format {found}; this version reads up to {known}")]
    TooNew {
        /// The journal's format.
        found: u32,
        /// The newest format that is understood.
        known: u32,
    },
    /// The disk is full or cannot be written to.
    #[error("the journal cannot be written")]
    NotWritable(#[source] anyhow::Error),
    /// Everything else.
    #[error("the journal failed")]
    Other(#[source] anyhow::Error),
}
