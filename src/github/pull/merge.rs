//! Merging, bound to the head that was judged.
//!
//! After a lost answer the pull request is looked at; the merge is never sent again from here.

use http::{Method, StatusCode};
use serde::{Deserialize, Serialize};

use crate::{
    github::{Client, Error},
    model::{PrNumber, RepoName, Sha},
};

/// How commits get onto the base.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum MergeMethod {
    /// By a merge commit.
    Merge,
    /// As one commit.
    Squash,
    /// One by one on top of the base.
    Rebase,
}

/// What became of a merge.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Merge {
    /// It is merged, at the head that was meant.
    Merged,
    /// The head is another one by now: judge that one first.
    HeadMoved,
    /// The rules forbid it; asking again does not help.
    NotAllowed {
        /// GitHub's words.
        why: String,
    },
    /// The base moved meanwhile, or the outcome was lost and nothing is merged: look again, then try again.
    Retry,
}

#[derive(Serialize)]
struct Order<'a> {
    sha: &'a Sha,
    merge_method: MergeMethod,
}

#[derive(Deserialize)]
struct Merged {
    #[serde(default)]
    merged: bool,
    merge_commit_sha: Option<Sha>,
    head: Head,
}

#[derive(Deserialize)]
struct Head {
    sha: Sha,
}

impl Client {
    /// Merges a pull request if its head is still `head`.
    ///
    /// # Errors
    ///
    /// [`Error::AmbiguousWrite`] only if neither the merge nor the look after it was answered.
    pub async fn merge(
        &self,
        repo: &RepoName,
        number: PrNumber,
        head: &Sha,
        method: MergeMethod,
    ) -> Result<Merge, Error> {
        let order = Order { sha: head, merge_method: method };
        let path = ["pulls", &number.to_string(), "merge"];
        let answer = match self.transport().write(Method::PUT, repo, &path, Some(&order)).await {
            Ok(answer) => answer,
            Err(Error::AmbiguousWrite(lost)) => return self.merged_after_all(repo, number, head, lost).await,
            Err(error) => return Err(error),
        };
        match answer.status {
            StatusCode::METHOD_NOT_ALLOWED if base_moved(&answer.message()) => Ok(Merge::Retry),
            StatusCode::METHOD_NOT_ALLOWED | StatusCode::UNPROCESSABLE_ENTITY => {
                Ok(Merge::NotAllowed { why: answer.message() })
            }
            StatusCode::CONFLICT => Ok(Merge::HeadMoved),
            _ => answer.success().map(|_| Merge::Merged),
        }
    }

    /// The commit that a merge made; `None` if the pull request is not merged.
    ///
    /// # Errors
    ///
    /// When GitHub cannot say, or says that it is merged without saying as what.
    pub async fn merged_as(&self, repo: &RepoName, number: PrNumber) -> Result<Option<Sha>, Error> {
        let pull = self.merge_state(repo, number).await?;
        // Before the merge this names the trial merge, which means nothing.
        if !pull.merged {
            return Ok(None);
        }
        let unnamed = || Error::unexpected(anyhow::anyhow!("a merged pull request without a merge commit"));
        pull.merge_commit_sha.map(Some).ok_or_else(unnamed)
    }

    async fn merged_after_all(
        &self,
        repo: &RepoName,
        number: PrNumber,
        head: &Sha,
        lost: anyhow::Error,
    ) -> Result<Merge, Error> {
        match self.merge_state(repo, number).await {
            Ok(pull) if pull.head.sha != *head => Ok(Merge::HeadMoved),
            Ok(pull) if pull.merged => Ok(Merge::Merged),
            Ok(_) => Ok(Merge::Retry),
            Err(_) => Err(Error::AmbiguousWrite(lost)),
        }
    }

    async fn merge_state(&self, repo: &RepoName, number: PrNumber) -> Result<Merged, Error> {
        self.transport().get(repo, &["pulls", &number.to_string()], &[]).await?.json()
    }
}

/// The one refusal with this status that another try can cure.
fn base_moved(message: &str) -> bool {
    message.to_lowercase().contains("base branch was modified")
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;
    use crate::github::fake::{Fake, ok, reply, repo};

    const NUMBER: PrNumber = PrNumber(3);

    fn sha(digit: &str) -> Sha {
        digit.repeat(40).parse().unwrap()
    }

    async fn fake(status: u16, message: &'static str, pull: Value) -> Fake {
        Fake::start(move |seen| match seen.line.as_str() {
            "PUT /repos/octo/hello/pulls/3/merge" => reply(status, &json!({"message": message})),
            _ => ok(&pull),
        })
        .await
    }

    fn pull(merged: bool, head: &str) -> Value {
        json!({"merged": merged, "merge_commit_sha": sha("9"), "head": {"sha": sha(head)}})
    }

    async fn merge(fake: &Fake) -> Result<Merge, Error> {
        fake.client.merge(&repo(), NUMBER, &sha("1"), MergeMethod::Squash).await
    }

    // G083
    #[tokio::test]
    async fn every_answer_to_a_merge_has_its_meaning() {
        let why = |why: &str| Merge::NotAllowed { why: why.to_owned() };
        for (status, message, expected) in [
            (200, "Pull Request successfully merged", Merge::Merged),
            (405, "Base branch was modified. Review and try the merge again.", Merge::Retry),
            (405, "At least 1 approving review is required", why("At least 1 approving review is required")),
            (409, "Head branch was modified. Review and try the merge again.", Merge::HeadMoved),
            (422, "Validation Failed", why("Validation Failed")),
        ] {
            let fake = fake(status, message, json!({})).await;
            assert_eq!(merge(&fake).await.unwrap(), expected, "{status} {message}");
            assert_eq!(fake.seen()[0].body, json!({"sha": sha("1"), "merge_method": "squash"}));
        }
    }

    // G084, G085
    #[tokio::test]
    async fn after_a_lost_answer_the_pull_request_is_looked_at_and_not_merged_again() {
        for (pull, expected) in
            [(pull(true, "1"), Merge::Merged), (pull(false, "1"), Merge::Retry), (pull(true, "2"), Merge::HeadMoved)]
        {
            let fake = fake(502, "", pull).await;
            assert_eq!(merge(&fake).await.unwrap(), expected);
            assert_eq!(fake.lines(), ["PUT /repos/octo/hello/pulls/3/merge", "GET /repos/octo/hello/pulls/3"]);
        }
    }

    #[tokio::test]
    async fn a_merge_that_nobody_can_tell_of_is_ambiguous() {
        let fake = Fake::start(|_| reply(502, &json!({}))).await;
        assert!(matches!(merge(&fake).await, Err(Error::AmbiguousWrite(_))));
    }

    #[tokio::test]
    async fn only_a_merged_pull_request_has_a_merge_commit() {
        let merged = fake(200, "", pull(true, "1")).await;
        let open = fake(200, "", pull(false, "1")).await;
        assert_eq!(merged.client.merged_as(&repo(), NUMBER).await.unwrap(), Some(sha("9")));
        assert_eq!(open.client.merged_as(&repo(), NUMBER).await.unwrap(), None);
    }
}
