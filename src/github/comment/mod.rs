//! Comments on issues and pull requests, each once.
//!
//! A hidden mark names the operation behind a comment, so that a look can tell whether it is there already. The mark is
//! no proof of anything: people can copy it, so the author has to be us as well.

pub(super) mod command;
mod reaction;
pub(super) mod split;

use http::Method;
use serde::{Deserialize, Serialize};

pub use reaction::Reaction;

use super::{Client, Error, people::Account};
use crate::model::RepoName;

/// A comment to be written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Comment {
    /// The issue or pull request.
    pub number: u64,
    /// Markdown of any length; a long one becomes several comments.
    pub body: String,
    /// The id of the operation: letters, digits and dashes, the same on every try.
    pub marker: String,
    /// Whether an earlier try may have written it: then the existing comments are read first.
    pub maybe_done: bool,
}

#[derive(Deserialize)]
struct Written {
    user: Option<Account>,
    body: Option<String>,
}

#[derive(Serialize)]
struct Body {
    body: String,
}

impl Client {
    /// Writes a comment, or those parts of it that are not there yet.
    ///
    /// # Errors
    ///
    /// [`Error::AmbiguousWrite`] if the outcome is unknown: call again with `maybe_done`.
    pub async fn comment(&self, repo: &RepoName, comment: &Comment) -> Result<(), Error> {
        let number = comment.number.to_string();
        let path = ["issues", number.as_str(), "comments"];
        let own = if comment.maybe_done { self.own_comments(repo, &path).await? } else { Vec::new() };
        for (index, part) in split::parts(&comment.body).into_iter().enumerate() {
            let mark = mark(&comment.marker, index);
            if own.iter().any(|body| body.contains(&mark)) {
                continue;
            }
            let body = Body { body: format!("{part}\n\n{mark}") };
            self.transport().write(Method::POST, repo, &path, Some(&body)).await?.success()?;
        }
        Ok(())
    }

    async fn own_comments(&self, repo: &RepoName, path: &[&str]) -> Result<Vec<String>, Error> {
        let own = self.viewer().await?;
        let comments: Vec<Written> = self.transport().list(repo, path, &[]).await?;
        let ours = |comment: &Written| comment.user.as_ref().and_then(Account::login).as_ref() == Some(&own);
        Ok(comments.into_iter().filter(ours).filter_map(|comment| comment.body).collect())
    }
}

/// The first part carries the plain mark; it cannot be mistaken for the mark of another part.
pub(super) fn mark(operation: &str, index: usize) -> String {
    match index {
        0 => format!("<!-- antiphon:{operation} -->"),
        _ => format!("<!-- antiphon:{operation}/{} -->", index + 1),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;
    use crate::github::fake::{Fake, ok, reply, repo};

    fn comment(body: &str, maybe_done: bool) -> Comment {
        Comment { number: 5, body: body.to_owned(), marker: "op-1".to_owned(), maybe_done }
    }

    /// A fake with these comments: author and text.
    async fn github(existing: Vec<(&'static str, String)>) -> Fake {
        let existing: Vec<Value> =
            existing.into_iter().map(|(login, body)| json!({"user": {"login": login}, "body": body})).collect();
        Fake::start(move |seen| match seen.line.split(' ').next() {
            Some("POST") => reply(201, &json!({"id": 1})),
            _ if seen.line == "GET /user" => ok(&json!({"login": "mona"})),
            _ => ok(&json!(existing)),
        })
        .await
    }

    fn posted(fake: &Fake) -> Vec<String> {
        let posts = fake.seen().into_iter().filter(|seen| seen.line == "POST /repos/octo/hello/issues/5/comments");
        posts.map(|seen| seen.body["body"].as_str().unwrap().to_owned()).collect()
    }

    #[tokio::test]
    async fn a_first_try_writes_without_looking() {
        let fake = github(vec![]).await;
        fake.client.comment(&repo(), &comment("Hello", false)).await.unwrap();
        assert_eq!(fake.lines(), ["POST /repos/octo/hello/issues/5/comments"]);
        assert_eq!(posted(&fake), ["Hello\n\n<!-- antiphon:op-1 -->"]);
    }

    // G015
    #[tokio::test]
    async fn a_later_try_writes_only_what_is_missing() {
        let there = github(vec![("mona", "Hello\n\n<!-- antiphon:op-1 -->".to_owned())]).await;
        there.client.comment(&repo(), &comment("Hello", true)).await.unwrap();
        assert_eq!(posted(&there), [""; 0]);

        let missing = github(vec![("mona", "Hello\n\n<!-- antiphon:op-2 -->".to_owned())]).await;
        missing.client.comment(&repo(), &comment("Hello", true)).await.unwrap();
        assert_eq!(posted(&missing).len(), 1);
    }

    #[tokio::test]
    async fn a_mark_that_somebody_else_copied_counts_for_nothing() {
        let fake = github(vec![("mallory", "<!-- antiphon:op-1 -->".to_owned())]).await;
        fake.client.comment(&repo(), &comment("Hello", true)).await.unwrap();
        assert_eq!(posted(&fake).len(), 1);
    }

    // G108
    #[tokio::test]
    async fn of_a_long_comment_only_the_missing_part_is_written() {
        let body = "line\n".repeat(20_000);
        let fake = github(vec![("mona", "line\n\n<!-- antiphon:op-1 -->".to_owned())]).await;

        fake.client.comment(&repo(), &comment(&body, true)).await.unwrap();

        let posted = posted(&fake);
        assert_eq!(posted.len(), 1);
        assert!(posted[0].ends_with("<!-- antiphon:op-1/2 -->") && posted[0].len() <= 65_536);
    }

    // G107
    #[tokio::test]
    async fn a_locked_conversation_is_forbidden_and_not_tried_again() {
        let fake =
            Fake::start(|_| reply(403, &json!({"message": "Unable to create comment because issue is locked."}))).await;
        let error = fake.client.comment(&repo(), &comment("Hello", false)).await.unwrap_err();
        assert_eq!(error.to_string(), "GitHub forbids it: Unable to create comment because issue is locked.");
        assert_eq!(fake.seen().len(), 1);
    }
}
