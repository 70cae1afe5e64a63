//! Where the token of a request comes from: given, from the `gh` program, or minted for an installation of an App.
//!
//! However many requests need a fresh token at once, one is fetched and all get it. No token is ever printed.

use std::{
    collections::BTreeMap,
    ffi::OsString,
    fmt,
    path::PathBuf,
    sync::{
        Arc, Mutex,
        atomic::{AtomicI64, Ordering},
    },
};

use http::{HeaderValue, Method, StatusCode, header::DATE};
use jiff::{SignedDuration, Timestamp};
use octocrab::jsonwebtoken::{self, Algorithm, EncodingKey};
use serde::{Deserialize, Serialize};
use tokio::sync::OnceCell;
use tracing::warn;
use url::Url;

use super::{
    Error,
    governor::Class,
    transport::path,
    wire::{Answer, Call, Wire},
};
use crate::{
    clock::Clock,
    model::{Login, RepoName, Secret},
    process,
};

/// A token is replaced this long before it ends, so that none ends on its way.
const RENEW_BEFORE: SignedDuration = SignedDuration::from_mins(2);
/// How long an account without an installation is left alone, unless it is heard of before.
const NOT_INSTALLED: SignedDuration = SignedDuration::from_mins(15);
/// What the claims of a signed request tolerate, in seconds.
const SKEW_SECS_MAX: i64 = 30;

/// Who we are to GitHub.
#[derive(Clone)]
pub enum Credentials {
    /// A personal or fine-grained token.
    Token(Secret),
    /// What `gh auth token` says.
    GhCli {
        /// The program, usually `gh`.
        program: PathBuf,
        /// What it needs to find its settings: `HOME`, `PATH` and the like.
        env: BTreeMap<OsString, OsString>,
    },
    /// An installation of a GitHub App.
    App(App),
}

impl fmt::Debug for Credentials {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Token(secret) => f.debug_tuple("Token").field(secret).finish(),
            // Somebody's environment may well hold a token.
            Self::GhCli { program, env: _ } => {
                f.debug_struct("GhCli").field("program", program).finish_non_exhaustive()
            }
            Self::App(app) => f.debug_tuple("App").field(app).finish(),
        }
    }
}

/// A GitHub App.
#[derive(Debug, Clone)]
pub struct App {
    /// Its id.
    pub id: u64,
    /// Its private key, PEM.
    pub key: Secret,
}

impl App {
    /// Reads the key file of an App.
    ///
    /// # Errors
    ///
    /// If the file cannot be read or is not text.
    pub fn read(id: u64, key_file: &std::path::Path) -> std::io::Result<Self> {
        Ok(Self { id, key: Secret::new(std::fs::read_to_string(key_file)?) })
    }
}

/// Tokens as long as they are good, by the account that owns the repository.
#[derive(Debug)]
pub(super) struct TokenStore {
    wire: Arc<Wire>,
    clock: Clock,
    api: Url,
    source: Credentials,
    tokens: Mutex<BTreeMap<String, Arc<OnceCell<Token>>>>,
    /// How far GitHub's clock is ahead of ours, as far as it mattered yet.
    skew_secs: AtomicI64,
}

/// A token and when it ends; `None`: nobody knows.
#[derive(Debug, Clone)]
struct Token {
    secret: Secret,
    expires_at: Option<Timestamp>,
}

impl TokenStore {
    pub(super) fn new(wire: Arc<Wire>, clock: Clock, api: Url, source: Credentials) -> Self {
        Self { wire, clock, api, source, tokens: Mutex::default(), skew_secs: AtomicI64::new(0) }
    }

    /// The value of `Authorization` for requests about `repo`.
    pub(super) async fn authorization(&self, repo: Option<&RepoName>) -> Result<HeaderValue, Error> {
        bearer(&self.token(repo).await?)
    }

    /// A good token; one fetch for all who ask at the same time.
    pub(super) async fn token(&self, repo: Option<&RepoName>) -> Result<Secret, Error> {
        let owner = self.account(repo);
        let cell = self.cell(&owner);
        let token = cell.get_or_try_init(|| self.fetch(repo)).await?;
        if token.expires_at.is_none_or(|end| end - RENEW_BEFORE > self.clock.now()) {
            return Ok(token.secret.clone());
        }
        self.forget(&owner, &cell);
        // Whatever its end is said to be, a token that was just made is used: to a clock that is an hour fast, all of
        // them have ended.
        self.cell(&owner).get_or_try_init(|| self.fetch(repo)).await.map(|token| token.secret.clone())
    }

    /// After a 401: forgets the token, if it was one that can be fetched anew. Says whether to try again.
    pub(super) fn renew(&self, repo: Option<&RepoName>, used: &HeaderValue) -> bool {
        if matches!(self.source, Credentials::Token(_)) {
            return false;
        }
        let owner = self.account(repo);
        let cell = self.tokens().get(&owner).cloned();
        let current = cell.as_ref().and_then(|cell| cell.get()).and_then(|token| bearer(&token.secret).ok());
        // Somebody else may have renewed it already; theirs is to be tried, not thrown away.
        if let Some(cell) = cell.filter(|_| current.as_ref() == Some(used)) {
            self.forget(&owner, &cell);
        }
        true
    }

    /// Our own account name.
    pub(super) async fn login(&self) -> Result<Login, Error> {
        let answer = match &self.source {
            Credentials::Token(_) | Credentials::GhCli { .. } => {
                let mut call = Call::read(path(&self.api, &["user"])?, Class::Person, String::new());
                call.authorization = Some(self.authorization(None).await?);
                self.wire.exchange(&call).await?
            }
            Credentials::App(_) => self.for_a_token(Method::GET, &["app"]).await?,
        };
        let account: Account = answer.json()?;
        let login = account.login.or(account.slug.map(|slug| format!("{slug}[bot]"))).unwrap_or_default();
        login.parse().map_err(Error::unexpected)
    }

    async fn fetch(&self, repo: Option<&RepoName>) -> Result<Token, Error> {
        match (&self.source, repo) {
            (Credentials::Token(secret), _) => Ok(Token { secret: secret.clone(), expires_at: None }),
            (Credentials::GhCli { program, env }, _) => self.ask_gh(program, env).await,
            (Credentials::App(_), Some(repo)) => self.mint(repo).await,
            (Credentials::App(_), None) => {
                Err(Error::unexpected(anyhow::anyhow!("an App has no token without a repository")))
            }
        }
    }

    async fn ask_gh(&self, program: &PathBuf, env: &BTreeMap<OsString, OsString>) -> Result<Token, Error> {
        let mut command = process::Command::new(program).args(["auth", "token"]).envs(env);
        // The API of an own server lies under the server's name; that of github.com does not.
        if let Some(host) = self.api.host_str().filter(|host| *host != "api.github.com") {
            command = command.args(["--hostname", host]);
        }
        let output = match command.run().await {
            Ok(output) => output,
            // Who has no `gh` has no credential, and only a person can change that.
            Err(process::Error::NotStarted { .. }) => return Err(Error::Unauthorized),
            Err(error @ (process::Error::TooSlow { .. } | process::Error::Lost { .. })) => {
                return Err(Error::Unavailable(error.into()));
            }
        };
        let token = output.stdout_text().trim().to_owned();
        if !output.success() || token.is_empty() {
            return Err(Error::Unauthorized);
        }
        Ok(Token { secret: Secret::new(token), expires_at: None })
    }

    async fn mint(&self, repo: &RepoName) -> Result<Token, Error> {
        let governor = self.wire.governors().of(&self.account(Some(repo)));
        if governor.parked() {
            return Err(Error::Unauthorized);
        }
        let path = ["repos", repo.owner(), repo.name(), "installation"];
        let found = self.for_a_token(Method::GET, &path).await.and_then(Answer::json::<Installation>);
        let minted = match found {
            Ok(Installation { id }) => {
                let path = ["app", "installations", &id.to_string(), "access_tokens"];
                self.for_a_token(Method::POST, &path).await.and_then(Answer::json::<Minted>)
            }
            Err(error) => Err(error),
        };
        let minted = minted.map_err(not_installed);
        if matches!(minted, Err(Error::Unauthorized)) {
            governor.park(NOT_INSTALLED);
        }
        minted.map(|minted| Token { secret: minted.token, expires_at: Some(minted.expires_at) })
    }

    /// Asks as the App itself, and once more by GitHub's clock if ours turns out to be wrong.
    pub(super) async fn as_app(&self, mut call: Call) -> Result<Answer, Error> {
        let Some(app) = self.app() else { return Err(Error::Unauthorized) };
        call.authorization = Some(bearer(&self.jwt(app)?)?);
        let answer = self.wire.exchange(&call).await?;
        if answer.status != StatusCode::UNAUTHORIZED || !self.correct_clock(&answer) {
            return Ok(answer);
        }
        call.authorization = Some(bearer(&self.jwt(app)?)?);
        self.wire.exchange(&call).await
    }

    async fn for_a_token(&self, method: Method, segments: &[&str]) -> Result<Answer, Error> {
        // Asking for a token changes nothing that anybody sees, so it need not queue with the writes.
        let mut call = Call::read(path(&self.api, segments)?, Class::Person, String::new());
        call.method = method;
        self.as_app(call).await
    }

    /// After a refusal: takes over GitHub's time, if ours is another. Says whether that changed anything.
    fn correct_clock(&self, answer: &Answer) -> bool {
        let Some(skew) = self.skew_secs(answer) else { return false };
        let before = self.skew_secs.swap(skew, Ordering::Relaxed);
        let changed = (skew - before).abs() > SKEW_SECS_MAX;
        if changed {
            warn!(clock.skew_secs = skew, "This machine's clock differs from GitHub's by {skew} s");
        }
        changed
    }

    /// How many seconds GitHub's clock was ahead of ours when it answered.
    pub(super) fn skew_secs(&self, answer: &Answer) -> Option<i64> {
        let date = answer.headers.get(DATE)?.to_str().ok()?;
        let theirs = jiff::fmt::rfc2822::parse(date).ok()?;
        Some(theirs.timestamp().as_second() - self.clock.now().as_second())
    }

    /// The App, if that is who we are.
    pub(super) const fn app(&self) -> Option<&App> {
        match &self.source {
            Credentials::App(app) => Some(app),
            Credentials::Token(_) | Credentials::GhCli { .. } => None,
        }
    }

    /// The installation turned out to be suspended: what is known of it is forgotten, and it is left alone for a while.
    pub(super) fn no_access(&self, repo: &RepoName) {
        let account = self.account(Some(repo));
        self.tokens().remove(&account);
        self.wire.governors().of(&account).park(NOT_INSTALLED);
    }

    /// An installation may have come back, or changed: everything is asked anew.
    pub(super) fn forget_all(&self) {
        if self.app().is_some() {
            self.tokens().clear();
            self.wire.governors().readmit();
        }
    }

    /// Signed by the App's key; back-dated a minute, for the two clocks may differ, and good for nine.
    fn jwt(&self, app: &App) -> Result<Secret, Error> {
        let now = self.clock.now().as_second() + self.skew_secs.load(Ordering::Relaxed);
        let claims = Claims { iss: app.id.to_string(), iat: now - 60, exp: now + 9 * 60 };
        let key = EncodingKey::from_rsa_pem(app.key.expose().as_bytes()).map_err(Error::unexpected)?;
        let header = jsonwebtoken::Header::new(Algorithm::RS256);
        jsonwebtoken::encode(&header, &claims, &key).map(Secret::new).map_err(Error::unexpected)
    }

    /// Whose installation a token for `repo` belongs to: only an App has different tokens for different owners.
    pub(super) fn account(&self, repo: Option<&RepoName>) -> String {
        match &self.source {
            Credentials::Token(_) | Credentials::GhCli { .. } => String::new(),
            Credentials::App(_) => repo.map_or_else(String::new, |repo| repo.owner().to_lowercase()),
        }
    }

    fn cell(&self, owner: &str) -> Arc<OnceCell<Token>> {
        self.tokens().entry(owner.to_owned()).or_default().clone()
    }

    fn forget(&self, owner: &str, cell: &Arc<OnceCell<Token>>) {
        let mut tokens = self.tokens();
        if tokens.get(owner).is_some_and(|current| Arc::ptr_eq(current, cell)) {
            tokens.remove(owner);
        }
    }

    fn tokens(&self) -> std::sync::MutexGuard<'_, BTreeMap<String, Arc<OnceCell<Token>>>> {
        self.tokens.lock().expect("no holder of this lock panics")
    }
}

/// That the App is not installed must not be mistaken for the absence of what was to be asked for with its token.
fn not_installed(error: Error) -> Error {
    match error {
        Error::NotFound | Error::Forbidden { .. } | Error::Unprocessable { .. } => Error::Unauthorized,
        other @ (Error::RateLimited { .. }
        | Error::Unauthorized
        | Error::HeadMoved
        | Error::Unavailable(_)
        | Error::AmbiguousWrite(_)
        | Error::Other(_)) => other,
    }
}

fn bearer(secret: &Secret) -> Result<HeaderValue, Error> {
    let mut value: HeaderValue = format!("Bearer {}", secret.expose()).parse().map_err(|_| Error::Unauthorized)?;
    value.set_sensitive(true);
    Ok(value)
}

#[derive(Deserialize)]
struct Account {
    login: Option<String>,
    slug: Option<String>,
}

#[derive(Deserialize)]
struct Installation {
    id: u64,
}

#[derive(Deserialize)]
struct Minted {
    token: Secret,
    expires_at: Timestamp,
}

#[derive(Serialize)]
struct Claims {
    iss: String,
    iat: i64,
    exp: i64,
}

#[cfg(test)]
mod tests {
    use std::sync::{LazyLock, atomic::AtomicU32};

    use base64::Engine as _;
    use serde_json::json;

    use super::*;
    use crate::github::fake::{Fake, Seen, ok, reply, repo};

    /// Making one takes longer than all the tests that need one.
    static KEY: LazyLock<String> = LazyLock::new(|| {
        use aws_lc_rs::encoding::{AsDer as _, Pkcs8V1Der};
        let key = aws_lc_rs::rsa::KeyPair::generate(aws_lc_rs::rsa::KeySize::Rsa2048).unwrap();
        let der: Pkcs8V1Der<'_> = key.as_der().unwrap();
        let body = base64::engine::general_purpose::STANDARD.encode(der.as_ref());
        let lines: Vec<&str> = body.as_bytes().chunks(64).map(|line| str::from_utf8(line).unwrap()).collect();
        format!("-----BEGIN PRIVATE KEY-----\n{}\n-----END PRIVATE KEY-----\n", lines.join("\n"))
    });

    fn app() -> Credentials {
        Credentials::App(App { id: 99, key: Secret::new(KEY.as_str()) })
    }

    /// Mints `ghs_1`, `ghs_2` … that are good until `expires_at`; accepts those that `good` accepts.
    fn github(expires_at: &'static str, good: fn(&str) -> bool) -> impl Fn(&Seen) -> crate::github::fake::Reply {
        let minted = AtomicU32::new(0);
        move |seen| match seen.line.as_str() {
            "GET /repos/octo/hello/installation" => ok(&json!({"id": 5})),
            "POST /app/installations/5/access_tokens" => {
                let count = minted.fetch_add(1, Ordering::SeqCst) + 1;
                reply(201, &json!({"token": format!("ghs_{count}"), "expires_at": expires_at}))
            }
            "GET /app" => ok(&json!({"slug": "antiphon"})),
            _ if seen.authorization.as_deref().is_some_and(good) => ok(&json!([])),
            _ => reply(401, &json!({"message": "Bad credentials"})),
        }
    }

    fn mints(fake: &Fake) -> usize {
        fake.lines().iter().filter(|line| line.ends_with("/access_tokens")).count()
    }

    // G116
    #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
    async fn fifty_who_need_a_token_at_once_share_one() {
        let fake = Fake::start_as(app(), github("2026-01-01T13:00:00Z", |_| true)).await;
        let tasks: Vec<_> = (0..50)
            .map(|_| {
                let client = fake.client.clone();
                async move { client.open_pulls(&repo(), None).await }
            })
            .collect();

        let mut set = tokio::task::JoinSet::new();
        for task in tasks {
            set.spawn(task);
        }
        let results = set.join_all().await;

        assert!(results.iter().all(Result::is_ok));
        assert_eq!(mints(&fake), 1);
    }

    // G116
    #[tokio::test]
    async fn a_token_is_replaced_shortly_before_it_ends() {
        let fake = Fake::start_as(app(), github("2026-01-01T13:00:00Z", |_| true)).await;
        let use_it = || async { fake.client.git_token(&repo()).await.unwrap() };

        assert_eq!(use_it().await.expose(), "ghs_1");
        fake.pass(57 * 60);
        assert_eq!(use_it().await.expose(), "ghs_1");
        // This fake's tokens all end at one: a clock that is wrong must not mean no token, or an endless loop.
        fake.pass(2 * 60);
        assert_eq!(use_it().await.expose(), "ghs_2");
    }

    // G117
    #[tokio::test]
    async fn a_token_that_is_refused_is_fetched_anew_once() {
        let fake =
            Fake::start_as(app(), github("2026-01-01T13:00:00Z", |authorization| authorization == "Bearer ghs_2"))
                .await;

        assert_eq!(fake.client.open_pulls(&repo(), None).await.unwrap().map(|list| list.pulls), Some(Vec::new()));
        assert_eq!(mints(&fake), 2);
    }

    #[tokio::test]
    async fn credentials_that_stay_wrong_are_an_error_after_one_renewal() {
        let fake = Fake::start_as(app(), github("2026-01-01T13:00:00Z", |_| false)).await;

        assert!(matches!(fake.client.open_pulls(&repo(), None).await, Err(Error::Unauthorized)));
        assert_eq!(mints(&fake), 2);
    }

    // G118
    #[tokio::test]
    async fn an_app_that_is_not_installed_is_not_mistaken_for_a_missing_branch() {
        let fake = Fake::start_as(app(), |_| crate::github::fake::not_found()).await;

        let head = fake.client.branch_head(&repo(), &"main".parse().unwrap()).await;

        assert!(matches!(head, Err(Error::Unauthorized)), "{head:?}");
    }

    // G118
    #[tokio::test]
    async fn a_missing_installation_is_left_alone_until_it_may_have_come_back() {
        let fake = Fake::start_as(app(), |_| crate::github::fake::not_found()).await;
        for _ in 0..50 {
            assert!(matches!(fake.client.open_pulls(&repo(), None).await, Err(Error::Unauthorized)));
        }
        assert_eq!(fake.lines(), ["GET /repos/octo/hello/installation"]);
        let limited =
            fake.client.standings().into_iter().find_map(|standing| Some((standing.account?, standing.limited?.1)));
        assert_eq!(limited, Some(("octo".to_owned(), crate::github::Why::NotInstalled)));

        fake.client.installations_changed();
        drop(fake.client.open_pulls(&repo(), None).await);

        assert_eq!(fake.seen().len(), 2);
    }

    // G118
    #[tokio::test]
    async fn a_suspended_installation_parks_its_account_and_no_other() {
        let fake = Fake::start_as(app(), |seen| match seen.line.as_str() {
            line if line.ends_with("/installation") => ok(&json!({"id": 5})),
            "POST /app/installations/5/access_tokens" => {
                reply(201, &json!({"token": "ghs_1", "expires_at": "2026-01-01T13:00:00Z"}))
            }
            line if line.starts_with("GET /repos/octo/") => {
                reply(403, &json!({"message": "This installation has been suspended"}))
            }
            _ => ok(&json!([])),
        })
        .await;
        let other: RepoName = "acme/pages".parse().unwrap();

        for _ in 0..10 {
            assert!(matches!(fake.client.open_pulls(&repo(), None).await, Err(Error::Unauthorized)));
        }
        assert!(fake.client.open_pulls(&other, None).await.is_ok());

        let asked = fake.lines().iter().filter(|line| line.contains("/octo/hello/pulls")).count();
        assert_eq!(asked, 1);
    }

    // G120
    #[tokio::test]
    async fn the_limit_of_one_installation_leaves_the_others_alone() {
        let fake = Fake::start_as(app(), |seen| match seen.line.as_str() {
            line if line.ends_with("/installation") => ok(&json!({"id": 5})),
            line if line.ends_with("/access_tokens") => {
                reply(201, &json!({"token": "ghs_1", "expires_at": "2026-01-01T13:00:00Z"}))
            }
            line if line.starts_with("GET /repos/octo/") => {
                let mut refusal = reply(403, &json!({"message": "API rate limit exceeded"}));
                refusal.headers_mut().insert("x-ratelimit-remaining", 0.into());
                refusal.headers_mut().insert("x-ratelimit-reset", (crate::github::fake::NOON + 600).into());
                refusal
            }
            _ => ok(&json!([])),
        })
        .await;

        assert!(matches!(fake.client.open_pulls(&repo(), None).await, Err(Error::RateLimited { .. })));

        assert!(fake.client.open_pulls(&"acme/pages".parse().unwrap(), None).await.is_ok());
        assert!(matches!(fake.client.open_pulls(&repo(), None).await, Err(Error::RateLimited { .. })));
        assert_eq!(fake.lines().iter().filter(|line| line.contains("/octo/hello/pulls")).count(), 1);
    }

    // G117
    #[tokio::test]
    async fn a_clock_that_is_wrong_is_corrected_by_githubs_once() {
        let refusals = AtomicU32::new(0);
        let fake = Fake::start_as(app(), move |seen| {
            let claims = seen.authorization.as_deref().and_then(|it| it.split('.').nth(1)).unwrap_or_default();
            let claims = base64::engine::general_purpose::URL_SAFE_NO_PAD.decode(claims).unwrap_or_default();
            let issued = serde_json::from_slice::<serde_json::Value>(&claims).unwrap_or_default()["iat"].as_i64();
            // GitHub's clock is an hour behind ours.
            if issued.is_some_and(|issued| issued > crate::github::fake::NOON - 3600) {
                refusals.fetch_add(1, Ordering::SeqCst);
                let mut refusal = reply(401, &json!({"message": "'Issued at' claim ('iat') must be in the past"}));
                refusal.headers_mut().insert("date", "Thu, 01 Jan 2026 11:00:00 GMT".parse().unwrap());
                return refusal;
            }
            ok(&json!({"slug": "antiphon"}))
        })
        .await;

        assert_eq!(fake.client.viewer().await.unwrap().as_str(), "antiphon[bot]");
        assert_eq!(fake.lines(), ["GET /app", "GET /app"]);
    }

    #[tokio::test]
    async fn a_given_token_that_is_refused_is_not_tried_again() {
        let fake = Fake::start(|_| reply(401, &json!({"message": "Bad credentials"}))).await;

        assert!(matches!(fake.client.open_pulls(&repo(), None).await, Err(Error::Unauthorized)));
        assert_eq!(fake.seen().len(), 1);
    }

    #[tokio::test]
    async fn an_app_is_called_by_its_slug_and_signs_with_a_back_dated_token() {
        let fake = Fake::start_as(app(), github("2026-01-01T13:00:00Z", |_| true)).await;

        assert_eq!(fake.client.viewer().await.unwrap().as_str(), "antiphon[bot]");

        let jwt = fake.seen()[0].authorization.clone().unwrap();
        let claims = jwt.strip_prefix("Bearer ").unwrap().split('.').nth(1).unwrap();
        let claims = base64::engine::general_purpose::URL_SAFE_NO_PAD.decode(claims).unwrap();
        let claims: serde_json::Value = serde_json::from_slice(&claims).unwrap();
        let noon = crate::github::fake::NOON;
        assert_eq!(claims, json!({"iss": "99", "iat": noon - 60, "exp": noon + 540}));
    }

    #[cfg(unix)]
    #[tokio::test]
    async fn gh_is_asked_once_and_again_after_a_refusal() {
        let folder = tempfile::tempdir().unwrap();
        let program = folder.path().join("gh");
        let script = "#!/bin/sh\necho x >> \"$COUNT\"\necho gho_$(/usr/bin/wc -l < \"$COUNT\" | /usr/bin/tr -d ' ')\n";
        std::fs::write(&program, script).unwrap();
        std::fs::set_permissions(&program, std::os::unix::fs::PermissionsExt::from_mode(0o700)).unwrap();
        let env = BTreeMap::from([("COUNT".into(), folder.path().join("count").into_os_string())]);
        let fake = Fake::start_as(Credentials::GhCli { program, env }, |seen| match seen.authorization.as_deref() {
            Some("Bearer gho_2") => ok(&json!([])),
            _ => reply(401, &json!({})),
        })
        .await;

        assert!(fake.client.open_pulls(&repo(), None).await.is_ok());
        assert!(fake.client.open_pulls(&repo(), None).await.is_ok());

        let used: Vec<_> = fake.seen().into_iter().filter_map(|seen| seen.authorization).collect();
        assert_eq!(used, ["Bearer gho_1", "Bearer gho_2", "Bearer gho_2"]);
    }

    // G124
    #[test]
    fn a_secret_of_any_form_cannot_be_printed() {
        let credentials = Credentials::Token(Secret::new("ghs_99_eyJhbGciOi.long.one"));
        assert_eq!(format!("{credentials:?}"), "Token(Secret(…))");
        let env = BTreeMap::from([("GH_TOKEN".into(), "gho_1".into())]);
        let credentials = Credentials::GhCli { program: "gh".into(), env };
        assert_eq!(format!("{credentials:?}"), "GhCli { program: \"gh\", .. }");
    }
}
