//! The faulty agent: a terminal program that looks like a coding agent and misbehaves on order.
//!
//! ```text
//! bytes of the terminal ─┐
//! files of a mailbox ────┤
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

use std::{
    collections::BTreeMap,
    ffi::OsString,
    io,
    path::{Path, PathBuf},
    time::Duration,
};

use self::body::{Body, End};
pub use self::{
    diary::{Entry, Note},
    misdeed::{Misdeed, Moment, Order},
};
use super::agent::terminal::RawMode;
use crate::{clock::Clock, process};

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
    /// Where it takes messages from besides its terminal.
    pub mailbox: Option<Mailbox>,
}

/// Where files with messages come: into `placed`, and whoever takes one moves it to `taken`.
#[derive(Debug, Clone)]
pub enum Mailbox {
    /// The inbox of its launch, of which a plugin takes care at once.
    Inbox(PathBuf),
    /// Its own queue, from which it takes something when it has nothing to do.
    Queue(PathBuf),
}

impl Mailbox {
    /// The queue of the agent with this directory. It outlives the agent.
    ///
    /// # Errors
    ///
    /// When it cannot be made.
    pub fn queue_of(dir: &Path) -> io::Result<Self> {
        let queue = dir.join("queue");
        std::fs::create_dir_all(queue.join("placed"))?;
        std::fs::create_dir_all(queue.join("taken"))?;
        Ok(Self::Queue(queue))
    }

    const fn dir(&self) -> &PathBuf {
        match self {
            Self::Inbox(dir) | Self::Queue(dir) => dir,
        }
    }

    /// Puts a message there, as a second process of a program may.
    ///
    /// # Errors
    ///
    /// When it cannot be written.
    pub fn put(&self, message: &str) -> io::Result<()> {
        let name = format!("{}-{}", Clock::system().now().as_nanosecond(), std::process::id());
        let whole = self.dir().join(&name);
        std::fs::write(&whole, message)?;
        std::fs::rename(whole, self.dir().join("placed").join(name))
    }
}

impl Arguments {
    /// The file in which an agent with this directory finds its orders.
    #[must_use]
    pub fn orders(dir: &Path) -> PathBuf {
        dir.join("order.json")
    }

    /// The diary of an agent with this directory.
    #[must_use]
    pub fn diary(dir: &Path) -> PathBuf {
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
