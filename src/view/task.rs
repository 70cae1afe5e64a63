//! A task as people see it.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::{IncidentView, Texts};
use crate::{
    event::Work,
    machine::{
        Rulebook, backlog,
        task::{Phase, State},
    },
    model::{IncidentKind, RepoId, Rescue, TaskId, TextHash, Usage},
    text,
};

/// A task.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct TaskView {
    /// Its name; its session bears the same.
    pub task: String,
    /// `owner/name`.
    pub repo: String,
    /// What it is about.
    pub title: String,
    /// Its issue.
    pub issue: Option<u64>,
    /// Its pull request.
    pub pull: Option<u64>,
    /// Its branch.
    pub branch: Option<String>,
    /// Its agent.
    pub agent: Option<String>,
    /// Where it stands.
    pub phase: TaskPhase,
    /// Why it does not get on, if it does not; or why its workspace was kept.
    pub trouble: Option<String>,
    /// Since when.
    pub since: Option<Timestamp>,
    /// Where it works.
    pub workspace: Option<String>,
    /// What keeps the work of a workspace that was removed.
    pub rescue: Option<Rescue>,
    /// Its open incidents.
    #[serde(default)]
    pub incidents: Vec<IncidentView>,
    /// What its agent used, as far as that is known.
    pub used: Option<Usage>,
}

/// Where a task stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum TaskPhase {
    /// Waits for a slot.
    Queued,
    /// Its workspace is being made.
    Preparing,
    /// Its workspace is being made ready.
    SettingUp,
    /// Its agent works.
    Working,
    /// Its agent has ended its turn, and nothing of it is on GitHub.
    NoChange,
    /// Its pull request is open.
    InReview,
    /// It is being cleaned up.
    Closing,
    /// It cannot go on without a person.
    Failed,
    /// Merged.
    Done,
    /// Given up.
    Abandoned,
}

impl TaskPhase {
    /// Whether it has ended.
    #[must_use]
    pub const fn is_over(self) -> bool {
        matches!(self, Self::Done | Self::Abandoned)
    }
}

impl TaskView {
    pub(super) fn of(state: &State, rules: &Rulebook, texts: &Texts) -> Self {
        Self {
            task: state.task.to_string(),
            repo: rules.name(state.repo),
            title: title(&state.work, texts),
            issue: state.issue().map(|issue| issue.0),
            pull: state.pull.map(|pull| pull.0),
            branch: Some(text::sanitise(state.branch.as_str()).text),
            agent: Some(state.agent.to_string()),
            phase: phase(state),
            trouble: trouble(state).map(|why| text::sanitise(&why).text),
            since: Some(state.since),
            workspace: state.workspace.clone(),
            rescue: state.rescue.clone(),
            incidents: failed_setup(state).into_iter().chain(no_change(state)).collect(),
            used: None,
        }
    }

    pub(super) fn waiting(
        task: &TaskId,
        wanted: &backlog::Wanted,
        repo: RepoId,
        rules: &Rulebook,
        texts: &Texts,
    ) -> Self {
        let issue = if let Work::Issue(issue) = &wanted.work { Some(issue.number.0) } else { None };
        Self {
            task: task.to_string(),
            repo: rules.name(repo),
            title: title(&wanted.work, texts),
            issue,
            pull: None,
            branch: None,
            agent: wanted.agent.as_ref().map(ToString::to_string),
            phase: TaskPhase::Queued,
            trouble: None,
            since: None,
            workspace: None,
            rescue: None,
            incidents: Vec::new(),
            used: None,
        }
    }
}

fn failed_setup(state: &State) -> Option<IncidentView> {
    let incident = IncidentView::of(IncidentKind::SetupFailed, state.setup_failed.as_ref()?);
    let stage = if state.setup_runs { "the setup runs again".to_owned() } else { incident.stage };
    Some(IncidentView { stage, ..incident })
}

fn no_change(state: &State) -> Option<IncidentView> {
    Some(IncidentView::of(IncidentKind::NoChange, state.no_change.as_ref()?))
}

fn trouble(state: &State) -> Option<String> {
    state.trouble.clone().or_else(|| state.kept.as_ref().map(|why| format!("workspace kept: {why}")))
}

/// Where the words are that name a piece of work.
pub(super) fn title_hash(work: &Work) -> Option<TextHash> {
    match work {
        Work::Issue(issue) => Some(issue.title.hash.clone()),
        Work::Text { text, .. } => Some(text.clone()),
        Work::Adopted { .. } => None,
    }
}

fn title(work: &Work, texts: &Texts) -> String {
    let words = title_hash(work).and_then(|hash| texts.get(&hash).cloned()).unwrap_or_default();
    let first = text::sanitise(&words).text.lines().next().unwrap_or_default().chars().take(100).collect::<String>();
    match work {
        Work::Adopted { number, .. } => format!("pull request #{number}"),
        Work::Issue(issue) if first.is_empty() => format!("issue #{}", issue.number),
        Work::Issue(_) | Work::Text { .. } => first,
    }
}

const fn phase(state: &State) -> TaskPhase {
    match state.phase {
        Phase::Preparing => TaskPhase::Preparing,
        Phase::SettingUp => TaskPhase::SettingUp,
        Phase::Working if state.no_change.is_some() => TaskPhase::NoChange,
        Phase::Working => TaskPhase::Working,
        Phase::InReview => TaskPhase::InReview,
        Phase::Closing(_) => TaskPhase::Closing,
        Phase::Failed => TaskPhase::Failed,
        Phase::Done => TaskPhase::Done,
        Phase::Abandoned => TaskPhase::Abandoned,
    }
}
