//! How a pull request is merged.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// Whether and how a pull request is merged that is approved and green.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Merge {
    /// Not at all.
    #[default]
    None,
    /// As one new commit.
    Squash,
    /// With a merge commit.
    Merge,
    /// As rebased commits.
    Rebase,
}
