//! The open pull requests of a repository, for reconciliation.

use jiff::Timestamp;
use serde::Deserialize;

use crate::{
    github::{Client, Error, transport::Listed},
    model::{Branch, PrNumber, RepoName, Sha},
};

/// An open pull request, as little as says whether it must be looked at.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OpenPull {
    /// Its number.
    pub number: PrNumber,
    /// Its newest commit.
    pub head: Sha,
    /// The branch that it comes from.
    pub branch: Branch,
    /// When GitHub last changed it.
    pub updated_at: Timestamp,
}

#[derive(Deserialize)]
struct Raw {
    number: PrNumber,
    head: RawHead,
    updated_at: Timestamp,
}

#[derive(Deserialize)]
struct RawHead {
    sha: Sha,
    #[serde(rename = "ref")]
    branch: Branch,
}

/// The open pull requests of a repository.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OpenPulls {
    /// The last changed first.
    pub pulls: Vec<OpenPull>,
    /// What to show at the next question, to be kept together with this list.
    pub etag: Option<String>,
}

impl Client {
    /// All open pull requests; `None` if they are as they were when `known` was given, which costs nothing.
    ///
    /// # Errors
    ///
    /// When GitHub cannot say.
    pub async fn open_pulls(&self, repo: &RepoName, known: Option<String>) -> Result<Option<OpenPulls>, Error> {
        let query = [("state", "open"), ("sort", "updated"), ("direction", "desc")];
        let (raw, etag) = match self.transport().list_anew::<Raw>(repo, &["pulls"], &query, known).await? {
            Listed::Unchanged => return Ok(None),
            Listed::Changed(raw, etag) => (raw, etag),
        };
        let mut pulls: Vec<OpenPull> = raw.into_iter().map(OpenPull::from).collect();
        // A pull request that changes while we turn the pages shows up on two of them.
        pulls.sort_by(|a, b| b.updated_at.cmp(&a.updated_at).then(a.number.cmp(&b.number)));
        let mut seen = std::collections::BTreeSet::new();
        pulls.retain(|pull| seen.insert(pull.number));
        Ok(Some(OpenPulls { pulls, etag }))
    }
}

impl From<Raw> for OpenPull {
    fn from(raw: Raw) -> Self {
        Self { number: raw.number, head: raw.head.sha, branch: raw.head.branch, updated_at: raw.updated_at }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;
    use crate::github::fake::{Fake, ok, reply, repo};

    fn raw(number: u64, minute: u8) -> Value {
        json!({
            "number": number,
            "head": {"sha": "1".repeat(40), "ref": format!("work-{number}")},
            "updated_at": format!("2026-01-01T10:{minute:02}:00Z"),
        })
    }

    #[tokio::test]
    async fn all_pages_are_read_and_each_pull_request_is_listed_once() {
        let fake = Fake::start(|seen| {
            let first = "GET /repos/octo/hello/pulls?state=open&sort=updated&direction=desc&per_page=100&page=1";
            if seen.line == first {
                let mut reply = ok(&json!([raw(1, 30), raw(2, 20)]));
                let next =
                    "<https://api.github.com/x?page=2>; rel=\"next\", <https://api.github.com/x?page=2>; rel=\"last\"";
                reply.headers_mut().insert("link", next.parse().unwrap());
                reply
            } else {
                ok(&json!([raw(2, 20), raw(3, 10)]))
            }
        })
        .await;

        let list = fake.client.open_pulls(&repo(), None).await.unwrap().unwrap();

        let expected = |number: u64, minute: u8| OpenPull {
            number: PrNumber(number),
            head: "1".repeat(40).parse().unwrap(),
            branch: format!("work-{number}").parse().unwrap(),
            updated_at: format!("2026-01-01T10:{minute:02}:00Z").parse().unwrap(),
        };
        assert_eq!(list.pulls, [expected(1, 30), expected(2, 20), expected(3, 10)]);
        assert_eq!(list.etag, None, "the first of two pages says nothing about the second");
        assert_eq!(fake.seen().len(), 2);
    }

    // G125
    #[tokio::test]
    async fn a_list_that_has_not_changed_is_not_sent_again() {
        let fake = Fake::start(|seen| {
            if seen.known.as_deref() == Some("\"v1\"") {
                return reply(304, &Value::Null);
            }
            let mut reply = ok(&json!([raw(1, 30)]));
            reply.headers_mut().insert("etag", "\"v1\"".parse().unwrap());
            reply
        })
        .await;

        let first = fake.client.open_pulls(&repo(), None).await.unwrap().unwrap();
        let second = fake.client.open_pulls(&repo(), first.etag.clone()).await.unwrap();

        assert_eq!((first.etag.as_deref(), second), (Some("\"v1\""), None));
    }
}
