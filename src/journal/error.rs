//! Why a journal fails, as far as its caller can act on it.

/// Why the journal could not do something.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// Another process holds this state directory.
    #[error("the state directory is in use by process {pid}")]
    Locked {
        /// The process.
        pid: u32,
    },
    /// A newer version wrote it.
    #[error("the journal has format {found}; this version reads up to {known}")]
    TooNew {
        /// The journal's format.
        found: u32,
        /// The newest format that is understood.
        known: u32,
    },
    /// The disk is full or cannot be written to.
    #[error("the journal cannot be written")]
    NotWritable(#[source] anyhow::Error),
    /// Everything else.
    #[error("the journal failed")]
    Other(#[source] anyhow::Error),
}
