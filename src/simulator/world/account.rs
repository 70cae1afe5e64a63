//! Accounts: who there is, and what they may do.

use super::{Repository, World};

/// What an account is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    /// A person.
    User,
    /// An owner of repositories.
    Organization,
    /// An app.
    Bot,
}

/// An account.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct User {
    /// Its number.
    pub(crate) id: u64,
    /// Its name.
    pub(crate) login: String,
    /// What it is.
    pub(crate) kind: Kind,
}

impl World {
    /// The account of this name; one that nobody mentioned before comes into being.
    pub(crate) fn user(&mut self, login: &str) -> User {
        let kind = if login.ends_with("[bot]") { Kind::Bot } else { Kind::User };
        self.account(login, kind)
    }

    /// The account of this name and, if it is new, of this kind.
    pub(crate) fn account(&mut self, login: &str, kind: Kind) -> User {
        // Accounts are older than repositories and their numbers still small.
        let id = 40_000_000 + 13 * (self.users.len() as u64 + 1);
        self.users.entry(login.to_owned()).or_insert_with(|| User { id, login: login.to_owned(), kind }).clone()
    }

    /// The permission of an account on a repository, as GitHub's legacy names say it.
    pub(crate) fn permission(&self, repo: &Repository, login: &str) -> String {
        if let Some(permission) = repo.permissions.get(login) {
            return permission.clone();
        }
        if login == repo.owner {
            return "admin".to_owned();
        }
        let ours = login == self.own_login && repo.parent.is_none();
        if ours { "write".to_owned() } else { "read".to_owned() }
    }

    /// How an author stands to a repository. It is a hint for people, not a permission.
    pub(crate) fn association(&self, repo: &Repository, login: &str) -> &'static str {
        if login == repo.owner {
            return "OWNER";
        }
        match self.permission(repo, login).as_str() {
            "admin" | "maintain" | "write" | "triage" => "COLLABORATOR",
            _ => "NONE",
        }
    }
}
