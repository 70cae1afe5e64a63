//! The terminals of a play: they outlive every kill, take what is typed, and know nothing else.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::{Arc, Mutex, MutexGuard},
    time::Duration,
};

use antiphon::{
    model::{PromptId, Submission},
    runtime::{Address, Error, Gate, Launch, Message, Probe, Runtime, Screen, Why},
    simulator::Chance,
};
use futures_util::future::BoxFuture;

/// One prompt that was typed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Typed {
    pub(super) address: Address,
    pub(super) prompt: PromptId,
    pub(super) text: String,
    /// When, in milliseconds of the play.
    pub(super) at: u64,
}

/// All terminals. Cloning shares them.
#[derive(Clone)]
pub(super) struct Terminal(Arc<Mutex<Desk>>);

struct Desk {
    hand: super::Hand,
    /// Whether each launch lives, and where it works.
    launches: BTreeMap<Address, (bool, String)>,
    typed: Vec<Typed>,
    read: usize,
    moods: Option<Chance>,
}

impl Terminal {
    pub(super) fn new(hand: super::Hand) -> Self {
        let (launches, typed) = (BTreeMap::new(), Vec::new());
        Self(Arc::new(Mutex::new(Desk { hand, launches, typed, read: 0, moods: None })))
    }

    /// From now on they refuse at times, and fail to say that they have typed; or never.
    pub(super) fn moods(&self, moods: Option<Chance>) {
        self.desk().moods = moods;
    }

    /// Everything that was ever typed.
    pub(super) fn typed(&self) -> Vec<Typed> {
        self.desk().typed.clone()
    }

    /// What was typed since this was asked last.
    pub(super) fn news(&self) -> Vec<Typed> {
        let mut desk = self.desk();
        let news = desk.typed[desk.read..].to_vec();
        desk.read = desk.typed.len();
        news
    }

    fn desk(&self) -> MutexGuard<'_, Desk> {
        self.0.lock().unwrap()
    }

    /// Prompts that were typed more than once: there are never any.
    pub(super) fn repeated(&self) -> Vec<PromptId> {
        let mut seen = BTreeSet::new();
        let typed = self.typed();
        typed.into_iter().map(|it| it.prompt).filter(|prompt| !seen.insert(prompt.clone())).collect()
    }
}

impl Desk {
    fn submit(&mut self, address: &Address, message: &Message) -> Result<Submission, Error> {
        if !self.launches.get(address).is_some_and(|(alive, _)| *alive) {
            return Err(Error::Gone);
        }
        if self.typed.iter().any(|it| it.address == *address && it.prompt == *message.prompt()) {
            return Ok(Submission::Submitted);
        }
        let mood = self.moods.as_mut().map_or(100, |moods| moods.below(100));
        if mood < 5 {
            return Err(Error::NotReceptive(Why::Draft));
        }
        let (address, prompt) = (address.clone(), message.prompt().clone());
        let at = self.hand.millis();
        self.typed.push(Typed { address, prompt, text: message.text().to_owned(), at });
        if mood < 10 { Err(Error::Other(anyhow::anyhow!("the line broke"))) } else { Ok(Submission::Submitted) }
    }
}

impl Runtime for Terminal {
    fn start<'a>(&'a self, launch: &'a Launch) -> BoxFuture<'a, Result<(), Error>> {
        let dir = launch.dir.display().to_string();
        self.desk().launches.entry(launch.address.clone()).or_insert((true, dir));
        Box::pin(async { Ok(()) })
    }

    fn submit<'a>(
        &'a self,
        address: &'a Address,
        message: &'a Message,
        _: &'a Gate,
    ) -> BoxFuture<'a, Result<Submission, Error>> {
        let submitted = self.desk().submit(address, message);
        Box::pin(async { submitted })
    }

    fn submission<'a>(
        &'a self,
        address: &'a Address,
        prompt: &'a PromptId,
    ) -> BoxFuture<'a, Result<Submission, Error>> {
        let typed = self.desk().typed.iter().any(|it| it.address == *address && it.prompt == *prompt);
        Box::pin(async move { Ok(if typed { Submission::Submitted } else { Submission::Untouched }) })
    }

    fn probe<'a>(&'a self, address: &'a Address) -> BoxFuture<'a, Probe> {
        let lives = self.desk().launches.get(address).map(|(alive, _)| *alive);
        let probe = match lives {
            Some(true) => Probe::Alive { pid: None },
            Some(false) => Probe::Exited { code: Some(0), signal: None },
            None => Probe::Gone,
        };
        Box::pin(async { probe })
    }

    fn screen<'a>(&'a self, _: &'a Address, _: usize) -> BoxFuture<'a, Result<Screen, Error>> {
        Box::pin(async { Ok(Screen::default()) })
    }

    fn echoed<'a>(&'a self, _: &'a Address, _: &'a PromptId) -> BoxFuture<'a, Result<Option<String>, Error>> {
        Box::pin(async { Ok(None) })
    }

    fn stop<'a>(&'a self, address: &'a Address, _: Duration) -> BoxFuture<'a, Result<(), Error>> {
        if let Some((alive, _)) = self.desk().launches.get_mut(address) {
            *alive = false;
        }
        Box::pin(async { Ok(()) })
    }

    fn list(&self) -> BoxFuture<'_, Result<Vec<Address>, Error>> {
        let held = self.desk().launches.keys().cloned().collect();
        Box::pin(async { Ok(held) })
    }
}
