//! What is known of one agent.

use std::collections::BTreeMap;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::{Now, Rules};
use crate::{
    event::Agent,
    machine::incident::Incident,
    model::{
        Channel, ConversationId, Evidence, Generation, IncidentKind, LookupKey, MachineKey, PromptId, PromptRef,
        RepoId, SessionId, TaskId, TextHash, Usage,
    },
};

/// Everything that is known of one session.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct State {
    /// Its name.
    pub session: SessionId,
    /// Its task.
    pub task: TaskId,
    /// Its repository.
    pub repo: RepoId,
    /// What runs.
    pub agent: Agent,
    /// Where it works.
    pub workspace: String,
    /// The newest launch.
    pub generation: Generation,
    /// How it is.
    pub life: Life,
    /// When the newest launch succeeded.
    pub launched_at: Option<Timestamp>,
    /// The agent's own session id, by which it can be resumed.
    pub agent_session: Option<String>,
    /// The conversation of a person that it began with a copy of.
    #[serde(default)]
    pub copied: Option<ConversationId>,
    /// Where the agent writes its transcript, if it said so.
    pub transcript: Option<String>,
    /// What should be said, oldest first.
    pub queue: Vec<PromptRef>,
    /// The prompt on its way.
    pub sending: Option<Sending>,
    /// A receipt that came before the report of its submission.
    pub early: Option<Evidence>,
    /// The newest prompts that ended, oldest first.
    pub sent: Vec<Sent>,
    /// What was submitted since the agent's turn last ended.
    pub open_turn: Vec<PromptRef>,
    /// Until when nothing is typed, after a refusal.
    pub not_before: Option<Timestamp>,
    /// How often the queue's first prompt was refused in a row, since when, and why.
    pub refused: Option<Refused>,
    /// The last sign of life: a hook, or a screen that changed.
    pub alive_at: Timestamp,
    /// The screen as last seen.
    pub screen: Screen,
    /// How often in a row the runtime found nothing; one time is no death.
    pub missing: u32,
    /// The open incidents.
    pub incidents: BTreeMap<IncidentKind, Incident>,
    /// The serial number of the newest incident.
    pub serial: u64,
    /// What was used, by conversation: the agent's own id of it, or the launch where there is none.
    #[serde(default)]
    pub used: BTreeMap<String, Usage>,
    /// Since when it should end, if it should.
    pub ending_since: Option<Timestamp>,
}

/// How an agent's process is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Life {
    /// It is being started.
    Launching,
    /// It runs.
    Running {
        /// What it is doing.
        activity: Activity,
        /// Since when.
        since: Timestamp,
    },
    /// It ended, and should not have.
    Exited {
        /// Its exit code, if it had one.
        code: Option<i32>,
        /// When that was seen.
        at: Timestamp,
        /// Why it could not be started, if it could not.
        why: Option<String>,
    },
    /// It is being ended.
    Stopping,
    /// It was ended on purpose.
    Ended,
}

/// What a running agent is doing.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Activity {
    /// Coming up; it may take a prompt once its screen says so.
    Starting,
    /// Waiting for a prompt.
    Idle,
    /// In a turn.
    Working,
    /// Waiting for a person.
    NeedsInput,
}

/// What is known of a screen.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Screen {
    /// Whether it shows a dialog.
    pub dialog: bool,
    /// Whether it has not changed for a while. A change is news.
    pub rests: bool,
}

/// A prompt on its way.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Sending {
    /// Its id.
    pub prompt: PromptId,
    /// What it answers.
    pub references: Vec<PromptRef>,
    /// What it speaks of, for each reference.
    pub covers: Vec<Vec<String>>,
    /// Where the exact words are, once made.
    pub text: Option<TextHash>,
    /// When it was ordered.
    pub ordered_at: Timestamp,
    /// For which launch.
    pub generation: Generation,
    /// How far it got.
    pub stage: SendStage,
    /// By which way it was handed over, if it was.
    #[serde(default)]
    pub channel: Option<Channel>,
}

impl Sending {
    /// Whether this is that prompt, and the executor has not yet said what became of it. It says so once.
    pub(super) fn is_ordered(&self, prompt: &PromptId) -> bool {
        self.prompt == *prompt && self.stage == SendStage::Ordered
    }
}

/// How far a prompt on its way got.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum SendStage {
    /// Handed to the executor.
    Ordered,
    /// Submitted; the receipt is awaited.
    Submitted {
        /// When.
        at: Timestamp,
        /// When the receipt is looked for next.
        seek_at: Timestamp,
    },
}

/// A prompt that ended.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Sent {
    /// Its id.
    pub prompt: PromptId,
    /// What it answered.
    pub references: Vec<PromptRef>,
    /// Where the exact words are.
    pub text: Option<TextHash>,
    /// When it was ordered.
    pub ordered_at: Timestamp,
    /// How it ended.
    pub end: SendEnd,
    /// By which way it was handed over, if it was.
    #[serde(default)]
    pub channel: Option<Channel>,
    /// What was used from its arrival to the end of the turn, where that is known.
    #[serde(default)]
    pub used: Option<Usage>,
}

/// How a prompt ended.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum SendEnd {
    /// It arrived, and this is where that was read.
    Acknowledged(Evidence),
    /// It may have arrived; nobody can tell, and it is not sent again.
    Indeterminate,
    /// It was not typed: its causes had gone.
    Withdrawn,
}

/// A queue that is refused.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Refused {
    /// How often in a row.
    pub times: u32,
    /// Since when.
    pub since: Timestamp,
    /// Why, the last time.
    pub why: String,
}

impl State {
    /// A session that is to be launched. What an earlier one of the same name counted goes on.
    pub(super) fn wanted(
        session: SessionId,
        id: (TaskId, RepoId),
        what: (Agent, String),
        earlier: Option<&Self>,
        now: &Now<'_>,
    ) -> Self {
        let ((task, repo), (agent, workspace)) = (id, what);
        Self {
            session,
            task,
            repo,
            agent,
            workspace,
            generation: earlier.map_or(Generation(0), |state| state.generation),
            life: Life::Launching,
            launched_at: None,
            agent_session: None,
            copied: None,
            transcript: None,
            queue: Vec::new(),
            sending: None,
            early: None,
            sent: Vec::new(),
            open_turn: Vec::new(),
            not_before: None,
            refused: None,
            alive_at: now.at,
            screen: Screen::default(),
            missing: 0,
            incidents: BTreeMap::new(),
            serial: earlier.map_or(0, |state| state.serial),
            used: BTreeMap::new(),
            ending_since: None,
        }
    }

    /// What its conversations used together.
    #[must_use]
    pub fn used(&self) -> Usage {
        self.used.values().fold(Usage::default(), |sum, usage| sum.plus(usage))
    }

    /// This machine's address.
    #[must_use]
    pub fn key(&self) -> MachineKey {
        MachineKey::Session(self.session.clone())
    }

    /// The keys by which it is found.
    #[must_use]
    pub fn lookup(&self) -> Vec<LookupKey> {
        vec![LookupKey::Task(self.task.clone())]
    }

    /// The next moment after `now` at which something is due, and what.
    ///
    /// What was due until now was ordered by the step itself. If it is still there, it waits for an event, not for time.
    #[must_use]
    pub fn next_deadline(&self, rules: &Rules, now: Timestamp) -> Option<(Timestamp, &'static str)> {
        let ending =
            self.ending_since.filter(|_| self.is_running()).map(|since| (since + rules.pace.merged_grace, "end"));
        let sending = self.sending_deadline(rules);
        let rest = self.turn_over_at(rules).map(|at| (at, "rest"));
        let incidents = self.incidents.values().filter_map(Incident::deadline);
        let stuck = self.stuck_at(rules).map(|at| (at, "stuck"));
        let recovered = self.recovered_at(rules).map(|at| (at, "recovered"));
        let all = ending.into_iter().chain(sending).chain(rest).chain(incidents).chain(stuck).chain(recovered);
        all.filter(|(at, _)| *at > now).min()
    }

    pub(super) const fn is_running(&self) -> bool {
        matches!(self.life, Life::Running { .. })
    }

    /// What it is doing, if it runs.
    #[must_use]
    pub const fn activity(&self) -> Option<Activity> {
        if let Life::Running { activity, .. } = self.life { Some(activity) } else { None }
    }

    pub(super) fn become_active(&mut self, activity: Activity, now: &Now<'_>) {
        if let Life::Running { activity: current, since } = &mut self.life
            && *current != activity
        {
            *current = activity;
            *since = now.at;
        }
    }
}
