//! An agent that speaks the Agent Client Protocol, with the real daemon: nothing is typed, and the story is the same.

use std::collections::BTreeMap;

use antiphon::{
    client::Client,
    event::{self, Event, Hook},
    journal::Journal as _,
    model::{Channel, Receipt, Seq, Submission},
    view::SessionPhase,
};

use crate::{
    story,
    world::{BINARY, World, eventually},
};

/// An agent of the operator's own; what it speaks is said in a file beside the settings.
const ADAPTER: &str = "programs: [antiphon]
receipt: hook
launch: { protocol: acp }
transcript:
  path: '{{file \"acp.jsonl\"}}'
  prompts: [{ when: { /type: prompt }, text: /prompt }]
";

async fn world(permissions: &str) -> World {
    let dir = tempfile::tempdir().unwrap();
    std::fs::create_dir(dir.path().join("agents")).unwrap();
    std::fs::write(dir.path().join("agents/by-protocol.yaml"), ADAPTER).unwrap();
    let heard = dir.path().join("heard");
    let agent = format!(
        "  by-protocol: {{ command: [{BINARY:?}, scripted-agent, --acp, --record, {heard:?}], permissions: {permissions} }}"
    );
    let settings = BTreeMap::from([("agent", "by-protocol".to_owned()), ("agents", agent)]);
    World::within(dir, &settings).await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_agent_without_a_terminal_plays_the_story_by_protocol() {
    let mut world = world("all").await;
    world.open_issue(0);
    let daemon = world.start_daemon();

    story::until_green(&mut world).await;

    daemon.stop().await;
    let (mut handed, mut receipts) = (Vec::new(), Vec::new());
    for entry in world.journal().tail(Seq(0), usize::MAX >> 1).await.unwrap() {
        match entry.event {
            Event::Session(event::Session::Delivered { submission, channel, .. }) => handed.push((submission, channel)),
            Event::Session(event::Session::Hooked { hook: Hook::PromptTaken { evidence: Some(evidence) }, .. }) => {
                receipts.push(evidence.receipt);
            }
            Event::Pull(_) | Event::Task(_) | Event::Session(_) | Event::Backlog(_) | Event::Fleet(_) => {}
        }
    }
    assert_eq!(handed, [(Submission::Submitted, Channel::Inbox); 2]);
    assert_eq!(receipts, [Receipt::Hook; 2]);
    let heard = std::fs::read_to_string(world.dir.path().join("heard")).unwrap();
    assert_eq!(heard.matches("\"session/prompt\"").count(), 2, "{heard}");
    world.end().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_an_agent_may_not_do_by_itself_waits_for_a_person() {
    let world = world("edits").await;
    world.open_issue(0);
    let daemon = world.start_daemon();

    let waits = async || {
        let overview = Client::connect(&world.state_dir()).ok()?.overview().await.ok()?;
        overview.sessions.iter().any(|session| session.phase == SessionPhase::NeedsInput).then_some(())
    };
    eventually("a question to a person", waits).await;

    let heard = std::fs::read_to_string(world.dir.path().join("heard")).unwrap();
    assert!(!heard.contains("optionId"), "nobody has answered: {heard}");
    daemon.stop().await;
    world.end().await;
}
