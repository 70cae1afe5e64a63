//! What the agent took, suffered and did, in a file of its own: the truth that others are compared with.

use std::{
    fs::OpenOptions,
    io::{self, Write as _},
    path::PathBuf,
};

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

/// One line of a diary.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Entry {
    /// When.
    pub at: Timestamp,
    /// The process that wrote it.
    pub pid: u32,
    /// What happened.
    pub note: Note,
}

/// What happened to the agent.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Note {
    /// It came up.
    Started,
    /// It obeys the order of this number from now on.
    Obeys(u64),
    /// It read a text into its composer; its length in bytes.
    Pasted(usize),
    /// It took a message, whose words these are.
    Taken(String),
    /// Keys meant something that nobody may mean by typing a prompt: an answer to a question, a command, a choice.
    Executed(String),
    /// Keys were typed while nobody could take them, and did nothing.
    Dropped(String),
}

/// A diary that is being written.
#[derive(Debug, Clone)]
pub(super) struct Diary(PathBuf);

impl Diary {
    /// The diary in this file.
    pub(super) const fn new(path: PathBuf) -> Self {
        Self(path)
    }

    /// Writes one line, at once: its writer may be killed in the next moment.
    pub(super) fn write(&self, at: Timestamp, note: Note) -> io::Result<()> {
        let entry = Entry { at, pid: std::process::id(), note };
        let line = serde_json::to_string(&entry).map_err(io::Error::other)? + "\n";
        OpenOptions::new().create(true).append(true).open(&self.0)?.write_all(line.as_bytes())
    }
}
