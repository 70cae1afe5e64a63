//! Which checks fail on a base commit: what fails there too is not the fault of a pull request.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Mutex,
};

use serde::Deserialize;

use super::{Client, Error};
use crate::model::{RepoName, Sha};

/// For so many commits the answer is remembered.
const KEPT_MAX: usize = 100;

/// A check run's name and the slug of its app.
pub type RunName = (String, Option<String>);

/// Remembers which checks have failed on commits that are done with.
#[derive(Debug, Default)]
pub(super) struct FailedRuns(Mutex<BTreeMap<(RepoName, Sha), BTreeSet<RunName>>>);

#[derive(Deserialize)]
struct Runs {
    check_runs: Vec<Run>,
}

#[derive(Deserialize)]
struct Run {
    name: String,
    status: Option<String>,
    conclusion: Option<String>,
    app: Option<App>,
}

#[derive(Deserialize)]
struct App {
    slug: Option<String>,
}

impl Client {
    /// The newest check runs of a commit that have failed, at most the first hundred runs looked at.
    ///
    /// One request; none for a commit on which every run had ended before.
    ///
    /// # Errors
    ///
    /// When GitHub cannot be asked. A commit that nothing is known of has no failed runs.
    pub async fn failed_runs(&self, repo: &RepoName, commit: &Sha) -> Result<BTreeSet<RunName>, Error> {
        let key = (repo.clone(), commit.clone());
        if let Some(known) = self.known_failed_runs().0.lock().expect("no holder of this lock panics").get(&key) {
            return Ok(known.clone());
        }
        let query = [("filter", "latest"), ("per_page", "100")];
        let answer = self.transport().get(repo, &["commits", commit.as_str(), "check-runs"], &query).await?;
        let runs = match answer.json::<Runs>() {
            Ok(runs) => runs.check_runs,
            Err(Error::NotFound | Error::Unprocessable { .. }) => Vec::new(),
            Err(error) => return Err(error),
        };
        let ended = !runs.is_empty() && runs.iter().all(|run| run.status.as_deref() == Some("completed"));
        let bad = |run: &Run| matches!(run.conclusion.as_deref(), Some("failure" | "timed_out"));
        let name = |run: Run| (run.name, run.app.and_then(|app| app.slug));
        let failed: BTreeSet<_> = runs.into_iter().filter(bad).map(name).collect();
        if ended {
            let mut known = self.known_failed_runs().0.lock().expect("no holder of this lock panics");
            if known.len() >= KEPT_MAX {
                known.clear();
            }
            known.insert(key, failed.clone());
        }
        Ok(failed)
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;
    use crate::github::fake::{Fake, not_found, ok, repo};

    fn commit() -> Sha {
        "b".repeat(40).parse().unwrap()
    }

    fn run(name: &str, status: &str, conclusion: Option<&str>) -> Value {
        json!({"name": name, "status": status, "conclusion": conclusion, "app": {"slug": "github-actions"}})
    }

    // G064
    #[tokio::test]
    async fn what_fails_on_a_commit_is_asked_once() {
        let runs = json!({"check_runs": [
            run("build", "completed", Some("success")),
            run("test", "completed", Some("failure")),
            run("slow", "completed", Some("timed_out")),
        ]});
        let fake = Fake::start(move |_| ok(&runs)).await;
        let name = |name: &str| (name.to_owned(), Some("github-actions".to_owned()));

        for _ in 0..3 {
            let failed = fake.client.failed_runs(&repo(), &commit()).await.unwrap();
            assert_eq!(failed, [name("slow"), name("test")].into());
        }

        let line = format!("GET /repos/octo/hello/commits/{}/check-runs?filter=latest&per_page=100", commit());
        assert_eq!(fake.lines(), [line]);
    }

    #[tokio::test]
    async fn what_still_runs_is_asked_again() {
        let runs = json!({"check_runs": [run("test", "in_progress", None)]});
        let fake = Fake::start(move |_| ok(&runs)).await;

        for _ in 0..2 {
            assert_eq!(fake.client.failed_runs(&repo(), &commit()).await.unwrap(), [].into());
        }

        assert_eq!(fake.lines().len(), 2);
    }

    #[tokio::test]
    async fn an_unknown_commit_has_no_failed_runs() {
        let fake = Fake::start(|_| not_found()).await;

        assert_eq!(fake.client.failed_runs(&repo(), &commit()).await.unwrap(), [].into());
    }
}
