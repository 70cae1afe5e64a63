//! What is kept of a log while it streams by: all of a short one; of a long one the lines around the first errors of the
//! steps that failed, and the last lines.
//!
//! Memory is bounded whatever the length of the log and of its lines. What is left out is counted and said where it
//! stood. The words are not cleaned here; they only become valid UTF-8.

use std::{borrow::Cow, collections::VecDeque};

use crate::text;

use super::{
    log::{self, timestamp},
    rule::{self, Telling},
};

/// A log up to this length is kept whole.
const WHOLE_BYTES_MAX: usize = 1 << 20;

/// The room for lines around errors, and how much of it may go to lines that only look a little like errors.
const KEPT_BYTES_MAX: usize = 1 << 20;
const WEAK_BYTES_MAX: usize = 512 << 10;

/// The room for what ends steps: beyond the rest, so that the reader still knows which of them failed.
const ENDS_BYTES_MAX: usize = KEPT_BYTES_MAX + (128 << 10);

/// How much of the end is kept.
const RECENT_BYTES_MAX: usize = 256 << 10;

/// The longest line, in bytes.
const LINE_BYTES_MAX: usize = 8 << 10;

/// How many lines are kept around an error.
const BEFORE: usize = 40;
const AFTER: usize = 60;

/// Collects what is worth reading of one job's log.
#[derive(Debug, Default)]
pub struct Sieve {
    seen: u64,
    /// Everything, until it is too much.
    whole: Vec<u8>,
    /// The line that has not ended yet.
    line: Vec<u8>,
    kept: String,
    /// How many lines are left out behind what is kept.
    left_out: u64,
    step: Step,
    /// The last lines that were not kept, and their length.
    recent: VecDeque<String>,
    recent_bytes: usize,
    /// How many of the next lines are kept, because they follow an error.
    following: usize,
}

/// The step that is being read: all that is kept of it goes when it turns out to have passed.
#[derive(Debug, Default)]
struct Step {
    /// Where it begins in what is kept.
    start: usize,
    /// How many lines had been left out before it.
    left_out: u64,
    lines: u64,
    failed: bool,
}

impl Sieve {
    /// An empty one.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// How many bytes it was given.
    #[must_use]
    pub const fn seen(&self) -> u64 {
        self.seen
    }

    /// Takes the next bytes of the log, cut anywhere.
    pub fn push(&mut self, bytes: &[u8]) {
        let was_whole = self.is_whole();
        self.seen += bytes.len() as u64;
        if self.is_whole() {
            self.whole.extend_from_slice(bytes);
            return;
        }
        if was_whole {
            let whole = std::mem::take(&mut self.whole);
            self.take(&whole);
        }
        self.take(bytes);
    }

    /// What was kept, with a note where something was left out. Invalid bytes have become `?`.
    #[must_use]
    pub fn into_text(mut self) -> String {
        if self.is_whole() {
            return valid(&self.whole);
        }
        if !self.line.is_empty() {
            self.end_line();
        }
        self.leave_out_half_a_key();
        self.note();
        let mut text = self.kept;
        text.extend(self.recent);
        text
    }

    const fn is_whole(&self) -> bool {
        self.seen <= WHOLE_BYTES_MAX as u64
    }

    fn take(&mut self, bytes: &[u8]) {
        for piece in bytes.split_inclusive(|byte| *byte == b'\n') {
            let ends = piece.ends_with(b"\n");
            let room = LINE_BYTES_MAX.saturating_sub(self.line.len()).min(piece.len());
            self.line.extend_from_slice(&piece[..room]);
            if ends {
                self.end_line();
            }
        }
    }

    fn end_line(&mut self) {
        let mut line = valid(&self.line);
        self.line.clear();
        if !line.ends_with('\n') {
            line.push('\n');
        }
        self.line(line);
    }

    fn line(&mut self, line: String) {
        let room = self.room(&plain(&line));
        self.step.lines += 1;
        if room.is_some_and(|room| self.kept.len() < room) {
            self.following = AFTER;
            self.keep(&line);
        } else if self.following > 0 && self.kept.len() < KEPT_BYTES_MAX {
            self.following -= 1;
            self.keep(&line);
        } else {
            self.wait(line);
        }
    }

    /// How far what is kept may grow for this line; `None` if it tells nothing by itself.
    fn room(&mut self, words: &str) -> Option<usize> {
        if log::begins_step(words) {
            self.begin_step();
            return Some(KEPT_BYTES_MAX);
        }
        if words.starts_with("##[error]") {
            self.step.failed = true;
            return Some(ENDS_BYTES_MAX);
        }
        match self.telling(words)? {
            Telling::Strong => Some(KEPT_BYTES_MAX),
            Telling::Weak => Some(WEAK_BYTES_MAX),
        }
    }

    /// Whether the line tells of an error. Nobody asks once there is no room for it.
    fn telling(&self, words: &str) -> Option<Telling> {
        let words = &words[..words.floor_char_boundary(rule::LINE_BYTES_MAX)];
        if self.kept.len() < KEPT_BYTES_MAX { rule::telling(words) } else { None }
    }

    /// What is kept of a step that passed is room for others.
    fn begin_step(&mut self) {
        if self.step.failed {
            self.left_out += self.recent.len() as u64;
        } else {
            self.kept.truncate(self.step.start);
            self.left_out = self.step.left_out + self.step.lines;
        }
        self.forget_recent();
        self.step = Step { start: self.kept.len(), left_out: self.left_out, lines: 0, failed: false };
    }

    fn keep(&mut self, line: &str) {
        let passed_over = self.recent.len().saturating_sub(BEFORE);
        self.left_out += self.recent.drain(..passed_over).len() as u64;
        self.leave_out_half_a_key();
        self.note();
        self.kept.extend(self.recent.drain(..));
        self.kept.push_str(line);
        self.forget_recent();
    }

    fn wait(&mut self, line: String) {
        self.recent_bytes += line.len();
        self.recent.push_back(line);
        while self.recent_bytes > RECENT_BYTES_MAX {
            let Some(oldest) = self.recent.pop_front() else { break };
            self.recent_bytes -= oldest.len();
            self.left_out += 1;
        }
    }

    /// The rest of a key whose beginning is left out has no form by which it could be known as a secret.
    fn leave_out_half_a_key(&mut self) {
        while self.left_out > 0 && self.recent.front().is_some_and(|line| is_of_key(line)) {
            self.recent.pop_front();
            self.left_out += 1;
        }
    }

    fn forget_recent(&mut self) {
        self.recent.clear();
        self.recent_bytes = 0;
    }

    fn note(&mut self) {
        if self.left_out > 0 {
            let note = format!("[{} lines of the log were left out here]\n", self.left_out);
            self.kept.push_str(&note);
            self.left_out = 0;
        }
    }
}

/// A line as rules read it: without the time in front and without colours.
fn plain(line: &str) -> Cow<'_, str> {
    let line = line.trim_start_matches('\u{FEFF}');
    let line = line[timestamp(line)..].trim_end_matches(['\n', '\r']);
    if line.contains('\u{1B}') { Cow::Owned(text::sanitise(line).text) } else { Cow::Borrowed(line) }
}

/// Whether a line may be part of a key in lines of base64.
fn is_of_key(line: &str) -> bool {
    let words = plain(line);
    let words = words.trim();
    let coded =
        words.len() >= 32 && words.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'+' | b'/' | b'='));
    coded || words.contains("-----END ")
}

fn valid(bytes: &[u8]) -> String {
    let mut text = String::with_capacity(bytes.len());
    for chunk in bytes.utf8_chunks() {
        text.push_str(chunk.valid());
        if !chunk.invalid().is_empty() {
            text.push('?');
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::failure::finding;

    const NOISE: &str = "2026-11-20T06:10:00.1234567Z compiled one more object file of this very large project\n";

    fn sifted(pieces: &[&str]) -> String {
        let mut sieve = Sieve::new();
        for piece in pieces {
            sieve.push(piece.as_bytes());
        }
        sieve.into_text()
    }

    fn noise(bytes: usize) -> String {
        NOISE.repeat(bytes / NOISE.len() + 1)
    }

    fn step(command: &str) -> String {
        format!("2026-11-20T06:10:00.1234567Z ##[group]Run {command}\n2026-11-20T06:10:00.1234567Z ##[endgroup]\n")
    }

    const FAILED: &str = "2026-11-20T06:10:00.1234567Z ##[error]Process completed with exit code 2.\n";

    #[test]
    fn a_short_log_is_kept_as_it_is() {
        assert_eq!(sifted(&["one\nt", "wo\n"]), "one\ntwo\n");
        assert_eq!(sifted(&[]), "");
    }

    // G072
    #[test]
    fn an_error_in_the_middle_of_a_long_log_is_kept_with_the_lines_around_it() {
        let lots = noise(8 << 20);
        let text = sifted(&[
            &step("make"),
            &lots,
            "before\n",
            "src/cart.c:7:2: error: expected ';'\n",
            "after\n",
            &lots,
            FAILED,
            &noise(2 << 20),
        ]);

        assert!(text.len() < 2 << 20, "{}", text.len());
        assert!(text.contains(&format!("{NOISE}before\nsrc/cart.c:7:2: error: expected ';'\nafter\n{NOISE}")));
        let log = log::Log::of_job(&text, Some("Run make"));
        let found: Vec<_> = finding::search(&log).into_iter().map(|located| located.finding).collect();
        let finding = crate::model::Finding {
            file: Some("src/cart.c".to_owned()),
            line: Some(7),
            message: "expected ';'".to_owned(),
        };
        assert_eq!(found, [finding]);
    }

    #[test]
    fn what_a_step_that_passed_says_leaves_no_trace() {
        let alarms = "ERROR: only a drill\n".repeat(100_000);

        let text = sifted(&[&step("drill"), &alarms, &step("make"), "error: it burns\n", FAILED, &noise(1 << 20)]);

        assert!(!text.contains("drill"), "{}", &text[..200]);
        assert!(text.starts_with("[100002 lines of the log were left out here]\n"), "{}", &text[..200]);
        assert!(text.contains("error: it burns\n"));
    }

    #[test]
    fn every_line_is_kept_or_counted() {
        let lots = noise(3 << 20);
        let log =
            [&step("a"), &lots, "error: a\n", &lots, FAILED, &lots, &step("b"), &lots, "error: b\n", FAILED, &lots]
                .concat();

        let text = sifted(&[&log]);

        let counted = |line: &str| {
            line.strip_prefix('[')?.strip_suffix(" lines of the log were left out here]")?.parse::<usize>().ok()
        };
        let left_out: usize = text.lines().filter_map(counted).sum();
        let kept = text.lines().filter(|line| counted(line).is_none()).count();
        assert_eq!(left_out + kept, log.lines().count());
    }

    #[test]
    fn noise_that_only_looks_like_an_error_leaves_room_for_a_real_one() {
        let suspicious = "x_test.go:3: just saying\n".repeat(200_000);

        let text = sifted(&[&step("go test"), &suspicious, "panic: no price\n", FAILED, &noise(1 << 20)]);

        assert!(text.contains("panic: no price\n") && text.len() < 2 << 20);
    }

    // G072
    #[test]
    fn a_log_without_lines_and_invalid_bytes_stay_bounded() {
        let mut sieve = Sieve::new();
        for _ in 0..256 {
            sieve.push(&[0xFF; 64 << 10]);
            assert!(sieve.line.capacity() <= 2 * LINE_BYTES_MAX);
        }
        assert_eq!(sieve.seen(), 16 << 20);
        assert!(sieve.into_text().len() <= LINE_BYTES_MAX + 1);
        assert_eq!(sifted(&["a"]).len(), 1);
        let mut sieve = Sieve::new();
        sieve.push(b"a\xff\xfe\xf0\x9f");
        sieve.push(b"\x98\x80b");
        assert_eq!(sieve.into_text(), "a??😀b");
    }

    // G072
    #[test]
    fn half_a_key_is_left_out() {
        let key = "2026-11-20T06:10:00Z MIIEpAIBAAKCAQEA0123456789abcdefghijklmnopqrstuvwxyz\n".repeat(50);
        let end = "2026-11-20T06:10:00Z -----END RSA PRIVATE KEY-----\n";

        let text =
            sifted(&[&step("env"), &noise(2 << 20), &key, end, "plain\n", "error: no\n", FAILED, &noise(1 << 20)]);

        assert!(!text.contains("MIIEp") && !text.contains("END RSA") && text.contains("here]\nplain\nerror: no\n"));
    }

    #[test]
    fn colours_hide_no_error() {
        let red = "2026-11-20T06:10:00Z \u{1B}[1m\u{1B}[31merror[E0308]\u{1B}[0m: mismatched types\n";

        let text = sifted(&[&step("cargo check"), &noise(2 << 20), red, &noise(2 << 20), FAILED, &noise(1 << 20)]);

        assert!(text.contains(red));
    }

    proptest::proptest! {
        #![proptest_config(proptest::prelude::ProptestConfig::with_cases(4))]

        #[test]
        fn where_the_stream_is_cut_does_not_matter(cuts in proptest::collection::vec(1_usize..200_000, 1..20)) {
            let log = [&step("a"), &noise(600 << 10), "error: ä\n", &noise(600 << 10), FAILED].concat();
            let mut sieve = Sieve::new();
            let mut rest = log.as_bytes();
            for cut in cuts {
                let (piece, more) = rest.split_at(cut.min(rest.len()));
                sieve.push(piece);
                rest = more;
            }
            sieve.push(rest);
            proptest::prop_assert_eq!(sieve.into_text(), sifted(&[&log]));
        }
    }
}
