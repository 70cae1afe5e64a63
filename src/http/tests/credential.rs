//! Credentials for git: for the launch that is alive, for its repository, and for nobody else.

use axum::{
    body::Body,
    http::{Request, header},
};
use serde_json::{Value, json};

use super::{
    house::{GITHUB_TOKEN, House},
    samples::{put_session, running, session},
};
use crate::{
    machine::session::{Activity, Life},
    model::{Generation, LaunchToken},
    runtime::Address,
};

const QUESTION: &str = "protocol=https\nhost=github.com\npath=acme/pages.git\n";

async fn ask(house: &House, change: impl FnOnce(&mut Value)) -> (u16, String) {
    let mut body = json!({
        "session": "pages-1",
        "generation": 1,
        "token": LaunchToken::new(super::house::LAUNCH_TOKEN).expose(),
        "request": QUESTION,
    });
    change(&mut body);
    let request = Request::post("/api/v1/credential").header(header::CONTENT_TYPE, "application/json");
    let answer = house.answer(request.body(Body::from(body.to_string())).unwrap()).await;
    (answer.status.as_u16(), answer.text)
}

async fn house(life: impl FnOnce(&House) -> Life) -> House {
    let house = House::new().await;
    let life = life(&house);
    put_session(&house, session(&house, "pages-1", life)).await;
    house.launched(&Address { session: "pages-1".parse().unwrap(), generation: Generation(1) });
    house
}

#[tokio::test]
async fn a_living_launch_gets_the_credential_of_its_repository() {
    let house = house(|house| running(house, Activity::Working, 1)).await;

    let answer = ask(&house, |_| {}).await;

    assert_eq!(answer, (200, format!("username=x-access-token\npassword={GITHUB_TOKEN}\n")));
}

#[tokio::test]
async fn every_refusal_looks_the_same() {
    let house = house(|house| running(house, Activity::Working, 1)).await;
    let other = LaunchToken::new([8; 16]);
    let question = |place: &str| format!("protocol=https\nhost=github.com\n{place}");
    type Change = Box<dyn FnOnce(&mut Value)>;
    let changes: [Change; 8] = [
        Box::new(move |ask| ask["token"] = json!(other.expose())),
        Box::new(|ask| ask["token"] = json!("")),
        Box::new(|ask| ask["generation"] = json!(2)),
        Box::new(|ask| ask["session"] = json!("pages-10")),
        Box::new(move |ask| ask["request"] = json!(question("path=acme/secrets.git\n"))),
        Box::new(move |ask| ask["request"] = json!(question(""))),
        Box::new(|ask| ask["request"] = json!(QUESTION.replace("github.com", "evil.example"))),
        Box::new(|ask| ask["request"] = json!("nonsense")),
    ];
    for (index, change) in changes.into_iter().enumerate() {
        assert_eq!(ask(&house, change).await, (403, String::new()), "{index}");
    }
}

#[tokio::test]
async fn a_session_that_has_ended_gets_nothing() {
    let house = house(|_| Life::Ended).await;

    assert_eq!(ask(&house, |_| {}).await, (403, String::new()));
}

#[tokio::test]
async fn an_older_launch_gets_nothing() {
    let house = House::new().await;
    let mut newer = session(&house, "pages-1", running(&house, Activity::Working, 1));
    newer.generation = Generation(2);
    put_session(&house, newer).await;
    house.launched(&Address { session: "pages-1".parse().unwrap(), generation: Generation(1) });

    assert_eq!(ask(&house, |_| {}).await, (403, String::new()));
}
