//! The agent's screen, drawn whole each time. Pure.

use super::mind::{Busy, Mind, SUGGESTION, What};

/// The most rows that a draft takes.
const DRAFT_ROWS_MAX: usize = 4;
/// The most columns of a row.
const COLUMNS_MAX: usize = 76;
/// From so many rows or bytes on a draft is shown as a mark only.
const LONG_ROWS: usize = 5;
const LONG_BYTES: usize = 800;

/// The bytes that draw the agent as it is. `turn` changes the spinner.
pub(super) fn draw(mind: &Mind, turn: usize) -> String {
    let mut rows = vec!["Faulty agent".to_owned(), String::new()];
    match mind.cover() {
        Some(What::Start) => rows.push("Loading tools …".to_owned()),
        Some(What::Question) => rows.extend(
            ["Bash command: rm -rf build", "Do you want to proceed?", "> 1. Yes", "  2. No"].map(str::to_owned),
        ),
        Some(What::Limit) => {
            rows.extend(["You've hit your usage limit.", "> 1. Buy more", "  2. Wait"].map(str::to_owned));
        }
        None => rows.extend(composer(mind, turn)),
    }
    // Pastes stay marked; the cursor goes home and everything is drawn over.
    format!("\u{1b}[?2004h\u{1b}[H\u{1b}[2J{}", rows.join("\r\n"))
}

fn composer(mind: &Mind, turn: usize) -> Vec<String> {
    let spinner = ["·", "✢", "✳", "✻"][turn % 4];
    let mut rows = vec![match mind.busy() {
        Some(Busy::Turn) => format!("{spinner} Working…"),
        Some(Busy::Compaction) => format!("{spinner} Compacting the conversation…"),
        None => String::new(),
    }];
    rows.push("─".repeat(COLUMNS_MAX));
    rows.extend(draft(mind));
    rows.push("─".repeat(COLUMNS_MAX));
    rows.push("  ? for shortcuts".to_owned());
    rows
}

fn draft(mind: &Mind) -> Vec<String> {
    let draft = mind.draft();
    match mind.suggests() {
        Some(true) => return vec![format!("> \u{1b}[2m{SUGGESTION}\u{1b}[0m")],
        Some(false) => return vec![format!("> {SUGGESTION}")],
        None => {}
    }
    let lines = draft.split('\n').count();
    if lines > LONG_ROWS || draft.len() > LONG_BYTES {
        return vec![format!("> [Pasted text #1 +{lines} lines]")];
    }
    let rows = draft.split('\n').take(DRAFT_ROWS_MAX).enumerate();
    rows.map(|(index, line)| {
        let shown: String = line.chars().filter(|it| !it.is_control()).take(COLUMNS_MAX).collect();
        format!("{} {shown}", if index == 0 { ">" } else { " " })
    })
    .collect()
}
