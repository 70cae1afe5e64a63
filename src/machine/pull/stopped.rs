//! The brake: who acts again and again on one pull request while no person says anything stops and asks one.
//!
//! Every incident has an end of its own; this is for what no incident sees, such as one that ends and begins again for ever.
//! What counts is what was done: prompts that were submitted and actions that were carried out. An own push is nobody's
//! word, so a new commit changes nothing.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::{Now, State, reviews};
use crate::{
    effect::Effect,
    model::{IncidentKind, Snapshot},
};

const KIND: IncidentKind = IncidentKind::LoopStopped;

/// What was done on a pull request since a person last said something.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Deeds(Vec<Timestamp>);

impl Deeds {
    /// Nothing.
    #[must_use]
    pub const fn new() -> Self {
        Self(Vec::new())
    }
}

impl State {
    /// Whether Antiphon stopped itself here.
    #[must_use]
    pub fn is_stopped(&self) -> bool {
        self.incidents.contains_key(&KIND)
    }

    /// Counts one deed.
    pub(super) fn note_deed(&mut self, now: &Now<'_>) {
        self.deeds.0.retain(|at| *at > now.at - now.rules.pace.deeds);
        self.deeds.0.push(now.at);
        if self.deeds.0.len() > now.rules.acts as usize && self.is_open() && self.managed.is_some() {
            self.open(KIND, now);
        }
    }

    /// A person said something new, or wants it to go on.
    pub(super) fn forget_deeds(&mut self) {
        self.deeds.0.clear();
    }

    /// A person wants it to go on.
    pub(super) fn let_go(&mut self) {
        self.forget_deeds();
        self.incidents.remove(&KIND);
    }

    /// Forgets what was done before a person asked for something that was not asked for before.
    pub(super) fn hear_people(&mut self, new: &Snapshot) {
        let asked = |snapshot: &Snapshot| reviews::outstanding(snapshot, IncidentKind::ChangesRequested);
        let before = self.snapshot.as_ref().map(asked).unwrap_or_default();
        if !asked(new).is_subset(&before) {
            self.forget_deeds();
        }
    }

    /// Tells people, once; false if nothing has to stop.
    pub(super) fn tick_stopped(&mut self, now: &Now<'_>, effects: &mut Vec<Effect>) -> bool {
        if !self.is_stopped() {
            return false;
        }
        self.begin_if_due(KIND, &[], now, effects);
        true
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        event::{self, ActionOutcome},
        machine::{
            Rules,
            pull::{still_wanted, still_wanted_act},
            testing::{Pr, Sketch as _, green, mins, person, red, rules, secs},
        },
    };

    const CI: IncidentKind = IncidentKind::ChecksFailed;
    const NOTHING: [&str; 0] = [];

    /// A commit whose check fails and passes by turns, each time for so long that both are believed.
    fn flicker(pr: &mut Pr) -> Vec<String> {
        pr.shows(red('a'));
        let mut all = pr.pass(secs(20));
        if all.iter().any(|said| said.contains("prompt wanted")) {
            all.extend(pr.submitted(CI));
        }
        all.extend(pr.shows(green('a')));
        all.extend(pr.pass(mins(1)));
        all
    }

    fn stopped_after(acts: u32) -> Pr {
        let mut pr = Pr::managed(Rules { acts, ..rules() });
        for _ in 0..acts {
            assert_eq!(flicker(&mut pr), ["tell session/hello-3: prompt wanted (checks-failed attempt 1)"]);
        }
        let last = flicker(&mut pr);
        assert_eq!(last, ["tell session/hello-3: prompt wanted (checks-failed attempt 1)", "act loop-stopped do 0"]);
        pr
    }

    // G102: whatever goes round in circles ends with a person
    #[test]
    fn who_goes_round_in_circles_stops_and_tells_people_once() {
        let mut pr = stopped_after(3);

        assert!(still_wanted_act(pr.one.pull(), &pr.newest_act()));
        assert_eq!(pr.acted(ActionOutcome::Done), NOTHING);
        for _ in 0..5 {
            assert_eq!(flicker(&mut pr), NOTHING);
        }
        assert!(pr.one.pull().is_stopped());
    }

    #[test]
    fn what_was_queued_when_it_stopped_is_withdrawn() {
        let mut pr = Pr::managed(Rules { acts: 1, ..rules() });
        flicker(&mut pr);
        pr.shows(red('a').mergeable(crate::model::Mergeability::Conflicting));
        pr.pass(secs(20));
        let conflict = pr.reference(IncidentKind::Conflict);
        pr.submitted(CI);

        assert!(pr.one.pull().is_stopped());
        assert!(!still_wanted(pr.one.pull(), &conflict));
    }

    #[test]
    fn a_person_lets_it_go_on() {
        let mut pr = stopped_after(2);
        pr.acted(ActionOutcome::Done);
        pr.shows(red('a'));
        pr.pass(mins(1));

        let said = pr.feed(event::Pull::RetryWanted);

        assert_eq!(said, ["tell session/hello-3: prompt wanted (checks-failed attempt 1)"]);
        assert!(!pr.one.pull().is_stopped());
    }

    #[test]
    fn what_people_ask_for_and_what_is_long_ago_does_not_count() {
        let mut pr = Pr::managed(Rules { acts: 2, ..rules() });
        for turn in 0..4 {
            flicker(&mut pr);
            let comment = format!("C{turn}");
            pr.shows(green('a').thread("T1", &[(comment.as_str(), person("ada"))]));
            pr.shows(green('a'));
        }
        for _ in 0..4 {
            flicker(&mut pr);
            pr.pass(mins(240));
        }

        assert!(!pr.one.pull().is_stopped());
    }
}
