//! What an agent wrote down of a conversation: a file of lines, of which only a person's prompts count as a receipt.
//!
//! Which lines those are stands in the agent's adapter. The formats are the programs' own affair and change: what is not
//! understood is passed over. The file can be large and its last line half written, so it is read on from where the last
//! look ended, line by line.

use std::{
    fs::File,
    io::{self, BufRead as _, BufReader, Read as _, Seek as _, SeekFrom},
    path::{Path, PathBuf},
    time::SystemTime,
};

use serde_json::Value;

use super::receipt::evidence_in;
use crate::{
    config::{PromptLine, Transcript},
    model::PromptId,
};

/// A longer line holds a tool's output, not a prompt of ours (100 KB at most): it is passed over.
const LINE_BYTES_MAX: u64 = 4 << 20;

/// How a look at a transcript ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Look {
    /// The words that hold the prompt's mark, if they were found.
    pub quote: Option<String>,
    /// Where the next look begins: behind the last whole line that was read.
    pub next: u64,
}

/// Looks for a prompt in the transcript from byte `after` on.
///
/// A file that is shorter than `after` was replaced, and is read from its beginning.
///
/// # Errors
///
/// When the file cannot be read.
pub fn find(path: &Path, format: &Transcript, prompt: &PromptId, after: u64) -> io::Result<Look> {
    let mark = format!("[antiphon:{prompt}]");
    let mut quote = None;
    let next = each_line(path, after, |line| {
        quote = prompt_in(line, format, &mark).and_then(|text| evidence_in(&text, prompt));
        quote.is_none()
    })?;
    Ok(Look { quote, next })
}

/// Gives whole lines to `take` from byte `after` on, until it has enough; the place behind the last one.
pub(super) fn each_line(path: &Path, after: u64, mut take: impl FnMut(&str) -> bool) -> io::Result<u64> {
    let mut file = File::open(path)?;
    let mut next = if after > file.metadata()?.len() { 0 } else { after };
    file.seek(SeekFrom::Start(next))?;
    let mut reader = BufReader::with_capacity(256 << 10, file);
    let mut line = Vec::new();
    loop {
        line.clear();
        reader.by_ref().take(LINE_BYTES_MAX).read_until(b'\n', &mut line)?;
        let mut length = line.len() as u64;
        if length == LINE_BYTES_MAX && !line.ends_with(b"\n") {
            line.clear();
            let Some(skipped) = skip_line(&mut reader)? else { return Ok(next) };
            length += skipped;
        } else if !line.ends_with(b"\n") {
            return Ok(next);
        }
        next += length;
        if let Ok(text) = std::str::from_utf8(&line)
            && !take(text)
        {
            return Ok(next);
        }
    }
}

/// The newest file that matches `pattern`, in which `*` stands for a part of one name.
///
/// If there is a `*` in it, the file has to name the workspace in its first line: programs keep the conversations of all
/// directories in one place.
#[must_use]
pub fn locate(pattern: &str, workspace: &Path) -> Option<PathBuf> {
    let mut places = vec![PathBuf::new()];
    for part in Path::new(pattern) {
        let part = part.to_str()?;
        places = match part.split_once('*') {
            None => places.into_iter().map(|place| place.join(part)).collect(),
            Some((begin, end)) => places.iter().flat_map(|place| inside(place, begin, end)).collect(),
        };
    }
    let mut found: Vec<(SystemTime, PathBuf)> = places
        .into_iter()
        .filter_map(|path| Some((path.metadata().ok().filter(std::fs::Metadata::is_file)?.modified().ok()?, path)))
        .collect();
    found.sort();
    let fixed = !pattern.contains('*');
    found.into_iter().rev().map(|(_, path)| path).find(|path| fixed || names(path, workspace))
}

fn inside(place: &Path, begin: &str, end: &str) -> Vec<PathBuf> {
    let entries = std::fs::read_dir(place).into_iter().flatten().flatten();
    let fits = |name: &str| name.len() >= begin.len() + end.len() && name.starts_with(begin) && name.ends_with(end);
    entries.filter(|entry| entry.file_name().to_str().is_some_and(fits)).map(|entry| entry.path()).collect()
}

fn names(path: &Path, workspace: &Path) -> bool {
    let quoted = Value::from(workspace.display().to_string()).to_string();
    let mut first = Vec::new();
    let read =
        File::open(path).and_then(|file| BufReader::new(file.take(LINE_BYTES_MAX)).read_until(b'\n', &mut first));
    read.is_ok() && String::from_utf8_lossy(&first).contains(&quoted)
}

/// Reads on to the end of the line, keeping nothing; `None` if it has no end yet.
fn skip_line(reader: &mut BufReader<File>) -> io::Result<Option<u64>> {
    let mut skipped = 0;
    loop {
        let chunk = reader.fill_buf()?;
        if chunk.is_empty() {
            return Ok(None);
        }
        let end = chunk.iter().position(|&byte| byte == b'\n');
        let used = end.map_or(chunk.len(), |end| end + 1);
        reader.consume(used);
        skipped += used as u64;
        if end.is_some() {
            return Ok(Some(skipped));
        }
    }
}

/// The prompt that a line holds. Most lines do not even hold the mark, and are not parsed.
fn prompt_in(line: &str, format: &Transcript, mark: &str) -> Option<String> {
    if !line.contains(mark) {
        return None;
    }
    let parsed: Option<Value> = serde_json::from_str(line).ok();
    format.prompts.iter().find_map(|rule| prompt_by(rule, line, parsed.as_ref()))
}

fn prompt_by(rule: &PromptLine, line: &str, parsed: Option<&Value>) -> Option<String> {
    if let Some(pattern) = &rule.line {
        return pattern.captures(line.trim_end())?.get(1).map(|text| text.as_str().to_owned());
    }
    let parsed = parsed.filter(|parsed| holds(parsed, &rule.when))?;
    let is_true = |pointer: &String| parsed.pointer(pointer) == Some(&Value::Bool(true));
    if rule.unless.iter().any(is_true) {
        return None;
    }
    Some(typed(parsed.pointer(rule.text.as_deref()?)?))
}

/// Whether a line holds each of these values at its place.
pub(super) fn holds(line: &Value, wanted: &std::collections::BTreeMap<String, Value>) -> bool {
    wanted.iter().all(|(pointer, value)| line.pointer(pointer) == Some(value))
}

/// The text of a message: results of tools are in it, too, and they quote whatever the tool has read.
pub(super) fn typed(content: &Value) -> String {
    if let Some(text) = content.as_str() {
        return text.to_owned();
    }
    let parts = content.as_array().into_iter().flatten();
    let is_text = |part: &&Value| part.get("type").is_none_or(|kind| kind == "text" || kind == "input_text");
    let texts = parts.filter(is_text).filter_map(|part| part["text"].as_str());
    texts.collect::<Vec<_>>().join("\n")
}

#[cfg(test)]
mod tests {
    use std::io::Write as _;

    use super::*;

    const PROMPT: &str = r#"{"parentUuid":null,"isSidechain":false,"type":"user","message":{"role":"user","content":"[antiphon:abcdefghij] fix it\nnow"},"uuid":"u"}"#;

    fn file(text: &str) -> tempfile::NamedTempFile {
        let mut file = tempfile::NamedTempFile::new().unwrap();
        file.write_all(text.as_bytes()).unwrap();
        file
    }

    fn format(agent: &str) -> Transcript {
        crate::config::shipped_adapters()[agent].transcript.clone().unwrap()
    }

    fn look(text: &str, after: u64) -> Look {
        find(file(text).path(), &format("claude"), &"abcdefghij".parse().unwrap(), after).unwrap()
    }

    fn found(text: &str) -> Option<String> {
        look(text, 0).quote
    }

    #[test]
    fn a_prompt_is_found_among_other_lines() {
        let text =
            format!("{{\"type\":\"mode\",\"mode\":\"normal\"}}\nnot json\n{PROMPT}\n{{\"type\":\"assistant\"}}\n");

        let look = look(&text, 0);

        assert_eq!(look.quote.as_deref(), Some("[antiphon:abcdefghij] fix it"));
        assert_eq!(&text[look.next as usize..], "{\"type\":\"assistant\"}\n");
    }

    #[test]
    fn a_prompt_in_parts_and_a_queued_one_count() {
        let parts =
            r#"{"type":"user","message":{"role":"user","content":[{"type":"text","text":"[antiphon:abcdefghij] a"}]}}"#;
        let queued = r#"{"type":"queue-operation","operation":"enqueue","content":"[antiphon:abcdefghij] a"}"#;

        for line in [parts, queued] {
            assert_eq!(found(&format!("{line}\n")).as_deref(), Some("[antiphon:abcdefghij] a"), "{line}");
        }
    }

    #[test]
    fn what_others_wrote_about_a_prompt_does_not_count() {
        for line in [
            r#"{"type":"assistant","message":{"role":"assistant","content":"[antiphon:abcdefghij] a"}}"#,
            r#"{"type":"user","message":{"role":"user","content":[{"type":"tool_result","content":"[antiphon:abcdefghij] a"}]}}"#,
            r#"{"type":"user","message":{"role":"user","content":[{"type":"document","text":"[antiphon:abcdefghij] a"}]}}"#,
            r#"{"type":"user","isMeta":true,"message":{"role":"user","content":"[antiphon:abcdefghij] a"}}"#,
            r#"{"type":"user","isSidechain":true,"message":{"role":"user","content":"[antiphon:abcdefghij] a"}}"#,
            r#"{"type":"queue-operation","operation":"remove","content":"[antiphon:abcdefghij] a"}"#,
            r#"{"type":"last-prompt","lastPrompt":"[antiphon:abcdefghij] a"}"#,
        ] {
            assert_eq!(found(&format!("{line}\n")), None, "{line}");
        }
    }

    #[test]
    fn a_half_written_line_is_read_when_it_is_whole() {
        let whole = format!("{{}}\n{PROMPT}\n");
        let half = &whole[..whole.len() - 10];

        let first = look(half, 0);

        assert_eq!(first, Look { quote: None, next: 3 });
        assert!(look(&whole, first.next).quote.is_some());
        assert_eq!(found(whole.trim_end()), None, "a line without its end may go on");
    }

    #[test]
    fn a_line_without_measure_is_passed_over() {
        let text = format!("{{\"type\":\"user\",\"x\":\"{}\"}}\n{PROMPT}\n", "y".repeat(6 << 20));

        let look = look(&text, 0);

        assert_eq!((look.quote.is_some(), look.next), (true, text.len() as u64));
    }

    #[test]
    fn a_replaced_file_is_read_from_its_beginning() {
        assert!(look(&format!("{PROMPT}\n"), 1 << 30).quote.is_some());
    }

    /// Each line as the program wrote it, shortened: Codex 0.169, Qwen Code 0.24, our plugin of OpenCode, Aider.
    #[test]
    fn the_prompts_of_other_programs_are_found() {
        for (agent, line) in [
            (
                "codex",
                r#"{"type":"event_msg","payload":{"type":"item_completed","item":{"type":"UserMessage","content":[{"type":"text","text":"[antiphon:abcdefghij] a"}]}}}"#,
            ),
            (
                "qwen",
                r#"{"type":"user","provenance":"real_user","message":{"role":"user","parts":[{"text":"[antiphon:abcdefghij] a"}]}}"#,
            ),
            ("opencode", r#"{"type":"prompt","prompt":"[antiphon:abcdefghij] a"}"#),
            ("copilot", r#"{"type":"user.message","data":{"content":"[antiphon:abcdefghij] a"}}"#),
            ("aider", "#### [antiphon:abcdefghij] a"),
        ] {
            let found = find(file(&format!("{line}\n")).path(), &format(agent), &"abcdefghij".parse().unwrap(), 0);
            assert_eq!(found.unwrap().quote.as_deref(), Some("[antiphon:abcdefghij] a"), "{agent}");
        }
    }

    #[test]
    fn the_newest_file_of_the_workspace_is_the_transcript() {
        let dir = tempfile::tempdir().unwrap();
        let write = |name: &str, cwd: &str, age: u64| {
            let path = dir.path().join(name);
            std::fs::create_dir_all(path.parent().unwrap()).unwrap();
            std::fs::write(&path, format!("{{\"cwd\":\"{cwd}\"}}\n")).unwrap();
            let at = SystemTime::UNIX_EPOCH + std::time::Duration::from_secs(1_000_000 - age);
            File::options().write(true).open(&path).unwrap().set_modified(at).unwrap();
            path
        };
        write("2026/11/rollout-a.jsonl", "/w", 30);
        let ours = write("2026/12/rollout-b.jsonl", "/w", 20);
        write("2026/12/rollout-c.jsonl", "/w/inside", 10);
        write("2026/12/other.jsonl", "/w", 0);
        let pattern = |rest: &str| dir.path().join(rest).display().to_string();

        assert_eq!(locate(&pattern("*/*/rollout-*.jsonl"), Path::new("/w")), Some(ours));
        assert_eq!(locate(&pattern("*/*/rollout-*.jsonl"), Path::new("/x")), None);
        assert_eq!(locate(&pattern("nowhere/*"), Path::new("/w")), None);
        let named = dir.path().join("2026/12/other.jsonl");
        assert_eq!(locate(&pattern("2026/12/other.jsonl"), Path::new("/x")), Some(named));
    }
}
