//! Apps: made of a manifest in a browser, handed over for a code, and asked about with what their key signs.
//!
//! The signature of a token is not checked, only what it claims: who, since when, and for how long.

use std::collections::BTreeMap;

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use jiff::{SignedDuration, Timestamp};
use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};

use super::{
    call::Reply,
    json::{objects, time},
    server::Simulator,
    shared::Shared,
    world::World,
};

const INSTALLATION_ID: u64 = 61_000_001;
/// The longest life of what an App signs, in seconds.
const LIFE_SECS_MAX: i64 = 600;

/// What the next manifest becomes.
#[derive(Debug, Clone)]
pub struct OfferedApp {
    /// The number of the App.
    pub id: u64,
    /// Its private key, PEM.
    pub key: String,
    /// What its deliveries are signed with.
    pub webhook_secret: String,
}

/// An App, from its offer on.
#[derive(Debug, Clone)]
pub(crate) struct App {
    offered: OfferedApp,
    /// What was posted; `null` before.
    manifest: Value,
    /// What it is handed over for, once.
    code: Option<String>,
    /// When its installation was suspended.
    suspended: Option<Timestamp>,
}

impl Simulator {
    /// Lets the next manifest become this App.
    pub fn offer_app(&self, offered: OfferedApp) {
        let app = App { offered, manifest: Value::Null, code: None, suspended: None };
        self.shared.change(|world| world.app = Some(app));
    }

    /// Suspends the installation of the App.
    pub fn suspend_app(&self) {
        self.shared.change(|world| {
            let now = world.now;
            if let Some(app) = &mut world.app {
                app.suspended = Some(now);
            }
        });
    }
}

/// Answers what has to do with Apps; `None` for everything else.
pub(crate) fn answer(
    shared: &Shared,
    (method, path, query): (&str, &str, &str),
    body: &[u8],
    token: Option<&str>,
) -> Option<Reply> {
    let segments: Vec<&str> = path.split('/').filter(|part| !part.is_empty()).collect();
    match (method, segments.as_slice()) {
        ("POST", ["settings", "apps", "new"] | ["organizations", _, "settings", "apps", "new"]) => {
            Some(shared.change(|world| make(world, query, body)))
        }
        ("POST", ["app-manifests", code, "conversions"]) => Some(shared.change(|world| hand_over(world, code))),
        // Anybody may ask who somebody is.
        ("GET", ["users", login]) if token.is_none() => {
            let user = shared.look(|world| objects::login(world, login));
            Some(if user.is_null() { Reply::refusal(404, "Not Found") } else { Reply::ok(user) })
        }
        (_, rest) => {
            let jwt = token.filter(|token| token.split('.').count() == 3)?;
            Some(shared.change(|world| as_app(world, &shared.token, jwt, (method, rest))))
        }
    }
}

/// What a browser posts: the manifest becomes the App, and the browser is sent back with a code.
fn make(world: &mut World, query: &str, body: &[u8]) -> Reply {
    let fields: BTreeMap<String, String> = url::form_urlencoded::parse(body).into_owned().collect();
    let manifest: Value = fields.get("manifest").and_then(|it| serde_json::from_str(it).ok()).unwrap_or_default();
    let Some(redirect) = manifest["redirect_url"].as_str().and_then(|it| it.parse::<url::Url>().ok()) else {
        return Reply::refusal(422, "Invalid GitHub App configuration");
    };
    let number = world.next_id();
    let Some(app) = &mut world.app else { return Reply::refusal(404, "Not Found") };
    let code = hex::encode(&Sha256::digest(format!("{number} {}", app.offered.id))[..20]);
    let state = url::form_urlencoded::parse(query.as_bytes()).find(|(name, _)| name == "state");
    let mut target = redirect;
    target.query_pairs_mut().append_pair("code", &code);
    if let Some((_, state)) = state {
        target.query_pairs_mut().append_pair("state", &state);
    }
    (app.manifest, app.code) = (manifest, Some(code));
    Reply::empty(302).header("location", target.to_string())
}

/// Gives the App's secrets for a code, once.
fn hand_over(world: &mut World, code: &str) -> Reply {
    let known = world.app.as_mut().filter(|app| app.code.as_deref() == Some(code));
    let Some(app) = known else { return Reply::refusal(404, "Not Found") };
    app.code = None;
    let app = app.clone();
    let has_hook = app.manifest["hook_attributes"]["url"].is_string();
    let mut body = shown(world, &app);
    body["pem"] = json!(app.offered.key);
    body["webhook_secret"] = if has_hook { json!(app.offered.webhook_secret) } else { Value::Null };
    body["client_secret"] = json!("nobody needs it");
    Reply::created(body)
}

fn shown(world: &World, app: &App) -> Value {
    let name = app.manifest["name"].as_str().unwrap_or("app");
    json!({
        "id": app.offered.id,
        "slug": name,
        "name": name,
        "html_url": format!("{}/apps/{name}", world.root),
        "permissions": app.manifest["default_permissions"],
        "events": app.manifest.get("default_events").cloned().unwrap_or_else(|| json!([])),
    })
}

fn as_app(world: &mut World, token: &str, jwt: &str, (method, path): (&str, &[&str])) -> Reply {
    let Some(app) = world.app.clone() else { return Reply::refusal(401, "Bad credentials") };
    if let Err(why) = believable(jwt, app.offered.id, world.now) {
        return Reply::refusal(401, why);
    }
    match (method, path) {
        ("GET", ["app"]) => Reply::ok(shown(world, &app)),
        ("GET", ["app", "hook", "config"]) => match app.manifest["hook_attributes"]["url"].as_str() {
            Some(url) => {
                Reply::ok(json!({ "url": url, "content_type": "json", "insecure_ssl": "0", "secret": "********" }))
            }
            None => Reply::refusal(404, "Not Found"),
        },
        ("GET", ["repos", owner, name, "installation"]) if world.repository(&format!("{owner}/{name}")).is_ok() => {
            Reply::ok(json!({
                "id": INSTALLATION_ID,
                "permissions": app.manifest["default_permissions"],
                "events": app.manifest["default_events"],
                "suspended_at": app.suspended.map(time),
            }))
        }
        ("POST", ["app", "installations", id, "access_tokens"]) if id.parse() == Ok(INSTALLATION_ID) => {
            if app.suspended.is_some() {
                return Reply::refusal(403, "This installation has been suspended");
            }
            let expires_at = time(world.now + SignedDuration::from_hours(1));
            Reply::created(json!({ "token": token, "expires_at": expires_at }))
        }
        _ => Reply::refusal(404, "Not Found"),
    }
}

/// Whether GitHub would believe the claims of a token at this time.
fn believable(jwt: &str, app: u64, now: Timestamp) -> Result<(), &'static str> {
    const UNREADABLE: &str = "A JSON web token could not be decoded";
    let claims = jwt.split('.').nth(1).and_then(|claims| URL_SAFE_NO_PAD.decode(claims).ok());
    let claims: Value = claims.and_then(|claims| serde_json::from_slice(&claims).ok()).ok_or(UNREADABLE)?;
    let (Some(issued), Some(ends)) = (claims["iat"].as_i64(), claims["exp"].as_i64()) else { return Err(UNREADABLE) };
    if claims["iss"] != json!(app.to_string()) && claims["iss"] != json!(app) {
        return Err("Integration not found");
    }
    if issued > now.as_second() {
        return Err("'Issued at' claim ('iat') must be an Integer representing the time that the assertion was issued");
    }
    if ends <= now.as_second() || ends - now.as_second() > LIFE_SECS_MAX {
        return Err("'Expiration time' claim ('exp') must be a numeric value in the near future");
    }
    Ok(())
}
