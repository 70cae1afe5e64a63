//! The client: one connection pool, one governor, one set of credentials. Cloning shares all of it.
//!
//! What it can do stands beside the nouns: pull requests, issues, comments, failures, the repository. It retries nothing:
//! only the caller knows what a second try would mean.

use std::{sync::Arc, time::Duration};

use jiff::SignedDuration;
use tokio::sync::OnceCell;
use url::{Host, Url};

use super::{
    Credentials, Error, Refusals, Standing,
    base::FailedRuns,
    credentials::TokenStore,
    demands,
    governor::{Class, Governors, Manners},
    job::Attempts,
    people::People,
    report::Ways,
    transport::Transport,
    wire::Wire,
};
use crate::{
    clock::Clock,
    model::{Login, RepoName, Secret},
};

/// How far apart requests come back that were sent away until the same moment.
const SPREAD: SignedDuration = SignedDuration::from_secs(10);

/// Which GitHub, and as whom.
#[derive(Debug, Clone)]
pub struct Settings {
    /// The root of the REST API: `https://api.github.com`, `https://HOST/api/v3` for GitHub Enterprise Server, or a
    /// simulator on this machine. Only the latter may be plain `http`.
    pub api_url: String,
    /// As whom.
    pub credentials: Credentials,
    /// The pause between two writes. `None`: one second, as GitHub asks for, and none for a simulator on this machine.
    pub write_gap: Option<Duration>,
}

/// A GitHub client. Cloning is cheap and shares connections, limits and tokens.
#[derive(Debug, Clone)]
pub struct Client {
    transport: Transport,
    known: Arc<Known>,
}

/// What was asked before.
#[derive(Debug)]
struct Known {
    people: People,
    attempts: Attempts,
    demands: demands::Known,
    failed_runs: FailedRuns,
    ways: Ways,
    viewer: OnceCell<Login>,
}

impl Client {
    /// A client. Must be called inside a tokio runtime; asks nothing yet.
    ///
    /// # Errors
    ///
    /// If the address is not one of an API, or is neither encrypted nor on this machine.
    pub fn new(settings: Settings, clock: Clock) -> Result<Self, Error> {
        let rest: Url = settings.api_url.parse().map_err(Error::unexpected)?;
        let local = loopback(&rest);
        if rest.scheme() != "https" && !(rest.scheme() == "http" && local) {
            return Err(Error::unexpected(anyhow::anyhow!("the API's address is neither https nor on this machine")));
        }
        let usual = if local { Duration::ZERO } else { Duration::from_secs(1) };
        let write_gap = SignedDuration::try_from(settings.write_gap.unwrap_or(usual)).unwrap_or(SignedDuration::ZERO);
        // A simulator is no crowd of daemons.
        let spread = if local { SignedDuration::ZERO } else { SPREAD };
        let wire = Arc::new(Wire::new(Governors::new(clock.clone(), Manners { write_gap, spread }))?);
        let tokens = TokenStore::new(wire.clone(), clock.clone(), rest.clone(), settings.credentials);
        let graphql = graphql(&rest);
        let known = Known {
            people: People::new(clock.clone()),
            demands: demands::Known::new(clock),
            attempts: Attempts::default(),
            failed_runs: FailedRuns::default(),
            ways: Ways::default(),
            viewer: OnceCell::new(),
        };
        Ok(Self { transport: Transport::new(wire, tokens, rest, graphql), known: Arc::new(known) })
    }

    /// The same client for requests that somebody waits for: they come first, and no floor holds them back.
    #[must_use]
    pub fn for_person(&self) -> Self {
        Self { transport: self.transport.on_behalf_of(Class::Person), known: self.known.clone() }
    }

    /// The same client for what is done now and then: it leaves half of the budget to everybody else.
    #[must_use]
    pub fn for_sweep(&self) -> Self {
        Self { transport: self.transport.on_behalf_of(Class::Sweep), known: self.known.clone() }
    }

    /// Our own account name; an App's ends in `[bot]`.
    ///
    /// # Errors
    ///
    /// When GitHub cannot say.
    pub async fn viewer(&self) -> Result<Login, Error> {
        self.known.viewer.get_or_try_init(|| self.transport.tokens().login()).await.cloned()
    }

    /// A token that is good now, for git and for nothing else.
    ///
    /// # Errors
    ///
    /// When there is none.
    pub async fn git_token(&self, repo: &RepoName) -> Result<Secret, Error> {
        self.transport.tokens().token(Some(repo)).await
    }

    /// How things stand between each credential and GitHub.
    #[must_use]
    pub fn standings(&self) -> Vec<Standing> {
        self.transport.wire().governors().standings()
    }

    /// What GitHub does not let our credential do, and every change of it.
    #[must_use]
    pub fn refusals(&self) -> tokio::sync::watch::Receiver<Refusals> {
        self.transport.wire().permissions().subscribe()
    }

    /// Forgets what is known of the App's installations: one was added, suspended, or woken up again.
    pub fn installations_changed(&self) {
        self.transport.wire().permissions().forget();
        self.known.ways.forget();
        self.transport.tokens().forget_all();
    }

    pub(super) const fn transport(&self) -> &Transport {
        &self.transport
    }

    pub(super) fn people(&self) -> &People {
        &self.known.people
    }

    pub(super) fn known_failed_runs(&self) -> &FailedRuns {
        &self.known.failed_runs
    }

    pub(super) fn attempts(&self) -> &Attempts {
        &self.known.attempts
    }

    pub(super) fn ways(&self) -> &Ways {
        &self.known.ways
    }

    pub(super) fn demands(&self) -> &demands::Known {
        &self.known.demands
    }
}

/// Whether an address can only lead to this machine.
pub(super) fn loopback(url: &Url) -> bool {
    match url.host() {
        Some(Host::Domain(name)) => name == "localhost",
        Some(Host::Ipv4(address)) => address.is_loopback(),
        Some(Host::Ipv6(address)) => address.is_loopback(),
        None => false,
    }
}

/// GraphQL lies beside REST on an own server, and below it on github.com.
fn graphql(rest: &Url) -> Url {
    let mut url = rest.clone();
    let root = rest.path().trim_end_matches('/');
    let root = root.strip_suffix("/v3").unwrap_or(root);
    url.set_path(&format!("{root}/graphql"));
    url
}

#[cfg(test)]
mod tests {
    use std::{collections::BTreeMap, fs, io::Read as _, path::PathBuf};

    use axum::body::Body;
    use serde_json::Value;

    use super::*;
    use crate::{
        github::fake::{Fake, Reply, not_found},
        model::{Check, CheckKind, CheckState},
    };

    #[test]
    fn graphql_lies_where_each_kind_of_server_has_it() {
        let at = |rest: &str| graphql(&rest.parse().unwrap()).to_string();
        assert_eq!(at("https://api.github.com"), "https://api.github.com/graphql");
        assert_eq!(at("https://ghe.example/api/v3"), "https://ghe.example/api/graphql");
        assert_eq!(at("https://ghe.example/api/v3/"), "https://ghe.example/api/graphql");
        assert_eq!(at("http://127.0.0.1:4000"), "http://127.0.0.1:4000/graphql");
    }

    #[tokio::test]
    async fn plain_http_stays_on_this_machine() {
        let new = |url: &str| {
            let credentials = Credentials::Token(Secret::new("t"));
            Client::new(Settings { api_url: url.to_owned(), credentials, write_gap: None }, Clock::system())
        };
        for refused in ["http://api.github.com", "http://127.0.0.1.example.com", "ftp://localhost", "nonsense"] {
            assert!(new(refused).is_err(), "{refused} was accepted");
        }
        for accepted in ["https://api.github.com", "http://127.0.0.1:1", "http://[::1]:1", "http://localhost:1"] {
            assert!(new(accepted).is_ok(), "{accepted} was refused");
        }
    }

    /// The bodies that GitHub once answered reads with, by path; none if the recordings are not there.
    fn recorded() -> BTreeMap<String, String> {
        let folder = PathBuf::from(option_env!("ANTIPHON_RECORDINGS").unwrap_or_default());
        let mut bodies = BTreeMap::new();
        for path in fs::read_dir(folder).into_iter().flatten().map(|entry| entry.unwrap().path()) {
            if !path.to_string_lossy().ends_with(".http.ndjson.gz") {
                continue;
            }
            let mut lines = String::new();
            flate2::read::MultiGzDecoder::new(fs::File::open(&path).unwrap()).read_to_string(&mut lines).unwrap();
            for exchange in lines.lines().map(|line| serde_json::from_str::<Value>(line).unwrap()) {
                let url: Url = exchange["uri"].as_str().unwrap().parse().unwrap();
                if exchange["method"] == "GET" && exchange["status"] == 200 {
                    // Of several answers the longest has most to be read.
                    let body = exchange["resp_body"].as_str().unwrap();
                    let known: &mut String = bodies.entry(url.path().to_owned()).or_default();
                    if known.len() < body.len() {
                        body.clone_into(known);
                    }
                }
            }
        }
        bodies
    }

    // The recordings are not part of the project: without the folder there is nothing to check.
    #[tokio::test]
    async fn recorded_answers_of_github_are_read() {
        let bodies = recorded();
        let paths: Vec<String> = bodies.keys().cloned().collect();
        let fake = Fake::start(move |seen| {
            let path = seen.line.trim_start_matches("GET ").split('?').next().unwrap_or_default();
            bodies.get(path).map_or_else(not_found, |body| Reply::new(Body::from(body.clone())))
        })
        .await;
        for path in paths {
            let parts: Vec<&str> = path.split('/').skip(1).collect();
            let ["repos", owner, name, rest @ ..] = parts.as_slice() else { continue };
            let repo: RepoName = format!("{owner}/{name}").parse().unwrap();
            match rest {
                ["pulls"] => drop(fake.client.open_pulls(&repo, None).await.unwrap()),
                ["pulls", number] => drop(fake.client.merged_as(&repo, number.parse().unwrap()).await.unwrap()),
                ["commits", sha, "check-runs"] => {
                    let check = Check {
                        name: "continuous-integration/fake-ci".parse().unwrap(),
                        kind: CheckKind::Run,
                        app: None,
                        required: false,
                        state: CheckState::Pending,
                        job: None,
                        url: None,
                    };
                    fake.client.failure_material(&repo, &check, &sha.parse().unwrap()).await.unwrap();
                    let status = Check { kind: CheckKind::Status, ..check };
                    fake.client.failure_material(&repo, &status, &sha.parse().unwrap()).await.unwrap();
                }
                ["issues", number, "comments"] => {
                    let path = ["issues", number, "comments"];
                    let comments: Vec<Value> = fake.client.transport().list(&repo, &path, &[]).await.unwrap();
                    assert!(comments.iter().all(|comment| comment["user"]["login"].is_string()));
                }
                _ => {}
            }
        }
    }
}
