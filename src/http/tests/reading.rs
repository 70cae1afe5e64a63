//! What the API says of how things are, and that the client understands it.

use serde_json::json;

use super::{
    house::{House, REPO},
    samples::{full_swing, one_task, pull, put_pull, put_session, running, session},
};
use crate::{
    client::{self, Client, Event},
    event,
    journal::{Journal as _, Post},
    machine::session::{Activity, Life},
    model::{MachineKey, RepoId},
    view::{Severity, Subject, Terminal},
};

#[tokio::test]
async fn the_overview_holds_everything() {
    let house = House::new().await;
    full_swing(&house).await;

    let view = house.read("/api/v1/overview").await;

    let count = |name: &str| view[name].as_array().unwrap().len();
    assert_eq!(view["schema"], 1);
    assert_eq!((count("tasks"), count("pulls"), count("sessions"), count("repositories")), (7, 4, 5, 1));
    assert_eq!(view["slots"], json!({"used": 4, "all": 4, "waiting": 1}));
    assert_eq!(view["needs"][0]["severity"], "urgent");
}

#[tokio::test]
async fn history_is_in_words_and_bounded() {
    let house = House::new().await;
    one_task(&house).await;

    let entries = house.read("/api/v1/history?machine=task/pages-1&max=5").await;
    assert_eq!(entries[0]["event"], "workspace prepared");
    assert_eq!(entries[0]["machine"], "task/pages-1");
    assert_eq!(house.read("/api/v1/history?machine=task/nobody").await, json!([]));
    assert_eq!(house.get("/api/v1/history?machine=nonsense").await.status, 400);
    assert_eq!(house.get("/api/v1/history").await.status, 400);
}

#[tokio::test]
async fn a_screen_keeps_its_looks_and_loses_what_hides() {
    let house = House::new().await;
    one_task(&house).await;

    let answer = house.get("/api/v1/sessions/pages-1/screen").await;

    let screen: crate::runtime::Screen = serde_json::from_str(&answer.text).unwrap();
    assert!(screen.text().contains("Welcome to the agent"));
    assert!(!answer.text.contains('\u{202e}'));
    assert_eq!(house.get("/api/v1/sessions/nobody/screen").await.status, 404);
    assert_eq!(house.get("/api/v1/sessions/..%2f/screen").await.status, 404);
}

#[tokio::test]
async fn a_terminal_that_is_gone_is_said_to_be() {
    let house = House::new().await;
    put_session(&house, session(&house, "gone", Life::Ended)).await;

    let answer = house.get("/api/v1/sessions/gone/screen").await;

    assert_eq!((answer.status.as_u16(), &answer.json()["error"]), (404, &json!("nothing is left of its terminal")));
}

#[tokio::test]
async fn a_tasks_log_tells_of_its_setup_its_agent_and_its_pull_request() {
    let house = House::new().await;
    one_task(&house).await;
    let log = house.surroundings.places.setup_log(&"pages-1".parse().unwrap());
    std::fs::create_dir_all(log.parent().unwrap()).unwrap();
    std::fs::write(log, "$ npm ci\n\x1b[32mdone\x1b[m\n").unwrap();

    let log = house.read("/api/v1/tasks/pages-1/log").await;

    assert_eq!(log["setup"], "$ npm ci\ndone\n");
    let machines: Vec<_> = log["entries"].as_array().unwrap().iter().map(|entry| entry["machine"].clone()).collect();
    assert_eq!(machines, ["task/pages-1", "session/pages-1"]);
    assert_eq!(house.get("/api/v1/tasks/nobody/log").await.status, 404);
}

#[tokio::test]
async fn the_doctor_names_what_is_wrong_and_what_helps() {
    let house = House::new().await;
    house.changing.refused.send_replace(Some("antiphon.yaml:3: unknown key".to_owned()));
    house.changing.verifier.send_replace(None);
    house.changing.repositories.send_replace(std::sync::Arc::default());
    let mut dark = pull(&house, 5, "Hello", Vec::new()).await;
    dark.look_failure = Some(event::LookFailure::Unavailable("no route to host".to_owned()));
    put_pull(&house, dark).await;
    let stray = RepoId(999);
    let event = event::Backlog::Hinted { repo: stray }.into();
    house.journal.post(vec![Post { cause: "x".to_owned(), to: MachineKey::Backlog(stray), event }]).await.unwrap();

    let findings = house.read("/api/v1/doctor").await;

    let said: Vec<_> = findings
        .as_array()
        .unwrap()
        .iter()
        .map(|finding| format!("{} {}", finding["severity"].as_str().unwrap(), finding["what"].as_str().unwrap()))
        .collect();
    assert_eq!(
        said,
        [
            "urgent GitHub has not said anything about acme/pages",
            "urgent the newest settings or rules are refused; the last good ones are in force\nantiphon.yaml:3: unknown key",
            "warning GitHub cannot be asked about acme/pages#5: no route to host",
            "warning an event of backlog/999 waits: its repository is not in the settings",
            "note webhooks are switched off: GitHub is asked now and then",
        ]
    );
}

#[tokio::test]
async fn the_doctor_tells_how_old_the_newest_delivery_is() {
    let house = House::new().await;
    let newest = async |house: &House| house.read("/api/v1/doctor").await[0]["what"].as_str().unwrap().to_owned();
    assert!(newest(&house).await.starts_with("no webhook was delivered yet"));
    let delivery = crate::journal::Delivery {
        id: "d1".parse().unwrap(),
        event: "push".to_owned(),
        repo: None,
        received_at: house.now(),
        body: b"{}".to_vec(),
    };
    house.journal.ingest(delivery).await.unwrap();
    house.pass(125);

    assert_eq!(newest(&house).await, "the newest delivery came 2 minutes ago");
}

#[tokio::test]
async fn metrics_count_what_waits() {
    let house = House::new().await;

    assert_eq!(house.get("/metrics").await.status, 200);
}

#[tokio::test]
async fn the_client_asks_and_wishes_everything() {
    let house = House::new().await;
    one_task(&house).await;
    let address = house.listen().await;
    let client = Client::connect(&house.state_dir()).unwrap();
    let (session, task) = ("pages-1".parse().unwrap(), "pages-1".parse().unwrap());

    assert_eq!(client.address(), address);
    let overview = client.overview().await.unwrap();
    assert_eq!((overview.tasks.len(), overview.sessions.len()), (1, 1));
    assert_eq!(client.history(&MachineKey::Task("pages-1".parse().unwrap()), 10).await.unwrap().len(), 1);
    assert!(client.screen(&session, 0).await.unwrap().text().contains("Welcome"));
    let terminal = Terminal { runtime: "pty".to_owned(), generation: 1 };
    assert_eq!(client.terminal(&session).await.unwrap(), terminal);
    assert_eq!(client.task_log(&task).await.unwrap().entries.len(), 2);
    assert_eq!(client.doctor().await.unwrap()[0].severity, Severity::Warning);
    let mut events = client.events().await.unwrap();
    let Some(Event::Overview(first)) = events.next().await.unwrap() else { panic!("no overview") };
    assert_eq!(*first, overview);

    let wish = Subject { request: "r1".to_owned(), subject: "pages-1".to_owned() };
    assert_eq!(client.stop(&wish).await.unwrap().task, Some(task));
    house.work().await;

    let Some(Event::Entry(entry)) = events.next().await.unwrap() else { panic!("no entry") };
    assert_eq!((entry.event.as_str(), entry.cause.as_str()), ("stop wanted", "request/r1"));
    let link = client.link().await.unwrap();
    assert!(link.starts_with(&format!("http://{address}/login?code=")), "{link}");
    let nobody = Subject { request: "r2".to_owned(), subject: "nobody".to_owned() };
    let client::Error::Refused(problem) = client.retry(&nobody).await.unwrap_err() else { panic!("not refused") };
    assert_eq!(problem.error, "there is no task named nobody");
    house.tasks.shut_down(std::time::Duration::from_secs(5)).await;
}

#[tokio::test]
async fn a_session_is_found_whatever_it_does() {
    let house = House::new().await;
    put_session(&house, session(&house, "pages-1", running(&house, Activity::NeedsInput, 1))).await;

    let terminal = house.read("/api/v1/sessions/pages-1/terminal").await;

    assert_eq!(terminal, json!({"runtime": "pty", "generation": 1}));
}

// G121
#[tokio::test]
async fn a_limit_of_github_is_said_wherever_people_look() {
    let house = House::with_github().await;
    house.github.as_ref().unwrap().fail_next("GET", "/repos", 403, 1);
    let refused = house.surroundings.github.repository(&REPO.parse().unwrap()).await;
    assert!(refused.is_err());

    let limits = house.read("/api/v1/overview").await["limits"].clone();
    let page = house.get("/").await.text;
    let findings = house.read("/api/v1/doctor").await.to_string();

    let expected = json!([{"account": null, "until": "2026-01-01T12:01:00Z", "why": "it asked for a pause"}]);
    assert_eq!(limits, expected);
    let words = "GitHub: limited until 12:01:00 UTC: it asked for a pause";
    assert!(page.contains(words), "{page}");
    assert!(findings.contains(words), "{findings}");
}
