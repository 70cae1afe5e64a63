//! What a running agent is looked at for, to see whether it gets anywhere.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::TextHash;

/// When an agent counts as going round in circles.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Loops {
    /// After so many turns in a row that should have changed something and changed nothing.
    #[schemars(range(min = 2, max = 1_000))]
    pub unchanged: u32,
    /// After so many turns in a row that led back to the files of two turns before.
    #[schemars(range(min = 2, max = 1_000))]
    pub swings: u32,
    /// After a command has failed so often in the same way while no file changed.
    #[schemars(range(min = 2, max = 1_000))]
    pub failures: u32,
}

impl Default for Loops {
    fn default() -> Self {
        // Three prompts about one failure are usual; what is more frequent is more than one cause.
        Self { unchanged: 4, swings: 3, failures: 6 }
    }
}

/// What an agent's work looks like from outside.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Trace {
    /// The files of its workspace and those of its newest commit, as git names them; `None`: nobody can tell.
    pub files: Option<String>,
    /// The command that has failed most often in the same way since it last did otherwise.
    pub failing: Option<Failing>,
}

/// A command that fails again and again.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Failing {
    /// The hash of the command and of what it said.
    pub what: TextHash,
    /// How often in a row.
    pub times: u32,
}
