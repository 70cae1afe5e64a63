//! The scripted agent: a program in a terminal that works as a coding agent would, without a model.
//!
//! ```text
//! bytes of the terminal ─▶ keys ─▶ a message ─▶ reading ─▶ edits ─▶ work: files, git ─▶ commit, push
//! ```
//!
//! It knows only the bytes of its terminal and its working directory. It never asks the simulator anything, and it
//! understands only messages that say plainly what is to be done.

mod acp;
pub(in crate::simulator) mod hooks;
pub(in crate::simulator) mod keys;
mod reading;
mod stream_json;
pub(in crate::simulator) mod terminal;
mod wire;
mod work;

use std::{
    collections::BTreeMap,
    ffi::OsString,
    io::{self, Read, Write},
    path::PathBuf,
    sync::LazyLock,
};

use regex::Regex;
use serde_json::{Value, json};

use self::{
    hooks::Hooks,
    keys::{Key, Keys},
    terminal::RawMode,
    wire::Wire,
    work::Workplace,
};

/// Asks the terminal to mark pastes, and takes it back.
const PASTES_MARKED: &str = "\u{1b}[?2004h";
const PASTES_PLAIN: &str = "\u{1b}[?2004l";
/// What the agent shows when it waits for a message.
const PROMPT: &str = "scripted> ";

/// The mark of a message by which its sender recognises it.
static MARKER: LazyLock<Regex> =
    LazyLock::new(|| Regex::new(r"\[antiphon:[^\]\s]+\]").expect("the pattern is part of the source and tested"));

/// How the agent is started.
#[derive(Debug, Clone)]
pub struct AgentArgs {
    /// The working directory: a git worktree.
    pub dir: PathBuf,
    /// The environment that its children get.
    pub env: BTreeMap<OsString, OsString>,
    /// A command that is told of every turn's beginning and end by JSON on its standard input; empty for none.
    pub hook: Vec<OsString>,
    /// What the hook is told as the session's id.
    pub session_id: String,
    /// A pause between steps, in milliseconds, so that people can follow.
    pub delay_ms: u64,
    /// Where every byte of the terminal is noted as it comes: what was really typed.
    pub record: Option<PathBuf>,
}

/// Runs the agent on the terminal of this process until that closes. The exit code.
#[must_use]
pub fn run(args: AgentArgs) -> i32 {
    // Restored when it goes out of scope.
    let _raw = RawMode::enter();
    match Agent::new(args).and_then(|mut agent| agent.converse(&mut io::stdin().lock(), &mut io::stdout().lock())) {
        Ok(code) => code,
        Err(error) if error.kind() == io::ErrorKind::BrokenPipe => 0,
        Err(_) => 1,
    }
}

/// Runs the agent without a terminal, by the Agent Client Protocol, until its input ends. The exit code.
#[must_use]
pub fn run_by_acp(args: AgentArgs) -> i32 {
    without_terminal(args, false, Agent::converse_by_acp)
}

/// Runs the agent without a terminal, by JSON lines as Claude Code takes them, until its input ends. It asks nobody if it is
/// `permitted` everything. The exit code.
#[must_use]
pub fn run_by_stream_json(args: AgentArgs, permitted: bool) -> i32 {
    without_terminal(args, permitted, Agent::converse_by_stream_json)
}

fn without_terminal(
    args: AgentArgs,
    permitted: bool,
    converse: impl FnOnce(&Agent, &mut Wire<'_>) -> io::Result<i32>,
) -> i32 {
    let (input, output) = (&mut io::stdin().lock(), &mut io::stdout().lock());
    let mut wire = Wire { input, output, permitted, asked: 0 };
    Agent::new(args).and_then(|agent| converse(&agent, &mut wire)).unwrap_or(1)
}

/// The agent between any two streams of bytes.
pub(super) struct Agent {
    args: AgentArgs,
    runtime: tokio::runtime::Runtime,
}

impl Agent {
    /// An agent that waits for messages.
    pub(super) fn new(args: AgentArgs) -> io::Result<Self> {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
        Ok(Self { args, runtime })
    }

    /// Reads messages and works on each, until the input ends or says so.
    pub(super) fn converse(&mut self, input: &mut dyn Read, output: &mut dyn Write) -> io::Result<i32> {
        let mut keys = Keys::default();
        write!(output, "{PASTES_MARKED}{PROMPT}")?;
        output.flush()?;
        let mut chunk = [0; 4096];
        loop {
            let read = input.read(&mut chunk)?;
            if read == 0 {
                return Ok(0);
            }
            self.note(&chunk[..read])?;
            for byte in &chunk[..read] {
                match keys.press(*byte) {
                    Some(Key::Show(text)) => write!(output, "{}", text.replace('\n', "\r\n"))?,
                    Some(Key::Erase(count)) => write!(output, "{}", "\u{8} \u{8}".repeat(count))?,
                    Some(Key::Submit(message)) => self.turn(&message, output)?,
                    Some(Key::Interrupt) => write!(output, "^C\r\n{PROMPT}")?,
                    Some(Key::End) => {
                        write!(output, "{PASTES_PLAIN}\r\n")?;
                        return Ok(0);
                    }
                    None => {}
                }
            }
            output.flush()?;
        }
    }

    fn note(&self, bytes: &[u8]) -> io::Result<()> {
        let Some(path) = &self.args.record else { return Ok(()) };
        std::fs::OpenOptions::new().create(true).append(true).open(path)?.write_all(bytes)
    }

    /// One turn: receipt, hook, work, hook.
    fn turn(&self, message: &str, output: &mut dyn Write) -> io::Result<()> {
        if message.trim().is_empty() {
            return write!(output, "\r\n{PROMPT}");
        }
        write!(output, "\r\n")?;
        for marker in MARKER.find_iter(message) {
            write!(output, "received {}\r\n", marker.as_str())?;
        }
        output.flush()?;
        self.tell_hook(&json!({ "hook_event_name": "UserPromptSubmit", "prompt": message }), output)?;
        let workplace = Workplace::new(&self.args, &self.runtime);
        workplace.carry_out(&reading::read(message), output)?;
        self.tell_hook(&json!({ "hook_event_name": "Stop", "stop_hook_active": false }), output)?;
        write!(output, "{PROMPT}")
    }

    fn tell_hook(&self, event: &Value, output: &mut dyn Write) -> io::Result<()> {
        let AgentArgs { hook, dir, env, session_id, .. } = &self.args;
        let hooks = Hooks { argv: hook, dir, env };
        match self.runtime.block_on(hooks.tell(event.clone(), session_id)) {
            Ok(()) => Ok(()),
            Err(why) => write!(output, "hook {why}\r\n"),
        }
    }
}

#[cfg(test)]
mod tests;
