//! What follows when branches move: pushes, new heads, moved bases, closed pull requests.

use std::collections::BTreeMap;

use serde_json::json;

use super::{Commit, Refusal, World};
use crate::simulator::{happened::Happened, json::commits};

/// The SHA that stands for "no commit".
pub(crate) const NO_COMMIT: &str = "0000000000000000000000000000000000000000";

/// A branch with where it was and where it is.
pub(crate) type BranchMove = (String, Option<String>, Option<String>);

/// One branch that moved, with what that means.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct RefChange {
    /// The branch.
    pub(crate) branch: String,
    /// Where it was; `None` if it is new.
    pub(crate) before: Option<String>,
    /// Where it is; `None` if it is gone.
    pub(crate) after: Option<String>,
    /// Whether the old commit is no ancestor of the new one.
    pub(crate) forced: bool,
    /// The new commits, oldest first.
    pub(crate) commits: Vec<Commit>,
}

/// What is to be computed anew after branches moved.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Moved {
    /// Open pull requests whose head moved.
    pub(crate) heads: Vec<u64>,
    /// Open pull requests whose base moved.
    pub(crate) bases: Vec<u64>,
}

impl World {
    /// The branches that differ between what is known and what git says now: name, before, after.
    pub(crate) fn moved_branches(
        &self,
        repo: &str,
        now: &BTreeMap<String, String>,
    ) -> Result<Vec<BranchMove>, Refusal> {
        let known = &self.repository(repo)?.branches;
        let mut names: Vec<&String> = known.keys().chain(now.keys()).collect();
        names.sort();
        names.dedup();
        Ok(names
            .into_iter()
            .filter(|name| known.get(*name) != now.get(*name))
            .map(|name| (name.clone(), known.get(name).cloned(), now.get(name).cloned()))
            .collect())
    }

    /// Takes over what moved and tells everybody. Pull requests follow their branches.
    pub(crate) fn refs_moved(&mut self, repo: &str, actor: &str, changes: Vec<RefChange>) -> Result<Moved, Refusal> {
        let mut moved = Moved::default();
        for change in changes {
            self.take_over(repo, &change)?;
            self.announce_push(repo, actor, &change)?;
            match &change.after {
                Some(after) => {
                    moved.heads.extend(self.head_moved(repo, actor, &change.branch, after)?);
                    moved.bases.extend(self.forget_mergeability(repo, &change.branch));
                }
                None => self.branch_gone(repo, actor, &change.branch)?,
            }
        }
        moved.bases.retain(|number| !moved.heads.contains(number));
        Ok(moved)
    }

    fn take_over(&mut self, repo: &str, change: &RefChange) -> Result<(), Refusal> {
        let (now, home) = (self.now, self.home(repo));
        // A fork shares its commits with the repository that it is a fork of.
        for holds in [repo, &home] {
            let commits = change.commits.iter().map(|commit| (commit.sha.clone(), commit.clone()));
            self.repository_mut(holds)?.commits.extend(commits);
        }
        let repository = self.repository_mut(repo)?;
        repository.pushed_at = now;
        match &change.after {
            Some(after) => repository.branches.insert(change.branch.clone(), after.clone()),
            None => repository.branches.remove(&change.branch),
        };
        Ok(())
    }

    fn announce_push(&mut self, repo: &str, actor: &str, change: &RefChange) -> Result<(), Refusal> {
        let pusher = self.user(actor);
        let repository = self.repository(repo)?;
        let kind = json!({
            "ref": change.branch,
            "ref_type": "branch",
            "master_branch": repository.default_branch,
            "description": null,
            "pusher_type": "user",
        });
        let about = commits::push(self, repository, &pusher, change);
        if change.before.is_none() {
            self.announce(repo, actor, ("create", None), kind.clone());
        }
        self.announce(repo, actor, ("push", None), about);
        if change.after.is_none() {
            let mut gone = kind;
            if let Some(gone) = gone.as_object_mut() {
                gone.remove("master_branch");
                gone.remove("description");
            }
            self.announce(repo, actor, ("delete", None), gone);
        }
        let (repo, actor, branch) = (repo.to_owned(), actor.to_owned(), change.branch.clone());
        self.happened(match &change.after {
            Some(after) => Happened::BranchPushed {
                repo,
                branch,
                actor,
                before: change.before.clone(),
                after: after.clone(),
                forced: change.forced,
            },
            None => Happened::BranchDeleted { repo, branch, actor },
        });
        Ok(())
    }

    /// Open pull requests of this branch get the new head. GitHub sends nothing for closed ones.
    fn head_moved(&mut self, repo: &str, actor: &str, branch: &str, after: &str) -> Result<Vec<u64>, Refusal> {
        let (now, home) = (self.now, self.home(repo));
        let repository = self.repository_mut(&home)?;
        let tips = repository.branches.clone();
        let mut moved = Vec::new();
        let is_it =
            |pull: &&mut super::Pull| pull.head == branch && pull.head_repo(&home) == repo && pull.head_sha != after;
        for issue in repository.issues.values_mut().filter(|issue| issue.open) {
            let Some(pull) = issue.pull.as_mut().filter(is_it) else { continue };
            let before = std::mem::replace(&mut pull.head_sha, after.to_owned());
            if let Some(tip) = tips.get(&pull.base) {
                pull.base_sha.clone_from(tip);
            }
            pull.mergeability = super::Mergeability::Unknown;
            issue.updated_at = now;
            moved.push((issue.number, before));
        }
        for (number, before) in &moved {
            let beside = json!({ "before": before, "after": after });
            self.announce_pull(&home, *number, actor, ("synchronize", beside))?;
            self.happened(Happened::PullSynchronized {
                repo: home.clone(),
                number: *number,
                actor: actor.to_owned(),
                before: before.clone(),
                after: after.to_owned(),
            });
        }
        Ok(moved.into_iter().map(|(number, _)| number).collect())
    }

    /// A branch that goes away by git closes the pull requests from it and into it.
    fn branch_gone(&mut self, repo: &str, actor: &str, branch: &str) -> Result<(), Refusal> {
        let home = self.home(repo);
        let open = self.repository(&home)?.pulls().filter(|(issue, _)| issue.open);
        let closed: Vec<u64> = open
            .filter(|(_, pull)| {
                pull.head == branch && pull.head_repo(&home) == repo || pull.base == branch && home == repo
            })
            .map(|(issue, _)| issue.number)
            .collect();
        for number in closed {
            self.close_issue(&home, number, actor)?;
        }
        Ok(())
    }
}
