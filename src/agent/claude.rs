//! Claude Code.
//!
//! Hooks and preferences come in a private file by `--settings`, which Claude Code merges with the user's own; hooks
//! written to the user's or the repository's files would fire twice, or in another program that reads them too.
//! The screens are those of Claude Code 2.1.

use std::sync::LazyLock;

use regex::Regex;
use serde_json::{Value, json};
use sha2::Digest as _;

use super::{
    plan::{Addition, Gate, PlannedFile},
    shell,
    start::{Permissions, Start},
};

/// The hooks that are asked for. No other is needed, and each costs a process.
const HOOKS: [&str; 6] = ["SessionStart", "UserPromptSubmit", "Stop", "StopFailure", "Notification", "SessionEnd"];

/// Seconds after which Claude Code gives a hook up: ours has given up long before.
const HOOK_TIMEOUT_SECS: u64 = 30;
const _: () = assert!(HOOK_TIMEOUT_SECS > 2 * super::spool::PATIENCE.as_secs());

/// What [`Permissions::Edits`] allows beside the changing of files: to bring work into the branch and to the remote.
const GIT_COMMANDS: [&str; 13] =
    ["status", "diff", "log", "show", "add", "rm", "mv", "commit", "fetch", "merge", "rebase", "push", "restore"];

/// The composer: a rule, the prompt sign at the left edge, a rule.
static READY: LazyLock<Regex> = LazyLock::new(|| constant(r"(?m)^─{20,}[^\n]*\n❯(?s:.*?)\n─{20,}"));

/// What stands in the last composer on the screen; a printed text can look like one. The sign is followed by a blank,
/// in 2.1 a no-break one. The hints that Claude Code itself puts there are nobody's draft.
static DRAFT: LazyLock<Regex> = LazyLock::new(|| {
    constant(concat!(
        r"(?s)\A(?:.*\n)?─{20,}[^\n]*\n❯[ \u{a0}]?",
        r#"(?:Press up to edit queued messages|Try "[^\n]*"|(.*?))\s*\n─{20,}"#
    ))
});

/// Selections and confirmations. They stand at the left edge; what the agent says is indented further or has a mark.
static DIALOGS: LazyLock<Vec<Regex>> = LazyLock::new(|| {
    [
        r"(?m)^ {0,3}❯ (?:\d+\. |No, exit|Yes, I )",
        r"(?m)^ {0,3}(?:[^\n]{0,60} · )?Esc to (?:cancel|close|exit|go back)\b",
        r"(?m)^ {0,3}(?:[^\n]{0,60} · )?Enter to (?:confirm|continue|select|save)\b",
        r"(?m)^ {0,3}Do you want to (?:proceed|make this edit|create|overwrite)",
    ]
    .map(constant)
    .into()
});

pub(super) fn addition(start: &Start) -> Addition {
    let file =
        PlannedFile { path: start.session_dir.join("claude-settings.json"), text: format!("{:#}\n", settings(start)) };
    let mut args = vec!["--settings".to_owned(), file.path.display().to_string()];
    args.extend(permission_args(start.agent.permissions));
    let agent_session = start.resume.clone().unwrap_or_else(|| session_uuid(start));
    let flag = if start.resume.is_some() { "--resume" } else { "--session-id" };
    args.extend([flag.to_owned(), agent_session.clone()]);
    Addition {
        args,
        env: vec![
            // An update in the middle of the work of many sessions.
            ("DISABLE_AUTOUPDATER", "1"),
            // Questions that wait for a person.
            ("CLAUDE_CODE_DISABLE_FEEDBACK_SURVEY", "1"),
        ],
        files: vec![file],
        gate: Gate { ready: Some(READY.clone()), dialogs: DIALOGS.clone(), draft: Some(DRAFT.clone()) },
        agent_session: Some(agent_session),
    }
}

fn permission_args(permissions: Permissions) -> Vec<String> {
    let args: &[&str] = match permissions {
        // Said, because the user's own default may be a mode that decides by itself.
        Permissions::Ask => &["--permission-mode", "default"],
        Permissions::Edits => &["--permission-mode", "acceptEdits"],
        Permissions::All => &["--dangerously-skip-permissions"],
    };
    args.iter().map(|&arg| arg.to_owned()).collect()
}

fn settings(start: &Start) -> Value {
    let hook = json!([{ "hooks": [
        { "type": "command", "command": shell::line(&start.hook_argv), "timeout": HOOK_TIMEOUT_SECS }
    ] }]);
    let hooks: serde_json::Map<_, _> = HOOKS.iter().map(|&name| (name.to_owned(), hook.clone())).collect();
    let mut settings = json!({
        "hooks": hooks,
        // A suggested text in the composer could be taken for a draft, and a draft must not be sent by mistake.
        "promptSuggestionEnabled": false,
        "spinnerTipsEnabled": false,
        // In vim mode typed text would be commands.
        "editorMode": "normal",
    });
    match start.agent.permissions {
        Permissions::Ask => {}
        Permissions::Edits => {
            let allowed: Vec<_> = GIT_COMMANDS.iter().map(|verb| format!("Bash(git {verb}:*)")).collect();
            settings["permissions"] = json!({ "allow": allowed });
        }
        // The operator has accepted this mode in our settings.
        Permissions::All => settings["skipDangerousModePermissionPrompt"] = json!(true),
    }
    settings
}

/// An id for the session, known before the start. It is seen by others, so it tells nothing about the secret that it
/// is derived from.
fn session_uuid(start: &Start) -> String {
    let digest = sha2::Sha256::new()
        .chain_update("claude session\0")
        .chain_update(start.token.expose())
        .chain_update(format!("\0{}\0{}", start.session, start.generation))
        .finalize();
    let mut bytes: [u8; 16] = digest[..16].try_into().expect("a SHA-256 has 32 bytes");
    // RFC 9562, version 4 and its variant.
    bytes[6] = (bytes[6] & 0x0f) | 0x40;
    bytes[8] = (bytes[8] & 0x3f) | 0x80;
    let hex = hex::encode(bytes);
    format!("{}-{}-{}-{}-{}", &hex[..8], &hex[8..12], &hex[12..16], &hex[16..20], &hex[20..])
}

fn constant(pattern: &str) -> Regex {
    Regex::new(pattern).expect("the pattern is a constant")
}

#[cfg(test)]
mod tests {
    use super::*;

    const RULE: &str = "────────────────────────────────────────";

    fn composer(text: &str) -> String {
        let above = format!("{RULE}\n❯ an old prompt\n{RULE}\n● an answer\n❯ [antiphon:abcdefghij] fix it\n● done\n\n");
        format!("{above}{RULE}\n❯{text}\n{RULE}\n  ⏵⏵ accept edits on (shift+tab to cycle)\n\n")
    }

    fn draft(screen: &str) -> Option<&str> {
        DRAFT
            .captures(screen)
            .and_then(|found| found.get(1))
            .map(|group| group.as_str())
            .filter(|text| !text.is_empty())
    }

    fn is_dialog(screen: &str) -> bool {
        DIALOGS.iter().any(|dialog| dialog.is_match(screen))
    }

    #[test]
    fn an_empty_composer_is_ready() {
        for text in ["", "\u{a0}", " ", "\u{a0}                   "] {
            let screen = composer(text);
            assert_eq!((READY.is_match(&screen), draft(&screen), is_dialog(&screen)), (true, None, false), "{text:?}");
        }
    }

    #[test]
    fn a_half_typed_text_is_a_draft() {
        for (text, typed) in [
            ("\u{a0}hello draft", "hello draft"),
            (" [Pasted text #1 +3 lines]", "[Pasted text #1 +3 lines]"),
            ("\u{a0}one\n  two\n\n  four  ", "one\n  two\n\n  four"),
            ("\u{a0}Try \"x\" and more", "Try \"x\" and more"),
        ] {
            assert_eq!(draft(&composer(text)), Some(typed), "{text:?}");
        }
    }

    #[test]
    fn the_programs_own_hints_are_no_draft() {
        for text in ["\u{a0}Press up to edit queued messages", "\u{a0}Try \"how does parse.rs work?\""] {
            assert_eq!(draft(&composer(text)), None, "{text:?}");
        }
    }

    /// S60: each as Claude Code 2.1.328 draws it.
    #[test]
    fn a_dialog_is_no_composer() {
        let trust = " Accessing workspace:\n\n /w\n\n ❯ No, exit\n   Yes, I trust this folder\n\n Enter to confirm · Esc to cancel";
        let bypass = "  WARNING: Claude Code running in Bypass Permissions mode\n\n  ❯ No, exit\n    Yes, I accept\n\n  Enter to confirm · Esc to cancel";
        let permission = " Bash command\n\n   rm x\n\n This command requires approval\n\n Do you want to proceed?\n ❯ 1. Yes\n   2. No\n\n Esc to cancel · Tab to amend";
        let model = "  Select model\n  ❯ 6. custom ✔\n  s to use this session only · Enter to save · Esc to cancel";
        for dialog in [trust, bypass, permission, model] {
            let screen = format!("❯ [antiphon:abcdefghij] fix it\n● on it\n\n{RULE}\n{dialog}\n\n");
            assert_eq!((READY.is_match(&screen), is_dialog(&screen)), (false, true), "{dialog}");
        }
    }

    #[test]
    fn a_shell_mode_and_a_bare_shell_are_not_ready() {
        assert!(!READY.is_match(&format!("{RULE}\n! \n{RULE}\n  ! for shell mode")));
        assert!(!READY.is_match("user@host:~$ "));
    }
}
