//! One line on a commit: what Antiphon is doing about its pull request.
//!
//! It is a check run of our own, always completed and neutral: it satisfies whoever demands it and judges nothing. Only
//! an App may write check runs. Another credential writes a commit status, which knows no neutral and so says success; one
//! that may do neither writes nothing, and that is told of once.

use std::{collections::BTreeMap, sync::Mutex};

use http::Method;
use serde::{Deserialize, Serialize};
use tracing::info;

use super::{Client, Error};
use crate::model::{CheckKind, Login, PrNumber, RepoName, Sha};

/// The name of the check, and the context of the status.
pub(super) const NAME: &str = "antiphon";
/// How the external ids of our check runs begin.
pub(super) const EXTERNAL_ID: &str = "antiphon:";

/// What is said on a commit.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Report {
    /// The pull request.
    pub number: PrNumber,
    /// The commit.
    pub head: Sha,
    /// The line, at most 140 characters.
    pub line: String,
    /// Where people see more.
    pub url: String,
}

/// How a repository can be told, as far as it is known.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Way {
    Run,
    Status,
    None,
}

/// What our credential may do in which repository.
#[derive(Debug, Default)]
pub(super) struct Ways(Mutex<BTreeMap<RepoName, Way>>);

impl Ways {
    fn of(&self, repo: &RepoName) -> Way {
        self.0.lock().expect("no holder of this lock panics").get(repo).copied().unwrap_or(Way::Run)
    }

    fn learn(&self, repo: &RepoName, way: Way) {
        info!(repo.name = %repo, report.way = ?way, "Commits of {repo} are reported on by {way:?}");
        self.0.lock().expect("no holder of this lock panics").insert(repo.clone(), way);
    }

    /// The permissions may be others now.
    pub(super) fn forget(&self) {
        self.0.lock().expect("no holder of this lock panics").clear();
    }
}

#[derive(Serialize)]
struct Run<'a> {
    name: &'a str,
    head_sha: &'a Sha,
    external_id: &'a str,
    details_url: &'a str,
    status: &'a str,
    conclusion: &'a str,
    output: Output<'a>,
}

#[derive(Serialize)]
struct Output<'a> {
    title: &'a str,
    summary: &'a str,
}

#[derive(Serialize)]
struct Status<'a> {
    state: &'a str,
    context: &'a str,
    description: &'a str,
    target_url: &'a str,
}

#[derive(Deserialize)]
struct Runs {
    check_runs: Vec<Known>,
}

#[derive(Deserialize)]
struct Known {
    id: u64,
    external_id: Option<String>,
}

impl Client {
    /// Says on a commit what is done. It may be repeated: what is there is overwritten.
    ///
    /// # Errors
    ///
    /// When GitHub cannot be told now. That our credential may not tell is no error.
    pub async fn report(&self, repo: &RepoName, report: &Report) -> Result<(), Error> {
        loop {
            let (told, next) = match self.ways().of(repo) {
                Way::Run => (self.report_by_run(repo, report).await, Way::Status),
                Way::Status => (self.report_by_status(repo, report).await, Way::None),
                Way::None => return Ok(()),
            };
            match told {
                Err(Error::Forbidden { .. } | Error::NotFound) => self.ways().learn(repo, next),
                told => return told,
            }
        }
    }

    async fn report_by_run(&self, repo: &RepoName, report: &Report) -> Result<(), Error> {
        let external_id = format!("{EXTERNAL_ID}{}", report.number);
        let summary = format!("{}\n\nThis check judges nothing: it says what Antiphon is doing.", report.line);
        let run = Run {
            name: NAME,
            head_sha: &report.head,
            external_id: &external_id,
            details_url: &report.url,
            status: "completed",
            conclusion: "neutral",
            output: Output { title: &report.line, summary: &summary },
        };
        let of_commit = ["commits", report.head.as_str(), "check-runs"];
        let known: Runs = self.transport().get(repo, &of_commit, &[("check_name", NAME)]).await?.json()?;
        let ours = known.check_runs.iter().find(|known| known.external_id.as_ref() == Some(&external_id));
        let answer = match ours.map(|known| known.id.to_string()) {
            Some(id) => self.transport().write(Method::PATCH, repo, &["check-runs", &id], Some(&run)).await?,
            None => self.transport().write(Method::POST, repo, &["check-runs"], Some(&run)).await?,
        };
        answer.success().map(drop)
    }

    async fn report_by_status(&self, repo: &RepoName, report: &Report) -> Result<(), Error> {
        let status = Status { state: "success", context: NAME, description: &report.line, target_url: &report.url };
        let path = ["statuses", report.head.as_str()];
        self.transport().write(Method::POST, repo, &path, Some(&status)).await?.success().map(drop)
    }
}

/// Whether a check is our own report, by whoever made it: it says nothing about the commit.
pub(super) fn is_own(own: &Login, name: &str, kind: CheckKind, maker: Option<&str>) -> bool {
    let app = own.as_str().strip_suffix("[bot]");
    let ours = match kind {
        CheckKind::Run => app.is_some() && maker == app,
        CheckKind::Status => maker == Some(own.as_str()),
    };
    name == NAME && ours
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;
    use crate::github::fake::{Fake, Reply, Seen, ok, reply, repo};

    const HEAD: &str = "abababababababababababababababababababab";

    fn report(line: &str) -> Report {
        let url = "http://127.0.0.1:7117/sessions/hello-3".to_owned();
        Report { number: PrNumber(7), head: HEAD.parse().unwrap(), line: line.to_owned(), url }
    }

    fn lookup() -> String {
        format!("GET /repos/octo/hello/commits/{HEAD}/check-runs?check_name=antiphon")
    }

    /// An App whose own check run is there, or is not.
    async fn app(there: Value) -> Fake {
        Fake::start(move |seen| match seen.line.split(' ').next() {
            Some("GET") => ok(&json!({"total_count": 1, "check_runs": there})),
            _ => reply(201, &json!({"id": 9})),
        })
        .await
    }

    #[tokio::test]
    async fn a_check_run_is_made_once_and_then_changed() {
        let fake = app(json!([{"id": 8, "external_id": "antiphon:12"}])).await;
        fake.client.report(&repo(), &report("Watching")).await.unwrap();
        assert_eq!(fake.lines(), [lookup(), "POST /repos/octo/hello/check-runs".to_owned()]);
        let body = &fake.seen()[1].body;
        assert_eq!((&body["conclusion"], &body["output"]["title"]), (&json!("neutral"), &json!("Watching")));

        let fake = app(json!([{"id": 9, "external_id": "antiphon:7"}])).await;
        fake.client.report(&repo(), &report("Watching")).await.unwrap();
        assert_eq!(fake.lines(), [lookup(), "PATCH /repos/octo/hello/check-runs/9".to_owned()]);
    }

    /// A token: check runs are for Apps, and statuses for those who may.
    async fn token(may_report: bool) -> Fake {
        let answer = move |seen: &Seen| -> Reply {
            match seen.line.split('?').next() {
                Some(line) if line.ends_with("/check-runs") && line.starts_with("GET") => {
                    ok(&json!({"total_count": 0, "check_runs": []}))
                }
                Some(line) if line.ends_with("/check-runs") => {
                    reply(403, &json!({"message": "You must authenticate via a GitHub App."}))
                }
                _ if may_report => reply(201, &json!({"id": 1})),
                _ => reply(403, &json!({"message": "Resource not accessible by personal access token"})),
            }
        };
        Fake::start(answer).await
    }

    #[tokio::test]
    async fn a_token_reports_by_a_status_and_does_not_ask_twice() {
        let fake = token(true).await;
        for line in ["Watching", "Green"] {
            fake.client.report(&repo(), &report(line)).await.unwrap();
        }

        let status = format!("POST /repos/octo/hello/statuses/{HEAD}");
        let tried = "POST /repos/octo/hello/check-runs".to_owned();
        assert_eq!(fake.lines(), [lookup(), tried, status.clone(), status]);
        assert_eq!(fake.seen()[3].body["description"], "Green");
        assert!(fake.client.refusals().borrow().is_empty(), "nothing is missing");
    }

    // G119
    #[tokio::test]
    async fn who_may_do_neither_is_told_once() {
        let fake = token(false).await;
        for line in ["Watching", "Green"] {
            fake.client.report(&repo(), &report(line)).await.unwrap();
        }

        assert_eq!(fake.seen().len(), 3);
        let refusals = fake.client.refusals().borrow().keys().cloned().collect::<Vec<_>>();
        assert_eq!(refusals, ["POST /repos/octo/hello/statuses/{sha}"]);
    }

    #[test]
    fn a_check_is_ours_by_its_maker_and_not_by_its_name() {
        let (app, person): (Login, Login) = ("antiphon[bot]".parse().unwrap(), "mona".parse().unwrap());
        let own = |own: &Login, kind, maker| is_own(own, NAME, kind, Some(maker));

        assert!(own(&app, CheckKind::Run, "antiphon") && own(&app, CheckKind::Status, "antiphon[bot]"));
        assert!(own(&person, CheckKind::Status, "mona"));
        assert!(!own(&app, CheckKind::Run, "github-actions") && !own(&person, CheckKind::Run, "mona"));
        assert!(!own(&person, CheckKind::Status, "mallory") && !is_own(&app, "test", CheckKind::Run, Some("antiphon")));
    }
}
