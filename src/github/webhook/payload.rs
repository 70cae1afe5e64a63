//! The few fields of a delivery that say where to look.
//!
//! Everything is optional, no value is an enum, and texts are borrowed from the body: a field or a value that GitHub
//! adds tomorrow must not cost us the delivery, and a 25 MB body must not be copied to read ten words of it.

use std::{borrow::Cow, fmt};

use serde::{
    Deserialize, Deserializer,
    de::{IgnoredAny, Visitor},
};

/// A text that borrows from the body unless it had to be unescaped.
#[derive(Debug)]
pub(super) struct Text<'a>(Cow<'a, str>);

impl Text<'_> {
    pub(super) fn as_str(&self) -> &str {
        &self.0
    }
}

// `Option<Cow<str>>` never borrows with serde, hence a type of our own.
impl<'de: 'a, 'a> Deserialize<'de> for Text<'a> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Borrowing;

        impl<'de> Visitor<'de> for Borrowing {
            type Value = Text<'de>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a text")
            }

            fn visit_borrowed_str<E>(self, text: &'de str) -> Result<Text<'de>, E> {
                Ok(Text(Cow::Borrowed(text)))
            }

            fn visit_str<E>(self, text: &str) -> Result<Text<'de>, E> {
                Ok(Text(Cow::Owned(text.to_owned())))
            }
        }

        deserializer.deserialize_str(Borrowing)
    }
}

/// What any delivery may hold.
#[derive(Debug, Deserialize)]
pub(super) struct Payload<'a> {
    #[serde(borrow)]
    pub(super) action: Option<Text<'a>>,
    #[serde(borrow)]
    pub(super) repository: Option<Repository<'a>>,
    #[serde(borrow)]
    pub(super) sender: Option<Account<'a>>,
    pub(super) installation: Option<Numbered>,
    #[serde(borrow)]
    pub(super) pull_request: Option<Pull<'a>>,
    pub(super) issue: Option<Issue>,
    #[serde(borrow)]
    pub(super) check_run: Option<Run<'a>>,
    #[serde(borrow)]
    pub(super) check_suite: Option<Run<'a>>,
    #[serde(borrow)]
    pub(super) workflow_run: Option<Run<'a>>,
    #[serde(borrow)]
    pub(super) workflow_job: Option<Run<'a>>,
    #[serde(borrow)]
    pub(super) merge_group: Option<MergeGroup<'a>>,
    /// The pull requests that a deployment gate holds up.
    pub(super) pull_requests: Option<Vec<LinkedPull>>,
    /// The commit and the verdict of a commit status.
    #[serde(borrow)]
    pub(super) sha: Option<Text<'a>>,
    #[serde(borrow)]
    pub(super) state: Option<Text<'a>>,
    /// What a push, a creation or a deletion moved.
    #[serde(borrow, rename = "ref")]
    pub(super) git_ref: Option<Text<'a>>,
    #[serde(borrow)]
    pub(super) ref_type: Option<Text<'a>>,
    #[serde(borrow)]
    pub(super) before: Option<Text<'a>>,
    #[serde(borrow)]
    pub(super) after: Option<Text<'a>>,
}

/// Whose event it is.
#[derive(Debug, Deserialize)]
pub(super) struct Repository<'a> {
    pub(super) id: Option<u64>,
    #[serde(borrow)]
    pub(super) full_name: Option<Text<'a>>,
}

/// Who caused it.
#[derive(Debug, Deserialize)]
pub(super) struct Account<'a> {
    #[serde(borrow)]
    pub(super) login: Option<Text<'a>>,
}

/// An installation, or a repository.
#[derive(Debug, Deserialize)]
pub(super) struct Numbered {
    pub(super) id: Option<u64>,
}

/// A pull request.
#[derive(Debug, Deserialize)]
pub(super) struct Pull<'a> {
    pub(super) number: Option<u64>,
    #[serde(borrow)]
    pub(super) head: Option<Tip<'a>>,
}

/// The newest commit of a branch.
#[derive(Debug, Deserialize)]
pub(super) struct Tip<'a> {
    #[serde(borrow)]
    pub(super) sha: Option<Text<'a>>,
}

/// An issue; a pull request's conversation is one too, and then says so.
#[derive(Debug, Deserialize)]
pub(super) struct Issue {
    pub(super) number: Option<u64>,
    pub(super) pull_request: Option<IgnoredAny>,
}

/// A check run, check suite, workflow run or workflow job.
#[derive(Debug, Deserialize)]
pub(super) struct Run<'a> {
    #[serde(borrow)]
    pub(super) head_sha: Option<Text<'a>>,
    #[serde(borrow)]
    pub(super) conclusion: Option<Text<'a>>,
    /// What the app that made a check run calls it.
    #[serde(borrow)]
    pub(super) external_id: Option<Text<'a>>,
    /// What started a workflow run.
    #[serde(borrow)]
    pub(super) event: Option<Text<'a>>,
    pub(super) pull_requests: Option<Vec<LinkedPull>>,
}

/// A pull request as runs name it; it may be one of another repository.
#[derive(Debug, Deserialize)]
pub(super) struct LinkedPull {
    pub(super) number: Option<u64>,
    pub(super) base: Option<LinkedBase>,
}

/// Where a linked pull request goes.
#[derive(Debug, Deserialize)]
pub(super) struct LinkedBase {
    pub(super) repo: Option<Numbered>,
}

/// A merge queue's group.
#[derive(Debug, Deserialize)]
pub(super) struct MergeGroup<'a> {
    #[serde(borrow)]
    pub(super) head_ref: Option<Text<'a>>,
}
