//! How a comment that spoke to Antiphon is answered.

use serde::{Deserialize, Serialize};

/// The answer to a comment: a reaction, and at most one comment.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Answer {
    /// The comment's number.
    pub comment: u64,
    /// Whether what it asked for is done.
    pub heard: bool,
    /// What is to be said.
    pub words: Vec<String>,
    /// Whether to say how things stand.
    pub status: bool,
}

impl Answer {
    /// Says why something is not done.
    pub fn misunderstood(&mut self, why: String) {
        self.heard = false;
        self.words.push(why);
    }
}
