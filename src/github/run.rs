//! Workflow runs that are started again.

use http::{Method, StatusCode};
use serde::Deserialize;

use super::{Client, Error};
use crate::model::{Attempt, RepoName, RunId};

/// What became of the wish to run the failed jobs again.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Rerun {
    /// A newer attempt than the one that failed is there, by us or by somebody else.
    Started,
    /// The failed attempt goes on: GitHub starts nothing again before it has ended.
    StillRunning,
}

#[derive(Deserialize)]
struct Run {
    status: Option<String>,
    conclusion: Option<String>,
    run_attempt: Option<Attempt>,
}

impl Client {
    /// Runs the failed and cancelled jobs of `run` again, unless there is a newer attempt than `failed`: what has an unknown
    /// outcome may be asked for again.
    ///
    /// # Errors
    ///
    /// [`Error::Forbidden`] when the run is too old or was run again too often, and whatever else GitHub refuses.
    pub async fn rerun_failed_jobs(&self, repo: &RepoName, run: RunId, failed: Attempt) -> Result<Rerun, Error> {
        let id = run.to_string();
        let answer = self.transport().get(repo, &["actions", "runs", &id], &[]).await?;
        let now: Run = answer.json()?;
        if now.run_attempt.is_some_and(|attempt| attempt > failed) {
            return Ok(Rerun::Started);
        }
        if now.status.as_deref().is_some_and(|status| status != "completed") {
            return Ok(Rerun::StillRunning);
        }
        match self.ask_for_run(repo, &id, "rerun-failed-jobs").await {
            // Where every job was cancelled, none may count as failed.
            Err(Error::Forbidden { .. }) if now.conclusion.as_deref() == Some("cancelled") => {
                self.ask_for_run(repo, &id, "rerun").await
            }
            asked => asked,
        }
    }

    async fn ask_for_run(&self, repo: &RepoName, id: &str, how: &str) -> Result<Rerun, Error> {
        let answer = self.transport().write(Method::POST, repo, &["actions", "runs", id, how], None::<&()>).await?;
        if answer.status == StatusCode::CONFLICT {
            return Ok(Rerun::StillRunning);
        }
        answer.success().map(|_| Rerun::Started)
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::github::fake::{Fake, Reply, not_found, ok, reply, repo};

    /// A GitHub with one run that stands so, and that answers a wish to run it again with `rerun`.
    async fn github(status: &'static str, attempt: u32, rerun: fn() -> Reply) -> Fake {
        Fake::start(move |seen| match seen.line.as_str() {
            "GET /repos/octo/hello/actions/runs/70" => ok(&json!({"id": 70, "status": status, "run_attempt": attempt})),
            "POST /repos/octo/hello/actions/runs/70/rerun-failed-jobs" => rerun(),
            _ => not_found(),
        })
        .await
    }

    async fn wished(github: &Fake) -> Result<Rerun, Error> {
        github.client.rerun_failed_jobs(&repo(), RunId(70), Attempt(1)).await
    }

    fn writes(github: &Fake) -> usize {
        github.lines().iter().filter(|line| line.starts_with("POST")).count()
    }

    #[tokio::test]
    async fn the_failed_jobs_of_a_run_are_started_again() {
        let github = github("completed", 1, || reply(201, &json!({}))).await;

        assert_eq!(wished(&github).await.unwrap(), Rerun::Started);
        assert_eq!(writes(&github), 1);
    }

    // G061: an answer that was lost is looked for, not asked for again
    #[tokio::test]
    async fn a_run_with_a_newer_attempt_is_not_started_again() {
        let github = github("in_progress", 2, || reply(500, &json!({}))).await;

        assert_eq!(wished(&github).await.unwrap(), Rerun::Started);
        assert_eq!(writes(&github), 0);
    }

    // G052, G066
    #[tokio::test]
    async fn a_run_that_goes_on_is_waited_for() {
        let github = github("in_progress", 1, || reply(403, &json!({}))).await;

        assert_eq!(wished(&github).await.unwrap(), Rerun::StillRunning);
        assert_eq!(writes(&github), 0);
    }

    #[tokio::test]
    async fn a_run_that_is_too_old_is_refused_in_githubs_words() {
        let github =
            github("completed", 1, || reply(403, &json!({"message": "Unable to retry this workflow run"}))).await;

        let refused = wished(&github).await.unwrap_err();

        assert!(matches!(&refused, Error::Forbidden { what } if what.contains("Unable to retry")), "{refused:?}");
    }

    // G060
    #[tokio::test]
    async fn a_run_that_was_cancelled_as_a_whole_is_run_again_as_a_whole() {
        let github = Fake::start(|seen| match seen.line.as_str() {
            "GET /repos/octo/hello/actions/runs/70" => {
                ok(&json!({"id": 70, "status": "completed", "conclusion": "cancelled", "run_attempt": 1}))
            }
            "POST /repos/octo/hello/actions/runs/70/rerun" => reply(201, &json!({})),
            _ => reply(403, &json!({"message": "This workflow run has no failed jobs to rerun"})),
        })
        .await;

        assert_eq!(wished(&github).await.unwrap(), Rerun::Started);
        assert_eq!(writes(&github), 2);
    }

    #[tokio::test]
    async fn a_lost_answer_is_an_unknown_outcome() {
        let github = github("completed", 1, || reply(502, &json!({}))).await;

        assert!(matches!(wished(&github).await, Err(Error::AmbiguousWrite(_))));
    }
}
