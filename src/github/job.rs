//! Jobs of GitHub Actions: which attempt of a run one belongs to, and at which step it failed.
//!
//! GraphQL does not know attempts, so REST is asked, and only for runs in which something failed: nothing is done about
//! the others. The attempt of a job never changes.

use std::{collections::BTreeMap, sync::Mutex};

use serde::Deserialize;
use tracing::debug;

use super::{Error, transport::Transport};
use crate::model::{Attempt, Check, CheckState, Conclusion, JobId, RepoName, RunId};

const KEPT_MAX: usize = 10_000;
const PAGES_MAX: u32 = 10;

/// Remembers the attempts of jobs.
#[derive(Debug, Default)]
pub(super) struct Attempts(Mutex<BTreeMap<JobId, Attempt>>);

/// A job as GitHub shows it.
#[derive(Debug, Deserialize)]
pub(super) struct Job {
    pub(super) id: JobId,
    pub(super) run_attempt: Option<Attempt>,
    pub(super) name: Option<String>,
    #[serde(default)]
    pub(super) steps: Vec<Step>,
}

/// One step of a job.
#[derive(Debug, Deserialize)]
pub(super) struct Step {
    pub(super) name: String,
    pub(super) conclusion: Option<String>,
}

#[derive(Deserialize)]
struct Jobs {
    jobs: Vec<Job>,
}

impl Job {
    /// The first step that failed.
    pub(super) fn failed_step(&self) -> Option<&str> {
        let bad = |step: &&Step| matches!(step.conclusion.as_deref(), Some("failure" | "timed_out" | "cancelled"));
        self.steps.iter().find(bad).map(|step| step.name.as_str())
    }
}

impl Attempts {
    /// Puts the attempt into the reference of every failed job. What GitHub cannot say stays as it was.
    ///
    /// # Errors
    ///
    /// Only [`Error::RateLimited`].
    pub(super) async fn fill(&self, transport: &Transport, repo: &RepoName, checks: &mut [Check]) -> Result<(), Error> {
        for check in checks.iter_mut().filter(|check| failed(check.state)) {
            let Some(job) = &mut check.job else { continue };
            if self.known(job.job).is_none() {
                match jobs(transport, repo, job.run).await {
                    Ok(jobs) => self.keep(jobs),
                    Err(error @ Error::RateLimited { .. }) => return Err(error),
                    Err(error) => {
                        debug!(%error, run.id = job.run.0, "Cannot ask for the jobs of run {}", job.run);
                        continue;
                    }
                }
            }
            job.attempt = self.known(job.job).unwrap_or(job.attempt);
        }
        Ok(())
    }

    fn known(&self, job: JobId) -> Option<Attempt> {
        self.0.lock().expect("no holder of this lock panics").get(&job).copied()
    }

    fn keep(&self, jobs: Vec<Job>) {
        let mut known = self.0.lock().expect("no holder of this lock panics");
        if known.len() >= KEPT_MAX {
            known.clear();
        }
        known.extend(jobs.into_iter().filter_map(|job| Some((job.id, job.run_attempt?))));
    }
}

/// All newest jobs of a run.
async fn jobs(transport: &Transport, repo: &RepoName, run: RunId) -> Result<Vec<Job>, Error> {
    let run = run.to_string();
    let mut jobs = Vec::new();
    for page in 1..=PAGES_MAX {
        let page = page.to_string();
        let query = [("filter", "latest"), ("per_page", "100"), ("page", page.as_str())];
        let answer = transport.get(repo, &["actions", "runs", &run, "jobs"], &query).await?;
        let more = answer.has_next_page();
        jobs.extend(answer.json::<Jobs>()?.jobs);
        if !more {
            break;
        }
    }
    Ok(jobs)
}

fn failed(state: CheckState) -> bool {
    match state {
        CheckState::Expected | CheckState::Pending => false,
        CheckState::Finished(conclusion) => match conclusion {
            Conclusion::Success | Conclusion::Neutral | Conclusion::Skipped => false,
            Conclusion::Failure
            | Conclusion::Cancelled
            | Conclusion::TimedOut
            | Conclusion::ActionRequired
            | Conclusion::Stale
            | Conclusion::StartupFailure
            | Conclusion::Unknown => true,
        },
    }
}
