//! Workflow runs with their jobs, and commit statuses.
//!
//! The one workflow is the repository's own `test.sh`. Each run has one check suite; each attempt of it has one job,
//! which is also a check run of the same number.

use jiff::Timestamp;
use serde_json::json;

use super::{Refusal, Report, Repository, World};
use crate::simulator::{
    happened::{Conclusion, Happened},
    json::{checks, objects},
};

/// The name of the only job.
const JOB_NAME: &str = "test";

/// A workflow run.
#[derive(Debug)]
pub(crate) struct Run {
    /// Its number among all runs of GitHub.
    pub(crate) id: u64,
    /// The number of its check suite.
    pub(crate) suite: u64,
    /// Its number in the workflow.
    pub(crate) number: u64,
    /// The commit under test.
    pub(crate) sha: String,
    /// The branch it came from.
    pub(crate) branch: String,
    /// The pull request that it runs for.
    pub(crate) pull: u64,
    /// Who caused it.
    pub(crate) actor: String,
    /// One job per attempt, the first first. Never empty.
    pub(crate) attempts: Vec<Job>,
    /// When it was requested.
    pub(crate) created_at: Timestamp,
    /// When it last changed.
    pub(crate) updated_at: Timestamp,
}

/// One attempt of a run.
#[derive(Debug)]
pub(crate) struct Job {
    /// Its number; its check run has the same.
    pub(crate) id: u64,
    /// Its name; its check run has the same.
    pub(crate) name: String,
    /// Where it stands.
    pub(crate) state: JobState,
    /// When it was queued.
    pub(crate) created_at: Timestamp,
    /// When it began.
    pub(crate) started_at: Option<Timestamp>,
    /// When it ended.
    pub(crate) completed_at: Option<Timestamp>,
    /// Everything it wrote, once it has ended.
    pub(crate) log: Option<String>,
}

/// Where a job stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum JobState {
    /// Waits for a runner.
    Queued,
    /// Runs.
    InProgress,
    /// Has ended.
    Completed(Conclusion),
}

/// What somebody reported about a commit.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Status {
    /// Its number.
    pub(crate) id: u64,
    /// The commit.
    pub(crate) sha: String,
    /// Whose report; only the newest of each context counts.
    pub(crate) context: String,
    /// What was reported.
    pub(crate) state: StatusReport,
    /// In words.
    pub(crate) description: Option<String>,
    /// Where to look.
    pub(crate) target_url: Option<String>,
    /// Who reported.
    pub(crate) creator: String,
    /// When.
    pub(crate) created_at: Timestamp,
}

/// What a commit status says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum StatusReport {
    /// Could not judge; counts as failed.
    Error,
    /// Failed.
    Failure,
    /// Not done.
    Pending,
    /// Passed.
    Success,
}

/// A job that a runner is to carry out.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Started {
    /// The repository.
    pub(crate) repo: String,
    /// The run.
    pub(crate) run: u64,
    /// The job.
    pub(crate) job: u64,
    /// Which attempt of the run it belongs to, from 1.
    pub(crate) attempt: u64,
    /// The commit to check out.
    pub(crate) sha: String,
    /// Its branch.
    pub(crate) branch: String,
}

impl Run {
    /// The newest attempt.
    pub(crate) fn latest(&self) -> &Job {
        self.attempts.last().expect("a run is made with its first attempt")
    }

    /// The number of the newest attempt, from 1.
    pub(crate) fn attempt(&self) -> u64 {
        self.attempts.len() as u64
    }
}

impl JobState {
    /// As REST says it; GraphQL says it in upper case.
    pub(crate) const fn status(self) -> &'static str {
        match self {
            Self::Queued => "queued",
            Self::InProgress => "in_progress",
            Self::Completed(_) => "completed",
        }
    }

    /// How it ended, if it has.
    pub(crate) const fn conclusion(self) -> Option<Conclusion> {
        match self {
            Self::Completed(conclusion) => Some(conclusion),
            Self::Queued | Self::InProgress => None,
        }
    }

    /// Whether a branch that demands this check is content.
    pub(crate) fn satisfies(self) -> bool {
        self.conclusion() == Some(Conclusion::Success)
    }
}

impl StatusReport {
    /// As REST says it; GraphQL says it in upper case.
    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::Error => "error",
            Self::Failure => "failure",
            Self::Pending => "pending",
            Self::Success => "success",
        }
    }

    /// Reads what a client sent.
    pub(crate) fn from_name(name: &str) -> Option<Self> {
        [Self::Error, Self::Failure, Self::Pending, Self::Success].into_iter().find(|report| report.name() == name)
    }
}

impl Repository {
    /// The newest job of every run of a commit.
    pub(crate) fn latest_jobs<'a>(&'a self, sha: &'a str) -> impl Iterator<Item = (&'a Run, &'a Job)> {
        self.runs.iter().filter(move |run| run.sha == sha).map(|run| (run, run.latest()))
    }

    /// The newest status of each context of a commit, by context.
    pub(crate) fn latest_statuses(&self, sha: &str) -> Vec<&Status> {
        let mut latest: Vec<&Status> = Vec::new();
        for status in self.statuses.iter().filter(|status| status.sha == sha) {
            latest.retain(|earlier| earlier.context != status.context);
            latest.push(status);
        }
        latest.sort_by(|a, b| a.context.cmp(&b.context));
        latest
    }

    /// GitHub's summary over everything that reported on a commit; `None` if nothing did.
    pub(crate) fn rollup(&self, sha: &str) -> Option<&'static str> {
        let jobs = self.latest_jobs(sha).map(|(_, job)| match job.state {
            JobState::Queued | JobState::InProgress => "PENDING",
            JobState::Completed(Conclusion::Success) => "SUCCESS",
            JobState::Completed(Conclusion::Failure | Conclusion::TimedOut | Conclusion::Cancelled) => "FAILURE",
        });
        let statuses = self.latest_statuses(sha).into_iter().map(|status| match status.state {
            StatusReport::Error => "ERROR",
            StatusReport::Failure => "FAILURE",
            StatusReport::Pending => "PENDING",
            StatusReport::Success => "SUCCESS",
        });
        let reports = self.latest_reports(sha).into_iter().map(Report::rollup);
        let all: Vec<&str> = jobs.chain(statuses).chain(reports).collect();
        ["FAILURE", "ERROR", "PENDING", "SUCCESS"].into_iter().find(|state| all.contains(state))
    }

    /// The run of this number.
    pub(crate) fn run(&self, id: u64) -> Result<&Run, Refusal> {
        self.runs.iter().find(|run| run.id == id).ok_or(Refusal::NotFound)
    }

    /// The job of this number with its run and the number of its attempt.
    pub(crate) fn job(&self, id: u64) -> Result<(&Run, u64, &Job), Refusal> {
        let found = self.runs.iter().find_map(|run| {
            let at = run.attempts.iter().position(|job| job.id == id)?;
            Some((run, at as u64 + 1, &run.attempts[at]))
        });
        found.ok_or(Refusal::NotFound)
    }

    fn run_mut(&mut self, id: u64) -> Result<&mut Run, Refusal> {
        self.runs.iter_mut().find(|run| run.id == id).ok_or(Refusal::NotFound)
    }
}

impl World {
    /// Requests the workflow for the present head of a pull request, at most once for each head.
    pub(crate) fn request_run(&mut self, repo: &str, number: u64, actor: &str) -> Result<Option<Started>, Refusal> {
        let (id, suite, job, now) = (self.next_id(), self.next_id(), self.next_id(), self.now);
        let repository = self.repository_mut(repo)?;
        let runs = repository.runs.len() as u64;
        let pull = repository.pull_mut(number)?;
        if pull.ci_heads.contains(&pull.head_sha) {
            return Ok(None);
        }
        pull.ci_heads.push(pull.head_sha.clone());
        let (sha, branch) = (pull.head_sha.clone(), pull.head.clone());
        repository.runs.push(Run {
            id,
            suite,
            number: runs + 1,
            sha: sha.clone(),
            branch: branch.clone(),
            pull: number,
            actor: actor.to_owned(),
            attempts: vec![new_job(job, now)],
            created_at: now,
            updated_at: now,
        });
        self.announce_suite(repo, id, "requested")?;
        self.announce_run(repo, id, "requested")?;
        self.announce_job(repo, job, ("queued", Some("created")))?;
        Ok(Some(Started { repo: repo.to_owned(), run: id, job, attempt: 1, sha, branch }))
    }

    /// Starts a failed run again as its next attempt.
    pub(crate) fn rerun(&mut self, repo: &str, run: u64, actor: &str) -> Result<Started, Refusal> {
        let (job, now) = (self.next_id(), self.now);
        actor.clone_into(&mut self.repository_mut(repo)?.run_mut(run)?.actor);
        let found = self.repository_mut(repo)?.run_mut(run)?;
        match found.latest().state.conclusion() {
            None => return Err(Refusal::Forbidden("This workflow is already running".to_owned())),
            Some(Conclusion::Success) => {
                return Err(Refusal::Forbidden("This workflow run has no failed jobs to rerun".to_owned()));
            }
            Some(Conclusion::Failure | Conclusion::TimedOut | Conclusion::Cancelled) => {}
        }
        found.attempts.push(new_job(job, now));
        found.updated_at = now;
        let (sha, branch, attempt) = (found.sha.clone(), found.branch.clone(), found.attempt());
        self.announce_run(repo, run, "requested")?;
        self.announce_job(repo, job, ("queued", Some("created")))?;
        Ok(Started { repo: repo.to_owned(), run, job, attempt, sha, branch })
    }

    /// A runner took a job.
    pub(crate) fn begin_job(&mut self, started: &Started) -> Result<(), Refusal> {
        let now = self.now;
        let job = self.job_mut(started)?;
        job.state = JobState::InProgress;
        job.started_at = Some(now);
        self.announce_run(&started.repo, started.run, "in_progress")?;
        self.announce_job(&started.repo, started.job, ("in_progress", None))?;
        self.check_happened(started, None)
    }

    /// A job ended, and with it its run and suite.
    pub(crate) fn end_job(&mut self, started: &Started, conclusion: Conclusion, log: String) -> Result<(), Refusal> {
        let now = self.now;
        let job = self.job_mut(started)?;
        job.state = JobState::Completed(conclusion);
        job.completed_at = Some(now);
        job.log = Some(log);
        self.announce_job(&started.repo, started.job, ("completed", Some("completed")))?;
        self.announce_run(&started.repo, started.run, "completed")?;
        self.announce_suite(&started.repo, started.run, "completed")?;
        self.check_happened(started, Some(conclusion))
    }

    /// Records a commit status.
    pub(crate) fn report_status(&mut self, repo: &str, mut status: Status) -> Result<u64, Refusal> {
        self.user(&status.creator);
        status.id = self.next_id();
        status.created_at = self.now;
        let (id, actor, sha) = (status.id, status.creator.clone(), status.sha.clone());
        let context = status.context.clone();
        let repository = self.repository_mut(repo)?;
        repository.statuses.push(status.clone());
        let repository = self.repository(repo)?;
        let about = checks::status_event(self, repository, &status);
        self.announce(repo, &actor, ("status", None), about);
        self.happened(Happened::StatusReported { repo: repo.to_owned(), sha, context, actor });
        Ok(id)
    }

    fn job_mut(&mut self, started: &Started) -> Result<&mut Job, Refusal> {
        let now = self.now;
        let run = self.repository_mut(&started.repo)?.run_mut(started.run)?;
        run.updated_at = now;
        run.attempts.iter_mut().find(|job| job.id == started.job).ok_or(Refusal::NotFound)
    }

    fn check_happened(&mut self, started: &Started, conclusion: Option<Conclusion>) -> Result<(), Refusal> {
        let run = self.repository(&started.repo)?.run(started.run)?;
        let (repo, sha, number, attempt) = (started.repo.clone(), run.sha.clone(), run.pull, run.attempt());
        self.happened(match conclusion {
            None => Happened::CheckStarted { repo, number, sha, attempt },
            Some(conclusion) => Happened::CheckFinished { repo, number, sha, attempt, conclusion },
        });
        Ok(())
    }

    fn announce_suite(&mut self, repo: &str, run: u64, action: &str) -> Result<(), Refusal> {
        let repository = self.repository(repo)?;
        let run = repository.run(run)?;
        let about = json!({ "check_suite": checks::suite(self, repository, run) });
        let actor = run.actor.clone();
        self.announce(repo, &actor, ("check_suite", Some(action)), about);
        Ok(())
    }

    fn announce_run(&mut self, repo: &str, run: u64, action: &str) -> Result<(), Refusal> {
        let repository = self.repository(repo)?;
        let run = repository.run(run)?;
        let about = json!({
            "workflow_run": checks::workflow_run(self, repository, run),
            "workflow": checks::workflow(self, repository),
        });
        let actor = run.actor.clone();
        self.announce(repo, &actor, ("workflow_run", Some(action)), about);
        Ok(())
    }

    /// One job is told of twice: as a job of its workflow and as a check run.
    fn announce_job(&mut self, repo: &str, job: u64, (action, check): (&str, Option<&str>)) -> Result<(), Refusal> {
        let repository = self.repository(repo)?;
        let (run, attempt, job) = repository.job(job)?;
        let actor = run.actor.clone();
        let about = json!({ "workflow_job": checks::job(self, repository, run, (attempt, job)) });
        let check_about = json!({ "check_run": checks::check_run(self, repository, run, job) });
        self.announce(repo, &actor, ("workflow_job", Some(action)), about);
        if let Some(check) = check {
            self.announce(repo, &actor, ("check_run", Some(check)), check_about);
        }
        Ok(())
    }

    /// The pull requests of the same repository whose head is this commit, as check events list them.
    pub(crate) fn pulls_with_head(&self, repository: &Repository, sha: &str) -> Vec<serde_json::Value> {
        let is_it = |pull: &super::Pull| pull.head_sha == sha && pull.fork.is_none();
        let with_head = repository.pulls().filter(|(issue, pull)| issue.open && is_it(pull));
        with_head.map(|(issue, pull)| objects::pull_reference(self, repository, issue, pull)).collect()
    }
}

fn new_job(id: u64, now: Timestamp) -> Job {
    Job {
        id,
        name: JOB_NAME.to_owned(),
        state: JobState::Queued,
        created_at: now,
        started_at: None,
        completed_at: None,
        log: None,
    }
}
