//! Merges a pull request, and the base into it: on fresh facts, and only at the head that was judged.

use tracing::info;

use super::{
    Claim, Executor, Repository,
    act::{Tried, failed},
};
use crate::{
    boundary,
    event::ActionOutcome,
    github::{self, MergeMethod},
    machine::pull,
    model::{Merge, PrNumber, Sha},
};

/// How often a merge is tried again because the base moved at that very moment.
const BASE_MOVED_MAX: u32 = 3;

impl Executor {
    /// Merges on fresh facts, guarded by the head.
    pub(super) async fn merge(
        &self,
        about: (&Repository, PrNumber),
        state: &pull::State,
        head: &Sha,
        claim: &Claim,
    ) -> Tried {
        let (repository, number) = about;
        let Some(method) = method(repository.merge) else {
            return Tried::Ended(ActionOutcome::Failed("the settings do not allow merges here".to_owned()));
        };
        match self.github.merged_as(&repository.name, number).await {
            Ok(Some(_)) => return Tried::Ended(ActionOutcome::Done),
            Ok(None) => {}
            Err(error) => return failed(&error),
        }
        let fresh = match self.github.snapshot(&repository.name, number).await {
            Ok(fresh) => fresh.value,
            Err(error) => return failed(&error),
        };
        let Some(rules) = self.rules_of(repository.id) else { return Tried::Ended(ActionOutcome::Dropped) };
        if fresh.head.sha != *head || !pull::allows_merge(state, &fresh, &rules) {
            info!(pr.number = number.0, "Did not merge #{number}: it is no longer approved and green");
            return Tried::Ended(ActionOutcome::Dropped);
        }
        boundary::cross("executor: merge not asked for");
        let merged = self.github.merge(&repository.name, number, head, method).await;
        boundary::cross("executor: merge asked for, not recorded");
        match merged {
            Ok(github::Merge::Merged) => Tried::Ended(ActionOutcome::Done),
            Ok(github::Merge::HeadMoved) => Tried::Ended(ActionOutcome::Dropped),
            Ok(github::Merge::NotAllowed { why }) => Tried::Ended(ActionOutcome::Failed(why)),
            Ok(github::Merge::Retry) if claim.tried < BASE_MOVED_MAX => {
                Tried::Again("GitHub asks to try the merge again".to_owned())
            }
            Ok(github::Merge::Retry) => {
                let why = "the base moved each time that the merge was tried";
                Tried::Ended(ActionOutcome::Failed(why.to_owned()))
            }
            Err(error) => failed(&error),
        }
    }

    /// Has GitHub merge the base into the branch. May be asked twice: the head that is expected is gone by then.
    pub(super) async fn update_branch(&self, repository: &Repository, number: PrNumber, head: &Sha) -> Tried {
        boundary::cross("executor: update not asked for");
        match self.github.update_branch(&repository.name, number, head).await {
            Ok(github::Update::Ordered) => Tried::Ended(ActionOutcome::Done),
            Ok(github::Update::HeadMoved | github::Update::Current) => Tried::Ended(ActionOutcome::Dropped),
            Ok(github::Update::Refused { why }) => Tried::Ended(ActionOutcome::Failed(why)),
            Err(error) => failed(&error),
        }
    }
}

const fn method(merge: Merge) -> Option<MergeMethod> {
    match merge {
        Merge::None => None,
        Merge::Squash => Some(MergeMethod::Squash),
        Merge::Merge => Some(MergeMethod::Merge),
        Merge::Rebase => Some(MergeMethod::Rebase),
    }
}
