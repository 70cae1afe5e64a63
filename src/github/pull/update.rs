//! Bringing a branch up to date with its base, at the head that is expected.

use http::{Method, StatusCode};
use serde::Serialize;

use crate::{
    github::{Client, Error},
    model::{PrNumber, RepoName, Sha},
};

/// What became of the wish to merge the base into a branch.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Update {
    /// GitHub does it, some seconds later.
    Ordered,
    /// The head is another one by now: judge that one first.
    HeadMoved,
    /// The branch has everything that the base has.
    Current,
    /// GitHub refuses; asking again does not help.
    Refused {
        /// GitHub's words.
        why: String,
    },
}

#[derive(Serialize)]
struct Order<'a> {
    expected_head_sha: &'a Sha,
}

impl Client {
    /// Has GitHub merge the base into the branch of a pull request if its head is still `head`.
    ///
    /// # Errors
    ///
    /// [`Error::AmbiguousWrite`] if the answer was lost. The same order may be given again: it names the head.
    pub async fn update_branch(&self, repo: &RepoName, number: PrNumber, head: &Sha) -> Result<Update, Error> {
        let order = Order { expected_head_sha: head };
        let path = ["pulls", &number.to_string(), "update-branch"];
        let answer = self.transport().write(Method::PUT, repo, &path, Some(&order)).await?;
        if answer.status != StatusCode::UNPROCESSABLE_ENTITY {
            return answer.success().map(|_| Update::Ordered);
        }
        // Three refusals have one status.
        let why = answer.message();
        let words = why.to_lowercase();
        Ok(if words.contains("expected head sha") {
            Update::HeadMoved
        } else if words.contains("no new commits") {
            Update::Current
        } else {
            Update::Refused { why }
        })
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::github::fake::{Fake, reply, repo};

    // G082
    #[tokio::test]
    async fn every_answer_to_an_update_has_its_meaning() {
        let head: Sha = "1".repeat(40).parse().unwrap();
        let conflict = "merge conflict between base and head";
        for (status, message, expected) in [
            (202, "Updating pull request branch.", Update::Ordered),
            (422, "expected head sha didn\u{2019}t match current head ref.", Update::HeadMoved),
            (422, "There are no new commits on the base branch.", Update::Current),
            (422, conflict, Update::Refused { why: conflict.to_owned() }),
        ] {
            let fake = Fake::start(move |_| reply(status, &json!({"message": message}))).await;
            let updated = fake.client.update_branch(&repo(), PrNumber(3), &head).await.unwrap();
            assert_eq!(updated, expected, "{status} {message}");
            assert_eq!(fake.lines(), ["PUT /repos/octo/hello/pulls/3/update-branch"]);
            assert_eq!(fake.seen()[0].body, json!({"expected_head_sha": head}));
        }
    }
}
