//! Reads what the failed checks of a head say.

use super::{Claim, Executor, Outcome, look::chain};
use crate::{
    event,
    failure::{self, AnnotationLevel, Material},
    github,
    model::{Check, Failure, Outside, RepoId, Sha, TextHash, Tier},
};

/// How often an unavailable GitHub is asked again before names and addresses must do.
const TRIES_MAX: u32 = 4;

impl Executor {
    pub(super) async fn triage(&self, repo: RepoId, head: &Sha, checks: &[Check], claim: &Claim) -> Outcome {
        let Some(repository) = self.repository(repo) else { return Outcome::Done(None) };
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
            let (failure, text) = read(check, material);
            failures.push(failure);
            texts.extend(text);
        }
        if let Err(error) = self.journal.keep_texts(texts).await {
            return self.later(claim, chain(&error));
        }
        let (head, checks) = (head.clone(), checks.to_vec());
        Outcome::Done(Some(event::Pull::Triaged { head, checks, failures }.into()))
    }
}

fn read(check: &Check, material: github::FailureMaterial) -> (Failure, Option<String>) {
    let annotations = material.annotations.into_iter().map(|annotation| failure::Annotation {
        path: annotation.path.unwrap_or_default(),
        line: annotation.start_line,
        message: annotation.message.unwrap_or_default(),
        level: level(annotation.level.as_deref()),
    });
    let material = Material {
        check: check.name.clone(),
        job: check.job.map(|job| (job.run, job.attempt, job.job)),
        job_name: material.job,
        step: material.step,
        log: material.log,
        annotations: annotations.collect(),
        summary: material.output_summary,
        url: material.url,
    };
    let read = failure::read(&material);
    let mut failure = read.failure;
    failure.log = read.log_window.as_deref().map(outside);
    (failure, read.log_window)
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
