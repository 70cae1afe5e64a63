//! What goes wrong on purpose, on both ways: with the webhooks that GitHub sends, and with the requests that it gets.
//!
//! A test either plans single troubles ([`faults`]) or lets an adversary draw them. An adversary is seeded: the same seed
//! brings the same troubles in the same order.

mod chance;
mod faults;
mod post;
mod service;

pub use chance::Chance;
pub use faults::GivenUp;
pub(crate) use faults::{Fault, Faults};
pub use post::{Carried, Post, PostTroubles, Round};
pub use service::ServiceTroubles;
pub(crate) use service::{Befallen, Service, without_mergeability};
