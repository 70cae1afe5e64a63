//! Reads what tmux says in control mode. Pure, and in bytes: tmux passes on whatever programs print.
//!
//! A reply lies between `%begin TIME NUMBER FLAGS` and an `%end` or `%error` with the same three words; any other line in
//! between belongs to it, even if it looks like an end. Everything outside of replies is news that nobody asked for.

/// The longest reply that is kept, in bytes; a longer one is a fault.
const REPLY_BYTES_MAX: usize = 64 << 20;

/// What one command answered.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Reply {
    /// Whether we asked for it (and not the connection itself).
    pub(crate) ours: bool,
    /// Whether the command succeeded.
    pub(crate) ok: bool,
    /// Its lines, each with its line end.
    pub(crate) text: Vec<u8>,
}

/// What a line meant.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Said {
    /// A reply is complete.
    Reply(Reply),
    /// tmux ends the connection.
    Exit,
    /// Nothing that matters.
    Nothing,
    /// A reply is longer than anything we ask for.
    TooLong,
}

/// The reply that is being read, if any.
#[derive(Debug, Default)]
pub(crate) struct Reader {
    open: Option<(Vec<u8>, Vec<u8>)>,
}

impl Reader {
    /// Takes one line with its line end.
    pub(crate) fn line(&mut self, line: &[u8]) -> Said {
        let words = line.strip_suffix(b"\n").unwrap_or(line);
        let Some((tag, mut text)) = self.open.take() else {
            if let Some(tag) = words.strip_prefix(b"%begin ") {
                self.open = Some((tag.to_vec(), Vec::new()));
            }
            let exits = words == b"%exit" || words.starts_with(b"%exit ");
            return if exits { Said::Exit } else { Said::Nothing };
        };
        let closes = |word: &[u8]| words.strip_prefix(word).is_some_and(|rest| rest == tag);
        let (end, error) = (closes(b"%end "), closes(b"%error "));
        if end || error {
            return Said::Reply(Reply { ours: tag.ends_with(b" 1"), ok: end, text });
        }
        text.extend_from_slice(line);
        let too_long = text.len() > REPLY_BYTES_MAX;
        self.open = Some((tag, text));
        if too_long { Said::TooLong } else { Said::Nothing }
    }
}

impl Reply {
    /// Its text without the last line end; invalid bytes are replaced.
    pub(crate) fn text(&self) -> String {
        let text = self.text.strip_suffix(b"\n").unwrap_or(&self.text);
        String::from_utf8_lossy(text).into_owned()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(input: &[u8]) -> Vec<Said> {
        let mut reader = Reader::default();
        let said = input.split_inclusive(|byte| *byte == b'\n').map(|line| reader.line(line));
        said.filter(|said| *said != Said::Nothing).collect()
    }

    const OURS: Reply = Reply { ours: true, ok: true, text: Vec::new() };

    #[test]
    fn a_line_that_looks_like_an_end_belongs_to_the_reply() {
        let input = b"%begin 1 2 1\nline one\n%end 9 9 9\n%begin 1 2 1\nline three\n%end 1 2 1\n";

        assert_eq!(
            read(input),
            [Said::Reply(Reply { text: b"line one\n%end 9 9 9\n%begin 1 2 1\nline three\n".to_vec(), ..OURS })]
        );
    }

    #[test]
    fn news_and_bytes_that_are_no_text_are_no_fault() {
        let input = b"%output %1 \xff\xfe\n%sessions-changed\n%begin 1 2 1\n\xff\n%end 1 2 1\n%begin 1 3 0\n%error 1 3 0\n%exit\n";

        assert_eq!(
            read(input),
            [
                Said::Reply(Reply { text: b"\xff\n".to_vec(), ..OURS }),
                Said::Reply(Reply { ours: false, ok: false, text: Vec::new() }),
                Said::Exit,
            ]
        );
    }

    #[test]
    fn an_exit_inside_of_a_reply_is_text() {
        assert_eq!(
            read(b"%begin 1 2 1\n%exit\n%end 1 2 1\n"),
            [Said::Reply(Reply { text: b"%exit\n".to_vec(), ..OURS })]
        );
    }
}
