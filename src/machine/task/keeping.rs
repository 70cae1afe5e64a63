//! What becomes of a workspace: removed, kept because of what it holds, rescued and brought back.

use super::{Ending, Phase, State};
use crate::{
    effect::Effect,
    event,
    model::{MachineKey, Rescue},
};

impl State {
    pub(super) fn remove_workspace(&self, rescue: bool, effects: &mut Vec<Effect>) {
        effects.push(Effect::RemoveWorkspace {
            task: self.task.clone(),
            repo: self.repo,
            branch: self.branch.clone(),
            pull: self.pull,
            rescue,
        });
    }

    pub(super) fn on_workspace_settled(&mut self, kept: Option<String>, effects: &mut Vec<Effect>) {
        if kept.is_none() {
            self.workspace = None;
        }
        self.kept = kept;
        let Phase::Closing(ending) = self.phase else { return };
        self.phase = match ending {
            Ending::Merged => Phase::Done,
            Ending::GivenUp => Phase::Abandoned,
        };
        self.release_slot(effects);
        let ended = event::Backlog::TaskEnded { task: self.task.clone(), issue: self.issue() };
        effects.push(Effect::Tell { to: MachineKey::Backlog(self.repo), event: ended.into() });
    }

    pub(super) fn on_workspace_rescued(&mut self, rescue: Rescue, effects: &mut Vec<Effect>) {
        self.rescue = Some(rescue);
        self.on_workspace_settled(None, effects);
    }

    pub(super) fn on_clean_wanted(&self, effects: &mut Vec<Effect>) {
        if self.is_over() && self.workspace.is_some() {
            self.remove_workspace(true, effects);
        }
    }

    /// Nobody builds there any more.
    pub(super) fn on_prune_wanted(&self, effects: &mut Vec<Effect>) {
        if self.is_over() && self.workspace.is_some() {
            effects.push(Effect::PruneOutput { task: self.task.clone() });
        }
    }

    pub(super) fn on_restore_wanted(&mut self, effects: &mut Vec<Effect>) {
        if !self.is_over() || self.workspace.is_some() {
            return;
        }
        let Some(rescue) = self.rescue.clone() else { return };
        self.trouble = None;
        effects.push(Effect::RestoreWorkspace { repo: self.repo, branch: self.branch.clone(), rescue });
    }

    /// Its work is in two places now, until it is cleaned up again.
    pub(super) fn on_workspace_restored(&mut self, path: String) {
        self.workspace = Some(path);
        self.kept = Some("it was brought back".to_owned());
    }
}
