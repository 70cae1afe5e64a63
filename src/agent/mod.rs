//! The agents' command lines: how each is launched, what it tells us, and what proves that it has read a prompt.
//!
//! ```text
//! Settings + Start ── plan (pure) ──▶ Plan: argv, environment, private files, gate patterns ──▶ the runtime
//!
//! the agent's hook ──▶ spool::record (in its own process) ──▶ one line on disk ──▶ spool::drain ──▶ HookEvent
//! the agent's transcript ──▶ transcript::find ─────────────────────────────────────────────────▶ a quote
//! ```
//!
//! Invariants:
//! - Nothing outside this module knows a flag, a hook name or a screen of an agent.
//! - No launched process holds a GitHub token: none is inherited, and none is ever put there (`environment`).
//! - The user's own files are not written; settings of ours lie in the launch's private directory.
//! - A hook never fails, blocks or slows its agent down, whatever happens to us.

mod claude;
mod codex;
mod detect;
pub mod doorbell;
mod environment;
mod generic;
mod hook;
mod plan;
mod receipt;
mod shell;
pub mod spool;
mod start;
pub mod transcript;

pub use self::{
    detect::{Found, detect},
    environment::Withhold,
    hook::{HookEvent, HookKind},
    plan::{BadPattern, Gate, Plan, PlannedFile, plan},
    receipt::evidence_in,
    start::{Committer, Contact, GitSetup, Permissions, Settings, Start},
};

/// The agents that are known by name. Any other program is driven as [`Adapter::Generic`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Adapter {
    /// Claude Code.
    Claude,
    /// Codex CLI.
    Codex,
    /// Any program that reads prompts from its terminal.
    Generic,
}

impl Adapter {
    /// The adapter for a command, by the file name of its program.
    #[must_use]
    pub fn of(command: &[String]) -> Self {
        let program = command.first().map(String::as_str).unwrap_or_default();
        let file = program.rsplit(['/', '\\']).next().unwrap_or_default().to_ascii_lowercase();
        let name = [".exe", ".cmd", ".bat", ".ps1"].iter().find_map(|end| file.strip_suffix(end)).unwrap_or(&file);
        match name {
            "claude" => Self::Claude,
            "codex" => Self::Codex,
            _ => Self::Generic,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_adapter_is_found_by_its_program() {
        let of = |program: &str| Adapter::of(&[program.to_owned(), "--model".to_owned()]);

        assert_eq!(of("claude"), Adapter::Claude);
        assert_eq!(of("/opt/x/bin/claude"), Adapter::Claude);
        assert_eq!(of(r"C:\tools\Claude.EXE"), Adapter::Claude);
        assert_eq!(of("codex"), Adapter::Codex);
        assert_eq!(of("claude-wrapper"), Adapter::Generic);
        assert_eq!(Adapter::of(&[]), Adapter::Generic);
    }
}
