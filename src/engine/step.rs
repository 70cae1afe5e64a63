//! One step: load, decide, commit.

use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;
use tracing::{debug, error};

use crate::{
    boundary,
    event::{self, Event},
    journal::{self, Commit, Journal},
    machine::{self, Now, Rulebook, State, Texts},
    model::{MachineKey, TextHash, Version},
};

/// Draws the random bytes of an entry; the error says why there are none.
pub(super) type Draw = Box<dyn FnMut() -> Result<[u8; 16], String> + Send + Sync>;

/// States as last committed by this process. The journal's version check guards against everybody else.
pub(super) struct Cache {
    draw: Draw,
    states: BTreeMap<MachineKey, (Version, State)>,
    texts: Texts,
    parked: BTreeSet<String>,
}

/// What became of an event.
pub(super) enum Outcome {
    /// Its step is durable.
    Committed,
    /// Somebody else stepped the machine: look again.
    Again,
    /// It cannot be handled now; it stays in the inbox.
    Parked { machine: MachineKey, why: String },
    /// The same as before, said once already.
    StillParked,
}

/// How many states are kept; the least keys go first. A state is some kilobytes.
const KEPT: usize = 2_000;

impl Cache {
    pub(super) const fn new(draw: Draw) -> Self {
        Self { draw, states: BTreeMap::new(), texts: Texts::new(), parked: BTreeSet::new() }
    }

    pub(super) async fn step(
        &mut self,
        journal: &dyn Journal,
        what: (MachineKey, Event, journal::Cause),
        rules: &Rulebook,
        at: Timestamp,
    ) -> Result<Outcome, journal::Error> {
        let (machine, event, cause) = what;
        let (version, state) = match self.load(journal, &machine).await? {
            Ok(loaded) => loaded,
            Err(why) => return Ok(self.park(machine, &cause, why)),
        };
        let Some(in_force) = rules.of(&machine, state.as_ref(), &event) else {
            return Ok(self.park(machine, &cause, "its repository is not in the settings".to_owned()));
        };
        let entropy = match (self.draw)() {
            Ok(entropy) => entropy,
            Err(why) => return Ok(self.park(machine, &cause, why)),
        };
        let texts = self.texts(journal, machine::texts_needed(state.as_ref(), &event)).await?;
        let now = Now { rules: &in_force, at, entropy, texts: &texts };
        let name = event.name();
        let made = machine::step(&machine, state, event.clone(), &now);
        let (state, effects) = match made {
            Some(step) => (Some(step.state), step.effects),
            None => (None, Vec::new()),
        };
        let step = journal::Step {
            expected: version,
            cause,
            event,
            lookup: state.as_ref().map(State::lookup).unwrap_or_default(),
            deadline: state
                .as_ref()
                .and_then(|state| state.next_deadline(&in_force, at))
                .map(|(at, why)| (at, why.to_owned())),
            state: state.as_ref().map_or_else(|| "null".to_owned(), to_json),
            effects,
            rules: in_force.hash.clone(),
            entropy,
            at,
            machine: machine.clone(),
        };
        boundary::cross("engine: before the commit of a step");
        let committed = journal.commit(step).await?;
        debug!(machine = %machine, event = name, ?committed, "Stepped {machine} by {name:?}");
        self.keep(machine, version, state, committed);
        Ok(match committed {
            Commit::Committed(_) | Commit::Duplicate => Outcome::Committed,
            Commit::Conflict => Outcome::Again,
        })
    }

    async fn load(
        &mut self,
        journal: &dyn Journal,
        machine: &MachineKey,
    ) -> Result<Result<(Version, Option<State>), String>, journal::Error> {
        if let Some((version, state)) = self.states.get(machine) {
            return Ok(Ok((*version, Some(state.clone()))));
        }
        let Some(stored) = journal.load(machine.clone()).await? else { return Ok(Ok((Version(0), None))) };
        match serde_json::from_str::<Option<State>>(&stored.state) {
            Ok(state) => Ok(Ok((stored.version, state))),
            Err(error) => Ok(Err(format!("its state cannot be read: {error}"))),
        }
    }

    /// The words that conditions may read. A text never changes, so it is read once.
    async fn texts(&mut self, journal: &dyn Journal, hashes: Vec<TextHash>) -> Result<Texts, journal::Error> {
        let mut texts = Texts::new();
        for hash in hashes {
            let words = match self.texts.get(&hash) {
                Some(words) => words.clone(),
                None => {
                    let Some(words) = journal.text(hash.clone()).await? else { continue };
                    if self.texts.len() >= KEPT {
                        self.texts.pop_first();
                    }
                    self.texts.insert(hash.clone(), words.clone());
                    words
                }
            };
            texts.insert(hash, words);
        }
        Ok(texts)
    }

    fn keep(&mut self, machine: MachineKey, version: Version, state: Option<State>, committed: Commit) {
        match (committed, state) {
            (Commit::Committed(_), Some(state)) => {
                if self.states.len() >= KEPT {
                    self.states.pop_first();
                }
                self.states.insert(machine, (version.next(), state));
            }
            (Commit::Committed(_) | Commit::Conflict | Commit::Duplicate, _) => {
                self.states.remove(&machine);
            }
        }
    }

    fn park(&mut self, machine: MachineKey, cause: &journal::Cause, why: String) -> Outcome {
        if self.parked.insert(format!("{machine} {cause:?} {why}")) {
            Outcome::Parked { machine, why }
        } else {
            Outcome::StillParked
        }
    }
}

/// Draws from the operating system.
pub(super) fn draw() -> Result<[u8; 16], String> {
    let mut entropy = [0; 16];
    getrandom::fill(&mut entropy).map_err(|error| format!("no random numbers: {error}"))?;
    Ok(entropy)
}

/// The event by which a machine learns that its deadline passed.
pub(super) const fn deadline_event(machine: &MachineKey) -> Event {
    match machine {
        MachineKey::Pull { .. } => Event::Pull(event::Pull::DeadlinePassed),
        MachineKey::Task(_) => Event::Task(event::Task::DeadlinePassed),
        MachineKey::Session(_) => Event::Session(event::Session::DeadlinePassed),
        MachineKey::Backlog(_) => Event::Backlog(event::Backlog::DeadlinePassed),
        MachineKey::Fleet => Event::Fleet(event::Fleet::DeadlinePassed),
    }
}

fn to_json(state: &State) -> String {
    serde_json::to_string(state).unwrap_or_else(|error| {
        // A state holds no map with keys that JSON cannot have; if it ever does, nothing may be lost silently.
        error!(%error, "A state could not be written");
        String::from("null")
    })
}
