//! All knowledge of GitHub's JSON: what a delivery says, and what its API is asked and told.
//!
//! [`webhook`] is pure. [`Client`] talks to the API; each of its requests passes one [`Governor`], none is ever repeated
//! on its own account, and an outcome that is not known is said to be unknown ([`Error::AmbiguousWrite`]).
//! Nothing here decides what should happen.

mod client;
mod comment;
mod credentials;
mod demands;
mod error;
#[cfg(test)]
mod fake;
mod governor;
mod issue;
mod job;
mod label;
mod log;
mod material;
mod people;
mod pull;
mod repository;
mod texts;
mod transport;
pub mod webhook;
mod wire;

pub use client::{Client, Settings};
pub use comment::Comment;
pub use credentials::{App, Credentials, Secret};
pub use error::Error;
pub use governor::Governor;
pub use material::{Annotation, FailureMaterial};
pub use pull::{Merge, MergeMethod, NewPull, OpenPull, Update};
pub use repository::Repository;
pub use texts::Fetched;
