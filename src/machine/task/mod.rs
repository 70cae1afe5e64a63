//! The pure state machine of one piece of work: from a claimed issue to a merged pull request and a clean workspace.
//!
//! ```text
//! Preparing ─▶ SettingUp ─▶ Working ─▶ InReview ─▶ Closing ─▶ Done | Abandoned
//!     └───────────┴─▶ Failed (gives its slot back; a person retries, and it waits for a new one)
//! ```

mod keeping;
mod life;
mod setup;
mod unchanged;

pub(crate) use life::step;
pub use life::{Ending, Opening, Phase, State, session_of, still_wanted};
pub use setup::still_wanted_act;
