//! CI: a fresh checkout of exactly one commit, the repository's own test script, and a log as GitHub Actions writes it.
//! Red or green is the exit code of the script and nothing else.

use std::{path::Path, time::Duration};

use jiff::Timestamp;
use tracing::{info, warn};

use super::{git, happened::Conclusion, shared::Shared, world::Started};
use crate::process::{Command, Error as ProcessError};

/// The script that is run, in the root of the repository.
pub(crate) const SCRIPT: &str = "test.sh";
/// How long it may run.
const DEADLINE: Duration = Duration::from_secs(60);
/// The longest output that is kept, in bytes.
const OUTPUT_BYTES_MAX: usize = 4 << 20;

/// Carries out a job in the background as soon as a runner is free.
pub(crate) fn run_later(shared: &Shared, started: Started) {
    // Nothing can be checked out; somebody else says how the job ends.
    if shared.git.is_paper() {
        return;
    }
    let owned = shared.clone();
    shared.change(|world| world.busy += 1);
    shared.tasks.spawn("simulated CI job", move |stop| async move {
        let ended = tokio::select! {
            () = stop.cancelled() => Ok((Conclusion::Cancelled, String::new())),
            ended = run(&owned, &started) => ended,
        };
        let (conclusion, log) = ended.unwrap_or_else(|error| {
            warn!(%error, "A simulated CI job could not be run");
            (Conclusion::Failure, log_line(owned.clock.now(), &format!("##[error]{error}")))
        });
        info!(repo = started.repo, sha = started.sha, conclusion = conclusion.name(), "CI finished");
        owned.change(|world| {
            world.busy -= 1;
            if let Err(error) = world.end_job(&started, conclusion, log) {
                warn!(%error, "A simulated CI job ended that nobody knows");
            }
        });
    });
}

async fn run(shared: &Shared, started: &Started) -> Result<(Conclusion, String), git::Error> {
    let runner = shared.runners.clone().acquire_owned().await.expect("this semaphore is never closed");
    if let Err(error) = shared.change(|world| world.begin_job(started)) {
        warn!(%error, "A simulated CI job began that nobody knows");
    }
    if shared.faults().interrupts() {
        return Ok((Conclusion::Cancelled, log_line(shared.clock.now(), "##[error]The operation was canceled.")));
    }
    let dir = shared.git.scratch(&format!("job-{}", started.job));
    shared.git.check_out(&started.repo, &started.sha, &dir).await?;
    let mut log = opening(shared.clock.now(), started);
    let tested = command(&dir, started).run().await;
    let now = shared.clock.now();
    let conclusion = match tested {
        Ok(output) => {
            for line in output.stdout_text().lines() {
                log.push_str(&log_line(now, line));
            }
            let code = output.code.unwrap_or(137);
            if code == 0 {
                Conclusion::Success
            } else {
                log.push_str(&log_line(now, &format!("##[error]Process completed with exit code {code}.")));
                Conclusion::Failure
            }
        }
        Err(ProcessError::TooSlow { deadline, .. }) => {
            let words = format!("##[error]The job has exceeded the maximum execution time of {} s", deadline.as_secs());
            log.push_str(&log_line(now, &words));
            Conclusion::TimedOut
        }
        Err(error) => return Err(git::Error::Other(error.into())),
    };
    log.push_str(&log_line(now, "Cleaning up orphan processes"));
    drop(std::fs::remove_dir_all(dir));
    drop(runner);
    Ok((conclusion, log))
}

/// The script's command. Both of its streams go into one, as on a runner.
fn command(dir: &Path, started: &Started) -> Command {
    Command::new("/bin/sh")
        .args(["-c", &format!("exec sh {SCRIPT} 2>&1")])
        .dir(dir)
        .deadline(DEADLINE)
        .output_bytes_max(OUTPUT_BYTES_MAX)
        .env("PATH", git::PATH)
        .env("HOME", dir)
        .env("LC_ALL", "C.UTF-8")
        .env("CI", "true")
        .env("GITHUB_ACTIONS", "true")
        .env("GITHUB_REPOSITORY", &started.repo)
        .env("GITHUB_SHA", &started.sha)
        .env("GITHUB_HEAD_REF", &started.branch)
        .env("GITHUB_RUN_ID", started.run.to_string())
        .env("GITHUB_RUN_ATTEMPT", started.attempt.to_string())
}

fn opening(now: Timestamp, started: &Started) -> String {
    let lines = [
        "Current runner version: '2.328.0'".to_owned(),
        "##[group]Runner Image".to_owned(),
        "Image: ubuntu-24.04".to_owned(),
        "##[endgroup]".to_owned(),
        "##[group]Run actions/checkout@v4".to_owned(),
        format!("with:\n  repository: {}\n  ref: {}", started.repo, started.branch),
        "##[endgroup]".to_owned(),
        format!("HEAD is now at {}", &started.sha),
        format!("##[group]Run sh {SCRIPT}"),
        format!("\u{1b}[36;1msh {SCRIPT}\u{1b}[0m"),
        "shell: /usr/bin/bash -e {0}".to_owned(),
        "##[endgroup]".to_owned(),
    ];
    let text: String = lines.iter().flat_map(|line| line.lines()).map(|line| log_line(now, line)).collect();
    // GitHub's logs begin with a byte order mark.
    format!("\u{feff}{text}")
}

/// One line with its time in front, to 100 ns as Actions prints it.
fn log_line(at: Timestamp, line: &str) -> String {
    format!("{}.{:07}Z {line}\n", at.strftime("%Y-%m-%dT%H:%M:%S"), at.subsec_nanosecond().unsigned_abs() / 100)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_log_line_begins_with_its_time_to_100_ns() {
        let at = "2026-01-02T03:04:05.1234567Z".parse().unwrap();

        assert_eq!(log_line(at, "##[group]Run"), "2026-01-02T03:04:05.1234567Z ##[group]Run\n");
    }
}
