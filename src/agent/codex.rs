//! Codex CLI.
//!
//! Its hooks run only when the user has trusted each of them, or when the trust in all hooks is waived, those of the
//! repository included. Neither is ours to do. So the end of a turn comes from `notify`, which also tells the turn's
//! prompts; for the length of our sessions it takes the place of a `notify` program of the user's own.

use std::sync::LazyLock;

use regex::Regex;

use super::{
    plan::{Addition, Gate},
    start::{Permissions, Start},
};

/// The composer: the prompt sign at the left edge, and further down the status line, which ends with a path. Dialogs
/// take the place of both. The screens are those of Codex 0.169.
static READY: LazyLock<Regex> = LazyLock::new(|| constant(r"(?m)^› (?s:.*?)\n {2}[^\n]+ · (?:[~/]|[A-Z]:)"));

/// What stands in the composer, that is behind the last prompt sign; the others stand before sent prompts. The hint
/// that Codex itself puts there is nobody's draft.
static DRAFT: LazyLock<Regex> =
    LazyLock::new(|| constant(r"(?s)\A(?:.*\n)?› (?:Ask Codex to do anything|(.*?))\s*\n {2}[^\n]+ · (?:[~/]|[A-Z]:)"));

static DIALOGS: LazyLock<Vec<Regex>> = LazyLock::new(|| {
    [
        r"(?m)^› \d+\. ",
        r"(?m)^ {0,3}(?:press )?enter (?:continue|select|confirm|submit|to )",
        r"(?m)^ {0,3}[^\n]{0,60} · esc ",
    ]
    .map(constant)
    .into()
});

pub(super) fn addition(start: &Start) -> Addition {
    let mut args = Vec::new();
    let mut set = |key: &str, value: String| args.extend(["-c".to_owned(), format!("{key}={value}")]);
    set("notify", toml_list(&start.hook_argv));
    set("check_for_update_on_startup", "false".to_owned());
    // Otherwise turns run in a process that outlives the session's terminal.
    set("features.daemon_auto_start", "false".to_owned());
    if start.agent.permissions == Permissions::Edits {
        // Commits go to the git directory, which lies outside of the workspace, and pushes need the network.
        let writable: Vec<_> = start.writable.iter().map(|path| path.display().to_string()).collect();
        set("sandbox_workspace_write.writable_roots", toml_list(&writable));
        set("sandbox_workspace_write.network_access", "true".to_owned());
    }
    args.extend(permission_args(start.agent.permissions));
    if let Some(id) = &start.resume {
        args.extend(["resume".to_owned(), id.clone()]);
    }
    let gate = Gate { ready: Some(READY.clone()), dialogs: DIALOGS.clone(), draft: Some(DRAFT.clone()) };
    Addition { args, gate, ..Addition::default() }
}

fn permission_args(permissions: Permissions) -> Vec<String> {
    let args: &[&str] = match permissions {
        Permissions::Ask => &[],
        Permissions::Edits => &["--sandbox", "workspace-write", "--ask-for-approval", "on-request"],
        Permissions::All => &["--dangerously-bypass-approvals-and-sandbox"],
    };
    args.iter().map(|&arg| arg.to_owned()).collect()
}

/// A TOML array of strings; JSON's form of a string is TOML's, too.
fn toml_list(words: &[String]) -> String {
    serde_json::Value::from(words).to_string()
}

fn constant(pattern: &str) -> Regex {
    Regex::new(pattern).expect("the pattern is a constant")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn screen(composer: &str) -> String {
        format!(
            "› [antiphon:abcdefghij] fix it\n  now\n\n• Working (1s • esc to interrupt)\n\n\n› {composer}\n\n  \
             gpt-6 default · /w\n  ← for agents · ? for shortcuts\n"
        )
    }

    fn draft(screen: &str) -> Option<&str> {
        DRAFT
            .captures(screen)
            .and_then(|found| found.get(1))
            .map(|group| group.as_str())
            .filter(|text| !text.is_empty())
    }

    #[test]
    fn the_composer_is_ready_and_a_half_typed_text_is_a_draft() {
        for (composer, typed) in [
            ("Ask Codex to do anything", None),
            ("", None),
            ("draft", Some("draft")),
            ("one\n  two", Some("one\n  two")),
            ("Ask Codex to do anything else", Some("Ask Codex to do anything else")),
        ] {
            let screen = screen(composer);
            let is_dialog = DIALOGS.iter().any(|dialog| dialog.is_match(&screen));
            assert_eq!((READY.is_match(&screen), draft(&screen), is_dialog), (true, typed, false), "{composer:?}");
        }
    }

    /// S60: as Codex 0.169 draws it.
    #[test]
    fn a_dialog_is_no_composer() {
        let trust = "  Folder access\n\n  /w\n\n› 1. Trust and continue\n  2. Back\n\n  enter continue · esc back\n";
        let model = "› [antiphon:abcdefghij] fix it\n\n  Select a model\n  2. GPT\n↓\n  enter select · esc back\n";
        for screen in [trust, model] {
            let is_dialog = DIALOGS.iter().any(|dialog| dialog.is_match(screen));
            assert_eq!((READY.is_match(screen), is_dialog), (false, true), "{screen}");
        }
    }
}
