//! Whole stories: all machines together, from the issue to the clean workspace.

use super::{Rules, State, task::Phase, testing::*};
use crate::{
    event::Hook,
    model::{Generation, IssueNumber, Lifecycle, MachineKey, Merge, Mergeability, ReviewState, Snapshot},
};

/// Issue, task, agent, pull request, red, green, review, approval, merge, cleanup.
fn play(world: &mut World) {
    world.opens_issue(ISSUE);
    world.pass(secs(1));
    world.pushes('a');
    world.ends_turn();
    world.pass(secs(1));
    world.checks('a', FAILED);
    world.pass(secs(30));
    world.pushes('b');
    world.ends_turn();
    world.pass(secs(10));
    world.checks('b', PASSED);
    world.pass(mins(2));
    let asked = |pull: Snapshot| {
        pull.review(person("ada"), ReviewState::ChangesRequested).thread("T1", &[("C1", person("ada"))])
    };
    world.on_github(asked);
    world.pass(secs(30));
    world.pushes('c');
    world.ends_turn();
    world.pass(secs(10));
    world.checks('c', PASSED);
    world.pass(mins(2));
    world.on_github(|pull| pull.resolved("T1").review(person("ada"), ReviewState::Approved));
    world.pass(mins(2));
    world.hints();
    world.pass(mins(1));
}

#[test]
fn the_whole_story_runs_from_the_issue_to_the_clean_workspace() {
    let mut world = World::new(merging());

    play(&mut world);

    assert_eq!(
        world.typed,
        ["the task", "checks-failed 1", "changes-requested 1 (review:R_ada_ChangesRequested, thread:T1@C1)"]
    );
    assert_eq!(world.acts, ["approved-and-green merge"]);
    assert_eq!(world.pulls[&NUMBER].lifecycle, Lifecycle::Merged);
    assert_eq!(world.phase(&task_id()), Some(Phase::Done));
    assert_eq!(world.alive, [].into());
    insta::assert_snapshot!("the_whole_story", world.journal.join("\n"));
}

// G136 as far: what people see is the same whatever comes first
#[test]
fn the_story_ends_the_same_in_whatever_order_the_machines_are_served() {
    for seed in 1..8 {
        let mut world = World::new(merging()).by_chance(seed);

        play(&mut world);

        let review = "changes-requested 1 (review:R_ada_ChangesRequested, thread:T1@C1)";
        assert_eq!(world.typed, ["the task", "checks-failed 1", review], "seed {seed}");
        assert_eq!(world.acts, ["approved-and-green merge"], "seed {seed}");
        assert_eq!(world.phase(&task_id()), Some(Phase::Done), "seed {seed}");
    }
}

fn merging() -> Rules {
    Rules { merge: Merge::Squash, ..rules() }
}

// Attempts are two: three red runs in a row are two prompts, then one escalation with all its actions
#[test]
fn three_red_runs_are_two_prompts_and_one_escalation() {
    let mut world = World::in_review(rules_with(&["name: ci-failed\nretry: { attempts: 2 }"]));
    for letter in ['b', 'c', 'd'] {
        world.pushes(letter);
        world.pass(secs(5));
        world.checks(letter, FAILED);
        world.pass(mins(2));
        world.ends_turn();
        world.pass(secs(1));
    }
    world.pass(mins(120));

    assert_eq!(world.typed, ["the task", "checks-failed 1", "checks-failed 2"]);
    assert_eq!(world.acts, ["ci-failed label", "ci-failed comment", "ci-failed notify"]);
}

// S34: red, changes requested and a conflict while the agent works are one prompt
#[test]
fn causes_that_come_while_the_agent_works_are_one_prompt() {
    let mut world = World::in_review(rules());
    world.hook(Hook::PromptTaken { evidence: None });
    world.on_github(|pull| {
        pull.review(person("ada"), ReviewState::ChangesRequested).mergeable(Mergeability::Conflicting)
    });
    world.checks('a', FAILED);
    world.pass(mins(5));
    assert_eq!(world.typed, ["the task"]);

    world.ends_turn();
    world.settle();

    let all = "checks-failed 1 + changes-requested 1 (review:R_ada_ChangesRequested) + conflict 1";
    assert_eq!(world.typed[1..], [all]);
}

// G090, S46
#[test]
fn a_merge_by_a_person_ends_the_agent_that_still_works() {
    let mut world = World::in_review(rules());
    world.checks('a', FAILED);
    world.pass(secs(30));
    assert_eq!(world.typed.len(), 2);

    world.on_github(|pull| pull.lifecycle(Lifecycle::Merged));
    world.pass(mins(4));
    assert!(!world.alive.is_empty());
    world.pass(mins(2));

    assert_eq!((world.alive.len(), world.phase(&task_id())), (0, Some(Phase::Done)));
}

// G034
#[test]
fn a_pull_request_that_is_closed_frees_everything() {
    let mut world = World::in_review(rules());
    world.checks('a', FAILED);
    world.pass(secs(10));

    world.on_github(|pull| pull.lifecycle(Lifecycle::Closed));
    world.pass(mins(10));

    assert_eq!((world.alive.len(), world.phase(&task_id())), (0, Some(Phase::Abandoned)));
    assert_eq!(world.typed, ["the task"]);
    assert!(world.pull().managed.is_none());
}

// S63, S52: an agent that dies in the middle is started again and told again what it had not answered
#[test]
fn an_agent_that_dies_in_its_first_turn_is_told_its_task_again() {
    let mut world = World::new(rules());
    world.opens_issue(ISSUE);
    world.pass(secs(5));
    world.dies();
    world.pass(secs(30));

    assert_eq!(world.typed, ["the task", "the task"]);
    assert_eq!(world.session().generation, Generation(2));
}

#[test]
fn an_agent_that_dies_after_its_push_gets_its_pull_request_and_no_second_task() {
    let mut world = World::new(rules());
    world.opens_issue(ISSUE);
    world.pass(secs(5));
    world.pushes('a');
    world.dies();
    world.pass(secs(30));

    assert_eq!(world.typed, ["the task"]);
    assert_eq!(world.phase(&task_id()), Some(Phase::InReview));
}

#[test]
fn an_agent_that_dies_over_a_red_check_is_asked_again() {
    let mut world = World::in_review(rules());
    world.checks('a', FAILED);
    world.pass(secs(30));
    world.dies();
    world.pass(mins(3));

    assert_eq!(world.typed, ["the task", "checks-failed 1", "checks-failed 2"]);
}

// G130
#[test]
fn a_turn_without_a_push_opens_no_pull_request() {
    let mut world = World::new(rules());
    world.opens_issue(ISSUE);
    world.pass(secs(1));
    world.ends_turn();
    world.pass(mins(60));

    assert_eq!((world.pulls.len(), world.phase(&task_id())), (0, Some(Phase::Working)));
}

// G113 as far, G110
#[test]
fn an_issue_that_closes_while_its_agent_works_ends_the_task() {
    let mut world = World::new(rules());
    world.opens_issue(ISSUE);
    world.pass(secs(1));
    world.issues.clear();
    world.hints_repository();
    world.pass(mins(6));

    assert_eq!((world.alive.len(), world.phase(&task_id())), (0, Some(Phase::Abandoned)));
}

// Whatever the order, no more tasks work at once than there are slots, and every slot comes back.
#[test]
fn slots_are_never_overrun_and_never_lost() {
    for seed in 1..12 {
        let mut world = World::new(rules()).by_chance(seed);
        for number in 1..=5 {
            world.opens_issue(IssueNumber(number));
        }
        for round in 0..12 {
            for _ in 0..seed % 7 + round {
                world.handle_one();
            }
            let number = IssueNumber((seed + round) % 5 + 1);
            if world.issues.remove(&number).is_none() {
                world.opens_issue(number);
            }
            world.hints_repository();
        }
        world.issues.clear();
        world.hints_repository();
        world.pass(mins(30));

        let Some(State::Fleet(fleet)) = world.machines.get(&MachineKey::Fleet) else { panic!("no fleet") };
        assert_eq!((fleet.running.len(), fleet.queue.len(), world.alive.len()), (0, 0, 0), "seed {seed}");
    }
}

// G018, G019, S72: hints that are lost are made up for by the periodic look
#[test]
fn without_any_hint_of_the_pull_request_the_periodic_look_finds_the_failure() {
    let mut world = World::in_review(rules());
    let pull = world.pulls.get_mut(&NUMBER).unwrap();
    pull.checks = vec![check("test", true, FAILED)];
    world.pass(mins(10));

    assert_eq!(world.typed, ["the task", "checks-failed 1"]);
}
