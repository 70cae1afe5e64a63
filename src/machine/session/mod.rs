//! The pure state machine of one agent: its launches, what it is doing, its queue of prompts and their receipts.
//!
//! Invariants:
//! - A prompt is submitted at most once; then it is acknowledged, or reported as indeterminate. Never neither.
//! - What an older launch says changes nothing.
//! - One prompt is on its way at a time, and only to an agent that can take one.

mod incidents;
mod life;
mod sending;
mod state;
mod step;
mod trail;

use super::{Now, Rules};

pub use incidents::{still_wanted, still_wanted_act};
pub use state::{Activity, Life, Refused, Screen, SendEnd, SendStage, Sending, Sent, State};
pub(crate) use step::step;
pub use trail::Trail;
