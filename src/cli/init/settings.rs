//! The first settings, as a person would write them: what was found, and beside it what else there is. Pure.

use std::fmt::Write as _;

use crate::model::RepoName;

/// What the settings say.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Found {
    /// The repository.
    pub(super) name: RepoName,
    /// The clone, absolute.
    pub(super) path: String,
    /// Its default branch, if the clone knows it.
    pub(super) base: Option<String>,
    /// The REST address, if it is not GitHub's own.
    pub(super) api_url: Option<String>,
    /// The agents that are installed, the first to be used.
    pub(super) agents: Vec<String>,
    /// Whether tmux is there.
    pub(super) tmux: bool,
    /// Whether deliveries are taken.
    pub(super) webhooks: bool,
}

/// The text of the settings file.
pub(super) fn text(found: &Found) -> String {
    let mut text = String::from(
        "# Settings of Antiphon. A running daemon takes changes over when this file is saved.\n\
         # Durations are written 500ms, 30s, 15m, 2h, 8d. Check it with `antiphon doctor`.\n\n",
    );
    text.push_str(
        "# Where the daemon listens for webhooks, the page and the command line.\n# listen: 127.0.0.1:7117\n\n",
    );
    text.push_str(&github(found));
    text.push_str(&webhook(found));
    text.push_str(&repository(found));
    text.push_str(REST);
    text
}

/// The entry of one repository, for a file that is there already.
pub(super) fn entry(found: &Found) -> String {
    let base = match &found.base {
        Some(base) => format!("    base: {}\n", quoted(base)),
        None => "    # base: main                  # default: the repository's default branch\n".to_owned(),
    };
    let agent = found.agents.first().map_or("claude", String::as_str);
    let others = found.agents.get(1..).unwrap_or_default().iter().map(|other| format!("; {other} is installed, too"));
    let others: String = others.collect();
    let runtime = if found.tmux {
        "    # runtime: tmux               # tmux, or pty: a terminal held by a small process of ours\n"
    } else {
        "    # runtime: pty                # tmux is not installed here\n"
    };
    let mut entry = format!("  - name: {}\n    path: {}\n{base}", found.name, quoted(&found.path));
    let agent = format!("    agent: {agent}");
    writeln!(entry, "{agent:<34}# claude, codex, opencode, …, or a name under `agents`{others}")
        .expect("writing to a string cannot fail");
    entry.push_str(runtime);
    entry.push_str(
        "    issues:\n      labels: [agent]             # an open issue with one of these labels becomes a task\n\
         \x20   workspace:\n      setup: []                   # lines such as `npm ci` for each new worktree, or auto: what lock files ask for\n\
         \x20   merge: none                   # squash, merge or rebase: merge what is approved and green\n",
    );
    entry
}

fn github(found: &Found) -> String {
    let address = match &found.api_url {
        Some(url) => format!("github:\n  api_url: {url}\n"),
        None => "# github:\n".to_owned(),
    };
    let (hash, token) =
        ("#", "  token_env: MY_TOKEN           # default: GITHUB_TOKEN, else what `gh auth token` says");
    format!("{address}{hash} {token}\n\n")
}

fn webhook(found: &Found) -> String {
    if found.webhooks {
        return "webhook:\n  # The variable that holds the secret. While it is being replaced name both: NEW,OLD\n  \
                secret_env: ANTIPHON_WEBHOOK_SECRET\n\n"
            .to_owned();
    }
    "webhook:\n  enabled: false                  # GitHub is only polled; true once a webhook is connected\n\n"
        .to_owned()
}

fn repository(found: &Found) -> String {
    format!("repositories:\n{}", entry(found))
}

const REST: &str = "
# Other settings for the agents that come with Antiphon (docs/agents.md), and commands of your own.
# agents:
#   claude:
#     permissions: edits          # ask: nothing without a person, edits: files of its worktree, all: everything
#   mine:
#     command: [my-agent, --quiet]
#     receipt: none               # hook, transcript, reads or none: how it is known that a prompt arrived

limits:
  sessions: 4                     # at the same time, over all repositories

# Your own reactions, one per file in the directory `reactions` beside this file, override the shipped ones by name.
# See what is in force with `antiphon reactions check`.
";

/// A YAML scalar: plain where nothing in it could be misread, else in double quotes as JSON has them.
fn quoted(text: &str) -> String {
    let plain = |letter: char| letter.is_ascii_alphanumeric() || matches!(letter, '/' | '.' | '_' | '-');
    let begins = text.starts_with(|first: char| first.is_ascii_alphabetic() || first == '/');
    let word = ["true", "false", "null", "yes", "no", "on", "off"].contains(&text.to_lowercase().as_str());
    if begins && !word && text.chars().all(plain) { text.to_owned() } else { serde_json::Value::from(text).to_string() }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::{self, Environment};

    fn found() -> Found {
        Found {
            name: "octo-org/hello".parse().unwrap(),
            path: if cfg!(windows) { r"C:\src\hello" } else { "/src/hello" }.to_owned(),
            base: Some("main".to_owned()),
            api_url: None,
            agents: vec!["codex".to_owned(), "claude".to_owned()],
            tmux: true,
            webhooks: true,
        }
    }

    fn read(found: &Found) -> config::Config {
        let environment = Environment::new("/", [("ANTIPHON_WEBHOOK_SECRET", "s")]);
        let text = text(found);
        config::parse("antiphon.yaml", &text, &environment).unwrap_or_else(|mistakes| panic!("{mistakes:?}\n{text}"))
    }

    #[test]
    fn what_was_found_is_what_is_read_back() {
        let config = read(&found());

        let repository = &config.repositories[0];
        assert_eq!((repository.name.as_str(), repository.agent.as_str()), ("octo-org/hello", "codex"));
        assert_eq!(repository.path.to_string_lossy(), found().path);
        assert_eq!(repository.base.as_ref().map(ToString::to_string).as_deref(), Some("main"));
        assert_eq!(repository.issues.labels, ["agent"]);
        assert!(config.webhook.enabled);
    }

    #[test]
    fn a_server_of_ones_own_and_polling_are_written_out() {
        let own = Found { api_url: Some("https://git.example.org/api/v3".to_owned()), webhooks: false, ..found() };
        let config = read(&own);

        assert_eq!(config.github.api_url, "https://git.example.org/api/v3");
        assert!(!config.webhook.enabled);
    }

    #[test]
    #[cfg(unix)]
    fn odd_names_survive() {
        let odd =
            Found { path: "/a b/#c: \"d\"\\é".to_owned(), base: Some("no".to_owned()), agents: Vec::new(), ..found() };
        let repository = read(&odd).repositories.remove(0);

        assert_eq!(repository.path.to_string_lossy(), odd.path);
        assert_eq!((repository.base.map(|it| it.to_string()), repository.agent.as_str()), (odd.base, "claude"));
    }
}
