//! Opening a pull request, once per head and base.

use http::{Method, StatusCode};
use serde::{Deserialize, Serialize};

use crate::{
    github::{Client, Error},
    model::{Branch, PrNumber, RepoName},
};

/// A pull request to be opened.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct NewPull {
    /// The branch with the work, in the same repository.
    pub head: Branch,
    /// The branch that it goes into.
    pub base: Branch,
    /// Its title.
    pub title: String,
    /// Its text.
    pub body: String,
}

#[derive(Deserialize)]
struct Numbered {
    number: PrNumber,
}

impl Client {
    /// Opens a pull request, or finds the open one of the same head and base. May be called again after anything.
    ///
    /// # Errors
    ///
    /// [`Error::Unprocessable`] if GitHub refuses it, for example because there is nothing to merge.
    pub async fn open_pull(&self, repo: &RepoName, new: &NewPull) -> Result<PrNumber, Error> {
        let answer = self.transport().write(Method::POST, repo, &["pulls"], Some(new)).await?;
        if answer.status != StatusCode::UNPROCESSABLE_ENTITY {
            return Ok(answer.json::<Numbered>()?.number);
        }
        let message = answer.message();
        // GitHub's words for this case have changed before, so the list decides, not the words.
        match self.open_pull_of(repo, &new.head, &new.base).await? {
            Some(number) => Ok(number),
            None => Err(Error::Unprocessable { message }),
        }
    }

    /// The open pull request from `head` into `base` inside one repository.
    ///
    /// # Errors
    ///
    /// When GitHub cannot say.
    pub async fn open_pull_of(&self, repo: &RepoName, head: &Branch, base: &Branch) -> Result<Option<PrNumber>, Error> {
        let head = format!("{}:{head}", repo.owner());
        let query = [("state", "open"), ("head", head.as_str()), ("base", base.as_str())];
        let answer = self.transport().get(repo, &["pulls"], &query).await?;
        let pulls: Vec<Numbered> = answer.json()?;
        Ok(pulls.first().map(|pull| pull.number))
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::github::fake::{Fake, ok, reply, repo};

    fn new() -> NewPull {
        NewPull {
            head: "work".parse().unwrap(),
            base: "main".parse().unwrap(),
            title: "Title".to_owned(),
            body: "Body".to_owned(),
        }
    }

    async fn refusing(found: serde_json::Value) -> Fake {
        let refusal =
            json!({"message": "Validation Failed", "errors": [{"message": "No commits between main and work"}]});
        Fake::start(move |seen| match seen.line.as_str() {
            "POST /repos/octo/hello/pulls" => reply(422, &refusal),
            "GET /repos/octo/hello/pulls?state=open&head=octo%3Awork&base=main" => ok(&found),
            _ => reply(500, &json!({})),
        })
        .await
    }

    #[tokio::test]
    async fn a_pull_request_is_opened_with_what_was_given() {
        let fake = Fake::start(|_| reply(201, &json!({"number": 3}))).await;

        assert_eq!(fake.client.open_pull(&repo(), &new()).await.unwrap(), PrNumber(3));
        assert_eq!(fake.seen()[0].body, json!({"head": "work", "base": "main", "title": "Title", "body": "Body"}));
    }

    // G115
    #[tokio::test]
    async fn one_that_exists_already_is_found() {
        let fake = refusing(json!([{"number": 3}])).await;
        assert_eq!(fake.client.open_pull(&repo(), &new()).await.unwrap(), PrNumber(3));
    }

    #[tokio::test]
    async fn another_refusal_is_said_in_githubs_words() {
        let fake = refusing(json!([])).await;
        let error = fake.client.open_pull(&repo(), &new()).await.unwrap_err();
        assert_eq!(error.to_string(), "GitHub refuses it: Validation Failed: No commits between main and work");
    }
}
