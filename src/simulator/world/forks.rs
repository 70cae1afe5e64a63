//! Forks: repositories of other owners from which pull requests come.
//!
//! As on GitHub, a fork shares its commits with the repository that it was made of, and lives its own life otherwise.

use super::{Kind, Pull, Refusal, Repository, World};

/// Where the head of a pull request lies, if not in the repository itself.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Fork {
    /// The fork's full name, also after it was deleted.
    pub(crate) repo: String,
    /// Whether those who may push to the base repository may push to the branch.
    pub(crate) modifiable: bool,
}

impl Pull {
    /// The full name of the repository that holds the head, given the one that the pull request is in.
    pub(crate) fn head_repo<'a>(&'a self, home: &'a str) -> &'a str {
        self.fork.as_ref().map_or(home, |fork| &fork.repo)
    }

    /// Who owns that repository, given the owner of the one that the pull request is in.
    pub(crate) fn head_owner<'a>(&'a self, home: &'a str) -> &'a str {
        self.fork.as_ref().and_then(|fork| fork.repo.split('/').next()).unwrap_or(home)
    }
}

impl World {
    /// The repository in which the pull requests of this one are: that which it is a fork of, or itself.
    pub(crate) fn home(&self, repo: &str) -> String {
        let parent = self.repositories.get(repo).and_then(|found| found.parent.clone());
        parent.unwrap_or_else(|| repo.to_owned())
    }

    /// Registers the fork of a person; its full name.
    pub(crate) fn create_fork(&mut self, repo: &str, person: &str) -> Result<String, Refusal> {
        let name = format!("{person}/{}", self.repository(repo)?.name);
        self.account(person, Kind::User);
        self.create_repository(&name)?;
        let branches = self.repository(repo)?.branches.clone();
        let fork = self.repository_mut(&name)?;
        fork.parent = Some(repo.to_owned());
        fork.branches = branches;
        Ok(name)
    }

    /// The repository that holds the head of a pull request; `None` if that fork was deleted.
    pub(crate) fn head_repository<'w>(&'w self, home: &'w Repository, pull: &Pull) -> Option<&'w Repository> {
        match &pull.fork {
            None => Some(home),
            Some(fork) => self.repositories.get(&fork.repo),
        }
    }

    /// Where `branch` or `owner:branch` lies, seen from a repository: the fork if it is one, the branch, its commit.
    pub(crate) fn find_head(&self, repo: &str, head: &str) -> Option<(Option<Fork>, String, String)> {
        let home = self.repository(repo).ok()?;
        let (owner, branch) = head.split_once(':').unwrap_or((&home.owner, head));
        let mut all = self.repositories.values();
        let fork = match owner == home.owner {
            true => None,
            false => Some(all.find(|it| it.owner == owner && it.parent.as_deref() == Some(repo))?),
        };
        let sha = fork.unwrap_or(home).branches.get(branch)?;
        let fork = fork.map(|it| Fork { repo: it.full_name(), modifiable: false });
        Some((fork, branch.to_owned(), sha.clone()))
    }

    /// Whether the account behind the token may push to a repository.
    pub(crate) fn may_push(&self, repo: &str) -> bool {
        let Some(parent) = self.repositories.get(repo).and_then(|found| found.parent.as_ref()) else { return true };
        let Some(home) = self.repositories.get(parent) else { return false };
        let from_here = |fork: &Fork| fork.repo == repo && fork.modifiable;
        home.pulls().any(|(issue, pull)| issue.open && pull.fork.as_ref().is_some_and(from_here))
    }
}
