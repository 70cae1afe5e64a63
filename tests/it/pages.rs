//! Lists that are longer than a page, read by the real client from the simulator.

use antiphon::{
    background::Tasks,
    clock::Clock,
    github::{Client, Credentials, Settings},
    model::{CheckState, Conclusion, PrNumber, RepoName, Secret},
    simulator::{NewPull, Options, Push, Simulator},
};

use crate::world::REPO;

const TOKEN: &str = "the-token-of-the-pages-0123456789";
const MANY: usize = 250;

// S17
#[tokio::test]
async fn a_check_on_the_last_of_many_pages_is_seen() {
    let tasks = Tasks::new();
    let options = Options {
        dir: std::path::PathBuf::new(),
        clock: Clock::system(),
        token: TOKEN.to_owned(),
        webhook: None,
        own_login: "antiphon-app".to_owned(),
        git: "git".into(),
    };
    let github = Simulator::start_on_paper(options, &tasks).await.unwrap();
    github.create_repository(REPO, &[("base.txt".to_owned(), "0\n".to_owned())]).await.unwrap();
    let (branch, message) = ("more".to_owned(), "Say more".to_owned());
    let files = vec![("more.txt".to_owned(), Some("More.\n".to_owned()))];
    let head = github.push_as(REPO, Push { person: "maya".to_owned(), branch, files, message }).await.unwrap();
    let (author, title) = ("maya".to_owned(), "Say more".to_owned());
    let (body, branch, base) = (String::new(), "more".to_owned(), "main".to_owned());
    let number = github.open_pull(REPO, NewPull { author, title, body, head: branch, base }).await.unwrap();
    github.quiet().await;
    // GitHub lists statuses by their name: the red one stands last.
    let name = |index: usize| format!("ci/{index:03}");
    for index in 0..MANY {
        github.report_status(REPO, &head, ("maya", &name(index)), Some(index + 1 < MANY)).unwrap();
    }
    let credentials = Credentials::Token(Secret::new(TOKEN));
    let settings = Settings { api_url: github.api_url(), credentials, write_gap: None };
    let client = Client::new(settings, Clock::system()).unwrap();
    let repo: RepoName = REPO.parse().unwrap();

    let seen = client.snapshot(&repo, PrNumber(number)).await.unwrap().value.checks;

    let names: Vec<String> = seen.iter().map(|check| check.name.to_string()).collect();
    assert_eq!(names, (0..MANY).map(name).collect::<Vec<_>>());
    let red = seen.iter().filter(|check| check.state == CheckState::Finished(Conclusion::Failure));
    assert_eq!(red.map(|check| check.name.to_string()).collect::<Vec<_>>(), [name(MANY - 1)]);
    assert!(github.requests()["POST /graphql"] > 1, "one page cannot have held them all");
    tasks.shut_down(std::time::Duration::from_secs(5)).await;
}
