//! One lock per repository: worktrees, branches and fetches of one repository are changed one after the other.

use std::{
    collections::BTreeMap,
    path::{Path, PathBuf},
    sync::{Arc, Mutex},
};

use tokio::sync::OwnedMutexGuard;

/// The locks, by common git directory.
#[derive(Debug, Clone, Default)]
pub(super) struct Lanes(Arc<Mutex<BTreeMap<PathBuf, Arc<tokio::sync::Mutex<()>>>>>);

impl Lanes {
    /// Waits for its turn on the repository with this common git directory.
    pub(super) async fn enter(&self, common_dir: &Path) -> OwnedMutexGuard<()> {
        let lane = {
            let mut lanes = self.0.lock().expect("no holder of this lock panics");
            lanes.entry(common_dir.to_owned()).or_default().clone()
        };
        lane.lock_owned().await
    }
}
