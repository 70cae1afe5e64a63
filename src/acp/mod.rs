//! An agent without a terminal of its own, shown in one: a client of the Agent Client Protocol.
//!
//! ```text
//! the launch's inbox ─┐                               ┌─▶ the terminal (sanitised), for people who look in
//! lines of a person ──┼─▶ client ─▶ JSON-RPC ─▶ agent ┤
//!                     │     ▲                         │ updates, questions, the end of a turn
//!                     │     └─────────────────────────┘
//!                     └─▶ the launch's spool and record: what the agent's answers prove
//! ```
//!
//! It runs in the place of the agent, in the session's terminal, and starts the agent as its child. A prompt counts as taken
//! when the agent has answered to it, not when it was written to a pipe. It asks GitHub nothing and decides nothing but what
//! the operator's `permissions` have decided already.

mod client;
mod consent;
mod record;
mod screen;

use std::{collections::BTreeMap, ffi::OsString, path::PathBuf};

pub use self::client::run;
use crate::{agent::spool::Slot, config::Permissions};

/// How an agent is started.
#[derive(Debug, Clone)]
pub struct Arguments {
    /// The program and its arguments.
    pub command: Vec<OsString>,
    /// Where it works.
    pub dir: PathBuf,
    /// Its environment.
    pub env: BTreeMap<String, String>,
    /// What it may do without asking.
    pub permissions: Permissions,
    /// The conversation that it goes on with.
    pub resume: Option<String>,
    /// Where prompts come from, and where it is told what became of them; none outside of a session.
    pub slot: Option<Slot>,
}

/// Why an agent could not be spoken with.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// Its program cannot be started.
    #[error("the agent cannot be started")]
    NotStarted(#[source] crate::process::Error),
    /// It does not speak the protocol, or refused.
    #[error("the agent does not speak the Agent Client Protocol with us")]
    Protocol(#[source] agent_client_protocol::Error),
}
