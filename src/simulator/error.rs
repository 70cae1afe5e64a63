//! Why an act in the simulated GitHub failed.

use super::{git, world::Refusal};

/// Why an act failed.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// GitHub would refuse it.
    #[error("GitHub refused: {0}")]
    Refused(#[from] Refusal),
    /// The simulator itself could not: a port, a file, git.
    #[error("the simulator failed")]
    Other(#[source] anyhow::Error),
}

impl From<git::Error> for Error {
    fn from(error: git::Error) -> Self {
        Self::Other(error.into())
    }
}

impl From<std::io::Error> for Error {
    fn from(error: std::io::Error) -> Self {
        Self::Other(error.into())
    }
}
