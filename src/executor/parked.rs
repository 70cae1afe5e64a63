//! What is left undone: in a repository that cannot be worked on, and on a disk that is full.

use super::Executor;
use crate::{effect::Effect, view};

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
            | Effect::SeekReceipt { .. }
            | Effect::Stop { .. }
            | Effect::Act(_)
            | Effect::Answer { .. }
            | Effect::Report { .. } => return None,
        };
        let parked = self.repository(repo)?.parked.map(|why| format!("the repository is parked: {why:?}"));
        parked.or_else(|| self.disk_is_full(effect))
    }

    /// Why no workspace is made, if the disk is too full for one.
    fn disk_is_full(&self, effect: &Effect) -> Option<String> {
        let wanted = self.config.borrow().limits.free_disk;
        let takes_room = matches!(effect, Effect::Prepare { .. } | Effect::SetUp { .. });
        takes_room.then(|| view::full_disk(self.places.free_bytes(), wanted))?
    }
}
