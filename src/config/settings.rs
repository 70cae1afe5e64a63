//! The settings as plain types. Doc comments here become the descriptions in the JSON schema.
//!
//! Nothing here reads a file or a variable; `load` fills in the fields that do not stand in the file.

use std::{
    collections::{BTreeMap, BTreeSet},
    net::{Ipv4Addr, SocketAddr},
    path::PathBuf,
    sync::Arc,
};

use schemars::JsonSchema;
use serde::Deserialize;

use crate::{
    model::{AgentName, Branch, Channel, Loops, Merge, Receipt, RepoName, Secret},
    yaml::Duration,
};

use super::{
    Ports, Size, Workspace,
    adapter::{Adapter, Pattern, shipped as shipped_adapters},
};

/// Settings of Antiphon.
#[derive(Debug, Clone, PartialEq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Config {
    /// Where the daemon listens for webhooks, the page and the CLI.
    #[schemars(with = "String", extend("default" = "127.0.0.1:7117"))]
    pub listen: SocketAddr,
    /// How GitHub is reached.
    pub github: GitHub,
    /// How GitHub reaches us.
    pub webhook: Webhook,
    /// The repositories whose issues and pull requests are worked on.
    pub repositories: Vec<Repository>,
    /// Agents by name. Those that come with Antiphon need no entry; every other name is a command of yours.
    #[schemars(with = "BTreeMap<String, Agent>")]
    pub agents: BTreeMap<AgentName, Agent>,
    /// How agent programs are driven: your own descriptions, one per file, take the place of those that come with Antiphon.
    /// Default: the directory `agents` beside this file.
    pub adapters: Adapters,
    /// Upper limits.
    pub limits: Limits,
    /// Where notifications go.
    pub notify: Vec<Notifier>,
    /// Your own reactions, one per file. Default: the directory `reactions` beside this file.
    pub reactions: Reactions,
    /// How often everything is looked at, whether or not a webhook came.
    pub reconcile: Duration,
    /// How long things are kept.
    pub retention: Retention,
    /// What is recorded of the agents' terminals.
    pub recordings: Recordings,
    /// Whether this machine is kept from going to sleep by itself while an agent works.
    pub keep_awake: bool,
    /// How long all required checks must stay green before a pull request counts as green.
    pub settle_green: Duration,
    /// The least time between two looks at one pull request.
    pub look_interval: Duration,
    /// Divides every duration that Antiphon waits (not the deadlines of programs, not the retention): for demonstrations.
    #[schemars(range(min = 1, max = 10_000))]
    pub time_scale: u32,
}

/// How GitHub is reached.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct GitHub {
    /// The REST address; for GitHub Enterprise Server `https://HOST/api/v3`.
    pub api_url: String,
    /// The variable that holds a token. Default: `GITHUB_TOKEN` if it is set, else what `gh auth token` says.
    pub token_env: Option<String>,
    /// A GitHub App instead of a token.
    pub app: Option<App>,
    /// The token itself, from the environment.
    #[serde(skip)]
    pub token: Option<Secret>,
}

/// A GitHub App.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct App {
    /// The App's number.
    pub id: u64,
    /// The file with its private key (PEM).
    pub key_file: PathBuf,
}

/// How GitHub reaches us.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Webhook {
    /// Whether deliveries are taken. Without them GitHub is only polled.
    pub enabled: bool,
    /// The variables that hold the webhook's secret: one, or several with commas while a secret is being replaced.
    pub secret_env: String,
    /// A file with the secret, one on each line while it is being replaced. With it the variable need not be set.
    pub secret_file: Option<PathBuf>,
    /// The secrets themselves, from the environment and the file; none if webhooks are switched off.
    #[serde(skip)]
    pub secrets: Vec<Secret>,
}

/// One repository.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Repository {
    /// `owner/name` on GitHub.
    #[schemars(with = "String", regex(pattern = r"^[A-Za-z0-9._-]+/[A-Za-z0-9._-]+$"))]
    pub name: RepoName,
    /// The clone on this machine: an absolute path, or one that begins with `~/`.
    pub path: PathBuf,
    /// The branch that pull requests go into. Default: the repository's default branch.
    #[serde(default)]
    #[schemars(with = "Option<String>")]
    pub base: Option<Branch>,
    /// The agent that works here.
    #[serde(default = "claude")]
    #[schemars(with = "String")]
    pub agent: AgentName,
    /// Where sessions live. Default: `pty`.
    #[serde(default)]
    pub runtime: Option<Runtime>,
    /// Which issues become tasks.
    #[serde(default)]
    pub issues: Issues,
    /// How a worktree is prepared.
    #[serde(default)]
    pub workspace: Workspace,
    /// Whether and how a pull request is merged that is approved and green. Nothing is merged unless you say so here.
    #[serde(default)]
    pub merge: Merge,
    /// For a repository without checks: how long after a push a pull request counts as green on which nothing ever
    /// reported and whose base demands nothing. Default: never; a person is told instead.
    #[serde(default)]
    pub without_checks: Option<Duration>,
    /// Bots whose reviews and review comments are handed to the agent, by their account names (`coderabbitai[bot]`). They have
    /// a rule and a budget of their own: `bot-review`. What other bots say starts nothing.
    #[serde(default)]
    pub review_bots: Vec<String>,
    /// Whether the newest commit of each managed pull request says in one line what Antiphon is doing, as the check
    /// `antiphon`. It is always neutral: it neither blocks nor allows anything.
    #[serde(default = "yes")]
    pub report: bool,
    /// The repository's own reactions, read from its base branch.
    #[serde(default = "in_repository")]
    pub reactions: Reactions,
}

/// Where a session lives.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Runtime {
    /// A window of a private tmux server.
    Tmux,
    /// A terminal held by a small process of ours.
    Pty,
}

/// Which issues become tasks.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Issues {
    /// An open issue with one of these labels becomes a task. None: no issue does.
    #[serde(default)]
    pub labels: Vec<String>,
}

/// Where reactions are read.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Reactions {
    /// The directory of rule files.
    #[serde(default)]
    pub dir: Option<PathBuf>,
}

/// An agent: one that comes with Antiphon, with other settings, or a command of yours.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Agent {
    /// The program and its arguments. Agents that come with Antiphon have a default.
    pub command: Vec<String>,
    /// Whose adapter drives the command. Default: the one for a program of this name.
    #[schemars(with = "Option<String>")]
    pub adapter: Option<AgentName>,
    /// How it is known that a prompt arrived. Adapters say it; other programs give no receipt unless you say so.
    pub receipt: Option<Receipt>,
    /// On which ways it may get prompts; the best of those that are open is taken. Default: all. Without `terminal` nothing
    /// is ever typed.
    #[schemars(length(min = 1))]
    pub channels: Option<Vec<Channel>>,
    /// What the agent may do without asking.
    pub permissions: Permissions,
    /// A regular expression that the screen shows when the agent waits for a prompt.
    pub ready: Option<Pattern>,
    /// A regular expression whose first group is what a person has typed and not yet sent.
    pub draft: Option<Pattern>,
    /// Regular expressions of screens on which nothing may be typed, such as dialogs.
    pub dialogs: Vec<Pattern>,
    /// The agent that goes on where a rule says `handoff: fallback`, as the shipped rules do when nothing else has helped.
    /// Default: none, and that step is skipped.
    #[schemars(with = "Option<String>")]
    pub fallback: Option<AgentName>,
    /// Variables for its process, beside the few that every session gets.
    pub env: BTreeMap<String, String>,
}

/// How agent programs are driven.
#[derive(Debug, Clone, PartialEq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Adapters {
    /// The directory of your own descriptions.
    pub dir: Option<PathBuf>,
    /// Every adapter by name: those that come with Antiphon, and over them those of the directory.
    #[serde(skip)]
    pub all: BTreeMap<AgentName, Arc<Adapter>>,
}

/// What an agent may do without asking a person.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Permissions {
    /// Nothing: a person answers its questions in the terminal.
    Ask,
    /// Change files of its worktree.
    #[default]
    Edits,
    /// Everything. Only for a machine that you can afford to lose.
    All,
}

/// Upper limits.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Limits {
    /// How many sessions run at the same time, over all repositories.
    #[schemars(range(min = 1, max = 1_000))]
    pub sessions: u32,
    /// How much Antiphon does on one pull request within six hours while no person says anything there: prompts and actions
    /// of rules. Then it stops and tells a person.
    #[schemars(range(min = 5, max = 1_000))]
    pub acts: u32,
    /// When an agent counts as going round in circles.
    pub loops: Loops,
    /// How many lines of `setup` may use the cache of one package manager at the same time. More than one is faster, and safe
    /// only with package managers that lock their cache.
    #[schemars(range(min = 1, max = 100))]
    pub installs: u32,
    /// Where the ports of sessions are taken from. Each has ten in a row, in `ANTIPHON_PORT` and `ANTIPHON_PORTS`.
    pub ports: Ports,
    /// No task begins while less than this is free where the state directory lies.
    pub free_disk: Size,
}

/// Where notifications go.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Notifier {
    /// The daemon's log.
    Log,
    /// A program and its arguments; the notification is its standard input, as JSON.
    Command(Vec<String>),
}

/// How long things are kept.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Retention {
    /// Webhook deliveries. GitHub itself can send again what is younger than 3 days.
    pub deliveries: Duration,
    /// The log of everything that happened.
    pub log: Duration,
    /// The size at which the log loses its oldest entries.
    pub log_bytes: Size,
}

/// What is recorded of the agents' terminals: what they show, never what is typed, with secrets masked.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Recordings {
    /// Whether anything is.
    pub enabled: bool,
    /// How long a recording is kept after its end.
    pub keep: Duration,
    /// The size at which the recording of one launch ends.
    pub max: Size,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            listen: SocketAddr::from((Ipv4Addr::LOCALHOST, 7117)),
            github: GitHub::default(),
            webhook: Webhook::default(),
            repositories: Vec::new(),
            agents: BTreeMap::new(),
            adapters: Adapters::default(),
            limits: Limits::default(),
            notify: vec![Notifier::Log],
            reactions: Reactions::default(),
            reconcile: Duration::from_secs(5 * 60),
            retention: Retention::default(),
            recordings: Recordings::default(),
            keep_awake: true,
            settle_green: Duration::from_secs(60),
            look_interval: Duration::from_secs(5),
            time_scale: 1,
        }
    }
}

impl Default for GitHub {
    fn default() -> Self {
        Self { api_url: "https://api.github.com".to_owned(), token_env: None, app: None, token: None }
    }
}

impl Default for Webhook {
    fn default() -> Self {
        Self { enabled: true, secret_env: "ANTIPHON_WEBHOOK_SECRET".to_owned(), secret_file: None, secrets: Vec::new() }
    }
}

impl Default for Adapters {
    fn default() -> Self {
        Self { dir: None, all: shipped_adapters() }
    }
}

impl Default for Limits {
    fn default() -> Self {
        let ports = Ports { first: 20_000, last: 29_999 };
        Self { sessions: 4, acts: 30, loops: Loops::default(), installs: 1, ports, free_disk: Size(1_000_000_000) }
    }
}

impl Default for Recordings {
    fn default() -> Self {
        Self { enabled: true, keep: Duration::from_secs(14 * 86_400), max: Size(64_000_000) }
    }
}

impl Default for Retention {
    fn default() -> Self {
        Self {
            deliveries: Duration::from_secs(8 * 86_400),
            log: Duration::from_secs(90 * 86_400),
            log_bytes: Size(1_000_000_000),
        }
    }
}

fn claude() -> AgentName {
    "claude".parse().expect("a word of lower-case letters is an agent name")
}

const fn yes() -> bool {
    true
}

fn in_repository() -> Reactions {
    Reactions { dir: Some(PathBuf::from(".antiphon/reactions")) }
}

impl Permissions {
    /// The word for it in settings and templates.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Ask => "ask",
            Self::Edits => "edits",
            Self::All => "all",
        }
    }
}

impl Config {
    /// How an agent is driven: as its settings say, else by the program of its command, else by its name.
    #[must_use]
    pub fn adapter_of(&self, name: &AgentName) -> Arc<Adapter> {
        let agent = self.agents.get(name);
        let named = agent.and_then(|agent| agent.adapter.as_ref());
        let command = agent.map(|agent| agent.command.as_slice()).unwrap_or_default();
        let found = match named {
            None if !command.is_empty() => {
                // Of several for one program, that with the agent's own name.
                let own = self.adapters.all.get(name).filter(|adapter| adapter.drives(command));
                own.or_else(|| self.adapters.all.values().find(|adapter| adapter.drives(command)))
            }
            Some(_) | None => self.adapters.all.get(named.unwrap_or(name)),
        };
        found.cloned().unwrap_or_else(|| Arc::new(Adapter::unknown()))
    }

    /// The agents that there are: those of the settings, and those that come with an adapter.
    #[must_use]
    pub fn agent_names(&self) -> BTreeSet<AgentName> {
        self.agents.keys().chain(self.adapters.all.keys()).cloned().collect()
    }

    /// The names of variables that hold secrets of ours. No agent inherits them.
    #[must_use]
    pub fn secret_variables(&self) -> BTreeSet<String> {
        let webhook = self.webhook.secret_env.split(',').map(|name| name.trim().to_owned());
        webhook.chain(self.github.token_env.clone()).filter(|name| !name.is_empty()).collect()
    }
}
