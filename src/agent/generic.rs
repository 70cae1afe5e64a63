//! Any program that reads prompts from its terminal: nothing is added to the operator's command, and what is known of
//! its screen is what the settings say.
//!
//! It may report by the same hook command and fields as Claude Code ([`super::hook`]); the command's name is then its
//! own affair, the variables are in its environment.

use super::plan::Addition;

pub(super) fn addition() -> Addition {
    Addition::default()
}
