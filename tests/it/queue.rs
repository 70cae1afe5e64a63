//! An agent with a queue of its own, with the real daemon: a prompt is put there once, or called indeterminate.

use std::path::PathBuf;

use antiphon::{
    client::Client,
    model::Channel,
    view::{PromptView, SessionPhase},
};

use crate::world::{Daemon, World, eventually};

/// What a second process of the program does with `queue` stands in the file beside it, and so does what is typed.
const AGENT: &str = r#"#!/bin/sh
if [ "$1" = queue ]; then
  [ "$2" = --help ] || printf '%s %s\n' "$3" "$4" >> "$0-queue"
  exit 0
fi
tell() { printf '{"hook_event_name":"%s","session_id":"talk-1"}' "$1" | BINARY hook; }
mkfifo "$0-go"
tell SessionStart
( read -r _ < "$0-go"; tell Stop ) &
stty raw -echo
printf '\033[?2004hready> '
exec cat >> "$0-typed"
"#;

const ADAPTER: &str = "programs: [queuing]
receipt: hook
launch:
  queue: { probe: [queue, --help], send: [queue, --thread, '{{agent_session}}', '{{prompt}}'] }
";

/// The agent, in the middle of its first turn.
struct Stage {
    world: World,
    program: PathBuf,
}

impl Stage {
    async fn set() -> (Self, Daemon) {
        let (world, program) = World::with_shell_agent("queuing", AGENT, ADAPTER, 200).await;
        // It pushes nothing, and nobody asks about that.
        world.add_rule("no-change", "name: no-change\nsettle: 10h\n");
        world.open_issue(0);
        let daemon = world.start_daemon();
        let stage = Self { world, program };
        eventually("the first prompt", async || (!stage.beside("typed").is_empty()).then_some(())).await;
        (stage, daemon)
    }

    fn beside(&self, name: &str) -> String {
        std::fs::read_to_string(format!("{}-{name}", self.program.display())).unwrap_or_default()
    }

    /// Its first prompt, of which it tells nothing, is given up, and its turn ends.
    async fn waits(&self) {
        // An end that is told before the submission is recorded would be that of an earlier turn.
        self.prompt(SessionPhase::Working, "indeterminate", Channel::Terminal).await;
        std::fs::write(format!("{}-go", self.program.display()), "\n").unwrap();
        self.prompt(SessionPhase::Idle, "indeterminate", Channel::Terminal).await;
    }

    /// The newest prompt, once it is so.
    async fn prompt(&self, phase: SessionPhase, state: &str, channel: Channel) -> PromptView {
        eventually("the newest prompt", async || {
            let overview = Client::connect(&self.world.state_dir()).ok()?.overview().await.ok()?;
            let session = overview.sessions.into_iter().find(|session| session.phase == phase)?;
            let newest = session.prompts.into_iter().next()?;
            (newest.state == state && newest.channel == Some(channel)).then_some(newest)
        })
        .await
    }

    async fn says_hello(&self) {
        let said = ["send", "pages-1", "hello there"];
        eventually("that the words are taken", async || (self.world.run(&said).await.0 == Some(0)).then_some(())).await;
    }

    async fn ends(self, daemon: Daemon) {
        daemon.stop().await;
        assert!(!self.beside("typed").contains("hello there"), "nothing goes two ways");
        self.world.end().await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_an_agents_queue_takes_is_not_typed() {
    let (stage, daemon) = Stage::set().await;
    stage.waits().await;

    stage.says_hello().await;

    let prompt = stage.prompt(SessionPhase::Working, "indeterminate", Channel::Queue).await;
    assert_eq!(stage.beside("queue"), format!("talk-1 [antiphon:{}] hello there \n", prompt.prompt));
    stage.ends(daemon).await;
}

// Whoever dies before or after asking the queue does not ask it again.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_daemon_that_dies_at_the_queue_asks_it_at_most_once() {
    for (boundary, times) in [("executor: queue noted, not asked", 0), ("executor: queued, not recorded", 1)] {
        let (stage, daemon) = Stage::set().await;
        stage.waits().await;
        daemon.stop().await;
        let mut dies = stage.world.start_daemon_with(&["--die-at-boundary-named", boundary]);
        stage.says_hello().await;
        dies.wait().await;

        let daemon = stage.world.start_daemon();
        stage.prompt(SessionPhase::Working, "indeterminate", Channel::Queue).await;

        assert_eq!(stage.beside("queue").matches("hello there").count(), times, "{boundary}");
        stage.ends(daemon).await;
    }
}
