//! Where a prompt's id stands in something that an agent wrote.

use crate::model::PromptId;

/// The most bytes of a quote.
const QUOTE_BYTES_MAX: usize = 200;

/// The words around the mark of a prompt in what an agent took in, or `None` if the mark is not there.
///
/// The mark has to begin a line, as it does in every prompt of ours. A prompt that quotes a log in which another mark
/// stands is no receipt for that other one; quotes are indented or fenced, and where one is not, an id of 50 random
/// bits that was never sent does not occur.
#[must_use]
pub fn evidence_in(text: &str, prompt: &PromptId) -> Option<String> {
    let mark = format!("[antiphon:{prompt}]");
    let line = text.lines().map(str::trim_start).find(|line| line.starts_with(&mark))?;
    let end = (0..=QUOTE_BYTES_MAX.min(line.len())).rev().find(|&end| line.is_char_boundary(end))?;
    Some(line[..end].trim_end().to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn quote(text: &str) -> Option<String> {
        evidence_in(text, &"abcdefghij".parse().unwrap())
    }

    #[test]
    fn the_line_with_the_mark_is_quoted() {
        assert_eq!(quote("[antiphon:abcdefghij] CI failed\nmore").as_deref(), Some("[antiphon:abcdefghij] CI failed"));
        assert_eq!(quote("one queued\n  [antiphon:abcdefghij] two").as_deref(), Some("[antiphon:abcdefghij] two"));
    }

    #[test]
    fn another_id_or_a_mention_is_no_receipt() {
        for text in [
            "",
            "[antiphon:abcdefghik] CI failed",
            "[antiphon:abcdefghij",
            "antiphon:abcdefghij",
            "the log says [antiphon:abcdefghij] CI failed",
            "> [antiphon:abcdefghij] CI failed",
        ] {
            assert_eq!(quote(text), None, "{text:?}");
        }
    }

    #[test]
    fn a_quote_is_short_and_ends_between_letters() {
        let long = format!("[antiphon:abcdefghij] {}", "ß".repeat(500));

        let quote = quote(&long).unwrap();

        assert_eq!((quote.len(), quote.ends_with('ß')), (200, true));
    }
}
