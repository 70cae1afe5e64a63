//! The keys by which a person detaches. Pure.

/// `ctrl-\` detaches at once.
const DETACH: u8 = 0x1c;
/// `ctrl-b` begins a command, as in tmux.
const PREFIX: u8 = 0x02;

/// What a person typed, as far as it is for the program.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Typed {
    /// Keys for the program; may be empty.
    Text(Vec<u8>),
    /// The wish to leave.
    Detach,
}

/// Keeps apart what is for the program and what is for us.
#[derive(Debug, Default)]
pub(crate) struct Keys {
    prefixed: bool,
}

impl Keys {
    /// Takes the next keys. What stands before the wish to leave in the same breath is dropped with it.
    pub(crate) fn take(&mut self, bytes: &[u8]) -> Typed {
        // Inside of a paste nothing is a command.
        if bytes.starts_with(b"\x1b[200~") {
            return Typed::Text(bytes.to_vec());
        }
        let mut text = Vec::with_capacity(bytes.len());
        for &byte in bytes {
            match (std::mem::take(&mut self.prefixed), byte) {
                (_, DETACH) | (true, b'd') => return Typed::Detach,
                (false, PREFIX) => self.prefixed = true,
                (true, PREFIX) => text.push(PREFIX),
                (true, other) => text.extend([PREFIX, other]),
                (false, other) => text.push(other),
            }
        }
        Typed::Text(text)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text(bytes: &[u8]) -> Typed {
        Typed::Text(bytes.to_vec())
    }

    #[test]
    fn both_ways_to_leave_work_also_in_pieces() {
        assert_eq!(Keys::default().take(b"\x1c"), Typed::Detach);
        assert_eq!(Keys::default().take(b"\x02d"), Typed::Detach);
        let mut keys = Keys::default();
        assert_eq!((keys.take(b"\x02"), keys.take(b"d")), (text(b""), Typed::Detach));
    }

    #[test]
    fn everything_else_reaches_the_program() {
        let mut keys = Keys::default();

        assert_eq!(keys.take(b"ls d\r"), text(b"ls d\r"));
        assert_eq!(keys.take(b"\x02\x02"), text(b"\x02"));
        assert_eq!(keys.take(b"\x02c"), text(b"\x02c"));
        assert_eq!(keys.take(b"\x1b[200~\x02d\x1b[201~"), text(b"\x1b[200~\x02d\x1b[201~"));
    }
}
