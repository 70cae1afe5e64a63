//! What the bench is asked for.

use std::path::PathBuf;

use super::fault::Fault;

const EXAMPLES: &str = "\
Examples:
  antiphon bench delivery                                     2,000 prompts, every fault, both runtimes
  antiphon bench delivery --prompts 200 --runtime pty         a shorter look at one runtime
  antiphon bench delivery --channel inbox                     without keystrokes, as OpenCode gets its prompts
  antiphon bench delivery --channel queue                     by the agents' own queue, as Codex gets them
  antiphon bench delivery --faults dialog,shell --seed 7      two faults, in the order of another seed
  antiphon bench delivery --json > delivery.json              the same numbers for programs

It starts a simulated GitHub, the real daemon and agents that misbehave on order, all of them private and on this machine
alone, and clears them away. It exits with 5 if a prompt was duplicated, reached another session, was executed, was
altered, or cannot be accounted for.";

#[derive(Debug, clap::Args)]
#[command(
    after_help = "Examples:\n  antiphon bench delivery          sends prompts under faults, and counts what arrives"
)]
pub(in crate::cli) struct Arguments {
    #[command(subcommand)]
    pub(super) what: What,
}

/// What is measured.
#[derive(Debug, clap::Subcommand)]
pub(super) enum What {
    /// Sends prompts under faults, and counts what arrives
    Delivery(Delivery),
}

#[derive(Debug, clap::Args)]
#[command(after_help = EXAMPLES)]
pub(super) struct Delivery {
    /// How many prompts, over all faults and runtimes
    #[arg(long, value_name = "N", default_value_t = 2_000)]
    pub(super) prompts: usize,
    /// Where the agents' terminals live
    #[arg(long, value_name = "NAME", default_value = "both")]
    pub(super) runtime: Homes,
    /// How messages reach the agents: keys in their terminals, the inbox that a plugin of theirs takes them from, or a command
    /// that puts them into their own queue
    #[arg(long, value_name = "NAME", default_value = "terminal")]
    pub(super) channel: Way,
    /// Decides in which order what happens, and when exactly
    #[arg(long, value_name = "N", default_value_t = 1)]
    pub(super) seed: u64,
    /// Only these faults, with commas between them
    #[arg(long, value_name = "LIST", value_delimiter = ',')]
    pub(super) faults: Vec<Fault>,
    /// Agents in each runtime
    #[arg(long, value_name = "N", default_value_t = 10, value_parser = clap::value_parser!(u32).range(1..=100))]
    pub(super) sessions: u32,
    /// Divides every duration that the daemon waits
    #[arg(long, value_name = "N", default_value_t = 10, value_parser = clap::value_parser!(u32).range(1..=100))]
    pub(super) time_scale: u32,
    /// Prints the numbers as JSON
    #[arg(long)]
    pub(super) json: bool,
    /// Works in this new or empty directory, and leaves everything there
    #[arg(long, value_name = "DIR")]
    pub(super) keep: Option<PathBuf>,
}

/// How messages reach the agents.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub(super) enum Way {
    /// They are typed.
    Terminal,
    /// A plugin takes them out of the inbox.
    Inbox,
    /// A command of theirs puts them into their own queue.
    Queue,
}

impl Way {
    /// Its name.
    pub(super) const fn name(self) -> &'static str {
        match self {
            Self::Terminal => "terminal",
            Self::Inbox => "inbox",
            Self::Queue => "queue",
        }
    }
}

/// Where a terminal lives.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Home {
    /// A terminal held by a small process of ours.
    Pty,
    /// A window of a private tmux server.
    Tmux,
}

/// Which of them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub(super) enum Homes {
    /// Terminals held by small processes of ours.
    Pty,
    /// Windows of a private tmux server.
    Tmux,
    /// One after the other, or beside each other.
    Both,
}

impl Homes {
    /// Each of them.
    pub(super) const fn each(self) -> &'static [Home] {
        match self {
            Self::Pty => &[Home::Pty],
            Self::Tmux => &[Home::Tmux],
            Self::Both => &[Home::Pty, Home::Tmux],
        }
    }
}

impl Home {
    /// The runtime's name.
    pub(super) const fn name(self) -> &'static str {
        match self {
            Self::Pty => "pty",
            Self::Tmux => "tmux",
        }
    }
}

impl Delivery {
    /// The faults that are wanted, in the order of the table.
    pub(super) fn wanted(&self) -> Vec<Fault> {
        Fault::ALL.into_iter().filter(|fault| self.faults.is_empty() || self.faults.contains(fault)).collect()
    }
}

impl Arguments {
    /// Whether programs read along.
    pub(in crate::cli) const fn json(&self) -> bool {
        match &self.what {
            What::Delivery(delivery) => delivery.json,
        }
    }
}
