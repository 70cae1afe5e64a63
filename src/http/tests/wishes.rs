//! Wishes: checked, then one event in one inbox, once.

use jiff::Timestamp;
use serde_json::{Value, json};

use super::{
    house::{House, REPO},
    samples::{check, hash, managed, one_task, pull, put_pull, put_session, put_task, running, session, task},
};
use crate::{
    event::Event,
    journal::Journal as _,
    machine::{
        session::{Activity, Life},
        task::{self, Phase},
    },
    model::{Cause, CheckState, Conclusion, MachineKey, PrNumber, Rescue},
    simulator::{NewIssue, NewPull, Push},
};

fn issue(house: &House, title: &str) -> u64 {
    let issue = NewIssue { author: "acme".to_owned(), title: title.to_owned(), ..NewIssue::default() };
    house.github.as_ref().unwrap().create_issue(REPO, &issue).unwrap()
}

async fn branch_with_pull(house: &House, branch: &str) -> u64 {
    let github = house.github.as_ref().unwrap();
    let files = vec![("pages/new.md".to_owned(), Some("# New\n".to_owned()))];
    let push = Push { person: "acme".to_owned(), branch: branch.to_owned(), files, message: "Add".to_owned() };
    github.push_as(REPO, push).await.unwrap();
    let pull = NewPull {
        author: "acme".to_owned(),
        title: "Add a page".to_owned(),
        head: branch.to_owned(),
        base: "main".to_owned(),
        ..NewPull::default()
    };
    let number = github.open_pull(REPO, pull).await.unwrap();
    github.quiet().await;
    number
}

fn repo_inbox(house: &House, cause: &str, event: &'static str) -> Vec<(String, String, &'static str)> {
    vec![(cause.to_owned(), format!("backlog/{}", house.repo), event)]
}

#[tokio::test]
async fn an_issue_becomes_a_task_once_however_often_it_is_wished() {
    let house = House::with_github().await;
    let number = issue(&house, "Say hello");
    let wish = json!({"request": "r1", "issue": number});

    let first = house.wish("spawn", wish.clone()).await;
    let again = house.wish("spawn", wish.clone()).await;

    let what = format!("pages-{number} works on issue #{number} as soon as a slot is free");
    assert_eq!(first, (202, json!({"task": format!("pages-{number}"), "what": what})));
    assert_eq!(again, first);
    assert_eq!(house.inbox().await, repo_inbox(&house, "request/r1", "spawn wanted"));

    house.work().await;

    assert_eq!(house.wish("spawn", wish).await, first, "the task now stands in its own way");
    let other = house.wish("spawn", json!({"request": "r2", "issue": number})).await;
    assert_eq!((other.0, &other.1["error"]), (409, &json!(format!("pages-{number} is under way already"))));
    let overview = house.read("/api/v1/overview").await;
    assert_eq!((&overview["tasks"][0]["title"], &overview["slots"]["used"]), (&json!("Say hello"), &json!(1)));
}

#[tokio::test]
async fn two_of_one_wish_at_the_same_time_are_one() {
    let house = House::with_github().await;
    let number = issue(&house, "Say hello");
    let wish = || house.wish("spawn", json!({"request": "r1", "issue": number}));

    let (one, two, three) = tokio::join!(wish(), wish(), wish());

    assert_eq!((one.0, &one, &one), (202, &two, &three));
    assert_eq!(house.inbox().await.len(), 1);
}

#[tokio::test]
async fn a_request_id_is_good_for_one_wish() {
    let house = House::new().await;
    let words = |text: &str| json!({"request": "r1", "text": text});

    assert_eq!(house.wish("spawn", words("Say hello")).await.0, 202);
    let (status, problem) = house.wish("spawn", words("Say goodbye")).await;

    assert_eq!((status, &problem["error"]), (409, &json!("this request id was used for another wish")));
    assert_eq!(house.inbox().await.len(), 1);
}

#[tokio::test]
async fn words_become_a_task_with_a_name_of_their_own() {
    let house = House::new().await;
    let spawn =
        |request: &str| house.wish("spawn", json!({"request": request, "text": "Größe: <b>fix</b> it\nplease"}));

    let (status, first) = spawn("r1").await;
    let (_, second) = spawn("r2").await;

    let name = first["task"].as_str().unwrap();
    assert_eq!(status, 202);
    assert!(name.starts_with("pages-grosse-b-fix-b-it-please-t"), "{name}");
    assert_ne!(first["task"], second["task"]);
    let text = house.journal.text(hash("Größe: <b>fix</b> it\nplease")).await.unwrap();
    assert_eq!(text.as_deref(), Some("Größe: <b>fix</b> it\nplease"));
}

#[tokio::test]
async fn a_wish_that_cannot_be_granted_says_why_and_puts_nothing_into_an_inbox() {
    let house = House::with_github().await;
    let closed = issue(&house, "Closed");
    house.github.as_ref().unwrap().close_issue(REPO, closed, "acme").unwrap();
    let long = "x".repeat(120_000);
    let cases: [(&str, Value, u16, &str); 18] = [
        ("spawn", json!({"request": "", "issue": 1}), 400, "`request` is not an id"),
        ("spawn", json!({"request": "a b", "issue": 1}), 400, "`request` is not an id"),
        ("spawn", json!({"request": "r"}), 422, "either `issue` or `text`"),
        ("spawn", json!({"request": "r", "issue": 1, "text": "x"}), 422, "either `issue` or `text`"),
        ("spawn", json!({"request": "r", "text": " \u{200b}\n"}), 422, "the text is empty"),
        ("spawn", json!({"request": "r", "text": long}), 422, "the text has 120000 bytes"),
        ("spawn", json!({"request": "r", "text": "x", "agent": "nobody"}), 422, "there is no agent named nobody"),
        ("spawn", json!({"request": "r", "text": "x", "repo": "acme/other"}), 404, "acme/other is not in the settings"),
        ("spawn", json!({"request": "r", "issue": 999}), 404, "GitHub does not know issue #999 of acme/pages"),
        ("spawn", json!({"request": "r", "issue": closed}), 409, "is closed"),
        ("spawn", json!({"request": "r", "text": "x", "colour": "red"}), 400, "unknown field `colour`"),
        ("spawn", json!([1, 2]), 400, "Failed to deserialize"),
        ("adopt", json!({"request": "r", "number": 1, "conversation": "--yolo"}), 400, "conversation id"),
        ("adopt", json!({"request": "r", "number": 999}), 404, "GitHub does not know pull request #999"),
        ("send", json!({"request": "r", "session": "nobody", "text": "x"}), 404, "there is no session named nobody"),
        ("retry", json!({"request": "r", "subject": "nobody"}), 404, "there is no task named nobody"),
        ("stop", json!({"request": "r", "subject": "acme/pages#999"}), 404, "nothing is known of acme/pages#999"),
        ("stop", json!({"request": "r", "subject": "../etc"}), 400, "neither a task nor a pull request"),
    ];
    for (name, wish, status, words) in cases {
        let answer = house.wish(name, wish.clone()).await;
        assert_eq!(answer.0, status, "{wish} {}", answer.1);
        assert!(answer.1["error"].as_str().unwrap().contains(words), "{wish} {}", answer.1);
    }
    assert_eq!(house.inbox().await, []);
}

#[tokio::test]
async fn a_github_that_is_away_is_no_missing_issue() {
    let house = House::new().await;

    let (status, problem) = house.wish("spawn", json!({"request": "r", "issue": 1})).await;

    assert_eq!((status, &problem["error"]), (503, &json!("GitHub is not available")));
}

#[tokio::test]
async fn an_open_pull_request_is_adopted_once() {
    let house = House::with_github().await;
    let number = branch_with_pull(&house, "feature").await;
    let wish = json!({"request": "r1", "number": number});

    let first = house.wish("adopt", wish.clone()).await;
    assert_eq!((first.0, &first.1["task"]), (202, &json!(format!("pages-pr-{number}"))));
    assert_eq!(house.inbox().await, repo_inbox(&house, "request/r1", "spawn wanted"));
    house.work().await;

    assert_eq!(house.wish("adopt", wish).await, first);
    assert_eq!(house.wish("adopt", json!({"request": "r2", "number": number})).await.0, 409);
    let task = MachineKey::Task(format!("pages-pr-{number}").parse().unwrap());
    let stored = house.journal.load(task).await.unwrap().unwrap();
    assert!(stored.state.contains(r#""branch":"feature""#), "{}", stored.state);
}

#[tokio::test]
async fn what_is_worked_on_or_over_is_not_adopted() {
    let house = House::with_github().await;
    let number = branch_with_pull(&house, "feature").await;
    let adopt = |request: &str| house.wish("adopt", json!({"request": request, "number": number}));
    let mut known = pull(&house, number, "Add a page", Vec::new()).await;
    known.managed = Some(managed("pages-7"));
    put_pull(&house, known).await;
    assert_eq!(adopt("r1").await.1["error"], format!("pages-7 works on #{number} already"));

    let house = House::with_github().await;
    let number = branch_with_pull(&house, "feature").await;
    house.github.as_ref().unwrap().close(REPO, number, "acme").unwrap();
    let (status, problem) = house.wish("adopt", json!({"request": "r1", "number": number})).await;
    assert_eq!((status, &problem["error"]), (409, &json!(format!("pull request #{number} of acme/pages is closed"))));
}

#[tokio::test]
async fn words_to_an_agent_are_queued_once_per_wish() {
    let house = House::new().await;
    one_task(&house).await;
    let wish = |request: &str| json!({"request": request, "session": "pages-1", "text": "Use the short form"});

    assert_eq!(house.wish("send", wish("r1")).await.0, 202);
    assert_eq!(house.wish("send", wish("r1")).await.0, 202);

    let waiting = house.journal.waiting(10).await.unwrap();
    let [row] = waiting.as_slice() else { panic!("{waiting:?}") };
    let Event::Session(crate::event::Session::PromptWanted { reference }) = &row.event else { panic!("{row:?}") };
    assert_eq!((&row.to, &reference.cause), (&reference.from, &Cause::Person(hash("Use the short form"))));
    assert_eq!(row.to.to_string(), "session/pages-1");
    house.work().await;
    assert_eq!(house.wish("send", wish("r1")).await.0, 202);
    assert_eq!(house.read("/api/v1/overview").await["sessions"][0]["prompts"].as_array().unwrap().len(), 1);
}

#[tokio::test]
async fn nothing_is_said_to_an_agent_that_has_ended() {
    let house = House::new().await;
    put_session(&house, session(&house, "pages-1", Life::Ended)).await;

    let (status, problem) = house.wish("send", json!({"request": "r", "session": "pages-1", "text": "x"})).await;

    assert_eq!((status, &problem["error"]), (409, &json!("pages-1 has ended, or is about to")));
}

#[tokio::test]
async fn retrying_a_task_sets_going_what_stands_still() {
    let exited = |house: &House| Life::Exited { code: Some(1), at: house.now(), why: None };
    let failing = CheckState::Finished(Conclusion::Failure);
    for (phase, ended, with_pull, inbox) in [
        (Phase::Failed, false, false, ("task/pages-1", "retry wanted")),
        (Phase::Working, false, false, ("task/pages-1", "retry wanted")),
        (Phase::Working, true, false, ("session/pages-1", "restart wanted")),
        (Phase::InReview, true, true, ("session/pages-1", "restart wanted")),
        (Phase::InReview, false, true, ("pull/42/5", "retry wanted")),
    ] {
        let house = House::new().await;
        let mut work = task(&house, 1, "Say hello", phase).await;
        work.pull = with_pull.then_some(PrNumber(5));
        put_task(&house, work).await;
        let life = if ended { exited(&house) } else { running(&house, Activity::Idle, 1) };
        put_session(&house, session(&house, "pages-1", life)).await;
        let mut open = pull(&house, 5, "Hello", vec![check("test", failing)]).await;
        open.managed = Some(managed("pages-1"));
        put_pull(&house, open).await;
        let wish = json!({"request": "r1", "subject": "pages-1"});

        let first = house.wish("retry", wish.clone()).await;

        assert_eq!(first.0, 202, "{phase:?} {}", first.1);
        assert_eq!(house.inbox().await, [("request/r1".to_owned(), inbox.0.to_owned(), inbox.1)], "{phase:?}");
        house.work().await;
        assert_eq!(house.wish("retry", wish).await, first, "{phase:?}");
        assert_eq!(house.inbox().await, [], "{phase:?}");
    }
}

#[tokio::test]
async fn retrying_a_pull_request_rearms_what_is_open() {
    let house = House::new().await;
    one_task(&house).await;
    let mut open = pull(&house, 5, "Hello", Vec::new()).await;
    put_pull(&house, open.clone()).await;
    let wish = json!({"request": "r1", "subject": "acme/pages#5"});
    assert_eq!(house.wish("retry", wish.clone()).await.1["error"], "nobody works on #5");

    let house = House::new().await;
    open.managed = Some(managed("pages-1"));
    put_pull(&house, open).await;
    assert_eq!(house.wish("retry", wish).await.1["task"], "pages-1");
    let inbox = [("request/r1".to_owned(), "pull/42/5".to_owned(), "retry wanted")];
    assert_eq!(house.inbox().await, inbox);
}

#[tokio::test]
async fn a_task_is_stopped_once_and_what_is_over_stays_over() {
    let house = House::new().await;
    one_task(&house).await;
    let stop = |request: &str| house.wish("stop", json!({"request": request, "subject": "pages-1"}));

    let first = stop("r1").await;
    assert_eq!(first.0, 202);
    house.work().await;

    assert_eq!(stop("r1").await, first);
    let (status, problem) = stop("r2").await;
    assert_eq!((status, &problem["error"]), (409, &json!("pages-1 is over")));
}

#[tokio::test]
async fn only_the_workspace_of_an_ended_task_is_removed_or_brought_back() {
    let house = House::new().await;
    let wish = |wish: &'static str, id: &str, task: &str| house.wish(wish, json!({"request": id, "subject": task}));
    put_task(&house, task(&house, 1, "Say hello", Phase::Working).await).await;
    put_task(&house, task(&house, 2, "Given up", Phase::Abandoned).await).await;
    let rescue =
        Rescue { task: "pages-3".parse().unwrap(), at: Timestamp::UNIX_EPOCH, commit: "e".repeat(40).parse().unwrap() };
    let gone = task::State { workspace: None, rescue: Some(rescue), ..task(&house, 3, "Gone", Phase::Done).await };
    put_task(&house, gone).await;

    let refused = [
        ("clean", "pages-1", 409, "pages-1 has not ended"),
        ("restore", "pages-1", 409, "pages-1 has not ended"),
        ("restore", "pages-2", 409, "the workspace of pages-2 is there: /state/workspaces/pages-2"),
        ("clean", "pages-3", 409, "pages-3 has no workspace any more"),
        ("prune", "pages-1", 409, "pages-1 has not ended"),
        ("prune", "pages-3", 409, "pages-3 has no workspace any more"),
        ("clean", "pages-9", 404, "there is no task named pages-9"),
        ("clean", "a/b", 400, "that is no task"),
    ];
    for (what, name, status, words) in refused {
        let (answered, problem) = wish(what, "r0", name).await;
        assert_eq!((answered, &problem["error"]), (status, &json!(words)));
    }
    let cleaned = wish("clean", "r1", "pages-2").await;
    assert_eq!((cleaned.0, wish("clean", "r1", "pages-2").await), (202, cleaned));
    assert_eq!(wish("restore", "r2", "pages-3").await.0, 202);
    assert_eq!(wish("prune", "r3", "pages-2").await.0, 202);

    let wanted = |id: &str, to: &str, event| (format!("request/{id}"), format!("task/{to}"), event);
    assert_eq!(
        house.inbox().await,
        [
            wanted("r1", "pages-2", "clean-up wanted"),
            wanted("r2", "pages-3", "restore wanted"),
            wanted("r3", "pages-2", "removal of build output wanted")
        ]
    );
}

#[tokio::test]
async fn a_task_that_waits_for_a_slot_is_given_up() {
    let house = House::new().await;
    let spawn = |request: &str| house.wish("spawn", json!({"request": request, "text": "x"}));
    let mut last = Value::Null;
    for request in ["r1", "r2", "r3", "r4", "r5"] {
        last = spawn(request).await.1["task"].clone();
    }
    house.work().await;
    assert_eq!(house.read("/api/v1/overview").await["slots"], json!({"used": 4, "all": 4, "waiting": 1}));
    let stop = || house.wish("stop", json!({"request": "s1", "subject": last}));

    let first = stop().await;
    assert_eq!(
        first,
        (202, json!({"task": last, "what": format!("{} no longer waits for a slot", last.as_str().unwrap())}))
    );
    house.work().await;

    assert_eq!(stop().await, first);
    let tasks = house.read("/api/v1/overview").await["tasks"].as_array().unwrap().clone();
    assert!(tasks.iter().all(|task| task["task"] != last), "{tasks:?}");
}
