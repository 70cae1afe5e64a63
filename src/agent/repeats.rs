//! Which command an agent runs again and again although it fails, read from its own record by the rules of its adapter.
//!
//! Only a failure that says the same as the one before counts on; numbers, such as times and addresses, may differ.

use std::{collections::BTreeMap, io, path::Path};

use serde_json::Value;

use super::transcript::{each_line, holds, typed};
use crate::{
    config::{CommandCalls, CommandResults, CommandRule, Transcript},
    model::{Failing, TextHash},
};

/// How much of what a command said is compared, in characters.
const SAID_CHARS_MAX: usize = 20_000;

/// The command that has failed most often in the same way since it last did otherwise; `None`: none does, or the record
/// does not say.
///
/// # Errors
///
/// When the file cannot be read.
pub fn failing(path: &Path, format: &Transcript) -> io::Result<Option<Failing>> {
    let mut runs = Runs::default();
    if format.commands.is_empty() {
        return Ok(None);
    }
    each_line(path, 0, |line| {
        for rule in format.commands.iter().filter(|rule| may_hold(line, rule)) {
            if let Ok(parsed) = serde_json::from_str::<Value>(line) {
                runs.read(&parsed, rule);
            }
        }
        true
    })?;
    Ok(runs.last.into_values().flatten().max_by_key(|failing| failing.times))
}

/// Most lines hold neither a call nor a result, and are not parsed.
fn may_hold(line: &str, rule: &CommandRule) -> bool {
    let words = [&rule.calls.only, &rule.results.only];
    words.into_iter().any(|only| only.values().filter_map(Value::as_str).all(|word| line.contains(word)))
}

#[derive(Default)]
struct Runs {
    /// The commands whose results are awaited, by their ids.
    open: BTreeMap<String, String>,
    /// How each command has failed last, if it has.
    last: BTreeMap<String, Option<Failing>>,
}

impl Runs {
    fn read(&mut self, line: &Value, rule: &CommandRule) {
        let CommandCalls { when, each, only, id, command } = &rule.calls;
        for call in parts(line, when, each, only) {
            if let (Some(id), Some(command)) = (text(call, id), text(call, command)) {
                self.open.insert(id, command);
            }
        }
        let CommandResults { when, each, only, of, failed, output } = &rule.results;
        for result in parts(line, when, each, only) {
            let Some(command) = text(result, of).and_then(|id| self.open.remove(&id)) else { continue };
            let failed = result.pointer(failed) == Some(&Value::Bool(true));
            let said = result.pointer(output).map(typed).unwrap_or_default();
            self.ended(command, failed.then_some(said));
        }
    }

    fn ended(&mut self, command: String, failure: Option<String>) {
        let Some(said) = failure else {
            self.last.insert(command, None);
            return;
        };
        let what = TextHash::of(&format!("{command}\0{}", without_numbers(&said)));
        let before = self.last.remove(&command).flatten().filter(|failing| failing.what == what);
        let times = before.map_or(1, |failing| failing.times + 1);
        self.last.insert(command, Some(Failing { what, times }));
    }
}

fn parts<'v>(
    line: &'v Value,
    when: &BTreeMap<String, Value>,
    each: &str,
    only: &'v BTreeMap<String, Value>,
) -> impl Iterator<Item = &'v Value> {
    let list = if holds(line, when) { line.pointer(each).and_then(Value::as_array) } else { None };
    list.into_iter().flatten().filter(|part| holds(part, only))
}

fn text(part: &Value, pointer: &str) -> Option<String> {
    part.pointer(pointer)?.as_str().map(str::to_owned)
}

fn without_numbers(said: &str) -> String {
    said.chars().filter(|letter| !letter.is_ascii_digit()).take(SAID_CHARS_MAX).collect()
}

#[cfg(test)]
mod tests {
    use std::io::Write as _;

    use serde_json::json;

    use super::*;

    /// As Claude Code 2.1 writes it, shortened.
    fn run(id: u32, command: &str, result: Result<&str, &str>) -> String {
        let input = json!({ "command": command });
        let call = json!({ "type": "tool_use", "id": format!("toolu_{id}"), "name": "Bash", "input": input });
        let said = result.unwrap_or_else(|said| said);
        let mut back = json!({ "type": "tool_result", "tool_use_id": format!("toolu_{id}"), "content": said });
        if result.is_err() {
            back["is_error"] = json!(true);
            back["content"] = json!([{ "type": "text", "text": said }]);
        }
        let lines = [
            json!({ "type": "assistant", "message": { "role": "assistant", "content": [call] } }),
            json!({ "type": "user", "message": { "role": "user", "content": [back] } }),
        ];
        lines.map(|line| line.to_string()).join("\n")
    }

    fn read(agent: &str, runs: &[String]) -> Option<u32> {
        let mut file = tempfile::NamedTempFile::new().unwrap();
        writeln!(file, "{}", runs.join("\n")).unwrap();
        let format = crate::config::shipped_adapters()[agent].transcript.clone().unwrap();
        failing(file.path(), &format).unwrap().map(|failing| failing.times)
    }

    #[test]
    fn the_same_failure_counts_on_whatever_ran_in_between() {
        let runs = [
            run(1, "npm test", Err("Exit code 1\n1 failed in 0.31 s")),
            run(2, "ls", Ok("a\nb")),
            run(3, "npm test", Err("Exit code 1\n1 failed in 0.29 s")),
            run(4, "npm test", Err("Exit code 1\n1 failed in 0.30 s")),
        ];

        assert_eq!(read("claude", &runs), Some(3));
    }

    #[test]
    fn another_failure_or_a_success_begins_anew() {
        let failed = |id| run(id, "npm test", Err("Exit code 1\na failed"));
        let other = run(5, "npm test", Err("Exit code 1\nb failed"));

        assert_eq!(read("claude", &[failed(1), failed(2), other, failed(6)]), Some(1));
        assert_eq!(read("claude", &[failed(1), failed(2), run(3, "npm test", Ok("all passed"))]), None);
    }

    #[test]
    fn of_a_record_that_does_not_say_nothing_is_known() {
        assert_eq!(read("codex", &[run(1, "npm test", Err("no")), run(2, "npm test", Err("no"))]), None);
    }
}
