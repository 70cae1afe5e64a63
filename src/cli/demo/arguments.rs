//! What the demo is asked for.

use std::{path::PathBuf, time::Duration};

const EXAMPLES: &str = "\
Examples:
  antiphon demo                             plays the story, then leaves the page open
  antiphon demo --once --json               for programs: facts as they happen, then the summary
  antiphon demo --extra-test ./check.sh     with another failing check, which is put right as well
  antiphon demo --agent claude              with Claude Code, as it is installed here

A check is a shell script that prints FILE:LINE: expected \"A\", found \"B\" for each deviation, and fails.
It exits with 0 only if the story ended in a merge.";

#[derive(Debug, clap::Args)]
#[command(after_help = EXAMPLES)]
pub(in crate::cli) struct Arguments {
    #[command(flatten)]
    pub(super) manner: Manner,
    /// Who works: `scripted` needs no model; `claude` is Claude Code as it is installed here
    #[arg(long, value_name = "NAME", default_value = "scripted")]
    pub(super) agent: Actor,
    /// Where the agent's terminal lives
    #[arg(long, value_name = "NAME")]
    pub(super) runtime: Option<Home>,
    /// Work in this new or empty directory, and leave everything there
    #[arg(long, value_name = "DIR")]
    pub(super) keep: Option<PathBuf>,
    /// Milliseconds that people and the scripted agent pause, so that one can follow
    #[arg(long, value_name = "N", default_value_t = 1000)]
    pub(super) pace: u64,
    /// Seconds without any progress after which the demo fails; by default 90, with a real agent 900
    #[arg(long, value_name = "SECONDS")]
    patience: Option<u64>,
    /// Puts a shell check into `tests/` of the repository before the story begins
    #[arg(long, value_name = "FILE")]
    pub(super) extra_test: Vec<PathBuf>,
    /// Does not answer red checks: the story then has to fail
    #[arg(long, hide = true)]
    pub(super) withhold_prompts: bool,
}

#[derive(Debug, Clone, Copy, clap::Args)]
pub(super) struct Manner {
    /// End with the story, instead of leaving the page open
    #[arg(long)]
    pub(super) once: bool,
    /// One JSON object a line; the last one is the summary
    #[arg(long)]
    json: bool,
}

/// Who works.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub(super) enum Actor {
    /// The agent without a model.
    Scripted,
    /// Claude Code.
    Claude,
}

/// Where the agent's terminal lives.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub(super) enum Home {
    /// A terminal held by a small process of ours.
    Pty,
    /// A window of a private tmux server.
    Tmux,
}

impl Arguments {
    /// Whether programs read along.
    pub(in crate::cli) const fn json(&self) -> bool {
        self.manner.json
    }

    pub(super) fn patience(&self) -> Duration {
        let usual = match self.agent {
            Actor::Scripted => 90,
            Actor::Claude => 900,
        };
        Duration::from_secs(self.patience.unwrap_or(usual))
    }
}
