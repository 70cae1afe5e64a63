//! What asking GitHub costs, with the real client against the simulator: GraphQL points and REST requests told apart.

use std::collections::BTreeMap;

use antiphon::{
    background::Tasks,
    clock::Clock,
    github::{Client, Credentials, Settings},
    model::{PrNumber, RepoName, Secret},
    simulator::{NewPull, Options, Push, Simulator, story},
};

use crate::world::REPO;

const TOKEN: &str = "the-token-of-the-budget-0123456789";

/// What was spent since `before`: GraphQL points, REST requests.
fn since(github: &Simulator, before: &BTreeMap<String, u64>) -> (u64, u64) {
    let now = github.spent();
    let spent = |budget: &str| now.get(budget).unwrap_or(&0) - before.get(budget).unwrap_or(&0);
    (spent("graphql"), spent("core"))
}

async fn open_a_pull(github: &Simulator) -> PrNumber {
    let files = vec![("pages/more.txt".to_owned(), Some("More.\n".to_owned()))];
    let push = Push { person: "maya".to_owned(), branch: "more".to_owned(), files, message: "Say more".to_owned() };
    github.push_as(REPO, push).await.unwrap();
    let pull = NewPull {
        author: "maya".to_owned(),
        title: "Say more".to_owned(),
        head: "more".to_owned(),
        base: "main".to_owned(),
        ..NewPull::default()
    };
    let number = github.open_pull(REPO, pull).await.unwrap();
    github.quiet().await;
    PrNumber(number)
}

// Show 6, G125
#[tokio::test]
async fn a_look_costs_one_point_and_an_unchanged_list_nothing() {
    let (dir, tasks) = (tempfile::tempdir().unwrap(), Tasks::new());
    let options = Options {
        dir: dir.path().join("github"),
        clock: Clock::system(),
        token: TOKEN.to_owned(),
        webhook: None,
        own_login: "antiphon-app".to_owned(),
        git: "git".into(),
    };
    let github = Simulator::start(options, &tasks).await.unwrap();
    github.create_repository(REPO, &story::files()).await.unwrap();
    let number = open_a_pull(&github).await;
    let credentials = Credentials::Token(Secret::new(TOKEN));
    let client =
        Client::new(Settings { api_url: github.api_url(), credentials, write_gap: None }, Clock::system()).unwrap();
    let repo: RepoName = REPO.parse().unwrap();

    client.snapshot(&repo, number).await.unwrap();
    let before = github.spent();
    client.snapshot(&repo, number).await.unwrap();
    assert_eq!(since(&github, &before), (1, 0), "a look at what is known already");

    let before = github.spent();
    let list = client.open_pulls(&repo, None).await.unwrap().unwrap();
    assert_eq!(since(&github, &before), (0, 1), "a list");
    let before = github.spent();
    assert_eq!(client.open_pulls(&repo, list.etag).await.unwrap(), None);
    assert_eq!(since(&github, &before), (0, 0), "the same list");

    let standings = client.standings();
    assert!(standings[0].rest.is_some() && standings[0].graphql.is_some(), "{standings:?}");
    tasks.shut_down(std::time::Duration::from_secs(5)).await;
}
