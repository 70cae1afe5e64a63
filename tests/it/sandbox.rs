//! An agent in a sandbox, with the real daemon: it does its whole work there, and cannot reach what is not its own.
//!
//! Where bubblewrap is not installed or may make no namespaces this proves nothing and says so.

use std::{collections::BTreeMap, path::Path, process::Stdio};

use tokio::process::Command;

use crate::{
    story,
    world::{BINARY, World},
};

/// What the agent tries before it begins, and notes if it can.
const TRIES: &str = "can() { \"$@\" >/dev/null 2>&1 && echo \"$*\" >> HERE/out/can; }
can touch HERE/out/file
can cat HERE/antiphon.yaml
can cat HERE/secret/key
can cat HERE/file-of-keys
can cat HERE/out/keys/key
can cat HERE/really/key
can test -S HERE/door
can cat HERE/state/token
can ls HERE/state/antiphon.db
can touch HERE/beside
can touch HERE/clone/.git/hooks/pre-commit
can git config --file HERE/clone/.git/config core.pager evil
can grep -rq TEST_GITHUB_TOKEN /proc/*/environ
exec \"$0\" \"$@\"";

/// What is hidden lies within what may be changed, behind a link, or is a socket.
const SANDBOX: &str = "{ writable: [HERE/out, HERE/not-there], \
                       hidden: [HERE/secret, HERE/file-of-keys, HERE/out/keys, HERE/linked, HERE/door] }";

#[expect(clippy::disallowed_methods, reason = "a test looks whether it can prove anything")]
async fn is_there() -> bool {
    let tried = ["--unshare-pid", "--ro-bind", "/", "/", "--proc", "/proc", "true"];
    let tried = Command::new("bwrap").args(tried).stdin(Stdio::null()).stderr(Stdio::null()).status().await;
    let there = tried.is_ok_and(|status| status.success());
    if !there {
        eprintln!("SKIPPED: bubblewrap cannot run here, so nothing was shown about sandboxes");
    }
    there
}

async fn world(kind: &str) -> World {
    // The sandbox has a /tmp of its own.
    let dir = tempfile::tempdir_in("/var/tmp").unwrap();
    let here = dir.path().to_str().unwrap();
    let place = |text: &str| text.replace("HERE", here);
    for folder in ["secret", "out/keys", "really"] {
        std::fs::create_dir_all(dir.path().join(folder)).unwrap();
        std::fs::write(dir.path().join(folder).join("key"), "key").unwrap();
    }
    std::os::unix::fs::symlink(dir.path().join("really"), dir.path().join("linked")).unwrap();
    std::os::unix::net::UnixListener::bind(dir.path().join("door")).unwrap();
    std::fs::write(dir.path().join("file-of-keys"), "key").unwrap();
    let script = dir.path().join("agent.sh");
    std::fs::write(&script, place(TRIES)).unwrap();
    let agent = format!("scripted-agent, --record, '{here}/out/typed.log', --, '{BINARY}', hook");
    let settings = BTreeMap::from([
        ("command", format!("[/bin/sh, -c, '. {here}/agent.sh', '{BINARY}', {agent}]")),
        ("workspace", place(&format!("{{ kind: {kind}, sandbox: {SANDBOX} }}"))),
    ]);
    World::within(dir, &settings).await
}

async fn works_and_reaches_nothing_else(kind: &str) {
    if !is_there().await {
        return;
    }
    let mut world = world(kind).await;
    let config = world.clone_dir().join(".git/config");
    let before = std::fs::read_to_string(&config).unwrap();
    world.open_issue(0);
    let daemon = world.start_daemon();

    story::until_green(&mut world).await;

    daemon.stop().await;
    let here = world.dir.path().to_str().unwrap();
    let could = std::fs::read_to_string(Path::new(here).join("out/can")).unwrap();
    assert_eq!(could, format!("touch {here}/out/file\ncat {here}/antiphon.yaml\n"));
    assert_eq!(std::fs::read_to_string(config).unwrap(), before);
    world.end().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_agent_in_a_sandbox_works_in_its_worktree_and_reaches_nothing_else() {
    works_and_reaches_nothing_else("worktree").await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_agent_in_a_sandbox_works_in_its_clone_and_reaches_nothing_else() {
    works_and_reaches_nothing_else("clone").await;
}
