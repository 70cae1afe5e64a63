//! What effects are called, and which of them run one after the other.

use super::Effect;

impl Effect {
    /// Effects of one lane run in order; lanes run in parallel.
    #[must_use]
    pub fn lane(&self) -> String {
        match self {
            Self::Tell { to, .. } => to.to_string(),
            Self::Look { repo, number, .. } => format!("look/{repo}/{number}"),
            Self::Triage { repo, number, .. } => format!("triage/{repo}/{number}"),
            Self::LookRepository { repo, .. } => format!("look/{repo}"),
            // Those of one repository take turns where git needs it, and not for as long as a setup lasts.
            Self::Prepare { task, .. }
            | Self::SetUp { task, .. }
            | Self::PruneOutput { task }
            | Self::RemoveWorkspace { task, .. } => format!("workspace/{task}"),
            Self::RestoreWorkspace { rescue, .. } => format!("workspace/{}", rescue.task),
            Self::OpenPull { task, .. } => format!("task/{task}"),
            Self::Launch { session, .. }
            | Self::Prompt { session, .. }
            | Self::Dismiss { session, .. }
            | Self::SeekReceipt { session, .. }
            | Self::Stop { session, .. } => format!("session/{session}"),
            // A look at many files holds up no prompt.
            Self::Meter { session, .. } => format!("meter/{session}"),
            Self::Act(act) => format!("act/{}", act.of),
            Self::Answer { repo, number, .. } => format!("answer/{repo}/{number}"),
            Self::Report { repo, number, .. } => format!("report/{repo}/{number}"),
        }
    }

    /// The effect's name as people see it.
    #[must_use]
    pub const fn name(&self) -> &'static str {
        match self {
            Self::Tell { .. } => "tell",
            Self::Look { .. } => "look",
            Self::Triage { .. } => "read failures",
            Self::LookRepository { .. } => "look at repository",
            Self::Prepare { .. } => "prepare workspace",
            Self::SetUp { .. } => "set workspace up",
            Self::OpenPull { .. } => "open pull request",
            Self::RemoveWorkspace { .. } => "remove workspace",
            Self::RestoreWorkspace { .. } => "restore workspace",
            Self::PruneOutput { .. } => "remove build output",
            Self::Launch { .. } => "launch agent",
            Self::Prompt { .. } => "prompt",
            Self::Dismiss { .. } => "dismiss agent",
            Self::SeekReceipt { .. } => "seek receipt",
            Self::Meter { .. } => "read usage",
            Self::Stop { .. } => "stop agent",
            Self::Act(_) => "act",
            Self::Answer { .. } => "answer",
            Self::Report { .. } => "report",
        }
    }
}
