//! Texts in a bounded size. What was left out is said where it is missing.

/// `text` in at most `bytes` bytes and `lines` lines: the beginning and the end stay, and a line in the middle says how
/// much is not there. A limit too small for that note gets only the beginning.
#[must_use]
pub fn cap(text: &str, bytes: usize, lines: usize) -> String {
    let few_lines = cap_lines(text, lines);
    if few_lines.len() <= bytes { few_lines } else { cap_bytes(text, bytes, lines) }
}

fn cap_lines(text: &str, max: usize) -> String {
    let lines: Vec<&str> = text.split_inclusive('\n').collect();
    if lines.len() <= max {
        return text.to_owned();
    }
    let first = max.saturating_sub(1).div_ceil(2);
    let last = max.saturating_sub(1) - first;
    if last == 0 {
        return lines[..max].concat();
    }
    let (head, tail) = (lines[..first].concat(), lines[lines.len() - last..].concat());
    let (left_out, bytes) = (lines.len() - first - last, text.len() - head.len() - tail.len());
    format!("{head}… {left_out} lines ({bytes} bytes) left out …\n{tail}")
}

/// Cuts by bytes, and so that the result has no more lines than `lines` either.
fn cap_bytes(text: &str, max: usize, lines: usize) -> String {
    let note = |left_out: usize| format!("\n… {left_out} bytes left out …\n");
    let room = max.saturating_sub(note(text.len()).len());
    if room < 2 || lines < 4 {
        return first_lines(floor(text, max), lines).to_owned();
    }
    // Two of the lines are the note's own line and the rest of the cut line before it.
    let head = first_lines(floor(text, room.div_ceil(2)), (lines - 2).div_ceil(2));
    let tail = last_lines(ceil(text, text.len() - room / 2), (lines - 2) / 2);
    let head = head.strip_suffix('\n').unwrap_or(head);
    format!("{head}{}{tail}", note(text.len() - head.len() - tail.len()))
}

fn first_lines(text: &str, max: usize) -> &str {
    let end = text.split_inclusive('\n').take(max).map(str::len).sum();
    &text[..end]
}

fn last_lines(text: &str, max: usize) -> &str {
    let length = text.split_inclusive('\n').rev().take(max).map(str::len).sum::<usize>();
    &text[text.len() - length..]
}

/// The longest beginning of `text` in at most `bytes` bytes.
pub(super) fn floor(text: &str, bytes: usize) -> &str {
    &text[..text.floor_char_boundary(bytes)]
}

/// The end of `text` from `from` on, or from the next character.
fn ceil(text: &str, from: usize) -> &str {
    &text[text.ceil_char_boundary(from)..]
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_text_that_fits_stays_as_it_is() {
        assert_eq!(cap("a\nb\n", 4, 2), "a\nb\n");
    }

    #[test]
    fn too_many_lines_lose_their_middle() {
        let text: String = (1..=9).map(|n| format!("line {n}\n")).collect();

        assert_eq!(cap(&text, 1000, 5), "line 1\nline 2\n… 5 lines (35 bytes) left out …\nline 8\nline 9\n");
    }

    #[test]
    fn too_many_bytes_lose_their_middle() {
        let text = format!("{}{}", "a".repeat(500), "é".repeat(500));

        let capped = cap(&text, 100, 10);

        let expected = format!("{}\n… 1430 bytes left out …\n{}", "a".repeat(36), "é".repeat(17));
        assert_eq!(capped, expected);
    }

    #[test]
    fn a_limit_without_room_for_a_note_keeps_the_beginning() {
        assert_eq!(cap("ééééé", 3, 10), "é");
        assert_eq!(cap("a\nb\nc\n", 100, 1), "a\n");
        assert_eq!(cap("abc", 0, 0), "");
    }

    proptest! {
        #[test]
        fn the_limits_hold(text in "([a-zé🎉]{0,9}\n?){0,60}", bytes in 0_usize..300, lines in 1_usize..20) {
            let capped = cap(&text, bytes, lines);
            prop_assert!(capped.len() <= bytes, "{} > {}", capped.len(), bytes);
            prop_assert!(capped.lines().count() <= lines, "{:?}", capped);
        }
    }
}
