//! `antiphon hook`: writes what an agent's hook says into the spool of its launch. It succeeds whatever happens, and
//! says nothing: a hook that fails or talks would disturb the agent, and there is nobody else to tell.
//!
//! With `--reply` it waits for a moment whether there is more to do, and answers the agent with that.

use std::io::{Cursor, Write as _};

use serde_json::json;

use crate::{
    agent::{
        inbox::{HOOK_PATIENCE, Inbox},
        spool::{self, Slot},
    },
    clock::Clock,
    config::Environment,
};

#[derive(Debug, clap::Args)]
pub(super) struct Arguments {
    /// Waits for what is to be done next, and answers with it in this form
    #[arg(long, value_enum)]
    reply: Option<Reply>,
    /// What the agent passes as an argument instead of on standard input
    #[arg(allow_hyphen_values = true)]
    report: Option<String>,
}

/// How agents want to be told at the end of a turn that there is more to do.
#[derive(Debug, Clone, Copy, clap::ValueEnum)]
enum Reply {
    /// `{"decision":"block","reason":…}`
    Block,
    /// `{"followup_message":…}`
    Followup,
}

pub(super) fn run(arguments: Arguments, environment: &Environment) {
    let Some(slot) = Slot::of(environment.variables()) else { return };
    let inbox = slot.dir.parent().map(Inbox::of);
    // It says first that it waits: the daemon may be quicker than this process.
    let attended = inbox.filter(|inbox| arguments.reply.is_some() && inbox.attend().is_ok());
    let waiting = arguments.reply.zip(attended);
    let now = Clock::system().now();
    let heard = match arguments.report {
        Some(report) => spool::report(slot, Cursor::new(report), waiting.is_some(), now),
        None => spool::report(slot, std::io::stdin(), waiting.is_some(), now),
    };
    let Some((reply, inbox)) = waiting else { return };
    match heard {
        Ok(true) => drop(inbox.wait(HOOK_PATIENCE).map(|prompt| answer(reply, &prompt))),
        // What could not be recorded is seen by a look later; without a daemon nobody has more to do.
        Ok(false) | Err(_) => drop(inbox.dismiss()),
    }
}

fn answer(reply: Reply, prompt: &str) {
    let answer = match reply {
        Reply::Block => json!({ "decision": "block", "reason": prompt }),
        Reply::Followup => json!({ "followup_message": prompt }),
    };
    let mut out = std::io::stdout().lock();
    // An agent that no longer listens will not have read it, and nobody will find a receipt.
    drop(writeln!(out, "{answer}").and_then(|()| out.flush()));
}
