//! Asks GitHub what is so.

use std::time::Duration;

use jiff::Timestamp;

use super::{Executor, Outcome, Repository};
use crate::{
    event::{self, LookFailure},
    github,
    model::{PrNumber, RepoId, Snapshot, TextHash},
};

impl Executor {
    pub(super) async fn look(
        &self,
        subject: (RepoId, PrNumber),
        look: u64,
        known: Option<TextHash>,
        rules_since: Option<Timestamp>,
    ) -> Outcome {
        let (repo, number) = subject;
        let failed = |why| Outcome::Done(Some(event::Pull::LookFailed { look, why }.into()));
        let Some(repository) = self.repository(repo) else {
            return failed(LookFailure::Unavailable("the repository is not in the settings".to_owned()));
        };
        if let Some(since) = rules_since {
            self.github.rules_changed(&repository.name, since);
        }
        let mut fetched = match self.github.snapshot(&repository.name, number).await {
            Ok(fetched) => fetched,
            Err(error) => return self.look_failed(look, error),
        };
        self.name_reviewers(&repository, &mut fetched.value);
        let hash = TextHash::of(&serde_json::to_string(&fetched.value).unwrap_or_default());
        if known.as_ref() == Some(&hash) {
            return Outcome::Done(Some(event::Pull::Unchanged { look }.into()));
        }
        // The words come first: whoever reads the snapshot finds them.
        if let Err(error) = self.journal.keep_texts(fetched.texts).await {
            return Outcome::Later { after: Duration::from_secs(1), why: error.to_string(), tried: false };
        }
        let snapshot = Box::new(fetched.value);
        Outcome::Done(Some(event::Pull::Observed { look, snapshot, hash }.into()))
    }

    /// Marks the bots that the settings name as reviewers.
    fn name_reviewers(&self, repository: &Repository, snapshot: &mut Snapshot) {
        let config = self.config.borrow();
        let Some(settings) = config.repositories.iter().find(|it| it.name == repository.configured) else { return };
        let is_named = |login: &str| {
            let short = login.strip_suffix("[bot]").unwrap_or(login);
            settings.review_bots.iter().any(|name| [login, short].iter().any(|it| name.eq_ignore_ascii_case(it)))
        };
        let reviews = snapshot.reviews.iter_mut().map(|review| &mut review.author);
        let comments = snapshot.threads.iter_mut().flat_map(|thread| &mut thread.comments);
        for author in reviews.chain(comments.map(|comment| &mut comment.author)) {
            author.reviewer = author.bot && is_named(author.login.as_str());
        }
    }

    fn look_failed(&self, look: u64, error: github::Error) -> Outcome {
        let why = match error {
            github::Error::RateLimited { resets_at } => {
                let wait = Duration::try_from(resets_at.duration_since(self.clock.now())).unwrap_or(Duration::ZERO);
                return Outcome::Later {
                    after: wait,
                    why: format!("the rate limit resets at {resets_at}"),
                    tried: false,
                };
            }
            github::Error::NotFound => LookFailure::NotFound,
            github::Error::Unauthorized => LookFailure::Forbidden("GitHub does not accept our credentials".to_owned()),
            github::Error::Forbidden { what } => LookFailure::Forbidden(what),
            error @ (github::Error::HeadMoved
            | github::Error::Unprocessable { .. }
            | github::Error::Unavailable(_)
            | github::Error::AmbiguousWrite(_)
            | github::Error::Other(_)) => LookFailure::Unavailable(chain(&error)),
        };
        Outcome::Done(Some(event::Pull::LookFailed { look, why }.into()))
    }

    pub(super) async fn look_repository(&self, repo: RepoId, known: Option<String>) -> Outcome {
        let event = match self.list(repo, known).await {
            Ok(event) => event,
            Err(why) => event::Backlog::LookFailed { why },
        };
        Outcome::Done(Some(event.into()))
    }

    /// What is open in a repository now.
    async fn list(&self, repo: RepoId, known: Option<String>) -> Result<event::Backlog, String> {
        let repository = self.repository(repo).ok_or("the repository is not in the settings")?;
        let github = self.github.for_sweep();
        let list = github.open_pulls(&repository.name, known).await.map_err(|error| chain(&error))?;
        let issues = if repository.labels.is_empty() {
            github::Fetched { value: Vec::new(), texts: Vec::new() }
        } else {
            github.issues_ready(&repository.name, &repository.labels).await.map_err(|error| chain(&error))?
        };
        self.journal.keep_texts(issues.texts).await.map_err(|error| chain(&error))?;
        let issues = issues.value;
        let hearing = self.config.borrow().webhook.enabled.then(|| self.ears.of(repo));
        let Some(github::OpenPulls { pulls, etag }) = list else {
            return Ok(event::Backlog::Unchanged { issues, hearing });
        };
        let mut pulls: Vec<_> = pulls.into_iter().map(listed).collect();
        pulls.sort_by_key(|pull| pull.number);
        Ok(event::Backlog::Observed { issues, pulls, etag, hearing })
    }
}

fn listed(pull: github::OpenPull) -> event::OpenPull {
    let github::OpenPull { number, head, branch, updated_at } = pull;
    event::OpenPull { number, head, branch, updated_at }
}

/// An error with all its causes in one line.
pub(super) fn chain(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(cause) = source {
        text.push_str(": ");
        text.push_str(&cause.to_string());
        source = cause.source();
    }
    text
}
