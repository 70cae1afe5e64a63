//! `antiphon attach`: connects your terminal to that of an agent.

use super::{
    caller::{Caller, Log, wait_for},
    error::{Error, Kind},
    output,
};
use crate::{
    app,
    clock::Clock,
    model::{Generation, SessionId},
    process,
    runtime::{
        self, Address,
        attach::{Connection, Left, size},
    },
};

const EXAMPLES: &str = "\
Examples:
  antiphon attach hello-12                                type along with the agent
  antiphon attach hello-12 --read-only                    only look

Detach with ctrl-b d; where the session is not in tmux, ctrl-\\ does it too. The agent goes on.";

#[derive(Debug, clap::Args)]
#[command(after_help = EXAMPLES)]
pub(super) struct Arguments {
    /// The session, which bears its task's name
    session: SessionId,
    /// Passes no key on
    #[arg(long, short)]
    read_only: bool,
}

pub(super) fn run(arguments: Arguments, caller: &Caller) -> Result<(), Error> {
    caller.start_log(Log::Command, false);
    let Arguments { session, read_only } = arguments;
    let client = caller.client()?;
    let shown = size().map_err(|error| {
        Error::invalid("standard input is no terminal")
            .because(&error)
            .hint("look at the session on the page: `antiphon open`")
    })?;
    wait_for(async {
        let terminal = client.terminal(&session).await?;
        let address = Address { session, generation: Generation(terminal.generation) };
        match terminal.runtime.as_str() {
            "pty" => pty(caller, &address, shown, read_only).await,
            "tmux" => tmux(caller, &address, read_only),
            other => Err(Error::failed(format!("this version cannot attach to the runtime `{other}`"))),
        }
    })
}

async fn pty(caller: &Caller, address: &Address, size: (u16, u16), read_only: bool) -> Result<(), Error> {
    let runtime = app::pty(Vec::new(), &caller.state_dir()?, runtime::Settle::TYPICAL);
    let connection = Connection::open(&runtime, address, size, read_only).await.map_err(|error| unreachable(&error))?;
    let left = connection.take_over().await.map_err(|error| unreachable(&error))?;
    match left {
        Left::Detached => output::remark("detached; the agent goes on"),
        Left::Ended(_) => output::remark("its program has ended"),
        Left::Lost => return Err(Error::failed("the connection to the session was lost")),
    }
    Ok(())
}

fn tmux(caller: &Caller, address: &Address, read_only: bool) -> Result<(), Error> {
    let runtime = app::tmux(&caller.state_dir()?, runtime::Settle::TYPICAL, Clock::system());
    let mut environment = caller.environment.variables().clone();
    // Our server is another one than the person's own, so this is no nesting that tmux should refuse.
    environment.remove("TMUX");
    let ended = process::on_this_terminal(&runtime.attach_argv(address, read_only), &environment);
    match ended {
        Ok(Some(0)) => Ok(()),
        Ok(_) => Err(Error::new(Kind::Refused, "tmux could not attach").hint("see why with `antiphon status`")),
        Err(error) => Err(Error::failed(error.to_string()).hint("install tmux, in which this session lives")),
    }
}

fn unreachable(error: &runtime::Error) -> Error {
    Error::new(Kind::Refused, "the session's terminal cannot be reached")
        .because(error)
        .hint("see how the session is with `antiphon status`")
}
