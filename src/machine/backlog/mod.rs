//! The pure state machine of one repository: which issues become tasks, and the periodic look that heals what
//! webhooks lost.

mod hearing;
mod state;
mod step;

pub use hearing::Webhooks;
pub use state::{Broken, Listed, State, Wanted};
pub(crate) use step::step;
pub use step::task_of;
