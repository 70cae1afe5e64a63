//! Where a session lives: a terminal that outlives this process, in which an agent runs and into which prompts are
//! typed.
//!
//! One trait, [`Runtime`], with two implementations: [`pty`] (a small holder process per launch, on every platform) and
//! [`tmux`] (a private tmux server). Both promise the same:
//!
//! - a prompt is typed at most once, whoever asks and however often, also after this process or the holder died;
//! - nothing is typed into a dialog, a shell, a pane in copy mode, a person's half-typed text or a stale launch;
//! - nothing is declared dead without evidence.
//!
//! This module never decides what is said or when, and never writes text that did not pass [`Message::new`].

mod address;
pub mod attach;
#[cfg(test)]
mod conformance;
mod echo;
mod error;
mod files;
mod gate;
mod index;
mod launching;
mod message;
mod os;
pub mod pty;
pub mod recording;
mod screen;
mod settle;
pub mod strays;
#[cfg(test)]
mod testing;
#[cfg(test)]
mod testing_linux;
pub mod tmux;
mod turns;

use std::time::Duration;

use futures_util::future::BoxFuture;

pub use address::{Address, Launch, Probe};
pub use error::{Error, Why};
pub use gate::Gate;
pub use message::{BadMessage, Message, TEXT_BYTES_MAX};
pub use screen::{Attribute, Color, Cursor, Line, Run, Screen, Style};
pub use settle::Settle;

use crate::model::{PromptId, Submission};

/// Where sessions live. Every method may be called again after any failure.
pub trait Runtime: Send + Sync {
    /// Starts a launch. Carried out at most once per address: starting it again starts nothing and succeeds, also when
    /// it has ended in the meantime (a new start needs a new generation).
    ///
    /// # Errors
    ///
    /// [`Error::Other`] when the program cannot be started; [`Error::Gone`] when it was started before and what held it
    /// died.
    fn start<'a>(&'a self, launch: &'a Launch) -> BoxFuture<'a, Result<(), Error>>;

    /// Types a message and Enter, if the screen passes the gate and this id was never typed into this launch before.
    /// Otherwise it types nothing and says what is known. What has begun is finished even if the caller goes away.
    ///
    /// # Errors
    ///
    /// [`Error::NotReceptive`] when nothing was typed because of what the screen shows; [`Error::Gone`] when nothing was
    /// typed because there is nobody to read it. After [`Error::Other`] it is not known what was typed: ask
    /// [`Runtime::submission`].
    fn submit<'a>(
        &'a self,
        address: &'a Address,
        message: &'a Message,
        gate: &'a Gate,
    ) -> BoxFuture<'a, Result<Submission, Error>>;

    /// What is known about a prompt, without typing.
    ///
    /// # Errors
    ///
    /// [`Error::Gone`] when no record of this launch is left.
    fn submission<'a>(&'a self, address: &'a Address, prompt: &'a PromptId)
    -> BoxFuture<'a, Result<Submission, Error>>;

    /// Whether the launch lives. A failure to find out is [`Probe::Unknown`], never a death.
    fn probe<'a>(&'a self, address: &'a Address) -> BoxFuture<'a, Probe>;

    /// The screen as a person would see it, with up to `scrollback` lines above it. After the end of the process it is
    /// the last one.
    ///
    /// # Errors
    ///
    /// [`Error::Gone`] when nothing is left to show.
    fn screen<'a>(&'a self, address: &'a Address, scrollback: usize) -> BoxFuture<'a, Result<Screen, Error>>;

    /// The line in which the agent's process itself wrote the id of a prompt after that was submitted. `None` as long as
    /// there is none, and always when the terminal echoed what was typed: then anybody's text looks like an answer.
    ///
    /// # Errors
    ///
    /// [`Error::Gone`] when no record of this launch is left.
    fn echoed<'a>(&'a self, address: &'a Address, prompt: &'a PromptId)
    -> BoxFuture<'a, Result<Option<String>, Error>>;

    /// Ends every process of the launch: asks them to, kills them after `grace`, and looks again. Ending what has ended
    /// succeeds.
    ///
    /// # Errors
    ///
    /// [`Error::Other`] when a process is still there at the end.
    fn stop<'a>(&'a self, address: &'a Address, grace: Duration) -> BoxFuture<'a, Result<(), Error>>;

    /// The launches of which this runtime still holds something that [`Runtime::stop`] would free.
    ///
    /// # Errors
    ///
    /// [`Error::Other`] when it cannot be told.
    fn list(&self) -> BoxFuture<'_, Result<Vec<Address>, Error>>;
}
