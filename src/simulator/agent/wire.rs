//! The streams of a scripted agent that has no terminal: one JSON object a line.

use std::io::{self, BufRead, Write};

use serde_json::Value;

use super::Agent;

/// A conversation over two streams.
pub(super) struct Wire<'a> {
    pub(super) input: &'a mut dyn BufRead,
    pub(super) output: &'a mut dyn Write,
    /// Whether nobody has to be asked.
    pub(super) permitted: bool,
    /// How many questions it has asked.
    pub(super) asked: u64,
}

impl Agent {
    /// The next message; none at the end.
    pub(super) fn hear(&self, wire: &mut Wire<'_>) -> io::Result<Option<Value>> {
        let mut line = String::new();
        if wire.input.read_line(&mut line)? == 0 {
            return Ok(None);
        }
        self.note(line.as_bytes())?;
        Ok(Some(serde_json::from_str(&line)?))
    }
}

impl Wire<'_> {
    pub(super) fn write(&mut self, message: &Value) -> io::Result<()> {
        writeln!(self.output, "{message}")?;
        self.output.flush()
    }

    /// The id of a new question.
    pub(super) fn new_question(&mut self) -> String {
        self.asked += 1;
        format!("ask-{}", self.asked)
    }
}
