//! The repository: its identity, and where its branches stand.

use serde::Deserialize;

use super::{Client, Error};
use crate::model::{Branch, RepoId, RepoName, Sha};

/// A repository as GitHub shows it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Repository {
    /// Its identity, which survives renames.
    pub id: RepoId,
    /// Its name now; another than asked for if it was renamed.
    pub name: RepoName,
    /// The branch that pull requests usually go into.
    pub default_branch: Branch,
    /// Where git finds it, without credentials.
    pub clone_url: String,
    /// Whether only its people can see it.
    pub private: bool,
    /// Whether it can only be read.
    pub archived: bool,
}

#[derive(Deserialize)]
struct Raw {
    id: RepoId,
    full_name: RepoName,
    default_branch: Branch,
    clone_url: String,
    #[serde(default)]
    private: bool,
    #[serde(default)]
    archived: bool,
}

#[derive(Deserialize)]
struct Reference {
    object: Object,
}

#[derive(Deserialize)]
struct Object {
    sha: Sha,
}

impl Client {
    /// The repository that has, or had, this name.
    ///
    /// # Errors
    ///
    /// When GitHub cannot say.
    pub async fn repository(&self, repo: &RepoName) -> Result<Repository, Error> {
        let raw: Raw = self.transport().get(repo, &[], &[]).await?.json()?;
        Ok(Repository {
            id: raw.id,
            name: raw.full_name,
            default_branch: raw.default_branch,
            clone_url: raw.clone_url,
            private: raw.private,
            archived: raw.archived,
        })
    }

    /// The newest commit of a branch; `None` if there is no such branch.
    ///
    /// # Errors
    ///
    /// When GitHub cannot say.
    pub async fn branch_head(&self, repo: &RepoName, branch: &Branch) -> Result<Option<Sha>, Error> {
        let segments: Vec<&str> = ["git", "ref", "heads"].into_iter().chain(branch.as_str().split('/')).collect();
        let answer = self.transport().get(repo, &segments, &[]).await?;
        // An empty repository has no branches, and says so in its own way.
        if answer.status == http::StatusCode::CONFLICT {
            return Ok(None);
        }
        match answer.json::<Reference>() {
            Ok(reference) => Ok(Some(reference.object.sha)),
            Err(Error::NotFound) => Ok(None),
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
    async fn a_branch_has_a_head_or_is_not_there() {
        let sha: Sha = "1".repeat(40).parse().unwrap();
        let answered = sha.clone();
        let fake = Fake::start(move |seen| match seen.line.as_str() {
            "GET /repos/octo/hello/git/ref/heads/fix/a%23b" => ok(&json!({"object": {"sha": answered}})),
            "GET /repos/octo/hello/git/ref/heads/empty" => reply(409, &json!({"message": "Git Repository is empty."})),
            _ => not_found(),
        })
        .await;

        for (branch, expected) in [("fix/a#b", Some(sha)), ("empty", None), ("gone", None)] {
            let head = fake.client.branch_head(&repo(), &branch.parse().unwrap()).await.unwrap();
            assert_eq!(head, expected, "{branch}");
        }
    }
}
