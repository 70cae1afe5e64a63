//! How one pull request stands, as Markdown lines for a comment.

use jiff::Timestamp;

use super::{PullPhase, PullView, SessionPhase, SessionView, Texts};
use crate::machine::{Rulebook, State, pull};

/// Phase and reason, the open incidents with what they have left, and what the agent does.
#[must_use]
pub fn status_lines(state: &pull::State, session: Option<&State>, rules: &Rulebook, at: Timestamp) -> Vec<String> {
    let Some(pull) = PullView::of(state, rules, &Texts::new(), at) else {
        return vec!["Nothing is known of this pull request yet.".to_owned()];
    };
    let mut lines = vec![format!("**{}**: {}", word(pull.phase), pull.why)];
    for incident in &pull.incidents {
        let (name, stage) = (super::pull::name(incident.kind), &incident.stage);
        let used = incident.attempts_max.map(|max| format!(", {} of {max} prompts used", incident.attempts));
        lines.push(format!("- {name}: {stage}{}", used.unwrap_or_default()));
    }
    lines.extend(pull.requests.iter().map(|request| format!("- {}", request.in_words())));
    if let Some(State::Session(session)) = session {
        let session = SessionView::of(session);
        let trouble = session.trouble.map(|trouble| format!("; {trouble}")).unwrap_or_default();
        lines.push(format!("- agent {}: {}{trouble}", session.agent, doing(session.phase)));
    }
    lines
}

const fn doing(phase: SessionPhase) -> &'static str {
    match phase {
        SessionPhase::Launching | SessionPhase::Starting => "coming up",
        SessionPhase::Idle => "waits for a prompt",
        SessionPhase::Working => "works",
        SessionPhase::NeedsInput => "waits for a person",
        SessionPhase::Exited => "exited",
        SessionPhase::Stopping | SessionPhase::Ended => "ended",
    }
}

const fn word(phase: PullPhase) -> &'static str {
    match phase {
        PullPhase::NeedsHuman => "needs a person",
        PullPhase::Paused => "paused",
        PullPhase::Repairing => "repairing",
        PullPhase::Conflicting => "conflicting",
        PullPhase::Waiting => "waiting",
        PullPhase::InReview => "in review",
        PullPhase::Green => "green",
        PullPhase::Ready => "ready",
        PullPhase::Draft => "draft",
        PullPhase::Merged => "merged",
        PullPhase::Closed => "closed",
    }
}
