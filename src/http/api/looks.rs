//! What is so: at a glance, of one machine, of one task.

use std::{
    io::{Read as _, Seek as _, SeekFrom},
    path::Path,
};

use axum::{
    Json,
    extract::{self, Query, State},
};
use serde::Deserialize;

use super::refusal::Refusal;
use crate::{
    http::{Shared, states},
    model::{MachineKey, TaskId},
    text,
    view::{EntryView, Overview, TaskLog},
};

/// The most entries in one answer.
const ENTRIES_MAX: usize = 1_000;
/// How many entries an answer has when nobody says.
const ENTRIES: usize = 100;
/// How much of a setup's log is shown, from its end.
const SETUP_BYTES_MAX: u64 = 64 << 10;

/// Everything at a glance.
pub(super) async fn overview(State(surroundings): Shared) -> Result<Json<Overview>, Refusal> {
    Ok(Json(states::overview(&surroundings).await?))
}

#[derive(Deserialize)]
pub(super) struct Newest {
    machine: String,
    max: Option<usize>,
}

/// The newest entries of one machine.
pub(super) async fn history(
    State(surroundings): Shared,
    Query(newest): Query<Newest>,
) -> Result<Json<Vec<EntryView>>, Refusal> {
    let machine: MachineKey = newest.machine.parse().map_err(|_| {
        Refusal::malformed("`machine` is not the key of a machine")
            .hint("it reads pull/REPOSITORY-ID/NUMBER, task/NAME, session/NAME, backlog/REPOSITORY-ID or fleet")
    })?;
    let max = newest.max.unwrap_or(ENTRIES).min(ENTRIES_MAX);
    Ok(Json(states::history(&*surroundings.journal, machine, max).await?))
}

/// What happened to a task, its session and its pull request, and what its setup wrote.
pub(super) async fn task_log(
    State(surroundings): Shared,
    extract::Path(name): extract::Path<String>,
) -> Result<Json<TaskLog>, Refusal> {
    let missing = || Refusal::not_found("there is no such task").hint("`antiphon status` shows them all");
    let task: TaskId = name.parse().map_err(|_| missing())?;
    let journal = &*surroundings.journal;
    let state = states::task(journal, &task).await?.ok_or_else(missing)?;
    let pull = state.pull.map(|number| MachineKey::Pull { repo: state.repo, number });
    let mut entries = Vec::new();
    for machine in [state.key(), MachineKey::Session(state.session())].into_iter().chain(pull) {
        entries.extend(states::history(journal, machine, ENTRIES).await?);
    }
    entries.sort_by_key(|entry| entry.seq);
    let old = entries.len().saturating_sub(ENTRIES);
    entries.drain(..old);
    let setup = end_of(&surroundings.places.setup_log(&task));
    Ok(Json(TaskLog { task: task.to_string(), setup, entries }))
}

/// The end of a log, from the beginning of a line on; `None` if there is none.
fn end_of(path: &Path) -> Option<String> {
    let mut file = std::fs::File::open(path).ok()?;
    let length = file.metadata().ok()?.len();
    let from = length.saturating_sub(SETUP_BYTES_MAX);
    file.seek(SeekFrom::Start(from)).ok()?;
    let mut bytes = Vec::new();
    file.take(SETUP_BYTES_MAX).read_to_end(&mut bytes).ok()?;
    let whole = String::from_utf8_lossy(&bytes);
    let lines = if from > 0 { whole.split_once('\n').map_or(&*whole, |(_, lines)| lines) } else { &*whole };
    Some(text::redact(&text::sanitise(lines).text, &[]).0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_end_of_a_long_log_begins_with_a_whole_line() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("setup.log");
        assert_eq!(end_of(&path), None);

        std::fs::write(&path, "\x1b[31mshort\x1b[m token ghp_16C7e42F292c6912E7710c838347Ae178B4a\n").unwrap();
        assert_eq!(end_of(&path).unwrap(), "short token [redacted]\n");

        std::fs::write(&path, format!("{}\nthe end\n", "x".repeat(100_000))).unwrap();
        assert_eq!(end_of(&path).unwrap(), "the end\n");
    }
}
