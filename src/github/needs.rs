//! What our credential has to be allowed, and why: one list for the App's manifest, the check, and the documentation. Pure.

use std::collections::{BTreeMap, BTreeSet};

/// How far a permission goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Access {
    /// To see.
    Read,
    /// To change.
    Write,
}

/// One permission that we need.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Need {
    /// GitHub's name of it in manifests and installations.
    pub permission: &'static str,
    /// How far it has to go.
    pub access: Access,
    /// What cannot be done without it.
    pub why: &'static str,
}

const fn need(permission: &'static str, access: Access, why: &'static str) -> Need {
    Need { permission, access, why }
}

/// Everything that we need of a repository, and nothing else.
pub const NEEDS: [Need; 9] = [
    need("actions", Access::Write, "read logs and artifacts of failed jobs, run failed jobs again"),
    need("administration", Access::Read, "know which checks the branch protection demands"),
    need("checks", Access::Write, "see check runs and their annotations, say on a commit what is being done"),
    need("contents", Access::Write, "push the branches of agents, merge, resolve review threads"),
    need("issues", Access::Write, "take issues, comment and label"),
    need("merge_queues", Access::Read, "hear what the merge queue tests and throws out"),
    need("metadata", Access::Read, "see the repository and who may write to it"),
    need("pull_requests", Access::Write, "open, update and comment on pull requests"),
    need("statuses", Access::Read, "see commit statuses"),
];

/// What a credential is allowed, as far as GitHub tells.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Granted {
    /// Of an installation: how far each permission goes, for example `contents` → `write`.
    Permissions(BTreeMap<String, String>),
    /// Of a classic token.
    Scopes(BTreeSet<String>),
    /// Of a fine-grained token GitHub tells nothing: only trying shows what it may.
    Untold,
}

impl Access {
    /// GitHub's word for it.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Read => "read",
            Self::Write => "write",
        }
    }

    fn is_within(self, granted: &str) -> bool {
        match self {
            Self::Read => matches!(granted, "read" | "write" | "admin"),
            Self::Write => matches!(granted, "write" | "admin"),
        }
    }
}

impl Granted {
    /// What we need and were not given; nothing is known to lack where GitHub tells nothing. `private` says whether only
    /// its people see the repository: scopes differ there.
    #[must_use]
    pub fn lacks(&self, private: bool) -> Vec<Need> {
        let has = |need: &Need| match self {
            Self::Permissions(granted) => {
                granted.get(need.permission).is_some_and(|granted| need.access.is_within(granted))
            }
            Self::Scopes(scopes) => scopes.contains("repo") || (!private && scopes.contains("public_repo")),
            Self::Untold => true,
        };
        NEEDS.into_iter().filter(|need| !has(need)).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(needs: &[Need]) -> Vec<&'static str> {
        needs.iter().map(|need| need.permission).collect()
    }

    #[test]
    fn an_installation_lacks_what_it_was_not_given_or_not_far_enough() {
        let all = NEEDS.iter().map(|need| (need.permission.to_owned(), need.access.name().to_owned()));
        let mut granted: BTreeMap<String, String> = all.collect();
        assert_eq!(Granted::Permissions(granted.clone()).lacks(true), []);

        granted.insert("contents".to_owned(), "read".to_owned());
        granted.insert("checks".to_owned(), "write".to_owned());
        granted.remove("actions");

        assert_eq!(names(&Granted::Permissions(granted).lacks(true)), ["actions", "contents"]);
    }

    #[test]
    fn a_classic_token_needs_the_scope_of_its_repository() {
        let scopes = |words: &[&str]| Granted::Scopes(words.iter().map(|&word| word.to_owned()).collect());

        assert_eq!(scopes(&["repo", "gist"]).lacks(true), []);
        assert_eq!(scopes(&["public_repo"]).lacks(false), []);
        assert_eq!(scopes(&["public_repo"]).lacks(true).len(), NEEDS.len());
        assert_eq!(Granted::Untold.lacks(true), []);
    }

    #[test]
    fn every_need_and_its_reason_stands_in_the_documentation() {
        let documented = include_str!("../../docs/github-setup.md");
        for Need { permission, access, why } in NEEDS {
            let row = format!("| `{permission}` | {} | {why} |", access.name());
            assert!(documented.contains(&row), "docs/github-setup.md lacks\n{row}");
        }
    }
}
