//! The one place where the world is locked, and what every part of the shell shares.

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex, MutexGuard},
};

use tokio::sync::{Notify, OwnedSemaphorePermit, Semaphore, broadcast};
use tracing::debug;

use super::{
    adversary::{Faults, Service},
    git::Git,
    happened::Happened,
    logs::LogUrls,
    world::World,
};
use crate::{background::Tasks, clock::Clock};

/// How many facts a slow subscriber may lag behind before it misses some.
const SUBSCRIBER_LAG_MAX: usize = 16_384;
/// How many jobs run at the same time.
const RUNNERS: usize = 2;

/// What the parts of the shell share. Cloning is cheap.
pub(crate) type Shared = Arc<Inner>;

/// See [`Shared`].
pub(crate) struct Inner {
    /// Reads the time.
    pub(crate) clock: Clock,
    /// The bare repositories.
    pub(crate) git: Git,
    /// Accepted on the API and for pushes.
    pub(crate) token: String,
    /// Where job logs are.
    pub(crate) log_urls: LogUrls,
    /// What goes wrong because a test planned it.
    faults: Mutex<Faults>,
    /// What goes wrong because an adversary draws it.
    service: Mutex<Service>,
    /// Runners of jobs.
    pub(crate) runners: Arc<Semaphore>,
    /// Spawns and awaits.
    pub(crate) tasks: Tasks,
    /// Woken after every change.
    pub(crate) changed: Notify,
    world: Mutex<World>,
    facts: broadcast::Sender<Happened>,
    turns: Mutex<BTreeMap<String, Arc<Semaphore>>>,
}

impl Inner {
    /// Shares a new world.
    pub(crate) fn new(world: World, clock: Clock, git: Git, token: String, parts: (LogUrls, Tasks)) -> Shared {
        Arc::new(Self {
            clock,
            git,
            token,
            log_urls: parts.0,
            faults: Mutex::default(),
            service: Mutex::default(),
            runners: Arc::new(Semaphore::new(RUNNERS)),
            tasks: parts.1,
            changed: Notify::new(),
            world: Mutex::new(world),
            facts: broadcast::Sender::new(SUBSCRIBER_LAG_MAX),
            turns: Mutex::default(),
        })
    }

    /// Changes the world and passes on what happened, in order.
    pub(crate) fn change<R>(&self, change: impl FnOnce(&mut World) -> R) -> R {
        let mut world = self.lock();
        world.now = self.clock.now();
        let now = world.now;
        world.mail.at(now);
        let result = change(&mut world);
        for fact in std::mem::take(&mut world.news) {
            debug!(?fact, "Happened in the simulator");
            // Nobody has to listen.
            drop(self.facts.send(fact));
        }
        drop(world);
        self.changed.notify_waiters();
        result
    }

    /// Reads the world.
    pub(crate) fn look<R>(&self, look: impl FnOnce(&World) -> R) -> R {
        look(&self.lock())
    }

    /// The troubles that were planned by hand.
    pub(crate) fn faults(&self) -> MutexGuard<'_, Faults> {
        self.faults.lock().expect("no holder of this lock panics")
    }

    /// The adversary between clients and the API.
    pub(crate) fn service(&self) -> MutexGuard<'_, Service> {
        self.service.lock().expect("no holder of this lock panics")
    }

    /// Everything that happens from now on.
    pub(crate) fn subscribe(&self) -> broadcast::Receiver<Happened> {
        self.facts.subscribe()
    }

    /// The turn to move branches of a repository. GitHub, too, moves the refs of a repository one push at a time.
    pub(crate) async fn turn(&self, repo: &str) -> OwnedSemaphorePermit {
        let turns = {
            let mut turns = self.turns.lock().expect("no holder of this lock panics");
            turns.entry(repo.to_owned()).or_insert_with(|| Arc::new(Semaphore::new(1))).clone()
        };
        turns.acquire_owned().await.expect("this semaphore is never closed")
    }

    /// Waits until the world is as wanted.
    pub(crate) async fn until(&self, wanted: impl Fn(&World) -> bool) {
        loop {
            let changed = self.changed.notified();
            tokio::pin!(changed);
            // Registered before looking, so that a change between the two is not missed.
            changed.as_mut().enable();
            if self.look(&wanted) {
                return;
            }
            changed.await;
        }
    }

    fn lock(&self) -> MutexGuard<'_, World> {
        self.world.lock().expect("no holder of this lock panics")
    }
}
