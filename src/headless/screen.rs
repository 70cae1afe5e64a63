//! What people who look in see of the conversation. The agent's words are outside text: nothing of them orders the terminal.

use std::io::Write;

use super::wire::Voice;
use crate::text;

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
        self.line("", line);
    }

    /// Shows what is told to the agent.
    pub(super) fn prompt(&mut self, words: &str) {
        self.line("> ", words);
    }

    /// Shows one line, with a sign before it.
    pub(super) fn line(&mut self, mark: &str, words: &str) {
        self.end_line();
        self.write(&format!("{mark}{}\n", text::sanitise(words).text));
    }

    /// Shows a piece of what somebody says. Pieces of one voice follow each other.
    pub(super) fn say(&mut self, voice: Voice, words: &str) {
        let mark = match voice {
            Voice::Agent => "● ",
            Voice::Thought => "· ",
        };
        if self.open != Some(voice) {
            self.end_line();
            self.write(mark);
            self.open = Some(voice);
        }
        self.write(&text::sanitise(words).text);
    }

    /// Asks a person.
    pub(super) fn ask(&mut self, what: &str, options: &[String]) {
        self.line("? ", what);
        for (number, option) in (1..).zip(options) {
            self.line(&format!("  {number}. "), option);
        }
        self.line("", "Type the number of your answer.");
    }

    /// Ends the line in which somebody spoke last.
    pub(super) fn end_line(&mut self) {
        if self.open.take().is_some() {
            self.write("\n");
        }
    }

    // A terminal that is gone shows nothing; the end of its lines ends the conversation.
    fn write(&mut self, shown: &str) {
        drop(self.out.write_all(shown.as_bytes()).and_then(|()| self.out.flush()));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_conversation_reads_as_one_and_gives_the_terminal_no_orders() {
        let mut shown = Vec::new();
        let mut screen = Screen::new(&mut shown);
        screen.prompt("[antiphon:abcdefghij] hello");
        screen.say(Voice::Thought, "let me ");
        screen.say(Voice::Thought, "see");
        screen.say(Voice::Agent, "I \u{1b}]52;c;AAAA\u{7}");
        screen.say(Voice::Agent, "run it");
        screen.line("⚙ ", "cargo test\u{1b}[2J");
        screen.ask("cargo test", &["Allow".to_owned()]);

        let shown = String::from_utf8(shown).unwrap();
        assert!(!shown.contains(['\u{1b}', '\u{7}']), "{shown:?}");
        let lines: Vec<_> = shown.lines().collect();
        assert_eq!(lines[..2], ["> [antiphon:abcdefghij] hello", "· let me see"]);
        assert!(lines[2].starts_with("● I ") && lines[2].ends_with("run it"), "{shown}");
        assert_eq!(lines[4..], ["? cargo test", "  1. Allow", "Type the number of your answer."]);
    }
}
