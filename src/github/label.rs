//! Labels of issues and pull requests. Both changes may be repeated: what is done already counts as done.

use http::Method;
use serde::Serialize;

use super::{Client, Error};
use crate::model::RepoName;

#[derive(Serialize)]
struct Labels<'a> {
    labels: [&'a str; 1],
}

impl Client {
    /// Puts a label on an issue or pull request.
    ///
    /// # Errors
    ///
    /// When GitHub refuses it or the outcome is unknown.
    pub async fn add_label(&self, repo: &RepoName, number: u64, label: &str) -> Result<(), Error> {
        let path = ["issues", &number.to_string(), "labels"];
        let answer = self.transport().write(Method::POST, repo, &path, Some(&Labels { labels: [label] })).await?;
        answer.success().map(drop)
    }

    /// Takes a label off an issue or pull request.
    ///
    /// # Errors
    ///
    /// When GitHub refuses it or the outcome is unknown.
    pub async fn remove_label(&self, repo: &RepoName, number: u64, label: &str) -> Result<(), Error> {
        let path = ["issues", &number.to_string(), "labels", label];
        let answer = self.transport().write(Method::DELETE, repo, &path, None::<&()>).await?;
        match answer.success() {
            Ok(_) | Err(Error::NotFound) => Ok(()),
            Err(error) => Err(error),
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::github::fake::{Fake, not_found, ok, reply, repo};

    #[tokio::test]
    async fn a_label_that_is_not_there_is_removed_already() {
        let fake = Fake::start(|_| not_found()).await;
        fake.client.remove_label(&repo(), 5, "needs review").await.unwrap();
        assert_eq!(fake.lines(), ["DELETE /repos/octo/hello/issues/5/labels/needs%20review"]);
    }

    #[tokio::test]
    async fn a_label_is_added_by_name() {
        let fake = Fake::start(|_| ok(&json!([]))).await;
        fake.client.add_label(&repo(), 5, "needs review").await.unwrap();
        assert_eq!(fake.seen()[0].body, json!({"labels": ["needs review"]}));
    }

    #[tokio::test]
    async fn a_label_that_cannot_be_added_is_an_error() {
        let fake = Fake::start(|_| reply(410, &json!({}))).await;
        assert!(matches!(fake.client.add_label(&repo(), 5, "x").await, Err(Error::NotFound)));
    }
}
