//! All knowledge of GitHub's JSON: what a delivery says, and what its API is asked and told.
//!
//! [`webhook`] is pure. [`Client`] talks to the API; each of its requests passes one governor, none is ever repeated
//! on its own account, and an outcome that is not known is said to be unknown ([`Error::AmbiguousWrite`]).
//! Nothing here decides what should happen.

mod artifact;
mod base;
mod client;
mod comment;
mod credentials;
mod delivery_log;
mod demands;
mod error;
#[cfg(test)]
mod fake;
mod governor;
mod hook;
mod identity;
mod issue;
mod job;
mod label;
mod log;
mod manifest;
mod material;
mod needs;
mod page;
mod people;
mod pull;
mod refusals;
mod report;
mod repository;
mod run;
mod texts;
mod thread;
mod transport;
pub mod webhook;
mod wire;

pub use base::RunName;
pub use client::{Client, Settings};
pub use comment::{Comment, Reaction};
pub use credentials::{App, Credentials};
pub use delivery_log::{DOOR, DeliveryAttempt, Hook, never_arrived};
pub use error::Error;
pub use governor::{Allowance, Standing, Why};
pub use hook::{Connected, Fault, Webhook};
pub use identity::Identity;
pub use manifest::{Manifest, NewApp};
pub use material::{Annotation, FailureMaterial};
pub use needs::{Access, Granted, NEEDS, Need};
pub use pull::{Merge, MergeMethod, NewPull, OpenPull, OpenPulls, Update};
pub use refusals::{Refusals, Refused};
pub use report::Report;
pub use repository::Repository;
pub use run::Rerun;
pub use texts::Fetched;
pub use thread::ThreadReply;
