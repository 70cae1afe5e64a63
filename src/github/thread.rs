//! Review threads: replying in one, each reply once, and resolving one.
//!
//! GitHub takes a reply to the first comment of a thread only. As with every comment, a hidden mark and our own name
//! together tell whether a reply is there already.

use http::Method;
use serde::{Deserialize, Serialize, de::IgnoredAny};

use super::{
    Client, Error,
    comment::{mark, split},
    people::Account,
};
use crate::model::{RepoName, ThreadId};

const RESOLVE: (&str, &str) = ("resolveReviewThread", include_str!("resolve_thread.graphql"));

/// A reply to be written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ThreadReply {
    /// The pull request.
    pub number: u64,
    /// The number of the thread's first comment.
    pub first: u64,
    /// Markdown of any length; a long one becomes several replies.
    pub body: String,
    /// The id of the operation: letters, digits and dashes, the same on every try.
    pub marker: String,
    /// Whether an earlier try may have written it: then the existing replies are read first.
    pub maybe_done: bool,
}

#[derive(Deserialize)]
struct Written {
    user: Option<Account>,
    body: Option<String>,
    in_reply_to_id: Option<u64>,
}

#[derive(Serialize)]
struct Body {
    body: String,
}

#[derive(Serialize)]
struct Target<'a> {
    thread: &'a ThreadId,
}

impl Client {
    /// Replies in a thread, or writes those parts of the reply that are not there yet.
    ///
    /// # Errors
    ///
    /// [`Error::AmbiguousWrite`] if the outcome is unknown: call again with `maybe_done`.
    pub async fn reply_in_thread(&self, repo: &RepoName, reply: &ThreadReply) -> Result<(), Error> {
        let (number, first) = (reply.number.to_string(), reply.first.to_string());
        let own = if reply.maybe_done { self.own_replies(repo, &number, reply.first).await? } else { Vec::new() };
        for (index, part) in split::parts(&reply.body).into_iter().enumerate() {
            let mark = mark(&reply.marker, index);
            if own.iter().any(|body| body.contains(&mark)) {
                continue;
            }
            let body = Body { body: format!("{part}\n\n{mark}") };
            let path = ["pulls", number.as_str(), "comments", first.as_str(), "replies"];
            self.transport().write(Method::POST, repo, &path, Some(&body)).await?.success()?;
        }
        Ok(())
    }

    /// Resolves a thread. It may be repeated: what is resolved stays so.
    ///
    /// # Errors
    ///
    /// When GitHub refuses it or the outcome is unknown.
    pub async fn resolve_thread(&self, repo: &RepoName, thread: &ThreadId) -> Result<(), Error> {
        self.transport().mutate::<IgnoredAny>(repo, RESOLVE, &Target { thread }).await.map(drop)
    }

    async fn own_replies(&self, repo: &RepoName, number: &str, first: u64) -> Result<Vec<String>, Error> {
        let own = self.viewer().await?;
        let replies: Vec<Written> = self.transport().list(repo, &["pulls", number, "comments"], &[]).await?;
        let ours = |reply: &Written| {
            let author = reply.user.as_ref().and_then(Account::login);
            reply.in_reply_to_id == Some(first) && author.as_ref() == Some(&own)
        };
        Ok(replies.into_iter().filter(ours).filter_map(|reply| reply.body).collect())
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;
    use crate::github::fake::{Fake, ok, reply, repo};

    const POST: &str = "POST /repos/octo/hello/pulls/5/comments/101/replies";

    fn said(maybe_done: bool) -> ThreadReply {
        ThreadReply { number: 5, first: 101, body: "Done.".to_owned(), marker: "op-1".to_owned(), maybe_done }
    }

    /// A fake with this comment in its threads.
    async fn github(login: &'static str, to: u64) -> Fake {
        let there: Value = json!([{"user": {"login": login}, "body": "<!-- antiphon:op-1 -->", "in_reply_to_id": to}]);
        Fake::start(move |seen| match seen.line.split(' ').next() {
            Some("POST") => reply(201, &json!({"id": 1})),
            _ if seen.line == "GET /user" => ok(&json!({"login": "mona"})),
            _ => ok(&there),
        })
        .await
    }

    // G101, G015
    #[tokio::test]
    async fn a_reply_goes_to_the_first_comment_and_is_written_once() {
        let fake = github("mona", 101).await;
        fake.client.reply_in_thread(&repo(), &said(false)).await.unwrap();
        assert_eq!(fake.lines(), [POST]);
        assert_eq!(fake.seen()[0].body, json!({"body": "Done.\n\n<!-- antiphon:op-1 -->"}));

        fake.client.reply_in_thread(&repo(), &said(true)).await.unwrap();

        assert_eq!(fake.lines().iter().filter(|line| *line == POST).count(), 1);
    }

    #[tokio::test]
    async fn a_mark_of_somebody_else_or_in_another_thread_counts_for_nothing() {
        for (login, to) in [("mallory", 101), ("mona", 102)] {
            let fake = github(login, to).await;
            fake.client.reply_in_thread(&repo(), &said(true)).await.unwrap();
            assert!(fake.lines().contains(&POST.to_owned()), "{login} in {to}");
        }
    }

    #[tokio::test]
    async fn a_thread_is_resolved_by_its_id() {
        let done = json!({"data": {"resolveReviewThread": {"thread": {"isResolved": true}}}});
        let fake = Fake::start(move |_| ok(&done)).await;

        fake.client.resolve_thread(&repo(), &"PRRT_1".parse().unwrap()).await.unwrap();

        assert_eq!(fake.seen()[0].body["variables"], json!({"thread": "PRRT_1"}));
    }

    // G119: GraphQL refuses in a 200
    #[tokio::test]
    async fn a_missing_permission_to_resolve_is_told_of_once() {
        let words = "Resource not accessible by integration";
        let refused = json!({"data": null, "errors": [{"type": "FORBIDDEN", "message": words}]});
        let fake = Fake::start(move |_| ok(&refused)).await;
        let mut told = fake.client.refusals();

        for news in [true, false] {
            let error = fake.client.resolve_thread(&repo(), &"PRRT_1".parse().unwrap()).await.unwrap_err();
            assert_eq!(error.to_string(), format!("GitHub forbids it: {words}"));
            assert_eq!(told.has_changed().unwrap(), news);
            told.mark_unchanged();
        }

        assert_eq!(told.borrow().keys().collect::<Vec<_>>(), ["GraphQL resolveReviewThread"]);
    }
}
