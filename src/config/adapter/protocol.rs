//! What programs without a terminal of their own speak.

use schemars::JsonSchema;
use serde::Deserialize;

/// What a program without a terminal of its own speaks on its standard streams. A client of ours shows it in the session's
/// terminal.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Protocol {
    /// The Agent Client Protocol, version 1. The client continues conversations and grants permissions by itself.
    Acp,
    /// Claude Code's JSON lines, as its `--input-format stream-json` reads them.
    StreamJson,
}

impl Protocol {
    /// All of them.
    pub const ALL: [Self; 2] = [Self::Acp, Self::StreamJson];

    /// Its name in adapters.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Acp => "acp",
            Self::StreamJson => "stream-json",
        }
    }
}
