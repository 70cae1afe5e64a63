//! The receipt from Claude Code's transcript: one JSON object a line, of which only the person's prompts count.
//!
//! The format is the program's own affair and changes: what is not understood is passed over. The file can be large
//! and its last line half written, so it is read on from where the last look ended, line by line.

use std::{
    fs::File,
    io::{self, BufRead as _, BufReader, Read as _, Seek as _, SeekFrom},
    path::Path,
};

use serde::Deserialize;

use super::receipt::evidence_in;
use crate::model::PromptId;

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
pub fn find(path: &Path, prompt: &PromptId, after: u64) -> io::Result<Look> {
    let mut file = File::open(path)?;
    let mut next = if after > file.metadata()?.len() { 0 } else { after };
    file.seek(SeekFrom::Start(next))?;
    let mut reader = BufReader::with_capacity(256 << 10, file);
    let mark = format!("[antiphon:{prompt}]");
    let mut line = Vec::new();
    loop {
        line.clear();
        reader.by_ref().take(LINE_BYTES_MAX).read_until(b'\n', &mut line)?;
        let mut length = line.len() as u64;
        if length == LINE_BYTES_MAX && !line.ends_with(b"\n") {
            line.clear();
            let Some(skipped) = skip_line(&mut reader)? else { return Ok(Look { quote: None, next }) };
            length += skipped;
        } else if !line.ends_with(b"\n") {
            return Ok(Look { quote: None, next });
        }
        next += length;
        if let Some(quote) = prompt_in(&line, &mark).and_then(|text| evidence_in(&text, prompt)) {
            return Ok(Look { quote: Some(quote), next });
        }
    }
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

/// A line of the transcript, as far as it can be a prompt.
#[derive(Deserialize)]
#[serde(tag = "type", rename_all = "kebab-case")]
enum Line {
    #[serde(rename_all = "camelCase")]
    User {
        message: Message,
        #[serde(default)]
        is_meta: bool,
        #[serde(default)]
        is_sidechain: bool,
    },
    /// A prompt that was taken in while a turn ran.
    QueueOperation {
        operation: String,
        #[serde(default)]
        content: String,
    },
    #[serde(other)]
    Other,
}

#[derive(Deserialize)]
struct Message {
    content: serde_json::Value,
}

/// The prompt that a line holds. Most lines do not even hold the mark, and are not parsed.
fn prompt_in(line: &[u8], mark: &str) -> Option<String> {
    let text = std::str::from_utf8(line).ok().filter(|text| text.contains(mark))?;
    match serde_json::from_str(text).ok()? {
        Line::User { message, is_meta: false, is_sidechain: false } => Some(typed(&message.content)),
        Line::QueueOperation { operation, content } if operation == "enqueue" => Some(content),
        Line::User { .. } | Line::QueueOperation { .. } | Line::Other => None,
    }
}

/// The text of a message: results of tools are in it, too, and they quote whatever the tool has read.
fn typed(content: &serde_json::Value) -> String {
    if let Some(text) = content.as_str() {
        return text.to_owned();
    }
    let parts = content.as_array().into_iter().flatten();
    let texts = parts.filter(|part| part["type"] == "text").filter_map(|part| part["text"].as_str());
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

    fn look(text: &str, after: u64) -> Look {
        find(file(text).path(), &"abcdefghij".parse().unwrap(), after).unwrap()
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
}
