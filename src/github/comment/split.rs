//! Cutting a long Markdown text into comments. Pure.
//!
//! A cut falls between two lines where it can. A code block that is cut is closed before the cut and opened again behind
//! it, so that no part shows code as text or text as code.

/// GitHub takes 65,536 characters; some room is left for the mark.
const PART_BYTES_MAX: usize = 65_000;
/// Nobody reads more.
const PARTS_MAX: usize = 4;
const CUT_OFF: &str = "\n\n*(The rest was left out.)*";
/// An opening line may be repeated at every cut, so a longer one is not taken for one.
const FENCE_BYTES_MAX: usize = 200;

/// The parts of `text`, at least one.
pub(in crate::github) fn parts(text: &str) -> Vec<String> {
    parts_of(text, PART_BYTES_MAX)
}

fn parts_of(text: &str, max: usize) -> Vec<String> {
    // Closing and opening a block costs two lines; a line's end one byte.
    let room = max - 2 * (FENCE_BYTES_MAX + 1) - CUT_OFF.len();
    let mut parts = Vec::new();
    let mut part = String::new();
    let mut fence: Option<&str> = None;
    for line in text.split_inclusive('\n').flat_map(|line| pieces(line, room)) {
        if part.len() + line.len() > room {
            close(&mut part, fence);
            if parts.len() + 1 == PARTS_MAX {
                part.push_str(CUT_OFF);
                parts.push(part);
                return parts;
            }
            parts.push(std::mem::take(&mut part));
            part.extend(fence.map(|opening| format!("{opening}\n")));
        }
        part.push_str(line);
        fence = after(line, fence);
    }
    parts.push(part);
    parts
}

/// The line itself, or pieces of it that fit.
fn pieces(line: &str, room: usize) -> impl Iterator<Item = &str> {
    let mut rest = line;
    std::iter::from_fn(move || {
        if rest.is_empty() {
            return None;
        }
        let (piece, left) = rest.split_at(rest.floor_char_boundary(room));
        rest = left;
        Some(piece)
    })
}

fn close(part: &mut String, fence: Option<&str>) {
    let Some(opening) = fence else { return };
    if !part.ends_with('\n') {
        part.push('\n');
    }
    part.push_str(run(opening));
}

/// The code block that is open after `line`, by its opening line.
fn after<'a>(line: &'a str, open: Option<&'a str>) -> Option<&'a str> {
    let line = line.trim_end();
    let marks = run(line.trim_start());
    let indented = line.len() - line.trim_start().len() > 3;
    if marks.len() < 3 || indented || line.len() > FENCE_BYTES_MAX {
        return open;
    }
    match open {
        None => Some(line.trim_start()),
        // Only a bare run of the same mark, at least as long, closes a block.
        Some(opening) => {
            let closes = line.trim_start() == marks && marks.starts_with(run(opening));
            (!closes).then_some(opening)
        }
    }
}

/// The run of one fence character at the beginning of `line`.
fn run(line: &str) -> &str {
    let Some(mark) = line.chars().next().filter(|c| matches!(c, '`' | '~')) else { return "" };
    &line[..line.len() - line.trim_start_matches(mark).len()]
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const MAX: usize = 2 * (FENCE_BYTES_MAX + 1) + CUT_OFF.len() + 100;

    fn open_at_end(part: &str) -> bool {
        part.split_inclusive('\n').fold(None, |open, line| after(line, open)).is_some()
    }

    #[test]
    fn a_short_text_stays_as_it_is() {
        assert_eq!(parts("a\n```\nb\n```\n"), ["a\n```\nb\n```\n"]);
        assert_eq!(parts(""), [""]);
    }

    // G108
    #[test]
    fn a_cut_code_block_is_closed_and_opened_again() {
        let text = format!("```rust\n{}```\nend\n", "let a = 1;\n".repeat(12));

        let parts = parts_of(&text, MAX);

        let first = format!("```rust\n{}```", "let a = 1;\n".repeat(8));
        let second = format!("```rust\n{}```\nend\n", "let a = 1;\n".repeat(4));
        assert_eq!(parts, [first, second]);
    }

    // G108
    #[test]
    fn a_text_beyond_all_measure_is_cut_off_and_says_so() {
        let parts = parts(&"line\n".repeat(100_000));

        assert_eq!(parts.len(), PARTS_MAX);
        assert!(parts.iter().all(|part| part.len() <= PART_BYTES_MAX));
        assert!(parts[PARTS_MAX - 1].ends_with(CUT_OFF));
    }

    #[test]
    fn a_fence_inside_a_longer_or_other_one_closes_nothing() {
        let fold = |text: &'static str| text.split_inclusive('\n').fold(None, |open, line| after(line, open));
        assert_eq!(fold("````\n```\n"), Some("````"));
        assert_eq!(fold("~~~\n```\n"), Some("~~~"));
        assert_eq!(fold("```\n``` rust\n"), Some("```"));
        assert_eq!(fold("```\n````\n"), None);
        assert_eq!(fold("    ```\n"), None);
    }

    proptest! {
        #[test]
        fn every_part_fits_and_no_code_block_is_left_open(
            lines in proptest::collection::vec("[a-zä`~ ]{0,150}|```[a-z]{0,3}|~~~~", 0..60),
        ) {
            let text = lines.join("\n");
            let parts = parts_of(&text, MAX);
            prop_assert!(parts.len() <= PARTS_MAX);
            for part in &parts {
                prop_assert!(part.len() <= MAX);
            }
            for part in &parts[..parts.len() - 1] {
                prop_assert!(!open_at_end(part), "{part:?}");
            }
        }
    }
}
