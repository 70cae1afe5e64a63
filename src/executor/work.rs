//! Workspaces and pull requests of tasks.

use std::{collections::BTreeMap, time::Duration};

use super::{Executor, Outcome, Repository, look::chain};
use crate::{
    boundary,
    event::{self, Event, Work},
    github::{self, NewPull},
    model::{Branch, PrNumber, RepoId, Rescue, TaskId},
    places::Places,
    text,
    workspace::{self, Credentials, Gone, Reach, Removal, Setup, Spec, Unsaved, Workspace},
};

impl Executor {
    pub(super) async fn prepare(&self, task: &TaskId, repo: RepoId, branch: Branch) -> Outcome {
        let failed = |why: String| Outcome::Done(Some(event::Task::PreparationFailed { why }.into()));
        let Some(repository) = self.repository(repo) else {
            return failed("the repository is not in the settings".to_owned());
        };
        let workspace = match self.workspace(task, &repository, branch).await {
            Ok(workspace) => workspace,
            Err(error) => return failed(chain(&error)),
        };
        boundary::cross("executor: workspace made, setup not run");
        if let Err(error) = self.set_up(task, &repository, &workspace).await {
            return failed(error);
        }
        let path = workspace.path.to_string_lossy().into_owned();
        Outcome::Done(Some(event::Task::Prepared { path, base: workspace.base_sha }.into()))
    }

    async fn workspace(
        &self,
        task: &TaskId,
        repository: &Repository,
        branch: Branch,
    ) -> Result<Workspace, workspace::Error> {
        let credentials = self.git_credentials(repository).await;
        self.workspaces.prepare(&spec(task, repository, branch, credentials)).await
    }

    /// Credentials for our own git calls. If GitHub gives none, git uses what the user configured.
    pub(super) async fn git_credentials(&self, repository: &Repository) -> Credentials {
        let Ok(url) = repository.clone_url.parse() else { return Credentials::of_the_user() };
        match self.github.git_token(&repository.name).await {
            Ok(token) => Credentials::token(&url, token.expose()),
            Err(_) => Credentials::of_the_user(),
        }
    }

    async fn set_up(&self, task: &TaskId, repository: &Repository, workspace: &Workspace) -> Result<(), String> {
        let config = self.config.borrow().clone();
        let Some(settings) = config.repositories.iter().find(|settings| settings.name == repository.configured) else {
            return Ok(());
        };
        if settings.workspace.setup.is_empty() {
            return Ok(());
        }
        let log = self.places.setup_log(task);
        if let Some(dir) = log.parent() {
            Places::make_private(dir).map_err(|error| format!("cannot make {}: {error}", dir.display()))?;
        }
        let setup = Setup {
            commands: settings.workspace.setup.clone(),
            dir: workspace.path.clone(),
            log,
            timeout: settings.workspace.setup_timeout.0,
            env: self.environment_without_secrets(),
        };
        workspace::setup(&setup, &self.clock).await.map_err(|error| chain(&error))
    }

    /// The user's environment without anything that names a secret of ours.
    pub(super) fn environment_without_secrets(&self) -> BTreeMap<String, String> {
        let withhold = self.withhold();
        let kept = self.launching.environment.iter().filter(|(name, value)| withhold.keeps(name, value));
        kept.map(|(name, value)| (name.clone(), value.clone())).collect()
    }

    pub(super) async fn open_pull(&self, task: &TaskId, repo: RepoId, branch: &Branch, work: &Work) -> Outcome {
        let Some(repository) = self.repository(repo) else { return Outcome::Done(None) };
        let event = match self.try_open_pull(task, &repository, branch, work).await {
            Ok(Some(number)) => event::Task::PullOpened { number },
            Ok(None) => event::Task::NothingPushed,
            Err(github::Error::RateLimited { resets_at }) => {
                let after = Duration::try_from(resets_at.duration_since(self.clock.now())).unwrap_or(Duration::ZERO);
                return Outcome::Later { after, why: "the rate limit is reached".to_owned(), tried: false };
            }
            Err(error) => {
                let transient = matches!(
                    error,
                    github::Error::Unavailable(_) | github::Error::AmbiguousWrite(_) | github::Error::Other(_)
                );
                event::Task::OpenFailed { why: chain(&error), transient }
            }
        };
        Outcome::Done(Some(Event::Task(event)))
    }

    pub(super) async fn try_open_pull(
        &self,
        task: &TaskId,
        repository: &Repository,
        branch: &Branch,
        work: &Work,
    ) -> Result<Option<PrNumber>, github::Error> {
        // One that the agent opened itself is adopted.
        if let Some(number) = self.github.open_pull_of(&repository.name, branch, &repository.base).await? {
            return Ok(Some(number));
        }
        let head = self.github.branch_head(&repository.name, branch).await?;
        let base = self.github.branch_head(&repository.name, &repository.base).await?;
        if head.is_none() || head == base {
            return Ok(None);
        }
        let (title, body) = self.describe(task, work).await;
        let new = NewPull { head: branch.clone(), base: repository.base.clone(), title, body };
        match self.github.open_pull(&repository.name, &new).await {
            Ok(number) => Ok(Some(number)),
            // Nothing between base and head: the branch was pushed without a commit of its own.
            Err(github::Error::Unprocessable { message }) if message.contains("No commits between") => Ok(None),
            Err(error) => Err(error),
        }
    }

    async fn describe(&self, task: &TaskId, work: &Work) -> (String, String) {
        let by = format!("\n\n---\nOpened by Antiphon for task `{task}`.");
        match work {
            Work::Issue(issue) => {
                let words = self.journal.text(issue.title.hash.clone()).await.ok().flatten().unwrap_or_default();
                let title = one_line(&words, &format!("Issue {}", issue.number));
                (title, format!("Closes #{}.{by}", issue.number))
            }
            Work::Text { text, slug } => {
                let words = self.journal.text(text.clone()).await.ok().flatten().unwrap_or_default();
                (one_line(&words, slug), format!("Done on request.{by}"))
            }
            Work::Adopted { number, .. } => (format!("Carry on #{number}"), by),
        }
    }

    pub(super) async fn remove_workspace(
        &self,
        (task, repo, branch): (&TaskId, RepoId, Branch),
        pull: Option<PrNumber>,
        rescue: bool,
    ) -> Outcome {
        let kept = |why: String| Outcome::Done(Some(event::Task::WorkspaceKept { why }.into()));
        let Some(repository) = self.repository(repo) else {
            return kept("the repository is not in the settings".to_owned());
        };
        let workspace = match self.workspaces.find(task) {
            Ok(Some(workspace)) if workspace.branch == branch => workspace,
            // A try before this one came so far; what it rescued is still known to the repository.
            Ok(None) => {
                let rescues =
                    if rescue { self.workspaces.rescues(&repository.path, task).await } else { Ok(Vec::new()) };
                return match rescues.map(|rescues| rescues.into_iter().next()) {
                    Ok(Some(rescue)) => Outcome::Done(Some(event::Task::WorkspaceRescued { rescue }.into())),
                    Ok(None) => Outcome::Done(Some(event::Task::WorkspaceRemoved.into())),
                    Err(error) => kept(chain(&error)),
                };
            }
            Ok(Some(other)) => return kept(format!("it is on {}", other.branch)),
            Err(error) => return kept(chain(&error)),
        };
        let reach = Reach { credentials: self.git_credentials(&repository).await, pull };
        let unsaved = if rescue { Unsaved::IsRescued { at: self.clock.now() } } else { Unsaved::Stays };
        match self.workspaces.remove(&workspace, &reach, unsaved).await {
            Ok(Removal::Removed(Gone { rescue: None, .. })) => {
                Outcome::Done(Some(event::Task::WorkspaceRemoved.into()))
            }
            Ok(Removal::Removed(Gone { rescue: Some(rescue), .. })) => {
                Outcome::Done(Some(event::Task::WorkspaceRescued { rescue }.into()))
            }
            Ok(Removal::Refused(holds)) => kept(holds.to_string()),
            Err(error) => kept(chain(&error)),
        }
    }

    pub(super) async fn restore_workspace(&self, repo: RepoId, branch: Branch, rescue: &Rescue) -> Outcome {
        let Some(repository) = self.repository(repo) else {
            let why = "the repository is not in the settings".to_owned();
            return Outcome::Done(Some(event::Task::NotRestored { why }.into()));
        };
        // Nothing is fetched.
        let spec = spec(&rescue.task, &repository, branch, Credentials::of_the_user());
        let event = match self.workspaces.restore(&spec, rescue).await {
            Ok(made) => event::Task::WorkspaceRestored { path: made.path.to_string_lossy().into_owned() },
            Err(error) => event::Task::NotRestored { why: chain(&error) },
        };
        Outcome::Done(Some(event.into()))
    }
}

fn spec(task: &TaskId, repository: &Repository, branch: Branch, credentials: Credentials) -> Spec {
    Spec {
        repository: repository.path.clone(),
        task: task.clone(),
        branch,
        base: repository.base.clone(),
        remote: "origin".to_owned(),
        credentials,
    }
}

fn one_line(words: &str, otherwise: &str) -> String {
    let line = text::sanitise(words).text.lines().next().unwrap_or_default().trim().to_owned();
    let short: String = line.chars().take(200).collect();
    if short.is_empty() { otherwise.to_owned() } else { short }
}
