//! Real agents against a scripted model: run by `scripts/e2e-agents`, which installs them and says what they need.
//!
//! What the agent took is read in the agent's own transcript, never on its screen.

use std::{
    collections::{BTreeMap, BTreeSet},
    path::{Path, PathBuf},
};

use antiphon::{
    event::{self, Event, Hook},
    journal::Journal as _,
    model::{Channel, Evidence, PromptId, Receipt, Seq, Submission},
    simulator::{NewIssue, Push},
};
use serde_json::{Value, json};
use unicode_normalization::UnicodeNormalization as _;

use crate::{
    story,
    world::{REPO, World, eventually},
};

/// What the script says.
pub(crate) struct Stage {
    model: String,
    pub(crate) bin: PathBuf,
    path: String,
}

#[expect(clippy::disallowed_methods, reason = "the script speaks through the environment")]
pub(crate) fn stage() -> Stage {
    let said = |name: &str| std::env::var(name).unwrap_or_else(|_| panic!("{name} is not set: use scripts/e2e-agents"));
    Stage { model: said("ANTIPHON_E2E_MODEL"), bin: said("ANTIPHON_E2E_BIN").into(), path: said("PATH") }
}

/// An agent that is really installed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Agent {
    Claude,
    /// Without its terminal.
    ClaudeStream,
    Codex,
    OpenCode,
}

impl Agent {
    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::Claude => "claude",
            Self::ClaudeStream => "claude-stream",
            Self::Codex => "codex",
            Self::OpenCode => "opencode",
        }
    }

    pub(crate) const fn program(self) -> &'static str {
        match self {
            Self::Claude | Self::ClaudeStream => "claude",
            Self::Codex => "codex",
            Self::OpenCode => "opencode",
        }
    }

    /// Settings of the user's own by which it speaks to the model and trusts the repository, and with it its worktrees.
    fn prepare(self, home: &Path, clone: &str, model: &str) {
        match self {
            Self::Claude | Self::ClaudeStream => {
                let trusted = json!({ clone: { "hasTrustDialogAccepted": true } });
                let known = json!({ "hasCompletedOnboarding": true, "projects": trusted });
                std::fs::write(home.join(".claude.json"), known.to_string()).unwrap();
            }
            Self::Codex => {
                let known = format!(
                    "model = 'scripted'\nmodel_provider = 'scripted'\n[model_providers.scripted]\nname = 'scripted'\n\
                     base_url = '{model}/v1'\nwire_api = 'responses'\n[projects.'{clone}']\ntrust_level = 'trusted'\n"
                );
                std::fs::create_dir(home.join(".codex")).unwrap();
                std::fs::write(home.join(".codex/config.toml"), known).unwrap();
            }
            Self::OpenCode => {
                let scripted = json!({
                    "npm": "@ai-sdk/openai-compatible",
                    "options": { "baseURL": format!("{model}/v1"), "apiKey": "scripted" },
                    "models": { "scripted": { "limit": { "context": 200_000, "output": 8192 } } }
                });
                let known = json!({
                    "model": "scripted/scripted", "small_model": "scripted/scripted", "provider": { "scripted": scripted }
                });
                std::fs::create_dir_all(home.join(".config/opencode")).unwrap();
                std::fs::write(home.join(".config/opencode/opencode.json"), known.to_string()).unwrap();
            }
        }
    }

    pub(crate) fn settings(self, stage: &Stage, home: &Path, channels: &[Channel]) -> Value {
        let mut env = json!({ "HOME": home, "PATH": stage.path });
        if self.program() == "claude" {
            env["ANTHROPIC_BASE_URL"] = json!(stage.model);
            env["ANTHROPIC_AUTH_TOKEN"] = json!("scripted");
            env["ANTHROPIC_MODEL"] = json!("scripted");
            env["CLAUDE_CODE_DISABLE_NONESSENTIAL_TRAFFIC"] = json!("1");
        }
        if self == Self::OpenCode {
            for switch in ["MODELS_FETCH", "LSP_DOWNLOAD"] {
                env[format!("OPENCODE_DISABLE_{switch}")] = json!("1");
            }
        }
        json!({ "command": [stage.bin.join(self.program())], "env": env, "channels": channels })
    }

    /// What it wrote down as said to it, one line of its transcript.
    fn told(self, line: &Value) -> Option<&str> {
        match self {
            Self::Claude | Self::ClaudeStream if line["type"] == "user" => {
                let said = line["message"]["content"].as_str();
                if line["isMeta"] == true { said?.strip_prefix("Stop hook feedback:\n") } else { said }
            }
            Self::Codex if line["payload"]["role"] == "user" => line["payload"]["content"][0]["text"].as_str(),
            Self::Claude | Self::ClaudeStream | Self::Codex | Self::OpenCode => None,
        }
    }
}

/// A world in which a real agent works, which gets its prompts on the best way that it has.
pub(crate) async fn with(agent: Agent, runtime: &str) -> World {
    with_channels(agent, runtime, &Channel::ALL).await
}

/// A world in which a real agent works.
pub(crate) async fn with_channels(agent: Agent, runtime: &str, channels: &[Channel]) -> World {
    let stage = stage();
    let dir = tempfile::tempdir().unwrap();
    let home = dir.path().join("home");
    std::fs::create_dir(&home).unwrap();
    agent.prepare(&home, dir.path().join("clone").to_str().unwrap(), &stage.model);
    let settings = BTreeMap::from([
        ("runtime", runtime.to_owned()),
        ("agent", agent.name().to_owned()),
        ("agents", format!("  {}: {}", agent.name(), agent.settings(&stage, &home, channels))),
        ("time_scale", "1".to_owned()),
    ]);
    World::within(dir, &settings).await
}

pub(crate) fn open_issue(world: &World, title: &str, body: String) {
    let labels = vec!["agent".to_owned()];
    let issue = NewIssue { author: "maya".to_owned(), title: title.to_owned(), body, labels };
    world.github.create_issue(REPO, &issue).unwrap();
}

/// A body of 20 KB: 160 lines, with what could end a quotation or a paste.
fn long_body() -> String {
    let line = |n: usize| {
        format!("{n:03} 'single' \"double\" `tick` $HOME $(id) #(id) \\ ; & | ä 漢字 🦀 {{}} % {}", "word ".repeat(12))
    };
    (1..=160).map(line).collect::<Vec<_>>().join("\n")
}

pub(crate) async fn logged(world: &World, words: &str) {
    eventually(words, async || world.log().contains(words).then_some(())).await;
}

/// What the agent wrote down as said to it, from its own transcripts.
pub(crate) fn taken(world: &World, agent: Agent) -> Vec<String> {
    let home = world.dir.path().join("home");
    if agent == Agent::OpenCode {
        return taken_by_opencode(&home.join(".local/share/opencode/opencode.db"));
    }
    let transcripts = files(&home).into_iter().filter(|path| path.extension().is_some_and(|it| it == "jsonl"));
    let mut taken = Vec::new();
    for transcript in transcripts {
        for line in std::fs::read_to_string(transcript).unwrap().lines() {
            // The last line may be half written.
            let line: Value = serde_json::from_str(line).unwrap_or_default();
            taken.extend(agent.told(&line).map(str::to_owned));
        }
    }
    taken
}

/// OpenCode keeps its conversations in a database.
fn taken_by_opencode(database: &Path) -> Vec<String> {
    let Ok(database) = rusqlite::Connection::open_with_flags(database, rusqlite::OpenFlags::SQLITE_OPEN_READ_ONLY)
    else {
        return Vec::new();
    };
    let typed = "SELECT part.data ->> 'text' FROM part JOIN message ON message.id = part.message_id \
                 WHERE message.data ->> 'role' = 'user' AND part.data ->> 'type' = 'text' ORDER BY part.id";
    let Ok(mut query) = database.prepare(typed) else { return Vec::new() };
    query.query_map([], |row| row.get(0)).unwrap().flatten().collect()
}

pub(crate) fn files(dir: &Path) -> Vec<PathBuf> {
    let entries = std::fs::read_dir(dir).into_iter().flatten().flatten();
    entries.flat_map(|entry| if entry.path().is_dir() { files(&entry.path()) } else { vec![entry.path()] }).collect()
}

/// Claude Code puts a mark around what was pasted.
fn without_frame(message: &str) -> &str {
    let message = message.trim();
    let framed = message.strip_prefix("<pasted_content ").and_then(|rest| rest.split_once(">\n"));
    framed.and_then(|(_, rest)| rest.rsplit_once("\n</pasted_content ")).map_or(message, |(words, _)| words)
}

/// What the journal says of every prompt.
#[derive(Debug, Default)]
pub(crate) struct Told {
    pub(crate) composed: BTreeMap<PromptId, String>,
    pub(crate) submitted: Vec<PromptId>,
    pub(crate) channels: BTreeSet<Channel>,
    pub(crate) acknowledged: Vec<Evidence>,
}

async fn told(world: &World) -> Told {
    let journal = world.journal();
    let mut told = Told::default();
    for entry in journal.tail(Seq(0), usize::MAX >> 1).await.unwrap() {
        match entry.event {
            Event::Session(event::Session::Composed { prompt, text, .. }) => {
                told.composed.insert(prompt, journal.text(text).await.unwrap().unwrap());
            }
            Event::Session(event::Session::Delivered { prompt, submission: Submission::Submitted, channel }) => {
                told.submitted.push(prompt);
                told.channels.insert(channel);
            }
            Event::Session(event::Session::Hooked { hook: Hook::PromptTaken { evidence }, .. }) => {
                told.acknowledged.extend(evidence);
            }
            Event::Session(event::Session::Acknowledged { evidence }) => told.acknowledged.push(evidence),
            Event::Pull(_) | Event::Task(_) | Event::Session(_) | Event::Backlog(_) | Event::Fleet(_) => {}
        }
    }
    told
}

/// Every prompt was typed once, came as one message with every byte, and was acknowledged once.
pub(crate) async fn assert_all_arrived(world: &World, agent: Agent, count: usize, receipts: &[Receipt]) -> Told {
    let told = told(world).await;
    assert_eq!(told.submitted.len(), count, "{:?}", told.submitted);
    for prompt in &told.submitted {
        let words = &told.composed[prompt];
        let mut known: Vec<_> =
            told.acknowledged.iter().filter(|it| it.prompt == *prompt).map(|it| it.receipt).collect();
        // Codex tells the prompts of earlier turns again.
        known.dedup();
        assert!(matches!(known.as_slice(), [known] if receipts.contains(known)), "{prompt}: {known:?}");
        let of_prompt = |message: &String| message.contains(prompt.as_str());
        let own = async || {
            Some(taken(world, agent).into_iter().filter(of_prompt).collect::<Vec<_>>()).filter(|it| !it.is_empty())
        };
        let messages = eventually("the agent's own record", own).await;
        let [message] = messages.as_slice() else { panic!("{prompt} came as {} messages", messages.len()) };
        // Some programs compose letters and their accents, and put blanks for a tab.
        let composed = |words: &str| words.trim_end().replace('\t', "    ").nfc().collect::<String>();
        assert_eq!(composed(without_frame(message)), composed(words));
    }
    told
}

/// Show 8: 20 KB of many lines; S67.
async fn a_long_prompt_arrives_as_one_message(agent: Agent, runtime: &str) {
    let world = with(agent, runtime).await;
    open_issue(&world, "A long story", long_body());
    let daemon = world.start_daemon();

    logged(&world, "by \"turn ended\"").await;

    daemon.stop().await;
    let told = assert_all_arrived(&world, agent, 1, &[Receipt::Hook, Receipt::Transcript]).await;
    let longest = told.composed.into_values().map(|words| words.len()).max();
    assert!(longest > Some(20_000), "{longest:?}");
    world.end().await;
}

/// Show 8: the hook fires while no daemon lives.
async fn a_receipt_outlives_the_daemon(agent: Agent, runtime: &str) {
    let world = with(agent, runtime).await;
    open_issue(&world, "A long story", long_body());
    let mut daemon = world.start_daemon_with(&["--die-at-boundary-named", "executor: typed, not recorded"]);
    daemon.wait().await;
    eventually("the agent's own record", async || (!taken(&world, agent).is_empty()).then_some(())).await;
    assert!(!world.log().contains("by \"prompt taken\""), "the receipt was read before the daemon died");

    let daemon = world.start_daemon();
    logged(&world, "by \"prompt taken\"").await;
    logged(&world, "by \"prompt delivered\"").await;
    logged(&world, "by \"turn ended\"").await;

    daemon.stop().await;
    assert_all_arrived(&world, agent, 1, &[Receipt::Hook, Receipt::Transcript]).await;
    world.end().await;
}

/// The scripted model does what the issue and the log of CI say: write, commit, push; CI is red; write, commit, push.
async fn a_red_check_is_put_right(agent: Agent, runtime: &str) {
    let mut world = with(agent, runtime).await;
    let page = world.state_dir().join("workspaces/pages-1/pages/welcome.txt");
    let page = page.display();
    let save =
        |message: &str| format!("[[sh git add -A]]\n[[sh git commit -m '{message}']]\n[[sh git push -u origin HEAD]]");
    let steps = format!("[[write {page}::Welcome, everybody!]]\n{}", save("Add the full stop"));
    let check = format!(
        "grep -q '!' pages/*.txt || exit 0\necho 'pages/welcome.txt:1: error: no exclamation marks'\ncat <<'STEPS'\n{}\nSTEPS\nexit 1\n",
        steps.replace('!', ".")
    );
    let push = Push {
        person: "maya".to_owned(),
        branch: "main".to_owned(),
        files: vec![("tests/no-shouting.sh".to_owned(), Some(check))],
        message: "Check the tone".to_owned(),
    };
    world.github.push_as(REPO, push).await.unwrap();
    open_issue(
        &world,
        "Welcome our visitors",
        format!("[[write {page}::Welcome, everybody!]]\n{}", save("Welcome people")),
    );
    let daemon = world.start_daemon();

    story::until_green(&mut world).await;
    // Some agents tell only at the end of a turn what they took.
    let receipts =
        || ["by \"prompt taken\"", "by \"prompt acknowledged\""].map(|words| world.log().matches(words).count());
    eventually("both receipts", async || (receipts().iter().sum::<usize>() >= 2).then_some(())).await;

    daemon.stop().await;
    // Whichever is seen first.
    assert_all_arrived(&world, agent, 2, &[Receipt::Hook, Receipt::Transcript]).await;
    world.end().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "needs real agents: scripts/e2e-agents"]
async fn claude_in_a_terminal_of_our_own_takes_a_long_prompt_as_one_message() {
    a_long_prompt_arrives_as_one_message(Agent::Claude, "pty").await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "needs real agents: scripts/e2e-agents"]
async fn claude_in_tmux_takes_a_long_prompt_as_one_message() {
    a_long_prompt_arrives_as_one_message(Agent::Claude, "tmux").await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "needs real agents: scripts/e2e-agents"]
async fn claudes_receipt_outlives_the_daemon_in_a_terminal_of_our_own() {
    a_receipt_outlives_the_daemon(Agent::Claude, "pty").await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "needs real agents: scripts/e2e-agents"]
async fn claudes_receipt_outlives_the_daemon_in_tmux() {
    a_receipt_outlives_the_daemon(Agent::Claude, "tmux").await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "needs real agents: scripts/e2e-agents"]
async fn claude_puts_a_red_check_right_in_a_terminal_of_our_own() {
    a_red_check_is_put_right(Agent::Claude, "pty").await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "needs real agents: scripts/e2e-agents"]
async fn claude_puts_a_red_check_right_in_tmux() {
    a_red_check_is_put_right(Agent::Claude, "tmux").await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "needs real agents: scripts/e2e-agents"]
async fn codex_in_tmux_takes_a_long_prompt_as_one_message() {
    a_long_prompt_arrives_as_one_message(Agent::Codex, "tmux").await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "needs real agents: scripts/e2e-agents"]
async fn codex_puts_a_red_check_right_in_tmux() {
    a_red_check_is_put_right(Agent::Codex, "tmux").await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "needs real agents: scripts/e2e-agents"]
async fn codex_in_a_terminal_of_our_own_takes_a_long_prompt_as_one_message() {
    a_long_prompt_arrives_as_one_message(Agent::Codex, "pty").await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "needs real agents: scripts/e2e-agents"]
async fn opencode_in_a_terminal_of_our_own_takes_a_long_prompt_as_one_message() {
    a_long_prompt_arrives_as_one_message(Agent::OpenCode, "pty").await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "needs real agents: scripts/e2e-agents"]
async fn opencode_in_tmux_takes_a_long_prompt_as_one_message() {
    a_long_prompt_arrives_as_one_message(Agent::OpenCode, "tmux").await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "needs real agents: scripts/e2e-agents"]
async fn opencodes_receipt_outlives_the_daemon_in_a_terminal_of_our_own() {
    a_receipt_outlives_the_daemon(Agent::OpenCode, "pty").await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "needs real agents: scripts/e2e-agents"]
async fn opencode_puts_a_red_check_right_in_tmux() {
    a_red_check_is_put_right(Agent::OpenCode, "tmux").await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "needs real agents: scripts/e2e-agents"]
async fn claude_without_its_terminal_puts_a_red_check_right() {
    a_red_check_is_put_right(Agent::ClaudeStream, "pty").await;
}
