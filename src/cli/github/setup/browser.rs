//! The two pages that a browser sees on this machine: the one that shows GitHub the manifest, and the one that it comes
//! back to with a code.
//!
//! It listens on loopback only. The first page lies at an address that only this run knows, and a code is taken once and
//! only together with the secret word of this run.

use std::{
    net::{Ipv4Addr, SocketAddr},
    sync::{Arc, Mutex},
};

use axum::{
    Router,
    extract::{Path, Query, State},
    http::{HeaderValue, StatusCode, header},
    response::{IntoResponse as _, Response},
    routing,
};
use hmac::{Hmac, KeyInit as _, Mac as _};
use maud::{DOCTYPE, Markup, html};
use serde::Deserialize;
use sha2::Sha256;
use tokio::{net::TcpListener, sync::oneshot};
use tokio_util::sync::CancellationToken;

use crate::{
    cli::{caller::random, error::Error},
    github::NEEDS,
};

/// What a browser brings back, and where to say what came of it.
#[derive(Debug)]
pub(super) struct Brought {
    /// The code of GitHub. It is worth the App's key.
    pub(super) code: String,
    /// Says what the browser shows: where the App is installed, or what went wrong.
    pub(super) answer: oneshot::Sender<Result<String, String>>,
}

/// A listener that nobody was told of yet.
pub(super) struct Listener {
    socket: TcpListener,
    address: SocketAddr,
    page: String,
    state: String,
}

/// What the pages are made of.
struct Pages {
    page: String,
    state: String,
    /// Where the form goes, and what is in it.
    form: (String, String),
    brought: Mutex<Option<oneshot::Sender<Brought>>>,
}

impl Listener {
    /// Listens on this machine, on `port` or, if that is 0, on a free one.
    pub(super) async fn open(port: u16) -> Result<Self, Error> {
        let failed = |error: std::io::Error| Error::failed("cannot listen for the browser").because(&error);
        let socket = TcpListener::bind((Ipv4Addr::LOCALHOST, port)).await.map_err(failed)?;
        let address = socket.local_addr().map_err(failed)?;
        Ok(Self { socket, address, page: random::<16>()?, state: random::<32>()? })
    }

    /// The page that a person opens.
    pub(super) fn link(&self) -> String {
        format!("http://{}/{}", self.address, self.page)
    }

    /// Where GitHub sends the browser back to.
    pub(super) fn redirect_url(&self) -> String {
        format!("http://{}/made", self.address)
    }

    /// The secret word of this run, which has to come back with a code.
    pub(super) fn state(&self) -> &str {
        &self.state
    }

    /// Serves until told to stop; what the browser brings goes to `brought`, once.
    pub(super) async fn serve(
        self,
        form: (String, String),
        brought: oneshot::Sender<Brought>,
        stop: CancellationToken,
    ) -> std::io::Result<()> {
        let brought = Mutex::new(Some(brought));
        let pages = Arc::new(Pages { page: self.page, state: self.state, form, brought });
        let router =
            Router::new().route("/made", routing::get(made)).route("/{page}", routing::get(first)).with_state(pages);
        axum::serve(self.socket, router).with_graceful_shutdown(async move { stop.cancelled().await }).await
    }
}

#[derive(Deserialize)]
struct Return {
    #[serde(default)]
    code: String,
    #[serde(default)]
    state: String,
}

async fn first(State(pages): State<Arc<Pages>>, Path(page): Path<String>) -> Response {
    if !equal(&pages.page, &page) {
        return shown(StatusCode::NOT_FOUND, "", &html! { p { "There is nothing here." } });
    }
    let (action, manifest) = &pages.form;
    let origin = action.parse::<url::Url>().map(|url| url.origin().ascii_serialization()).unwrap_or_default();
    let body = html! {
        p { "GitHub shows you the App before it is made: its name, which you may change, and its permissions." }
        form method="post" action=(action) {
            input type="hidden" name="manifest" value=(manifest);
            button { "Go on to GitHub" }
        }
        h2 { "What it may do, and why" }
        ul { @for need in NEEDS { li { code { (need.permission) ": " (need.access.name()) } " – " (need.why) } } }
    };
    shown(StatusCode::OK, &origin, &body)
}

async fn made(State(pages): State<Arc<Pages>>, Query(back): Query<Return>) -> Response {
    // Checked first: whoever does not know the word learns nothing, and does not use up the one place.
    if !equal(&pages.state, &back.state) || back.code.is_empty() {
        let body =
            html! { p { "This did not come from the page that this run of Antiphon showed. Nothing was done." } };
        return shown(StatusCode::FORBIDDEN, "", &body);
    }
    let place = pages.brought.lock().expect("no holder of this lock panics").take();
    let (answer, told) = oneshot::channel();
    let sent = place.is_some_and(|place| place.send(Brought { code: back.code, answer }).is_ok());
    if !sent {
        return shown(StatusCode::GONE, "", &html! { p { "A code was taken already. Nothing was done." } });
    }
    match told.await {
        Ok(Ok(link)) => {
            let body = html! {
                p { "The App is made, and its key is on your machine." }
                p { a href=(link) { "Install it on your repository" } " – then go on in the terminal." }
            };
            shown(StatusCode::OK, "", &body)
        }
        Ok(Err(why)) => shown(StatusCode::BAD_GATEWAY, "", &html! { p { (why) } }),
        Err(_) => shown(StatusCode::BAD_GATEWAY, "", &html! { p { "The terminal went away." } }),
    }
}

/// A page. `target` is the only place that its form may go to.
fn shown(status: StatusCode, target: &str, body: &Markup) -> Response {
    let page = html! {
        (DOCTYPE)
        html lang="en" {
            head { meta charset="utf-8"; title { "Antiphon" } }
            body { h1 { "Antiphon" } (body) }
        }
    };
    let mut response = (status, axum::response::Html(page.into_string())).into_response();
    let policy = format!("default-src 'none'; form-action {target}; frame-ancestors 'none'; base-uri 'none'");
    let headers = response.headers_mut();
    if let Ok(policy) = HeaderValue::from_str(&policy) {
        headers.insert(header::CONTENT_SECURITY_POLICY, policy);
    }
    headers.insert(header::REFERRER_POLICY, HeaderValue::from_static("no-referrer"));
    headers.insert(header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    response
}

/// Compares in a time that depends on neither text.
fn equal(known: &str, shown: &str) -> bool {
    let keyed = |text: &str| {
        let mut mac = Hmac::<Sha256>::new_from_slice(known.as_bytes()).expect("HMAC takes keys of any length");
        mac.update(text.as_bytes());
        mac
    };
    keyed(shown).verify_slice(&keyed(known).finalize().into_bytes()).is_ok()
}
