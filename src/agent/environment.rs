//! The environment of a launched agent: complete, and without what it must not know.
//!
//! What is left out of the user's environment: every GitHub token, whatever its name; marks of the agent, editor or
//! terminal that the daemon itself may run in, which would make the new agent believe that it is nested; everything
//! that steers git. What is put in: the names of session and launch, and a git that asks our credential helper.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::LazyLock,
};

use regex::Regex;

use super::{
    inbox::Inbox,
    shell,
    spool::{self, env_name},
    start::{GitSetup, Start},
};
use crate::config::Config;

/// Decides what of an environment is kept.
#[derive(Debug, Clone, Default)]
pub struct Withhold {
    named: BTreeSet<String>,
    marks: Vec<String>,
    kept: Vec<String>,
}

/// Marks of a surrounding terminal or editor, or of ourselves. A name that ends with `*` is a beginning. Those of the agents
/// stand in their adapters.
const MARKS: [&str; 14] = [
    "TMUX*",
    "STY",
    "WINDOW",
    "TERM",
    "TERM_PROGRAM*",
    "COLUMNS",
    "LINES",
    "VSCODE_*",
    "ELECTRON_RUN_AS_NODE",
    "SHLVL",
    "PWD",
    "OLDPWD",
    "_",
    "ANTIPHON_*",
];

/// Words that say that a variable is a credential, beside everything that ends with `TOKEN`.
const CREDENTIALS: [&str; 8] = ["PAT", "SECRET", "SECRETS", "PASSWORD", "KEY", "AUTH", "CREDENTIAL", "CREDENTIALS"];

/// A shorter value would be found in ordinary words.
const CREDENTIAL_BYTES_MIN: usize = 8;

/// A GitHub token in a value, whatever the variable's name (github.com: classic, OAuth, app and fine-grained tokens).
static TOKEN: LazyLock<Regex> = LazyLock::new(|| {
    Regex::new(r"\b(?:gh[pousr]_[A-Za-z0-9_]{16,}|github_pat_[A-Za-z0-9_]{16,})").expect("the pattern is a constant")
});

impl Withhold {
    /// Beside what is always left out, the variables with these names, and what any known agent marks its children with.
    #[must_use]
    pub fn new(named: BTreeSet<String>, config: &Config) -> Self {
        let adapters = config.adapters.all.values();
        let (strip, keep): (Vec<_>, Vec<_>) =
            adapters.map(|adapter| (&adapter.environment.strip, &adapter.environment.keep)).unzip();
        Self {
            named,
            marks: strip.into_iter().flatten().cloned().collect(),
            kept: keep.into_iter().flatten().cloned().collect(),
        }
    }

    /// Whether an inherited variable may reach an agent.
    #[must_use]
    pub fn keeps(&self, name: &str, value: &str) -> bool {
        // Windows does not tell `Path` from `PATH`.
        let upper = name.to_ascii_uppercase();
        let marks =
            ["GIT_*", "SSH_ASKPASS*"].iter().chain(&MARKS).copied().chain(self.marks.iter().map(String::as_str));
        let marks = matches(marks, &upper) && !matches(self.kept.iter().map(String::as_str), &upper);
        !marks && !self.is_secret(name, value)
    }

    /// Whether a variable holds, or by its name should hold, a credential for GitHub. The operator's own settings do
    /// not change that.
    #[must_use]
    pub fn is_secret(&self, name: &str, value: &str) -> bool {
        let upper = name.to_ascii_uppercase();
        let about_github = upper.starts_with("GH_") || upper.contains("GITHUB") || upper.starts_with("ACTIONS_");
        let credential = names_credential(&upper);
        self.named.iter().any(|named| named.eq_ignore_ascii_case(name))
            || (about_github && credential)
            || TOKEN.is_match(value)
    }
}

/// The values of an environment that are credentials by their names: what an agent must know, and nobody else.
#[must_use]
pub fn credentials(env: &BTreeMap<String, String>) -> Vec<String> {
    let secret = |(name, value): &(&String, &String)| {
        // Paths, such as that of the socket of an agent for SSH, and words of git's settings are none.
        let plain = value.len() < CREDENTIAL_BYTES_MIN || value.starts_with('/') || name.starts_with("GIT_CONFIG_");
        !plain && names_credential(&name.to_ascii_uppercase())
    };
    env.iter().filter(secret).map(|(_, value)| value.clone()).collect()
}

fn names_credential(upper: &str) -> bool {
    upper.split('_').any(|word| word.ends_with("TOKEN") || CREDENTIALS.contains(&word))
}

/// The whole environment of a launch.
pub(super) fn of(start: &Start) -> BTreeMap<String, String> {
    let withhold = &start.withhold;
    let inherited = start.inherited.iter().filter(|(name, value)| withhold.keeps(name, value));
    let chosen = start.agent.env.iter().filter(|(name, value)| !withhold.is_secret(name, value));
    let mut env: BTreeMap<_, _> = inherited.chain(chosen).map(|(name, value)| (name.clone(), value.clone())).collect();
    env.entry("TERM".to_owned()).or_insert_with(|| "xterm-256color".to_owned());
    let path = |path: &std::path::Path| path.display().to_string();
    env.extend([
        ("ANTIPHON_SESSION".to_owned(), start.session.to_string()),
        ("ANTIPHON_GENERATION".to_owned(), start.generation.to_string()),
        (env_name::SPOOL.to_owned(), path(&spool::dir(&start.session_dir))),
        (env_name::INBOX.to_owned(), path(Inbox::of(&start.session_dir).dir())),
        (env_name::TOKEN.to_owned(), start.token.expose().to_owned()),
        // The user may be logged in to `gh`; the agent is not.
        ("GH_CONFIG_DIR".to_owned(), path(&start.session_dir.join("gh"))),
    ]);
    env.extend(start.workspace_env.clone());
    env.extend(start.contact.socket.as_deref().map(|socket| (env_name::SOCKET.to_owned(), path(socket))));
    env.extend(start.contact.url.clone().map(|url| ("ANTIPHON_URL".to_owned(), url)));
    env.extend(git(&start.git));
    env
}

/// Git by environment (git ≥ 2.31): nothing is written to the configuration that all worktrees share.
fn git(setup: &GitSetup) -> Vec<(String, String)> {
    let helper = format!("!{}", shell::line(&setup.helper_argv));
    let mut config = vec![
        // The empty value forgets every helper that the user configured, also those for one host.
        ("credential.helper".to_owned(), String::new()),
        ("credential.helper".to_owned(), helper),
        // Without it git does not say which repository a credential is for.
        ("credential.useHttpPath".to_owned(), "true".to_owned()),
        // Background work of one worktree would hold the locks of all.
        ("gc.auto".to_owned(), "0".to_owned()),
        ("maintenance.auto".to_owned(), "false".to_owned()),
        // The branch has no upstream, yet a plain `git push` shall mean it.
        ("push.default".to_owned(), "current".to_owned()),
    ];
    if let Some(author) = &setup.author {
        config.push(("user.name".to_owned(), author.name.clone()));
        config.push(("user.email".to_owned(), author.email.clone()));
    }
    config.extend(setup.config.iter().cloned());
    for (https, ssh) in setup.clone_url.as_deref().map(ssh_forms).unwrap_or_default() {
        config.push((format!("url.{https}.insteadOf"), ssh));
    }
    let mut env = vec![
        ("GIT_CONFIG_COUNT".to_owned(), config.len().to_string()),
        ("GIT_TERMINAL_PROMPT".to_owned(), "0".to_owned()),
        // An editor would wait for a person.
        ("GIT_EDITOR".to_owned(), "true".to_owned()),
    ];
    for (index, (key, value)) in config.into_iter().enumerate() {
        env.push((format!("GIT_CONFIG_KEY_{index}"), key));
        env.push((format!("GIT_CONFIG_VALUE_{index}"), value));
    }
    env
}

/// The https URL of a repository, and each ssh URL that means the same.
fn ssh_forms(clone_url: &str) -> Vec<(String, String)> {
    let Some((host, path)) = clone_url.strip_prefix("https://").and_then(|rest| rest.split_once('/')) else {
        return Vec::new();
    };
    let path = path.trim_end_matches('/');
    let bare = path.strip_suffix(".git").unwrap_or(path);
    let https = format!("https://{host}/{bare}");
    [format!("git@{host}:{bare}"), format!("ssh://git@{host}/{bare}")].map(|ssh| (https.clone(), ssh)).into()
}

fn matches<'p>(mut patterns: impl Iterator<Item = &'p str>, name: &str) -> bool {
    patterns.any(|pattern| match pattern.strip_suffix('*') {
        Some(prefix) => name.starts_with(prefix),
        None => name == pattern,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_an_agent_alone_may_know_is_known_by_its_name() {
        let env = [
            ("ANTHROPIC_API_KEY", "key-of-mine"),
            ("ANTIPHON_LAUNCH_TOKEN", "0123456789abcdef"),
            ("SSH_AUTH_SOCK", "/run/user/1/socket"),
            ("GIT_CONFIG_KEY_0", "credential.helper"),
            ("MY_PASSWORD", "short"),
            ("EDITOR", "emacs-of-mine"),
        ];
        let env = env.map(|(name, value)| (name.to_owned(), value.to_owned())).into();

        assert_eq!(credentials(&env), ["key-of-mine", "0123456789abcdef"]);
    }

    fn kept(name: &str) -> bool {
        Withhold::new(["MY_APP_CREDENTIAL".to_owned()].into(), &Config::default()).keeps(name, "value")
    }

    /// Invariant 5: no agent process holds a GitHub token.
    #[test]
    fn github_tokens_are_withheld_by_name() {
        for name in [
            "GH_TOKEN",
            "GITHUB_TOKEN",
            "GH_ENTERPRISE_TOKEN",
            "GITHUB_ENTERPRISE_TOKEN",
            "GITHUB_PAT",
            "GITHUB_ACCESS_TOKEN",
            "github_token",
            "HOMEBREW_GITHUB_API_TOKEN",
            "COPILOT_GITHUB_TOKEN",
            "GITHUB_APP_PRIVATE_KEY",
            "GITHUB_OAUTH_CLIENT_SECRET",
            "GITHUB_ACCESSTOKEN",
            "ACTIONS_RUNTIME_TOKEN",
            "ACTIONS_ID_TOKEN_REQUEST_TOKEN",
            "MY_APP_CREDENTIAL",
        ] {
            assert!(!kept(name), "{name} was kept");
        }
    }

    #[test]
    fn github_tokens_are_withheld_by_their_look() {
        let withhold = Withhold::default();
        for value in [
            "ghp_abcdefghijklmnopqrstuvwxyz0123456789",
            "ghs_abcdefghijklmnopqrstuvwxyz0123456789",
            "github_pat_11AAAAAAA0abcdefghijkl_mnopqrstuv",
            "https://x:gho_abcdefghijklmnopqrstuvwxyz0123456789@github.com/o/r",
        ] {
            assert!(!withhold.keeps("NPM_AUTH", value), "{value} was kept");
        }
        assert!(withhold.keeps("NOTE", "see ghp_ and sighs_a"));
    }

    #[test]
    fn marks_of_a_surrounding_program_are_withheld() {
        for name in [
            "CLAUDECODE",
            "CLAUDE_CODE_ENTRYPOINT",
            "CLAUDE_CODE_SESSION_ID",
            "CODEX_SANDBOX",
            "TMUX",
            "TMUX_PANE",
            "TERM",
            "GIT_DIR",
            "GIT_CONFIG_COUNT",
            "GIT_ASKPASS",
            "VSCODE_GIT_IPC_HANDLE",
            "ANTIPHON_SESSION",
            "PWD",
        ] {
            assert!(!kept(name), "{name} was kept");
        }
    }

    #[test]
    fn the_users_own_configuration_is_kept() {
        for name in [
            "PATH",
            "HOME",
            "ANTHROPIC_API_KEY",
            "ANTHROPIC_BASE_URL",
            "CLAUDE_CONFIG_DIR",
            "CLAUDE_CODE_USE_BEDROCK",
            "CLAUDE_CODE_OAUTH_TOKEN",
            "CODEX_HOME",
            "OPENAI_API_KEY",
            "SSH_AUTH_SOCK",
            "GITHUB_WORKFLOW",
            "GH_HOST",
            "PATTERN",
        ] {
            assert!(kept(name), "{name} was withheld");
        }
    }

    #[test]
    fn ssh_forms_of_the_repository_are_spoken_to_by_https() {
        assert_eq!(
            ssh_forms("https://github.com/octo/hello.git"),
            [
                ("https://github.com/octo/hello".to_owned(), "git@github.com:octo/hello".to_owned()),
                ("https://github.com/octo/hello".to_owned(), "ssh://git@github.com/octo/hello".to_owned()),
            ]
        );
        assert_eq!(ssh_forms("http://127.0.0.1:1/o/r"), []);
    }
}
