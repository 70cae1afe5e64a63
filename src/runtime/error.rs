//! Why a runtime did not do what it was asked. What its callers can act on has a name; the rest is one variant.

use serde::{Deserialize, Serialize};

/// What went wrong.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// Nothing was typed: the screen is not in a state in which text would reach the agent's composer.
    #[error("nothing was typed: {0}")]
    NotReceptive(Why),
    /// There is no such launch, or it has ended. Nothing was typed.
    #[error("the launch is gone")]
    Gone,
    /// The other side speaks another version.
    #[error("{what} is version {found}, but {wanted} is needed")]
    TooOld {
        /// Which program.
        what: &'static str,
        /// Its version.
        found: String,
        /// The version that would do.
        wanted: &'static str,
    },
    /// Anything else; the words say what.
    #[error(transparent)]
    Other(anyhow::Error),
}

/// Why nothing was typed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, thiserror::Error, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Why {
    /// A dialog waits for an answer; Enter would give one.
    #[error("a dialog is open")]
    Dialog,
    /// The composer holds text that we did not write.
    #[error("a person's text stands in the composer")]
    Draft,
    /// A person typed within the last seconds.
    #[error("a person is typing")]
    Typing,
    /// A shell would run the text.
    #[error("a shell is in the foreground")]
    Shell,
    /// It cannot be told what would read the text.
    #[error("the foreground process cannot be determined")]
    Foreground,
    /// A person scrolls back; tmux would swallow the text.
    #[error("the pane is in copy mode")]
    CopyMode,
    /// The agent's composer is not on the screen.
    #[error("the agent is not ready")]
    NotReady,
    /// The application did not ask for bracketed paste, and the text would fall apart without it.
    #[error("the application did not switch on bracketed paste")]
    NoBracketedPaste,
    /// The application has not read what was typed before.
    #[error("the application does not read its input")]
    NotReading,
    /// Another launch of the session answers at this place.
    #[error("it is another launch of the session")]
    StaleLaunch,
}

impl Error {
    /// A failure with a cause and what was being tried.
    pub(crate) fn other(cause: impl Into<anyhow::Error>, trying: &'static str) -> Self {
        Self::Other(cause.into().context(trying))
    }
}
