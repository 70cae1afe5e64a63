//! The ladder of attempts, with the real daemon: it backs off, escalates once, and a restart changes nothing.

use std::collections::BTreeMap;

use antiphon::{
    client::Client,
    simulator::{Happened, NewIssue, Push},
    view::TaskPhase,
};

use crate::world::{BINARY, Conclusion, REPO, World, eventually};

/// A check that no change satisfies: whatever the line says, it should have said more.
const INSATIABLE: &str = r#"#!/bin/sh
line=$(head -n 1 pages/home.txt)
echo "pages/home.txt:1: expected \"$line!\", found \"$line\""
exit 1
"#;

const TWO_ATTEMPTS: &str = "name: ci-failed\n\
    retry: { attempts: 2, total: 2, backoff: { initial: 1s, factor: 2, max: 10s, jitter: 0.0 } }\n\
    escalate:\n\
    \x20 after: { attempts: 2, time: 8h }\n\
    \x20 do:\n\
    \x20   - label: needs-human\n\
    \x20   - comment: 'Tried {{attempts}} times.'\n";

// Show 5; S04, S19, G074, G132, G133, G134.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn three_red_runs_are_two_prompts_and_one_escalation_whatever_is_restarted() {
    for restarts in [false, true] {
        let mut world = World::new().await;
        world.add_rule("ci-failed", TWO_ATTEMPTS);
        let files = vec![("tests/insatiable.sh".to_owned(), Some(INSATIABLE.to_owned()))];
        let push =
            Push { person: "maya".to_owned(), branch: "main".to_owned(), files, message: "Ask for more".to_owned() };
        world.github.push_as(REPO, push).await.unwrap();
        let mut daemon = world.start_daemon();
        world.open_issue(0);

        for _ in 0..3 {
            world.until("a red check", red).await;
            world.forget();
            if restarts {
                daemon.stop().await;
                daemon = world.start_daemon();
            }
        }
        eventually("the escalation", async || {
            let told = world.github.write_log();
            told.iter().any(|write| write.method == "POST" && write.path.ends_with("/comments")).then_some(())
        })
        .await;
        daemon.stop().await;

        let typed = std::fs::read_to_string(world.typed()).unwrap();
        assert_eq!(typed.matches("[antiphon:").count(), 3, "the task, and two attempts\n{}", world.report());
        let writes = world.github.write_log();
        let count = |end: &str| writes.iter().filter(|it| it.method == "POST" && it.path.ends_with(end)).count();
        assert_eq!((count("/labels"), count("/comments")), (1, 1), "{writes:#?}");
        world.end().await;
    }
}

fn red(happened: &Happened) -> Option<()> {
    matches!(happened, Happened::CheckFinished { conclusion: Conclusion::Failure, .. }).then_some(())
}

/// An agent that takes every prompt and never says a word.
const MUTE: &str = "#!/bin/sh\nstty raw -echo\nprintf '\\033[?2004hmute> '\nexec cat > /dev/null\n";

/// A world whose agent is mute; `more` stands in its settings.
async fn mute_world(more: &str) -> World {
    let dir = tempfile::tempdir().unwrap();
    let place = dir.path().display();
    std::fs::write(dir.path().join("mute.sh"), MUTE).unwrap();
    let agents = format!(
        "\x20 mute: {{ command: [/bin/sh, '{place}/mute.sh'], receipt: hook, ready: 'mute>\\s*\\z'{more} }}\n\
         \x20 scripted:\n\
         \x20   command: ['{BINARY}', scripted-agent, --record, '{place}/typed.log', --, '{BINARY}', hook]\n\
         \x20   receipt: hook\n\
         \x20   ready: 'scripted>\\s*\\z'"
    );
    World::within(dir, &BTreeMap::from([("agent", "mute".to_owned()), ("agents", agents)])).await
}

// S57, S82 as far: asked, begun anew, relieved, over a restart of the daemon in the middle of it
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_agent_that_never_answers_is_relieved_by_the_fallback_of_the_settings() {
    let mut world = mute_world(", fallback: scripted").await;
    let daemon = world.start_daemon();
    world.open_issue(0);
    world.is_served().await;
    let client = Client::connect(&world.state_dir()).unwrap();
    let second = async || (client.overview().await.ok()?.sessions.first()?.generation >= 2).then_some(());
    eventually("the fresh conversation", second).await;
    daemon.stop().await;
    let daemon = world.start_daemon();

    let opened = |happened: &Happened| matches!(happened, Happened::PullOpened { .. }).then_some(());
    world.until("the pull request of the fallback", opened).await;

    daemon.stop().await;
    let typed = std::fs::read_to_string(world.typed()).unwrap();
    assert!(typed.contains("You go on with the task"), "{typed}");
    assert!(typed.contains("the agent shows no sign of life"), "{typed}");
    world.end().await;
}

fn open_unclear_issue(world: &World) {
    let (title, body) = ("Make it better".to_owned(), "You know what I mean.".to_owned());
    let issue = NewIssue { author: "maya".to_owned(), title, body, labels: vec!["agent".to_owned()] };
    world.github.create_issue(REPO, &issue).unwrap();
}

// G130
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_agent_that_pushes_nothing_is_asked_once_and_then_a_person_is_called() {
    let world = World::new().await;
    let daemon = world.start_daemon();
    world.is_served().await;
    open_unclear_issue(&world);

    let called = "its branch has no new commit on GitHub in acme/pages; one prompt was sent";
    eventually("the call", async || world.log().contains(called).then_some(())).await;

    let overview = Client::connect(&world.state_dir()).unwrap().overview().await.unwrap();
    assert_eq!(overview.tasks[0].phase, TaskPhase::NoChange);
    daemon.stop().await;
    let typed = std::fs::read_to_string(world.typed()).unwrap();
    assert_eq!(typed.matches("[antiphon:").count(), 2, "the task, and one question\n{typed}");
    world.end().await;
}

/// A check that nobody can satisfy, and that does not say why.
const BOOM: &str = "#!/bin/sh\necho boom\nexit 1\n";

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_agent_whose_turns_change_nothing_is_told_that_it_goes_round_in_circles() {
    let settings = BTreeMap::from([("sessions", "4, loops: { unchanged: 2 }".to_owned())]);
    let world = World::with_settings(&settings).await;
    let files = vec![("tests/boom.sh".to_owned(), Some(BOOM.to_owned()))];
    let push = Push { person: "maya".to_owned(), branch: "main".to_owned(), files, message: "Boom".to_owned() };
    world.github.push_as(REPO, push).await.unwrap();
    let daemon = world.start_daemon();
    world.open_issue(0);

    let told = "You seem to go round in circles. the agent goes round in circles in acme/pages; nothing was tried yet; 2 \
                turns in a row have changed nothing";
    let typed = async || std::fs::read_to_string(world.typed()).ok()?.contains(told).then_some(());
    eventually("the word of the circle", typed).await;

    daemon.stop().await;
    world.end().await;
}
