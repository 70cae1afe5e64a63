//! Why the daemon did not answer, as far as the caller can act on it.

use crate::view::Problem;

/// Why a call to the daemon gave no result.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// Nobody answers there.
    #[error("no daemon at {place}")]
    NotRunning {
        /// The address that was tried, or the state directory that names none.
        place: String,
    },
    /// It answered, and refuses.
    #[error("{}", .0.error)]
    Refused(Problem),
    /// It is of a later version, whose answers this one cannot read.
    #[error("the daemon speaks schema {found}; this version knows up to {known}")]
    TooNew {
        /// The daemon's.
        found: u32,
        /// Ours.
        known: u32,
    },
    /// Everything else.
    #[error("the daemon gave no usable answer")]
    Other(#[source] anyhow::Error),
}
