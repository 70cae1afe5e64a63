//! The engine over a real journal: what cannot be handled holds nobody else up.

use std::{collections::BTreeMap, sync::Arc};

use jiff::SignedDuration;
use tokio::sync::watch;

use super::{BATCH, Engine, NAP_MAX, jump::AFTER_JUMP};
use crate::{
    event::{self, Backlog, Event, Hook, Session},
    journal::{Cause, Commit, Delivery, Journal as _, Post, Retention, SqliteJournal, Step, conformance::Hand},
    machine::{Rulebook, State, testing::*},
    model::{Generation, MachineKey, RepoId, TaskId, Version},
};

struct House {
    journal: Arc<SqliteJournal>,
    engine: Engine,
    hand: Hand,
    _dir: tempfile::TempDir,
}

impl House {
    fn new() -> Self {
        let (dir, hand) = (tempfile::tempdir().unwrap(), Hand::new());
        let journal = Arc::new(SqliteJournal::open(dir.path(), hand.clock(), Retention::default()).unwrap());
        let rules = Rulebook::new(BTreeMap::from([(REPO, Arc::new(rules()))]));
        let rules = watch::Sender::new(Arc::new(rules)).subscribe();
        let engine = Engine::new(journal.clone(), rules, hand.clock());
        Self { journal, engine, hand, _dir: dir }
    }

    async fn post(&self, to: &MachineKey, event: impl Into<Event>, cause: &str) {
        let post = Post { cause: cause.to_owned(), to: to.clone(), event: event.into() };
        self.journal.post(vec![post]).await.unwrap();
    }

    /// A machine whose state nobody can read, with an event and a deadline that are due.
    async fn poisoned(&self, number: usize) {
        let task: TaskId = format!("poison-{number}").parse().unwrap();
        let machine = MachineKey::Task(task);
        self.post(&machine, event::Task::TurnEnded, &format!("first/{number}")).await;
        let row =
            self.journal.waiting(usize::MAX >> 1).await.unwrap().into_iter().find(|row| row.to == machine).unwrap();
        let at = self.hand.clock().now();
        let step = Step {
            machine: machine.clone(),
            expected: Version(0),
            cause: Cause::Inbox(row.row),
            event: row.event,
            state: "{ nobody can read this".to_owned(),
            lookup: Vec::new(),
            effects: Vec::new(),
            deadline: Some((at, "poison".to_owned())),
            rules: String::new(),
            entropy: [0; 16],
            at,
        };
        assert!(matches!(self.journal.commit(step).await.unwrap(), Commit::Committed(_)));
        self.post(&machine, event::Task::TurnEnded, &format!("second/{number}")).await;
    }

    async fn works(&mut self) {
        while self.engine.work_once().await.unwrap() {}
    }

    async fn is_known(&self, machine: &MachineKey) -> bool {
        self.journal.load(machine.clone()).await.unwrap().is_some_and(|stored| stored.state != "null")
    }
}

// G026
#[tokio::test]
async fn more_than_a_batch_of_poison_holds_nobody_else_up() {
    let mut house = House::new();
    for number in 0..=BATCH {
        house.poisoned(number).await;
    }
    let healthy = MachineKey::Backlog(REPO);
    house.post(&healthy, Backlog::Hinted { repo: REPO }, "healthy").await;

    house.works().await;

    assert!(house.is_known(&healthy).await);
    let waiting = house.journal.waiting(usize::MAX >> 1).await.unwrap();
    assert_eq!(waiting.len(), BATCH + 1, "what nobody could handle is kept");
    let now = house.hand.clock().now();
    assert_eq!(house.engine.nap(now).await, NAP_MAX, "its deadlines wake nobody again and again");
}

// G027
#[tokio::test(start_paused = true)]
async fn after_a_night_asleep_nobody_is_stuck_and_nothing_fires_before_everybody_has_looked() {
    let mut house = House::new();
    let session = MachineKey::Session("hello-3".parse().unwrap());
    let (task, agent) = ("hello-3".parse().unwrap(), rules().agent);
    let (generation, workspace) = (Generation(1), "workspaces/hello-3".to_owned());
    house.post(&session, Session::Wanted { task, repo: REPO, agent, workspace, conversation: None }, "wanted").await;
    house.post(&session, Session::Launched { generation, agent_session: None }, "launched").await;
    let taken = Hook::PromptTaken { evidence: None };
    house.post(&session, Session::Hooked { generation, hook: taken }, "taken").await;
    house.works().await;
    house.hand.forward(540);
    // Another repository's machine, to which nobody tells anything.
    let (backlog, clock) = (MachineKey::Backlog(REPO), house.hand.clock());
    house.post(&backlog, Backlog::LookFailed { why: "no network".to_owned() }, "failed").await;
    house.works().await;

    house.hand.forward(8 * 3_600);
    house.engine.take_jump(SignedDuration::from_hours(8)).await;
    house.works().await;

    let stored = house.journal.load(session.clone()).await.unwrap().unwrap();
    let Ok(Some(State::Session(state))) = serde_json::from_str(&stored.state) else { panic!("{}", stored.state) };
    assert_eq!((state.incidents.len(), clock.now().duration_since(state.alive_at).as_secs()), (0, 540));
    let due = house.journal.due(clock.now(), 9).await.unwrap();
    assert_eq!(due.into_iter().map(|(machine, _)| machine).collect::<Vec<_>>(), [backlog], "it waits");
    assert!(house.engine.nap(clock.now()).await <= AFTER_JUMP);

    tokio::time::advance(AFTER_JUMP).await;
    house.works().await;
    assert_eq!(house.journal.due(clock.now(), 9).await.unwrap(), []);
}

// G026
#[tokio::test]
async fn a_repository_that_left_the_settings_holds_nobody_else_up() {
    let mut house = House::new();
    let gone = RepoId(REPO.0 + 1);
    for number in 0..=BATCH {
        house.post(&MachineKey::Backlog(gone), Backlog::DeadlinePassed, &format!("gone/{number}")).await;
    }
    let healthy = MachineKey::Backlog(REPO);
    house.post(&healthy, Backlog::Hinted { repo: REPO }, "healthy").await;

    house.works().await;

    assert!(house.is_known(&healthy).await);
}

// G070
#[tokio::test]
async fn a_status_of_a_commit_that_is_no_pull_requests_head_costs_nothing() {
    let mut house = House::new();
    let body = serde_json::json!({
        "sha": "0123456789abcdef0123456789abcdef01234567",
        "state": "failure",
        "context": "ci",
        "repository": { "id": REPO.0, "full_name": "octo-org/hello" },
    });
    let delivery = Delivery {
        id: "5f0f6c60-0000-11ee-8000-000000000001".parse().unwrap(),
        event: "status".to_owned(),
        repo: Some(REPO),
        received_at: house.hand.clock().now(),
        body: body.to_string().into_bytes(),
    };
    house.journal.ingest(delivery).await.unwrap();

    house.works().await;

    assert!(house.journal.unrouted(1).await.unwrap().is_empty());
    assert!(house.journal.machines(None).await.unwrap().is_empty(), "nobody was told, and so nobody looks");
}
