//! The listener as its visitors meet it: requests against the real router, a real journal and a simulated GitHub.

mod access;
mod credential;
mod door;
mod events;
mod house;
mod page;
mod reading;
pub(super) mod samples;
mod wishes;
