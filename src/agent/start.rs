//! What the launch of an agent is made from.

use std::{collections::BTreeMap, path::PathBuf, sync::Arc};

use super::environment::Withhold;
use crate::{
    config::{Adapter, Config, Permissions, Protocol, Screen},
    model::{AgentName, Channel, Conversation, Generation, LaunchToken, Receipt, SessionId},
};

/// An agent as the operator configured it.
#[derive(Debug, Clone)]
pub struct Settings {
    /// Its name in the configuration.
    pub name: AgentName,
    /// Program and first arguments.
    pub command: Vec<String>,
    /// How the program is driven.
    pub adapter: Arc<Adapter>,
    /// What proves that a prompt arrived.
    pub receipt: Receipt,
    /// The ways on which it may get prompts.
    pub channels: Vec<Channel>,
    /// What it may do without asking.
    pub permissions: Permissions,
    /// Variables of the operator's choice. They win over inherited ones, except where a GitHub token would come in.
    pub env: BTreeMap<String, String>,
    /// How its screen is read: the adapter's patterns, with the operator's in their place or beside them.
    pub screen: Screen,
}

impl Settings {
    /// An agent of the settings, or one that comes with Antiphon: its command is then its program.
    #[must_use]
    pub fn of(config: &Config, name: &AgentName) -> Self {
        let configured = config.agents.get(name).cloned().unwrap_or_default();
        let adapter = config.adapter_of(name);
        let usual = || vec![adapter.programs.first().cloned().unwrap_or_else(|| name.as_str().to_owned())];
        let mut screen = adapter.screen.clone();
        screen.ready = configured.ready.or(screen.ready);
        screen.draft = configured.draft.or(screen.draft);
        screen.dialogs.extend(configured.dialogs);
        Self {
            name: name.clone(),
            command: if configured.command.is_empty() { usual() } else { configured.command },
            receipt: configured.receipt.unwrap_or(adapter.receipt),
            // Keys in the terminal of a client of ours would be a person's.
            channels: match adapter.launch.protocol {
                Some(Protocol::Acp | Protocol::StreamJson) => vec![Channel::Inbox],
                None => configured.channels.unwrap_or_else(|| Channel::ALL.into()),
            },
            permissions: configured.permissions,
            env: configured.env,
            screen,
            adapter,
        }
    }
}

/// One launch.
#[derive(Debug, Clone)]
pub struct Start {
    /// The agent.
    pub agent: Settings,
    /// The session.
    pub session: SessionId,
    /// Which launch of the session this is.
    pub generation: Generation,
    /// Where it works.
    pub workspace: PathBuf,
    /// Directories outside of the workspace that it has to write: those that its commits go to.
    pub writable: Vec<PathBuf>,
    /// The private directory of this launch (0700).
    pub session_dir: PathBuf,
    /// The program and arguments that record a hook event, for example `antiphon hook`.
    pub hook_argv: Vec<String>,
    /// The secret of this launch.
    pub token: LaunchToken,
    /// Which conversation it goes on with.
    pub conversation: Conversation,
    /// The environment of the user.
    pub inherited: BTreeMap<String, String>,
    /// What of it may not reach an agent.
    pub withhold: Withhold,
    /// Where the daemon is.
    pub contact: Contact,
    /// How its git is set up.
    pub git: GitSetup,
    /// Variables that belong to the workspace: its ports, its directory for temporary files.
    pub workspace_env: BTreeMap<String, String>,
}

/// Where a launched process finds the daemon.
#[derive(Debug, Clone, Default)]
pub struct Contact {
    /// The socket that a hook rings at, if there is one.
    pub socket: Option<PathBuf>,
    /// The address of the API, for the credential helper.
    pub url: Option<String>,
}

/// How the git of an agent is set up, without writing to the repository's configuration.
#[derive(Debug, Clone)]
pub struct GitSetup {
    /// The program and arguments of the credential helper, for example `antiphon git-credential`.
    pub helper_argv: Vec<String>,
    /// Who commits. `None`: whoever the user's git configuration says.
    pub author: Option<Committer>,
    /// The repository's https URL. Remotes that name the same repository by ssh are then spoken to by https, where the
    /// credential helper answers.
    pub clone_url: Option<String>,
    /// More configuration, by key.
    pub config: Vec<(String, String)>,
}

/// The author and committer of an agent's commits.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Committer {
    /// `user.name`.
    pub name: String,
    /// `user.email`.
    pub email: String,
}
