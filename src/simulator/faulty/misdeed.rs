//! What the agent is ordered to do wrong, as a file that it looks at.

use std::{io, path::Path};

use serde::{Deserialize, Serialize};

/// What goes wrong. All durations are milliseconds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Misdeed {
    /// The next Enter does nothing: the text stays in the composer.
    LoseEnter,
    /// The next Enter shows its effect only after this time; each further one meanwhile submits the text once more.
    DelayEnter {
        /// How long.
        ms: u64,
    },
    /// Reads the next message in small pieces, and draws the whole screen anew after each.
    ReadInPieces,
    /// Suggests words in the composer. Enter on the empty composer would submit them.
    Suggest {
        /// How long.
        ms: u64,
        /// Whether they are dim, as they should be.
        dim: bool,
    },
    /// Asks for a permission now. Enter gives it.
    Ask {
        /// How long, before somebody answers elsewhere.
        ms: u64,
    },
    /// The same in the moment in which the next paste was read.
    AskAtPaste {
        /// How long.
        ms: u64,
    },
    /// Shows the menu of a reached usage limit now. Enter chooses.
    ShowLimit {
        /// How long.
        ms: u64,
    },
    /// Becomes a shell in the same terminal, now.
    BecomeShell,
    /// Is killed at this moment of the next message.
    Die(Moment),
    /// Ends now; the next start takes this long and drops what is typed meanwhile.
    StartSlowly {
        /// How long.
        ms: u64,
    },
    /// Compacts its memory now: the composer stands there, and what is submitted waits.
    Compact {
        /// How long.
        ms: u64,
    },
    /// Begins a session with a new id when it takes the next message.
    ChangeSession,
    /// Does not read its terminal, from now on.
    StopReading {
        /// How long.
        ms: u64,
    },
    /// Does not tell its hook of the next message.
    LoseReceipt,
    /// Comes to itself: an empty composer, no turn, everything forgotten.
    Recover,
}

/// A moment of a message.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Moment {
    /// The text was read, Enter was not.
    Paste,
    /// Enter was read, the message was not taken.
    Enter,
    /// The message was taken, the hook was not told.
    Taking,
}

/// One order. The agent obeys each number once.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Order {
    /// Its number, higher than that of every order before.
    pub number: u64,
    /// What to do.
    pub misdeed: Misdeed,
}

impl Order {
    /// Gives the order: the file is there whole, or not at all.
    ///
    /// # Errors
    ///
    /// When it cannot be written.
    pub fn give(&self, path: &Path) -> io::Result<()> {
        let beside = path.with_extension("new");
        std::fs::write(&beside, serde_json::to_vec(self).map_err(io::Error::other)?)?;
        std::fs::rename(&beside, path)
    }

    /// The order that lies there, if any.
    pub(super) fn read(path: &Path) -> Option<Self> {
        serde_json::from_slice(&std::fs::read(path).ok()?).ok()
    }
}
