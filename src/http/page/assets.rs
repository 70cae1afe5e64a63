//! The files that the page is dressed and kept alive with. They lie in the binary.

use std::sync::{Arc, LazyLock};

use axum::{
    Router,
    http::header,
    response::{IntoResponse as _, Response},
    routing,
};
use sha2::{Digest as _, Sha256};

use crate::http::Surroundings;

const STYLE: &str = include_str!("style.css");
const SCRIPT: &str = include_str!("live.js");
const ICON: &str = include_str!("icon.svg");

/// Stands behind their addresses, so that a browser asks again after an update and never else.
static VERSION: LazyLock<String> = LazyLock::new(|| {
    let mut hasher = Sha256::new();
    for text in [STYLE, SCRIPT, ICON] {
        hasher.update(text);
    }
    hex::encode(&hasher.finalize()[..6])
});

/// The routes.
pub(super) fn routes() -> Router<Arc<Surroundings>> {
    Router::new()
        .route("/style.css", routing::get(|| async { file("text/css; charset=utf-8", STYLE) }))
        .route("/live.js", routing::get(|| async { file("text/javascript; charset=utf-8", SCRIPT) }))
        .route("/icon.svg", routing::get(|| async { file("image/svg+xml", ICON) }))
}

/// The address of one of them.
pub(super) fn address(name: &str) -> String {
    format!("/{name}?v={}", *VERSION)
}

fn file(kind: &'static str, text: &'static str) -> Response {
    let headers = [(header::CONTENT_TYPE, kind), (header::CACHE_CONTROL, "private, max-age=31536000, immutable")];
    (headers, text).into_response()
}
