//! `antiphon adopt`: lets an agent carry an open pull request on.

use super::{
    caller::{Caller, request_id},
    error::Error,
    granted,
    spawn::one_repository,
    subject::{Kind, Numbered},
};
use crate::{
    model::{AgentName, ConversationId, PrNumber, RepoName},
    view,
};

const EXAMPLES: &str = "\
Examples:
  antiphon adopt 34                                       of the only repository
  antiphon adopt octo-org/hello#34 --agent codex
  antiphon adopt https://github.com/octo-org/hello/pull/34
  antiphon adopt 34 --agent claude --conversation 5c6e9c0e-8f2c-4c7e-9f3e-1b2d3c4d5e6f";

#[derive(Debug, clap::Args)]
#[command(after_help = EXAMPLES)]
pub(super) struct Arguments {
    /// The pull request: number, owner/name#number or address
    #[arg(value_name = "PULL")]
    pull: String,
    /// The repository, where the pull request does not name it and there are several
    #[arg(long, value_name = "OWNER/NAME")]
    repo: Option<RepoName>,
    /// The agent; default: the repository's
    #[arg(long, value_name = "NAME")]
    agent: Option<AgentName>,
    /// Goes on from your conversation with the agent program, by its id (Claude Code, Codex); yours stays as it is
    #[arg(long, value_name = "ID")]
    conversation: Option<ConversationId>,
    /// Prints the answer as JSON
    #[arg(long)]
    pub(super) json: bool,
}

pub(super) fn run(arguments: Arguments, caller: &Caller) -> Result<(), Error> {
    let json = arguments.json;
    let wish = wish(arguments)?;
    granted::ask(caller, json, async |client| client.adopt(&wish).await)
}

fn wish(arguments: Arguments) -> Result<view::Adopt, Error> {
    let Arguments { pull, repo, agent, conversation, .. } = arguments;
    let numbered = Numbered::parse(&pull).ok_or_else(|| {
        Error::invalid(format!("{pull:?} is no pull request"))
            .hint("name it as 34, octo-org/hello#34 or by its address")
    })?;
    if numbered.kind == Some(Kind::Issue) {
        let message = format!("{pull} is an issue, and `adopt` carries a pull request on");
        return Err(Error::invalid(message).hint(format!("begin with it: `antiphon spawn {pull}`")));
    }
    let repo = one_repository(numbered.repo, repo)?;
    Ok(view::Adopt { request: request_id()?, repo, number: PrNumber(numbered.number), agent, conversation })
}
