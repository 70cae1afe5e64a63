//! What a workspace is to be, by the settings, and what makes it ready.

use std::time::Duration;

use tracing::info;

use super::{Executor, Outcome, Repository, look::chain};
use crate::{
    boundary, config, event,
    machine::{State, task::Phase},
    model::{Branch, MachineKey, RepoId, TaskId},
    places::Places,
    runtime::strays,
    view,
    workspace::{self, Credentials, Hooks, HydrateBy, Hydration, Kind, OwnSpec, Setup, SetupError, Spec, Workspace},
};

/// How often it is asked whether a running setup is still wanted.
const ASKED_EVERY: Duration = Duration::from_secs(1);
/// How soon a setup is begun again that did not get its turn.
const TURN_AFTER: Duration = Duration::from_secs(5);

/// How long what an earlier setup left behind may take to end by itself.
const SETUP_GRACE: Duration = Duration::from_secs(5);
/// How soon it is looked again whether there is room on the disk.
const ROOM_AFTER: Duration = Duration::from_secs(30);

impl Executor {
    /// Whether a task still waits for its workspace; who cannot be asked does.
    pub(super) async fn awaits_workspace(&self, task: &TaskId) -> bool {
        match self.state(&MachineKey::Task(task.clone())).await {
            Some(State::Task(task)) => task.phase == Phase::Preparing,
            _ => true,
        }
    }

    /// That nothing is begun now, if the disk is too full for it.
    pub(super) fn without_room(&self) -> Option<Outcome> {
        let wanted = self.config.borrow().limits.free_disk;
        let why = view::full_disk(self.places.free_bytes(), wanted)?;
        Some(Outcome::Later { after: ROOM_AFTER / self.scale(), why, tried: false })
    }

    /// What the workspace of a task is to be.
    pub(super) fn spec(
        &self,
        task: &TaskId,
        repository: &Repository,
        branch: Branch,
        credentials: Credentials,
    ) -> Spec {
        let settings = self.workspace_settings(repository);
        let kind = match settings.kind {
            config::Kind::Worktree => Kind::Worktree,
            config::Kind::Clone => Kind::Clone,
        };
        let hooks = match settings.hooks {
            config::Hooks::Inherit => Hooks::Inherit,
            config::Hooks::Own => Hooks::Own,
            config::Hooks::None => Hooks::None,
        };
        Spec {
            repository: repository.path.clone(),
            task: task.clone(),
            branch,
            base: repository.base.clone(),
            remote: "origin".to_owned(),
            credentials,
            own: OwnSpec { ports: self.config.borrow().limits.ports.range(), hooks },
            kind,
            sparse: settings.sparse,
        }
    }

    /// How the settings want workspaces of a repository, as long as it is there.
    pub(super) fn configured(&self, repository: &Repository) -> Option<config::Workspace> {
        let config = self.config.borrow();
        let own = config.repositories.iter().find(|settings| settings.name == repository.configured);
        own.map(|settings| settings.workspace.clone())
    }

    fn workspace_settings(&self, repository: &Repository) -> config::Workspace {
        self.configured(repository).unwrap_or_default()
    }

    /// Whether something has to be done in a workspace before an agent can work there.
    pub(super) fn needs_setup(&self, repository: &Repository, workspace: &Workspace) -> bool {
        let settings = self.workspace_settings(repository);
        !lines(&settings, workspace).is_empty() || !settings.link.is_empty() || !settings.hydrate.is_empty()
    }

    pub(super) async fn set_up(&self, task: &TaskId, repo: RepoId) -> Outcome {
        let failed = |why: String| Outcome::Done(Some(event::Task::SetupFailed { why }.into()));
        let Some(repository) = self.repository(repo) else {
            return failed("the repository is not in the settings".to_owned());
        };
        let workspace = match self.workspaces.at_hand(task) {
            Ok(Some(workspace)) => workspace,
            Ok(None) => return failed("its workspace is gone".to_owned()),
            Err(error) => return failed(chain(&error)),
        };
        tokio::select! {
            biased;
            () = self.until_unwanted(task) => {
                info!(task.id = %task, "The setup of {task} is no longer wanted");
                Outcome::Done(None)
            }
            ended = self.make_ready(task, &repository, &workspace) => match ended {
                Ok(()) => Outcome::Done(Some(event::Task::SetUp.into())),
                Err(error @ SetupError::Busy { .. }) => {
                    Outcome::Later { after: TURN_AFTER, why: chain(&error), tried: false }
                }
                Err(error @ (SetupError::Failed { .. } | SetupError::TooSlow { .. } | SetupError::Other(_))) => {
                    failed(chain(&error))
                }
            }
        }
    }

    /// Ends when the task is known to wait for no setup; dropping the setup then ends all that it started.
    async fn until_unwanted(&self, task: &TaskId) {
        let key = MachineKey::Task(task.clone());
        // Who cannot be asked still wants it.
        while !matches!(self.state(&key).await, Some(State::Task(task)) if !task.is_setting_up()) {
            tokio::time::sleep(ASKED_EVERY).await;
        }
    }

    async fn make_ready(
        &self,
        task: &TaskId,
        repository: &Repository,
        workspace: &Workspace,
    ) -> Result<(), SetupError> {
        let settings = self.workspace_settings(repository);
        let log = self.places.setup_log(task);
        if let Some(dir) = log.parent() {
            Places::make_private(dir).map_err(|error| SetupError::Other(error.into()))?;
        }
        // A daemon that is killed over a setup leaves it running.
        let left = strays::end_marked(&log, SETUP_GRACE / self.scale()).await;
        left.map_err(|left| SetupError::Other(anyhow::anyhow!("processes {left:?} of an earlier setup do not end")))?;
        let unprepared = |error: workspace::Error| SetupError::Other(error.into());
        self.workspaces.link(workspace, &repository.path, &settings.link).await.map_err(unprepared)?;
        let lines = lines(&settings, workspace);
        let by = match settings.hydrate_by {
            config::HydrateBy::Copy => HydrateBy::Copy,
            config::HydrateBy::Hardlink => HydrateBy::Hardlink,
            config::HydrateBy::Symlink => HydrateBy::Symlink,
        };
        let hydration = Hydration { entries: settings.hydrate, by, lines: lines.clone() };
        let complete = self.workspaces.hydrate(workspace, &hydration).await.map_err(unprepared)?;
        let is_there = complete && settings.setup == config::Setup::Auto;
        let mut env = self.environment_without_secrets();
        env.extend(workspace.setup_environment());
        env.extend([strays::marked_by(&log)]);
        let setup = Setup {
            commands: if is_there { Vec::new() } else { lines },
            dir: workspace.path.clone(),
            log,
            timeout: settings.setup_timeout.0,
            env,
            caches: self.caches.clone(),
            at_once: self.config.borrow().limits.installs as usize,
        };
        boundary::cross("executor: setup not run");
        workspace::setup(&setup, &self.clock).await?;
        self.workspaces.keep(workspace, &hydration).await.map_err(unprepared)
    }
}

/// The lines that make a workspace ready.
fn lines(settings: &config::Workspace, workspace: &Workspace) -> Vec<String> {
    match &settings.setup {
        config::Setup::Auto => workspace::locked_lines(&workspace.path),
        config::Setup::Lines(lines) => lines.clone(),
    }
}
