//! What crosses the journal's trait: plain data, no type of a store.

use std::collections::BTreeMap;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::{
    effect::Effect,
    event::Event,
    model::{DeliveryId, Fence, LookupKey, MachineKey, RepoId, Seq, Version},
};

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
    /// The cause was consumed before: the inbox event by any step, or the machine has no deadline at that moment (any
    /// more). Nothing changed. Said rather than `Conflict` when an inbox event was consumed and the version moved, too.
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
    /// How often it was postponed after it had been tried.
    pub tried: u32,
    /// When it was ordered.
    pub since: Timestamp,
}

/// How an effect is postponed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Postponement {
    /// Until when nobody may claim it.
    pub until: Timestamp,
    /// Why.
    pub why: String,
    /// Whether it was tried: tries are counted, and waiting for the world is none.
    pub tried: bool,
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
    /// The cause of the inbox event, for example `delivery/ID/0`, or `deadline TIME`.
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
    /// When the newest delivery came, as far as deliveries are kept.
    pub newest_delivery: Option<Timestamp>,
}
