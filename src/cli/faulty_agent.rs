//! `antiphon faulty-agent`: the agent of the bench, which misbehaves on order.

use std::{ffi::OsString, path::PathBuf, process::ExitCode, time::Duration};

use crate::{
    config::Environment,
    simulator::faulty::{self, Mailbox},
};

#[derive(Debug, clap::Args)]
pub(super) struct Arguments {
    /// Below this directory it has one for each session: orders come there, and its diary lies there
    #[arg(long, value_name = "DIR")]
    dir: PathBuf,
    /// How long a turn takes, in milliseconds
    #[arg(long, default_value_t = 100)]
    turn_ms: u64,
    /// Takes messages out of the inbox of its launch as well, as a plugin of an agent does
    #[arg(long)]
    inbox: bool,
    /// Takes messages out of a queue of its own as well
    #[arg(long, conflicts_with = "inbox")]
    queue: bool,
    /// Puts a message into the queue of the agent of this session, and ends
    #[arg(long, value_name = "MESSAGE")]
    put: Option<String>,
    /// A command that is told of prompts and turns, as agents' hooks are
    #[arg(last = true)]
    hook: Vec<OsString>,
}

pub(super) fn run(arguments: Arguments, environment: &Environment) -> ExitCode {
    let dir = arguments.dir.join(environment.var("ANTIPHON_SESSION").unwrap_or("alone"));
    if let Some(message) = arguments.put {
        let put = Mailbox::queue_of(&dir).and_then(|queue| queue.put(&message));
        return if put.is_ok() { ExitCode::SUCCESS } else { ExitCode::FAILURE };
    }
    let inbox = environment.var("ANTIPHON_INBOX").filter(|_| arguments.inbox).map(|dir| Mailbox::Inbox(dir.into()));
    let queue = || Mailbox::queue_of(&dir).ok().filter(|_| arguments.queue);
    let code = faulty::run(faulty::Arguments {
        mailbox: inbox.or_else(queue),
        dir,
        workspace: environment.dir().to_owned(),
        env: environment.variables().iter().map(|(name, value)| (name.into(), value.into())).collect(),
        hook: arguments.hook,
        turn: Duration::from_millis(arguments.turn_ms),
    });
    ExitCode::from(u8::try_from(code).unwrap_or(1))
}
