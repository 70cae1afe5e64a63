//! Queries that GitHub gives up on, with the real client against the simulator: less is asked for, and more again later.

use antiphon::{
    background::Tasks,
    clock::Clock,
    github::{Client, Credentials, Error, Settings},
    model::{PrNumber, RepoName, Secret},
    simulator::{GivenUp, NewPull, Options, Push, Simulator, story},
};

use crate::world::REPO;

const TOKEN: &str = "the-token-of-the-pages-0123456789";
const CHECKS: usize = 120;

/// A pull request on whose commit very many statuses were reported.
async fn open_a_heavy_pull(github: &Simulator) -> PrNumber {
    let files = vec![("pages/more.txt".to_owned(), Some("More.\n".to_owned()))];
    let push = Push { person: "maya".to_owned(), branch: "more".to_owned(), files, message: "Say more".to_owned() };
    let sha = github.push_as(REPO, push).await.unwrap();
    for number in 0..CHECKS {
        github.report_status(REPO, &sha, ("maya", &format!("check {number}")), Some(true)).unwrap();
    }
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

/// Looks until GitHub answers. How many looks were in vain, and how many queries the last one took.
async fn look(client: &Client, github: &Simulator, number: PrNumber) -> (u32, u64) {
    let repo: RepoName = REPO.parse().unwrap();
    let asked = || github.requests().get("POST /graphql").copied().unwrap_or(0);
    for in_vain in 0..10 {
        let before = asked();
        match client.snapshot(&repo, number).await {
            Ok(found) => {
                let statuses = found.value.checks.iter().filter(|check| check.name.as_str().starts_with("check "));
                assert_eq!(statuses.count(), CHECKS, "all of them, whatever the pages");
                return (in_vain, asked() - before);
            }
            Err(Error::Unavailable(_)) => {}
            Err(other) => panic!("{other:?}"),
        }
    }
    panic!("GitHub never answered")
}

#[tokio::test]
async fn a_query_that_github_gives_up_on_is_asked_in_smaller_pages_and_later_in_larger_ones_again() {
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
    let number = open_a_heavy_pull(&github).await;

    for how in [GivenUp::BadGateway, GivenUp::TimedOut, GivenUp::OutOfResources] {
        let credentials = Credentials::Token(Secret::new(TOKEN));
        let settings = Settings { api_url: github.api_url(), credentials, write_gap: None };
        let client = Client::new(settings, Clock::system()).unwrap();
        assert_eq!(look(&client, &github, number).await, (0, 2), "two pages of a hundred");

        github.give_up_on_queries(Some((2_000, how)));
        let (in_vain, pages) = look(&client, &github, number).await;
        assert_eq!(in_vain, 2, "100 and 50 are too much for it: {how:?}");
        assert_eq!(pages, 5, "25 are not");

        github.give_up_on_queries(None);
        let grown = look(&client, &github, number).await;
        for _ in 0..6 {
            look(&client, &github, number).await;
        }
        assert!(grown.0 == 0 && grown.1 > 2, "not at once: {grown:?}");
        assert_eq!(look(&client, &github, number).await, (0, 2), "two pages of a hundred again");
    }
    tasks.shut_down(std::time::Duration::from_secs(5)).await;
}
