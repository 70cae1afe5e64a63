//! Reads what agents' hooks have written, at the start, at every ring of the doorbell, and now and then without one.

use std::{collections::BTreeMap, sync::Arc, time::Duration};

use tokio_util::sync::CancellationToken;
use tracing::{debug, warn};

use crate::{
    agent::{HookEvent, HookKind, doorbell::Doorbell, evidence_in, spool},
    event::{self, Hook},
    journal::{self, Journal, Post},
    machine::{State, session::Life},
    model::{Evidence, MachineKey, MachineKind, PromptId, Receipt},
    places::Places,
    runtime::Address,
};

/// A ring may be lost; then the spools are read this much later.
const WITHOUT_RING: Duration = Duration::from_secs(2);
/// How much of a quote is kept as evidence.
const QUOTE_CHARS: usize = 200;

/// The spools of all living launches.
pub struct Spools {
    journal: Arc<dyn Journal>,
    places: Places,
    doorbell: Option<Doorbell>,
    read_to: BTreeMap<Address, Mark>,
}

/// How far a spool was read: its bytes, and the events in them. An event's number is the same on every reading.
#[derive(Debug, Clone, Copy, Default)]
struct Mark {
    bytes: u64,
    events: usize,
}

impl Spools {
    /// The spools below these places. Without a doorbell they are read by the clock alone.
    #[must_use]
    pub const fn new(journal: Arc<dyn Journal>, places: Places, doorbell: Option<Doorbell>) -> Self {
        Self { journal, places, doorbell, read_to: BTreeMap::new() }
    }

    /// Works until told to stop.
    pub async fn run(mut self, stop: CancellationToken) {
        while !stop.is_cancelled() {
            if let Err(error) = self.drain_all().await {
                warn!(error = &error as &dyn std::error::Error, "Could not read the hook spools");
            }
            let ring = async {
                match &self.doorbell {
                    Some(doorbell) => doorbell.rung().await,
                    None => std::future::pending().await,
                }
            };
            tokio::select! {
                () = stop.cancelled() => break,
                () = ring => {}
                () = tokio::time::sleep(WITHOUT_RING) => {}
            }
        }
    }

    async fn drain_all(&mut self) -> Result<(), journal::Error> {
        for (_, stored) in self.journal.machines(Some(MachineKind::Session)).await? {
            let Ok(Some(State::Session(session))) = serde_json::from_str::<Option<State>>(&stored.state) else {
                continue;
            };
            if !matches!(session.life, Life::Ended) {
                let prompt = session.sending.as_ref().map(|sending| sending.prompt.clone());
                let known = session.sent.iter().map(|sent| sent.prompt.clone()).chain(prompt).collect::<Vec<_>>();
                self.drain(Address { session: session.session, generation: session.generation }, &known).await?;
            }
        }
        Ok(())
    }

    async fn drain(&mut self, address: Address, known: &[PromptId]) -> Result<(), journal::Error> {
        let Ok(Some(token)) = self.places.read_launch_token(&address.session, address.generation) else {
            return Ok(());
        };
        let mark = self.read_to.get(&address).copied().unwrap_or_default();
        let dir = spool::dir(&self.places.launch(&address.session, address.generation));
        let drained = match spool::drain(&dir, &token, mark.bytes) {
            Ok(drained) => drained,
            Err(error) => {
                warn!(session.name = %address.session, %error, "Could not read the hook spool of {address}");
                return Ok(());
            }
        };
        if drained.foreign > 0 {
            let lines = drained.foreign;
            warn!(session.name = %address.session, lines, "Dropped hook events that were not written by {address}");
        }
        let read = Mark { bytes: drained.next, events: mark.events + drained.events.len() };
        let numbered = (mark.events..).zip(&drained.events);
        let posts: Vec<_> = numbered.filter_map(|(number, event)| post(&address, number, event, known)).collect();
        if !posts.is_empty() {
            debug!(session.name = %address.session, events = posts.len(), "Read hook events of {address}");
            // Read again after a restart; each is accepted once.
            self.journal.post(posts).await?;
        }
        self.read_to.insert(address, read);
        Ok(())
    }
}

fn post(address: &Address, number: usize, event: &HookEvent, known: &[PromptId]) -> Option<Post> {
    let hook = hook(event, known)?;
    Some(Post {
        cause: format!("hook/{}/{}/{number}", address.session, address.generation),
        to: MachineKey::Session(address.session.clone()),
        event: event::Session::Hooked { generation: address.generation, hook }.into(),
    })
}

fn hook(event: &HookEvent, known: &[PromptId]) -> Option<Hook> {
    Some(match &event.kind {
        HookKind::SessionStarted { agent_session } => {
            Hook::Started { agent_session: Some(agent_session.clone()), transcript: event.transcript.clone() }
        }
        HookKind::PromptSubmitted { text } => Hook::PromptTaken { evidence: evidence(event, text, known) },
        HookKind::TurnEnded { .. } => Hook::TurnEnded,
        HookKind::Waits => Hook::Waits,
        HookKind::TurnFailed { error } => Hook::TurnFailed { error: error.clone() },
        HookKind::NeedsInput { .. } => Hook::NeedsInput,
        HookKind::Answered => Hook::Answered,
        HookKind::SessionEnded { .. } => Hook::Ended,
        HookKind::Unknown { name } => {
            debug!(hook = name, "An agent ran a hook that means nothing to us");
            return None;
        }
    })
}

fn evidence(event: &HookEvent, text: &str, known: &[PromptId]) -> Option<Evidence> {
    known.iter().find_map(|prompt| {
        let quote = evidence_in(text, prompt)?.chars().take(QUOTE_CHARS).collect();
        Some(Evidence { prompt: prompt.clone(), receipt: Receipt::Hook, quote, at: event.at })
    })
}
