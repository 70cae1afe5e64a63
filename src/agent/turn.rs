//! Whether the turn that a prompt began is over, as the agent's record of its conversation tells it.
//!
//! Some programs run no hook when a turn fails or is interrupted, or none at all. Their record holds a line for it.

use std::{
    fs::File,
    io,
    path::{Path, PathBuf},
};

use serde_json::Value;

use super::transcript::{each_line, find, holds};
use crate::{config::Transcript, model::PromptId};

/// The turn of one prompt, as far as a record was read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Turn {
    prompt: PromptId,
    /// The file that holds the prompt.
    record: Option<PathBuf>,
    /// Where the next look begins.
    next: u64,
    over: bool,
}

impl Turn {
    /// The turn of a prompt of which nothing was read yet.
    #[must_use]
    pub const fn of(prompt: PromptId) -> Self {
        Self { prompt, record: None, next: 0, over: false }
    }

    /// The prompt that began it.
    #[must_use]
    pub const fn prompt(&self) -> &PromptId {
        &self.prompt
    }

    /// Whether it is over. That does not change any more.
    #[must_use]
    pub const fn is_over(&self) -> bool {
        self.over
    }

    /// Reads on in the record, which is at `place` unless the prompt was found before.
    ///
    /// # Errors
    ///
    /// When the record cannot be read.
    pub fn read_on(&mut self, place: impl FnOnce() -> Option<PathBuf>, format: &Transcript) -> io::Result<()> {
        if self.over {
            return Ok(());
        }
        // A shorter file is another one, in which the prompt has to be found first.
        if let Some(record) = &self.record
            && File::open(record)?.metadata()?.len() < self.next
        {
            *self = Self::of(self.prompt.clone());
        }
        if self.record.is_none() {
            let Some(path) = place() else { return Ok(()) };
            let look = find(&path, format, &self.prompt, 0)?;
            if look.quote.is_none() {
                return Ok(());
            }
            (self.record, self.next) = (Some(path), look.next);
        }
        let Some(record) = &self.record else { return Ok(()) };
        (self.over, self.next) = end_in(record, format, self.next)?;
        Ok(())
    }
}

/// Whether a turn ends behind byte `after`, and where the next look begins.
fn end_in(record: &Path, format: &Transcript, after: u64) -> io::Result<(bool, u64)> {
    let mut over = false;
    let next = each_line(record, after, |line| {
        over = format.turn_ends.iter().any(|wanted| {
            // Most lines do not even hold the words, and are not parsed.
            wanted.values().filter_map(Value::as_str).all(|word| line.contains(word))
                && serde_json::from_str(line).is_ok_and(|line| holds(&line, wanted))
        });
        !over
    })?;
    Ok((over, next))
}

#[cfg(test)]
mod tests {
    use std::io::{Seek as _, Write as _};

    use super::*;

    const PROMPT: &str = r#"{"type":"event_msg","payload":{"type":"item_completed","item":{"type":"UserMessage","content":[{"type":"text","text":"[antiphon:abcdefghij] fix it"}]}}}"#;
    const OTHER: &str = r#"{"type":"event_msg","payload":{"type":"item_completed","item":{"type":"UserMessage","content":[{"type":"text","text":"say \"task_complete\""}]}}}"#;
    const END: &str = r#"{"type":"event_msg","payload":{"type":"task_complete","last_agent_message":"done"}}"#;
    const ABORTED: &str = r#"{"type":"event_msg","payload":{"type":"turn_aborted","reason":"interrupted"}}"#;

    struct Record(tempfile::NamedTempFile, Turn);

    impl Record {
        fn new() -> Self {
            Self(tempfile::NamedTempFile::new().unwrap(), Turn::of("abcdefghij".parse().unwrap()))
        }

        /// Whether the turn is over once these lines have been written, too.
        fn with(&mut self, lines: &[&str]) -> bool {
            for line in lines {
                writeln!(self.0, "{line}").unwrap();
            }
            let format = crate::config::shipped_adapters()["codex"].transcript.clone().unwrap();
            self.1.read_on(|| Some(self.0.path().to_path_buf()), &format).unwrap();
            self.1.is_over()
        }
    }

    #[test]
    fn the_end_of_an_earlier_turn_is_not_the_end_of_this_one() {
        let mut record = Record::new();

        assert!(!record.with(&[]));
        assert!(!record.with(&[OTHER, END]));
        assert!(!record.with(&[PROMPT]));
        assert!(!record.with(&[OTHER]), "words about an end are none");
        assert!(record.with(&[END, PROMPT]));
        assert!(record.with(&[]));
    }

    #[test]
    fn an_interrupted_turn_is_over() {
        assert!(Record::new().with(&[PROMPT, ABORTED]));
    }

    #[test]
    fn in_a_new_file_the_prompt_comes_first() {
        let mut record = Record::new();
        assert!(!record.with(&[OTHER, OTHER, PROMPT]));

        record.0.as_file().set_len(0).unwrap();
        record.0.rewind().unwrap();

        assert!(!record.with(&[END]));
        assert!(record.with(&[PROMPT, END]));
    }
}
