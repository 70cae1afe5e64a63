//! Real agents go on from a conversation that a person had with them: run by `scripts/e2e-agents`.

use std::path::PathBuf;

use antiphon::simulator::{NewPull, Push};
use serde_json::Value;
use tokio::process::Command;

use crate::{
    e2e_agents::{Agent, files, stage, taken, with},
    world::{REPO, World, eventually},
};

/// A person's conversation in the clone, without Antiphon; its id.
#[expect(clippy::disallowed_methods, reason = "a person starts the agent")]
async fn a_conversation_with(agent: Agent, world: &World) -> String {
    let stage = stage();
    let words = "The secret word is mango [[say mango]]";
    let id = "11111111-2222-4333-8444-555555555555";
    let args = match agent {
        Agent::Claude | Agent::ClaudeStream => vec!["-p", words, "--session-id", id],
        Agent::Codex => vec!["exec", "--json", words],
        Agent::OpenCode => panic!("its conversations stay in their directory"),
    };
    let env = agent.settings(&stage, &world.dir.path().join("home"), &[])["env"].clone();
    let env = env.as_object().unwrap().iter().map(|(name, value)| (name.clone(), value.as_str().unwrap().to_owned()));
    let mut command = Command::new(stage.bin.join(agent.program()));
    command.args(args).current_dir(world.clone_dir()).env_clear().envs(env).stdin(std::process::Stdio::null());
    let output = command.output().await.unwrap();
    let said = String::from_utf8(output.stdout).unwrap();
    assert!(output.status.success(), "{said}\n{}", String::from_utf8_lossy(&output.stderr));
    if agent.program() == "claude" {
        return id.to_owned();
    }
    let begun: Value = serde_json::from_str(said.lines().next().unwrap()).unwrap();
    begun["thread_id"].as_str().unwrap().to_owned()
}

/// The agent's own record of a conversation in which these words stand.
fn record_with(world: &World, words: &str) -> Option<(PathBuf, String)> {
    let records = files(&world.dir.path().join("home")).into_iter();
    // Both keep a list of everything that was ever typed, too.
    let records =
        records.filter(|path| path.extension().is_some_and(|it| it == "jsonl") && !path.ends_with("history.jsonl"));
    records
        .filter_map(|path| std::fs::read_to_string(&path).ok().map(|text| (path, text)))
        .find(|(_, text)| text.contains(words))
}

async fn a_persons_conversation_is_gone_on_with(agent: Agent) {
    let world = with(agent, "pty").await;
    let id = a_conversation_with(agent, &world).await;
    let (own, before) = record_with(&world, "mango").unwrap();
    let push = Push {
        person: "maya".to_owned(),
        branch: "fruit".to_owned(),
        files: vec![("pages/fruit.txt".to_owned(), Some("Fruit.\n".to_owned()))],
        message: "Begin with fruit".to_owned(),
    };
    world.github.push_as(REPO, push).await.unwrap();
    let pull = NewPull {
        author: "maya".to_owned(),
        title: "Fruit".to_owned(),
        body: String::new(),
        head: "fruit".to_owned(),
        base: "main".to_owned(),
    };
    let number = world.github.open_pull(REPO, pull).await.unwrap();
    let daemon = world.start_daemon();
    world.is_served().await;

    let adopt = ["adopt", &number.to_string(), "--conversation", &id];
    eventually("an adopted pull request", async || (world.run(&adopt).await.0 == Some(0)).then_some(())).await;
    let session = format!("pages-pr-{number}");
    let send = ["send", &session, "Which word was it? [[sh pwd]]"];
    eventually("a session", async || (world.run(&send).await.0 == Some(0)).then_some(())).await;

    let answer = async || record_with(&world, "Which word was it?").filter(|(_, text)| text.contains("/workspaces/"));
    let (_, record) = eventually("the agent's own record", answer).await;
    // Codex refers to what was said before; Claude Code repeats it.
    let knows = record.contains("mango") || record.contains(&format!("\"forked_from_id\":\"{id}\""));
    assert!(knows, "it does not know what was said before:\n{record}");
    assert!(taken(&world, agent).iter().any(|message| message.contains("Which word was it?")));
    assert_eq!(std::fs::read_to_string(own).unwrap(), before, "the person's own was changed");
    daemon.stop().await;
    world.end().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "needs real agents: scripts/e2e-agents"]
async fn claude_goes_on_from_a_persons_conversation() {
    a_persons_conversation_is_gone_on_with(Agent::Claude).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "needs real agents: scripts/e2e-agents"]
async fn codex_goes_on_from_a_persons_conversation() {
    a_persons_conversation_is_gone_on_with(Agent::Codex).await;
}
