//! The journal of one machine: SQLite, one file, one writer thread.
//!
//! ```text
//! callers ─ bounded queue ─▶ writer thread: BEGIN; one savepoint a job …; COMMIT (one fsync) ─▶ signal ─▶ answers
//!         ─ bounded queue ─▶ two reader threads, and a third for what takes long
//! ```
//!
//! A reader begins its transaction after the writer answered, and the write-ahead log shows it every commit until
//! then: whoever was answered sees its own write on every connection. No call blocks a thread of the async runtime.
//!
//! Invariants:
//! - An answer `Ok` is sent after the fsync of its transaction, never before.
//! - A job that fails or conflicts rolls back its own savepoint and nothing else.
//! - Positions in the log and rows of inboxes are never given twice: the newest one of each is never removed.

mod codec;
mod connection;
#[cfg(test)]
mod crash;
mod deliveries;
mod export;
mod inbox;
mod lock;
mod log;
#[cfg(test)]
mod measure;
mod outbox;
mod query;
mod readers;
mod retention;
mod schema;
mod stats;
mod steps;
mod store;
#[cfg(test)]
mod tests;
mod texts;
mod verify;
mod writer;

pub use retention::{Compacted, Retention};
pub use store::SqliteJournal;
pub use verify::{Check, Finding};
