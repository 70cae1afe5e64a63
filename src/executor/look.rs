//! Asks GitHub what is so.

use std::time::Duration;

use jiff::Timestamp;

use super::{Executor, Outcome};
use crate::{
    event::{self, LookFailure},
    github,
    model::{PrNumber, RepoId, TextHash},
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
        let fetched = match self.github.snapshot(&repository.name, number).await {
            Ok(fetched) => fetched,
            Err(error) => return self.look_failed(look, error),
        };
        let hash = TextHash::of(&serde_json::to_string(&fetched.value).unwrap_or_default());
        if known.as_ref() == Some(&hash) {
            return Outcome::Done(Some(event::Pull::Unchanged { look }.into()));
        }
        // The words come first: whoever reads the snapshot finds them.
        if let Err(error) = self.journal.keep_texts(fetched.texts).await {
            return Outcome::Later { after: Duration::from_secs(1), why: error.to_string() };
        }
        let snapshot = Box::new(fetched.value);
        Outcome::Done(Some(event::Pull::Observed { look, snapshot, hash }.into()))
    }

    fn look_failed(&self, look: u64, error: github::Error) -> Outcome {
        let why = match error {
            github::Error::RateLimited { resets_at } => {
                let wait = Duration::try_from(resets_at.duration_since(self.clock.now())).unwrap_or(Duration::ZERO);
                return Outcome::Later { after: wait, why: format!("the rate limit resets at {resets_at}") };
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

    pub(super) async fn look_repository(&self, repo: RepoId) -> Outcome {
        let failed = |why: String| Outcome::Done(Some(event::Backlog::LookFailed { why }.into()));
        let Some(repository) = self.repository(repo) else {
            return failed("the repository is not in the settings".to_owned());
        };
        let pulls = match self.github.open_pulls(&repository.name).await {
            Ok(pulls) => pulls,
            Err(error) => return failed(chain(&error)),
        };
        let issues = if repository.labels.is_empty() {
            github::Fetched { value: Vec::new(), texts: Vec::new() }
        } else {
            match self.github.issues_ready(&repository.name, &repository.labels).await {
                Ok(issues) => issues,
                Err(error) => return failed(chain(&error)),
            }
        };
        if let Err(error) = self.journal.keep_texts(issues.texts).await {
            return failed(chain(&error));
        }
        let mut pulls: Vec<_> = pulls
            .into_iter()
            .map(|pull| event::OpenPull {
                number: pull.number,
                head: pull.head,
                branch: pull.branch,
                updated_at: pull.updated_at,
            })
            .collect();
        pulls.sort_by_key(|pull| pull.number);
        Outcome::Done(Some(event::Backlog::Observed { issues: issues.value, pulls }.into()))
    }
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
