//! A listener with everything it is answered from, and the words in which the tests visit it.

use std::{
    collections::BTreeMap,
    sync::{
        Arc, Mutex,
        atomic::{AtomicI64, Ordering},
    },
    time::Duration,
};

use axum::{
    Router,
    body::Body,
    http::{HeaderMap, Method, Request, Response, StatusCode, header},
};
use futures_util::future::BoxFuture;
use http_body_util::BodyExt as _;
use jiff::Timestamp;
use metrics_exporter_prometheus::PrometheusBuilder;
use serde_json::Value;
use tempfile::TempDir;
use tokio::sync::watch;
use tower::ServiceExt as _;

use crate::{
    background::Tasks,
    clock::Clock,
    config::{self, Config},
    effect::List,
    engine::Engine,
    event::{self, Agent, Event},
    executor::{Ears, Repositories, Repository},
    github::{self, Credentials, webhook::Verifier},
    http::{AccessToken, Surroundings, router},
    journal::{Cause, Journal, Retention, SqliteJournal, Step},
    machine::{Pace, Rulebook, Rules, State},
    model::{
        IncidentKind, LaunchToken, Loops, MachineKey, Merge, PromptId, Receipt, RepoId, Secret, SessionId, Submission,
        Version,
    },
    places::Places,
    reaction,
    runtime::{self, Address, Gate, Launch, Message, Probe, Runtime, Screen},
    simulator::{Options, Simulator, story},
};

/// The repository of every test.
pub(super) const REPO: &str = "acme/pages";
/// The secret of webhooks.
pub(super) const SECRET: &str = "It's a Secret to Everybody";
/// The token that git gets.
pub(super) const GITHUB_TOKEN: &str = "ghs_0123456789abcdefghij";
/// The secret of the launch `address`.
pub(super) const LAUNCH_TOKEN: [u8; 16] = [7; 16];

/// 2026-01-01T12:00:00Z.
const NOON: i64 = 1_767_268_800;

/// What can change while it listens.
pub(super) struct Changing {
    pub(super) verifier: watch::Sender<Option<Arc<Verifier>>>,
    pub(super) rules: watch::Sender<Arc<Rulebook>>,
    pub(super) config: watch::Sender<Arc<Config>>,
    pub(super) refused: watch::Sender<Option<String>>,
    pub(super) repositories: watch::Sender<Arc<Repositories>>,
}

/// A listener.
pub(super) struct House {
    pub(super) journal: Arc<SqliteJournal>,
    pub(super) surroundings: Arc<Surroundings>,
    pub(super) changing: Changing,
    pub(super) router: Router,
    pub(super) repo: RepoId,
    pub(super) github: Option<Simulator>,
    pub(super) token: String,
    pub(super) tasks: Tasks,
    hand: Arc<AtomicI64>,
    dir: TempDir,
}

/// An answer, read to its end.
#[derive(Debug)]
pub(super) struct Answer {
    pub(super) status: StatusCode,
    pub(super) headers: HeaderMap,
    pub(super) text: String,
}

impl Answer {
    pub(super) fn json(&self) -> Value {
        serde_json::from_str(&self.text).unwrap_or_else(|error| panic!("{error}: {}", self.text))
    }
}

impl House {
    /// With a GitHub that cannot be reached.
    pub(super) async fn new() -> Self {
        Self::build(None).await
    }

    /// With a simulated GitHub that holds the repository.
    pub(super) async fn with_github() -> Self {
        let (dir, tasks) = (tempfile::tempdir().unwrap(), Tasks::new());
        let options = Options {
            dir: dir.path().join("github"),
            clock: Clock::system(),
            token: GITHUB_TOKEN.to_owned(),
            webhook: None,
            own_login: "robot".to_owned(),
            git: "git".into(),
        };
        let simulator = Simulator::start(options, &tasks).await.unwrap();
        simulator.create_repository(REPO, &story::files()).await.unwrap();
        Self::build(Some((simulator, dir, tasks))).await
    }

    async fn build(github: Option<(Simulator, TempDir, Tasks)>) -> Self {
        let (simulator, dir, tasks) = match github {
            Some((simulator, dir, tasks)) => (Some(simulator), dir, tasks),
            None => (None, tempfile::tempdir().unwrap(), Tasks::new()),
        };
        let hand = Arc::new(AtomicI64::new(NOON));
        let reading = hand.clone();
        let clock = Clock::from_fn(move || Timestamp::from_second(reading.load(Ordering::SeqCst)).unwrap());
        let places = Places::new(dir.path().join("state"));
        Places::make_private(places.root()).unwrap();
        let journal = Arc::new(SqliteJournal::open(places.root(), clock.clone(), Retention::default()).unwrap());
        let client = client(simulator.as_ref(), clock.clone());
        let repository = repository(&client, simulator.is_some()).await;
        let repo = repository.id;
        let changing = Changing {
            verifier: watch::Sender::new(Some(Arc::new(Verifier::new(vec![SECRET.into()]).unwrap()))),
            rules: watch::Sender::new(Arc::new(Rulebook::new(BTreeMap::from([(repo, Arc::new(rules()))])))),
            config: watch::Sender::new(Arc::new(config(dir.path()))),
            refused: watch::Sender::new(None),
            repositories: watch::Sender::new(Arc::new(Repositories::new([repository]))),
        };
        let token = AccessToken::at(&places.access_token()).unwrap();
        let runtime: Arc<dyn Runtime> = Arc::new(Showing::default());
        let surroundings = Arc::new(Surroundings {
            journal: journal.clone(),
            verifier: changing.verifier.subscribe(),
            rules: changing.rules.subscribe(),
            config: changing.config.subscribe(),
            refused: changing.refused.subscribe(),
            repositories: changing.repositories.subscribe(),
            github: client,
            ears: Arc::new(Ears::new(clock.now())),
            runtimes: BTreeMap::from([("pty".to_owned(), runtime)]),
            token,
            metrics: PrometheusBuilder::new().build_recorder().handle(),
            clock,
            stop: tasks.stop_token(),
            places,
        });
        let token = std::fs::read_to_string(surroundings.places.access_token()).unwrap();
        let router = router(surroundings.clone());
        Self { journal, surroundings, changing, router, repo, github: simulator, token, tasks, hand, dir }
    }

    pub(super) fn now(&self) -> Timestamp {
        self.surroundings.clock.now()
    }

    /// Lets time pass.
    pub(super) fn pass(&self, seconds: i64) {
        self.hand.fetch_add(seconds, Ordering::SeqCst);
    }

    /// Lets time pass by itself from now on, as everywhere else.
    pub(super) fn let_time_pass(&self) {
        let hand = self.hand.clone();
        self.tasks.spawn("clock", |stop| async move {
            let mut seconds = tokio::time::interval(Duration::from_secs(1));
            loop {
                tokio::select! { () = stop.cancelled() => break, _ = seconds.tick() => {} }
                hand.fetch_add(1, Ordering::SeqCst);
            }
        });
    }

    /// Answers a request.
    pub(super) async fn answer(&self, request: Request<Body>) -> Answer {
        read(self.router.clone().oneshot(request).await.unwrap()).await
    }

    /// A request with the access token.
    pub(super) async fn get(&self, path: &str) -> Answer {
        self.answer(self.request(Method::GET, path, Body::empty())).await
    }

    /// The JSON that a path answers with.
    pub(super) async fn read(&self, path: &str) -> Value {
        let answer = self.get(path).await;
        assert_eq!(answer.status, 200, "{path}: {}", answer.text);
        answer.json()
    }

    /// A wish with the access token: status and body.
    pub(super) async fn wish(&self, name: &str, wish: Value) -> (u16, Value) {
        let path = format!("/api/v1/{name}");
        let mut request = self.request(Method::POST, &path, Body::from(wish.to_string()));
        request.headers_mut().insert(header::CONTENT_TYPE, "application/json".parse().unwrap());
        let answer = self.answer(request).await;
        (answer.status.as_u16(), answer.json())
    }

    pub(super) fn request(&self, method: Method, path: &str, body: Body) -> Request<Body> {
        let bearer = format!("Bearer {}", self.token);
        Request::builder().method(method).uri(path).header(header::AUTHORIZATION, bearer).body(body).unwrap()
    }

    /// Makes a machine be in a state.
    pub(super) async fn put(&self, machine: MachineKey, state: State) {
        let cause = format!("made/{machine}");
        let event = said_of(&machine);
        let post = crate::journal::Post { cause: cause.clone(), to: machine.clone(), event };
        self.journal.post(vec![post]).await.unwrap();
        let row = self.journal.waiting(1_000).await.unwrap().into_iter().find(|row| row.cause == cause).unwrap();
        let step = Step {
            expected: Version(0),
            cause: Cause::Inbox(row.row),
            event: row.event,
            lookup: state.lookup(),
            state: serde_json::to_string(&state).unwrap(),
            effects: Vec::new(),
            deadline: None,
            rules: "r".to_owned(),
            entropy: [0; 16],
            at: self.now(),
            machine,
        };
        self.journal.commit(step).await.unwrap();
    }

    /// Lets the machines handle everything that waits.
    pub(super) async fn work(&self) {
        let journal: Arc<dyn Journal> = self.journal.clone();
        let clock = self.surroundings.clock.clone();
        let mut engine = Engine::new(journal, self.changing.rules.subscribe(), clock);
        while engine.work_once().await.unwrap() {}
    }

    /// What lies in inboxes: cause, addressee, name of the event.
    pub(super) async fn inbox(&self) -> Vec<(String, String, &'static str)> {
        let waiting = self.journal.waiting(1_000).await.unwrap();
        waiting.into_iter().map(|row| (row.cause, row.to.to_string(), row.event.name())).collect()
    }

    /// Writes the secret of a launch where the executor writes it.
    pub(super) fn launched(&self, address: &Address) -> LaunchToken {
        let token = LaunchToken::new(LAUNCH_TOKEN);
        let path = self.surroundings.places.launch_token(&address.session, address.generation);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        Places::write_private(&path, token.expose().as_bytes()).unwrap();
        token
    }

    /// Listens on a free port until the tasks are shut down, and says where; the address is written for clients.
    pub(super) async fn listen(&self) -> String {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap().to_string();
        Places::write_private(&self.surroundings.places.address(), address.as_bytes()).unwrap();
        let surroundings = self.surroundings.clone();
        self.tasks.spawn("http", |_| crate::http::serve(listener, surroundings));
        address
    }

    pub(super) fn state_dir(&self) -> std::path::PathBuf {
        self.dir.path().join("state")
    }
}

pub(super) async fn read(response: Response<Body>) -> Answer {
    let (parts, body) = response.into_parts();
    let bytes = body.collect().await.unwrap().to_bytes();
    Answer { status: parts.status, headers: parts.headers, text: String::from_utf8(bytes.to_vec()).unwrap() }
}

/// What could have led to a state.
fn said_of(machine: &MachineKey) -> Event {
    match machine {
        MachineKey::Pull { .. } => event::Pull::Acted {
            incident: IncidentKind::ChecksFailed,
            serial: 1,
            revision: 1,
            list: List::Do,
            step: 0,
            outcome: event::ActionOutcome::Done,
        }
        .into(),
        MachineKey::Task(task) => {
            let (path, base) = (format!("/state/workspaces/{task}"), "b".repeat(40).parse().unwrap());
            event::Task::Prepared { path, base, setup: false }.into()
        }
        MachineKey::Session(_) => event::Session::RestartWanted.into(),
        MachineKey::Backlog(repo) => event::Backlog::Hinted { repo: *repo }.into(),
        MachineKey::Fleet => event::Fleet::DeadlinePassed.into(),
    }
}

fn client(simulator: Option<&Simulator>, clock: Clock) -> github::Client {
    let api_url = simulator.map_or_else(|| "http://127.0.0.1:1".to_owned(), Simulator::api_url);
    let credentials = Credentials::Token(Secret::new(GITHUB_TOKEN));
    github::Client::new(github::Settings { api_url, credentials, write_gap: None }, clock).unwrap()
}

async fn repository(client: &github::Client, asked: bool) -> Repository {
    let name: crate::model::RepoName = REPO.parse().unwrap();
    let (id, clone_url) = if asked {
        let said = client.repository(&name).await.unwrap();
        (said.id, said.clone_url)
    } else {
        (RepoId(42), format!("https://github.com/{REPO}.git"))
    };
    Repository {
        id,
        configured: name.clone(),
        name,
        clone_url,
        base: "main".parse().unwrap(),
        path: "/nowhere".into(),
        labels: vec!["ready".to_owned()],
        merge: Merge::Squash,
        parked: None,
    }
}

fn rules() -> Rules {
    let agent =
        Agent { name: "claude".parse().unwrap(), runtime: "pty".to_owned(), receipt: Receipt::Hook, headless: false };
    Rules {
        reactions: reaction::Rules::load(&reaction::shipped()).unwrap(),
        hash: "r".to_owned(),
        repo: RepoId(42),
        repo_name: REPO.parse().unwrap(),
        repo_url: format!("https://github.com/{REPO}"),
        merge: Merge::Squash,
        without_checks: None,
        report: false,
        acts: 30,
        task_prefix: "pages".to_owned(),
        agents: BTreeMap::from([(agent.name.clone(), agent.clone())]),
        agent,
        fallbacks: BTreeMap::new(),
        loops: Loops::default(),
        slots: 4,
        pace: Pace::USUAL,
    }
}

fn config(clone: &std::path::Path) -> Config {
    let repository = format!("repositories:\n  - name: {REPO}\n    path: {}\n", clone.display());
    let file = clone.join("antiphon.yaml");
    std::fs::write(&file, format!("{repository}webhook:\n  enabled: false\n")).unwrap();
    config::load(&file, &config::Environment::new("/", [])).unwrap()
}

/// A runtime that shows one screen.
#[derive(Default)]
pub(super) struct Showing {
    asked: Mutex<Vec<Address>>,
}

/// What [`Showing`] shows, as an agent would print it.
const PRINTED: &str = "\x1b[1m\x1b[38;5;208m✻\x1b[m \x1b[1mWelcome to the agent\x1b[m\r\n\r\n\
\x1b[2m> [antiphon:k3v9p2m4qa] The check \"test\" failed on 1c0ffee. Please fix it.\x1b[m\r\n\r\n\
\x1b[32m●\x1b[m I will look at the failing test first.\r\n\r\n\
\x1b[36m●\x1b[m \x1b[1mRead\x1b[m(tests/links.sh)\r\n  \x1b[2m⎿  Read 24 lines\x1b[m\r\n\r\n\
\x1b[36m●\x1b[m \x1b[1mUpdate\x1b[m(pages/index.md)\r\n\
\x20 \x1b[2m⎿\x1b[m  \x1b[48;5;22m+ [About](about.md)\x1b[m\r\n     \x1b[48;5;52m- [About](abuot.md)\x1b[m\r\n\r\n\
\x1b[35m✽\x1b[m \x1b[35mThinking…\x1b[m \x1b[2m(12s · esc to interrupt)\x1b[m\r\n\r\n\
\x1b[7m <script>alert('x')</script> \x1b[m \u{202e}evil\r\n> ";

impl Runtime for Showing {
    fn start<'a>(&'a self, _: &'a Launch) -> BoxFuture<'a, Result<(), runtime::Error>> {
        Box::pin(async { Ok(()) })
    }

    fn submit<'a>(
        &'a self,
        _: &'a Address,
        _: &'a Message,
        _: &'a Gate,
    ) -> BoxFuture<'a, Result<Submission, runtime::Error>> {
        Box::pin(async { Ok(Submission::Untouched) })
    }

    fn submission<'a>(&'a self, _: &'a Address, _: &'a PromptId) -> BoxFuture<'a, Result<Submission, runtime::Error>> {
        Box::pin(async { Ok(Submission::Untouched) })
    }

    fn probe<'a>(&'a self, _: &'a Address) -> BoxFuture<'a, Probe> {
        Box::pin(async { Probe::Alive { pid: None } })
    }

    fn screen<'a>(&'a self, address: &'a Address, _: usize) -> BoxFuture<'a, Result<Screen, runtime::Error>> {
        self.asked.lock().unwrap().push(address.clone());
        let gone = address.session == "gone".parse::<SessionId>().unwrap();
        Box::pin(async move {
            if gone {
                return Err(runtime::Error::Gone);
            }
            let size = |n| std::num::NonZeroU16::new(n).unwrap();
            let mut parser = vt100::Parser::new(size(24), size(100), 0);
            parser.process(PRINTED.as_bytes());
            Ok(Screen::read(parser.screen_mut(), 0))
        })
    }

    fn echoed<'a>(&'a self, _: &'a Address, _: &'a PromptId) -> BoxFuture<'a, Result<Option<String>, runtime::Error>> {
        Box::pin(async { Ok(None) })
    }

    fn stop<'a>(&'a self, _: &'a Address, _: Duration) -> BoxFuture<'a, Result<(), runtime::Error>> {
        Box::pin(async { Ok(()) })
    }

    fn list(&self) -> BoxFuture<'_, Result<Vec<Address>, runtime::Error>> {
        Box::pin(async { Ok(Vec::new()) })
    }
}
