//! Reactions to comments. The same reaction again changes nothing.

use http::Method;
use serde::Serialize;

use crate::{
    github::{Client, Error},
    model::RepoName,
};

/// A reaction to a comment.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub enum Reaction {
    /// Done.
    #[serde(rename = "+1")]
    ThumbsUp,
    /// Not done.
    #[serde(rename = "-1")]
    ThumbsDown,
    /// Not understood.
    #[serde(rename = "confused")]
    Confused,
}

#[derive(Serialize)]
struct Body {
    content: Reaction,
}

impl Client {
    /// Reacts to a comment of an issue or pull request.
    ///
    /// # Errors
    ///
    /// When GitHub refuses it or the outcome is unknown: it may be repeated.
    pub async fn react(&self, repo: &RepoName, comment: u64, reaction: Reaction) -> Result<(), Error> {
        let comment = comment.to_string();
        let path = ["issues", "comments", comment.as_str(), "reactions"];
        let answer = self.transport().write(Method::POST, repo, &path, Some(&Body { content: reaction })).await?;
        answer.success().map(drop)
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::github::fake::{Fake, ok, reply, repo};

    #[tokio::test]
    async fn a_reaction_that_is_there_already_is_fine() {
        for status in [200, 201] {
            let fake = Fake::start(move |_| if status == 200 { ok(&json!({})) } else { reply(201, &json!({})) }).await;

            fake.client.react(&repo(), 7, Reaction::ThumbsUp).await.unwrap();

            assert_eq!(fake.lines(), ["POST /repos/octo/hello/issues/comments/7/reactions"]);
            assert_eq!(fake.seen()[0].body, json!({"content": "+1"}));
        }
    }
}
