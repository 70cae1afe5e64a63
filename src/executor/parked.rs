//! What is left undone in a repository that cannot be worked on.

use super::Executor;
use crate::effect::Effect;

impl Executor {
    /// Why nothing new is begun in the repository of an effect, if nothing is. What is there is still tidied up.
    pub(super) fn parked(&self, effect: &Effect) -> Option<String> {
        let repo = match effect {
            Effect::Look { repo, .. }
            | Effect::Triage { repo, .. }
            | Effect::Prepare { repo, .. }
            | Effect::SetUp { repo, .. }
            | Effect::OpenPull { repo, .. }
            | Effect::Launch { repo, .. } => *repo,
            Effect::Tell { .. }
            | Effect::LookRepository { .. }
            | Effect::RemoveWorkspace { .. }
            | Effect::RestoreWorkspace { .. }
            | Effect::PruneOutput { .. }
            | Effect::Prompt { .. }
            | Effect::Dismiss { .. }
            | Effect::SeekReceipt { .. }
            | Effect::Meter { .. }
            | Effect::Stop { .. }
            | Effect::Act(_)
            | Effect::Answer { .. }
            | Effect::Report { .. } => return None,
        };
        self.repository(repo)?.parked.map(|why| format!("the repository is parked: {why:?}"))
    }
}
