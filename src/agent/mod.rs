//! The agents' command lines: how each is launched, what it tells us, and what proves that it has read a prompt.
//!
//! ```text
//! Settings + Start ── plan (pure) ──▶ Plan: argv, environment, private files, gate patterns ──▶ the runtime
//!
//! the agent's hook ──▶ spool::record (in its own process) ──▶ one line on disk ──▶ spool::drain ──▶ HookEvent
//! the daemon ──▶ inbox::place ──▶ the agent's hook or plugin takes it
//! the agent's transcript ──▶ transcript::find ─────────────────────────────────────────────────▶ a quote
//! the agent's transcript ──▶ turn::Turn ───────────────────────────────────────────────────────▶ the end of a turn
//! the agent's transcript ──▶ repeats::failing ──────────────────────────────────────────────────▶ a command
//! the agent's transcript ──▶ usage::used ──────────────────────────────────────────────────────▶ tokens and dollars
//! ```
//!
//! Invariants:
//! - Nothing but this module and the files of `config/agents` knows a flag, a hook name or a screen of an agent.
//! - No launched process holds a GitHub token: none is inherited, and none is ever put there (`environment`).
//! - The user's own files are not written; settings of ours lie in the launch's private directory.
//! - A hook never fails, blocks or slows its agent down, whatever happens to us.

mod detect;
pub mod doorbell;
mod environment;
mod hook;
pub mod inbox;
mod plan;
mod receipt;
mod repeats;
mod shell;
pub mod spool;
mod start;
pub mod transcript;
mod turn;
mod usage;

pub use self::{
    detect::{Found, Tried, detect},
    environment::{Withhold, credentials},
    hook::{HookEvent, HookKind},
    plan::{Plan, PlannedFile, QueueCommands, plan, queue, transcript_path},
    receipt::evidence_in,
    repeats::failing,
    start::{Committer, Contact, GitSetup, Settings, Start},
    turn::Turn,
    usage::used,
};
