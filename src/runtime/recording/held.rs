//! Output that is held back until no secret can begin in it, and masked then. Pure.
//!
//! A secret may come in two pieces. So output is let go up to the end of a line while more comes, and all of it once the
//! terminal is quiet, but never from the middle of what may be a secret. Each character of a secret becomes a star, so that
//! everything else keeps its place on the screen.

use std::{
    collections::{BTreeSet, VecDeque},
    ops::Range,
    time::Duration,
};

use super::visible::Visible;
use crate::text::Secrets;

/// No secret is longer; then what looks like one is let go, masked.
const HELD_BYTES_MAX: usize = 32 << 10;
/// So much without the end of a line is no line.
const LINE_BYTES_MAX: usize = 4 << 10;
/// Pieces of output that came this close together are one.
const FRAME: Duration = Duration::from_millis(16);

/// Something that a terminal did, and when, counted from the beginning.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Event {
    pub(super) at: Duration,
    pub(super) what: What,
}

/// What a terminal did.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum What {
    /// It got this output.
    Output(String),
    /// It has so many columns and rows from now on.
    Size(u16, u16),
}

/// How much may be let go.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Until {
    /// More comes: what stands before the end of the last line.
    Line,
    /// Nothing came for a while: all but what may be the beginning of a secret.
    Quiet,
    /// Nothing will come: all.
    End,
}

/// Output that was not written yet.
pub(super) struct Held {
    secrets: Secrets,
    output: String,
    /// The first bytes of a character.
    torn: Vec<u8>,
    pieces: VecDeque<Piece>,
}

struct Piece {
    at: Duration,
    what: Kind,
}

enum Kind {
    /// So many bytes of the output.
    Output(usize),
    Size(u16, u16),
}

impl Held {
    /// Nothing yet.
    pub(super) fn new(secrets: &[String]) -> Self {
        let secrets: Vec<&str> = secrets.iter().map(String::as_str).collect();
        Self { secrets: Secrets::new(&secrets), output: String::new(), torn: Vec::new(), pieces: VecDeque::new() }
    }

    /// How many bytes are held.
    pub(super) const fn len(&self) -> usize {
        self.output.len()
    }

    /// Takes output that came at `at`. What is not UTF-8 becomes `�`.
    pub(super) fn push(&mut self, at: Duration, bytes: &[u8]) {
        let before = self.output.len();
        let mut bytes = [std::mem::take(&mut self.torn).as_slice(), bytes].concat();
        loop {
            match std::str::from_utf8(&bytes) {
                Ok(text) => {
                    self.output.push_str(text);
                    break;
                }
                Err(error) => {
                    let valid = bytes[..error.valid_up_to()].to_vec();
                    self.output.push_str(&String::from_utf8_lossy(&valid));
                    let Some(wrong) = error.error_len() else {
                        self.torn = bytes.split_off(valid.len());
                        break;
                    };
                    self.output.push(char::REPLACEMENT_CHARACTER);
                    bytes.drain(..valid.len() + wrong);
                }
            }
        }
        let came = self.output.len() - before;
        match self.pieces.back_mut() {
            Some(Piece { at: begun, what: Kind::Output(length) }) if at < *begun + FRAME => *length += came,
            Some(_) | None => self.pieces.push_back(Piece { at, what: Kind::Output(came) }),
        }
    }

    /// Takes a new size of the terminal.
    pub(super) fn resize(&mut self, at: Duration, columns: u16, rows: u16) {
        self.pieces.push_back(Piece { at, what: Kind::Size(columns, rows) });
    }

    /// Lets go what holds no beginning of a secret, with every secret masked.
    pub(super) fn release(&mut self, until: Until) -> Vec<Event> {
        let visible = Visible::of(&self.output);
        let found = self.secrets.find(&visible.text);
        let cut = self.cut(&visible, &found, until);
        let masked = masked(&visible, &found);
        let output: String = std::mem::take(&mut self.output);
        self.output = output[cut..].to_owned();
        self.events(&output[..cut], &masked)
    }

    /// Up to which byte of the output everything may go.
    fn cut(&self, visible: &Visible, found: &[Range<usize>], until: Until) -> usize {
        let wanted = match until {
            Until::End => return self.output.len(),
            Until::Line if self.output.len() <= LINE_BYTES_MAX => visible.text.rfind('\n').map_or(0, |at| at + 1),
            Until::Line | Until::Quiet => visible.text.len(),
        };
        // What reaches to this place may go on behind it.
        let open = found.iter().find(|secret| secret.start < wanted && wanted <= secret.end);
        let safe = open.map_or(wanted, |secret| secret.start);
        let safe = self.secrets.may_begin_at(&visible.text[..safe]);
        if safe == 0 && self.output.len() > HELD_BYTES_MAX {
            return self.output.len();
        }
        visible.at.get(safe).copied().unwrap_or(self.output.len())
    }

    /// What happened up to and in `output`, which was taken out.
    fn events(&mut self, output: &str, masked: &BTreeSet<usize>) -> Vec<Event> {
        let mut events = Vec::new();
        let mut from = 0;
        while let Some(Piece { at, what }) = self.pieces.pop_front() {
            match what {
                Kind::Size(columns, rows) => events.push(Event { at, what: What::Size(columns, rows) }),
                Kind::Output(length) => {
                    let to = output.len().min(from + length);
                    let text = mask(&output[from..to], from, masked);
                    if !text.is_empty() {
                        events.push(Event { at, what: What::Output(text) });
                    }
                    if from + length > to {
                        self.pieces.push_front(Piece { at, what: Kind::Output(from + length - to) });
                        break;
                    }
                    from = to;
                }
            }
        }
        events
    }
}

/// Where in the output the characters of secrets begin.
fn masked(visible: &Visible, found: &[Range<usize>]) -> BTreeSet<usize> {
    found.iter().flat_map(|secret| visible.at[secret.clone()].iter().copied()).collect()
}

/// A part of the output that begins at `from`, with stars for secrets. What steers the terminal stays.
fn mask(part: &str, from: usize, masked: &BTreeSet<usize>) -> String {
    let star = |(at, character): (usize, char)| {
        if masked.contains(&(from + at)) && !character.is_control() { '*' } else { character }
    };
    part.char_indices().map(star).collect()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const MS: Duration = Duration::from_millis(100);
    const TOKEN: &str = "ghp_16C7e42F292c6912E7710c838347Ae178B4a";

    fn held() -> Held {
        Held::new(&["s3cret-value-of-mine".to_owned()])
    }

    /// What is let go, as one text.
    fn released(held: &mut Held, until: Until) -> String {
        let outputs = held.release(until).into_iter().filter_map(|event| match event.what {
            What::Output(text) => Some(text),
            What::Size(..) => None,
        });
        outputs.collect()
    }

    #[test]
    fn output_keeps_the_moment_at_which_it_came() {
        let mut held = held();
        held.push(MS, b"one\r\nt");
        held.resize(MS * 2, 90, 20);
        held.push(MS * 3, b"wo");

        let output = |text: &str| What::Output(text.to_owned());
        assert_eq!(held.release(Until::Line), [Event { at: MS, what: output("one\r\n") }]);
        assert_eq!(
            held.release(Until::Quiet),
            [
                Event { at: MS, what: output("t") },
                Event { at: MS * 2, what: What::Size(90, 20) },
                Event { at: MS * 3, what: output("wo") }
            ]
        );
    }

    #[test]
    fn a_secret_that_is_split_is_masked_and_what_is_around_it_stays() {
        let mut held = held();
        held.push(MS, b"token: ghp_16C7e42F292c");
        let first = released(&mut held, Until::Quiet);
        held.push(MS * 9, b"6912E7710c838347Ae178B4a ok\r\nx");

        assert_eq!(first, "token: ");
        assert_eq!(released(&mut held, Until::Line), format!("{} ok\r\n", "*".repeat(TOKEN.len())));
        assert_eq!(released(&mut held, Until::Quiet), "x");
    }

    #[test]
    fn a_known_secret_is_held_back_from_its_first_letter_on() {
        let mut held = held();
        for byte in b"s3cret-value-of-mine".chunks(1) {
            held.push(MS, byte);
            assert_eq!(released(&mut held, Until::Quiet), "");
        }
        held.push(MS, b".");

        assert_eq!(released(&mut held, Until::Quiet), "********************.");
    }

    #[test]
    fn colours_hide_no_secret_and_are_kept() {
        let mut held = held();
        held.push(MS, b"\x1b[1mghp_16C7\x1b[31me42F292c6912\x1b[m end");

        assert_eq!(released(&mut held, Until::Quiet), "\x1b[1m********\x1b[31m************\x1b[m end");
    }

    #[test]
    fn a_private_key_is_masked_over_many_lines_and_many_pieces() {
        let key: String = (0..20).map(|n| format!("MIIEpAIBAAKCAQEA{n:048}\r\n")).collect();
        let text = format!("$ cat key\r\n-----BEGIN RSA PRIVATE KEY-----\r\n{key}-----END RSA PRIVATE KEY-----\r\n$ ");
        let mut held = held();
        let mut shown = String::new();
        for piece in text.as_bytes().chunks(100) {
            held.push(MS, piece);
            shown.push_str(&released(&mut held, Until::Line));
        }
        shown.push_str(&released(&mut held, Until::Quiet));

        assert!(!shown.contains("MII") && !shown.contains("KEY"), "{shown}");
        assert!(shown.starts_with("$ cat key\r\n***") && shown.ends_with("*\r\n$ "), "{shown}");
    }

    #[test]
    fn what_never_ends_is_let_go_all_the_same() {
        let mut held = held();
        for _ in 0..100 {
            held.push(MS, format!("ghp_{}", "a".repeat(1_000)).as_bytes());
            held.release(Until::Line);
            assert!(held.len() <= HELD_BYTES_MAX + 2_000);
        }
        assert!(!released(&mut held, Until::End).contains('a'));
    }

    #[test]
    fn torn_characters_are_put_together_and_wrong_ones_replaced() {
        let mut held = held();
        held.push(MS, b"a\xc3");
        assert_eq!(released(&mut held, Until::Quiet), "a");
        held.push(MS, b"\xa4\xffb\xf0\x9f");
        held.push(MS, b"\xa6\x80");

        assert_eq!(released(&mut held, Until::Quiet), "ä\u{FFFD}b🦀");
    }

    proptest! {
        #[test]
        fn however_output_is_split_no_secret_passes_and_nothing_else_is_lost(
            before in "[a-z \r\n]{0,20}", after in "[ \r\n][a-z \r\n]{0,20}", sizes in proptest::collection::vec(1..9_usize, 1..9),
        ) {
            for secret in [TOKEN, "s3cret-value-of-mine"] {
                let text = format!("{before}\r\n{secret}{after}");
                let mut held = held();
                let (mut shown, mut rest) = (String::new(), text.as_bytes());
                for size in sizes.iter().cycle() {
                    let (piece, others) = rest.split_at(rest.len().min(*size));
                    held.push(MS, piece);
                    shown.push_str(&released(&mut held, Until::Line));
                    rest = others;
                    if rest.is_empty() {
                        break;
                    }
                }
                shown.push_str(&released(&mut held, Until::End));
                prop_assert_eq!(shown, format!("{before}\r\n{}{after}", "*".repeat(secret.len())));
            }
        }
    }
}
