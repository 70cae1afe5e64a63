//! Check runs that an app reports by itself. Only an app may: an account whose name ends in `[bot]`.

use jiff::Timestamp;
use serde_json::json;

use super::{Refusal, Repository, World};
use crate::simulator::{happened::Happened, json::checks};

/// A check run that an app reported.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Report {
    /// Its number.
    pub(crate) id: u64,
    /// The commit.
    pub(crate) sha: String,
    /// Its name; only the newest of each name and app counts.
    pub(crate) name: String,
    /// The app's account.
    pub(crate) app: String,
    /// When it was made.
    pub(crate) created_at: Timestamp,
    /// What it says now.
    pub(crate) words: Words,
}

/// What a check run says. A change gives only what is to change.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Words {
    /// The app's own name for it.
    pub(crate) external_id: Option<String>,
    /// `queued`, `in_progress` or `completed`.
    pub(crate) status: Option<String>,
    /// How it ended.
    pub(crate) conclusion: Option<String>,
    /// Where to look.
    pub(crate) details_url: Option<String>,
    /// In one line.
    pub(crate) title: Option<String>,
    /// In more words.
    pub(crate) summary: Option<String>,
}

impl Words {
    fn take(&mut self, newer: Self) {
        let fields = [
            (&mut self.external_id, newer.external_id),
            (&mut self.status, newer.status),
            (&mut self.conclusion, newer.conclusion),
            (&mut self.details_url, newer.details_url),
            (&mut self.title, newer.title),
            (&mut self.summary, newer.summary),
        ];
        for (field, newer) in fields {
            if newer.is_some() {
                *field = newer;
            }
        }
    }
}

impl Report {
    /// Where it stands, as GitHub summarises it.
    pub(crate) fn rollup(&self) -> &'static str {
        match (self.words.status.as_deref(), self.words.conclusion.as_deref()) {
            (Some("completed"), Some("success" | "neutral" | "skipped")) => "SUCCESS",
            (Some("completed"), _) => "FAILURE",
            _ => "PENDING",
        }
    }
}

impl Repository {
    /// The newest report of each name and app on a commit.
    pub(crate) fn latest_reports(&self, sha: &str) -> Vec<&Report> {
        let mut latest: Vec<&Report> = Vec::new();
        for report in self.reports.iter().filter(|report| report.sha == sha) {
            latest.retain(|earlier| (&earlier.name, &earlier.app) != (&report.name, &report.app));
            latest.push(report);
        }
        latest
    }
}

impl World {
    /// An app reports on a commit.
    pub(crate) fn add_report(&mut self, repo: &str, sha: &str, name: &str, words: Words) -> Result<u64, Refusal> {
        self.check_is_app()?;
        let (id, app, now) = (self.next_id(), self.own_login.clone(), self.now);
        let (sha, name) = (sha.to_owned(), name.to_owned());
        let mut report = Report { id, sha, name, app, created_at: now, words: Words::default() };
        report.words.status = Some("queued".to_owned());
        report.words.take(words);
        self.repository_mut(repo)?.reports.push(report);
        self.announce_report(repo, id, "created")?;
        Ok(id)
    }

    /// An app changes what it reported.
    pub(crate) fn change_report(&mut self, repo: &str, id: u64, words: Words) -> Result<(), Refusal> {
        self.check_is_app()?;
        let own = self.own_login.clone();
        let reports = &mut self.repository_mut(repo)?.reports;
        let report = reports.iter_mut().find(|report| report.id == id).ok_or(Refusal::NotFound)?;
        if report.app != own {
            return Err(Refusal::Forbidden("Invalid app_id for this check run".to_owned()));
        }
        report.words.take(words);
        let ended = report.words.status.as_deref() == Some("completed");
        self.announce_report(repo, id, if ended { "completed" } else { "created" })
    }

    fn check_is_app(&self) -> Result<(), Refusal> {
        if self.own_login.ends_with("[bot]") {
            return Ok(());
        }
        Err(Refusal::Forbidden("You must authenticate via a GitHub App.".to_owned()))
    }

    fn announce_report(&mut self, repo: &str, id: u64, action: &str) -> Result<(), Refusal> {
        let repository = self.repository(repo)?;
        let report = repository.reports.iter().find(|report| report.id == id).ok_or(Refusal::NotFound)?.clone();
        let about = json!({ "check_run": checks::report(self, repository, &report) });
        self.announce(repo, &report.app, ("check_run", Some(action)), about);
        let (sha, actor, name) = (report.sha, report.app, report.name);
        let line = report.words.title.unwrap_or_default();
        self.happened(Happened::CheckReported { repo: repo.to_owned(), sha, actor, name, line });
        Ok(())
    }
}
