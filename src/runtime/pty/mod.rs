//! Sessions in pseudo-terminals, each held by a small process of its own. Works on every platform.
//!
//! The holder (this program's hidden command `hold`, see [`hold`]) does the typing; this side only asks it, so its death
//! splits nothing. What a launch left behind is in its directory: `typed` (what was typed), `exit.json` and
//! `last_screen.json` (how it ended and what it showed), and it can be asked for as long as that directory exists.

mod answers;
mod client;
mod holder;
mod place;
pub(crate) mod protocol;
mod record;
mod runtime;
mod scribe;
mod socket;
mod terminal;
#[cfg(test)]
mod tests;
#[cfg(test)]
mod tests_windows;
mod typist;
mod viewer;

pub use self::{holder::hold, runtime::PtyRuntime};
