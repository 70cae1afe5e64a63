//! Reads what the failed checks of a head say, and what is known of such failures.

use std::collections::BTreeSet;

use tracing::debug;

use super::{Claim, Executor, Outcome, Repository, look::chain};
use crate::{
    event,
    failure::{self, AnnotationLevel, Material},
    github,
    machine::State,
    model::{
        Check, CheckKind, CheckState, Conclusion, Failure, Flip, MachineKey, Outside, PrNumber, RepoId, Sha, TextHash,
        Tier,
    },
};

/// How often an unavailable GitHub is asked again before names and addresses must do.
const TRIES_MAX: u32 = 4;

impl Executor {
    pub(super) async fn triage(
        &self,
        pull: (RepoId, PrNumber),
        head: &Sha,
        checks: &[Check],
        claim: &Claim,
    ) -> Outcome {
        let Some(repository) = self.repository(pull.0) else { return Outcome::Done(None) };
        let known = match self.known(&repository, pull).await {
            Ok(known) => known,
            Err(error) if claim.postponed < TRIES_MAX && error.is_transient() => {
                return self.later(claim, chain(&error));
            }
            Err(_) => Known::default(),
        };
        let mut failures = Vec::with_capacity(checks.len());
        let mut texts = Vec::new();
        for check in checks {
            let material = match self.github.failure_material(&repository.name, check, head).await {
                Ok(material) => material,
                Err(error) if claim.postponed < TRIES_MAX && error.is_transient() => {
                    return self.later(claim, chain(&error));
                }
                // A prompt with the check's name and address is better than none.
                Err(_) => github::FailureMaterial { url: check.url.clone(), ..github::FailureMaterial::default() },
            };
            let reports = self.reports(&repository, check, (checks, &material)).await;
            let (mut failure, text) = read(check, material, reports);
            if known.covers(check, &failure) {
                failure.class = failure::with_history(failure.class);
            }
            failures.push(failure);
            texts.extend(text);
        }
        if let Err(error) = self.journal.keep_texts(texts).await {
            return self.later(claim, chain(&error));
        }
        let (head, checks) = (head.clone(), checks.to_vec());
        Outcome::Done(Some(event::Pull::Triaged { head, checks, failures }.into()))
    }

    /// What the run's artifacts report, if no other job of the run has failed: a report does not say whose it is.
    async fn reports(
        &self,
        repository: &Repository,
        check: &Check,
        of: (&[Check], &github::FailureMaterial),
    ) -> Vec<String> {
        let (checks, material) = of;
        let Some(run) = check.job.map(|job| job.run) else { return Vec::new() };
        if checks.iter().filter(|other| other.job.is_some_and(|job| job.run == run)).count() > 1 {
            return Vec::new();
        }
        // They only add to the log, so nothing waits for them.
        self.github.reports(&repository.name, run, material.started_at).await.unwrap_or_else(|error| {
            debug!(%error, run.id = run.0, "Cannot read the artifacts of run {run}");
            Vec::new()
        })
    }

    async fn known(&self, repository: &Repository, pull: (RepoId, PrNumber)) -> Result<Known, github::Error> {
        let (repo, number) = pull;
        let base = match self.state(&MachineKey::Pull { repo, number }).await {
            Some(State::Pull(state)) => state.snapshot.map(|snapshot| snapshot.base.sha),
            _ => None,
        };
        let on_base = match base {
            Some(base) => self.github.failed_runs(&repository.name, &base).await?,
            None => BTreeSet::new(),
        };
        let flips = match self.state(&MachineKey::Backlog(repo)).await {
            Some(State::Backlog(state)) => state.flips,
            _ => Vec::new(),
        };
        Ok(Known { on_base, flips })
    }
}

/// What has failed without the change, too.
#[derive(Default)]
struct Known {
    /// What fails on the base commit.
    on_base: BTreeSet<github::RunName>,
    /// What passed on the same commit on which it had failed.
    flips: Vec<Flip>,
}

impl Known {
    fn covers(&self, check: &Check, failure: &Failure) -> bool {
        let name = (check.name.to_string(), check.app.clone());
        let on_base = check.kind == CheckKind::Run && self.on_base.contains(&name);
        on_base || failure::is_known(failure, &self.flips)
    }
}

fn read(check: &Check, material: github::FailureMaterial, reports: Vec<String>) -> (Failure, Option<String>) {
    let annotations = material.annotations.into_iter().map(|annotation| failure::Annotation {
        path: annotation.path.unwrap_or_default(),
        line: annotation.start_line,
        message: annotation.message.unwrap_or_default(),
        level: level(annotation.level.as_deref()),
    });
    let material = Material {
        check: check.name.clone(),
        job: check.job.map(|job| (job.run, job.attempt, job.job)),
        ended: ended(check.state),
        job_name: material.job,
        step: material.step,
        log: material.log,
        annotations: annotations.collect(),
        reports,
        summary: material.output_summary,
        url: material.url,
    };
    let read = failure::read(&material);
    let mut failure = read.failure;
    failure.log = read.log_window.as_deref().map(outside);
    (failure, read.log_window)
}

const fn ended(state: CheckState) -> Option<Conclusion> {
    match state {
        CheckState::Finished(conclusion) => Some(conclusion),
        CheckState::Pending | CheckState::Expected => None,
    }
}

fn outside(text: &str) -> Outside {
    Outside { hash: TextHash::of(text), bytes: u32::try_from(text.len()).unwrap_or(u32::MAX), tier: Tier::Machine }
}

fn level(name: Option<&str>) -> AnnotationLevel {
    match name {
        Some("notice") => AnnotationLevel::Notice,
        Some("warning") => AnnotationLevel::Warning,
        // What GitHub adds one day is shown rather than lost.
        _ => AnnotationLevel::Failure,
    }
}
