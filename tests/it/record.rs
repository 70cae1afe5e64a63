//! An agent that runs no hook, with the real daemon: its own record tells of prompts and of the ends of turns.

use antiphon::{client::Client, view::SessionPhase};

use crate::world::{World, eventually};

/// Its screen never rests. What it reads it writes down, and the end of its turn once it may.
const AGENT: &str = r#"#!/bin/sh
mkfifo "$0-go"
( read -r _ < "$0-go"; echo '{"type":"over"}' >> "$0-record" ) &
( while printf '\r%s' "$((turn += 1))"; do sleep 0.1; done ) &
stty -echo
printf '\033[?2004hready> '
while read -r line; do printf '%s\n' "$line" >> "$0-record"; done
"#;

const ADAPTER: &str = r"programs: [recording]
receipt: transcript
transcript:
  path: 'PATH'
  prompts: [{ line: '(\[antiphon:.*)' }]
  turn_ends: [{ /type: over }]
";

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_turn_is_over_when_the_agents_record_says_so() {
    let (world, program) = World::with_shell_agent("recording", AGENT, ADAPTER, 20).await;
    let record = format!("{}-record", program.display());
    std::fs::write(program.with_file_name("agents/recording.yaml"), ADAPTER.replace("PATH", &record)).unwrap();
    world.add_rule("no-change", "name: no-change\nsettle: 10h\n");
    world.open_issue(0);
    let daemon = world.start_daemon();
    let seen = async |phase: SessionPhase| {
        eventually("the agent", async || {
            let overview = Client::connect(&world.state_dir()).ok()?.overview().await.ok()?;
            let session = overview.sessions.into_iter().find(|session| session.phase == phase)?;
            (session.prompts.first()?.state == "acknowledged").then_some(())
        })
        .await;
    };
    seen(SessionPhase::Working).await;

    std::fs::write(format!("{}-go", program.display()), "\n").unwrap();

    seen(SessionPhase::Idle).await;
    daemon.stop().await;
    world.end().await;
}
