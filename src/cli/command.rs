//! The commands by name, and which file carries each out.

use std::process::ExitCode;

use clap::Subcommand;

use super::{
    adopt, attach, bench, caller::Caller, completions, demo, doctor, error::Error, exit_codes, faulty_agent, gc,
    git_credential, github, headless, hold, hook, init, journal, logs, open, reactions, record, recording, retry,
    scripted_agent, send, spawn, status, stop, undo, up, webhook,
};

/// What can be asked for.
#[derive(Debug, Subcommand)]
pub(super) enum Command {
    /// Writes the settings for a clone, and says what to do next
    Init(init::Arguments),
    /// Connects GitHub, and checks the connection
    #[command(name = "github")]
    GitHub(github::Arguments),
    /// Receives deliveries on a machine that GitHub cannot reach
    Webhook(webhook::Arguments),
    /// Plays the whole story on this machine: no account, no key, no network
    Demo(demo::Arguments),
    /// Runs the daemon
    Up(up::Arguments),
    /// Shows what needs you, the tasks and the pull requests
    Status(status::Arguments),
    /// Puts an agent to work on an issue, or on what you say
    Spawn(spawn::Arguments),
    /// Lets an agent carry an open pull request on
    Adopt(adopt::Arguments),
    /// Says something to an agent
    Send(send::Arguments),
    /// Connects your terminal to that of an agent
    Attach(attach::Arguments),
    /// Finds the recordings of an agent's terminal
    Recording(recording::Arguments),
    /// Shows what happened to a task, and why
    Logs(logs::Arguments),
    /// Gives a task up: ends its agent, keeps its work
    Stop(stop::Arguments),
    /// Tries again what was given up or waits for you
    Retry(retry::Arguments),
    /// Removes the workspaces of ended tasks, and keeps what they alone hold
    Gc(gc::Arguments),
    /// Brings back what a removed workspace held
    Undo(undo::Arguments),
    /// Opens the page in a browser
    Open(open::Arguments),
    /// Checks everything that has to be right, and says how to mend it
    Doctor(doctor::Arguments),
    /// Checks and explains the rules
    Reactions(reactions::Arguments),
    /// Looks into the durable record
    Journal(journal::Arguments),
    /// Measures on this machine what is promised
    Bench(bench::Arguments),
    /// Prints a script that completes commands in a shell
    Completions(completions::Arguments),
    /// What exit codes mean
    #[command(hide = true, long_about = exit_codes::text())]
    ExitCodes,
    /// Holds the terminal of one launch
    #[command(hide = true)]
    Hold(hold::Arguments),
    /// Shows an agent without a terminal of its own in this one
    #[command(hide = true)]
    Headless(headless::Arguments),
    /// Records a terminal of tmux
    #[command(hide = true)]
    Record(record::Arguments),
    /// Records what an agent's hook says
    #[command(hide = true)]
    Hook(hook::Arguments),
    /// Answers git's question for a credential
    #[command(hide = true)]
    GitCredential(git_credential::Arguments),
    /// An agent for the demo, without a model
    #[command(hide = true)]
    ScriptedAgent(scripted_agent::Arguments),
    /// An agent for the bench, which misbehaves on order
    #[command(hide = true)]
    FaultyAgent(faulty_agent::Arguments),
}

impl Command {
    /// Carries it out.
    pub(super) fn run(self, caller: &Caller) -> Result<ExitCode, Error> {
        let environment = &caller.environment;
        match self {
            Self::Init(arguments) => init::run(&arguments, caller),
            Self::GitHub(arguments) => github::run(&arguments, caller),
            Self::Webhook(arguments) => webhook::run(&arguments, caller),
            Self::Up(arguments) => up::run(&arguments, caller),
            Self::Status(arguments) => status::run(&arguments, caller),
            Self::Spawn(arguments) => spawn::run(arguments, caller),
            Self::Adopt(arguments) => adopt::run(arguments, caller),
            Self::Send(arguments) => send::run(arguments, caller),
            Self::Attach(arguments) => attach::run(arguments, caller),
            Self::Recording(arguments) => recording::run(&arguments, caller),
            Self::Logs(arguments) => logs::run(&arguments, caller),
            Self::Stop(arguments) => stop::run(arguments, caller),
            Self::Retry(arguments) => retry::run(arguments, caller),
            Self::Gc(arguments) => gc::run(&arguments, caller),
            Self::Undo(arguments) => undo::run(arguments, caller),
            Self::Open(arguments) => open::run(&arguments, caller),
            Self::Doctor(arguments) => doctor::run(&arguments, caller),
            Self::Reactions(arguments) => reactions::run(&arguments, caller),
            Self::Journal(arguments) => journal::run(&arguments, caller),
            Self::Completions(arguments) => completions::run(&arguments),
            Self::ExitCodes => exit_codes::run(),
            Self::GitCredential(arguments) => git_credential::run(&arguments, environment),
            Self::Hook(arguments) => {
                hook::run(arguments, environment);
                Ok(())
            }
            Self::Demo(arguments) => return demo::run(&arguments, caller),
            Self::Bench(arguments) => return bench::run(&arguments, caller),
            Self::Hold(arguments) => return Ok(hold::run(&arguments)),
            Self::Headless(arguments) => return headless::run(arguments, environment),
            Self::Record(arguments) => return Ok(record::run(&arguments)),
            Self::ScriptedAgent(arguments) => return Ok(scripted_agent::run(arguments, environment)),
            Self::FaultyAgent(arguments) => return Ok(faulty_agent::run(arguments, environment)),
        }
        .map(|()| ExitCode::SUCCESS)
    }

    /// Whether errors are to be JSON: for those who asked for their results as JSON.
    pub(super) const fn wants_json(&self) -> bool {
        match self {
            Self::Demo(arguments) => arguments.json(),
            Self::Bench(arguments) => arguments.json(),
            Self::GitHub(arguments) => arguments.json(),
            Self::Status(arguments) => arguments.json,
            Self::Spawn(arguments) => arguments.json,
            Self::Adopt(arguments) => arguments.json,
            Self::Send(arguments) => arguments.json,
            Self::Recording(arguments) => arguments.json,
            Self::Logs(arguments) => arguments.json,
            Self::Stop(arguments) => arguments.json,
            Self::Retry(arguments) => arguments.json,
            Self::Gc(arguments) => arguments.json,
            Self::Undo(arguments) => arguments.json,
            Self::Doctor(arguments) => arguments.json,
            Self::Reactions(arguments) => arguments.json(),
            Self::Journal(arguments) => arguments.json(),
            Self::Init(_)
            | Self::Up(_)
            | Self::Webhook(_)
            | Self::Attach(_)
            | Self::Open(_)
            | Self::Completions(_)
            | Self::ExitCodes
            | Self::Hold(_)
            | Self::Headless(_)
            | Self::Record(_)
            | Self::Hook(_)
            | Self::GitCredential(_)
            | Self::ScriptedAgent(_)
            | Self::FaultyAgent(_) => false,
        }
    }
}
