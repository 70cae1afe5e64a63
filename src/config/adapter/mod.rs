//! How agent programs are driven, as data: one YAML file for each program below `config/agents`, embedded in the binary.
//!
//! A file of the operator's with the same name takes the place of an embedded one; one with a new name adds an agent.
//! Everything that a file says is parsed when it is loaded: patterns are compiled, templates are rendered with samples.

mod pattern;
mod protocol;
#[cfg(test)]
mod screens;
mod shipped;
mod template;
mod transcript;

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::Deserialize;

use crate::{
    model::Receipt,
    yaml::{self, Diagnostic, Node},
};

pub use pattern::Pattern;
pub use protocol::Protocol;
pub use shipped::shipped;
pub use template::{BrokenTemplate, Facts, Template};
pub use transcript::{CommandCalls, CommandResults, CommandRule, PromptLine, Transcript, UsageLine};

/// How one agent program is driven.
#[derive(Debug, Clone, PartialEq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Adapter {
    /// File names of the program, without `.exe` and the like. The first is started where the settings name no command.
    #[schemars(length(min = 1))]
    pub programs: Vec<String>,
    /// Which versions of the program were tried.
    #[serde(default)]
    pub version: Version,
    /// How it is known that a prompt arrived.
    #[serde(default = "no_receipt")]
    pub receipt: Receipt,
    /// How the program is started.
    #[serde(default)]
    pub launch: Launch,
    /// How its screen is read.
    #[serde(default)]
    pub screen: Screen,
    /// Variables by which the program marks the processes that it starts.
    #[serde(default)]
    pub environment: Marks,
    /// Where the program writes down what it was told and what it used.
    #[serde(default)]
    pub transcript: Option<Transcript>,
}

/// Which versions of a program were tried.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Version {
    /// What the program is asked with.
    pub args: Vec<String>,
    /// The range that was tried, such as `>=2.1.300, <2.2`; `antiphon doctor` warns about others. None: nobody tried any.
    #[schemars(with = "Option<String>")]
    pub tried: Option<semver::VersionReq>,
}

/// How a program is started: its command, then `args`, those of the permissions, then `begin`, `resume` or `copy`.
#[derive(Debug, Clone, Default, PartialEq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Launch {
    /// What the program speaks, if it has no terminal of its own.
    pub protocol: Option<Protocol>,
    /// Arguments of every start.
    pub args: Vec<Template>,
    /// Arguments that say what it may do without asking.
    pub permissions: PermissionArgs,
    /// Arguments of a new conversation. With `agent_session` in them the conversation gets an id of ours.
    pub begin: Vec<Template>,
    /// Arguments that continue the conversation `agent_session`. None: it cannot be continued.
    pub resume: Vec<Template>,
    /// Arguments that begin with a copy of the user's conversation `conversation`, which may belong to another worktree of the
    /// repository, and work in the workspace. None: the program cannot.
    pub copy: Vec<Template>,
    /// How a message is put into the program's own queue of the conversation `agent_session`, if it has one.
    pub queue: Option<Queue>,
    /// Variables of the process; what the operator sets wins.
    pub env: BTreeMap<String, Template>,
    /// Files in the private directory of the launch, by name.
    pub files: BTreeMap<String, Template>,
}

/// Arguments by which a second process of the program puts a message into the queue of a conversation.
#[derive(Debug, Clone, PartialEq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Queue {
    /// Succeeds in versions that can do so, and does nothing.
    pub probe: Vec<Template>,
    /// Puts `prompt` into the queue, or fails.
    pub send: Vec<Template>,
}

/// What a program may do without asking, as its arguments.
#[derive(Debug, Clone, Default, PartialEq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct PermissionArgs {
    /// Nothing beyond what the user's own rules allow.
    pub ask: Vec<Template>,
    /// Change files of its workspace, commit there and push.
    pub edits: Vec<Template>,
    /// Everything.
    pub all: Vec<Template>,
}

/// How a screen is read. The patterns are matched against its rows, joined by line feeds.
#[derive(Debug, Clone, Default, PartialEq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Screen {
    /// Stands there when a prompt may be typed. None: nothing is known, and nothing is asked.
    pub ready: Option<Pattern>,
    /// Its first group is what a person has typed and not yet sent.
    pub draft: Option<Pattern>,
    /// Stand there while a dialog is open; then nothing may be typed.
    pub dialogs: Vec<Pattern>,
}

/// Variables that mark the children of a program, so that another one would believe that it is nested. A name that ends
/// with `*` is a beginning.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Marks {
    /// These no session inherits.
    pub strip: Vec<String>,
    /// These are the user's own settings, although they begin like a mark.
    pub keep: Vec<String>,
}

impl Adapter {
    /// Reads an adapter; `name` is what messages call the text.
    ///
    /// # Errors
    ///
    /// The first mistake.
    pub fn parse(name: &str, text: &str) -> Result<Self, Diagnostic> {
        let node = Node::parse(name, text)?;
        let adapter: Self = yaml::read(&node)?;
        if adapter.programs.iter().all(|program| program.trim().is_empty()) {
            let hint = "write the name of the program: `programs: [aider]`";
            return Err(node.complain_at(&["programs"], "an adapter is for at least one program").hint(hint));
        }
        Ok(adapter)
    }

    /// Whether a command's first word is this program.
    #[must_use]
    pub fn drives(&self, command: &[String]) -> bool {
        let program = command.first().map(String::as_str).unwrap_or_default();
        let file = program.rsplit(['/', '\\']).next().unwrap_or_default().to_ascii_lowercase();
        let name = [".exe", ".cmd", ".bat", ".ps1"].iter().find_map(|end| file.strip_suffix(end)).unwrap_or(&file);
        self.programs.iter().any(|program| program == name)
    }

    /// Any program that reads prompts from its terminal, of which nothing else is known.
    #[must_use]
    pub fn unknown() -> Self {
        Self {
            programs: Vec::new(),
            version: Version::default(),
            receipt: no_receipt(),
            launch: Launch::default(),
            screen: Screen::default(),
            environment: Marks::default(),
            transcript: None,
        }
    }
}

impl Default for Version {
    fn default() -> Self {
        Self { args: vec!["--version".to_owned()], tried: None }
    }
}

const fn no_receipt() -> Receipt {
    Receipt::None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_adapter_is_found_by_its_program() {
        let claude = shipped()["claude"].clone();
        let drives = |program: &str| claude.drives(&[program.to_owned(), "--model".to_owned()]);

        for program in ["claude", "/opt/x/bin/claude", r"C:\tools\Claude.EXE"] {
            assert!(drives(program), "{program}");
        }
        assert!(!drives("claude-wrapper"));
        assert!(!claude.drives(&[]));
    }

    #[test]
    fn mistakes_are_shown_at_their_place() {
        for (text, expected) in [
            ("programs: []", "an adapter is for at least one program"),
            ("programs: [x]\nscreen: { ready: '(' }", "not a regular expression"),
            ("programs: [x]\nlaunch: { args: ['{{nobody}}'] }", "nobody"),
            ("programs: [x]\nlaunch: { args: ['{{#if'] }", "not a template"),
            ("programs: [x]\nversion: { tried: new }", "tried"),
            ("programs: [x]\nlanch: {}", "did you mean `launch`"),
        ] {
            let mistake = Adapter::parse("x.yaml", text).unwrap_err().render(false);
            assert!(mistake.contains(expected) && mistake.contains("x.yaml"), "{text}: {mistake}");
        }
    }
}
