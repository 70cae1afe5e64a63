//! An agent without a terminal of its own, shown in one.
//!
//! ```text
//! the launch's inbox ─┐                      ┌─ acp ─────────┐
//! lines of a person ──┼─▶ conversation ─────▶│  stream_json  │─▶ the agent's standard streams
//!                     │     ▲     │          └───────────────┘
//!                     │     └─────┼── what it says, asks and has taken ──┘
//!                     │           └─▶ the terminal (sanitised), for people who look in
//!                     └─▶ the launch's spool and record: what the agent's answers prove
//! ```
//!
//! It runs in the place of the agent, in the session's terminal, and starts the agent as its child. A prompt counts as taken
//! when the agent has answered to it, not when it was written to a pipe. It asks GitHub nothing and decides nothing but what
//! the operator's `permissions` have decided already.

mod acp;
mod consent;
mod conversation;
mod record;
mod screen;
mod stream_json;
mod wire;

use std::{collections::BTreeMap, ffi::OsString, path::PathBuf};

pub use self::conversation::run;
use crate::{
    agent::spool::Slot,
    config::{Permissions, Protocol},
};

/// How an agent is started.
#[derive(Debug, Clone)]
pub struct Arguments {
    /// What it speaks.
    pub protocol: Protocol,
    /// The program and its arguments.
    pub command: Vec<OsString>,
    /// Where it works.
    pub dir: PathBuf,
    /// Its environment.
    pub env: BTreeMap<String, String>,
    /// What it may do without asking.
    pub permissions: Permissions,
    /// The conversation that it goes on with, or that its arguments name.
    pub conversation: Option<String>,
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
    #[error("the agent does not speak {} with us: {why}", .protocol.as_str())]
    Protocol {
        /// Which.
        protocol: Protocol,
        /// What went wrong.
        why: String,
    },
}
