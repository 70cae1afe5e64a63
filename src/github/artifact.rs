//! Reports that a job left behind: files of a run's artifacts that look like the XML of `JUnit` or like SARIF.
//!
//! An artifact is a zip file that anybody who can change a workflow can make. It is read in memory, within limits for its
//! size, its entries and what they unpack to; names of entries are compared and never used as paths.

use std::io::{Cursor, Read as _};

use http_body_util::BodyExt as _;
use jiff::Timestamp;
use serde::Deserialize;
use tracing::debug;

use super::{
    Client, Error, log,
    wire::{READ_TIMEOUT, Streamed},
};
use crate::model::{RepoName, RunId};

/// How many artifacts of a run are read, and how large one may be.
const ARTIFACTS_MAX: usize = 5;
const ARTIFACT_BYTES_MAX: usize = 20 << 20;

/// How many entries an artifact may have, how many of them are read, and what they may unpack to.
const ENTRIES_MAX: usize = 2_000;
const REPORTS_MAX: usize = 50;
const REPORT_BYTES_MAX: u64 = 8 << 20;
const UNPACKED_BYTES_MAX: u64 = 32 << 20;
/// How many times its size an entry may unpack to; repetitive XML stays below 100.
const RATIO_MAX: u64 = 200;

#[derive(Debug, Deserialize)]
struct Artifacts {
    artifacts: Vec<Artifact>,
}

#[derive(Debug, Deserialize)]
struct Artifact {
    id: u64,
    name: String,
    size_in_bytes: u64,
    #[serde(default)]
    expired: bool,
    created_at: Option<Timestamp>,
}

impl Client {
    /// The texts of the reports among a run's artifacts that were made at or after `since`.
    ///
    /// What is too large, too much or no zip file is passed over.
    ///
    /// # Errors
    ///
    /// When GitHub or the place of an artifact cannot be reached.
    pub async fn reports(&self, repo: &RepoName, run: RunId, since: Option<Timestamp>) -> Result<Vec<String>, Error> {
        let run = run.to_string();
        let answer =
            self.transport().get(repo, &["actions", "runs", &run, "artifacts"], &[("per_page", "100")]).await?;
        let all = match answer.json::<Artifacts>() {
            Ok(all) => all.artifacts,
            Err(Error::NotFound) => Vec::new(),
            Err(error) => return Err(error),
        };
        let wanted = all.into_iter().filter(|artifact| is_wanted(artifact, since)).take(ARTIFACTS_MAX);
        let mut reports = Vec::new();
        for artifact in wanted {
            let id = artifact.id.to_string();
            let path = ["actions", "artifacts", &id, "zip"];
            let Some(answer) = log::follow(self.transport(), repo, &path).await? else { continue };
            if let Some(zip) = whole(answer).await? {
                match unpacked(zip) {
                    Ok(found) => reports.extend(found),
                    Err(error) => debug!(%error, artifact.id, "Passed over an artifact that is no zip file to read"),
                }
            }
        }
        Ok(reports)
    }
}

/// Whether an artifact may hold reports of this attempt.
fn is_wanted(artifact: &Artifact, since: Option<Timestamp>) -> bool {
    const WORDS: [&str; 9] = ["junit", "test", "report", "result", "sarif", "lint", "scan", "check", "xml"];
    let name = artifact.name.to_ascii_lowercase();
    let fresh = since.is_none_or(|since| artifact.created_at.is_none_or(|created| created >= since));
    let fits = artifact.size_in_bytes <= ARTIFACT_BYTES_MAX as u64;
    !artifact.expired && fresh && fits && WORDS.iter().any(|word| name.contains(word))
}

/// The body, unless it is longer than an artifact may be.
async fn whole(answer: Streamed) -> Result<Option<Vec<u8>>, Error> {
    let mut body = answer.into_body();
    let mut bytes = Vec::new();
    loop {
        let frame = tokio::time::timeout(READ_TIMEOUT, body.frame()).await;
        match frame.map_err(|elapsed| Error::Unavailable(elapsed.into()))? {
            None => return Ok(Some(bytes)),
            Some(Err(error)) => return Err(Error::Unavailable(error.into())),
            Some(Ok(frame)) => {
                let data = frame.into_data().unwrap_or_default();
                if bytes.len() + data.len() > ARTIFACT_BYTES_MAX {
                    return Ok(None);
                }
                bytes.extend_from_slice(&data);
            }
        }
    }
}

/// The reports in a zip file.
fn unpacked(bytes: Vec<u8>) -> Result<Vec<String>, zip::result::ZipError> {
    if entries_claimed(&bytes) > ENTRIES_MAX {
        return Ok(Vec::new());
    }
    let mut archive = zip::ZipArchive::new(Cursor::new(bytes))?;
    let mut reports = Vec::new();
    let mut room = UNPACKED_BYTES_MAX;
    for index in 0..archive.len().min(ENTRIES_MAX) {
        let entry = archive.by_index(index)?;
        if !entry.is_file()
            || !entry.name().is_ok_and(|name| is_report(&name))
            || entry.size() > entry.compressed_size().max(64) * RATIO_MAX
        {
            continue;
        }
        // The sizes above are only claimed: what is read is what is counted.
        let most = REPORT_BYTES_MAX.min(room);
        let mut text = Vec::new();
        let read = entry.take(most + 1).read_to_end(&mut text);
        room = room.saturating_sub(text.len() as u64);
        if read.is_ok() && text.len() as u64 <= most {
            reports.push(String::from_utf8_lossy(&text).into_owned());
        }
        if reports.len() >= REPORTS_MAX || room == 0 {
            break;
        }
    }
    Ok(reports)
}

fn is_report(name: &str) -> bool {
    let name = name.to_ascii_lowercase();
    [".xml", ".sarif", ".sarif.json"].iter().any(|ending| name.ends_with(ending))
}

/// The largest number of entries that the end of a zip file claims. Each costs memory before anything is unpacked.
fn entries_claimed(bytes: &[u8]) -> usize {
    const MARK: &[u8] = b"PK\x05\x06";
    // The record has 22 bytes, and a comment of at most 65,535 behind it.
    let end = &bytes[bytes.len().saturating_sub(22 + 65_535)..];
    let records = end.windows(12).filter(|record| record.starts_with(MARK));
    records.map(|record| usize::from(u16::from_le_bytes([record[10], record[11]]))).max().unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use std::io::Write as _;

    use axum::body::Body;
    use serde_json::{Value, json};

    use super::*;
    use crate::github::fake::{Fake, Reply, not_found, ok, redirect, repo};

    const XML: &str = "<testsuite><testcase name=\"t\"><failure message=\"no\"/></testcase></testsuite>";

    fn zipped(entries: &[(&str, &[u8])]) -> Vec<u8> {
        let mut writer = zip::ZipWriter::new(Cursor::new(Vec::new()));
        for (name, content) in entries {
            writer.start_file(*name, zip::write::SimpleFileOptions::default()).unwrap();
            writer.write_all(content).unwrap();
        }
        writer.finish().unwrap().into_inner()
    }

    fn artifact(id: u64, name: &str, bytes: u64) -> Value {
        json!({"id": id, "name": name, "size_in_bytes": bytes, "expired": false, "created_at": "2026-01-01T12:00:00Z"})
    }

    /// A GitHub whose run 70 has these artifacts; each is `zip`, stored elsewhere.
    async fn github(artifacts: Vec<Value>, zip: Vec<u8>) -> (Fake, Fake) {
        let storage = Fake::start(move |_| Reply::new(Body::from(zip.clone()))).await;
        let place = storage.url.clone();
        let list = json!({"total_count": artifacts.len(), "artifacts": artifacts});
        let github = Fake::start(move |seen| match seen.line.as_str() {
            "GET /repos/octo/hello/actions/runs/70/artifacts?per_page=100" => ok(&list),
            line if line.starts_with("GET /repos/octo/hello/actions/artifacts/") => redirect(302, &place),
            _ => not_found(),
        })
        .await;
        (github, storage)
    }

    async fn reports(github: &Fake, since: Option<&str>) -> Vec<String> {
        let since = since.map(|since| since.parse().unwrap());
        github.client.reports(&repo(), RunId(70), since).await.unwrap()
    }

    #[tokio::test]
    async fn reports_are_fetched_from_another_host_without_our_credentials() {
        let zip = zipped(&[("a/junit.xml", XML.as_bytes()), ("../../etc/passwd", b"x"), ("shot.png", b"x")]);
        let (github, storage) = github(vec![artifact(1, "test-results", 900)], zip).await;

        assert_eq!(reports(&github, None).await, [XML]);

        assert!(storage.seen().iter().all(|seen| seen.authorization.is_none()));
        assert!(github.seen().iter().all(|seen| seen.authorization.is_some()));
    }

    #[tokio::test]
    async fn only_what_may_hold_reports_of_this_attempt_is_fetched() {
        let zip = zipped(&[("junit.xml", XML.as_bytes())]);
        let mut old = artifact(3, "junit-old", 900);
        old["created_at"] = json!("2026-01-01T11:00:00Z");
        let mut expired = artifact(4, "junit-expired", 900);
        expired["expired"] = json!(true);
        let many = (10..20).map(|id| artifact(id, "junit", 900));
        let artifacts = [artifact(1, "binaries", 900), artifact(2, "junit", 21 << 20), old, expired];
        let (github, storage) = github(artifacts.into_iter().chain(many).collect(), zip).await;

        assert_eq!(reports(&github, Some("2026-01-01T11:30:00Z")).await.len(), ARTIFACTS_MAX);

        assert_eq!(storage.seen().len(), ARTIFACTS_MAX);
    }

    #[tokio::test]
    async fn a_run_without_artifacts_has_no_reports() {
        let github = Fake::start(|_| not_found()).await;

        assert_eq!(reports(&github, None).await, [""; 0]);
    }

    #[test]
    fn what_unpacks_to_too_much_is_passed_over() {
        let bomb = vec![b' '; 1 << 20];
        let large = zipped(&[("bomb.xml", &bomb), ("junit.xml", XML.as_bytes())]);

        assert_eq!(unpacked(large).unwrap(), [XML]);
    }

    #[test]
    fn a_file_that_is_too_long_is_passed_over() {
        let mut writer = zip::ZipWriter::new(Cursor::new(Vec::new()));
        let stored = zip::write::SimpleFileOptions::default().compression_method(zip::CompressionMethod::Stored);
        writer.start_file("a.xml", stored).unwrap();
        writer.write_all(&vec![b'x'; 9 << 20]).unwrap();
        let zip = writer.finish().unwrap().into_inner();

        assert_eq!(unpacked(zip).unwrap(), [""; 0]);
    }

    #[test]
    fn too_many_entries_are_not_even_listed() {
        let names: Vec<String> = (0..=ENTRIES_MAX).map(|n| format!("{n}.xml")).collect();
        let entries: Vec<(&str, &[u8])> = names.iter().map(|name| (name.as_str(), XML.as_bytes())).collect();

        assert_eq!(unpacked(zipped(&entries)).unwrap(), [""; 0]);
        assert_eq!(unpacked(zipped(&entries[1..])).unwrap().len(), REPORTS_MAX);
    }

    #[test]
    fn what_is_no_zip_file_is_an_error() {
        assert!(unpacked(b"not a zip file".to_vec()).is_err());
        assert!(unpacked(Vec::new()).is_err());
    }
}
