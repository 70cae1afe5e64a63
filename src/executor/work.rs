//! Workspaces and pull requests of tasks.

use std::{collections::BTreeMap, time::Duration};

use super::{Executor, Outcome, Repository, look::chain};
use crate::{
    boundary,
    event::{self, Event, Work},
    github::{self, NewPull},
    model::{Branch, PrNumber, RepoId, Rescue, TaskId},
    text,
    workspace::{Credentials, Gone, Output, Reach, Removal, Unsaved},
};

impl Executor {
    pub(super) async fn prepare(&self, task: &TaskId, repo: RepoId, branch: Branch) -> Outcome {
        let failed = |why: String| Outcome::Done(Some(event::Task::PreparationFailed { why }.into()));
        if !self.awaits_workspace(task).await {
            return Outcome::Done(None);
        }
        if let Some(later) = self.without_room() {
            return later;
        }
        let Some(repository) = self.repository(repo) else {
            return failed("the repository is not in the settings".to_owned());
        };
        let credentials = self.git_credentials(&repository).await;
        let spec = self.spec(task, &repository, branch, credentials);
        let workspace = match self.workspaces.prepare(&spec).await {
            Ok(workspace) => workspace,
            Err(error) => return failed(chain(&error)),
        };
        boundary::cross("executor: workspace made, not recorded");
        let setup = self.needs_setup(&repository, &workspace);
        let path = workspace.path.to_string_lossy().into_owned();
        Outcome::Done(Some(event::Task::Prepared { path, base: workspace.base_sha, setup }.into()))
    }

    /// Credentials for our own git calls. If GitHub gives none, git uses what the user configured.
    pub(super) async fn git_credentials(&self, repository: &Repository) -> Credentials {
        let Ok(url) = repository.clone_url.parse() else { return Credentials::of_the_user() };
        match self.github.git_token(&repository.name).await {
            Ok(token) => Credentials::token(&url, token.expose()),
            Err(_) => Credentials::of_the_user(),
        }
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

    pub(super) async fn prune_output(&self, task: &TaskId) -> Outcome {
        let pruned = match self.workspaces.find(task) {
            Ok(Some(workspace)) => self.workspaces.prune(&workspace).await,
            Ok(None) => return Outcome::Done(None),
            Err(error) => Err(error),
        };
        let event = match pruned {
            Ok(Output { dirs, bytes }) => {
                event::Task::OutputPruned { dirs: u32::try_from(dirs.len()).unwrap_or(u32::MAX), bytes }
            }
            Err(error) => event::Task::NotPruned { why: chain(&error) },
        };
        Outcome::Done(Some(event.into()))
    }

    pub(super) async fn restore_workspace(&self, repo: RepoId, branch: Branch, rescue: &Rescue) -> Outcome {
        let Some(repository) = self.repository(repo) else {
            let why = "the repository is not in the settings".to_owned();
            return Outcome::Done(Some(event::Task::NotRestored { why }.into()));
        };
        // Nothing is fetched.
        let spec = self.spec(&rescue.task, &repository, branch, Credentials::of_the_user());
        let event = match self.workspaces.restore(&spec, rescue).await {
            Ok(made) => event::Task::WorkspaceRestored { path: made.path.to_string_lossy().into_owned() },
            Err(error) => event::Task::NotRestored { why: chain(&error) },
        };
        Outcome::Done(Some(event.into()))
    }
}

fn one_line(words: &str, otherwise: &str) -> String {
    let line = text::sanitise(words).text.lines().next().unwrap_or_default().trim().to_owned();
    let short: String = line.chars().take(200).collect();
    if short.is_empty() { otherwise.to_owned() } else { short }
}
