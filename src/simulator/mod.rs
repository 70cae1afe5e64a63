//! A stateful GitHub over HTTP, for the demo, for trying rules out, and for tests.
//!
//! ```text
//! client ── REST, GraphQL ──▶ server ─▶ rest, graphql ─┐
//! git push ── smart HTTP ───▶ server ─▶ git ─▶ follow ─┤
//! people (tests, narrator) ──────────────▶ people ─────┼─▶ World (pure) ─▶ Happened ─▶ subscribers
//! CI: the repository's own test.sh ──────▶ ci ─────────┘        └────────▶ mail ─▶ courier ─▶ signed webhooks
//! ```
//!
//! Branches, commits, merges and conflicts are real git; red and green are the exit code of a real script. It shares no
//! code with the client of GitHub elsewhere in this crate: a misreading of GitHub must not hide in both.

pub mod agent;
pub mod faulty;
pub mod story;

mod adversary;
mod apps;
mod call;
mod ci;
mod courier;
mod deliveries;
mod error;
mod follow;
mod forks;
mod git;
mod glance;
mod graphql;
mod happened;
mod json;
mod listener;
mod logs;
mod mail;
mod people;
mod rest;
mod runner;
mod server;
mod shared;
mod world;

#[cfg(test)]
mod tests;

pub use adversary::{Carried, Chance, GivenUp, Post, PostTroubles, Round, ServiceTroubles};
pub use apps::OfferedApp;
pub use deliveries::Deliveries;
pub use error::Error;
pub use glance::Glance;
pub use happened::{Conclusion, Happened, Verdict, Write};
pub use mail::{Delivery, DeliveryAttempt, DeliveryState, Webhook};
pub use people::{LineComment, NewIssue, NewPull, NewReview, Push};
pub use server::{Options, Simulator};
pub use world::{Refusal, RequiredChecks};
