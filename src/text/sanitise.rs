//! The first thing that happens to a text from outside: it becomes what a terminal would have shown.
//!
//! It never judges words, and never leaves a control or format character other than newline and tab (and the joiners
//! inside an emoji).

use std::fmt;

use super::{
    character::{self, Kind},
    escape::{self, Escape},
    screen::Screen,
};

/// A text that may be shown, and what was taken out of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Sanitised {
    /// The text: lines end with `\n`.
    pub text: String,
    /// What is not there any more.
    pub removed: Removed,
}

/// What was taken out of a text. Anything but zeros in a text by a person is worth showing to people.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Removed {
    /// Control characters, carriage returns of line ends not counted.
    pub controls: u32,
    /// Escape sequences of terminals.
    pub ansi: u32,
    /// Characters that nobody sees: zero-width, direction overrides, tags, stray variation selectors, private use, and
    /// text that was drawn as concealed.
    pub hidden: u32,
    /// Visible characters that the text itself erased or wrote over.
    pub overwritten: u32,
    /// Combining marks beyond the cap of one letter.
    pub marks: u32,
    /// Markup that GitHub does not render, word for word, each at most 1,000 bytes. Only Markdown has any.
    pub html_comments: Vec<String>,
}

impl Removed {
    /// Whether something was taken out that hides text from people. Colours and spare controls do not count.
    #[must_use]
    pub const fn is_suspicious(&self) -> bool {
        self.hidden > 0 || self.overwritten > 0 || !self.html_comments.is_empty()
    }
}

/// For people, for example `2 hidden characters, 1 escape sequence`; `nothing` when nothing was removed.
impl fmt::Display for Removed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let comments = u32::try_from(self.html_comments.len()).unwrap_or(u32::MAX);
        let counts = [
            (self.controls, "control character"),
            (self.ansi, "escape sequence"),
            (self.hidden, "hidden character"),
            (self.overwritten, "overwritten character"),
            (self.marks, "piled-up mark"),
            (comments, "hidden comment"),
        ];
        let mut separator = "";
        for (count, noun) in counts.into_iter().filter(|(count, _)| *count > 0) {
            let plural = if count == 1 { "" } else { "s" };
            write!(f, "{separator}{count} {noun}{plural}")?;
            separator = ", ";
        }
        if separator.is_empty() { f.write_str("nothing") } else { Ok(()) }
    }
}

/// What a terminal would have shown of `text`, as plain text.
///
/// Idempotent; linear in the length of `text`, also for hostile input.
#[must_use]
pub fn sanitise(text: &str) -> Sanitised {
    let mut removed = Removed::default();
    let mut screen = Screen::with_capacity(text.len());
    let mut rest = text.chars().peekable();
    while let Some(c) = rest.next() {
        match character::kind(c) {
            Kind::Shown => screen.put(c, &mut removed),
            Kind::Hidden => removed.hidden += 1,
            Kind::LineEnd => {
                removed.controls += u32::from(c != '\n');
                screen.line_end();
            }
            Kind::Control => match c {
                '\r' => {
                    removed.controls += u32::from(!matches!(rest.peek(), Some('\n' | '\r') | None));
                    screen.carriage_return();
                }
                '\u{08}' => {
                    removed.controls += 1;
                    screen.backspace();
                }
                _ => match escape::read(c, &mut rest) {
                    Some(Escape::Lone) | None => removed.controls += 1,
                    Some(escape) => {
                        removed.ansi += 1;
                        screen.follow(escape, &mut removed);
                    }
                },
            },
        }
    }
    let text = character::settle(&screen.finish(), &mut removed);
    Sanitised { text, removed }
}

#[cfg(test)]
pub(super) mod tests {
    use proptest::prelude::*;

    use super::*;

    /// Texts that are dense in what matters here.
    pub(in crate::text) fn hostile() -> impl Strategy<Value = String> {
        let piece = prop_oneof![
            4 => "[ -~]{0,6}",
            3 => prop::sample::select(&[
                "\u{1B}", "\u{1B}[", "\u{1B}[2K", "\u{1B}[A", "\u{1B}[8m", "\u{1B}[0m", "\u{1B}]0;", "\u{7}", "\u{9B}", "\r", "\n",
                "\r\n", "\u{8}", "\u{200D}", "\u{FE0F}", "\u{200B}", "\u{202E}", "\u{E0041}", "\u{301}", "👩", "🏽", "❤", "\u{85}",
                "<!--", "-->", "<!", "<", "[a]: x", "```", "~~~~", "`", "@a", "#1", "/x", "&#64;", "\u{E000}", "\t", "ൎ", "ß",
                "ghp_abcdefgh", "eyJ",
            ][..]).prop_map(str::to_owned),
            1 => any::<char>().prop_map(String::from),
        ];
        prop::collection::vec(piece, 0..24).prop_map(|pieces| pieces.concat())
    }

    proptest! {
        #[test]
        fn a_second_pass_finds_nothing(text in hostile()) {
            let once = sanitise(&text).text;
            let twice = sanitise(&once);
            prop_assert_eq!(twice, Sanitised { text: once, removed: Removed::default() });
        }

        #[test]
        fn nothing_that_steers_is_left(text in hostile()) {
            for c in sanitise(&text).text.chars() {
                prop_assert!(c == '\n' || character::kind(c) == Kind::Shown, "{:?}", c);
            }
        }
    }

    #[test]
    fn plain_text_stays_as_it_is() {
        for text in ["", "a", "a\n", "\n\n", "a\tb\n", "naïve 日本 🎉 — “x”"] {
            assert_eq!(sanitise(text), Sanitised { text: text.into(), removed: Removed::default() });
        }
    }

    #[test]
    fn line_ends_become_one_kind_without_a_word() {
        assert_eq!(sanitise("a\r\nb\r\r\nc\r\n"), Sanitised { text: "a\nb\nc\n".into(), removed: Removed::default() });
    }

    // S14, G072: a log with escape and control characters.
    #[test]
    fn everything_removed_is_counted() {
        let text = "\u{FEFF}\u{1B}[31mred\u{1B}[0m\u{200B} bell\u{7} lone\u{1B}\u{202E}\r\nXXX\rabc a\u{E0049}b\u{1B}[8mhid\u{1B}[0m";
        let removed = Removed { controls: 3, ansi: 4, hidden: 7, overwritten: 3, marks: 0, html_comments: vec![] };

        assert_eq!(sanitise(text), Sanitised { text: "red bell lone\nabc ab".into(), removed: removed.clone() });
        assert_eq!(
            removed.to_string(),
            "3 control characters, 4 escape sequences, 7 hidden characters, 3 overwritten characters"
        );
    }

    #[test]
    fn colours_are_not_suspicious_and_hidden_text_is() {
        assert!(!sanitise("\u{1B}[1mbold\u{1B}[0m\u{7}").removed.is_suspicious());
        assert!(sanitise("a\u{200B}b").removed.is_suspicious());
        assert!(sanitise("bad\rgood").removed.is_suspicious());
        assert_eq!(Removed::default().to_string(), "nothing");
    }
}
