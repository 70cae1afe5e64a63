//! What typed and pasted bytes mean. Pure.

/// The end of a paste, without its escape.
const PASTE_END: &[u8] = b"\x1b[201~";

/// What a byte led to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::simulator) enum Key {
    /// Text to show.
    Show(String),
    /// Characters to wipe off.
    Erase(usize),
    /// The message is complete.
    Submit(String),
    /// The draft was given up.
    Interrupt,
    /// No more messages.
    End,
}

/// The draft, and how far a key or paste has come in.
#[derive(Debug, Default)]
pub(in crate::simulator) struct Keys {
    draft: Vec<u8>,
    /// An escape sequence, or a character of several bytes, that is not complete.
    partial: Vec<u8>,
    /// The bytes of a paste so far.
    paste: Option<Vec<u8>>,
}

impl Keys {
    /// Takes one byte in.
    pub(in crate::simulator) fn press(&mut self, byte: u8) -> Option<Key> {
        if self.paste.is_some() {
            return self.pasted(byte);
        }
        if self.partial.first() == Some(&0x1b) {
            return self.escaped(byte);
        }
        match byte {
            0x1b => {
                self.partial = vec![byte];
                None
            }
            b'\r' => Some(Key::Submit(self.take())),
            0x03 => {
                self.draft.clear();
                Some(Key::Interrupt)
            }
            0x04 if self.draft.is_empty() => Some(Key::End),
            0x08 | 0x7f => self.erase(1),
            0x15 => self.erase(usize::MAX),
            b'\n' => Some(self.show(b"\n")),
            0x00..=0x1f => None,
            _ => self.typed(byte),
        }
    }

    /// Whether the next byte is a key of its own, and not a part of a paste or of an escape sequence.
    pub(in crate::simulator) fn is_between(&self) -> bool {
        self.paste.is_none() && self.partial.first() != Some(&0x1b)
    }

    /// What stands in the composer.
    pub(in crate::simulator) fn draft(&self) -> String {
        String::from_utf8_lossy(&self.draft).into_owned()
    }

    fn take(&mut self) -> String {
        String::from_utf8_lossy(&std::mem::take(&mut self.draft)).into_owned()
    }

    fn typed(&mut self, byte: u8) -> Option<Key> {
        self.partial.push(byte);
        if str::from_utf8(&self.partial).is_err() && self.partial.len() < 4 {
            return None;
        }
        let whole = std::mem::take(&mut self.partial);
        Some(self.show(&whole))
    }

    fn show(&mut self, bytes: &[u8]) -> Key {
        self.draft.extend_from_slice(bytes);
        Key::Show(String::from_utf8_lossy(bytes).into_owned())
    }

    fn erase(&mut self, count: usize) -> Option<Key> {
        let text = String::from_utf8_lossy(&self.draft).into_owned();
        let erased = text.chars().count().min(count);
        let kept: String = text.chars().take(text.chars().count() - erased).collect();
        self.draft = kept.into_bytes();
        (erased > 0).then_some(Key::Erase(erased))
    }

    /// Inside an escape sequence. The only one that means something begins a paste.
    fn escaped(&mut self, byte: u8) -> Option<Key> {
        self.partial.push(byte);
        let ends = self.partial.len() > 2 && (0x40..=0x7e).contains(&byte);
        let no_sequence = self.partial.len() == 2 && byte != b'[' && byte != b'O';
        if ends || no_sequence {
            if self.partial == b"\x1b[200~" {
                self.paste = Some(Vec::new());
            }
            self.partial.clear();
        }
        None
    }

    /// Inside a paste nothing is a key. Terminals send line ends as carriage returns.
    fn pasted(&mut self, byte: u8) -> Option<Key> {
        let paste = self.paste.as_mut()?;
        paste.push(byte);
        if !paste.ends_with(PASTE_END) {
            return None;
        }
        let length = paste.len() - PASTE_END.len();
        let text = String::from_utf8_lossy(&paste[..length]).replace("\r\n", "\n").replace('\r', "\n");
        self.paste = None;
        Some(self.show(text.as_bytes()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn press(bytes: &[u8]) -> Vec<Key> {
        let mut keys = Keys::default();
        bytes.iter().filter_map(|byte| keys.press(*byte)).filter(|key| !matches!(key, Key::Show(_))).collect()
    }

    #[test]
    fn a_paste_with_line_ends_is_one_message() {
        let keys = press(b"\x1b[200~one\rtwo\r\nthree\nfour\x1b[201~\r");

        assert_eq!(keys, [Key::Submit("one\ntwo\nthree\nfour".to_owned())]);
    }

    #[test]
    fn a_carriage_return_outside_a_paste_ends_the_message() {
        assert_eq!(press(b"a\rb\r"), [Key::Submit("a".to_owned()), Key::Submit("b".to_owned())]);
    }

    #[test]
    fn control_keys_inside_a_paste_are_text() {
        assert_eq!(press(b"\x1b[200~a\x03b\x1b[201~\r"), [Key::Submit("a\u{3}b".to_owned())]);
    }

    #[test]
    fn drafts_are_edited_given_up_and_typed_in_any_language() {
        let keys = press("aé\x7fb\x1b[A\rx\x03y\r\x04".as_bytes());

        let submit = |text: &str| Key::Submit(text.to_owned());
        assert_eq!(keys, [Key::Erase(1), submit("ab"), Key::Interrupt, submit("y"), Key::End]);
    }
}
