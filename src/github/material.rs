//! Everything GitHub has about one failed check: the step, the log, the annotations, the summary.
//!
//! It is collected, not understood: what failed and why is read elsewhere.

use jiff::Timestamp;
use serde::Deserialize;

use super::{Client, Error, job::Job, log};
use crate::model::{Check, CheckKind, JobRef, RepoName, Sha};

/// What there is to be read about one failed check. What does not exist is absent, which is no error.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct FailureMaterial {
    /// The job's name.
    pub job: Option<String>,
    /// The first failed step.
    pub step: Option<String>,
    /// The job's log; of a long one the lines around the first errors and the last lines.
    pub log: Option<String>,
    /// What the check pointed at, in GitHub's order, at most 100.
    pub annotations: Vec<Annotation>,
    /// The check's own words: a run's title and summary, or a status's description.
    pub output_summary: Option<String>,
    /// When the job began.
    pub started_at: Option<Timestamp>,
    /// Where people look at it.
    pub url: Option<String>,
}

/// One place that a check pointed at.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct Annotation {
    /// The file.
    pub path: Option<String>,
    /// The line, counted from 1.
    pub start_line: Option<u32>,
    /// `notice`, `warning` or `failure`.
    #[serde(rename = "annotation_level")]
    pub level: Option<String>,
    /// What is wrong.
    pub message: Option<String>,
}

#[derive(Deserialize)]
struct Runs {
    check_runs: Vec<Run>,
}

#[derive(Deserialize)]
struct Run {
    id: u64,
    app: Option<App>,
    output: Option<Output>,
}

#[derive(Deserialize)]
struct App {
    slug: Option<String>,
}

#[derive(Deserialize)]
struct Output {
    title: Option<String>,
    summary: Option<String>,
    #[serde(default)]
    annotations_count: u32,
}

#[derive(Deserialize)]
struct Combined {
    #[serde(default)]
    statuses: Vec<Status>,
}

#[derive(Deserialize)]
struct Status {
    context: String,
    description: Option<String>,
}

impl Client {
    /// Collects what GitHub has about a failed check on `head`.
    ///
    /// # Errors
    ///
    /// When GitHub cannot be asked. That something is not there is no error.
    pub async fn failure_material(&self, repo: &RepoName, check: &Check, head: &Sha) -> Result<FailureMaterial, Error> {
        let mut material = FailureMaterial { url: check.url.clone(), ..FailureMaterial::default() };
        match check.kind {
            CheckKind::Status => material.output_summary = self.description(repo, check, head).await?,
            CheckKind::Run => self.output(repo, check, head, &mut material).await?,
        }
        if let Some(job) = check.job {
            self.of_job(repo, job, &mut material).await?;
        }
        Ok(material)
    }

    async fn of_job(&self, repo: &RepoName, job: JobRef, material: &mut FailureMaterial) -> Result<(), Error> {
        let answer = self.transport().get(repo, &["actions", "jobs", &job.job.to_string()], &[]).await?;
        if let Some(job) = present(answer.json::<Job>())? {
            material.step = job.failed_step().map(str::to_owned);
            material.started_at = job.started_at;
            material.job = job.name;
        }
        material.log = log::fetch(self.transport(), repo, job.job).await?;
        Ok(())
    }

    async fn output(
        &self,
        repo: &RepoName,
        check: &Check,
        head: &Sha,
        material: &mut FailureMaterial,
    ) -> Result<(), Error> {
        let query = [("check_name", check.name.as_str()), ("filter", "latest"), ("per_page", "100")];
        let answer = self.transport().get(repo, &["commits", head.as_str(), "check-runs"], &query).await?;
        let Some(runs) = present(answer.json::<Runs>())? else { return Ok(()) };
        let ours = |run: &&Run| run.app.as_ref().and_then(|app| app.slug.as_ref()) == check.app.as_ref();
        let newest = runs.check_runs.iter().filter(ours).max_by_key(|run| run.id);
        let Some((run, output)) = newest.and_then(|run| Some((run, run.output.as_ref()?))) else { return Ok(()) };
        let words: Vec<&str> = [&output.title, &output.summary].into_iter().flatten().map(String::as_str).collect();
        material.output_summary = (!words.is_empty()).then(|| words.join("\n\n"));
        if output.annotations_count > 0 {
            let path = ["check-runs", &run.id.to_string(), "annotations"];
            let answer = self.transport().get(repo, &path, &[("per_page", "100")]).await?;
            material.annotations = present(answer.json())?.unwrap_or_default();
        }
        Ok(())
    }

    async fn description(&self, repo: &RepoName, check: &Check, head: &Sha) -> Result<Option<String>, Error> {
        let path = ["commits", head.as_str(), "status"];
        let answer = self.transport().get(repo, &path, &[("per_page", "100")]).await?;
        let statuses = present(answer.json::<Combined>())?.map_or_else(Vec::new, |combined| combined.statuses);
        let ours = statuses.into_iter().find(|status| status.context == check.name.as_str());
        Ok(ours.and_then(|status| status.description))
    }
}

fn present<T>(result: Result<T, Error>) -> Result<Option<T>, Error> {
    match result {
        Ok(value) => Ok(Some(value)),
        Err(Error::NotFound) => Ok(None),
        Err(error) => Err(error),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::{
        github::fake::{Fake, Reply, Seen, not_found, ok, repo},
        model::{Attempt, CheckState, Conclusion, JobId, RunId},
    };

    fn head() -> Sha {
        "1".repeat(40).parse().unwrap()
    }

    fn check(kind: CheckKind, job: Option<u64>) -> Check {
        Check {
            name: "build".parse().unwrap(),
            kind,
            app: Some("ci".to_owned()).filter(|_| kind == CheckKind::Run),
            required: true,
            state: CheckState::Finished(Conclusion::Failure),
            job: job.map(|job| JobRef { run: RunId(70), attempt: Attempt(1), job: JobId(job) }),
            url: Some("https://ci.example/1".to_owned()),
        }
    }

    fn github(seen: &Seen) -> Reply {
        let head = head();
        match seen.line.trim_start_matches("GET /repos/octo/hello/") {
            line if line == format!("commits/{head}/check-runs?check_name=build&filter=latest&per_page=100") => {
                ok(&json!({"check_runs": [
                    {"id": 9, "app": {"slug": "other"}, "output": {"summary": "theirs"}},
                    {"id": 5, "app": {"slug": "ci"}, "output": {"title": "2 errors", "summary": "See below.", "annotations_count": 1}},
                    {"id": 4, "app": {"slug": "ci"}, "output": {"summary": "old"}},
                ]}))
            }
            "check-runs/5/annotations?per_page=100" => {
                ok(&json!([{"path": "a.rs", "start_line": 3, "annotation_level": "failure", "message": "no"}]))
            }
            "actions/jobs/5" => ok(&json!({"id": 5, "name": "build", "started_at": "2026-01-01T12:00:00Z", "steps": [
                {"name": "checkout", "conclusion": "success"},
                {"name": "test", "conclusion": "failure"},
                {"name": "upload", "conclusion": "failure"},
            ]})),
            "actions/jobs/5/logs" => Reply::new(axum::body::Body::from("the log")),
            line if line == format!("commits/{head}/status?per_page=100") => {
                ok(&json!({"statuses": [{"context": "build", "description": "Failed in 3 s"}]}))
            }
            _ => not_found(),
        }
    }

    #[tokio::test]
    async fn a_failed_job_gives_its_step_log_annotations_and_summary() {
        let fake = Fake::start(github).await;

        let material = fake.client.failure_material(&repo(), &check(CheckKind::Run, Some(5)), &head()).await.unwrap();

        let expected = FailureMaterial {
            job: Some("build".to_owned()),
            step: Some("test".to_owned()),
            log: Some("the log".to_owned()),
            annotations: vec![Annotation {
                path: Some("a.rs".to_owned()),
                start_line: Some(3),
                level: Some("failure".to_owned()),
                message: Some("no".to_owned()),
            }],
            output_summary: Some("2 errors\n\nSee below.".to_owned()),
            started_at: Some("2026-01-01T12:00:00Z".parse().unwrap()),
            url: Some("https://ci.example/1".to_owned()),
        };
        assert_eq!(material, expected);
    }

    // G073
    #[tokio::test]
    async fn a_check_without_a_job_gives_what_it_says_itself() {
        let fake = Fake::start(github).await;

        let run = fake.client.failure_material(&repo(), &check(CheckKind::Run, None), &head()).await.unwrap();
        let status = fake.client.failure_material(&repo(), &check(CheckKind::Status, None), &head()).await.unwrap();

        assert_eq!((run.log, run.annotations.len()), (None, 1));
        assert_eq!(status.output_summary.as_deref(), Some("Failed in 3 s"));
    }

    #[tokio::test]
    async fn that_nothing_is_there_is_no_error() {
        let fake = Fake::start(|_| not_found()).await;

        let material = fake.client.failure_material(&repo(), &check(CheckKind::Run, Some(6)), &head()).await.unwrap();

        let url = Some("https://ci.example/1".to_owned());
        assert_eq!(material, FailureMaterial { url, ..FailureMaterial::default() });
    }
}
