//! Deliveries: is the signature right, and what may have changed.
//!
//! A delivery is a hint, never the truth: nothing here reads a state out of it, only where to look. Pure.

mod payload;
mod route;
mod subscription;
mod verify;

pub use route::{Hint, InstallationId, Routed, Unparsable, route};
pub use subscription::EVENTS;
pub use verify::{NoSecret, Refused, Verifier};
