//! What holds requests to GitHub back.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

/// A time in which GitHub is left alone.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct LimitView {
    /// The account whose installation it concerns; `None`: everything.
    pub account: Option<String>,
    /// Until when.
    pub until: Timestamp,
    /// Why, as part of a sentence.
    pub why: String,
}

impl LimitView {
    /// The whole in one sentence, without a period.
    #[must_use]
    pub fn in_words(&self) -> String {
        let whose = self.account.as_ref().map(|account| format!(" ({account})")).unwrap_or_default();
        let until = self.until.strftime("%H:%M:%S UTC");
        format!("GitHub{whose}: limited until {until}: {}; what waits goes on by itself", self.why)
    }
}
