//! Status in words and in colour, never in colour alone.

use maud::{Markup, html};

use crate::view::{PullPhase, SessionPhase, Severity, TaskPhase};

/// What a status means to whoever looks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Tone {
    /// A person is needed.
    Bad,
    /// Something is wrong and being mended.
    Warn,
    /// Under way.
    Busy,
    /// As it should be.
    Good,
    /// Ended well.
    Done,
    /// Nothing happens.
    Idle,
}

/// A status: its words and its tone.
pub(super) type Status = (&'static str, Tone);

/// The status as a label.
pub(super) fn badge((words, tone): Status) -> Markup {
    let class = match tone {
        Tone::Bad => "badge bad",
        Tone::Warn => "badge warn",
        Tone::Busy => "badge busy",
        Tone::Good => "badge good",
        Tone::Done => "badge done",
        Tone::Idle => "badge idle",
    };
    html! { span class=(class) { (words) } }
}

/// Where a task stands.
pub(super) const fn of_task(phase: TaskPhase) -> Status {
    match phase {
        TaskPhase::Queued => ("Queued", Tone::Idle),
        TaskPhase::Preparing => ("Preparing", Tone::Busy),
        TaskPhase::SettingUp => ("Setting up", Tone::Busy),
        TaskPhase::Working => ("Working", Tone::Busy),
        TaskPhase::NoChange => ("No change", Tone::Bad),
        TaskPhase::InReview => ("In review", Tone::Busy),
        TaskPhase::Closing => ("Closing", Tone::Idle),
        TaskPhase::Failed => ("Failed", Tone::Bad),
        TaskPhase::Done => ("Merged", Tone::Done),
        TaskPhase::Abandoned => ("Given up", Tone::Idle),
    }
}

/// Where a pull request stands.
pub(super) const fn of_pull(phase: PullPhase) -> Status {
    match phase {
        PullPhase::NeedsHuman => ("Needs you", Tone::Bad),
        PullPhase::Paused => ("Paused", Tone::Idle),
        PullPhase::Repairing => ("Repairing", Tone::Warn),
        PullPhase::Conflicting => ("Conflict", Tone::Warn),
        PullPhase::Waiting => ("Checks running", Tone::Busy),
        PullPhase::InReview => ("In review", Tone::Busy),
        PullPhase::Green => ("Green", Tone::Good),
        PullPhase::Ready => ("Ready to merge", Tone::Good),
        PullPhase::Draft => ("Draft", Tone::Idle),
        PullPhase::Merged => ("Merged", Tone::Done),
        PullPhase::Closed => ("Closed", Tone::Idle),
    }
}

/// How an agent is.
pub(super) const fn of_session(phase: SessionPhase) -> Status {
    match phase {
        SessionPhase::Launching => ("Launching", Tone::Busy),
        SessionPhase::Starting => ("Starting", Tone::Busy),
        SessionPhase::Idle => ("Idle", Tone::Good),
        SessionPhase::Working => ("Working", Tone::Busy),
        SessionPhase::NeedsInput => ("Needs input", Tone::Bad),
        SessionPhase::Exited => ("Exited", Tone::Bad),
        SessionPhase::Stopping => ("Stopping", Tone::Idle),
        SessionPhase::Ended => ("Ended", Tone::Idle),
    }
}

/// How urgent a need is.
pub(super) const fn of_severity(severity: Severity) -> Status {
    match severity {
        Severity::Urgent => ("Urgent", Tone::Bad),
        Severity::Warning => ("Look", Tone::Warn),
        Severity::Note => ("Note", Tone::Idle),
    }
}

/// How far a prompt got, by the word that the API uses.
pub(super) fn of_prompt(state: &str) -> Status {
    match state {
        "acknowledged" => ("Acknowledged", Tone::Good),
        "submitted" => ("Submitted", Tone::Busy),
        "ordered" => ("Ordered", Tone::Busy),
        "indeterminate" => ("Nobody can tell", Tone::Warn),
        _ => ("Withdrawn", Tone::Idle),
    }
}
