//! A pull request that its merge queue threw out.
//!
//! What failed was tested on a commit of the queue; the head itself may be green. Whoever pushes, or puts it into the
//! queue again, ends the incident.

use super::{Now, Red, State, checks::fingerprints};
use crate::{
    effect::Effect,
    model::{Check, Ejection, IncidentKind, Merging, Snapshot},
};

const KIND: IncidentKind = IncidentKind::MergeQueueEjected;
/// Reasons that are somebody's wish or the merge itself.
const NOT_EJECTED: [&str; 4] = ["manual", "merge", "already_merged", "queue_cleared"];

/// How the queue threw a pull request out, if it did.
pub(super) fn ejection(snapshot: &Snapshot) -> Option<&Ejection> {
    let thrown = |ejection: &&Ejection| !NOT_EJECTED.contains(&ejection.reason.as_str());
    snapshot.ejection.as_ref().filter(|_| snapshot.merging != Merging::Queued).filter(thrown)
}

impl State {
    pub(super) fn tick_ejected(&mut self, now: &Now<'_>, effects: &mut Vec<Effect>) {
        let Some(snapshot) = &self.snapshot else { return };
        let Some(ejection) = ejection(snapshot) else {
            self.ejected = None;
            self.incidents.remove(&KIND);
            return;
        };
        let failed = ejection.failed.clone();
        let commit = ejection.commit.as_ref().unwrap_or(&snapshot.head.sha).clone();
        if !self.ejected.as_ref().is_some_and(|known| known.head == commit && known.since == ejection.at) {
            let since = ejection.at;
            self.ejected = Some(Red { head: commit, since, asked: Vec::new(), failures: None });
            // Another time is another incident.
            self.incidents.remove(&KIND);
        }
        self.triage_ejected(&failed, effects);
        self.open(KIND, now);
        let known = self.ejected.as_ref().and_then(|known| known.failures.as_deref());
        // Without a failed check, a conflict for example, there is nothing to read.
        if failed.is_empty() || known.is_some() {
            let failures = known.map(fingerprints).unwrap_or_default();
            self.begin_if_due(KIND, &failures, now, effects);
        }
    }

    fn triage_ejected(&mut self, failed: &[Check], effects: &mut Vec<Effect>) {
        let (repo, number) = (self.repo, self.number);
        let Some(known) = self.ejected.as_mut().filter(|known| known.asked != failed) else { return };
        known.asked = failed.to_vec();
        known.failures = None;
        effects.push(Effect::Triage { repo, number, head: known.head.clone(), checks: failed.to_vec() });
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        machine::{context, testing::*},
        model::{Lifecycle, ReviewState::Approved},
    };

    const NOTHING: [&str; 0] = [];

    fn ejected(reason: &str) -> Snapshot {
        let failed = vec![check("test", true, FAILED)];
        let ejection = Ejection { at: START, reason: reason.to_owned(), commit: Some(sha('f')), failed };
        Snapshot { ejection: Some(ejection), ..green('a').review(person("ada"), Approved) }
    }

    // G087: the logs are those of the merge group, whose commit is not the head
    #[test]
    fn what_failed_in_the_queue_goes_to_the_agent() {
        let mut pr = Pr::shipped();
        pr.shows(Snapshot { merging: Merging::Queued, ..green('a') });
        assert_eq!(pr.pass(mins(10)), NOTHING);
        pr.shows(ejected("ci_failure"));

        assert_eq!(pr.pass(secs(20)), ["tell session/hello-3: prompt wanted (merge-queue-ejected attempt 1)"]);
        let read = pr.one.effects.iter().any(|it| matches!(it, Effect::Triage { head, .. } if *head == sha('f')));
        assert!(read, "the logs of another commit were read");
        let now = Now { rules: &pr.one.rules, at: pr.one.at, entropy: entropy(0), texts: NO_TEXTS };
        assert_eq!(context::of_pull(pr.one.pull(), KIND, &now).failures.len(), 1);
        assert_eq!(context::of_pull(pr.one.pull(), IncidentKind::ChecksFailed, &now).failures.len(), 0);
    }

    #[test]
    fn a_push_answers_it_and_a_second_time_is_another_incident() {
        let mut pr = Pr::shipped();
        pr.shows(ejected("ci_failure"));
        pr.pass(secs(20));
        pr.submitted(KIND);
        pr.shows(pending('b'));
        assert!(!pr.has(KIND));

        let mut again = ejected("ci_failure").head('b');
        again.ejection.as_mut().unwrap().at = START + mins(30);
        pr.shows(again);

        assert_eq!(pr.pass(secs(20)), ["tell session/hello-3: prompt wanted (merge-queue-ejected attempt 1)"]);
    }

    #[test]
    fn a_turn_that_pushes_nothing_is_a_failed_attempt() {
        let mut pr = Pr::shipped();
        pr.shows(ejected("merge_conflict"));
        pr.pass(secs(20));
        pr.submitted(KIND);
        pr.turn_ended(KIND);

        assert_eq!(pr.pass(mins(3)), ["tell session/hello-3: prompt wanted (merge-queue-ejected attempt 2)"]);
    }

    // G089: an invalidated group leaves the entry in the queue; G088: a merge takes it out
    #[test]
    fn a_new_group_a_persons_wish_and_the_merge_are_no_ejection() {
        for shown in [
            Snapshot { merging: Merging::Queued, ..ejected("ci_failure") },
            ejected("manual"),
            ejected("merge"),
            ejected("ci_failure").lifecycle(Lifecycle::Merged),
        ] {
            let mut pr = Pr::shipped();
            pr.shows(shown);
            pr.pass(secs(59));

            assert!(!pr.has(KIND));
        }
    }
}
