//! A hand on CI: a run begins and ends when somebody says so.
//!
//! For repositories on paper, where nothing can be checked out and run.

use super::{
    error::Error,
    happened::Conclusion,
    server::Simulator,
    world::{JobState, Refusal, Started, Status, StatusReport},
};

impl Simulator {
    /// Ends every run of a commit that has not ended, and says how many those were.
    ///
    /// # Errors
    ///
    /// When there is no such repository.
    pub fn finish_runs(&self, repo: &str, sha: &str, conclusion: Conclusion, log: &str) -> Result<usize, Error> {
        let open = self.shared.look(|world| -> Result<Vec<(Started, JobState)>, Refusal> {
            let runs = world.repository(repo)?.runs.iter().filter(|run| run.sha == sha);
            let open = runs.filter(|run| run.latest().state.conclusion().is_none());
            let started = open.map(|run| {
                let (job, state) = (run.latest().id, run.latest().state);
                let (sha, branch) = (run.sha.clone(), run.branch.clone());
                (Started { repo: repo.to_owned(), run: run.id, job, attempt: run.attempt(), sha, branch }, state)
            });
            Ok(started.collect())
        })?;
        for (started, state) in &open {
            self.shared.change(|world| -> Result<(), Refusal> {
                if *state == JobState::Queued {
                    world.begin_job(started)?;
                }
                world.end_job(started, conclusion, log.to_owned())
            })?;
        }
        Ok(open.len())
    }

    /// Starts every failed run of a commit again, and says how many those were.
    ///
    /// # Errors
    ///
    /// When there is no such repository.
    pub fn rerun_failed(&self, repo: &str, sha: &str, person: &str) -> Result<usize, Error> {
        let failed = self.shared.look(|world| -> Result<Vec<u64>, Refusal> {
            let runs = world.repository(repo)?.runs.iter().filter(|run| run.sha == sha);
            let failed = |state: JobState| state.conclusion().is_some_and(|it| it != Conclusion::Success);
            Ok(runs.filter(|run| failed(run.latest().state)).map(|run| run.id).collect())
        })?;
        for run in &failed {
            self.shared.change(|world| world.rerun(repo, *run, person))?;
        }
        Ok(failed.len())
    }

    /// Reports a commit status in somebody's name: passed, failed, or (`None`) not done.
    ///
    /// # Errors
    ///
    /// When there is no such repository.
    pub fn report_status(
        &self,
        repo: &str,
        sha: &str,
        (person, context): (&str, &str),
        passed: Option<bool>,
    ) -> Result<(), Error> {
        let state = match passed {
            Some(true) => StatusReport::Success,
            Some(false) => StatusReport::Failure,
            None => StatusReport::Pending,
        };
        self.shared.change(|world| {
            let status = Status {
                id: 0,
                sha: sha.to_owned(),
                context: context.to_owned(),
                state,
                description: None,
                target_url: None,
                creator: person.to_owned(),
                created_at: world.now,
            };
            world.report_status(repo, status)
        })?;
        Ok(())
    }
}
