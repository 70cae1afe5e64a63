//! What the launch of an agent is made from.

use std::{
    collections::{BTreeMap, BTreeSet},
    path::PathBuf,
};

use crate::model::{AgentName, Generation, LaunchToken, Receipt, SessionId};

/// An agent as the operator configured it.
#[derive(Debug, Clone)]
pub struct Settings {
    /// Its name in the configuration.
    pub name: AgentName,
    /// Program and first arguments.
    pub command: Vec<String>,
    /// What proves that a prompt arrived.
    pub receipt: Receipt,
    /// What it may do without asking.
    pub permissions: Permissions,
    /// Variables of the operator's choice. They win over inherited ones, except where a GitHub token would come in.
    pub env: BTreeMap<String, String>,
    /// A pattern that stands on the screen when a prompt may be typed, instead of the adapter's own.
    pub ready: Option<String>,
    /// Patterns of dialogs that no prompt may be typed into, beside the adapter's own.
    pub dialogs: Vec<String>,
}

/// What an agent may do without asking a person.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Permissions {
    /// Nothing beyond what the user's own rules allow.
    Ask,
    /// Change files in its workspace, commit there, and push.
    Edits,
    /// Everything. Only for machines with nothing to lose.
    All,
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
    /// The agent's own id of the session that is to be continued.
    pub resume: Option<String>,
    /// The environment of the user.
    pub inherited: BTreeMap<String, String>,
    /// Names of variables that hold a secret of ours, for example the one the configuration names for the token.
    pub withhold: BTreeSet<String>,
    /// Where the daemon is.
    pub contact: Contact,
    /// How its git is set up.
    pub git: GitSetup,
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
}

/// The author and committer of an agent's commits.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Committer {
    /// `user.name`.
    pub name: String,
    /// `user.email`.
    pub email: String,
}
