//! GitHub's own log of what it delivered: what never arrived can be asked for again for three days.
//!
//! GitHub delivers nothing twice by itself. Whether an attempt succeeded is read from its words, for one that found no
//! connection has no status to filter by.

use std::collections::BTreeMap;

use http::Method;
use jiff::{SignedDuration, Timestamp};
use serde::Deserialize;

use super::{Client, Error, transport::Transport, wire::Answer};
use crate::model::RepoName;

/// GitHub keeps what it delivered for so long.
const KEPT: SignedDuration = SignedDuration::from_hours(72);
/// Whoever fails so often is not there, or chokes on it.
const ATTEMPTS_MAX: usize = 5;
/// 10,000 attempts; older ones are healed by looking.
const PAGES_MAX: u32 = 100;
/// How the address of our webhook door ends.
pub const DOOR: &str = "/webhooks/github";

/// Whose deliveries.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Hook {
    /// The App's own webhook: those of all its installations.
    App,
    /// A webhook of one repository.
    Repository(RepoName, u64),
}

/// One attempt to deliver something.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct DeliveryAttempt {
    /// Its number.
    pub id: u64,
    /// What was delivered; a repetition keeps it.
    pub guid: String,
    /// When.
    pub delivered_at: Timestamp,
    /// What came of it; `OK`, or GitHub's words.
    pub status: String,
    /// What kind of event it told of.
    #[serde(default)]
    pub event: String,
}

/// Of which attempts a repetition should be ordered, oldest first: one for each delivery that no attempt brought home.
#[must_use]
pub fn never_arrived(attempts: &[DeliveryAttempt], now: Timestamp) -> Vec<DeliveryAttempt> {
    let mut by_guid = BTreeMap::<&str, Vec<&DeliveryAttempt>>::new();
    for attempt in attempts {
        by_guid.entry(&attempt.guid).or_default().push(attempt);
    }
    let lost = by_guid.into_values().filter(|tried| {
        tried.iter().all(|attempt| attempt.status != "OK")
            && tried.len() < ATTEMPTS_MAX
            && tried.iter().all(|attempt| attempt.delivered_at + KEPT > now)
    });
    let mut newest: Vec<_> = lost.filter_map(|tried| tried.into_iter().max_by_key(|it| it.id).cloned()).collect();
    newest.sort_by_key(|attempt| (attempt.delivered_at, attempt.id));
    newest
}

#[derive(Deserialize)]
struct Raw {
    id: u64,
    #[serde(default)]
    active: bool,
    config: Config,
}

#[derive(Deserialize)]
struct Config {
    url: Option<String>,
}

impl Client {
    /// Whose deliveries come to us from a repository: the App's, or those of its webhooks that lead to a door like ours.
    ///
    /// # Errors
    ///
    /// [`Error::Forbidden`] or [`Error::NotFound`] if the credential may not see webhooks.
    pub async fn hooks(&self, repo: &RepoName) -> Result<Vec<Hook>, Error> {
        if self.transport().tokens().app().is_some() {
            return Ok(vec![Hook::App]);
        }
        let hooks: Vec<Raw> = self.transport().list(repo, &["hooks"], &[]).await?;
        let ours = |hook: &Raw| hook.active && hook.config.url.as_ref().is_some_and(|url| url.ends_with(DOOR));
        Ok(hooks.into_iter().filter(ours).map(|hook| Hook::Repository(repo.clone(), hook.id)).collect())
    }

    /// The attempts since then, the newest first.
    ///
    /// # Errors
    ///
    /// [`Error::Forbidden`] or [`Error::NotFound`] if the credential may not read the log.
    pub async fn delivery_attempts(&self, hook: &Hook, since: Timestamp) -> Result<Vec<DeliveryAttempt>, Error> {
        let (mut attempts, mut cursor) = (Vec::new(), None::<String>);
        for _ in 0..PAGES_MAX {
            let mut query = vec![("per_page", "100")];
            query.extend(cursor.as_deref().map(|cursor| ("cursor", cursor)));
            let answer = ask(self.transport(), hook, (Method::GET, &["deliveries"]), &query).await?;
            cursor = answer.next_cursor();
            let page: Vec<DeliveryAttempt> = answer.json()?;
            let reached = page.iter().any(|attempt| attempt.delivered_at < since);
            attempts.extend(page.into_iter().filter(|attempt| attempt.delivered_at >= since));
            if reached || cursor.is_none() {
                break;
            }
        }
        Ok(attempts)
    }

    /// Orders a delivery again. What it brings is as old as the first attempt.
    ///
    /// # Errors
    ///
    /// When GitHub does not take the order.
    pub async fn redeliver(&self, hook: &Hook, attempt: u64) -> Result<(), Error> {
        let path = ["deliveries", &attempt.to_string(), "attempts"];
        ask(self.transport(), hook, (Method::POST, &path), &[]).await?.success().map(drop)
    }
}

async fn ask(
    transport: &Transport,
    hook: &Hook,
    (method, path): (Method, &[&str]),
    query: &[(&str, &str)],
) -> Result<Answer, Error> {
    match hook {
        Hook::App => {
            let path: Vec<&str> = ["app", "hook"].into_iter().chain(path.iter().copied()).collect();
            transport.as_app(method, &path, query).await
        }
        Hook::Repository(repo, id) => {
            let id = id.to_string();
            let path: Vec<&str> = ["hooks", &id].into_iter().chain(path.iter().copied()).collect();
            if method == Method::GET {
                transport.get(repo, &path, query).await
            } else {
                transport.write(method, repo, &path, None::<&()>).await
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;
    use crate::github::fake::{Fake, NOON, not_found, ok, reply, repo};

    fn attempt(id: u64, guid: &str, hours_ago: i64, status: &str) -> DeliveryAttempt {
        let delivered_at = Timestamp::from_second(NOON - hours_ago * 3600).unwrap();
        DeliveryAttempt { id, guid: guid.to_owned(), delivered_at, status: status.to_owned(), event: "push".to_owned() }
    }

    fn raw(attempt: &DeliveryAttempt) -> Value {
        let DeliveryAttempt { id, guid, delivered_at, status, event } = attempt;
        let at = delivered_at.to_string();
        json!({"id": id, "guid": guid, "delivered_at": at, "status": status, "status_code": 0, "event": event})
    }

    // G019
    #[test]
    fn what_no_attempt_brought_home_is_asked_for_once() {
        let attempts = [
            attempt(9, "a", 1, "OK"),
            attempt(8, "b", 1, "failed to connect to host"),
            attempt(7, "c", 1, "Invalid HTTP Response: 503"),
            attempt(6, "a", 2, "timed out"),
            attempt(5, "b", 2, "timed out"),
            attempt(4, "old", 73, "timed out"),
        ];
        let ids = |attempts: &[DeliveryAttempt]| {
            let now = Timestamp::from_second(NOON).unwrap();
            never_arrived(attempts, now).iter().map(|attempt| attempt.id).collect::<Vec<_>>()
        };

        assert_eq!(ids(&attempts), [7, 8], "a arrived at the second attempt, old is gone");
        let hopeless: Vec<_> = (0..5).map(|id| attempt(id, "x", 1, "timed out")).collect();
        assert_eq!(ids(&hopeless), [0_u64; 0]);
    }

    #[tokio::test]
    async fn the_log_of_our_hook_is_read_back_to_a_moment_and_no_further() {
        let fake = Fake::start(|seen| match seen.line.as_str() {
            "GET /repos/octo/hello/hooks?per_page=100&page=1" => ok(&json!([
                {"id": 1, "active": true, "config": {"url": "https://elsewhere.example/ci"}},
                {"id": 2, "active": true, "config": {"url": "https://box.example/webhooks/github"}},
                {"id": 3, "active": false, "config": {"url": "https://old.example/webhooks/github"}},
            ])),
            "GET /repos/octo/hello/hooks/2/deliveries?per_page=100" => {
                let mut page = ok(&json!([raw(&attempt(9, "a", 1, "OK"))]));
                let next = "<https://api.github.com/x?per_page=100&cursor=v1_9>; rel=\"next\"";
                page.headers_mut().insert("link", next.parse().unwrap());
                page
            }
            "GET /repos/octo/hello/hooks/2/deliveries?per_page=100&cursor=v1_9" => {
                let mut page = ok(&json!([raw(&attempt(8, "b", 2, "timed out")), raw(&attempt(7, "c", 30, "OK"))]));
                page.headers_mut().insert("link", "<https://x/?cursor=v1_7>; rel=\"next\"".parse().unwrap());
                page
            }
            "POST /repos/octo/hello/hooks/2/deliveries/8/attempts" => reply(202, &json!({})),
            _ => not_found(),
        })
        .await;
        let since = Timestamp::from_second(NOON - 24 * 3600).unwrap();

        let hooks = fake.client.hooks(&repo()).await.unwrap();
        let attempts = fake.client.delivery_attempts(&hooks[0], since).await.unwrap();
        fake.client.redeliver(&hooks[0], 8).await.unwrap();

        assert_eq!(hooks, [Hook::Repository(repo(), 2)]);
        assert_eq!(attempts, [attempt(9, "a", 1, "OK"), attempt(8, "b", 2, "timed out")]);
        assert_eq!(fake.seen().len(), 4);
    }

    #[tokio::test]
    async fn a_log_that_we_may_not_read_is_said_to_be_one() {
        let fake = Fake::start(|_| not_found()).await;

        assert!(matches!(fake.client.hooks(&repo()).await, Err(Error::NotFound)));
    }
}
