//! Which machine, and by which facts it is found.

use std::{fmt, str::FromStr};

use serde::{Deserialize, Serialize};

use super::{Branch, InvalidId, IssueNumber, PrNumber, RepoId, SessionId, Sha, TaskId};

/// The address of one machine. Its text form (`pull/42/7`) is the row's key in the journal.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub enum MachineKey {
    /// One pull request.
    Pull {
        /// The repository that the pull request is in.
        repo: RepoId,
        /// Its number.
        number: PrNumber,
    },
    /// One piece of work.
    Task(TaskId),
    /// One agent.
    Session(SessionId),
    /// One repository's open issues.
    Backlog(RepoId),
    /// This installation of Antiphon.
    Fleet,
}

/// Which of the five machines.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum MachineKind {
    /// One per pull request.
    Pull,
    /// One per piece of work.
    Task,
    /// One per agent.
    Session,
    /// One per repository.
    Backlog,
    /// One per installation.
    Fleet,
}

impl MachineKey {
    /// Which of the five machines this addresses.
    #[must_use]
    pub const fn kind(&self) -> MachineKind {
        match self {
            Self::Pull { .. } => MachineKind::Pull,
            Self::Task(_) => MachineKind::Task,
            Self::Session(_) => MachineKind::Session,
            Self::Backlog(_) => MachineKind::Backlog,
            Self::Fleet => MachineKind::Fleet,
        }
    }
}

impl fmt::Display for MachineKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Pull { repo, number } => write!(f, "pull/{repo}/{number}"),
            Self::Task(task) => write!(f, "task/{task}"),
            Self::Session(session) => write!(f, "session/{session}"),
            Self::Backlog(repo) => write!(f, "backlog/{repo}"),
            Self::Fleet => f.write_str("fleet"),
        }
    }
}

impl FromStr for MachineKey {
    type Err = InvalidId;

    fn from_str(text: &str) -> Result<Self, InvalidId> {
        let invalid = || InvalidId { wanted: "machine key", text: text.to_owned() };
        let mut parts = text.split('/');
        let key = match (parts.next(), parts.next(), parts.next(), parts.next()) {
            (Some("pull"), Some(repo), Some(number), None) => {
                Self::Pull { repo: repo.parse()?, number: number.parse()? }
            }
            (Some("task"), Some(task), None, None) => Self::Task(task.parse()?),
            (Some("session"), Some(session), None, None) => Self::Session(session.parse()?),
            (Some("backlog"), Some(repo), None, None) => Self::Backlog(repo.parse()?),
            (Some("fleet"), None, None, None) => Self::Fleet,
            _ => return Err(invalid()),
        };
        Ok(key)
    }
}

impl TryFrom<String> for MachineKey {
    type Error = InvalidId;

    fn try_from(text: String) -> Result<Self, InvalidId> {
        text.parse()
    }
}

impl From<MachineKey> for String {
    fn from(key: MachineKey) -> Self {
        key.to_string()
    }
}

/// A fact by which machines are found. Several machines may share one: two pull requests can have one head.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum LookupKey {
    /// Every open pull request of this repository.
    Pulls(RepoId),
    /// Pull requests whose head is this commit.
    Head(RepoId, Sha),
    /// Pull requests from this branch of this repository, and the task that owns the branch.
    HeadBranch(RepoId, Branch),
    /// Pull requests into this branch.
    BaseBranch(RepoId, Branch),
    /// The task made for this issue.
    Issue(RepoId, IssueNumber),
    /// The pull request and session of this task.
    Task(TaskId),
}

impl fmt::Display for LookupKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Pulls(repo) => write!(f, "pulls/{repo}"),
            Self::Head(repo, sha) => write!(f, "head/{repo}/{sha}"),
            Self::HeadBranch(repo, branch) => write!(f, "head-branch/{repo}/{branch}"),
            Self::BaseBranch(repo, branch) => write!(f, "base-branch/{repo}/{branch}"),
            Self::Issue(repo, number) => write!(f, "issue/{repo}/{number}"),
            Self::Task(task) => write!(f, "task/{task}"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_machine_key_survives_its_text_form() {
        let keys = [
            MachineKey::Pull { repo: RepoId(42), number: PrNumber(7) },
            MachineKey::Task("issue-7".parse().unwrap()),
            MachineKey::Session("t-1".parse().unwrap()),
            MachineKey::Backlog(RepoId(42)),
            MachineKey::Fleet,
        ];
        for key in keys {
            assert_eq!(key.to_string().parse::<MachineKey>().unwrap(), key);
        }
    }

    #[test]
    fn a_stray_text_is_not_a_machine_key() {
        for bad in ["", "pull", "pull/1", "pull/x/1", "pull/1/2/3", "fleet/1", "task/../x"] {
            assert!(bad.parse::<MachineKey>().is_err(), "{bad:?} was accepted");
        }
    }
}
