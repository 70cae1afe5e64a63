//! The screens of real programs, shortened, and what the adapters see on them.

use super::shipped;

const RULE: &str = "────────────────────────────────────────";

/// What an adapter sees on a screen.
#[derive(Debug, PartialEq, Eq)]
enum Sees {
    /// An empty composer.
    Ready,
    /// A composer that holds a person's words.
    Draft(String),
    /// A dialog, and no composer.
    Dialog,
    /// Neither.
    Nothing,
}

fn sees(agent: &str, shown: &str) -> Sees {
    let screen = &shipped()[agent].screen;
    let dialog = screen.dialogs.iter().any(|dialog| dialog.is_match(shown));
    match (screen.ready.as_ref().unwrap().is_match(shown), dialog) {
        (_, true) => Sees::Dialog,
        (false, false) => Sees::Nothing,
        (true, false) => {
            let draft = screen.draft.as_ref().unwrap().captures(shown).and_then(|found| found.get(1));
            let words = draft.map(|words| words.as_str().trim()).filter(|words| !words.is_empty());
            words.map_or(Sees::Ready, |words| Sees::Draft(words.to_owned()))
        }
    }
}

fn draft(words: &str) -> Sees {
    Sees::Draft(words.to_owned())
}

/// Claude Code 2.1.328.
fn claude(composer: &str) -> Sees {
    let above = format!("{RULE}\n❯ an old prompt\n{RULE}\n● an answer\n❯ [antiphon:abcdefghij] fix it\n● done\n\n");
    sees("claude", &format!("{above}{RULE}\n❯{composer}\n{RULE}\n  ⏵⏵ accept edits on (shift+tab to cycle)\n\n"))
}

#[test]
fn the_composer_of_claude_code_is_ready_or_holds_a_draft() {
    for text in ["", "\u{a0}", " ", "\u{a0}                   "] {
        assert_eq!(claude(text), Sees::Ready, "{text:?}");
    }
    // The program's own hints are nobody's draft.
    for text in ["\u{a0}Press up to edit queued messages", "\u{a0}Try \"how does parse.rs work?\""] {
        assert_eq!(claude(text), Sees::Ready, "{text:?}");
    }
    for (text, typed) in [
        ("\u{a0}hello draft", "hello draft"),
        (" [Pasted text #1 +3 lines]", "[Pasted text #1 +3 lines]"),
        ("\u{a0}one\n  two\n\n  four  ", "one\n  two\n\n  four"),
        ("\u{a0}Try \"x\" and more", "Try \"x\" and more"),
    ] {
        assert_eq!(claude(text), draft(typed), "{text:?}");
    }
}

/// S60
#[test]
fn the_dialogs_of_claude_code_are_seen() {
    let trust =
        " Accessing workspace:\n\n /w\n\n ❯ No, exit\n   Yes, I trust this folder\n\n Enter to confirm · Esc to cancel";
    let bypass = "  WARNING: Claude Code running in Bypass Permissions mode\n\n  ❯ No, exit\n    Yes, I accept\n\n  Enter to confirm · Esc to cancel";
    let permission = " Bash command\n\n   rm x\n\n This command requires approval\n\n Do you want to proceed?\n ❯ 1. Yes\n   2. No\n\n Esc to cancel · Tab to amend";
    let model = "  Select model\n  ❯ 6. custom ✔\n  s to use this session only · Enter to save · Esc to cancel";
    for dialog in [trust, bypass, permission, model] {
        let screen = format!("❯ [antiphon:abcdefghij] fix it\n● on it\n\n{RULE}\n{dialog}\n\n");
        assert_eq!(sees("claude", &screen), Sees::Dialog, "{dialog}");
        assert!(!shipped()["claude"].screen.ready.as_ref().unwrap().is_match(&screen), "{dialog}");
    }
    assert_eq!(sees("claude", &format!("{RULE}\n! \n{RULE}\n  ! for shell mode")), Sees::Nothing);
    assert_eq!(sees("claude", "user@host:~$ "), Sees::Nothing);
}

/// Codex 0.169.
#[test]
fn the_composer_of_codex_is_ready_or_holds_a_draft() {
    for (composer, expected) in [
        ("Ask Codex to do anything", Sees::Ready),
        ("", Sees::Ready),
        ("draft", draft("draft")),
        ("one\n  two", draft("one\n  two")),
        ("Ask Codex to do anything else", draft("Ask Codex to do anything else")),
    ] {
        let screen = format!(
            "› [antiphon:abcdefghij] fix it\n  now\n\n• Working (1s • esc to interrupt)\n\n\n› {composer}\n\n  \
             gpt-6 default · /w\n  ← for agents · ? for shortcuts\n"
        );
        assert_eq!(sees("codex", &screen), expected, "{composer:?}");
    }
}

/// S60
#[test]
fn the_dialogs_of_codex_are_seen() {
    let trust = "  Folder access\n\n  /w\n\n› 1. Trust and continue\n  2. Back\n\n  enter continue · esc back\n";
    let model = "› [antiphon:abcdefghij] fix it\n\n  Select a model\n  2. GPT\n↓\n  enter select · esc back\n";
    for screen in [trust, model] {
        assert_eq!(sees("codex", screen), Sees::Dialog, "{screen}");
        assert!(!shipped()["codex"].screen.ready.as_ref().unwrap().is_match(screen), "{screen}");
    }
}

/// OpenCode 1.18.33: before the first prompt, and beside its panel.
fn opencode(text: &str, aside: &str) -> Sees {
    let beside = |line: &str, aside: &str| format!("{line:<60}{aside}\n");
    let screen = [
        beside("     ▣  Build · stub · 2.2s", "Context"),
        "  ┃\n".to_owned(),
        beside(&format!("  ┃  {text}"), aside),
        "  ┃\n".to_owned(),
        beside("  ┃  Build · stub Stub", "/w:main"),
        format!("  ╹{}\n", "▀".repeat(60)),
        "   /w                          1.2K (1%)  ctrl+p commands    • OpenCode 1.18.33".to_owned(),
    ];
    sees("opencode", &screen.concat())
}

#[test]
fn the_composer_of_opencode_is_ready_or_holds_a_draft() {
    assert_eq!(opencode("", ""), Sees::Ready);
    assert_eq!(opencode("", "LSPs are disabled"), Sees::Ready);
    assert_eq!(opencode("Ask anything… \"Fix broken tests\"", ""), Sees::Ready);
    assert_eq!(opencode("half a draft", ""), draft("half a draft"));
    assert_eq!(opencode("half a draft", "LSPs are disabled"), draft("half a draft"));
    assert_eq!(opencode("[Pasted ~40 lines]", ""), draft("[Pasted ~40 lines]"));
}

/// S60
#[test]
fn the_dialogs_of_opencode_are_seen() {
    let permission = "  ┃\n  ┃  △ Permission required\n  ┃    # Shell command\n  ┃\n  ┃  $ curl http://127.0.0.1:1/\n  ┃\n  ┃\n  \
         ┃   Allow once   Allow always   Reject            ctrl+f fullscreen  ⇆ select  enter confirm\n  ┃\n";

    assert_eq!(sees("opencode", permission), Sees::Dialog);
    let list = "  ┃  hello            Select model                    esc     LSPs are disabled\n                    Search\n  \
                ┃\n  ┃\n  ┃\n  ┃  Build · stub Stub\n  ╹▀▀▀▀▀▀▀▀▀▀▀▀▀▀▀▀▀▀▀▀▀▀▀▀▀▀▀▀▀▀\n";
    assert_eq!(sees("opencode", list), Sees::Dialog);
}

/// Qwen Code 0.24 and Gemini CLI 0.61.
#[test]
fn the_composers_of_qwen_code_and_gemini_are_ready_or_hold_a_draft() {
    let qwen = |text: &str| sees("qwen", &format!("● done\n\n{RULE}\n> {text}\n{RULE}\n  ➜ w · git:(main) · coder\n"));
    assert_eq!(qwen("  Type your message or @path/to/file"), Sees::Ready);
    assert_eq!(qwen("half a draft \u{200b}"), draft("half a draft"));

    let gemini = |text: &str| {
        sees(
            "gemini",
            &format!("{RULE}\n Shift+Tab to accept edits\n\n > {text}\n\n workspace (/directory)   sandbox\n /w\n"),
        )
    };
    assert_eq!(gemini("  Type your message or @path/to/file"), Sees::Ready);
    assert_eq!(gemini("half a draft"), draft("half a draft"));
}

/// S60
#[test]
fn the_dialogs_of_other_programs_are_seen() {
    for (agent, screen) in [
        (
            "qwen",
            "  ? Shell curl http://127.0.0.1:1/ ←\n\n   Allow execution of: 'curl'?\n\n   › 1. Yes, allow once\n     2. No\n",
        ),
        (
            "gemini",
            " │ Do you trust the files in this folder?   │\n │ ● 1. Trust folder (wd)   │\n │   2. Don't trust   │\n",
        ),
        (
            "gemini",
            "│     1. Sign in with Google   │\n│   ● 2. Use Gemini API Key   │\n│   (Use Enter to select)   │\n",
        ),
        (
            "copilot",
            "│ Do you trust the files in this folder?  │\n│ ❯ 1. Yes   │\n│ ↑/↓ to navigate · enter to select · esc to cancel │\n",
        ),
        ("aider", "Add file to the chat? (Y)es/(N)o [Yes]: "),
    ] {
        assert_eq!(sees(agent, screen), Sees::Dialog, "{screen}");
    }
}
