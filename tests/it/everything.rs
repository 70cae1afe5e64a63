//! A simulated GitHub on which people have done everything that they can do: what it tells of it, and what programs that
//! nobody here wrote think of it.

use antiphon::{
    background::Tasks,
    clock::Clock,
    simulator::{Conclusion, LineComment, NewIssue, NewPull, NewReview, Options, Push, Simulator, Verdict, Webhook},
};

use crate::recorder::Recorder;

const REPO: &str = "acme/pages";
const TOKEN: &str = "the-simulators-token-0123456789";

async fn github(tasks: &Tasks) -> Simulator {
    let options = Options {
        dir: std::path::PathBuf::new(),
        clock: Clock::system(),
        token: TOKEN.to_owned(),
        webhook: Some(Webhook { url: "http://127.0.0.1:1".to_owned(), secret: "unused".to_owned() }),
        own_login: "antiphon-app".to_owned(),
        git: "git".into(),
    };
    let github = Simulator::start_on_paper(options, tasks).await.unwrap();
    github.deliveries().hold();
    github.create_repository(REPO, &[("test.sh".to_owned(), "true\n".to_owned())]).await.unwrap();
    github.set_permission(REPO, "maya", "write").unwrap();
    github
}

async fn push(github: &Simulator, branch: &str, text: &str) -> String {
    let files = vec![(format!("{branch}.txt"), Some(text.to_owned()))];
    let push = Push { person: "eno".to_owned(), branch: branch.to_owned(), files, message: text.to_owned() };
    let sha = github.push_as(REPO, push).await.unwrap();
    github.quiet().await;
    sha
}

async fn open(github: &Simulator, head: &str) -> u64 {
    let (author, title) = ("eno".to_owned(), format!("Add {head}"));
    let pull = NewPull { author, title, body: String::new(), head: head.to_owned(), base: "main".to_owned() };
    let number = github.open_pull(REPO, pull).await.unwrap();
    github.quiet().await;
    number
}

/// Everything once; the number of the pull request that stays open.
async fn everything(github: &Simulator) -> u64 {
    let issue = NewIssue { author: "maya".to_owned(), title: "Hello".to_owned(), ..NewIssue::default() };
    let issue = github.create_issue(REPO, &issue).unwrap();
    github.label(REPO, issue, "maya", "agent").unwrap();
    github.comment(REPO, issue, "eno", "I have a question.").unwrap();
    github.assign(REPO, issue, "eno").unwrap();
    github.unlabel(REPO, issue, "maya", "agent").unwrap();
    github.close_issue(REPO, issue, "maya").unwrap();

    let red = push(github, "lamp", "one").await;
    let number = open(github, "lamp").await;
    github.finish_runs(REPO, &red, Conclusion::Failure, "##[error]no\n").unwrap();
    github.rerun_failed(REPO, &red, "eno").unwrap();
    github.finish_runs(REPO, &red, Conclusion::Cancelled, "").unwrap();
    for passed in [None, Some(false), Some(true)] {
        github.report_status(REPO, &red, ("maya", "lint"), passed).unwrap();
    }
    converse(github, number);
    let green = push(github, "lamp", "two").await;
    github.finish_runs(REPO, &green, Conclusion::Success, "ok\n").unwrap();

    github.set_draft(REPO, number, "eno", true).unwrap();
    github.set_draft(REPO, number, "eno", false).unwrap();
    push(github, "release", "a release").await;
    github.change_base(REPO, number, "eno", "release").unwrap();
    github.close(REPO, number, "eno").unwrap();
    github.reopen(REPO, number, "eno").unwrap();
    github.enable_auto_merge(REPO, number, "maya").unwrap();
    github.enqueue(REPO, number, "maya").unwrap();
    github.dequeue(REPO, number, "maya", ("CI_FAILURE", &green)).unwrap();
    github.quiet().await;

    push(github, "horn", "one").await;
    let other = open(github, "horn").await;
    github.merge_as(REPO, other, "maya").await.unwrap();
    github.quiet().await;
    from_forks(github).await;
    number
}

/// One pull request of a fork that stays, one of a fork that was deleted.
async fn from_forks(github: &Simulator) {
    for person in ["ida", "ole"] {
        let fork = github.fork(REPO, person).await.unwrap();
        let files = vec![(format!("{person}.txt"), Some("Hello.\n".to_owned()))];
        let (branch, message) = ("bell".to_owned(), "Add a bell".to_owned());
        let head = github.push_as(&fork, Push { person: person.to_owned(), branch, files, message }).await.unwrap();
        let number = open(github, &format!("{person}:bell")).await;
        github.finish_runs(REPO, &head, Conclusion::Success, "ok\n").unwrap();
        github.let_maintainers_push(REPO, number).unwrap();
        if person == "ole" {
            github.delete_fork(&fork).unwrap();
            github.label(REPO, number, "maya", "orphan").unwrap();
        }
    }
}

fn converse(github: &Simulator, number: u64) {
    let comment = LineComment { path: "lamp.txt".to_owned(), line: 1, body: "Brighter.".to_owned() };
    let review = NewReview {
        author: "maya".to_owned(),
        verdict: Verdict::RequestChanges,
        body: "Nearly.".to_owned(),
        comments: vec![comment],
    };
    let review = github.review(REPO, number, &review).unwrap();
    let (thread, first) = github.threads(REPO, number)[0];
    github.reply_in_thread(REPO, number, first, ("eno", "How bright?")).unwrap();
    github.resolve_thread(REPO, number, thread, "eno").unwrap();
    github.unresolve_thread(REPO, number, thread, "maya").unwrap();
    github.dismiss(REPO, number, review).unwrap();
    github.approve(REPO, number, "maya").unwrap();
}

#[tokio::test]
async fn whatever_people_do_is_told() {
    let tasks = Tasks::new();
    let github = github(&tasks).await;
    let recorder = Recorder::begin(&github, &tasks).await;

    everything(&github).await;

    let mut told = std::collections::BTreeMap::<String, Vec<String>>::new();
    for delivery in github.deliveries().all() {
        let actions = told.entry(delivery.event).or_default();
        actions.extend(delivery.action.filter(|action| !actions.contains(action)));
    }
    let told: Vec<String> =
        told.iter().map(|(event, actions)| format!("{event}: {}", actions.join(" ")).trim_end().to_owned()).collect();
    insta::assert_snapshot!(told.join("\n"), @r"
    check_run: created completed
    check_suite: requested completed
    create:
    issue_comment: created
    issues: opened labeled unlabeled closed
    pull_request: opened synchronize converted_to_draft ready_for_review edited closed reopened auto_merge_enabled enqueued dequeued labeled
    pull_request_review: submitted dismissed
    pull_request_review_comment: created
    pull_request_review_thread: resolved unresolved
    push:
    status:
    workflow_job: queued in_progress completed
    workflow_run: requested in_progress completed
    ");
    if let Some(recorder) = recorder {
        recorder.end(&github);
    }
    tasks.shut_down(std::time::Duration::from_secs(5)).await;
}

/// `ANTIPHON_TYPED_CLIENT`: a program that is given the address, the token, the repository and a pull request.
#[expect(clippy::disallowed_methods, reason = "whoever runs the tests says which program")]
fn typed_client() -> Option<std::ffi::OsString> {
    std::env::var_os("ANTIPHON_TYPED_CLIENT")
}

// Show 4
#[tokio::test]
#[ignore = "needs a client that somebody else wrote: run scripts/check-typed-client"]
#[expect(clippy::disallowed_methods, reason = "the client is a program of its own")]
async fn a_typed_client_understands_every_answer() {
    let client = typed_client().expect("ANTIPHON_TYPED_CLIENT names a program");
    let tasks = Tasks::new();
    let github = github(&tasks).await;
    let number = everything(&github).await;

    let status = tokio::process::Command::new(client)
        .args([github.api_url(), TOKEN.to_owned(), REPO.to_owned(), number.to_string()])
        .status()
        .await
        .unwrap();

    assert!(status.success());
    tasks.shut_down(std::time::Duration::from_secs(5)).await;
}
