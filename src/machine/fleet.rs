//! The pure state machine of this installation: who may run, who waits, and whose fault it is when agents end.
//!
//! When half of five or more agents end at once, the machine has failed or a terminal server was ended, and no agent did
//! anything wrong: people hear of it once, the agents are started again one after the other, and nothing counts as tried.
//! Those that end again soon after are judged one by one, so that nothing is started for ever.

use std::collections::BTreeSet;

use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};

use super::{Now, Rules, context};
use crate::{
    effect::Effect,
    event::{self, Fleet},
    model::{Generation, MachineKey, RepoId, SessionId, TaskId},
};

/// So many agents have no common reason to end, unless it is not theirs.
const CROWD_MIN: usize = 5;

/// Who runs and who waits.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct State {
    /// Tasks that hold a slot.
    pub running: BTreeSet<TaskId>,
    /// Tasks that wait for one, first come first served.
    pub queue: Vec<(TaskId, RepoId)>,
    /// Whose agents run.
    #[serde(default)]
    pub agents: BTreeSet<SessionId>,
    /// Agents that ended and should not have, while it is not known who else does.
    #[serde(default)]
    pub exits: Vec<Exit>,
    /// The last time that many ended at once, as long as that matters.
    #[serde(default)]
    pub lost: Option<Lost>,
}

/// An agent that ended and should not have.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Exit {
    /// Whose.
    pub session: SessionId,
    /// Which launch.
    pub generation: Generation,
    /// When that was heard.
    pub at: Timestamp,
}

/// Many agents that ended at once.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Lost {
    /// When that was noticed.
    pub at: Timestamp,
    /// How many had ended then.
    pub ended: usize,
    /// How many had run.
    pub all: usize,
    /// Those that are yet to be started again.
    pub waiting: Vec<Exit>,
    /// When the next one is.
    pub next_at: Timestamp,
}

impl State {
    /// Nobody runs, nobody waits.
    #[must_use]
    pub const fn new() -> Self {
        Self { running: BTreeSet::new(), queue: Vec::new(), agents: BTreeSet::new(), exits: Vec::new(), lost: None }
    }
}

/// Handles one event.
pub(crate) fn step(mut state: State, event: Fleet, now: &Now<'_>) -> (State, Vec<Effect>) {
    match event {
        Fleet::SlotWanted { task, repo } => {
            if !state.queue.iter().any(|(waiting, _)| *waiting == task) {
                state.queue.push((task, repo));
            }
        }
        Fleet::SlotReleased { task } => {
            state.running.remove(&task);
        }
        Fleet::AgentStarted { session } => {
            state.agents.insert(session);
        }
        Fleet::AgentEnded { session } => state.forget(&session),
        Fleet::AgentExited { session, generation } => {
            state.forget(&session);
            state.exits.push(Exit { session, generation, at: now.at });
        }
        // Slots may have been added; they are granted below, as after every event.
        Fleet::DeadlinePassed => {}
    }
    let mut effects = Vec::new();
    while let Some((task, repo)) = state.next(now.rules.slots as usize) {
        state.running.insert(task.clone());
        let event = event::Backlog::SlotGranted { task }.into();
        effects.push(Effect::Tell { to: MachineKey::Backlog(repo), event });
    }
    state.judge(now, &mut effects);
    (state, effects)
}

impl State {
    /// Takes the first that waits, if there is a free slot. A task that still holds one gets no second one.
    fn next(&mut self, slots: usize) -> Option<(TaskId, RepoId)> {
        let index = self.queue.iter().position(|(task, _)| !self.running.contains(task))?;
        (self.running.len() < slots).then(|| self.queue.remove(index))
    }

    fn forget(&mut self, session: &SessionId) {
        self.agents.remove(session);
        self.exits.retain(|exit| exit.session != *session);
    }

    /// Says of each agent that ended whether others ended with it, as soon as that is known.
    fn judge(&mut self, now: &Now<'_>, effects: &mut Vec<Effect>) {
        self.take_loss(now, effects);
        self.start_next(now, effects);
        let decided = |exit: &Exit, all: usize| all < CROWD_MIN || now.at >= exit.at + window(now.rules);
        let all = self.agents.len() + self.exits.len();
        let (judged, open): (Vec<_>, Vec<_>) =
            std::mem::take(&mut self.exits).into_iter().partition(|exit| self.lost.is_some() || decided(exit, all));
        self.exits = open;
        effects.extend(judged.into_iter().map(|exit| verdict(exit, false)));
    }

    /// Notices when many have ended at once, and who belongs to those that have.
    fn take_loss(&mut self, now: &Now<'_>, effects: &mut Vec<Effect>) {
        if let Some(lost) = &mut self.lost {
            if now.at < lost.at + window(now.rules) {
                lost.waiting.append(&mut self.exits);
            } else if lost.waiting.is_empty() && now.at >= lost.at + now.rules.pace.recovered {
                self.lost = None;
            }
            return;
        }
        let (ended, all) = (self.exits.len(), self.agents.len() + self.exits.len());
        if all < CROWD_MIN || ended * 2 < all {
            return;
        }
        let waiting = std::mem::take(&mut self.exits);
        self.lost = Some(Lost { at: now.at, ended, all, waiting, next_at: now.at + stagger(now.rules) });
        let context = context::of_fleet(self, now);
        effects.extend(now.rules.at_once(&MachineKey::Fleet, &context).into_iter().map(Effect::Act));
    }

    /// Has one of those that ended with others started again, when it is its turn.
    fn start_next(&mut self, now: &Now<'_>, effects: &mut Vec<Effect>) {
        let Some(lost) = self.lost.as_mut().filter(|lost| !lost.waiting.is_empty() && now.at >= lost.next_at) else {
            return;
        };
        lost.next_at = now.at + stagger(now.rules);
        effects.push(verdict(lost.waiting.remove(0), true));
    }

    /// The next moment after `now` at which something is due, and what.
    #[must_use]
    pub fn next_deadline(&self, rules: &Rules, now: Timestamp) -> Option<(Timestamp, &'static str)> {
        let judged = self.exits.iter().map(|exit| (exit.at + window(rules), "judged"));
        let lost = self.lost.as_ref().map(|lost| {
            let over = (lost.at + rules.pace.recovered, "recovered");
            if lost.waiting.is_empty() { over } else { (lost.next_at, "next start") }
        });
        judged.chain(lost).filter(|(at, _)| *at > now).min()
    }
}

fn verdict(exit: Exit, common: bool) -> Effect {
    let event = event::Session::ExitJudged { generation: exit.generation, common };
    Effect::Tell { to: MachineKey::Session(exit.session), event: event.into() }
}

/// Within so long those end that end at once: a terminal is looked at in rounds, and twice before nothing counts as an end.
fn window(rules: &Rules) -> SignedDuration {
    rules.pace.probe * 3
}

/// The pause between two starts: many at once could be what had ended them.
fn stagger(rules: &Rules) -> SignedDuration {
    rules.pace.probe / 2
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::machine::{State as Any, testing::*};

    const GRANTED: &str = "tell backlog/1: slot granted";
    const NOTHING: [&str; 0] = [];

    fn fleet(slots: u32) -> One {
        One::new(MachineKey::Fleet, Rules { slots, ..rules() })
    }

    fn wants(one: &mut One, task: &str) -> Vec<String> {
        one.feed(Fleet::SlotWanted { task: task.parse().unwrap(), repo: REPO })
    }

    fn releases(one: &mut One, task: &str) -> Vec<String> {
        one.feed(Fleet::SlotReleased { task: task.parse().unwrap() })
    }

    fn running(one: &One) -> Vec<&str> {
        let Some(Any::Fleet(state)) = &one.state else { panic!("no fleet") };
        state.running.iter().map(TaskId::as_str).collect()
    }

    fn crowd(size: u32) -> One {
        let mut one = fleet(9);
        for number in 1..=size {
            one.feed(Fleet::AgentStarted { session: name(number) });
        }
        one
    }

    fn name(number: u32) -> SessionId {
        format!("hello-{number}").parse().unwrap()
    }

    fn exits(one: &mut One, number: u32) -> Vec<String> {
        one.feed(Fleet::AgentExited { session: name(number), generation: Generation(1) })
    }

    fn own(number: u32) -> String {
        format!("tell session/hello-{number}: ended by itself")
    }

    fn common(number: u32) -> String {
        format!("tell session/hello-{number}: ended with others")
    }

    #[test]
    fn among_few_everybody_ends_by_itself() {
        let mut one = crowd(4);

        assert_eq!(exits(&mut one, 1), [own(1)]);
        assert_eq!(exits(&mut one, 2), [own(2)]);
    }

    #[test]
    fn one_that_ends_among_many_is_judged_when_it_is_clear_that_it_is_alone() {
        let mut one = crowd(6);
        assert_eq!(exits(&mut one, 1), NOTHING);
        assert_eq!(one.pass(secs(29)), NOTHING);
        assert_eq!(one.pass(secs(1)), [own(1)]);
        assert_eq!(one.deadline(), None);
    }

    // S58
    #[test]
    fn when_half_of_five_or_more_end_at_once_people_hear_of_it_once_and_all_are_started_one_after_the_other() {
        let mut one = crowd(6);
        exits(&mut one, 1);
        one.pass(secs(9));
        exits(&mut one, 2);
        assert_eq!(exits(&mut one, 3), ["act agents-lost do 0"]);
        assert_eq!(exits(&mut one, 4), NOTHING, "it is one of them");

        assert_eq!(one.pass(secs(5)), [common(1)]);
        assert_eq!(one.pass(secs(15)), [common(2), common(3), common(4)]);
        assert_eq!(one.pass(mins(5)), NOTHING);
        assert_eq!(one.deadline(), None);
        let Some(Any::Fleet(state)) = &one.state else { panic!("no fleet") };
        assert_eq!(state.lost, None);
    }

    #[test]
    fn those_that_end_again_soon_after_are_judged_one_by_one() {
        let mut one = crowd(5);
        for number in 1..=5 {
            exits(&mut one, number);
        }
        one.pass(mins(1));
        for number in 1..=5 {
            one.feed(Fleet::AgentStarted { session: name(number) });
        }

        for number in 1..=5 {
            assert_eq!(exits(&mut one, number), [own(number)]);
        }
    }

    #[test]
    fn who_is_ended_on_purpose_is_no_loss() {
        let mut one = crowd(6);
        for number in 1..=4 {
            assert_eq!(one.feed(Fleet::AgentEnded { session: name(number) }), NOTHING);
        }
    }

    #[test]
    fn slots_are_granted_up_to_the_limit_first_come_first_served() {
        let mut one = fleet(2);
        assert_eq!(wants(&mut one, "a"), [GRANTED]);
        assert_eq!(wants(&mut one, "b"), [GRANTED]);
        assert_eq!(wants(&mut one, "c"), NOTHING);
        assert_eq!(wants(&mut one, "d"), NOTHING);

        assert_eq!(releases(&mut one, "b"), [GRANTED]);

        assert_eq!(running(&one), ["a", "c"]);
    }

    #[test]
    fn a_slot_that_is_given_back_twice_is_one_slot() {
        let mut one = fleet(1);
        wants(&mut one, "a");
        wants(&mut one, "b");
        wants(&mut one, "c");
        assert_eq!(releases(&mut one, "a"), [GRANTED]);

        assert_eq!(releases(&mut one, "a"), NOTHING);

        assert_eq!(running(&one), ["b"]);
    }

    #[test]
    fn a_task_that_holds_a_slot_gets_its_next_one_after_it_gave_that_back() {
        let mut one = fleet(2);
        wants(&mut one, "a");
        assert_eq!(wants(&mut one, "a"), NOTHING);
        assert_eq!(wants(&mut one, "b"), [GRANTED], "others do not wait behind it");
        releases(&mut one, "b");

        assert_eq!(releases(&mut one, "a"), [GRANTED]);

        assert_eq!(running(&one), ["a"]);
    }

    #[test]
    fn fewer_slots_stop_nobody_and_more_are_used_at_once() {
        let mut one = fleet(2);
        for task in ["a", "b", "c"] {
            wants(&mut one, task);
        }
        one.rules.slots = 1;
        assert_eq!(releases(&mut one, "a"), NOTHING);
        assert_eq!(running(&one), ["b"]);

        one.rules.slots = 3;

        assert_eq!(one.feed(Fleet::DeadlinePassed), [GRANTED]);
    }
}
