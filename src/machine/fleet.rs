//! The pure state machine of this installation: who may run, and who waits.

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};

use super::Now;
use crate::{
    effect::Effect,
    event::{self, Fleet},
    model::{MachineKey, RepoId, TaskId},
};

/// Who runs and who waits.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct State {
    /// Tasks that hold a slot.
    pub running: BTreeSet<TaskId>,
    /// Tasks that wait for one, first come first served.
    pub queue: Vec<(TaskId, RepoId)>,
}

impl State {
    /// Nobody runs, nobody waits.
    #[must_use]
    pub const fn new() -> Self {
        Self { running: BTreeSet::new(), queue: Vec::new() }
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
        // Slots may have been added; they are granted below, as after every event.
        Fleet::DeadlinePassed => {}
    }
    let mut effects = Vec::new();
    while let Some((task, repo)) = state.next(now.rules.slots as usize) {
        state.running.insert(task.clone());
        let event = event::Backlog::SlotGranted { task }.into();
        effects.push(Effect::Tell { to: MachineKey::Backlog(repo), event });
    }
    (state, effects)
}

impl State {
    /// Takes the first that waits, if there is a free slot. A task that still holds one gets no second one.
    fn next(&mut self, slots: usize) -> Option<(TaskId, RepoId)> {
        let index = self.queue.iter().position(|(task, _)| !self.running.contains(task))?;
        (self.running.len() < slots).then(|| self.queue.remove(index))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::machine::{State as Any, testing::*};

    const GRANTED: &str = "tell backlog/1: slot granted";
    const NOTHING: [&str; 0] = [];

    fn fleet(slots: u32) -> One {
        One::new(MachineKey::Fleet, super::super::Rules { slots, ..rules() })
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
