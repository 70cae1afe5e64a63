//! How the configured agents are started and read.

use std::path::{Path, PathBuf};

use super::Executor;
use crate::{
    agent::{self, Committer, Contact, GitSetup, Permissions, Plan, Settings, Start},
    config,
    model::{AgentName, LaunchToken, Receipt, RepoId},
    runtime::{Address, Gate},
};

/// What a launch is planned from, beside the settings.
pub(super) struct Launchable<'a> {
    pub(super) agent: &'a AgentName,
    pub(super) repo: RepoId,
    pub(super) workspace: PathBuf,
    pub(super) resume: Option<String>,
    pub(super) committer: Option<Committer>,
}

impl Executor {
    /// An agent of the settings, or a built-in one.
    pub(super) fn agent_settings(&self, name: &AgentName) -> Settings {
        settings_of(&self.config.borrow(), name)
    }

    /// The plan of a launch; pure but for reading the settings.
    pub(super) fn plan(&self, address: &Address, ask: Launchable<'_>, token: LaunchToken) -> Result<Plan, String> {
        let Launchable { agent: name, repo, workspace, resume, committer } = ask;
        let own = |command: &str| vec![self.launching.own_program.clone(), command.to_owned()];
        let repository = self.repository(repo);
        let common = repository.as_ref().map(|repository| repository.path.join(".git"));
        // Some sandboxes forbid it by itself, whatever is allowed around it.
        let own_git_dir = git_dir(&workspace);
        let start = Start {
            agent: self.agent_settings(name),
            session: address.session.clone(),
            generation: address.generation,
            workspace,
            writable: common.into_iter().chain(own_git_dir).collect(),
            session_dir: self.places.launch(&address.session, address.generation),
            hook_argv: own("hook"),
            token,
            resume,
            inherited: self.launching.environment.clone(),
            withhold: self.launching.secret_variables.clone(),
            contact: Contact { socket: Some(self.places.poke()), url: Some(self.launching.url.clone()) },
            git: GitSetup {
                helper_argv: own("git-credential"),
                author: committer,
                clone_url: repository.map(|repository| repository.clone_url),
            },
        };
        agent::plan(&start).map_err(|error| error.to_string())
    }

    /// What must hold on an agent's screen before a prompt is typed.
    pub(super) fn gate(&self, address: &Address, name: &AgentName, repo: RepoId) -> Result<Gate, String> {
        let ask = Launchable { agent: name, repo, workspace: PathBuf::new(), resume: None, committer: None };
        let plan = self.plan(address, ask, LaunchToken::new([0; 16]))?;
        Ok(Gate { ready: plan.gate.ready, dialogs: plan.gate.dialogs, draft: plan.gate.draft, shells: true })
    }
}

/// Where a worktree's own part of the repository lies; `None` if this is no worktree.
fn git_dir(workspace: &Path) -> Option<PathBuf> {
    let pointer = std::fs::read_to_string(workspace.join(".git")).ok()?;
    pointer.strip_prefix("gitdir: ").map(|path| path.trim_end().into())
}

/// An agent of the settings, or a built-in one: its command is then its name.
#[must_use]
pub fn settings_of(config: &config::Config, name: &AgentName) -> Settings {
    let configured = config.agents.get(name).cloned().unwrap_or_default();
    let command =
        if configured.command.is_empty() { vec![name.as_str().to_owned()] } else { configured.command.clone() };
    let by_default = match agent::Adapter::of(&command) {
        agent::Adapter::Claude | agent::Adapter::Codex => Receipt::Hook,
        agent::Adapter::Generic => Receipt::None,
    };
    Settings {
        name: name.clone(),
        receipt: configured.receipt.unwrap_or(by_default),
        permissions: match configured.permissions {
            config::Permissions::Ask => Permissions::Ask,
            config::Permissions::Edits => Permissions::Edits,
            config::Permissions::All => Permissions::All,
        },
        env: configured.env,
        ready: configured.ready,
        dialogs: configured.dialogs,
        command,
    }
}
