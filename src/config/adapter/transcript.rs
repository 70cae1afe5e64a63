//! How an agent's record of its conversation is read: a file of JSON lines, or of plain lines.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::Value;

use super::{Pattern, Template};

/// Where a program writes down what it was told: a file of JSON lines, or of plain lines.
#[derive(Debug, Clone, PartialEq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Transcript {
    /// Where it is, if the program's hook does not say: a path in which `*` stands for one part of a name. Among several
    /// files the newest counts that names the workspace.
    #[serde(default)]
    pub path: Option<Template>,
    /// The lines that hold a prompt.
    #[serde(default)]
    pub prompts: Vec<PromptLine>,
    /// What a line holds, by JSON pointer, that ends a turn, however it ends. Only programs whose hooks do not say so need
    /// it.
    #[serde(default)]
    pub turn_ends: Vec<BTreeMap<String, Value>>,
    /// The lines that hold what was used.
    #[serde(default)]
    pub usage: Vec<UsageLine>,
    /// The lines that hold which commands were run, and what came of them.
    #[serde(default)]
    pub commands: Vec<CommandRule>,
}

/// Where the calls of commands stand, and where their results.
#[derive(Debug, Clone, PartialEq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct CommandRule {
    /// The calls.
    pub calls: CommandCalls,
    /// The results.
    pub results: CommandResults,
}

/// Calls of commands: the parts of a list in a line.
#[derive(Debug, Clone, PartialEq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct CommandCalls {
    /// What the line has to hold, by JSON pointer.
    #[serde(default)]
    pub when: BTreeMap<String, Value>,
    /// Where the list is.
    pub each: String,
    /// What a part of it has to hold.
    #[serde(default)]
    pub only: BTreeMap<String, Value>,
    /// Where, in the part, the call's id is.
    pub id: String,
    /// Where, in the part, the command is.
    pub command: String,
}

/// Results of commands: the parts of a list in a line.
#[derive(Debug, Clone, PartialEq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct CommandResults {
    /// What the line has to hold, by JSON pointer.
    #[serde(default)]
    pub when: BTreeMap<String, Value>,
    /// Where the list is.
    pub each: String,
    /// What a part of it has to hold.
    #[serde(default)]
    pub only: BTreeMap<String, Value>,
    /// Where, in the part, the call's id is.
    pub of: String,
    /// Where, in the part, it says `true` if the command failed.
    pub failed: String,
    /// Where, in the part, the words of the command are: a string, or a list of parts with a `text`.
    pub output: String,
}

/// A line that holds a prompt as the program took it.
#[derive(Debug, Clone, PartialEq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct PromptLine {
    /// What the line has to hold, by JSON pointer.
    #[serde(default)]
    pub when: BTreeMap<String, Value>,
    /// Which of these must not be true.
    #[serde(default)]
    pub unless: Vec<String>,
    /// Where the text is: a string, or a list of parts of which those with a `text` count.
    #[serde(default)]
    pub text: Option<String>,
    /// For plain lines: a pattern whose first group is the text.
    #[serde(default)]
    pub line: Option<Pattern>,
}

/// A line that holds what was used. Each number is found by JSON pointer; what is not named is unknown.
#[derive(Debug, Clone, PartialEq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct UsageLine {
    /// What the line has to hold, by JSON pointer.
    #[serde(default)]
    pub when: BTreeMap<String, Value>,
    /// What makes two lines the same message; then the last one counts. None: each line counts by itself.
    #[serde(default)]
    pub key: Vec<String>,
    /// Whether the numbers are those of the whole conversation so far, so that the last line says all.
    #[serde(default)]
    pub total: bool,
    /// Tokens of the prompt that were not cached.
    #[serde(default)]
    pub input: Option<String>,
    /// Tokens of the prompt that were read from a cache.
    #[serde(default)]
    pub cached: Option<String>,
    /// Tokens of the prompt that were written to a cache.
    #[serde(default)]
    pub cache_written: Option<String>,
    /// Whether `input` includes what was cached.
    #[serde(default)]
    pub input_includes_cached: bool,
    /// Tokens of the answer.
    #[serde(default)]
    pub output: Option<String>,
    /// Dollars.
    #[serde(default)]
    pub cost: Option<String>,
    /// The model's name.
    #[serde(default)]
    pub model: Option<String>,
    /// Tokens of the newest prompt, where the other numbers do not say it.
    #[serde(default)]
    pub context_used: Option<String>,
    /// How many tokens the model's context holds.
    #[serde(default)]
    pub context: Option<String>,
}
