//! What people who look in see of the conversation. The agent's words are outside text: nothing of them orders the terminal.

use std::io::Write;

use agent_client_protocol::v1::schema::{
    ContentBlock, ContentChunk, PermissionOption, PlanEntryStatus, SessionUpdate, ToolCallStatus,
};

use crate::text;

/// Who speaks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Voice {
    Agent,
    Thought,
    Note,
}

/// A terminal, or what stands for one.
pub(super) struct Screen<W> {
    out: W,
    open: Option<Voice>,
}

impl<W: Write> Screen<W> {
    /// An empty one.
    pub(super) const fn new(out: W) -> Self {
        Self { out, open: None }
    }

    /// Shows a line of our own.
    pub(super) fn note(&mut self, line: &str) {
        self.say(Voice::Note, "", line);
    }

    /// Shows what is told to the agent.
    pub(super) fn prompt(&mut self, words: &str) {
        self.say(Voice::Note, "> ", words);
    }

    /// Shows what the agent tells, as far as it concerns people. The protocol grows: what is not known is not shown.
    pub(super) fn update(&mut self, update: &SessionUpdate) {
        if let SessionUpdate::AgentMessageChunk(chunk) = update {
            self.say(Voice::Agent, "● ", words(chunk));
        } else if let SessionUpdate::AgentThoughtChunk(chunk) = update {
            self.say(Voice::Thought, "· ", words(chunk));
        } else if let SessionUpdate::ToolCall(call) = update {
            self.say(Voice::Note, "⚙ ", &call.title);
        } else if let SessionUpdate::ToolCallUpdate(update) = update
            && update.fields.status == Some(ToolCallStatus::Failed)
        {
            let what = update.fields.title.as_deref().unwrap_or("a tool");
            self.say(Voice::Note, "⚙ ", &format!("failed: {what}"));
        } else if let SessionUpdate::Plan(plan) = update {
            for entry in &plan.entries {
                let mark = if entry.status == PlanEntryStatus::Completed { "☑ " } else { "☐ " };
                self.say(Voice::Note, mark, &entry.content);
            }
        }
    }

    /// Asks a person.
    pub(super) fn ask(&mut self, what: &str, options: &[PermissionOption]) {
        self.say(Voice::Note, "? ", what);
        for (number, option) in (1..).zip(options) {
            self.say(Voice::Note, &format!("  {number}. "), &option.name);
        }
        self.say(Voice::Note, "", "Type the number of your answer.");
    }

    /// Ends the line in which somebody spoke last.
    pub(super) fn end_line(&mut self) {
        if self.open.take().is_some() {
            self.write("\n");
        }
    }

    // Pieces of one voice follow each other; everything else is a line.
    fn say(&mut self, voice: Voice, mark: &str, words: &str) {
        let words = text::sanitise(words).text;
        if self.open == Some(voice) {
            self.write(&words);
            return;
        }
        self.end_line();
        if voice == Voice::Note {
            self.write(&format!("{mark}{words}\n"));
        } else {
            self.write(&format!("{mark}{words}"));
            self.open = Some(voice);
        }
    }

    // A terminal that is gone shows nothing; the end of its lines ends the conversation.
    fn write(&mut self, shown: &str) {
        drop(self.out.write_all(shown.as_bytes()).and_then(|()| self.out.flush()));
    }
}

fn words(chunk: &ContentChunk) -> &str {
    if let ContentBlock::Text(text) = &chunk.content { &text.text } else { "[something that is no text]" }
}

#[cfg(test)]
mod tests {
    use agent_client_protocol::v1::schema::{PermissionOptionKind, TextContent, ToolCall};

    use super::*;

    fn chunk(text: &str) -> ContentChunk {
        ContentChunk::new(ContentBlock::Text(TextContent::new(text)))
    }

    #[test]
    fn a_conversation_reads_as_one_and_gives_the_terminal_no_orders() {
        let mut shown = Vec::new();
        let mut screen = Screen::new(&mut shown);
        screen.prompt("[antiphon:abcdefghij] hello");
        for update in [
            SessionUpdate::AgentThoughtChunk(chunk("let me ")),
            SessionUpdate::AgentThoughtChunk(chunk("see")),
            SessionUpdate::AgentMessageChunk(chunk("I \u{1b}]52;c;AAAA\u{7}")),
            SessionUpdate::AgentMessageChunk(chunk("run it")),
            SessionUpdate::ToolCall(ToolCall::new("1", "cargo test\u{1b}[2J")),
        ] {
            screen.update(&update);
        }
        screen.ask("cargo test", &[PermissionOption::new("a", "Allow", PermissionOptionKind::AllowOnce)]);

        let shown = String::from_utf8(shown).unwrap();
        assert!(!shown.contains(['\u{1b}', '\u{7}']), "{shown:?}");
        let lines: Vec<_> = shown.lines().collect();
        assert_eq!(lines[..2], ["> [antiphon:abcdefghij] hello", "· let me see"]);
        assert!(lines[2].starts_with("● I ") && lines[2].ends_with("run it"), "{shown}");
        assert_eq!(lines[4..], ["? cargo test", "  1. Allow", "Type the number of your answer."]);
    }
}
