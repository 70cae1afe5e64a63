//! What the tests of both runtimes on Linux share: scripts that behave as agents do, what is typed into them, the
//! processes that they leave, and people who look.

#![cfg(target_os = "linux")]

use std::{
    path::{Path, PathBuf},
    time::Duration,
};

use regex::Regex;

use super::{
    Address, Gate, Launch, Message, Probe, Runtime,
    attach::{Connection, Input, Left},
    testing::{PATIENCE, eventually, launch, shows},
};
use crate::model::PromptId;

/// Reads raw keys like an agent's screen does, asks for bracketed paste, and keeps every byte in the file `$1`.
pub(crate) const COMPOSER: &str = r#"stty raw -echo; printf '\033[?2004hready> '; exec cat > "$1""#;

/// The same, and a question comes up as soon as something was read.
pub(crate) const ASKER: &str = r#"stty raw -echo; printf '\033[?2004hready> '; (while [ ! -s "$1" ]; do sleep 0.01; done; printf 'Shall I?') & exec cat > "$1""#;

/// A composer that reads nothing.
pub(crate) const DEAF: &str = r"stty raw -echo; printf '\033[?2004hready> '; exec sleep 1000";

/// Reads lines without echo and prints each back: what a program that reports its prompts looks like.
pub(crate) const REPORTER: &str = r"stty -echo; printf 'ready> '; exec sed -u 's/^/got /'";

/// A launch of a shell script, with the path of a file for what it reads as `$1`.
pub(crate) fn script(root: &Path, session: &str, script: &str) -> (Launch, PathBuf) {
    let typed = root.join(format!("{session}.typed"));
    (launch(root, session, &["/bin/sh", "-c", script, "agent", typed.to_str().unwrap()]), typed)
}

pub(crate) fn prompt(id: &str) -> PromptId {
    id.parse().unwrap()
}

/// A message as prompts are: its id first.
pub(crate) fn message(id: &str, text: &str) -> Message {
    Message::new(prompt(id), format!("[antiphon:{id}] {text}")).unwrap()
}

/// The gate of an agent whose composer shows `ready>`.
pub(crate) fn gate() -> Gate {
    Gate { ready: Some(Regex::new("ready>").unwrap()), shells: true, ..Gate::default() }
}

/// What arrives at an application that asked for bracketed paste.
pub(crate) fn pasted(message: &Message) -> String {
    format!("\x1b[200~{}\x1b[201~\r", message.text())
}

/// A text of about 20 KB with everything that quoting could spoil.
pub(crate) fn awkward_text() -> String {
    let lines = (0..200).map(|n| {
        format!("{n}\t'single' \"double\" `tick` $HOME $(id) #(id) #{{pane_id}} \\ \\n ~ ; & | ä 漢字 🦀 {{}} % end of line;")
    });
    lines.collect::<Vec<_>>().join("\n")
}

/// Waits until a composer shows that it is ready and the shell that set it up has become the program.
pub(crate) async fn ready(runtime: &dyn Runtime, address: &Address) {
    shows(runtime, address, "ready>").await;
    eventually("the program in the foreground", async || {
        let Probe::Alive { pid: Some(pid) } = runtime.probe(address).await else { return None };
        let name = std::fs::read_to_string(format!("/proc/{pid}/comm")).ok()?;
        (!matches!(name.trim(), "sh" | "env")).then_some(())
    })
    .await;
}

/// Waits until a file holds exactly `text`.
pub(crate) async fn holds(file: &Path, text: &str) {
    let mut last = String::new();
    let seen = async {
        loop {
            last = std::fs::read_to_string(file).unwrap_or_default();
            if last == text {
                return;
            }
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    };
    let seen = tokio::time::timeout(PATIENCE, seen).await;
    assert!(seen.is_ok(), "the file never held what was expected; at last it held\n{last:?}\nnot\n{text:?}");
}

/// The processes of the launches in `root`.
pub(crate) fn processes(root: &Path) -> Vec<u32> {
    let mark = format!("{}={}", super::address::MARKER, root.display());
    let names = |pid: &u32| {
        let environment = std::fs::read(format!("/proc/{pid}/environ")).unwrap_or_default();
        environment.split(|byte| *byte == 0).any(|variable| variable.starts_with(mark.as_bytes()))
    };
    running().filter(names).collect()
}

/// Kills what a failed test left behind, and every program that was told of something in `root`.
pub(crate) fn kill_all(root: &Path) {
    let told = |pid: &u32| {
        let arguments = std::fs::read(format!("/proc/{pid}/cmdline")).unwrap_or_default();
        *pid != std::process::id() && String::from_utf8_lossy(&arguments).contains(root.to_str().unwrap())
    };
    for pid in processes(root).into_iter().chain(running().filter(told)) {
        let pid = rustix::process::Pid::from_raw(i32::try_from(pid).unwrap()).unwrap();
        let _ = rustix::process::kill_process(pid, rustix::process::Signal::KILL);
    }
}

/// The environment of a process.
pub(crate) fn environment(pid: u32) -> std::collections::BTreeMap<String, String> {
    let environment = std::fs::read(format!("/proc/{pid}/environ")).unwrap_or_default();
    let text = String::from_utf8(environment).unwrap();
    let variables = text.split_terminator('\0').filter_map(|variable| variable.split_once('='));
    variables.map(|(name, value)| (name.to_owned(), value.to_owned())).collect()
}

fn running() -> impl Iterator<Item = u32> {
    let entries = std::fs::read_dir("/proc").unwrap().flatten();
    entries.filter_map(|entry| entry.file_name().to_str()?.parse().ok())
}

/// A person at the other end of a [`Connection`].
pub(crate) struct Viewer {
    keys: tokio::sync::mpsc::Sender<Input>,
    shown: std::sync::Arc<std::sync::Mutex<Vec<u8>>>,
    left: tokio::sync::oneshot::Receiver<std::io::Result<Left>>,
    _tasks: crate::background::Tasks,
}

impl Viewer {
    pub(crate) fn at(connection: Connection) -> Self {
        let (keys, input) = tokio::sync::mpsc::channel(16);
        let (to, left) = tokio::sync::oneshot::channel();
        let (output, mut end) = tokio::io::duplex(1 << 20);
        let shown = std::sync::Arc::new(std::sync::Mutex::new(Vec::new()));
        let tasks = crate::background::Tasks::new();
        tasks.spawn("viewer", |_| async move { drop(to.send(connection.relay(input, output).await)) });
        let seen = shown.clone();
        tasks.spawn("screen", |_| async move {
            use tokio::io::AsyncReadExt as _;
            let mut chunk = [0; 4096];
            while let Ok(read @ 1..) = end.read(&mut chunk).await {
                seen.lock().unwrap().extend_from_slice(&chunk[..read]);
            }
        });
        Self { keys, shown, left, _tasks: tasks }
    }

    pub(crate) async fn type_keys(&mut self, keys: &[u8]) {
        self.keys.send(Input::Keys(keys.to_vec())).await.unwrap();
    }

    pub(crate) async fn resize(&self, columns: u16, rows: u16) {
        self.keys.send(Input::Size(columns, rows)).await.unwrap();
    }

    /// What was shown to this person so far.
    pub(crate) fn saw(&self) -> String {
        String::from_utf8_lossy(&self.shown.lock().unwrap()).into_owned()
    }

    pub(crate) async fn sees(&self, text: &str) {
        eventually(text, async || self.saw().contains(text).then_some(())).await;
    }

    /// How this person's connection ended.
    pub(crate) async fn left(self) -> Left {
        tokio::time::timeout(PATIENCE, self.left).await.unwrap().unwrap().unwrap()
    }
}
