//! The pure state machine of one pull request.
//!
//! Facts come from snapshots only. After every event the machine looks at the facts, the incidents and the time, and
//! orders what is due; it can do so any number of times.
//!
//! Invariants:
//! - `step` is total: every event is legal in every state.
//! - `step` reads no clock, no file, no network and no random numbers.
//! - Nothing is written to a pull request that is not managed.

mod behind;
mod checks;
mod commands;
mod ejected;
mod facts;
mod incidents;
mod ledger;
mod look;
mod missing;
mod replies;
mod report;
mod rerun;
pub(crate) mod reviews;
mod state;
mod step;
mod stopped;
mod wanted;

use super::{Now, Rules};

pub use checks::{Green, Red};
pub use commands::Paused;
pub use ledger::{Answer, Entry, Ledger, Resolved, Standing};
pub use look::Look;
pub use missing::Silence;
pub use report::Report;
pub use rerun::Round;
pub use state::{Managed, State, Told};
pub(crate) use step::step;
pub use stopped::Deeds;
pub use wanted::{allows_merge, covers, still_wanted, still_wanted_act};
