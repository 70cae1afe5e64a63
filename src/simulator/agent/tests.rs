//! The agent between a terminal's bytes and a real git remote.

use std::path::Path;

use super::*;
use crate::process::Command;

const GIT_ENV: [(&str, &str); 6] = [
    ("PATH", "/usr/local/bin:/usr/bin:/bin"),
    ("GIT_CONFIG_NOSYSTEM", "1"),
    ("GIT_AUTHOR_NAME", "Agent"),
    ("GIT_AUTHOR_EMAIL", "agent@example.org"),
    ("GIT_COMMITTER_NAME", "Agent"),
    ("GIT_COMMITTER_EMAIL", "agent@example.org"),
];

/// A remote with one commit on `main`, and a clone on the branch `work`.
struct Place {
    dir: tempfile::TempDir,
    agent: Agent,
}

impl Place {
    fn new() -> Self {
        let dir = tempfile::tempdir().unwrap();
        let mut env: BTreeMap<OsString, OsString> =
            GIT_ENV.iter().map(|(name, value)| (name.into(), value.into())).collect();
        env.insert("HOME".into(), dir.path().into());
        let args = AgentArgs {
            dir: dir.path().join("work"),
            env,
            hook: Vec::new(),
            session_id: "s-1".to_owned(),
            delay_ms: 0,
            record: None,
        };
        let place = Self { dir, agent: Agent::new(args).unwrap() };
        place.git(".", &["init", "--quiet", "--bare", "--initial-branch=main", "remote"]);
        place.git(".", &["clone", "--quiet", "remote", "other"]);
        place.push_other("main", ("list.txt", "one\n"));
        place.git(".", &["clone", "--quiet", "remote", "work"]);
        place.git("work", &["switch", "--quiet", "-c", "work"]);
        place
    }

    fn git(&self, dir: &str, args: &[&str]) -> String {
        let dir: &Path = &self.dir.path().join(dir);
        let command = Command::new("git").args(args).dir(dir).envs(&self.agent.args.env);
        let output = self.agent.runtime.block_on(command.run()).unwrap();
        assert!(output.success(), "git {args:?}: {}", output.stderr_text());
        output.stdout_text()
    }

    /// Somebody else pushes a file.
    fn push_other(&self, branch: &str, (path, text): (&str, &str)) {
        self.git("other", &["fetch", "--quiet", "origin"]);
        let theirs = format!("origin/{branch}");
        if self.git("other", &["branch", "--remotes"]).contains(&theirs) {
            self.git("other", &["checkout", "--quiet", "-B", branch, &theirs]);
        } else {
            self.git("other", &["checkout", "--quiet", "-B", branch]);
        }
        std::fs::write(self.dir.path().join("other").join(path), text).unwrap();
        self.git("other", &["add", "--all"]);
        self.git("other", &["commit", "--quiet", "-m", "Other"]);
        self.git("other", &["push", "--quiet", "origin", branch]);
    }

    /// Pastes a message and shows the lines that the agent wrote after it.
    fn paste(&mut self, message: &str) -> Vec<String> {
        let bytes = format!("\x1b[200~{message}\x1b[201~\r\x04");
        let mut output = Vec::new();
        let code = self.agent.converse(&mut bytes.as_bytes(), &mut output).unwrap();
        assert_eq!(code, 0);
        let shown = String::from_utf8(output).unwrap();
        let echoed = format!("{PASTES_MARKED}{PROMPT}{}\r\n", message.replace('\n', "\r\n"));
        let rest = shown.strip_prefix(&echoed).unwrap_or_else(|| panic!("{shown:?}"));
        let rest = rest.strip_suffix(&format!("{PROMPT}{PASTES_PLAIN}\r\n")).unwrap();
        rest.split_terminator("\r\n").map(ToOwned::to_owned).collect()
    }

    fn remote_file(&self, branch: &str, path: &str) -> String {
        self.git("remote", &["show", &format!("{branch}:{path}")])
    }
}

#[test]
fn a_task_is_received_carried_out_committed_and_pushed() {
    let mut place = Place::new();

    let said =
        place.paste("[antiphon:p-7] Issue 3\n\nCreate `a.txt` with the line: A\nCreate list.txt with the line: two");

    let head = place.git("work", &["rev-parse", "--short=7", "HEAD"]);
    assert_eq!(
        said,
        [
            "received [antiphon:p-7]".to_owned(),
            "Write a.txt".to_owned(),
            "Write list.txt".to_owned(),
            "Committed: Write a.txt and more".to_owned(),
            format!("Pushed {} to work", head.trim()),
        ]
    );
    assert_eq!(
        (place.remote_file("work", "a.txt"), place.remote_file("work", "list.txt")),
        ("A\n".into(), "one\ntwo\n".into())
    );
}

#[test]
fn a_failed_check_is_corrected_on_top_of_what_others_pushed() {
    let mut place = Place::new();
    place.paste("Create a.txt with the line: A");
    place.push_other("work", ("b.txt", "B\n"));

    let said = place.paste("CI failed:\n\n    b.txt:1: expected \"B.\", found \"B\"");

    assert_eq!(said[..2], ["Taking over what others pushed to work", "Correct b.txt:1"]);
    assert_eq!(place.remote_file("work", "b.txt"), "B.\n");
}

#[test]
fn a_conflict_with_the_base_is_resolved_by_keeping_both_sides() {
    let mut place = Place::new();
    place.paste("Create list.txt with the line: ours");
    place.push_other("main", ("list.txt", "one\ntheirs\n"));

    let said = place.paste("Your branch conflicts with `main`.");

    assert_eq!(said[..2], ["Merging main", "Keeping both sides of list.txt"]);
    assert_eq!(place.remote_file("work", "list.txt"), "one\nours\ntheirs\n");
}

#[test]
fn a_message_without_a_plain_request_ends_the_turn() {
    let mut place = Place::new();

    assert_eq!(place.paste("How are you?"), ["I do not understand what to do with this message."]);
    assert_eq!(place.git("remote", &["branch", "--list"]).trim(), "* main");
}

#[cfg(unix)]
#[test]
fn the_hook_is_told_when_a_turn_begins_and_ends() {
    let mut place = Place::new();
    let log = place.dir.path().join("hook.log");
    let script = format!("cat >> {0}; echo >> {0}", log.display());
    place.agent.args.hook = ["/bin/sh", "-c", &script].map(OsString::from).to_vec();

    place.paste("[antiphon:p-8] Hello");

    let cwd = place.agent.args.dir.display().to_string();
    let told: Vec<Value> =
        std::fs::read_to_string(log).unwrap().lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert_eq!(
        told,
        [
            json!({
                "hook_event_name": "UserPromptSubmit", "prompt": "[antiphon:p-8] Hello", "session_id": "s-1", "cwd": cwd,
            }),
            json!({ "hook_event_name": "Stop", "stop_hook_active": false, "session_id": "s-1", "cwd": cwd }),
        ]
    );
}
