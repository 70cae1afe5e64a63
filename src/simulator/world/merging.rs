//! Merging: whether it may happen, and what follows from it.

use serde_json::json;

use super::{MergeState, Mergeability, Merged, Refusal, World};
use crate::simulator::happened::Happened;

impl World {
    /// Whether a pull request may be merged now; its head and the tip of its base if so.
    pub(crate) fn check_merge(
        &self,
        repo: &str,
        number: u64,
        expected_head: Option<&str>,
    ) -> Result<(String, String), Refusal> {
        let repository = self.repository(repo)?;
        let (issue, pull) = repository.pull(number)?;
        if !issue.open {
            return Err(Refusal::NotAllowed("Pull Request is not mergeable".to_owned()));
        }
        if expected_head.is_some_and(|head| head != pull.head_sha) {
            return Err(Refusal::Conflict("Head branch was modified. Review and try the merge again.".to_owned()));
        }
        let tip = repository.branches.get(&pull.base).ok_or(Refusal::NotFound)?;
        match repository.merge_state(issue, pull) {
            MergeState::Dirty | MergeState::Unknown => {
                Err(Refusal::NotAllowed("Pull Request is not mergeable".to_owned()))
            }
            MergeState::Draft => Err(Refusal::NotAllowed("Pull Request is still a draft".to_owned())),
            MergeState::Blocked => Err(Refusal::NotAllowed("Required checks or reviews are not satisfied".to_owned())),
            MergeState::Behind => Err(Refusal::NotAllowed("Head branch is out of date".to_owned())),
            MergeState::Clean | MergeState::Unstable => Ok((pull.head_sha.clone(), tip.clone())),
        }
    }

    /// Records a merge that git has carried out: the pull request and the issues that it closes.
    pub(crate) fn merged(&mut self, repo: &str, number: u64, actor: &str, sha: &str) -> Result<(), Refusal> {
        let now = self.now;
        let repository = self.repository_mut(repo)?;
        let into_default = repository.pull(number)?.1.base == repository.default_branch;
        let closes = repository.closing_references(repository.issue(number)?);
        let pull = repository.pull_mut(number)?;
        pull.merged = Some(Merged { by: actor.to_owned(), at: now, sha: sha.to_owned() });
        pull.mergeability = Mergeability::Unknown;
        let issue = repository.issue_mut(number)?;
        issue.open = false;
        issue.closed_at = Some(now);
        issue.updated_at = now;
        self.announce_pull(repo, number, actor, ("closed", json!({})))?;
        self.happened(Happened::PullMerged {
            repo: repo.to_owned(),
            number,
            actor: actor.to_owned(),
            sha: sha.to_owned(),
        });
        if into_default {
            for issue in closes {
                self.close_issue(repo, issue, actor)?;
            }
        }
        Ok(())
    }
}
