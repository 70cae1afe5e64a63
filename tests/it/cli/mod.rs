//! The real binary, run in a world of its own: an empty home, an environment of which every variable was chosen.

mod checks;
mod connected;
mod daemon;
mod first_setup;
mod forward;
mod github;
mod help;
mod hidden;
mod journal;
mod mistakes;
mod recordings;
mod terminal;
mod world;
