//! Identities as newtypes: one cannot be passed where another is meant.

use std::{fmt, str::FromStr};

use serde::{Deserialize, Serialize};

/// A text that is not a valid id of the wanted kind.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{text:?} is not a valid {wanted}")]
pub struct InvalidId {
    /// What was expected, for example `commit id`.
    pub wanted: &'static str,
    /// What was there instead.
    pub text: String,
}

macro_rules! number {
    ($(#[$doc:meta])* $name:ident($inner:ty)) => {
        $(#[$doc])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        #[serde(transparent)]
        pub struct $name(pub $inner);

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                fmt::Display::fmt(&self.0, f)
            }
        }

        impl FromStr for $name {
            type Err = InvalidId;

            fn from_str(text: &str) -> Result<Self, InvalidId> {
                text.parse().map(Self).map_err(|_| InvalidId { wanted: stringify!($name), text: text.to_owned() })
            }
        }
    };
}

macro_rules! name {
    ($(#[$doc:meta])* $name:ident, $wanted:literal, $valid:expr) => {
        $(#[$doc])*
        #[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        #[serde(try_from = "String", into = "String")]
        pub struct $name(String);

        impl $name {
            /// The text of this id.
            #[must_use]
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl std::borrow::Borrow<str> for $name {
            fn borrow(&self) -> &str {
                &self.0
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.pad(&self.0)
            }
        }

        impl FromStr for $name {
            type Err = InvalidId;

            fn from_str(text: &str) -> Result<Self, InvalidId> {
                let valid: fn(&str) -> bool = $valid;
                if valid(text) {
                    Ok(Self(text.to_owned()))
                } else {
                    Err(InvalidId { wanted: $wanted, text: text.to_owned() })
                }
            }
        }

        impl TryFrom<String> for $name {
            type Error = InvalidId;

            fn try_from(text: String) -> Result<Self, InvalidId> {
                text.parse()
            }
        }

        impl From<$name> for String {
            fn from(id: $name) -> Self {
                id.0
            }
        }
    };
}

number!(
    /// GitHub's numeric repository id. It survives renames and transfers; the name does not.
    RepoId(u64)
);
number!(
    /// The number of a pull request in its repository.
    PrNumber(u64)
);
number!(
    /// The number of an issue in its repository.
    IssueNumber(u64)
);
number!(
    /// GitHub's id of one workflow run.
    RunId(u64)
);
number!(
    /// GitHub's id of one workflow job.
    JobId(u64)
);
number!(
    /// How often a cause was put to an agent, counted from 1; 0 means not yet.
    Attempt(u32)
);
number!(
    /// The launch of a session, counted from 1. What an older launch says is ignored.
    Generation(u32)
);
number!(
    /// The version of a machine's stored state; raised by one with every step.
    Version(u64)
);
number!(
    /// The position of an entry in the journal.
    Seq(u64)
);
number!(
    /// Raised whenever an effect is claimed; an outcome is accepted only with the current fence.
    Fence(u64)
);

name!(
    /// A commit id: 40 or 64 lower-case hexadecimal digits.
    Sha, "commit id", |text| {
        matches!(text.len(), 40 | 64) && text.bytes().all(|b| b.is_ascii_digit() || (b'a'..=b'f').contains(&b))
    }
);
name!(
    /// `X-GitHub-Delivery`: GitHub's id of a delivery, the same again on a redelivery.
    DeliveryId, "delivery id", |text| {
        (1..=128).contains(&text.len()) && text.bytes().all(|b| b.is_ascii_graphic())
    }
);
name!(
    /// A session's name: lower-case letters, digits and dashes; safe as a file and tmux session name.
    SessionId, "session name", slug
);
name!(
    /// A task's name: lower-case letters, digits and dashes.
    TaskId, "task name", slug
);
name!(
    /// The name of an agent in the configuration, for example `claude`.
    AgentName, "agent name", slug
);
name!(
    /// The name of a reaction: its identity when sources override each other.
    RuleName, "reaction name", slug
);
name!(
    /// Ten letters and digits that stand in the text of a prompt, so that a receipt can name it.
    PromptId, "prompt id", |text| text.len() == 10 && text.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit())
);
name!(
    /// The id that an agent program gives a conversation. It becomes an argument of that program, and is never an option.
    ConversationId, "conversation id", |text| {
        let plain = |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'_' | b'.');
        (1..=128).contains(&text.len()) && text.bytes().all(plain) && text.as_bytes()[0].is_ascii_alphanumeric()
    }
);
name!(
    /// A GitHub account name. Bots carry the suffix `[bot]`.
    Login, "login", |text| (1..=100).contains(&text.len()) && text.bytes().all(|b| b.is_ascii_graphic())
);
name!(
    /// A branch name without `refs/heads/`. It comes from outside: it may hold anything git allows.
    Branch, "branch name", |text| !text.is_empty() && !text.starts_with('-') && !text.chars().any(char::is_control)
);
name!(
    /// The name of a check run or the context of a commit status. It comes from outside.
    CheckName, "check name", |text| !text.is_empty()
);
name!(
    /// GitHub's node id of a review thread.
    ThreadId, "thread id", |text| !text.is_empty()
);
name!(
    /// GitHub's node id of a comment.
    CommentId, "comment id", |text| !text.is_empty()
);
name!(
    /// GitHub's node id of a review.
    ReviewId, "review id", |text| !text.is_empty()
);
name!(
    /// SHA-256 of a stored text, 64 hexadecimal digits.
    TextHash, "text hash", |text| text.len() == 64 && text.bytes().all(|b| b.is_ascii_hexdigit())
);
name!(
    /// `owner/name` of a repository. An attribute, never the identity: see [`RepoId`].
    RepoName, "repository name (owner/name)", |text| {
        text.split_once('/').is_some_and(|(owner, name)| part(owner) && part(name))
    }
);

impl RepoName {
    /// The account or organisation.
    #[must_use]
    pub fn owner(&self) -> &str {
        self.0.split_once('/').map_or("", |(owner, _)| owner)
    }

    /// The repository without its owner.
    #[must_use]
    pub fn name(&self) -> &str {
        self.0.split_once('/').map_or("", |(_, name)| name)
    }
}

impl Sha {
    /// The first seven digits, as people write them.
    #[must_use]
    pub fn short(&self) -> &str {
        &self.0[..7]
    }
}

impl PromptId {
    /// The id made of the first bytes of a journal entry's entropy, told apart by `index`.
    ///
    /// 10 letters of a 32-letter alphabet: 50 bits.
    #[must_use]
    pub fn derive(entropy: [u8; 16], index: u8) -> Self {
        const ALPHABET: &[u8; 32] = b"abcdefghijkmnpqrstuvwxyz23456789";
        let mut bits = u128::from_le_bytes(entropy).rotate_left(u32::from(index) * 7) ^ u128::from(index);
        let mut text = String::with_capacity(10);
        for _ in 0..10 {
            text.push(char::from(ALPHABET[(bits & 31) as usize]));
            bits >>= 5;
        }
        Self(text)
    }
}

impl TextHash {
    /// The hash of `text`.
    #[must_use]
    pub fn of(text: &str) -> Self {
        use sha2::Digest as _;
        Self(hex::encode(sha2::Sha256::digest(text.as_bytes())))
    }
}

impl Attempt {
    /// The attempt after this one.
    #[must_use]
    pub const fn next(self) -> Self {
        Self(self.0.saturating_add(1))
    }
}

impl Generation {
    /// The launch after this one.
    #[must_use]
    pub const fn next(self) -> Self {
        Self(self.0.saturating_add(1))
    }
}

impl Version {
    /// The version after this one.
    #[must_use]
    pub const fn next(self) -> Self {
        Self(self.0.saturating_add(1))
    }
}

/// The secret of one launch: it admits hook events of that (session, generation) and nothing else.
///
/// 32 hexadecimal digits (128 bits). It cannot be printed.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct LaunchToken(String);

impl LaunchToken {
    /// The token made of 16 random bytes.
    #[must_use]
    pub fn new(random: [u8; 16]) -> Self {
        Self(hex::encode(random))
    }

    /// The secret itself, for the environment of the launched process.
    #[must_use]
    pub fn expose(&self) -> &str {
        &self.0
    }
}

impl FromStr for LaunchToken {
    type Err = InvalidId;

    fn from_str(text: &str) -> Result<Self, InvalidId> {
        let valid = text.len() == 32 && text.bytes().all(|b| b.is_ascii_hexdigit());
        // What is not a token may still be a secret: it is not repeated.
        if valid {
            Ok(Self(text.to_owned()))
        } else {
            Err(InvalidId { wanted: "launch token", text: "…".to_owned() })
        }
    }
}

impl fmt::Debug for LaunchToken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("LaunchToken(…)")
    }
}

fn slug(text: &str) -> bool {
    (1..=64).contains(&text.len())
        && text.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-')
        && !text.starts_with('-')
}

fn part(text: &str) -> bool {
    (1..=100).contains(&text.len())
        && text.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'_' | b'.'))
        && !matches!(text, "." | "..")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_commit_id_is_40_or_64_lower_case_hex_digits() {
        assert!("a".repeat(40).parse::<Sha>().is_ok());
        assert!("0".repeat(64).parse::<Sha>().is_ok());
        assert!("A".repeat(40).parse::<Sha>().is_err());
        assert!("a".repeat(39).parse::<Sha>().is_err());
        assert!("".parse::<Sha>().is_err());
    }

    #[test]
    fn a_session_name_is_safe_as_file_name() {
        for bad in ["", "..", "a/b", "a b", "-x", "a.b", "T-1", "a;b", "#(x)"] {
            assert!(bad.parse::<SessionId>().is_err(), "{bad:?} was accepted");
        }
        assert!("t-10".parse::<SessionId>().is_ok());
    }

    #[test]
    fn a_conversation_id_is_no_option_and_no_path() {
        for bad in ["", "-c", "--all", "../x", "a b", "a/b", ".x", "a\n"] {
            assert!(bad.parse::<ConversationId>().is_err(), "{bad:?} was accepted");
        }
        for good in ["ses_e057fe923ffe", "11111111-2222-4333-8444-555555555555", "T-1.x"] {
            assert!(good.parse::<ConversationId>().is_ok(), "{good:?}");
        }
    }

    #[test]
    fn a_repository_name_has_two_safe_parts() {
        for bad in ["", "a", "a/", "/b", "a/b/c", "../b", "a/..", "a/b c"] {
            assert!(bad.parse::<RepoName>().is_err(), "{bad:?} was accepted");
        }
        let name: RepoName = "octo-org/hello.world".parse().unwrap();
        assert_eq!((name.owner(), name.name()), ("octo-org", "hello.world"));
    }

    #[test]
    fn prompt_ids_of_one_entry_differ() {
        let ids: std::collections::BTreeSet<_> = (0..20).map(|i| PromptId::derive([7; 16], i)).collect();
        assert_eq!(ids.len(), 20);
        assert!(ids.iter().all(|id| id.as_str().parse::<PromptId>().is_ok()));
    }

    #[test]
    fn a_launch_token_cannot_be_printed() {
        let token = LaunchToken::new([9; 16]);
        assert_eq!(format!("{token:?}"), "LaunchToken(…)");
    }

    #[test]
    fn reading_an_invalid_id_from_json_fails() {
        assert!(serde_json::from_str::<Sha>("\"xyz\"").is_err());
    }
}
