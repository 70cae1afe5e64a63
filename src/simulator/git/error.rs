//! Why git gave no answer.

/// Why git gave no answer.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Error {
    /// It ran and failed.
    #[error("git {what} failed: {stderr}")]
    Failed {
        /// The command.
        what: String,
        /// What it said.
        stderr: String,
    },
    /// It did not run to its end, or a file could not be written.
    #[error("git could not be run")]
    Other(#[source] anyhow::Error),
}
