//! The floor of the webhook door: axum, the signature checked, the keys parsed, nothing kept.

use axum::{Router, body::Bytes, http::HeaderMap, http::StatusCode, routing};
use hmac::{Hmac, KeyInit as _, Mac as _};
use serde::Deserialize;
use sha2::Sha256;
use tokio::io::AsyncReadExt as _;

use crate::load::SECRET;

#[derive(Deserialize)]
struct Keys<'a> {
    #[serde(borrow)]
    action: Option<&'a str>,
    number: Option<u64>,
    repository: Id,
}

#[derive(Deserialize)]
struct Id {
    id: u64,
}

/// Serves until the standard input ends; the first line of output is the port.
pub(crate) async fn serve() -> anyhow::Result<()> {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await?;
    println!("{}", listener.local_addr()?.port());
    let app = Router::new()
        .route("/webhooks/github", routing::post(receive))
        .layer(axum::extract::DefaultBodyLimit::max(25 << 20));
    let ended = async {
        tokio::io::stdin().read_to_end(&mut Vec::new()).await.ok();
    };
    Ok(axum::serve(listener, app).with_graceful_shutdown(ended).await?)
}

async fn receive(headers: HeaderMap, body: Bytes) -> StatusCode {
    let signature = headers.get("x-hub-signature-256").and_then(|value| value.to_str().ok()).unwrap_or_default();
    let given = signature.strip_prefix("sha256=").and_then(|digits| hex::decode(digits).ok()).unwrap_or_default();
    let Ok(mut mac) = Hmac::<Sha256>::new_from_slice(SECRET.as_bytes()) else { return StatusCode::UNAUTHORIZED };
    mac.update(&body);
    if mac.verify_slice(&given).is_err() {
        return StatusCode::UNAUTHORIZED;
    }
    match serde_json::from_slice::<Keys<'_>>(&body) {
        Ok(keys) if keys.repository.id > 0 && (keys.action.is_some() || keys.number.is_some()) => StatusCode::ACCEPTED,
        _ => StatusCode::BAD_REQUEST,
    }
}
