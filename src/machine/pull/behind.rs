//! A base that moved and wants to be merged into the branch before the branch is merged into it.
//!
//! The incident lives from the first time that an approved and green head is behind to the moment at which one is not: a
//! base that moves faster than the checks run spends the same counts.

use super::{Now, State};
use crate::{
    effect::Effect,
    model::{IncidentKind, Mergeability, Merging, Snapshot},
};

const KIND: IncidentKind = IncidentKind::BehindBase;
/// The one key by which its attempts are counted.
pub(super) const FAILURE: &str = "behind";

impl State {
    pub(super) fn tick_behind(&mut self, now: &Now<'_>, effects: &mut Vec<Effect>) {
        let Some(snapshot) = &self.snapshot else { return };
        // Before that, an update would only make the checks run again and again.
        let ready = self.is_settled_green(now.rules, now.at) && self.is_approved(snapshot) && is_ours(snapshot);
        match snapshot.mergeability {
            Mergeability::Behind if ready => {}
            Mergeability::Clean if ready => {
                self.incidents.remove(&KIND);
                return;
            }
            Mergeability::Behind | Mergeability::Clean | Mergeability::Conflicting | Mergeability::Unknown => return,
        }
        self.open(KIND, now);
        let failures = vec![FAILURE.to_owned()];
        let entropy = now.entropy_number();
        let in_vain = self.incidents.get(&KIND).is_some_and(|incident| self.has_newer_head(incident));
        let answered = self.incidents.get_mut(&KIND).filter(|_| in_vain);
        let order = answered.and_then(|incident| incident.failed(&failures, now.at, entropy));
        self.carry_out(KIND, order, effects);
        self.begin_if_due(KIND, &failures, now, effects);
    }
}

/// Whether it is for us to bring it onto the base: not a draft, and not in GitHub's own hands.
pub(super) const fn is_ours(snapshot: &Snapshot) -> bool {
    !snapshot.draft && matches!(snapshot.merging, Merging::ByHand)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        event::ActionOutcome,
        machine::{Rules, testing::*},
        model::{Merge, ReviewState::Approved},
    };

    const NOTHING: [&str; 0] = [];
    const UPDATE: [&str; 1] = ["act behind-base do 0"];

    fn behind(letter: char) -> Snapshot {
        green(letter).review(person("ada"), Approved).mergeable(Mergeability::Behind)
    }

    /// Approved, green, and behind its base; the branch is being brought up to date.
    fn updating() -> Pr {
        let mut pr = Pr::managed(Rules { merge: Merge::Squash, ..rules() });
        pr.shows(behind('a'));
        assert_eq!(pr.pass(secs(80)), UPDATE);
        pr
    }

    // G082
    #[test]
    fn an_approved_and_green_head_that_is_behind_is_brought_up_to_date_and_then_merged() {
        let mut pr = updating();
        assert_eq!(pr.acted(ActionOutcome::Done), NOTHING);
        pr.shows(pending('b'));
        assert_eq!(pr.pass(mins(5)), NOTHING);
        pr.shows(green('b').review(person("ada"), Approved));

        assert_eq!(pr.pass(secs(60)), ["act approved-and-green do 0"]);
        assert!(!pr.has(KIND));
    }

    // G082: 422, another head than expected
    #[test]
    fn a_head_that_moved_before_the_update_is_looked_at_and_judged_anew() {
        let mut pr = updating();
        let looks = pr.looks;

        assert_eq!(pr.acted(ActionOutcome::Dropped), NOTHING);
        assert_eq!(pr.looks, looks + 1);
        pr.shows(pending('b').mergeable(Mergeability::Behind));

        assert_eq!(pr.pass(mins(20)), NOTHING);
        assert_eq!(pr.incident(KIND).total, crate::model::Attempt(0));
    }

    // G082: the base moves all the time
    #[test]
    fn a_base_that_moves_faster_than_the_checks_run_is_left_to_people_in_the_end() {
        let mut pr = updating();
        let mut updates = 1;
        for letter in ['b', 'c', 'd', 'e', 'f'] {
            pr.acted(ActionOutcome::Done);
            pr.shows(pending(letter).mergeable(Mergeability::Behind));
            pr.pass(mins(10));
            pr.shows(behind(letter));
            let said = pr.pass(mins(20));
            if said != UPDATE {
                assert_eq!(said, ["act behind-base escalate 0"]);
                break;
            }
            updates += 1;
        }
        pr.escalated();

        assert_eq!((updates, pr.pass(mins(600))), (3, Vec::new()));
        assert!(pr.incident(KIND).is_with_people());
    }

    #[test]
    fn an_update_that_never_shows_is_ordered_again_after_a_pause() {
        let mut pr = updating();
        pr.acted(ActionOutcome::Done);

        assert_eq!(pr.pass(secs(70)), NOTHING);
        assert_eq!(pr.pass(mins(2)), UPDATE);
    }

    #[test]
    fn an_update_that_github_refuses_is_left_to_people() {
        let mut pr = updating();

        assert_eq!(pr.acted(ActionOutcome::Failed("422".to_owned())), ["act behind-base escalate 0"]);
    }

    #[test]
    fn what_nobody_approved_is_not_brought_up_to_date() {
        let mut pr = Pr::shipped();
        pr.shows(green('a').mergeable(Mergeability::Behind));

        assert_eq!(pr.pass(mins(30)), NOTHING);
    }

    // G091, G087 as far: GitHub updates what it merges by itself
    #[test]
    fn what_github_merges_by_itself_is_not_brought_up_to_date() {
        for shown in [
            Snapshot { merging: Merging::Automatic, ..behind('a') },
            Snapshot { merging: Merging::Queued, ..behind('a') },
        ] {
            let mut pr = Pr::shipped();
            pr.shows(shown);

            assert_eq!(pr.pass(mins(30)), NOTHING);
        }
    }
}
