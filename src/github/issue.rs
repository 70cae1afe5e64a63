//! Issues: which are ready to be worked on, and what one says.
//!
//! REST answers all of it: GitHub's published GraphQL schema has no field for the issues that block another.

use jiff::Timestamp;
use serde::Deserialize;
use serde::de::IgnoredAny;

use super::{
    Client, Error, Fetched,
    people::{Account, Cast},
    texts::Texts,
};
use crate::model::{Issue, IssueNumber, RepoName};

const SLUG_BYTES_MAX: usize = 40;

#[derive(Debug, Deserialize)]
struct Raw {
    number: IssueNumber,
    html_url: String,
    user: Option<Account>,
    state: String,
    title: String,
    body: Option<String>,
    #[serde(default)]
    labels: Vec<Label>,
    #[serde(default)]
    assignees: Vec<Account>,
    updated_at: Timestamp,
    /// To REST a pull request is an issue too.
    pull_request: Option<IgnoredAny>,
    issue_dependencies_summary: Option<Dependencies>,
}

#[derive(Debug, Deserialize)]
struct Label {
    name: String,
}

#[derive(Debug, Deserialize)]
struct Dependencies {
    /// How many open issues block this one.
    blocked_by: Option<u32>,
}

#[derive(Deserialize)]
struct Blocker {
    number: IssueNumber,
    state: String,
}

impl Client {
    /// The open issues that carry all of `labels`, the oldest first.
    ///
    /// # Errors
    ///
    /// When GitHub cannot say.
    pub async fn issues_ready(&self, repo: &RepoName, labels: &[String]) -> Result<Fetched<Vec<Issue>>, Error> {
        let labels = labels.join(",");
        let query = [("state", "open"), ("labels", labels.as_str()), ("sort", "created"), ("direction", "asc")];
        let mut raw: Vec<Raw> = self.transport().list(repo, &["issues"], &query).await?;
        raw.retain(|issue| issue.pull_request.is_none());
        raw.sort_by_key(|issue| issue.number);
        raw.dedup_by_key(|issue| issue.number);
        self.issues_of(repo, raw).await
    }

    /// One issue.
    ///
    /// # Errors
    ///
    /// [`Error::NotFound`] also if it was deleted or moved to another repository.
    pub async fn issue(&self, repo: &RepoName, number: IssueNumber) -> Result<Fetched<Issue>, Error> {
        let raw: Raw = self.transport().get(repo, &["issues", &number.to_string()], &[]).await?.json()?;
        // A moved issue answers from its new place, under another number or in another repository.
        if raw.number != number || !(lies_in(&raw, repo) || lies_in(&raw, &self.repository(repo).await?.name)) {
            return Err(Error::NotFound);
        }
        let Fetched { mut value, texts } = self.issues_of(repo, vec![raw]).await?;
        value.pop().map(|value| Fetched { value, texts }).ok_or(Error::NotFound)
    }

    async fn issues_of(&self, repo: &RepoName, raw: Vec<Raw>) -> Result<Fetched<Vec<Issue>>, Error> {
        let own = self.viewer().await?;
        let cast = self.people().cast(self.transport(), repo, own, raw.iter().filter_map(|i| i.user.as_ref())).await?;
        let mut texts = Texts::default();
        let mut issues = Vec::with_capacity(raw.len());
        let mut dependencies = true;
        for raw in raw {
            let blockers = if dependencies { self.blockers(repo, &raw).await? } else { Some(Vec::new()) };
            // A server that does not know the endpoint does not know it for the next issue either.
            dependencies = blockers.is_some();
            issues.push(facts(raw, blockers.unwrap_or_default(), &cast, &mut texts));
        }
        Ok(texts.beside(issues))
    }

    /// The open issues that block one; `None` if the server does not know of such a thing.
    async fn blockers(&self, repo: &RepoName, issue: &Raw) -> Result<Option<Vec<IssueNumber>>, Error> {
        if issue.issue_dependencies_summary.as_ref().and_then(|summary| summary.blocked_by) == Some(0) {
            return Ok(Some(Vec::new()));
        }
        let path = ["issues", &issue.number.to_string(), "dependencies", "blocked_by"];
        let blockers: Vec<Blocker> = match self.transport().list(repo, &path, &[]).await {
            Ok(blockers) => blockers,
            Err(Error::NotFound) => return Ok(None),
            Err(error) => return Err(error),
        };
        let open = blockers.into_iter().filter(|blocker| blocker.state == "open");
        let mut numbers: Vec<IssueNumber> = open.map(|blocker| blocker.number).collect();
        numbers.sort_unstable();
        Ok(Some(numbers))
    }
}

fn lies_in(issue: &Raw, repo: &RepoName) -> bool {
    issue.html_url.to_lowercase().contains(&format!("/{repo}/issues/").to_lowercase())
}

fn facts(raw: Raw, blockers: Vec<IssueNumber>, cast: &Cast, texts: &mut Texts) -> Issue {
    let author = cast.author(raw.user.as_ref());
    let mut labels: Vec<String> = raw.labels.into_iter().map(|label| label.name).collect();
    labels.sort_unstable();
    let mut assignees: Vec<_> = raw.assignees.iter().filter_map(Account::login).collect();
    assignees.sort_unstable();
    Issue {
        number: raw.number,
        url: raw.html_url,
        open: raw.state == "open",
        title: texts.keep(&raw.title, author.tier),
        slug: slug(&raw.title),
        body: texts.keep(&raw.body.unwrap_or_default(), author.tier),
        author,
        labels,
        assignees,
        blockers,
        updated_at: raw.updated_at,
    }
}

/// A short name made of a title: lower-case letters, digits and single dashes.
fn slug(title: &str) -> String {
    let mut slug = String::new();
    for letter in title.chars().map(|c| c.to_ascii_lowercase()) {
        if letter.is_ascii_alphanumeric() {
            slug.push(letter);
        } else if !slug.is_empty() && !slug.ends_with('-') {
            slug.push('-');
        }
    }
    slug.truncate(SLUG_BYTES_MAX);
    let slug = slug.trim_end_matches('-');
    if slug.is_empty() { "issue".to_owned() } else { slug.to_owned() }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;
    use crate::{
        github::fake::{Fake, Reply, Seen, not_found, ok, reply, repo},
        model::{Author, Outside, TextHash, Tier},
    };

    fn raw(number: u64) -> Value {
        json!({
            "number": number,
            "html_url": format!("https://github.com/Octo/hello/issues/{number}"),
            "user": {"login": "mona", "type": "User"},
            "state": "open",
            "title": "Fix it",
            "body": null,
            "labels": [{"name": "ready"}, {"name": "bug"}],
            "assignees": [{"login": "zoe", "type": "User"}],
            "updated_at": "2026-01-01T10:00:00Z",
        })
    }

    fn expected(number: u64, blockers: &[u64]) -> Issue {
        let text = |text: &str| Outside {
            hash: TextHash::of(text),
            bytes: u32::try_from(text.len()).unwrap(),
            tier: Tier::Collaborator,
        };
        Issue {
            number: IssueNumber(number),
            url: format!("https://github.com/Octo/hello/issues/{number}"),
            author: Author {
                login: "mona".parse().unwrap(),
                tier: Tier::Collaborator,
                own: false,
                bot: false,
                reviewer: false,
            },
            open: true,
            title: text("Fix it"),
            slug: "fix-it".to_owned(),
            body: text(""),
            labels: vec!["bug".to_owned(), "ready".to_owned()],
            assignees: vec!["zoe".parse().unwrap()],
            blockers: blockers.iter().copied().map(IssueNumber).collect(),
            updated_at: "2026-01-01T10:00:00Z".parse().unwrap(),
        }
    }

    fn surroundings(seen: &Seen) -> Reply {
        match seen.line.as_str() {
            "GET /user" => ok(&json!({"login": "antiphon"})),
            "GET /repos/octo/hello/collaborators/mona/permission" => ok(&json!({"permission": "write"})),
            _ => not_found(),
        }
    }

    #[tokio::test]
    async fn ready_issues_are_no_pull_requests_and_know_their_open_blockers() {
        let fake = Fake::start(|seen| {
            let mut pull = raw(3);
            pull["pull_request"] = json!({"url": "x"});
            let mut free = raw(1);
            free["issue_dependencies_summary"] = json!({"blocked_by": 0});
            let (path, _) = seen.line.split_once('?').unwrap_or((&seen.line, ""));
            match path {
                "GET /repos/octo/hello/issues" => ok(&json!([raw(2), free, pull])),
                "GET /repos/octo/hello/issues/2/dependencies/blocked_by" => {
                    ok(&json!([{"number": 9, "state": "open"}, {"number": 8, "state": "closed"}]))
                }
                _ => surroundings(seen),
            }
        })
        .await;

        let labels = ["ready".to_owned(), "bug".to_owned()];
        let issues = fake.client.issues_ready(&repo(), &labels).await.unwrap().value;

        assert_eq!(issues, [expected(1, &[]), expected(2, &[9])]);
        let query = "state=open&labels=ready%2Cbug&sort=created&direction=asc&per_page=100&page=1";
        assert_eq!(fake.lines()[0], format!("GET /repos/octo/hello/issues?{query}"));
    }

    #[tokio::test]
    async fn a_server_without_dependencies_is_asked_for_them_once() {
        let fake = Fake::start(|seen| {
            if seen.line.starts_with("GET /repos/octo/hello/issues?") {
                ok(&json!([raw(1), raw(2)]))
            } else {
                surroundings(seen)
            }
        })
        .await;

        let issues = fake.client.issues_ready(&repo(), &[]).await.unwrap().value;

        assert_eq!(issues, [expected(1, &[]), expected(2, &[])]);
        assert_eq!(fake.lines().iter().filter(|line| line.contains("blocked_by")).count(), 1);
    }

    // A gate that cannot be evaluated is closed: an issue whose blockers are unknown is not handed out.
    #[tokio::test]
    async fn unknown_blockers_are_an_error() {
        let fake = Fake::start(|seen| match seen.line.as_str() {
            "GET /repos/octo/hello/issues/1" => ok(&raw(1)),
            line if line.contains("blocked_by") => reply(500, &json!({})),
            _ => surroundings(seen),
        })
        .await;
        assert!(matches!(fake.client.issue(&repo(), IssueNumber(1)).await, Err(Error::Unavailable(_))));
    }

    // G045
    #[tokio::test]
    async fn an_issue_of_a_renamed_repository_is_found() {
        let fake = Fake::start(|seen| match seen.line.as_str() {
            "GET /repos/octo/hello/issues/1" => {
                let mut renamed = raw(1);
                renamed["html_url"] = json!("https://github.com/octo/bye/issues/1");
                ok(&renamed)
            }
            "GET /repos/octo/hello" => ok(&repository("octo/bye")),
            _ => surroundings(seen),
        })
        .await;
        assert!(fake.client.issue(&repo(), IssueNumber(1)).await.is_ok());
    }

    fn repository(name: &str) -> Value {
        json!({"id": 7, "full_name": name, "default_branch": "main", "clone_url": "https://x/y.git"})
    }

    // G113
    #[tokio::test]
    async fn an_issue_that_was_deleted_or_moved_is_not_found() {
        let fake = Fake::start(|seen| match seen.line.as_str() {
            "GET /repos/octo/hello/issues/1" => {
                let mut moved = raw(1);
                moved["html_url"] = json!("https://github.com/octo/other/issues/1");
                ok(&moved)
            }
            "GET /repos/octo/hello" => ok(&repository("octo/hello")),
            "GET /repos/octo/hello/issues/2" => reply(410, &json!({"message": "This issue was deleted"})),
            _ => surroundings(seen),
        })
        .await;
        for number in [1, 2] {
            let error = fake.client.issue(&repo(), IssueNumber(number)).await.unwrap_err();
            assert!(matches!(error, Error::NotFound), "{error:?}");
        }
    }

    #[test]
    fn a_slug_is_short_and_safe() {
        assert_eq!(slug("Fix: the  *login* (again!)"), "fix-the-login-again");
        assert_eq!(slug("../../etc/passwd; rm -rf /"), "etc-passwd-rm-rf");
        assert_eq!(slug("日本語"), "issue");
        assert_eq!(slug(&"word ".repeat(50)), "word-word-word-word-word-word-word-word");
        assert_eq!(slug(""), "issue");
    }
}
