//! Our side of a play: a real journal, a real engine and a real executor with a real client. It can die at every boundary
//! and is then started again from what is on disk. Worktrees alone are made up: no agent works in them.

use std::{
    collections::BTreeMap,
    path::{Path, PathBuf},
    sync::{Arc, LazyLock, Mutex},
    time::Duration,
};

use antiphon::{
    boundary::{self, Fuse},
    config::{self, Config, Environment},
    effect::Effect,
    engine::Engine,
    event::{self, Agent, Event},
    executor::{Ears, Executor, Launching, Outcome, Repositories, Repository},
    github,
    journal::{self, Claimed, Delivery, Journal as _, Post, Postponement, Retention, SqliteJournal},
    machine::{Pace, Rulebook, Rules},
    model::{Branch, Loops, MachineKey, MachineKind, Merge, Receipt, RepoId, Secret, TaskId},
    notify::Notifiers,
    places::Places,
    reaction,
    runtime::Runtime,
    simulator::{Carried, Chance},
    workspace::{Caches, Git, Workspaces},
};
use jiff::{SignedDuration, Timestamp};
use serde_json::Value;
use tokio::sync::watch;

use super::{Hand, terminal::Terminal};

pub(super) const REPO: &str = "acme/pages";
/// The number of the first repository of every simulated GitHub.
pub(super) const REPO_ID: u64 = 900_000_011;
pub(super) const TOKEN: &str = "the-simulators-token-0123456789";
/// The label that makes an issue a task.
pub(super) const LABEL: &str = "agent";
const LEASE: Duration = Duration::from_secs(30 * 60);
/// A play in which so much happens at one moment does not end.
const TURNS_MAX: usize = 3_000;

/// Where it lives, what it is made of, and whether it is up.
pub(super) struct House {
    dir: PathBuf,
    hand: Hand,
    terminal: Terminal,
    repo: RepoId,
    config: Arc<Config>,
    rules: Arc<Rulebook>,
    repositories: Arc<Repositories>,
    api_url: String,
    entropy: Arc<Mutex<Chance>>,
    branches: BTreeMap<String, String>,
    up: Option<Up>,
    reconciles: u64,
}

/// When the house dies: at counted boundaries, drawn from a seed.
pub(super) struct Kills {
    chance: Option<Chance>,
    fuse: Fuse,
    /// How often it died.
    pub(super) happened: u64,
}

/// The most boundaries between two deaths.
const FUSE_MAX: usize = 200;

impl Kills {
    /// It never dies.
    pub(super) fn none() -> Self {
        Self { chance: None, fuse: Fuse::endless(), happened: 0 }
    }

    /// From now on it dies at boundaries that this draws; or never.
    pub(super) fn draw(&mut self, chance: Option<Chance>) {
        self.chance = chance;
        self.arm();
    }

    fn arm(&mut self) {
        let next = self.chance.as_mut().map(|chance| 1 + chance.below(FUSE_MAX) as u64);
        self.fuse = next.map_or_else(Fuse::endless, Fuse::new);
    }
}

/// What dies with the process.
struct Up {
    journal: Arc<SqliteJournal>,
    engine: Engine,
    executor: Executor,
}

impl House {
    pub(super) async fn build(dir: &Path, api_url: &str, hand: (&Hand, &Terminal), mut chance: Chance) -> Self {
        let (hand, terminal) = hand;
        // Nobody goes there, but it has to be a whole path.
        let nowhere = if cfg!(windows) { "C:/nowhere" } else { "/nowhere" };
        let text = format!(
            "github: {{ api_url: '{api_url}', token_env: TOKEN }}\n\
             webhook: {{ enabled: false }}\n\
             repositories:\n\
             \x20 - {{ name: {REPO}, path: {nowhere}, agent: typist, merge: squash, issues: {{ labels: [{LABEL}] }} }}\n\
             agents:\n\
             \x20 typist: {{ command: [/bin/true], receipt: hook }}\n"
        );
        let config = config::parse("play", &text, &Environment::new("/", [("TOKEN", TOKEN)])).unwrap();
        let repo = RepoId(REPO_ID);
        let mut house = Self {
            dir: dir.to_owned(),
            hand: hand.clone(),
            terminal: terminal.clone(),
            repo,
            config: Arc::new(config),
            rules: Arc::new(Rulebook::new(BTreeMap::from([(repo, Arc::new(RULES.clone()))]))),
            repositories: Arc::new(Repositories::new([repository(repo)])),
            api_url: api_url.to_owned(),
            entropy: Arc::new(Mutex::new(chance.fork())),
            branches: BTreeMap::new(),
            up: None,
            reconciles: 0,
        };
        house.start().await;
        house
    }

    /// What a start does: whoever had claimed effects is dead, and the repository is looked at.
    async fn start(&mut self) {
        let journal = self.open();
        journal.reclaim().await.unwrap();
        let journal = Arc::new(journal);
        let entropy = self.entropy.clone();
        let draw = move || {
            let mut entropy = entropy.lock().unwrap();
            let mut bytes = [0; 16];
            bytes[..8].copy_from_slice(&entropy.draw().to_le_bytes());
            bytes[8..].copy_from_slice(&entropy.draw().to_le_bytes());
            bytes
        };
        let rules = watch::Sender::new(self.rules.clone()).subscribe();
        let engine = Engine::new(journal.clone(), rules, self.hand.clock()).drawing(draw);
        let executor = self.executor(journal.clone());
        self.up = Some(Up { journal, engine, executor });
        self.reconcile().await;
    }

    /// A child that another play is just starting holds a copy of every open lock, until it becomes its program.
    fn open(&self) -> SqliteJournal {
        for _ in 0..TURNS_MAX * 100 {
            match SqliteJournal::open(&self.dir, self.hand.clock(), Retention::default()) {
                Err(journal::Error::Locked { .. }) => std::thread::yield_now(),
                opened => return opened.unwrap(),
            }
        }
        panic!("the journal of a dead house stays locked");
    }

    fn executor(&self, journal: Arc<SqliteJournal>) -> Executor {
        let credentials = github::Credentials::Token(Secret::new(TOKEN));
        let settings = github::Settings { api_url: self.api_url.clone(), credentials, write_gap: None };
        let terminal: Arc<dyn Runtime> = Arc::new(self.terminal.clone());
        let environment = BTreeMap::from([("PATH".to_owned(), "/usr/local/bin:/usr/bin:/bin".to_owned())]);
        Executor {
            journal,
            rules: watch::Sender::new(self.rules.clone()).subscribe(),
            config: watch::Sender::new(self.config.clone()).subscribe(),
            repositories: watch::Sender::new(self.repositories.clone()).subscribe(),
            github: github::Client::new(settings, self.hand.clock()).unwrap(),
            runtimes: BTreeMap::from([("play".to_owned(), terminal)]),
            workspaces: Workspaces::new(Git::new("git", &environment), &self.dir),
            caches: Caches::default(),
            places: Places::new(&self.dir),
            launching: Launching {
                own_program: "/bin/true".to_owned(),
                url: "http://127.0.0.1:1".to_owned(),
                environment: environment.clone(),
                secret_variables: std::collections::BTreeSet::new(),
            },
            notifiers: Notifiers::new(Vec::new(), environment),
            clock: self.hand.clock(),
            ears: Arc::new(Ears::new(self.hand.clock().now())),
        }
    }

    /// Dies and comes back.
    async fn restart(&mut self) {
        self.up = None;
        self.start().await;
    }

    /// Orders the look that heals what was lost.
    pub(super) async fn reconcile(&mut self) {
        self.reconciles += 1;
        let cause = format!("reconcile/{}", self.reconciles);
        let event = event::Backlog::Hinted { repo: self.repo }.into();
        self.journal().post(vec![Post { cause, to: MachineKey::Backlog(self.repo), event }]).await.unwrap();
    }

    /// Works until there is nothing to do at this moment, and dies over that as often as it should.
    pub(super) async fn settle(&mut self, kills: &mut Kills) {
        for _ in 0..TURNS_MAX {
            let up = self.up.as_mut().unwrap();
            let turn = Box::pin(up.turn(self.hand.now(), &mut self.branches));
            match kills.fuse.run(turn).await {
                Some(true) => {}
                Some(false) => return,
                None => {
                    kills.happened += 1;
                    kills.arm();
                    self.restart().await;
                }
            }
        }
        panic!("it never comes to rest");
    }

    /// What the webhook door does with a delivery.
    pub(super) async fn take(&self, carried: &Carried) {
        let delivery = Delivery {
            id: carried.guid.parse().unwrap(),
            event: carried.event.clone(),
            repo: Some(RepoId(carried.repository_id)),
            received_at: self.hand.now(),
            body: carried.payload.clone().into_bytes(),
        };
        self.journal().ingest(delivery).await.unwrap();
    }

    /// Puts an event into an inbox, as the hook spools do.
    pub(super) async fn post(&self, cause: String, to: MachineKey, event: Event) {
        self.journal().post(vec![Post { cause, to, event }]).await.unwrap();
    }

    /// What the journal counts.
    pub(super) async fn stats(&self) -> journal::Stats {
        self.journal().stats().await.unwrap()
    }

    /// When something is due next.
    pub(super) async fn next_deadline(&self) -> Option<Timestamp> {
        self.journal().next_deadline(Timestamp::UNIX_EPOCH).await.unwrap()
    }

    /// The states of all machines of a kind, as they stand in the journal.
    pub(super) async fn states(&self, kind: MachineKind) -> Vec<(MachineKey, Value)> {
        let stored = self.journal().machines(Some(kind)).await.unwrap();
        stored.into_iter().map(|(key, stored)| (key, serde_json::from_str(&stored.state).unwrap())).collect()
    }

    /// The newest entries of a machine, for whoever has to understand a failure.
    pub(super) async fn history(&self, machine: MachineKey) -> Vec<String> {
        let entries = self.journal().history(machine, 60).await.unwrap();
        entries
            .iter()
            .map(|it| {
                let effects: Vec<_> = it.effects.iter().map(Effect::name).collect();
                let shown = if let Event::Pull(event::Pull::Observed { snapshot: seen, .. }) = &it.event {
                    let checks: Vec<_> = seen.checks.iter().map(|check| check.state).collect();
                    let (asks, head) = (seen.reviews.len() + seen.threads.len(), &seen.head.sha.as_str()[..7]);
                    format!(" {head} {:?} {checks:?} {asks} asks, as of {}", seen.mergeability, seen.updated_at)
                } else {
                    String::new()
                };
                format!("{} {}{shown} ({}) -> {effects:?}", it.at, it.event.name(), it.cause)
            })
            .collect()
    }

    /// The branch that a task was told to work on.
    pub(super) fn branch(&self, task: &str) -> Option<&str> {
        self.branches.get(task).map(String::as_str)
    }

    fn journal(&self) -> &SqliteJournal {
        &self.up.as_ref().unwrap().journal
    }
}

impl Up {
    /// Steps machines and carries effects out, once; false if there was nothing.
    async fn turn(&mut self, now: Timestamp, branches: &mut BTreeMap<String, String>) -> bool {
        let worked = self.engine.work_once().await.unwrap();
        let claimed = self.journal.claim(now, 3, LEASE).await.unwrap();
        let any = worked || !claimed.is_empty();
        for claimed in claimed {
            self.carry_out(claimed, now, branches).await;
        }
        any
    }

    async fn carry_out(&self, claimed: Claimed, now: Timestamp, branches: &mut BTreeMap<String, String>) {
        let (id, fence) = (claimed.id.clone(), claimed.fence);
        boundary::cross("play: claimed, not begun");
        let outcome = match made_up(&claimed.effect, branches) {
            Some(outcome) => outcome,
            None => self.executor.carry_out(claimed).await,
        };
        boundary::cross("play: carried out, not recorded");
        match outcome {
            Outcome::Done(event) => self.journal.resolve(id, fence, event).await.unwrap(),
            Outcome::Later { after, why, tried } => {
                let until = now + SignedDuration::try_from(after).unwrap();
                self.journal.postpone(id, fence, Postponement { until, why, tried }).await.unwrap()
            }
        };
    }
}

/// Worktrees that are nowhere.
fn made_up(effect: &Effect, branches: &mut BTreeMap<String, String>) -> Option<Outcome> {
    let event = if let Effect::Prepare { task, branch, .. } = effect {
        branches.insert(task.to_string(), branch.to_string());
        event::Task::Prepared { path: format!("/nowhere/{task}"), base: "0".repeat(40).parse().unwrap(), setup: false }
    } else if let Effect::RemoveWorkspace { .. } = effect {
        event::Task::WorkspaceRemoved
    } else {
        return None;
    };
    Some(Outcome::Done(Some(event.into())))
}

/// Read once: that takes longer than many a play.
static RULES: LazyLock<Rules> = LazyLock::new(rules);

fn rules() -> Rules {
    let typist =
        Agent { name: "typist".parse().unwrap(), runtime: "play".to_owned(), receipt: Receipt::Hook, headless: false };
    Rules {
        reactions: reaction::Rules::load(&reaction::shipped()).unwrap(),
        hash: "play".to_owned(),
        repo: RepoId(REPO_ID),
        without_checks: None,
        report: true,
        acts: 30,
        repo_name: REPO.parse().unwrap(),
        repo_url: format!("https://github.test/{REPO}"),
        merge: Merge::Squash,
        task_prefix: "pages".to_owned(),
        agents: BTreeMap::from([(typist.name.clone(), typist.clone())]),
        agent: typist,
        fallbacks: BTreeMap::new(),
        loops: Loops::default(),
        slots: 8,
        pace: Pace {
            // One reconcile has to be enough, and it is the play that orders it.
            reconcile: SignedDuration::from_hours(1_000),
            pull_reconcile: SignedDuration::ZERO,
            ..Pace::USUAL
        },
    }
}

fn repository(id: RepoId) -> Repository {
    Repository {
        id,
        name: REPO.parse().unwrap(),
        configured: REPO.parse().unwrap(),
        clone_url: format!("https://github.test/{REPO}.git"),
        base: "main".parse::<Branch>().unwrap(),
        path: "/nowhere".into(),
        labels: vec![LABEL.to_owned()],
        merge: Merge::Squash,
        parked: None,
    }
}

/// The machine of a task's agent: it bears the task's name.
pub(super) fn session(task: &str) -> MachineKey {
    MachineKey::Session(task.parse::<TaskId>().unwrap().as_str().parse().unwrap())
}
