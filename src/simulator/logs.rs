//! Job logs behind signed addresses on another host, as GitHub keeps them with its storage provider.
//!
//! The storage knows nothing of API tokens: a request that carries one is refused, and an address is good for one
//! minute.

use axum::{
    Router,
    extract::{Path, Query, State},
    response::{IntoResponse as _, Response},
    routing::get,
};
use hmac::{Hmac, KeyInit as _, Mac as _};
use http::{HeaderMap, StatusCode, header};
use jiff::{SignedDuration, Timestamp};
use serde::Deserialize;
use sha2::Sha256;

use super::shared::Shared;

/// How long an address is good.
const GOOD_FOR: SignedDuration = SignedDuration::from_secs(60);

/// Makes and checks the addresses.
#[derive(Debug, Clone)]
pub(crate) struct LogUrls {
    root: String,
    key: Vec<u8>,
}

impl LogUrls {
    /// Addresses under `root`, signed with a key of their own.
    pub(crate) const fn new(root: String, key: Vec<u8>) -> Self {
        Self { root, key }
    }

    /// An address for the log of a job that is good from now on for a minute.
    pub(crate) fn sign(&self, job: u64, now: Timestamp) -> String {
        let expires = now.checked_add(GOOD_FOR).unwrap_or(now).as_second();
        format!("{}/logs/{job}?se={expires}&sig={}", self.root, self.signature(job, expires))
    }

    fn signature(&self, job: u64, expires: i64) -> String {
        let mut mac = Hmac::<Sha256>::new_from_slice(&self.key).expect("HMAC takes a key of any length");
        mac.update(format!("{job}:{expires}").as_bytes());
        hex::encode(mac.finalize().into_bytes())
    }
}

#[derive(Debug, Deserialize)]
struct Signed {
    se: i64,
    sig: String,
}

/// The storage provider.
pub(crate) fn router(shared: Shared) -> Router {
    Router::new().route("/logs/{job}", get(log)).with_state(shared)
}

async fn log(
    State(shared): State<Shared>,
    Path(job): Path<u64>,
    Query(signed): Query<Signed>,
    headers: HeaderMap,
) -> Response {
    if headers.contains_key(header::AUTHORIZATION) {
        let words = "InvalidAuthenticationInfo: authentication information is not given in the correct format";
        return (StatusCode::BAD_REQUEST, words).into_response();
    }
    let genuine = shared.log_urls.signature(job, signed.se) == signed.sig;
    if !genuine || shared.clock.now().as_second() >= signed.se {
        return (StatusCode::FORBIDDEN, "AuthenticationFailed: signature not valid in the specified time frame")
            .into_response();
    }
    let found = shared.look(|world| {
        world.repositories.values().find_map(|repo| repo.job(job).ok().and_then(|(_, _, job)| job.log.clone()))
    });
    let Some(text) = found else {
        return (StatusCode::NOT_FOUND, "BlobNotFound: the specified blob does not exist").into_response();
    };
    ([(header::CONTENT_TYPE, "text/plain; charset=utf-8")], text).into_response()
}
