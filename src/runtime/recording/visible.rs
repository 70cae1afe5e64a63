//! What of a terminal's output is text. Pure.
//!
//! It draws nothing: it only has to find words that a program prints with colours in between.

use std::{iter::Peekable, str::CharIndices};

/// The text of some output, and where each byte of it stands there.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Visible {
    /// The text. Each sequence that moves the cursor, and each control character, is a space in it.
    pub(super) text: String,
    /// For each byte of the text its place in the output.
    pub(super) at: Vec<usize>,
}

impl Visible {
    /// The text of `output`.
    pub(super) fn of(output: &str) -> Self {
        let mut visible = Self { text: String::with_capacity(output.len()), at: Vec::with_capacity(output.len()) };
        let mut rest = output.char_indices().peekable();
        while let Some((at, character)) = rest.next() {
            match character {
                '\u{1B}' if rest.next_if(|(_, next)| *next == '[').is_some() => visible.control(at, &mut rest),
                // The choice of a character set stands between a word and its colour.
                '\u{1B}' if rest.next_if(|(_, next)| matches!(next, ' '..='/')).is_some() => drop(rest.next()),
                // Modes of the keypad, and keeping the cursor in mind.
                '\u{1B}' if rest.next_if(|(_, next)| matches!(next, '=' | '>' | '7')).is_some() => {}
                '\u{9B}' => visible.control(at, &mut rest),
                '\n' | '\r' | '\t' => visible.push(at, character),
                // The words of titles and links stay: they are in the recording as well.
                character if character.is_control() => visible.push(at, ' '),
                character => visible.push(at, character),
            }
        }
        visible
    }

    /// Colours and modes part no word; everything else may.
    fn control(&mut self, at: usize, rest: &mut Peekable<CharIndices<'_>>) {
        while rest.next_if(|(_, next)| matches!(next, ' '..='?')).is_some() {}
        if let Some((_, last)) = rest.next_if(|(_, next)| matches!(next, '@'..='~'))
            && !matches!(last, 'm' | 'h' | 'l' | 'q')
        {
            self.push(at, ' ');
        }
    }

    fn push(&mut self, at: usize, character: char) {
        self.text.push(character);
        self.at.extend(at..at + character.len_utf8());
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text(output: &str) -> String {
        Visible::of(output).text
    }

    #[test]
    fn colours_and_modes_part_no_word_and_everything_else_does() {
        assert_eq!(text("\u{1B}[1;31mgh\u{1B}[m\u{1B}(Bp_x"), "ghp_x");
        assert_eq!(text("gh\u{1B}[?25l\u{1B}[?2004h\u{1B}>p_\u{1B}[2 qx"), "ghp_x");
        assert_eq!(text("a\u{1B}[1Cb\u{1B}[2;3Hc\u{9B}Kd\u{7}e"), "a b c d e");
        assert_eq!(text("\u{1B}]8;;https://x\u{1B}\\link"), " ]8;;https://x \\link");
        assert_eq!(text("a\r\n\tb"), "a\r\n\tb");
    }

    #[test]
    fn a_sequence_that_has_only_begun_is_no_text() {
        assert_eq!((text("a\u{1B}[3"), text("a\u{1B}["), text("a\u{1B}")), ("a".into(), "a".into(), "a ".into()));
    }

    #[test]
    fn each_byte_is_found_again() {
        let visible = Visible::of("\u{1B}[1mä\u{1B}[mb");

        assert_eq!(visible, Visible { text: "äb".into(), at: vec![4, 5, 9] });
    }
}
