//! A text that may be typed into a terminal: the last line of defence before the keyboard.
//!
//! It repairs nothing: what it refuses should have been cleaned long before.

use std::sync::LazyLock;

use regex::Regex;

use crate::model::PromptId;

/// The longest text that is typed, in bytes.
pub const TEXT_BYTES_MAX: usize = 100 * 1024;

// Control characters are orders to the terminal (`ESC[201~` breaks out of a paste, a carriage return submits); format
// characters are invisible to the person who reviews the text, and not to the agent.
static FORBIDDEN: LazyLock<Regex> =
    LazyLock::new(|| Regex::new(r"[\p{Cc}\p{Cf}&&[^\n\t]]").expect("the pattern is constant and tested"));

/// A prompt that may be typed. Only [`Message::new`] makes one.
#[derive(Clone, PartialEq, Eq)]
pub struct Message {
    prompt: PromptId,
    text: String,
}

/// Why a text may not be typed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum BadMessage {
    /// It holds a character that a terminal or an agent could obey, or that a person cannot see.
    #[error("character U+{code:04X} at byte {at} may not be typed", code = u32::from(*character))]
    Character {
        /// Which one.
        character: char,
        /// Where it stands.
        at: usize,
    },
    /// Its first character is a command to some agent (`/ ! # @ & $`).
    #[error("a text that begins with {0:?} would be read as a command")]
    Start(char),
    /// It is longer than [`TEXT_BYTES_MAX`].
    #[error("a text of {0} bytes is too long to be typed")]
    TooLong(usize),
    /// Without its id in the text no receipt could name it.
    #[error("the text does not hold its id")]
    NoId,
}

impl Message {
    /// A message that may be typed: no control or format characters but newline and tab, at most [`TEXT_BYTES_MAX`]
    /// bytes, first visible character not a command, and the id stands in it.
    ///
    /// # Errors
    ///
    /// When one of these does not hold.
    pub fn new(prompt: PromptId, text: impl Into<String>) -> Result<Self, BadMessage> {
        let text = text.into();
        if text.len() > TEXT_BYTES_MAX {
            return Err(BadMessage::TooLong(text.len()));
        }
        if let Some(found) = FORBIDDEN.find(&text) {
            let character = found.as_str().chars().next().expect("the pattern matches one character");
            return Err(BadMessage::Character { character, at: found.start() });
        }
        if let Some(start) = text.trim_start().chars().next().filter(|first| "/!#@&$".contains(*first)) {
            return Err(BadMessage::Start(start));
        }
        if !text.contains(prompt.as_str()) {
            return Err(BadMessage::NoId);
        }
        Ok(Self { prompt, text })
    }

    /// Which prompt this is.
    #[must_use]
    pub const fn prompt(&self) -> &PromptId {
        &self.prompt
    }

    /// The text that is typed, without the Enter.
    #[must_use]
    pub fn text(&self) -> &str {
        &self.text
    }

    /// Whether it would survive without bracketed paste: one line of at most 1,000 bytes, so that a line discipline
    /// neither cuts it nor submits a part of it, and without a tab, which would ask for a completion.
    #[must_use]
    pub fn may_be_typed_plain(&self) -> bool {
        self.text.len() <= 1_000 && !self.text.contains(['\n', '\t'])
    }
}

impl std::fmt::Debug for Message {
    /// Without the text: prompts do not belong in logs.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Message").field("prompt", &self.prompt).field("bytes", &self.text.len()).finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn message(text: &str) -> Result<Message, BadMessage> {
        Message::new("abcdefghij".parse().unwrap(), text)
    }

    #[test]
    fn clean_text_with_its_id_is_kept_as_it_is() {
        let text = "[antiphon:abcdefghij] täst 🦀\n\t$HOME `x` \"q\" \\ #{x} ;";

        assert_eq!(message(text).unwrap().text(), text);
    }

    #[test]
    fn no_escape_sequence_can_be_typed() {
        for (bad, code) in [
            ("abcdefghij\x1b[201~", "001B"),
            ("abcdefghij\r", "000D"),
            ("abcdefghij\u{9b}201~", "009B"),
            ("abcdefghij\0", "0000"),
            ("abcdefghij\x7f", "007F"),
            ("abcdefghij\u{202e}", "202E"),
            ("abcdefghij\u{200b}", "200B"),
            ("abcdefghij\u{e0041}", "E0041"),
            ("\u{feff}abcdefghij", "FEFF"),
        ] {
            assert!(message(bad).unwrap_err().to_string().contains(code), "{bad:?}");
        }
    }

    #[test]
    fn a_text_cannot_begin_as_a_command_of_an_agent() {
        for start in ['/', '!', '#', '@', '&', '$'] {
            assert_eq!(message(&format!("{start}abcdefghij")), Err(BadMessage::Start(start)));
            assert_eq!(message(&format!(" \n{start}abcdefghij")), Err(BadMessage::Start(start)));
        }
    }

    #[test]
    fn a_text_names_itself_and_has_a_limit() {
        let id = "abcdefghij";

        assert_eq!(message("hello"), Err(BadMessage::NoId));
        assert!(message(&format!("{id}{}", "x".repeat(TEXT_BYTES_MAX - id.len()))).is_ok());
        assert_eq!(
            message(&format!("{id}{}", "x".repeat(TEXT_BYTES_MAX))),
            Err(BadMessage::TooLong(TEXT_BYTES_MAX + id.len()))
        );
    }

    #[test]
    fn only_one_short_line_may_be_typed_plain() {
        assert!(message("abcdefghij one line").unwrap().may_be_typed_plain());
        assert!(!message("abcdefghij two\nlines").unwrap().may_be_typed_plain());
        assert!(!message("abcdefghij\ttab").unwrap().may_be_typed_plain());
        assert!(!message(&format!("abcdefghij{}", "x".repeat(1_000))).unwrap().may_be_typed_plain());
    }
}
