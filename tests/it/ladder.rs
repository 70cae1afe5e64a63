//! The ladder of attempts, with the real daemon: it backs off, escalates once, and a restart changes nothing.

use antiphon::simulator::{Happened, Push};

use crate::world::{Conclusion, REPO, World, eventually};

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
