//! An agent without a terminal of its own, with the real daemon: nothing is typed, and the story is the same.

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

/// What an agent speaks, and how its words are told apart.
struct Tongue {
    name: &'static str,
    /// What a prompt is sent as.
    prompt: &'static str,
    /// What an answer to a question holds, the allowing one, and the keys of a person who gives it.
    answers: (&'static str, &'static str, &'static str),
}

const ACP: Tongue = Tongue {
    name: "acp",
    prompt: "\"session/prompt\"",
    answers: ("\"outcome\":\"selected\"", "\"optionId\":\"yes\"", "2"),
};
const STREAM_JSON: Tongue = Tongue {
    name: "stream-json",
    prompt: "\"type\":\"user\"",
    answers: ("\"behavior\"", "\"behavior\":\"allow\"", "1"),
};

/// An agent of the operator's own; what it speaks is said in a file beside the settings.
const ADAPTER: &str = "programs: [antiphon]
receipt: hook
launch: { protocol: TONGUE, args: [--protocol, TONGUE], permissions: { all: ALL } }
transcript:
  path: '{{file \"headless.jsonl\"}}'
  prompts: [{ when: { /type: prompt }, text: /prompt }]
  usage: [{ when: { /type: usage }, total: true, cost: /cost, input: /input, output: /output, model: /model }]
";

async fn world(tongue: &Tongue, permissions: &str, runtime: &str) -> World {
    let dir = tempfile::tempdir().unwrap();
    std::fs::create_dir(dir.path().join("agents")).unwrap();
    // By the Agent Client Protocol the client allows things; Claude Code is told at its start.
    let all = if tongue.name == "stream-json" { "[--permitted]" } else { "[]" };
    let adapter = ADAPTER.replace("TONGUE", tongue.name).replace("ALL", all);
    std::fs::write(dir.path().join("agents/headless.yaml"), adapter).unwrap();
    let heard = dir.path().join("heard");
    let agent = format!(
        "  headless: {{ command: [{BINARY:?}, scripted-agent, --record, {heard:?}], permissions: {permissions} }}"
    );
    let settings =
        BTreeMap::from([("agent", "headless".to_owned()), ("agents", agent), ("runtime", runtime.to_owned())]);
    World::within(dir, &settings).await
}

/// What the agent was told, by the agent.
fn heard(world: &World) -> String {
    std::fs::read_to_string(world.dir.path().join("heard")).unwrap_or_default()
}

async fn plays_the_story(tongue: &Tongue) {
    let mut world = world(tongue, "all", "pty").await;
    world.open_issue(0);
    let daemon = world.start_daemon();

    story::until_green(&mut world).await;

    daemon.stop().await;
    let (mut handed, mut receipts, mut turns) = (Vec::new(), Vec::new(), 0);
    for entry in world.journal().tail(Seq(0), usize::MAX >> 1).await.unwrap() {
        match entry.event {
            Event::Session(event::Session::Delivered { submission, channel, .. }) => handed.push((submission, channel)),
            Event::Session(event::Session::Hooked { hook: Hook::PromptTaken { evidence: Some(evidence) }, .. }) => {
                receipts.push(evidence.receipt);
            }
            Event::Session(event::Session::Hooked { hook: Hook::TurnEnded, .. }) => turns += 1,
            Event::Pull(_) | Event::Task(_) | Event::Session(_) | Event::Backlog(_) | Event::Fleet(_) => {}
        }
    }
    assert_eq!(handed, [(Submission::Submitted, Channel::Inbox); 2]);
    assert_eq!((receipts, turns), (vec![Receipt::Hook; 2], 2));
    let heard = heard(&world);
    assert_eq!(heard.matches(tongue.prompt).count(), 2, "{heard}");
    world.end().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_agent_without_a_terminal_plays_the_story_by_the_agent_client_protocol() {
    plays_the_story(&ACP).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_agent_without_a_terminal_plays_the_story_by_json_lines() {
    plays_the_story(&STREAM_JSON).await;
}

// Between placing a prompt and writing down that it was taken.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_daemon_that_dies_over_an_inbox_hands_nothing_over_twice() {
    let mut world = world(&ACP, "all", "pty").await;
    world.open_issue(0);
    let boundary = "executor: placed in the inbox, not recorded";
    let mut dies = world.start_daemon_with(&["--die-at-boundary-named", boundary]);
    dies.wait().await;
    let daemon = world.start_daemon();

    story::until_green(&mut world).await;

    daemon.stop().await;
    let heard = heard(&world);
    assert_eq!(heard.matches(ACP.prompt).count(), 2, "{heard}");
    world.end().await;
}

async fn a_person_answers(tongue: &Tongue) {
    if !tmux::is_there() {
        return;
    }
    let mut world = world(tongue, "edits", "tmux").await;
    world.open_issue(0);
    let daemon = world.start_daemon();
    let waits = async || {
        let overview = Client::connect(&world.state_dir()).ok()?.overview().await.ok()?;
        overview.sessions.iter().any(|session| session.phase == SessionPhase::NeedsInput).then_some(())
    };
    eventually("a question to a person", waits).await;
    let (answer, allowing, yes) = tongue.answers;
    assert!(!heard(&world).contains(answer), "somebody has answered: {}", heard(&world));

    // Where the machine is busy, a launch may have come to nothing before.
    let sessions = tmux::tmux(&world, &["list-sessions", "-F", "=#{session_name}:"]).await.unwrap();
    let asking = sessions.lines().find(|name| name.starts_with("=pages-1-")).unwrap();

    // It asks for two things at once; 3 is no answer.
    for (keys, allowed) in [("3", 0), (yes, 1), (yes, 2)] {
        tmux::tmux(&world, &["send-keys", "-t", asking, keys, "Enter"]).await.unwrap();
        let told = async || (heard(&world).matches(allowing).count() == allowed).then_some(());
        eventually("the answers so far", told).await;
    }

    let opened = |it: &Happened| matches!(it, Happened::PullOpened { .. }).then_some(());
    world.until("a pull request", opened).await;
    assert_eq!(heard(&world).matches(answer).count(), 2, "{}", heard(&world));
    daemon.stop().await;
    let said = world.journal().tail(Seq(0), usize::MAX >> 1).await.unwrap();
    let answered = |event: &Event| matches!(event, Event::Session(event::Session::Hooked { hook: Hook::Answered, .. }));
    assert_eq!(said.iter().filter(|entry| answered(&entry.event)).count(), 1, "once, when nothing is asked any more");
    world.end().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_an_agent_may_not_do_by_itself_is_answered_by_a_person() {
    a_person_answers(&ACP).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_claude_may_not_do_by_itself_is_answered_by_a_person() {
    a_person_answers(&STREAM_JSON).await;
}
