//! `antiphon spawn`: puts an agent to work on an issue, or on what was typed.

use super::{
    caller::{Caller, request_id},
    error::Error,
    granted,
    send::words,
    subject::{Kind, Numbered},
};
use crate::{
    model::{AgentName, IssueNumber, RepoName},
    view,
};

const EXAMPLES: &str = "\
Examples:
  antiphon spawn 12                                       the issue of the only repository
  antiphon spawn octo-org/hello#12 --agent codex          with another agent than usual
  antiphon spawn https://github.com/octo-org/hello/issues/12
  antiphon spawn \"greet people by name\" --repo octo-org/hello
  antiphon spawn - < task.md                              what a file says";

#[derive(Debug, clap::Args)]
#[command(after_help = EXAMPLES)]
pub(super) struct Arguments {
    /// An issue (number, owner/name#number or address), words, or `-` for standard input
    #[arg(required = true, value_name = "ISSUE|WORDS")]
    target: Vec<String>,
    /// The repository, where the target does not name it and there are several
    #[arg(long, value_name = "OWNER/NAME")]
    repo: Option<RepoName>,
    /// The agent; default: the repository's
    #[arg(long, value_name = "NAME")]
    agent: Option<AgentName>,
    /// Prints the answer as JSON
    #[arg(long)]
    pub(super) json: bool,
}

pub(super) fn run(arguments: Arguments, caller: &Caller) -> Result<(), Error> {
    let json = arguments.json;
    let wish = wish(arguments)?;
    granted::ask(caller, json, async |client| client.spawn(&wish).await)
}

fn wish(arguments: Arguments) -> Result<view::Spawn, Error> {
    let request = request_id()?;
    let Arguments { target, repo, agent, .. } = arguments;
    let target = target.join(" ");
    let Some(numbered) = Numbered::parse(&target) else {
        let text = Some(words(&target)?);
        return Ok(view::Spawn { request, repo, issue: None, text, agent });
    };
    if numbered.kind == Some(Kind::Pull) {
        let message = format!("{target} is a pull request, and `spawn` begins with an issue");
        return Err(Error::invalid(message).hint(format!("carry it on with `antiphon adopt {target}`")));
    }
    let repo = one_repository(numbered.repo, repo)?;
    Ok(view::Spawn { request, repo, issue: Some(IssueNumber(numbered.number)), text: None, agent })
}

/// The repository that was named: with the number, by the option, or by both alike.
pub(super) fn one_repository(named: Option<RepoName>, option: Option<RepoName>) -> Result<Option<RepoName>, Error> {
    match (named, option) {
        (Some(named), Some(option)) if !named.as_str().eq_ignore_ascii_case(option.as_str()) => {
            Err(Error::invalid(format!("two repositories are named: {named} and {option}")).hint("leave --repo out"))
        }
        (Some(named), _) => Ok(Some(named)),
        (None, option) => Ok(option),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn arguments(target: &str, repo: Option<&str>) -> Arguments {
        let target = target.split(' ').map(ToOwned::to_owned).collect();
        Arguments { target, repo: repo.map(|repo| repo.parse().unwrap()), agent: None, json: false }
    }

    #[test]
    fn a_number_is_an_issue_and_everything_else_is_words() {
        let issue = wish(arguments("octo-org/hello#12", None)).unwrap();
        let text = wish(arguments("fix the greeting", Some("octo-org/hello"))).unwrap();

        assert_eq!((issue.repo, issue.issue, issue.text), ("octo-org/hello".parse().ok(), Some(IssueNumber(12)), None));
        assert_eq!((text.issue, text.text), (None, Some("fix the greeting".to_owned())));
        assert_ne!(issue.request, text.request);
    }

    #[test]
    fn a_pull_request_is_sent_to_adopt() {
        let error = wish(arguments("https://github.com/o/r/pull/3", None)).unwrap_err();

        assert_eq!(error.hints, ["carry it on with `antiphon adopt https://github.com/o/r/pull/3`"]);
    }

    #[test]
    fn two_repositories_are_refused_but_not_two_spellings_of_one() {
        assert!(wish(arguments("o/r#1", Some("O/R"))).is_ok());
        assert!(wish(arguments("o/r#1", Some("o/s"))).is_err());
    }
}
