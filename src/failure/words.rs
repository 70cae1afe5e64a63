//! Single lines of words from outside, in a bounded size.

use crate::text;

/// The longest line that stands in a failure, in bytes: a message, a file name, a step.
pub(super) const LINE_BYTES_MAX: usize = 500;

/// Words from outside as part of one line, without secrets.
pub(super) fn one_line(text: &str) -> String {
    let text = text::cap(text, 8 * LINE_BYTES_MAX, 50);
    let words = text::redact(&text::sanitise(&text).text, &[]).0;
    let words: Vec<&str> = words.split_whitespace().collect();
    shortened(&words.join(" "), LINE_BYTES_MAX)
}

/// `line` in about `bytes` bytes; what is missing is said at its end.
pub(super) fn shortened(line: &str, bytes: usize) -> String {
    if line.len() <= bytes {
        return line.to_owned();
    }
    let kept = &line[..line.floor_char_boundary(bytes)];
    format!("{kept} … {} bytes left out …", line.len() - kept.len())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_become_one_short_line_without_secrets() {
        assert_eq!(one_line(" a\u{1B}[31m\n b\tghp_abcdefgh "), "a b [redacted]");
        assert_eq!(shortened("äbc", 1), " … 4 bytes left out …");
        assert!(one_line(&"x ".repeat(9_000)).len() < 550);
    }
}
