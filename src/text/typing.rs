//! What may be typed into an agent's composer.
//!
//! Measured on real agents: an escape sequence inside a bracketed paste runs shell commands, `!` at the start runs one,
//! `/` is a command, and `@` and `#` open a popup that swallows Enter.

use super::{cap::floor, character, sanitise};

/// How many bytes are typed at most: Claude Code, Codex and OpenCode were seen to take as much as one message.
pub const TYPED_BYTES_MAX: usize = 100 << 10;

/// How many bytes a person may say at once: a prompt begins with its id.
pub const WORDS_BYTES_MAX: usize = TYPED_BYTES_MAX - 64;

/// Stands before a text whose own first character could mean something to an agent.
const SAFE_START: &str = "[text] ";

/// `text` as it may be typed.
///
/// It is sanitised, has no control or format character but newline and tab, begins with a letter, a digit, a bracket or
/// a quotation mark, ends with a space, and has at most [`TYPED_BYTES_MAX`] bytes. Idempotent.
#[must_use]
pub fn typable(text: &str) -> String {
    let text = character::without_joiners(&sanitise(text).text);
    let text = text.trim();
    let harmless = |c: char| c.is_alphanumeric() || matches!(c, '[' | '(' | '"' | '\'');
    let start = if text.is_empty() || text.starts_with(harmless) { "" } else { SAFE_START };
    // A name behind `@` or `$` at the very end opens a list of completions, which would take the Enter for itself.
    format!("{} ", shorten(format!("{start}{text}")))
}

/// What a person says, sanitised; a carriage return ends a line there, and takes nothing away as it does in a log.
#[must_use]
pub fn spoken(words: &str) -> String {
    sanitise(&words.replace("\r\n", "\n").replace('\r', "\n")).text
}

fn shorten(text: String) -> String {
    let most = TYPED_BYTES_MAX - 1;
    if text.len() <= most {
        return text;
    }
    let note = |left_out: usize| format!("\n… {left_out} bytes left out …");
    let kept = floor(&text, most - note(text.len()).len());
    format!("{kept}{}", note(text.len() - kept.len()))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::text::sanitise::tests::hostile;

    #[test]
    fn our_own_prompts_stay_as_they_are() {
        let prompt = "[antiphon:k3v9abcdef] CI failed:\n\tsrc/lib.rs:3 — “x” ≠ 1 ";
        assert_eq!(typable(prompt), prompt);
    }

    #[test]
    fn no_first_character_means_something_to_an_agent() {
        for first in ["/", "!", "#", "@", "&", "$", "?", "\\", "~", ":", "%", "`", "-", ">", "／", "！", "\u{301}"] {
            assert!(typable(&format!("  \n{first}x")).starts_with("[text] "), "{first:?}");
        }
    }

    #[test]
    fn a_persons_line_ends_take_no_words_away() {
        assert_eq!(spoken("one\r\ntwo\rthree\n"), "one\ntwo\nthree\n");
        assert_eq!(spoken("paste\u{1b}[201~\r!touch x\r"), "paste\n!touch x\n");
    }

    #[test]
    fn blank_lines_in_front_are_not_typed() {
        assert_eq!(typable(" \n\thello"), "hello ");
    }

    /// As Codex and OpenCode did it: the Enter chose from the list, and the prompt stayed where it was.
    #[test]
    fn a_name_at_the_end_opens_no_list() {
        assert_eq!(typable("see README.md, asks @maya"), "see README.md, asks @maya ");
        assert_eq!(typable("a @\n"), "a @ ");
    }

    #[test]
    fn a_paste_cannot_be_ended_from_inside() {
        assert_eq!(typable("a\u{1B}[201~\r!rm -rf\u{9B}201~\n❤\u{FE0F}"), "[text] !rm -rf\n❤ ");
    }

    #[test]
    fn a_long_text_says_what_is_missing() {
        let typed = typable(&"é".repeat(60_000));
        assert!(typed.len() <= TYPED_BYTES_MAX);
        assert!(typed.ends_with("é\n… 17632 bytes left out … "), "{}", &typed[typed.len() - 40..]);
    }

    proptest! {
        #[test]
        fn typing_is_idempotent_and_steers_nothing(text in hostile()) {
            let typed = typable(&text);
            prop_assert_eq!(&typable(&typed), &typed);
            prop_assert!(!typed.starts_with(['/', '!', '#', '@', '&', '$']));
            let format = regex::Regex::new(r"[\p{Cf}\p{Co}\p{Variation_Selector}\p{Zl}\p{Zp}[\p{Cc}--[\n\t]]]").unwrap();
            prop_assert!(!format.is_match(&typed), "{:?}", typed);
        }
    }
}
