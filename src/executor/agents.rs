//! How the configured agents are started and read.

use std::path::{Path, PathBuf};

use regex::Regex;

use super::Executor;
use crate::{
    agent::{self, Committer, Contact, GitSetup, Settings, Start, Withhold},
    config::{Pattern, Transcript},
    machine::session,
    model::{AgentName, Conversation, LaunchToken, RepoId},
    runtime::{Address, Gate},
    workspace::Workspace,
};

/// What a launch is planned from, beside the settings.
pub(super) struct Launchable<'a> {
    pub(super) agent: &'a AgentName,
    pub(super) repo: RepoId,
    pub(super) workspace: PathBuf,
    pub(super) prepared: Option<Workspace>,
    pub(super) conversation: Conversation,
    pub(super) committer: Option<Committer>,
}

/// Where a transcript is.
pub(super) enum Place {
    /// The agent said so.
    Known(PathBuf),
    /// Its adapter knows where to look.
    Sought { pattern: String, workspace: PathBuf },
}

impl Place {
    /// The file, if there is one yet. This looks at the disk.
    pub(super) fn path(&self) -> Option<PathBuf> {
        match self {
            Self::Known(path) => Some(path.clone()),
            Self::Sought { pattern, workspace } => agent::transcript::locate(pattern, workspace),
        }
    }
}

impl Executor {
    /// An agent of the settings, or a built-in one.
    pub(super) fn agent_settings(&self, name: &AgentName) -> Settings {
        Settings::of(&self.config.borrow(), name)
    }

    /// What a launch is made from, but for its sandbox.
    pub(super) fn start(&self, address: &Address, ask: Launchable<'_>, token: LaunchToken) -> Start {
        let Launchable { agent: name, repo, workspace, prepared, conversation, committer } = ask;
        let own = |command: &str| vec![self.launching.own_program.clone(), command.to_owned()];
        let repository = self.repository(repo);
        let is_clone = prepared.as_ref().is_some_and(|prepared| prepared.source.is_some());
        let common = repository.as_ref().filter(|_| !is_clone).map(|repository| repository.path.join(".git"));
        // Some sandboxes forbid it by itself, whatever is allowed around it.
        let own_git_dir = if is_clone { Some(workspace.join(".git")) } else { git_dir(&workspace) };
        Start {
            agent: self.agent_settings(name),
            session: address.session.clone(),
            generation: address.generation,
            workspace,
            writable: common.into_iter().chain(own_git_dir).collect(),
            session_dir: self.places.launch(&address.session, address.generation),
            hook_argv: own("hook"),
            token,
            conversation,
            inherited: self.launching.environment.clone(),
            withhold: self.withhold(),
            contact: Contact { socket: Some(self.places.poke()), url: Some(self.launching.url.clone()) },
            git: GitSetup {
                helper_argv: own("git-credential"),
                author: committer,
                clone_url: repository.map(|repository| repository.clone_url),
                config: prepared.as_ref().map(Workspace::git_config).unwrap_or_default(),
            },
            workspace_env: prepared.as_ref().map(Workspace::environment).unwrap_or_default(),
            sandbox: None,
        }
    }

    /// What of an environment may not reach an agent or a command of the operator's.
    pub(super) fn withhold(&self) -> Withhold {
        Withhold::new(self.launching.secret_variables.clone(), &self.config.borrow())
    }

    /// Where a session's agent writes its transcript, as it said itself or as its adapter says, and how that is read.
    pub(super) fn transcript(
        &self,
        address: &Address,
        session: &session::State,
        said: Option<String>,
    ) -> (Option<Place>, Option<Transcript>) {
        let format = self.agent_settings(&session.agent.name).adapter.transcript.clone();
        if let Some(path) = said {
            return (Some(Place::Known(path.into())), format);
        }
        let start = self.start_of(address, session);
        // A template that cannot be filled in names no place.
        let pattern = agent::transcript_path(&start, session.agent_session.as_deref()).ok().flatten();
        (pattern.map(|pattern| Place::Sought { pattern, workspace: start.workspace }), format)
    }

    /// What a launch was made from, without its secret.
    pub(super) fn start_of(&self, address: &Address, session: &session::State) -> Start {
        let ask = Launchable {
            agent: &session.agent.name,
            repo: session.repo,
            workspace: PathBuf::from(&session.workspace),
            prepared: None,
            conversation: Conversation::New,
            committer: None,
        };
        self.start(address, ask, LaunchToken::new([0; 16]))
    }

    /// What must hold on an agent's screen before a prompt is typed.
    pub(super) fn gate(&self, name: &AgentName) -> Gate {
        let screen = self.agent_settings(name).screen;
        let regex = |pattern: &Pattern| Regex::clone(pattern);
        Gate {
            ready: screen.ready.as_ref().map(regex),
            dialogs: screen.dialogs.iter().map(regex).collect(),
            draft: screen.draft.as_ref().map(regex),
            shells: true,
        }
    }
}

/// Where a worktree's own part of the repository lies; `None` if this is no worktree.
fn git_dir(workspace: &Path) -> Option<PathBuf> {
    let pointer = std::fs::read_to_string(workspace.join(".git")).ok()?;
    pointer.strip_prefix("gitdir: ").map(|path| path.trim_end().into())
}
