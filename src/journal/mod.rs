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

#[cfg(test)]
pub(crate) mod conformance;
mod error;
mod records;
pub mod sqlite;

use std::time::Duration;

use futures_util::future::BoxFuture;
use jiff::Timestamp;

use crate::{
    event::Event,
    model::{DeliveryId, Fence, LookupKey, MachineKey, MachineKind, Seq, TextHash},
};

pub use error::Error;
pub use records::{
    Cause, Claimed, Commit, Delivery, EffectId, Entry, Fenced, Novelty, Post, Postponement, Stats, Step, Stored,
    Waiting,
};
pub use sqlite::{Check, Compacted, Finding, Retention, SqliteJournal};

/// The result of a journal operation, sometime.
pub type Answer<'a, T> = BoxFuture<'a, Result<T, Error>>;

/// A durable record. Every method is atomic: all of it happens, or nothing.
pub trait Journal: Send + Sync {
    /// Stores a delivery, unless its id is known.
    fn ingest(&self, delivery: Delivery) -> Answer<'_, Novelty>;

    /// Deliveries that were not routed yet, oldest first.
    fn unrouted(&self, max: usize) -> Answer<'_, Vec<Delivery>>;

    /// Marks a delivery as routed and puts what it means into inboxes, in one transaction. Does nothing to one that was
    /// routed or buried before, or that nobody knows.
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
    /// every [`Effect::Tell`](crate::effect::Effect::Tell) to the inbox of its target. In one transaction.
    fn commit(&self, step: Step) -> Answer<'_, Commit>;

    /// Machines with a deadline at or before `now`, the most overdue first.
    fn due(&self, now: Timestamp, max: usize) -> Answer<'_, Vec<(MachineKey, Timestamp)>>;

    /// The earliest moment after `after` at which [`Journal::due`] or a postponed effect wants attention. What was due until
    /// then and is still there waits for something else than time. A lease that runs out is no such moment: whoever holds
    /// one is expected to end it.
    fn next_deadline(&self, after: Timestamp) -> Answer<'_, Option<Timestamp>>;

    /// Claims effects to carry out: of each lane the oldest, if none of that lane is claimed and it is not postponed
    /// beyond `now`. Raises their fence. A claim whose `lease` ran out stands until somebody else claims the effect.
    fn claim(&self, now: Timestamp, max: usize, lease: Duration) -> Answer<'_, Vec<Claimed>>;

    /// Notes how far a claimed effect got, so that whoever claims it next goes on from there; and tells its machine.
    fn progress(&self, effect: EffectId, fence: Fence, note: String, event: Option<Event>) -> Answer<'_, Fenced>;

    /// Ends a claimed effect; its outcome goes to the inbox of its machine in the same transaction.
    fn resolve(&self, effect: EffectId, fence: Fence, outcome: Option<Event>) -> Answer<'_, Fenced>;

    /// Puts a claimed effect back for a while. Its claim is over, and its lane waits with it.
    fn postpone(&self, effect: EffectId, fence: Fence, how: Postponement) -> Answer<'_, Fenced>;

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

    /// The newest entry's position; changes with every commit, before it is answered.
    fn head(&self) -> tokio::sync::watch::Receiver<Seq>;

    /// Signals that [`Journal::unrouted`], [`Journal::waiting`] or [`Journal::claim`] may have something new. Register
    /// interest before looking.
    fn news(&self) -> tokio::sync::watch::Receiver<u64>;
}
