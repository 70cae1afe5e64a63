//! Why GitHub refuses an act.

/// Why GitHub refuses an act.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    /// There is no such thing: 404.
    #[error("not found")]
    NotFound,
    /// The request makes no sense in this state: 422.
    #[error("{message}")]
    Unprocessable {
        /// What it is about, as GitHub names it.
        resource: &'static str,
        /// Why, in words.
        message: String,
    },
    /// The method is not allowed in this state: 405.
    #[error("{0}")]
    NotAllowed(String),
    /// Something moved since the caller looked: 409.
    #[error("{0}")]
    Conflict(String),
    /// The account may not do this: 403.
    #[error("{0}")]
    Forbidden(String),
}

impl Refusal {
    /// A 422 about a resource.
    pub(crate) fn unprocessable(resource: &'static str, message: impl Into<String>) -> Self {
        Self::Unprocessable { resource, message: message.into() }
    }
}
