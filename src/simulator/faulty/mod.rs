//! The faulty agent: a terminal program that looks like a coding agent and misbehaves on order.
//!
//! ```text
//! bytes of the terminal ─┐
//! files of the inbox ────┤
//! orders (a file) ───────┼─▶ mind (pure) ─▶ deeds ─▶ screen · hook · diary (a file: what it really took)
//! time ──────────────────┘
//! ```
//!
//! It draws a composer in its terminal, takes pastes and Enter, tells its hook, and writes down every message that it
//! took. It knows only the bytes of its terminal: what will be typed, by whom and when, nobody tells it. It does no work.

mod body;
mod diary;
mod mind;
mod misdeed;
mod picture;

use std::{collections::BTreeMap, ffi::OsString, path::PathBuf, time::Duration};

use self::body::{Body, End};
pub use self::{
    diary::{Entry, Note},
    misdeed::{Misdeed, Moment, Order},
};
use super::agent::terminal::RawMode;
use crate::process;

/// How the agent is started.
#[derive(Debug, Clone)]
pub struct Arguments {
    /// Its own directory: orders come there, and its diary lies there.
    pub dir: PathBuf,
    /// Where it works.
    pub workspace: PathBuf,
    /// The environment that its children get.
    pub env: BTreeMap<OsString, OsString>,
    /// The command that is told of prompts and turns.
    pub hook: Vec<OsString>,
    /// How long a turn takes.
    pub turn: Duration,
    /// The inbox that a plugin of this agent takes messages from; none: all of them come from the terminal.
    pub inbox: Option<PathBuf>,
}

impl Arguments {
    /// The file in which an agent with this directory finds its orders.
    #[must_use]
    pub fn orders(dir: &std::path::Path) -> PathBuf {
        dir.join("order.json")
    }

    /// The diary of an agent with this directory.
    #[must_use]
    pub fn diary(dir: &std::path::Path) -> PathBuf {
        dir.join("diary.jsonl")
    }
}

/// Runs the agent on the terminal of this process until that closes. The exit code.
#[must_use]
pub fn run(arguments: Arguments) -> i32 {
    let raw = RawMode::enter();
    let ended = Body::new(arguments).and_then(|mut body| body.live().map(|end| (body, end)));
    match ended {
        Ok((_, End::Exit(code))) => code,
        Ok((body, End::Shell)) => {
            // A shell wants the terminal as it was.
            drop(raw);
            drop(process::turn_into(&["/bin/sh".into(), "-i".into()], body.environment()));
            1
        }
        Err(_) => 1,
    }
}

#[cfg(test)]
mod tests;
