//! What a terminal answers when the application asks it something: some programs wait for it before they start.

use vt100::{Callbacks, Screen};

/// How much of a title is kept, in bytes.
const TITLE_BYTES_MAX: usize = 256;
/// Answers that may wait; an application that asks without end gets no more.
const ANSWERS_BYTES_MAX: usize = 4 << 10;

/// Collects answers and the title while output is processed.
#[derive(Debug, Default)]
pub(crate) struct Answers {
    waiting: Vec<u8>,
    title: String,
}

impl Answers {
    /// The bytes to type back, once.
    pub(crate) fn take(&mut self) -> Vec<u8> {
        std::mem::take(&mut self.waiting)
    }

    /// The title that was set last.
    pub(crate) fn title(&self) -> &str {
        &self.title
    }

    fn answer(&mut self, bytes: &[u8]) {
        if self.waiting.len() + bytes.len() <= ANSWERS_BYTES_MAX {
            self.waiting.extend_from_slice(bytes);
        }
    }
}

impl Callbacks for Answers {
    fn set_window_title(&mut self, _: &mut Screen, title: &[u8]) {
        let title: String = String::from_utf8_lossy(title).chars().filter(|letter| !letter.is_control()).collect();
        self.title = title[..title.floor_char_boundary(TITLE_BYTES_MAX.min(title.len()))].to_owned();
    }

    fn unhandled_csi(&mut self, screen: &mut Screen, mark: Option<u8>, _: Option<u8>, params: &[&[u16]], end: char) {
        let first = params.first().and_then(|param| param.first()).copied().unwrap_or(0);
        match (mark, end, first) {
            (None, 'n', 5) => self.answer(b"\x1b[0n"),
            (None, 'n', 6) => {
                let (row, column) = screen.cursor_position();
                self.answer(format!("\x1b[{};{}R", row.saturating_add(1), column.saturating_add(1)).as_bytes());
            }
            // A VT220 with colors and nothing else.
            (None, 'c', 0) => self.answer(b"\x1b[?62;22c"),
            (Some(b'>'), 'c', 0) => self.answer(b"\x1b[>1;10;0c"),
            _ => {}
        }
    }

    fn unhandled_osc(&mut self, _: &mut Screen, params: &[&[u8]]) {
        // Light on dark: the common case, and agents pick readable colors by it.
        match params {
            [b"10", b"?"] => self.answer(b"\x1b]10;rgb:ffff/ffff/ffff\x1b\\"),
            [b"11", b"?"] => self.answer(b"\x1b]11;rgb:0000/0000/0000\x1b\\"),
            _ => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn answers(output: &[u8]) -> (String, String) {
        let mut parser = vt100::Parser::new_with_callbacks(
            vt100::Parser::DEFAULT_ROWS,
            vt100::Parser::DEFAULT_COLS,
            0,
            Answers::default(),
        );
        parser.process(output);
        let answers = parser.callbacks_mut();
        (String::from_utf8(answers.take()).unwrap(), answers.title().to_owned())
    }

    #[test]
    fn questions_of_applications_are_answered() {
        for (question, answer) in [
            ("\x1b[5n", "\x1b[0n"),
            ("\x1b[6n", "\x1b[1;1R"),
            ("ab\r\ncde\x1b[6n", "\x1b[2;4R"),
            ("\x1b[c", "\x1b[?62;22c"),
            ("\x1b[>c", "\x1b[>1;10;0c"),
            ("\x1b]11;?\x07", "\x1b]11;rgb:0000/0000/0000\x1b\\"),
            ("\x1b]11;#112233\x07", ""),
            ("\x1b[?u", ""),
            ("plain", ""),
        ] {
            assert_eq!(answers(question.as_bytes()).0, answer, "{question:?}");
        }
    }

    #[test]
    fn an_application_that_only_asks_fills_no_memory() {
        assert!(answers(&b"\x1b[6n".repeat(10_000)).0.len() <= ANSWERS_BYTES_MAX);
    }

    #[test]
    fn a_title_is_short_and_plain() {
        assert_eq!(answers(b"\x1b]2;hello\x07").1, "hello");
        assert!(answers(format!("\x1b]2;{}\x07", "ä".repeat(900)).as_bytes()).1.len() <= TITLE_BYTES_MAX);
    }
}
