//! An answer that is not what was asked for: what is wrong, and what to do about it.

use axum::{
    Json,
    extract::{FromRequest, Request, rejection::JsonRejection},
    http::StatusCode,
    response::{IntoResponse, Response},
};
use jiff::Timestamp;
use serde::de::DeserializeOwned;
use tracing::warn;

use crate::{github, journal, view::Problem};

/// Why a request is not answered as it wishes.
#[derive(Debug)]
pub(in crate::http) struct Refusal {
    status: StatusCode,
    problem: Problem,
}

impl Refusal {
    /// The request itself is wrong.
    pub(in crate::http) fn malformed(error: impl Into<String>) -> Self {
        Self::new(StatusCode::BAD_REQUEST, error)
    }

    /// Nobody knows who wishes it.
    pub(in crate::http) fn unauthorised(error: impl Into<String>) -> Self {
        Self::new(StatusCode::UNAUTHORIZED, error)
    }

    /// What it is about does not exist.
    pub(in crate::http) fn not_found(error: impl Into<String>) -> Self {
        Self::new(StatusCode::NOT_FOUND, error)
    }

    /// What it wishes does not go together with how things are.
    pub(super) fn conflict(error: impl Into<String>) -> Self {
        Self::new(StatusCode::CONFLICT, error)
    }

    /// It is well formed, and can never be granted.
    pub(super) fn unprocessable(error: impl Into<String>) -> Self {
        Self::new(StatusCode::UNPROCESSABLE_ENTITY, error)
    }

    /// It may be granted later.
    pub(in crate::http) fn unavailable(error: impl Into<String>) -> Self {
        Self::new(StatusCode::SERVICE_UNAVAILABLE, error)
    }

    /// The same, with what to do.
    pub(in crate::http) fn hint(mut self, hint: impl Into<String>) -> Self {
        self.problem.hint = Some(hint.into());
        self
    }

    /// What is wrong, in words.
    pub(in crate::http) fn words(&self) -> &str {
        &self.problem.error
    }

    fn new(status: StatusCode, error: impl Into<String>) -> Self {
        Self { status, problem: Problem { error: error.into(), hint: None } }
    }

    /// GitHub's answer to a question about `what`.
    pub(super) fn by_github(error: &github::Error, what: &str) -> Self {
        let gateway = |error: String| Self::new(StatusCode::BAD_GATEWAY, error);
        match error {
            github::Error::NotFound => Self::not_found(format!("GitHub does not know {what}"))
                .hint("check the number, and that the credential may see the repository"),
            github::Error::RateLimited { resets_at } => Self::limited(*resets_at),
            github::Error::Unauthorized => {
                gateway(error.to_string()).hint("give the daemon another token; see `antiphon doctor`")
            }
            github::Error::Forbidden { .. } => {
                gateway(error.to_string()).hint("give the credential more permissions; see `antiphon doctor`")
            }
            github::Error::Unavailable(_) | github::Error::HeadMoved => {
                Self::unavailable(error.to_string()).hint("try again in a moment")
            }
            github::Error::Unprocessable { .. } | github::Error::AmbiguousWrite(_) | github::Error::Other(_) => {
                warn!(error = error as &dyn std::error::Error, "GitHub could not be asked about {what}");
                gateway(error.to_string())
            }
        }
    }

    fn limited(until: Timestamp) -> Self {
        Self::unavailable("GitHub's rate limit is reached").hint(format!("try again after {until}"))
    }
}

impl From<journal::Error> for Refusal {
    fn from(error: journal::Error) -> Self {
        warn!(error = &error as &dyn std::error::Error, "The journal failed a request");
        Self::unavailable(error.to_string()).hint("see the daemon's log")
    }
}

impl IntoResponse for Refusal {
    fn into_response(self) -> Response {
        (self.status, Json(self.problem)).into_response()
    }
}

/// The body of a wish; what cannot be read is refused in the same shape as everything else.
pub(super) struct Wish<T>(pub(super) T);

impl<S: Send + Sync, T: DeserializeOwned> FromRequest<S> for Wish<T> {
    type Rejection = Refusal;

    async fn from_request(request: Request, state: &S) -> Result<Self, Refusal> {
        match Json::<T>::from_request(request, state).await {
            Ok(Json(wish)) => Ok(Self(wish)),
            Err(rejection) => Err(unreadable(&rejection)),
        }
    }
}

fn unreadable(rejection: &JsonRejection) -> Refusal {
    // A value of a wrong type is as malformed as a missing bracket; 422 is kept for what can be read.
    let status = match rejection.status() {
        StatusCode::UNPROCESSABLE_ENTITY => StatusCode::BAD_REQUEST,
        status => status,
    };
    Refusal::new(status, rejection.body_text())
}
