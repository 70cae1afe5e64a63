//! Who may see and change things: whoever shows the access token, also on loopback.
//!
//! The token lies in the state directory, readable by the user alone. The CLI reads it; a browser gets it as a cookie
//! through a link that works once.

use std::{
    path::Path,
    sync::{Arc, Mutex},
};

use axum::{
    Json,
    extract::{Query, Request, State},
    http::{HeaderMap, HeaderValue, Method, StatusCode, header},
    middleware::Next,
    response::{IntoResponse as _, Response},
};
use hmac::{Hmac, KeyInit as _, Mac as _};
use serde::Deserialize;
use sha2::Sha256;

use super::{Shared, Surroundings, api::Refusal, page};
use crate::{places::Places, view::Link};

const COOKIE: &str = "antiphon";

/// The secret that local clients show. It cannot be printed.
pub struct AccessToken {
    secret: String,
    links: Mutex<Vec<String>>,
}

impl AccessToken {
    /// The token in `path`; made there if it is missing.
    ///
    /// # Errors
    ///
    /// When it can be neither read nor written.
    pub fn at(path: &Path) -> std::io::Result<Self> {
        let secret = match std::fs::read_to_string(path) {
            Ok(secret) if secret.trim().len() >= 32 => secret.trim().to_owned(),
            Ok(_) => Self::make(path)?,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => Self::make(path)?,
            Err(error) => return Err(error),
        };
        Ok(Self { secret, links: Mutex::new(Vec::new()) })
    }

    fn make(path: &Path) -> std::io::Result<String> {
        let secret = random()?;
        Places::write_private(path, secret.as_bytes())?;
        Ok(secret)
    }

    /// A code for a link that logs a browser in, once.
    ///
    /// # Errors
    ///
    /// When there are no random numbers.
    pub fn link_code(&self) -> std::io::Result<String> {
        let code = random()?;
        let mut links = self.links.lock().expect("no holder of this lock panics");
        // Links that nobody opened do not pile up.
        if links.len() >= 16 {
            links.remove(0);
        }
        links.push(code.clone());
        Ok(code)
    }

    fn redeem(&self, code: &str) -> bool {
        let mut links = self.links.lock().expect("no holder of this lock panics");
        let found = links.iter().position(|link| equal(link, code));
        found.is_some_and(|index| {
            links.remove(index);
            true
        })
    }

    fn admits(&self, shown: &str) -> bool {
        equal(&self.secret, shown)
    }

    /// What a browser keeps: not the token itself, so that a stolen cookie is worth no more than this page.
    fn cookie(&self) -> String {
        let mut mac = Hmac::<Sha256>::new_from_slice(self.secret.as_bytes()).expect("HMAC takes keys of any length");
        mac.update(b"cookie");
        hex::encode(mac.finalize().into_bytes())
    }
}

impl std::fmt::Debug for AccessToken {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("AccessToken(…)")
    }
}

/// Lets a request pass that shows the token or the cookie.
pub(super) async fn guard(State(surroundings): State<Arc<Surroundings>>, request: Request, next: Next) -> Response {
    let headers = request.headers();
    let by_token = bearer(headers).is_some_and(|shown| surroundings.token.admits(shown));
    let by_cookie = cookie(headers).is_some_and(|shown| equal(&surroundings.token.cookie(), shown));
    // A cookie comes along with requests that other sites make; those must not change anything.
    let harmless = matches!(*request.method(), Method::GET | Method::HEAD) || is_same_origin(headers);
    if by_token || (by_cookie && harmless) {
        let mut response = next.run(request).await;
        harden(response.headers_mut());
        return response;
    }
    let mut response = if wants_page(headers) {
        (StatusCode::UNAUTHORIZED, page::locked()).into_response()
    } else {
        Refusal::unauthorised("this needs the access token")
            .hint("run `antiphon open` for a link, or show the token in the state directory")
            .into_response()
    };
    response.headers_mut().insert(header::WWW_AUTHENTICATE, HeaderValue::from_static("Bearer realm=\"antiphon\""));
    harden(response.headers_mut());
    response
}

#[derive(Deserialize)]
pub(super) struct Login {
    code: String,
}

/// Redeems a one-time link.
pub(super) async fn login(State(surroundings): Shared, Query(login): Query<Login>) -> Response {
    let mut response = if surroundings.token.redeem(&login.code) {
        let cookie = surroundings.token.cookie();
        let cookie = format!("{COOKIE}={cookie}; HttpOnly; SameSite=Strict; Path=/; Max-Age=2592000");
        // A redirect would not do: a browser that comes from another site takes a strict cookie along only when this
        // page itself leads on.
        let mut response = page::welcome().into_response();
        if let Ok(cookie) = HeaderValue::from_str(&cookie) {
            response.headers_mut().insert(header::SET_COOKIE, cookie);
        }
        response
    } else {
        (StatusCode::UNAUTHORIZED, page::locked()).into_response()
    };
    harden(response.headers_mut());
    response
}

/// Makes a one-time link.
pub(super) async fn link(State(surroundings): Shared) -> Result<Json<Link>, Refusal> {
    match surroundings.token.link_code() {
        Ok(code) => Ok(Json(Link { path: format!("/login?code={code}") })),
        Err(error) => Err(Refusal::unavailable(format!("there are no random numbers: {error}"))),
    }
}

fn wants_page(headers: &HeaderMap) -> bool {
    headers.get(header::ACCEPT).and_then(|kinds| kinds.to_str().ok()).is_some_and(|kinds| kinds.contains("text/html"))
}

fn harden(headers: &mut HeaderMap) {
    headers.insert(
        header::CONTENT_SECURITY_POLICY,
        HeaderValue::from_static("default-src 'none'; style-src 'self'; script-src 'self'; connect-src 'self'; img-src 'self'; form-action 'self'; frame-ancestors 'none'; base-uri 'none'"),
    );
    headers.insert(header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    headers.insert(header::REFERRER_POLICY, HeaderValue::from_static("no-referrer"));
    // What is shown here is nobody else's business, and old a moment later.
    headers.entry(header::CACHE_CONTROL).or_insert(HeaderValue::from_static("no-store"));
}

fn bearer(headers: &HeaderMap) -> Option<&str> {
    headers.get(header::AUTHORIZATION)?.to_str().ok()?.strip_prefix("Bearer ")
}

fn cookie(headers: &HeaderMap) -> Option<&str> {
    let cookies = headers.get(header::COOKIE)?.to_str().ok()?;
    cookies
        .split(';')
        .filter_map(|cookie| cookie.trim().split_once('='))
        .find(|(name, _)| *name == COOKIE)
        .map(|(_, value)| value)
}

fn is_same_origin(headers: &HeaderMap) -> bool {
    headers.get("sec-fetch-site").is_some_and(|site| site == "same-origin")
}

/// Compares in a time that depends on neither text.
pub(super) fn equal(known: &str, shown: &str) -> bool {
    let mut mac = Hmac::<Sha256>::new_from_slice(b"compare").expect("HMAC takes keys of any length");
    mac.update(known.as_bytes());
    let known = mac.finalize().into_bytes();
    let mut mac = Hmac::<Sha256>::new_from_slice(b"compare").expect("HMAC takes keys of any length");
    mac.update(shown.as_bytes());
    mac.verify_slice(&known).is_ok()
}

fn random() -> std::io::Result<String> {
    let mut bytes = [0; 32];
    getrandom::fill(&mut bytes).map_err(std::io::Error::other)?;
    Ok(hex::encode(bytes))
}
