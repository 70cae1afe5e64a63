//! Pull requests from forks, with the real binary: their checks are found, and people are told where agents cannot push.

use antiphon::{
    journal::{Journal as _, SqliteJournal},
    machine::{State, pull},
    model::{CheckState, Conclusion},
    simulator::{Delivery, NewPull, Push},
};
use serde_json::Value;

use crate::world::{REPO, World, eventually};

/// The owner of the fork.
const PERSON: &str = "eno";

async fn push(world: &World, fork: &str, test: &str) -> String {
    let files = vec![("test.sh".to_owned(), Some(test.to_owned()))];
    let (branch, message) = ("lamp".to_owned(), "Light the lamp".to_owned());
    world.github.push_as(fork, Push { person: PERSON.to_owned(), branch, files, message }).await.unwrap()
}

async fn open(world: &World) -> u64 {
    let pull = NewPull {
        author: PERSON.to_owned(),
        title: "Light the lamp".to_owned(),
        body: String::new(),
        head: format!("{PERSON}:lamp"),
        base: "main".to_owned(),
    };
    world.github.open_pull(REPO, pull).await.unwrap()
}

/// The machine of a pull request, once it is as wanted.
async fn known(world: &World, what: &str, wanted: impl Fn(&pull::State) -> bool) -> pull::State {
    eventually(what, async || {
        let journal = SqliteJournal::open_read_only(&world.state_dir()).ok()?;
        let stored = journal.machines(None).await.ok()?;
        stored.into_iter().find_map(|(_, stored)| match serde_json::from_str(&stored.state).unwrap() {
            Some(State::Pull(pull)) if wanted(&pull) => Some(*pull),
            _ => None,
        })
    })
    .await
}

fn shows(state: &pull::State, head: &str, ended: Conclusion) -> bool {
    let is_it = |it: &antiphon::model::Snapshot| {
        it.head.sha.as_str() == head && it.checks.iter().any(|check| check.state == CheckState::Finished(ended))
    };
    state.snapshot.as_ref().is_some_and(is_it)
}

fn payload(delivery: &Delivery) -> Value {
    serde_json::from_str(&delivery.payload).unwrap()
}

// G041, G043, G044
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_pull_request_of_a_fork_is_followed_and_people_are_told_that_no_agent_can_push_to_it() {
    let world = World::new().await;
    let fork = world.github.fork(REPO, PERSON).await.unwrap();
    let daemon = world.start_daemon();
    let red = push(&world, &fork, "exit 1\n").await;
    let number = open(&world).await;

    let seen = known(&world, "the red check of the fork", |state| shows(state, &red, Conclusion::Failure)).await;
    let snapshot = seen.snapshot.unwrap();
    assert_ne!(snapshot.head.repo, Some(snapshot.repo), "the head lies in the fork");
    let green = push(&world, &fork, "true\n").await;
    known(&world, "the green check of the next commit", |state| shows(state, &green, Conclusion::Success)).await;
    let told = world.github.deliveries().all();
    let pulls = |it: &Delivery| payload(it)["check_run"]["pull_requests"].as_array().unwrap().len();
    let runs = told.iter().filter(|it| it.event == "check_run");
    assert!(runs.map(pulls).all(|listed| listed == 0), "GitHub names no pull request of a fork");
    assert!(told.iter().all(|it| payload(it)["repository"]["full_name"] == REPO), "a fork has no webhook of ours");

    let no_agent = (
        Some(4),
        "error: pull request #1 of acme/pages comes from a fork\nhint: an agent can push to branches of the repository itself; push \
         the commits to one and adopt that\n"
            .to_owned(),
    );
    let adopt = ["adopt", &number.to_string()];
    assert_eq!(world.run(&adopt).await, no_agent);
    world.github.let_maintainers_push(REPO, number).unwrap();
    assert_eq!(world.run(&adopt).await, no_agent, "the agent's branch would not be the fork's");
    world.github.delete_fork(&fork).unwrap();
    world.github.label(REPO, number, "maya", "orphan").unwrap();
    known(&world, "that the fork is gone", |state| {
        state.snapshot.as_ref().is_some_and(|it| it.labels == ["orphan"] && it.head.repo.is_none())
    })
    .await;
    assert_eq!(world.run(&adopt).await, no_agent);
    let writes: Vec<String> = world.github.write_log().into_iter().map(|write| write.path).collect();
    assert_eq!(writes, Vec::<String>::new(), "nothing was written");
    daemon.stop().await;
    world.end().await;
}
