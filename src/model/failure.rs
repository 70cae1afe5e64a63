//! What went wrong in CI, as far as it is known.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{Attempt, CheckName, JobId, Outside, RunId};

/// One failed check on one head: the job, the step, and the part of the log that says why.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Failure {
    /// The check's name.
    pub check: CheckName,
    /// The workflow run, its attempt and its job, for checks of GitHub Actions.
    pub job: Option<(RunId, Attempt, JobId)>,
    /// The first failed step.
    pub step: Option<String>,
    /// What kind of failure this is.
    pub class: FailureClass,
    /// What makes two failures the same.
    pub fingerprint: Fingerprint,
    /// The window of the log around the first error. `None`: there is no log.
    pub log: Option<Outside>,
    /// What was read out of the log.
    pub findings: Vec<Finding>,
    /// Where people look at it.
    pub url: Option<String>,
}

/// One error with its place.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Finding {
    /// The file, as the log names it.
    pub file: Option<String>,
    /// The line, counted from 1.
    pub line: Option<u32>,
    /// The message.
    pub message: String,
}

/// What kind of failure it is, which decides who can mend it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum FailureClass {
    /// The code is wrong: the agent can mend it.
    Code,
    /// Passes and fails on the same commit.
    Flaky,
    /// The runner or the network failed.
    Infrastructure,
    /// The account has no minutes left.
    Billing,
    /// A token may not do what the job wants.
    Permission,
    /// The job ran out of time.
    Timeout,
    /// Nobody knows; treated like [`FailureClass::Code`].
    Unknown,
}

/// Why a check that counts gives no verdict by itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Missing {
    /// Nothing reports on this pull request at all.
    NoChecks,
    /// Demanded or announced, and not started for a long time.
    NotStarted,
    /// Running for hours without a word.
    Silent,
    /// A person has to approve it first.
    NeedsApproval,
    /// Somebody or something stopped it.
    Interrupted,
    /// GitHub gave up on it after 14 days.
    Stale,
    /// It ended in a way that this version does not know.
    Unknown,
}

/// What makes two failures the same: job, step and normalised error lines; never a URL or a run id.
///
/// 16 hexadecimal digits.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Fingerprint(pub String);
