//! An agent that speaks the Agent Client Protocol, with the real daemon: nothing is typed, and the story is the same.

use std::collections::BTreeMap;

use antiphon::{
    client::Client,
    event::{self, Event, Hook},
    journal::Journal as _,
    model::{Channel, Receipt, Seq, Submission},
    simulator::Happened,
    view::SessionPhase,
};

use crate::{
    story, tmux,
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

async fn world(permissions: &str, runtime: &str) -> World {
    let dir = tempfile::tempdir().unwrap();
    std::fs::create_dir(dir.path().join("agents")).unwrap();
    std::fs::write(dir.path().join("agents/by-protocol.yaml"), ADAPTER).unwrap();
    let heard = dir.path().join("heard");
    let agent = format!(
        "  by-protocol: {{ command: [{BINARY:?}, scripted-agent, --acp, --record, {heard:?}], permissions: {permissions} }}"
    );
    let settings =
        BTreeMap::from([("agent", "by-protocol".to_owned()), ("agents", agent), ("runtime", runtime.to_owned())]);
    World::within(dir, &settings).await
}

/// What the agent was told, by the agent.
fn heard(world: &World) -> String {
    std::fs::read_to_string(world.dir.path().join("heard")).unwrap_or_default()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_agent_without_a_terminal_plays_the_story_by_protocol() {
    let mut world = world("all", "pty").await;
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
    let heard = heard(&world);
    assert_eq!(heard.matches("\"session/prompt\"").count(), 2, "{heard}");
    world.end().await;
}

// Between placing a prompt and writing down that it was taken.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_daemon_that_dies_over_an_inbox_hands_nothing_over_twice() {
    let mut world = world("all", "pty").await;
    world.open_issue(0);
    let boundary = "executor: placed in the inbox, not recorded";
    let mut dies = world.start_daemon_with(&["--die-at-boundary-named", boundary]);
    dies.wait().await;
    let daemon = world.start_daemon();

    story::until_green(&mut world).await;

    daemon.stop().await;
    let heard = heard(&world);
    assert_eq!(heard.matches("\"session/prompt\"").count(), 2, "{heard}");
    world.end().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_an_agent_may_not_do_by_itself_is_answered_by_a_person() {
    if !tmux::is_there() {
        return;
    }
    let mut world = world("edits", "tmux").await;
    world.open_issue(0);
    let daemon = world.start_daemon();
    let waits = async || {
        let overview = Client::connect(&world.state_dir()).ok()?.overview().await.ok()?;
        overview.sessions.iter().any(|session| session.phase == SessionPhase::NeedsInput).then_some(())
    };
    eventually("a question to a person", waits).await;
    assert!(!heard(&world).contains("outcome"), "somebody has answered: {}", heard(&world));

    // It asks for two things at once; 3 is no answer.
    for (keys, allowed) in [("3", 0), ("2", 1), ("2", 2)] {
        tmux::tmux(&world, &["send-keys", "-t", "=pages-1-1:", keys, "Enter"]).await.unwrap();
        let told = async || (heard(&world).matches("\"optionId\":\"yes\"").count() == allowed).then_some(());
        eventually("the answers so far", told).await;
    }

    let opened = |it: &Happened| matches!(it, Happened::PullOpened { .. }).then_some(());
    world.until("a pull request", opened).await;
    assert!(!heard(&world).contains("cancelled"), "{}", heard(&world));
    daemon.stop().await;
    world.end().await;
}
