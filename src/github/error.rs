//! What can go wrong between us and GitHub, by what the caller can do about it.

use jiff::Timestamp;

/// Why a call to GitHub gave no result.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// GitHub wants to be left alone; nothing was sent, or it was refused unseen. Wait until then.
    #[error("rate limit reached, resets at {resets_at}")]
    RateLimited {
        /// When the next request may be sent.
        resets_at: Timestamp,
    },
    /// The credentials are missing, wrong, expired or revoked. A person has to act.
    #[error("GitHub does not accept our credentials")]
    Unauthorized,
    /// The credentials are fine but may not do this. Waiting does not help.
    #[error("GitHub forbids it: {what}")]
    Forbidden {
        /// GitHub's words.
        what: String,
    },
    /// It is not there, or not visible to us.
    #[error("not found on GitHub")]
    NotFound,
    /// The head of the pull request is not the one that was meant. Look again.
    #[error("head moved since it was read")]
    HeadMoved,
    /// GitHub understood the request and refuses it. The same request will be refused again.
    #[error("GitHub refuses it: {message}")]
    Unprocessable {
        /// GitHub's words.
        message: String,
    },
    /// GitHub cannot be reached or is broken, and nothing was changed. Try again later.
    #[error("GitHub is not available")]
    Unavailable(#[source] anyhow::Error),
    /// A write was sent and its answer was lost: it may have taken effect. Look before doing anything else.
    #[error("a write to GitHub has an unknown outcome")]
    AmbiguousWrite(#[source] anyhow::Error),
    /// Anything else.
    #[error("GitHub request failed")]
    Other(#[source] anyhow::Error),
}

impl Error {
    /// Whether the same call may succeed later.
    #[must_use]
    pub const fn is_transient(&self) -> bool {
        matches!(self, Self::RateLimited { .. } | Self::Unavailable(_) | Self::AmbiguousWrite(_))
    }

    /// An answer that is not what GitHub documents.
    pub(super) fn unexpected(what: impl Into<anyhow::Error>) -> Self {
        Self::Other(what.into())
    }
}
