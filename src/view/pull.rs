//! A pull request as people see it.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::{RequestView, Texts};
use crate::{
    event::LookFailure,
    machine::{
        Rulebook,
        incident::{Incident, Stage},
        pull::State,
    },
    model::{CheckState, IncidentKind, Lifecycle, Mergeability, ReviewState, Usage},
    text,
};

/// A pull request.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PullView {
    /// `owner/name`.
    pub repo: String,
    /// The number.
    pub number: u64,
    /// Where people look at it.
    pub url: String,
    /// Its title.
    pub title: String,
    /// Its branch.
    pub branch: String,
    /// The first seven digits of its newest commit.
    pub head: String,
    /// The task that owns it, if it is managed.
    pub task: Option<String>,
    /// Where it stands.
    pub phase: PullPhase,
    /// Why, in one sentence.
    pub why: String,
    /// The open incidents.
    pub incidents: Vec<IncidentView>,
    /// Checks that passed, failed, and have not finished.
    pub checks: (u32, u32, u32),
    /// What reviewers ask for, and what became of it.
    #[serde(default)]
    pub requests: Vec<RequestView>,
    /// Reviews and comments that are withheld from the agent.
    pub withheld: u32,
    /// When GitHub was last asked with success.
    pub observed_at: Option<Timestamp>,
    /// What its agent used, as far as that is known.
    pub used: Option<Usage>,
}

/// Where a pull request stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum PullPhase {
    /// People were asked.
    NeedsHuman,
    /// Somebody wants nothing done here for now.
    Paused,
    /// The agent has a prompt, or gets one.
    Repairing,
    /// It conflicts with its base and nobody works on that yet.
    Conflicting,
    /// Checks run, or have not reported.
    Waiting,
    /// People asked for changes; the agent has answered.
    InReview,
    /// Green, but not approved.
    Green,
    /// Approved, green and without a conflict.
    Ready,
    /// A draft.
    Draft,
    /// Merged.
    Merged,
    /// Closed without a merge.
    Closed,
}

/// An open incident.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct IncidentView {
    /// Which.
    pub kind: IncidentKind,
    /// Since when.
    pub since: Timestamp,
    /// What is happening on it, in a few words.
    pub stage: String,
    /// How many prompts were spent on it.
    pub attempts: u32,
    /// How many it may take.
    pub attempts_max: Option<u32>,
    /// The rule that answers.
    pub rule: Option<String>,
    /// When something is due.
    pub next_at: Option<Timestamp>,
}

impl PullView {
    /// `None` while GitHub was not seen to know it.
    pub(super) fn of(state: &State, rules: &Rulebook, texts: &Texts, at: Timestamp) -> Option<Self> {
        let snapshot = state.snapshot.as_ref()?;
        let phase = phase(state, rules, at);
        let count = |wanted: fn(CheckState) -> bool| {
            u32::try_from(snapshot.checks.iter().filter(|check| wanted(check.state)).count()).unwrap_or(u32::MAX)
        };
        let title = texts.get(&snapshot.title.hash).map(|title| text::sanitise(title).text).unwrap_or_default();
        Some(Self {
            repo: snapshot.repo_name.to_string(),
            number: state.number.0,
            url: snapshot.url.clone(),
            title,
            branch: text::sanitise(snapshot.head.branch.as_str()).text,
            head: snapshot.head.sha.short().to_owned(),
            task: state.managed.as_ref().map(|managed| managed.task.to_string()),
            phase,
            why: why(state, phase),
            incidents: state.incidents.iter().map(|(kind, incident)| IncidentView::of(*kind, incident)).collect(),
            checks: (count(passed), count(failed), count(pending)),
            requests: RequestView::all(state),
            withheld: state.withheld(),
            observed_at: state.observed_at,
            used: None,
        })
    }
}

impl IncidentView {
    pub(super) fn of(kind: IncidentKind, incident: &Incident) -> Self {
        Self {
            kind,
            since: incident.opened_at,
            stage: stage(&incident.stage),
            attempts: incident.total.0,
            attempts_max: incident.plan.as_ref().map(|plan| plan.attempts_max.0),
            rule: incident.plan.as_ref().map(|plan| plan.rule.to_string()),
            next_at: incident.deadline().map(|(at, _)| at),
        }
    }
}

fn phase(state: &State, rules: &Rulebook, at: Timestamp) -> PullPhase {
    let Some(snapshot) = &state.snapshot else { return PullPhase::Waiting };
    let asks_people = |kind: &IncidentKind, incident: &Incident| match incident.stage {
        Stage::Escalating { .. } | Stage::Escalated { .. } | Stage::Unanswered => true,
        // Its rule tells people at once, and nobody else can do anything.
        Stage::Resting => matches!(kind, IncidentKind::ChecksMissing | IncidentKind::LoopStopped),
        Stage::Settling { .. }
        | Stage::Acting { .. }
        | Stage::Rerunning
        | Stage::Answering { .. }
        | Stage::BackingOff { .. } => false,
    };
    let under_way = |kind: &IncidentKind, incident: &Incident| {
        *kind != IncidentKind::ApprovedAndGreen && !matches!(incident.stage, Stage::Resting)
    };
    match snapshot.lifecycle {
        Lifecycle::Merged => return PullPhase::Merged,
        Lifecycle::Closed => return PullPhase::Closed,
        Lifecycle::Open => {}
    }
    if state.paused.is_some() {
        return PullPhase::Paused;
    }
    let rules = rules.of_repo(state.repo);
    let settled = rules.as_ref().is_some_and(|rules| state.is_settled_green(rules, at));
    if state.incidents.iter().any(|(kind, incident)| asks_people(kind, incident)) {
        PullPhase::NeedsHuman
    } else if state.incidents.iter().any(|(kind, incident)| under_way(kind, incident)) {
        PullPhase::Repairing
    } else if snapshot.mergeability == Mergeability::Conflicting {
        PullPhase::Conflicting
    } else if snapshot.draft {
        PullPhase::Draft
    } else if snapshot.reviews.iter().any(|review| review.state == ReviewState::ChangesRequested) {
        PullPhase::InReview
    } else if rules.is_some_and(|rules| state.may_merge(&rules, at)) {
        PullPhase::Ready
    } else if settled || state.green.is_some() {
        PullPhase::Green
    } else {
        PullPhase::Waiting
    }
}

fn why(state: &State, phase: PullPhase) -> String {
    if let Some(failure) = &state.look_failure {
        let why = match failure {
            LookFailure::NotFound => "it does not know this pull request".to_owned(),
            LookFailure::Forbidden(why) | LookFailure::Unavailable(why) => text::sanitise(why).text,
        };
        return format!("GitHub cannot be asked: {why}");
    }
    match phase {
        PullPhase::Paused => {
            let by = state.paused.as_ref().map(|paused| text::sanitise(paused.by.as_str()).text).unwrap_or_default();
            format!("@{by} wants nothing done here for now; `/antiphon resume` goes on")
        }
        PullPhase::NeedsHuman if state.is_stopped() => {
            "much was done and no person has said anything meanwhile; `retry` goes on".to_owned()
        }
        PullPhase::NeedsHuman => "its rule has done what it may; a person has to look".to_owned(),
        PullPhase::Repairing => state
            .incidents
            .iter()
            .map(|(kind, incident)| format!("{}: {}", name(*kind), stage(&incident.stage)))
            .collect::<Vec<_>>()
            .join(", "),
        PullPhase::Conflicting => "it conflicts with its base".to_owned(),
        PullPhase::Waiting => "checks have not finished".to_owned(),
        PullPhase::InReview => "a reviewer has to look again".to_owned(),
        PullPhase::Green => "nobody has approved it yet".to_owned(),
        PullPhase::Ready => "approved and green".to_owned(),
        PullPhase::Draft => "it is a draft".to_owned(),
        PullPhase::Merged => "merged".to_owned(),
        PullPhase::Closed => "closed without a merge".to_owned(),
    }
}

/// What is happening on an incident, in a few words.
pub(super) fn stage(stage: &Stage) -> String {
    match stage {
        Stage::Settling { .. } => "waits for more of the same",
        Stage::Acting { .. } => "being handed over",
        Stage::Answering { turn_ended_at: None, .. } => "the agent works on it",
        Stage::Answering { turn_ended_at: Some(_), .. } => "waits for a verdict on the answer",
        Stage::BackingOff { .. } => "waits before the next attempt",
        Stage::Rerunning => "failed jobs run again",
        Stage::Resting => "answered; somebody else has to move",
        Stage::Escalating { .. } => "people are being asked",
        Stage::Escalated { .. } => "people were asked",
        Stage::Unanswered => "no reaction answers it",
    }
    .to_owned()
}

/// The incident's name as people see it.
pub(super) const fn name(kind: IncidentKind) -> &'static str {
    match kind {
        IncidentKind::ChecksFailed => "checks failed",
        IncidentKind::ChecksMissing => "checks missing",
        IncidentKind::ChangesRequested => "changes requested",
        IncidentKind::Conflict => "conflict",
        IncidentKind::BehindBase => "behind base",
        IncidentKind::MergeQueueEjected => "thrown out of the merge queue",
        IncidentKind::BotReview => "bot review",
        IncidentKind::LoopStopped => "stopped itself",
        IncidentKind::ApprovedAndGreen => "approved and green",
        IncidentKind::AgentStuck => "agent stuck",
        IncidentKind::AgentExited => "agent exited",
        IncidentKind::AgentNeedsInput => "agent needs input",
        IncidentKind::AgentLooping => "agent looping",
        IncidentKind::AgentsLost => "agents lost",
        IncidentKind::NoChange => "no change",
        IncidentKind::SetupFailed => "setup failed",
        IncidentKind::IssueReady => "issue ready",
        IncidentKind::RuleBroken => "rule broken",
    }
}

const fn passed(state: CheckState) -> bool {
    use crate::model::Conclusion::{Neutral, Skipped, Success};
    matches!(state, CheckState::Finished(Success | Neutral | Skipped))
}

const fn pending(state: CheckState) -> bool {
    matches!(state, CheckState::Expected | CheckState::Pending)
}

const fn failed(state: CheckState) -> bool {
    !passed(state) && !pending(state)
}
