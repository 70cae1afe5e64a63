//! Recordings of what terminals showed, as asciicast files in the launches' directories.
//!
//! Output is written as it comes, with the moment at which it came; what was typed is never recorded, unless the program
//! shows it. Secrets are masked before anything is written. A recording ends at its size; nothing ever waits for it.

mod cast;
mod held;
mod pipe;
mod recorder;
mod shelf;
#[cfg(test)]
mod tests;
mod visible;

use serde::{Deserialize, Serialize};

pub use self::{
    pipe::record,
    shelf::{Recorded, forget, recorded},
};
pub(crate) use self::{
    pipe::{order, withdraw},
    recorder::{Recorder, TICK},
};

/// How the output of a launch is recorded.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Recording {
    /// The size at which it ends, in bytes.
    pub bytes_max: u64,
    /// What is masked wherever it stands, beside everything that looks like a secret.
    pub secrets: Vec<String>,
}
