//! Many prompts to one real agent against a scripted model: run by `scripts/e2e-agents`.
//!
//! Sizes from a byte to 100 KB, many lines, signs that agents obey, orders to the terminal, while the agent works, while a
//! dialog is open, and while a person is typing. What the agent took is read in its own records.

use antiphon::{
    client::Client,
    model::{Channel, Receipt},
    view::{Send, SessionPhase, SessionView},
};

use crate::{
    e2e_agents::{Agent, assert_all_arrived, open_issue, taken, with_channels},
    tmux::tmux,
    world::{World, eventually},
};

/// How many prompts of every kind are typed, and how many take the best way that the agent has: it may look for them every
/// ten seconds only.
const TYPED: usize = 200;
const BEST: usize = 60;
/// No wait for an agent may take longer; some are slow with 100 KB.
const HANGS: std::time::Duration = std::time::Duration::from_secs(120);
/// The agent's session: the task of the first issue.
const SESSION: &str = "pages-1";

/// What is sent, with a number in it. All of them shall be words and nothing else.
fn words(n: usize) -> String {
    let canary = format!("touch canary-{n}");
    match n % 20 {
        0 => "a".to_owned(),
        1 => format!("! {canary}"),
        2 => format!("!{canary}"),
        3 => format!("/quit {n}"),
        4 => format!("# remember {n}"),
        5 => format!("@README.md {n} @"),
        6 => format!("& {canary}"),
        7 => format!("$({canary}) `{canary}` ; {canary}"),
        8 => format!("paste\u{1b}[201~\r!{canary}\r{n}"),
        9 => format!("\u{1b}]52;c;AAAA\u{7}\u{9b}31m{n}\u{8}\u{8}\u{3}\u{4}\u{1a}"),
        10 => format!("{n} 👩‍👩‍👧‍👦 🏳️‍🌈 e\u{301}\u{323} 漢字 \u{202e}abc\u{202c} עברית"),
        11 => (0..60).map(|line| format!("{n}.{line}\tline\n\n")).collect(),
        12 => format!("{n} ends with a slash /"),
        13 => "x".repeat(4096),
        14 => format!("{n} {}", "many words ".repeat(900)),
        15 => (0..1500).map(|line| format!("{n} line {line}\n")).collect(),
        16 => format!("{n} {}", "ß".repeat(25_000)),
        17 => format!("{n} {}", "long ".repeat(20_000)),
        18 => format!("{n} \n\n\n \t \n end"),
        _ => format!("[[sleep 1]] {n}"),
    }
}

async fn session(world: &World) -> Option<SessionView> {
    let overview = Client::connect(&world.state_dir()).ok()?.overview().await.ok()?;
    overview.sessions.into_iter().find(|session| session.session == SESSION)
}

async fn send(world: &World, n: usize, text: String) {
    let client = Client::connect(&world.state_dir()).unwrap();
    let wish = Send { request: format!("request-{n}"), session: SESSION.parse().unwrap(), text };
    client.send(&wish).await.unwrap();
}

/// The newest prompt, once it is acknowledged and another one than `last`.
async fn acknowledged(world: &World, last: &str) -> String {
    let mut seen = None;
    let looking = async {
        let mut ticks = tokio::time::interval(std::time::Duration::from_millis(50));
        loop {
            ticks.tick().await;
            seen = session(world).await;
            let newest = seen.as_ref().and_then(|session| session.prompts.first());
            if let Some(newest) = newest.filter(|it| it.state == "acknowledged" && it.prompt != last) {
                return newest.prompt.clone();
            }
        }
    };
    match tokio::time::timeout(HANGS, looking).await {
        Ok(prompt) => prompt,
        Err(_) => panic!("not acknowledged: {seen:#?}\n{}", screen(world).await),
    }
}

async fn is(world: &World, phase: SessionPhase) {
    eventually("the agent's phase", async || (session(world).await?.phase == phase).then_some(())).await;
}

/// A person at the keyboard.
async fn keys(world: &World, keys: &[&str]) {
    let pane = format!("={SESSION}-1:");
    let typed = tmux(world, &[&["send-keys", "-t", &pane], keys].concat()).await;
    typed.expect("the agent's pane is there");
}

async fn screen(world: &World) -> String {
    tmux(world, &["capture-pane", "-p", "-t", &format!("={SESSION}-1:")]).await.expect("the agent's pane is there")
}

async fn shows(world: &World, what: &str) {
    eventually(what, async || screen(world).await.contains(what).then_some(())).await;
}

/// A prompt is not typed as long as `why` holds; one that needs no key is taken all the same.
async fn waits_or_arrives(world: &World, why: &str, last: &str) {
    let settled = async || {
        let session = session(world).await?;
        let arrived = session.prompts.first().is_some_and(|it| it.state == "acknowledged" && it.prompt != last);
        // A list that was seen before the prompt was wanted is a question to a person.
        let asks = why == "dialog" && session.phase == SessionPhase::NeedsInput;
        (arrived || asks || session.trouble.is_some_and(|trouble| trouble.contains(why))).then_some(())
    };
    eventually(why, settled).await;
}

/// A prompt while a person has typed something and not sent it.
async fn over_a_draft(world: &World, n: usize, last: &str) -> String {
    is(world, SessionPhase::Idle).await;
    keys(world, &["-l", "half a draft"]).await;
    shows(world, "half a draft").await;
    send(world, n, format!("over a draft {n}")).await;
    waits_or_arrives(world, "a person's text", last).await;
    assert!(screen(world).await.contains("half a draft"), "the draft is gone");
    keys(world, &["-N", "12", "BSpace"]).await;
    acknowledged(world, last).await
}

/// A prompt while a list is open in which Enter would choose something.
async fn over_a_dialog(world: &World, agent: Agent, n: usize, last: &str) -> String {
    is(world, SessionPhase::Idle).await;
    let (command, title) = match agent {
        Agent::Claude => ("/model", "Esc to cancel"),
        Agent::ClaudeStream => panic!("it has no dialogs"),
        Agent::Codex => ("/model", "esc back"),
        Agent::OpenCode => ("/models", "Select model"),
    };
    keys(world, &["-l", command]).await;
    shows(world, command).await;
    // A menu of commands may take the first Enter for itself.
    let mut shown = screen(world).await;
    while !shown.contains(title) {
        keys(world, &["-H", "0d"]).await;
        let before = std::mem::take(&mut shown);
        let changed = async || Some(screen(world).await).filter(|now| *now != before);
        shown = eventually("what Enter does", changed).await;
    }
    send(world, n, format!("over a dialog {n}")).await;
    waits_or_arrives(world, "dialog", last).await;
    keys(world, &["Escape"]).await;
    acknowledged(world, last).await
}

/// Show 2.
async fn many_prompts_arrive_once_each(agent: Agent, prompts: usize, channels: &[Channel], used: &[Channel]) {
    let world = with_channels(agent, "tmux", channels).await;
    // It pushes nothing, and nobody asks about that.
    world.add_rule("no-change", "name: no-change\nsettle: 10h\n");
    open_issue(&world, "Much to say", "Wait for more.".to_owned());
    let daemon = world.start_daemon();
    let mut last = acknowledged(&world, "").await;
    for n in 1..prompts {
        println!("{agent:?}: prompt {n} of {prompts}");
        last = match n % 25 {
            8 => over_a_draft(&world, n, &last).await,
            16 if agent != Agent::ClaudeStream => over_a_dialog(&world, agent, n, &last).await,
            _ => {
                // Nobody waits for the end of a turn: many of these come while the agent works.
                send(&world, n, words(n)).await;
                acknowledged(&world, &last).await
            }
        };
    }
    is(&world, SessionPhase::Idle).await;

    daemon.stop().await;
    let told = assert_all_arrived(&world, agent, prompts, &[Receipt::Hook, Receipt::Transcript]).await;
    let sizes: Vec<usize> = told.composed.values().map(String::len).collect();
    assert!(sizes.iter().max() > Some(&100_000), "{sizes:?}");
    let workspace = world.state_dir().join("workspaces").join(SESSION);
    let made: Vec<_> = std::fs::read_dir(&workspace).unwrap().map(|entry| entry.unwrap().file_name()).collect();
    assert!(!made.iter().any(|name| name.to_string_lossy().contains("canary")), "something was executed: {made:?}");
    let drafts = taken(&world, agent).into_iter().filter(|message| message.contains("half a draft")).count();
    assert_eq!(drafts, 0, "a draft was sent");
    assert_eq!(told.channels, used.iter().copied().collect());
    println!("{agent:?}: {} prompts of {:?} to {:?} bytes", sizes.len(), sizes.iter().min(), sizes.iter().max());
    world.end().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "needs real agents: scripts/e2e-agents"]
async fn claude_takes_two_hundred_typed_prompts_once_each() {
    many_prompts_arrive_once_each(Agent::Claude, TYPED, &[Channel::Terminal], &[Channel::Terminal]).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "needs real agents: scripts/e2e-agents"]
async fn codex_takes_two_hundred_typed_prompts_once_each() {
    many_prompts_arrive_once_each(Agent::Codex, TYPED, &[Channel::Terminal], &[Channel::Terminal]).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "needs real agents: scripts/e2e-agents"]
async fn opencode_takes_two_hundred_typed_prompts_once_each() {
    many_prompts_arrive_once_each(Agent::OpenCode, TYPED, &[Channel::Terminal], &[Channel::Terminal]).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "needs real agents: scripts/e2e-agents"]
async fn claude_takes_prompts_at_the_end_of_its_turns_once_each() {
    many_prompts_arrive_once_each(Agent::Claude, BEST, &Channel::ALL, &[Channel::Inbox, Channel::Terminal]).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "needs real agents: scripts/e2e-agents"]
async fn codex_takes_prompts_from_its_queue_once_each() {
    many_prompts_arrive_once_each(Agent::Codex, BEST, &Channel::ALL, &[Channel::Queue, Channel::Terminal]).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "needs real agents: scripts/e2e-agents"]
async fn opencode_takes_prompts_from_its_inbox_once_each() {
    many_prompts_arrive_once_each(Agent::OpenCode, BEST, &Channel::ALL, &[Channel::Inbox, Channel::Terminal]).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "needs real agents: scripts/e2e-agents"]
async fn claude_without_its_terminal_takes_two_hundred_prompts_once_each() {
    many_prompts_arrive_once_each(Agent::ClaudeStream, TYPED, &[Channel::Inbox], &[Channel::Inbox]).await;
}
