//! Which characters may stay. It never looks at words, only at what single characters do to a reader.

use std::sync::LazyLock;

use regex::Regex;
use unicode_normalization::char::is_combining_mark;

use super::sanitise::Removed;

/// More marks than this on one letter serve no script: they paint over the lines above and below.
const MARKS_PER_BASE_MAX: u32 = 6;

const ZERO_WIDTH_JOINER: char = '\u{200D}';
const EMOJI_PRESENTATION: char = '\u{FE0F}';

/// What a character does to somebody who reads it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    /// It is seen.
    Shown,
    /// It ends a line.
    LineEnd,
    /// It steers the device (Unicode category Cc).
    Control,
    /// It is there, but nobody sees it, or no standard says what is seen.
    Hidden,
}

/// What `c` does. Newline and tab are shown; the joiners of emoji are judged later, by their neighbours.
pub(super) const fn kind(c: char) -> Kind {
    match c {
        '\t' | ' '..='~' | ZERO_WIDTH_JOINER | EMOJI_PRESENTATION => Kind::Shown,
        // A terminal moves down on vertical tab and form feed; browsers and editors break lines on the other three.
        '\n' | '\u{0B}' | '\u{0C}' | '\u{85}' | '\u{2028}' | '\u{2029}' => Kind::LineEnd,
        '\0'..='\u{1F}' | '\u{7F}'..='\u{9F}' => Kind::Control,
        _ if is_format(c) || is_blank(c) || is_private(c) => Kind::Hidden,
        _ => Kind::Shown,
    }
}

/// Whether `c` is of Unicode category Cf: it changes how others are laid out, or carries data beside the text.
const fn is_format(c: char) -> bool {
    matches!(c,
        '\u{AD}' | '\u{600}'..='\u{605}' | '\u{61C}' | '\u{6DD}' | '\u{70F}' | '\u{890}'..='\u{891}' | '\u{8E2}'
        | '\u{180E}' | '\u{200B}'..='\u{200F}' | '\u{202A}'..='\u{202E}' | '\u{2060}'..='\u{2064}'
        | '\u{2066}'..='\u{206F}' | '\u{FEFF}' | '\u{FFF9}'..='\u{FFFB}' | '\u{110BD}' | '\u{110CD}'
        | '\u{13430}'..='\u{1343F}' | '\u{1BCA0}'..='\u{1BCA3}' | '\u{1D173}'..='\u{1D17A}'
        | '\u{E0001}' | '\u{E0020}'..='\u{E007F}')
}

/// Whether `c` is drawn as nothing although it counts as a letter, a mark or a variation (default ignorable).
const fn is_blank(c: char) -> bool {
    matches!(c,
        '\u{34F}' | '\u{115F}'..='\u{1160}' | '\u{17B4}'..='\u{17B5}' | '\u{180B}'..='\u{180F}' | '\u{2065}'
        | '\u{3164}' | '\u{FE00}'..='\u{FE0F}' | '\u{FFA0}' | '\u{FFF0}'..='\u{FFF8}' | '\u{E0000}'..='\u{E0FFF}')
}

/// Whether `c` means nothing outside one font or one program: private use and noncharacters.
const fn is_private(c: char) -> bool {
    matches!(c, '\u{E000}'..='\u{F8FF}' | '\u{FDD0}'..='\u{FDEF}' | '\u{F0000}'..='\u{10FFFF}')
        || c as u32 & 0xFFFE == 0xFFFE
}

/// Keeps joiners only between the parts of an emoji, and marks only up to a cap; counts what goes.
///
/// Each decision looks at what was kept before and at the next character, so a second pass changes nothing.
pub(super) fn settle(text: &str, removed: &mut Removed) -> String {
    if text.is_ascii() {
        return text.to_owned();
    }
    let mut kept = String::with_capacity(text.len());
    let mut marks = 0;
    for (at, c) in text.char_indices() {
        match c {
            EMOJI_PRESENTATION if ends_with_emoji(&kept) => kept.push(c),
            ZERO_WIDTH_JOINER if ends_with_pictograph(&kept) && starts_with_pictograph(&text[at + c.len_utf8()..]) => {
                kept.push(c);
            }
            EMOJI_PRESENTATION | ZERO_WIDTH_JOINER => removed.hidden += 1,
            _ if !c.is_ascii() && is_combining_mark(c) => {
                marks += 1;
                if marks <= MARKS_PER_BASE_MAX {
                    kept.push(c);
                } else {
                    removed.marks += 1;
                }
            }
            _ => {
                marks = 0;
                kept.push(c);
            }
        }
    }
    kept
}

/// `text` without the joiners that [`settle`] keeps.
pub(super) fn without_joiners(text: &str) -> String {
    text.replace([ZERO_WIDTH_JOINER, EMOJI_PRESENTATION], "")
}

fn ends_with_emoji(text: &str) -> bool {
    static EMOJI: LazyLock<Regex> = LazyLock::new(|| Regex::new(r"\A\p{Emoji}\z").expect("the pattern is constant"));
    last(text).is_some_and(|c| EMOJI.is_match(c))
}

fn ends_with_pictograph(text: &str) -> bool {
    let base = text.strip_suffix(EMOJI_PRESENTATION).unwrap_or(text);
    static PICTOGRAPH: LazyLock<Regex> = LazyLock::new(|| {
        Regex::new(r"\A[\p{Extended_Pictographic}\p{Emoji_Modifier}]\z").expect("the pattern is constant")
    });
    last(base).is_some_and(|c| PICTOGRAPH.is_match(c))
}

fn starts_with_pictograph(text: &str) -> bool {
    static PICTOGRAPH: LazyLock<Regex> =
        LazyLock::new(|| Regex::new(r"\A\p{Extended_Pictographic}\z").expect("the pattern is constant"));
    text.chars().next().is_some_and(|c| PICTOGRAPH.is_match(&text[..c.len_utf8()]))
}

fn last(text: &str) -> Option<&str> {
    text.char_indices().next_back().map(|(at, _)| &text[at..])
}

#[cfg(test)]
mod tests {
    use super::*;

    fn settled(text: &str) -> String {
        settle(text, &mut Removed::default())
    }

    #[test]
    fn every_control_and_format_character_of_unicode_is_known() {
        let unwanted = Regex::new(r"\A[\p{Cc}\p{Cf}\p{Co}\p{Zl}\p{Zp}\p{Default_Ignorable_Code_Point}]\z").unwrap();
        let mut buffer = [0; 4];
        let missed: Vec<char> = ('\0'..=char::MAX)
            .filter(|c| !matches!(*c, '\t' | ZERO_WIDTH_JOINER | EMOJI_PRESENTATION))
            .filter(|c| kind(*c) == Kind::Shown && unwanted.is_match(c.encode_utf8(&mut buffer)))
            .collect();

        assert_eq!(missed, Vec::<char>::new());
    }

    #[test]
    fn letters_of_all_scripts_are_shown() {
        for c in "aÄßøñЖ漢字かなकกשؤ한🎉\u{FFFD}€\u{A0}".chars() {
            assert_eq!(kind(c), Kind::Shown, "{c:?}");
        }
    }

    #[test]
    fn joined_emoji_stay_whole() {
        for emoji in ["👩‍👩‍👧‍👦", "❤️", "🏳️‍🌈", "👩🏽‍🚀", "1️⃣", "🇩🇪"]
        {
            assert_eq!(settled(emoji), emoji);
        }
    }

    #[test]
    fn joiners_without_an_emoji_go() {
        assert_eq!(settled("a\u{200D}b\u{FE0F}c👩\u{200D}x\u{FE0F}\u{FE0F}❤\u{FE0F}\u{FE0F}"), "abc👩x❤\u{FE0F}");
    }

    #[test]
    fn marks_pile_up_only_so_high() {
        let tower = format!("a{}b\u{301}", "\u{301}".repeat(50));

        assert_eq!(settled(&tower), format!("a{}b\u{301}", "\u{301}".repeat(6)));
    }
}
