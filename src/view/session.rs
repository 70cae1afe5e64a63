//! An agent as people see it.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::IncidentView;
use crate::{
    machine::session::{Activity, Life, SendEnd, SendStage, State},
    model::{Channel, Usage},
    text,
};

/// An agent.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SessionView {
    /// Its name.
    pub session: String,
    /// Its task.
    pub task: String,
    /// The agent's name.
    pub agent: String,
    /// The runtime's name.
    pub runtime: String,
    /// Which launch runs.
    pub generation: u32,
    /// How it is.
    pub phase: SessionPhase,
    /// Since when, if that is known.
    pub since: Option<Timestamp>,
    /// Why it is not getting on, if it is not.
    pub trouble: Option<String>,
    /// How many causes wait to be said.
    pub queued: u32,
    /// The newest prompts, the newest first.
    pub prompts: Vec<PromptView>,
    /// The open incidents.
    pub incidents: Vec<IncidentView>,
    /// What was used, as far as the agent's own records report it.
    pub used: Option<Usage>,
}

/// How an agent is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum SessionPhase {
    /// Being started.
    Launching,
    /// Coming up.
    Starting,
    /// Waiting for a prompt.
    Idle,
    /// In a turn.
    Working,
    /// Waiting for a person.
    NeedsInput,
    /// It ended, and should not have.
    Exited,
    /// Being ended.
    Stopping,
    /// Ended on purpose.
    Ended,
}

/// A prompt and how far it got.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PromptView {
    /// Its id, as it stands in the text.
    pub prompt: String,
    /// When it was ordered.
    pub at: Timestamp,
    /// `ordered`, `submitted`, `acknowledged`, `indeterminate` or `withdrawn`.
    pub state: String,
    /// By which way it was handed over, if it was.
    pub channel: Option<Channel>,
    /// Where its arrival was read.
    pub evidence: Option<String>,
    /// What was used for it, as far as that is known.
    pub used: Option<Usage>,
}

impl SessionView {
    pub(super) fn of(state: &State) -> Self {
        let (phase, since) = phase(&state.life);
        Self {
            session: state.session.to_string(),
            task: state.task.to_string(),
            agent: state.agent.name.to_string(),
            runtime: state.agent.runtime.clone(),
            generation: state.generation.0,
            phase,
            since,
            trouble: trouble(state).map(|why| text::sanitise(&why).text),
            queued: u32::try_from(state.queue.len()).unwrap_or(u32::MAX),
            prompts: prompts(state),
            incidents: state.incidents.iter().map(|(kind, incident)| IncidentView::of(*kind, incident)).collect(),
            used: Some(state.used()).filter(|used| !used.is_unknown()),
        }
    }
}

fn trouble(state: &State) -> Option<String> {
    let refused = state.refused.as_ref().map(|refused| format!("a prompt waits: {}", refused.why));
    match &state.life {
        Life::Exited { why: Some(why), .. } => Some(why.clone()),
        Life::Exited { code: Some(code), .. } => Some(format!("its process ended with code {code}")),
        Life::Exited { .. } => Some("its process ended".to_owned()),
        Life::Launching | Life::Running { .. } | Life::Stopping | Life::Ended => refused,
    }
}

fn prompts(state: &State) -> Vec<PromptView> {
    let sending = state.sending.iter().map(|sending| PromptView {
        prompt: sending.prompt.to_string(),
        at: sending.ordered_at,
        state: match sending.stage {
            SendStage::Ordered => "ordered",
            SendStage::Submitted { .. } => "submitted",
        }
        .to_owned(),
        channel: sending.channel,
        evidence: None,
        used: None,
    });
    let sent = state.sent.iter().rev().map(|sent| {
        let (state, evidence) = match &sent.end {
            SendEnd::Acknowledged(evidence) => ("acknowledged", Some(format!("{:?}", evidence.receipt).to_lowercase())),
            SendEnd::Indeterminate => ("indeterminate", None),
            SendEnd::Withdrawn => ("withdrawn", None),
        };
        PromptView {
            prompt: sent.prompt.to_string(),
            at: sent.ordered_at,
            state: state.to_owned(),
            channel: sent.channel,
            evidence,
            used: sent.used.clone(),
        }
    });
    sending.chain(sent).collect()
}

const fn phase(life: &Life) -> (SessionPhase, Option<Timestamp>) {
    match life {
        Life::Launching => (SessionPhase::Launching, None),
        Life::Running { activity, since } => (
            match activity {
                Activity::Starting => SessionPhase::Starting,
                Activity::Idle => SessionPhase::Idle,
                Activity::Working => SessionPhase::Working,
                Activity::NeedsInput => SessionPhase::NeedsInput,
            },
            Some(*since),
        ),
        Life::Exited { at, .. } => (SessionPhase::Exited, Some(*at)),
        Life::Stopping => (SessionPhase::Stopping, None),
        Life::Ended => (SessionPhase::Ended, None),
    }
}
