//! Comments that we post: what they quote mentions nobody, links nothing, closes nothing and commands no bot.
//!
//! Our account may do what the quoted author may not, so a quoted `/merge` or `fixes #12` must stay words.

use std::{borrow::Cow, sync::LazyLock};

use regex::Regex;

use super::{redact, strip_hidden_markup};

/// The longest comment that GitHub takes. It counts characters; UTF-16 units are never fewer.
pub const COMMENT_UNITS_MAX: usize = 65_536;

/// What keeps two characters from meaning something together. GitHub shows nothing of it.
const APART: &str = "\u{200B}";

/// What acts when our account says it: the character or word after which [`APART`] goes, then what would follow.
const ACTIVE: [&str; 6] = [
    // Mentions of people and teams.
    r"(@)([A-Za-z0-9_-]|&)",
    // References to issues, also behind `owner/name` and closing keywords.
    r"(#)([0-9]|&)",
    r"\b((?i:GH)-)([0-9])",
    // The same, spelled as character references: they are resolved before mentions are looked for.
    r"(&)(#[0-9xX]|(?:commat|num);)",
    // Markup: an open `<details>` would fold up what we write below it.
    r"(<)([A-Za-z/!?])",
    // Commands to bots: a word after a slash that begins a line and is not a path.
    r"(?m)(^[ \t>*+-]*/)([A-Za-z][\w-]*(?:[ \t]|$))",
];

/// `text` from outside as it may be quoted in a comment of ours: sanitised, stripped of hidden markup, without effect.
///
/// It reads as before. The caller sets it off, by a fence or by `> ` in front of every line: an open fence in it would
/// otherwise swallow what stands behind it. Idempotent except for hidden markup inside hidden markup.
#[must_use]
pub fn inert(text: &str) -> String {
    static PATTERNS: LazyLock<Vec<Regex>> =
        LazyLock::new(|| ACTIVE.iter().map(|form| Regex::new(form).expect("the pattern is constant")).collect());
    // A link to an issue closes it like its number does; this address leads to the same page and refers to nothing.
    static LINK: LazyLock<Regex> = LazyLock::new(|| {
        Regex::new(r"(?i)\b(?:www\.)?github\.com(?::\d+)?(/[^\s/]+/[^\s/]+/(?:issues|pull|discussions)/[0-9])")
            .expect("the pattern is constant")
    });
    let text = strip_hidden_markup(text).text;
    // A link that is redirected already has a dot before its host, which `\b` would accept.
    let text = LINK.replace_all(&text, |found: &regex::Captures<'_>| {
        let start = found.get(0).map_or(0, |whole| whole.start());
        let host = if text[..start].ends_with("redirect.") { "github.com" } else { "redirect.github.com" };
        format!("{host}{}", &found[1])
    });
    PATTERNS.iter().fold(text.into_owned(), |text, pattern| {
        let replaced = pattern.replace_all(&text, format!("${{1}}{APART}${{2}}"));
        if let Cow::Owned(changed) = replaced { changed } else { text }
    })
}

/// A text of ours with quotations as the comments to post: without secrets, each as long as GitHub takes.
///
/// What is quoted has to be [`inert`] before: this text may mention people on purpose.
#[must_use]
pub fn safe_comment(text: &str, known_secrets: &[&str]) -> Vec<String> {
    split_comment(&redact(text, known_secrets).0)
}

/// `text` in parts of at most [`COMMENT_UNITS_MAX`] UTF-16 units, split at line ends where possible. A code fence that a
/// part leaves open is closed at its end and opened again in the next.
#[must_use]
pub fn split_comment(text: &str) -> Vec<String> {
    split_at(text, COMMENT_UNITS_MAX)
}

/// The fence that is open, as it was opened.
#[derive(Clone)]
struct Open {
    mark: char,
    ticks: usize,
    reopening: String,
}

impl Open {
    /// Follows one line: it may open a fence, or close the one that is open. A fence so long that repeating it would
    /// fill comments of `max` units is none.
    fn after(open: Option<&Self>, line: &str, max: usize) -> Option<Self> {
        let inner = line.trim_start_matches(' ');
        let mark = inner.chars().next().filter(|c| matches!(c, '`' | '~'));
        let indented = line.len() - inner.len() > 3;
        let Some(mark) = mark.filter(|_| !indented) else { return open.cloned() };
        let info = inner.trim_start_matches(mark);
        let ticks = inner.len() - info.len();
        match open {
            Some(open) if open.mark == mark && ticks >= open.ticks && info.trim().is_empty() => None,
            Some(open) => Some(open.clone()),
            None if ticks < 3 || ticks * 4 > max || (mark == '`' && info.contains('`')) => None,
            None => {
                let whole = inner.trim_end();
                // A long info string is not worth repeating.
                let reopening = if whole.len() * 4 <= max { whole } else { &inner[..ticks] };
                Some(Self { mark, ticks, reopening: format!("{reopening}\n") })
            }
        }
    }

    fn closing(&self) -> String {
        format!("\n{}\n", String::from(self.mark).repeat(self.ticks))
    }
}

fn split_at(text: &str, max: usize) -> Vec<String> {
    let mut parts = Vec::new();
    let mut part = String::new();
    let mut open: Option<Open> = None;
    let mut used = 0;
    for mut line in text.split_inclusive('\n') {
        loop {
            let next = Open::after(open.as_ref(), line, max);
            if units(line) <= room(max, used, [open.as_ref(), next.as_ref()]) {
                part.push_str(line);
                used += units(line);
                open = next;
                break;
            }
            if used <= open.as_ref().map_or(0, |open| units(&open.reopening)) {
                let first;
                (first, line) = cut(line, max, used, open.as_ref());
                part.push_str(first);
                // What is left of a line may mean what the whole did not.
                open = Open::after(open.as_ref(), first, max);
            }
            parts.push(close(std::mem::take(&mut part), open.as_ref()));
            part = open.as_ref().map_or_else(String::new, |open| open.reopening.clone());
            used = units(&part);
        }
    }
    if !part.is_empty() {
        parts.push(part);
    }
    parts
}

/// How many units a part still takes that may have to close one of `fences`.
fn room(max: usize, used: usize, fences: [Option<&Open>; 2]) -> usize {
    let closing = |open: Option<&Open>| open.map_or(0, |open| open.closing().len());
    max.saturating_sub(used + closing(fences[0]).max(closing(fences[1])))
}

/// As much of `line` as fits into an empty part, at least one character, and the rest.
fn cut<'a>(line: &'a str, max: usize, used: usize, open: Option<&Open>) -> (&'a str, &'a str) {
    let longest = &line[..units_floor(line, room(max, used, [open, open]).max(2))];
    let opened = Open::after(open, longest, max);
    line.split_at(units_floor(line, room(max, used, [open, opened.as_ref()]).max(2)))
}

fn close(mut part: String, open: Option<&Open>) -> String {
    if let Some(open) = open {
        part.truncate(part.trim_end_matches('\n').len());
        part.push_str(&open.closing());
    }
    part
}

fn units(text: &str) -> usize {
    text.chars().map(char::len_utf16).sum()
}

/// How many bytes of `text` have at most `max` units.
fn units_floor(text: &str, max: usize) -> usize {
    let mut used = 0;
    text.char_indices()
        .find(|(_, c)| {
            used += c.len_utf16();
            used > max
        })
        .map_or(text.len(), |(at, _)| at)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::text::sanitise::tests::hostile;

    fn visible(text: &str) -> String {
        text.replace(APART, "")
    }

    #[test]
    fn a_quotation_mentions_closes_and_commands_nothing() {
        for (text, inert_text) in [
            ("ask @octo-cat", "ask @·octo-cat"),
            ("fixes #12, closes o/r#3, GH-4", "fixes #·12, closes o/r#·3, GH-·4"),
            ("/lgtm\n> /merge now\n/usr/bin/x", "/·lgtm\n> /·merge now\n/usr/bin/x"),
            (
                "&#64;user &#x40;user &commat;user &num;1 @&#117;ser",
                "&#·64;user &·#x40;user &·commat;user &·num;1 @·&#·117;ser",
            ),
            ("fixes https://github.com/o/r/issues/7", "fixes https://redirect.github.com/o/r/issues/7"),
            ("a <!-- @x --> # 1 &lt; C# @ 5", "a  # 1 &lt; C# @ 5"),
            ("<details><b> 1 < 2 <- x <!--", "<·details><·b> 1 < 2 <- x <·!--"),
            ("closes http://github.com:80/o/r/pull/7", "closes http://redirect.github.com/o/r/pull/7"),
        ] {
            let expected = inert_text.replace('·', APART);
            assert_eq!(inert(text), expected);
            assert_eq!(inert(&expected), expected, "the second pass differs");
        }
    }

    #[test]
    fn a_comment_of_ours_carries_no_secret() {
        assert_eq!(safe_comment("@bob: ghp_abcdefgh", &[]), ["@bob: [redacted]"]);
        assert_eq!(safe_comment("", &[]), [""; 0]);
    }

    // G108.
    #[test]
    fn a_long_comment_keeps_its_code_in_fences() {
        let text = "intro\n```sh\none one\ntwo two\n```\nend\n";

        assert_eq!(split_at(text, 26), ["intro\n```sh\none one\n```\n", "```sh\ntwo two\n```\nend\n"]);
    }

    #[test]
    fn a_fence_whose_own_line_is_cut_is_open() {
        let text = format!("``` {}\ncode\n", "x".repeat(30));

        assert_eq!(
            split_at(&text, 30),
            [format!("``` {}\n```\n", "x".repeat(21)), format!("```\n{}\ncode\n", "x".repeat(9))]
        );
    }

    #[test]
    fn a_long_line_is_cut_between_characters() {
        assert_eq!(split_at("aéa🎉🎉a", 4), ["aéa", "🎉🎉", "a"]);
    }

    #[test]
    fn the_limit_of_github_holds() {
        let parts = split_comment(&"0123456789\n".repeat(13_000));

        assert_eq!(parts.iter().map(String::len).collect::<Vec<_>>(), [65_527, 65_527, 11_946]);
    }

    proptest! {
        #[test]
        fn every_part_fits_and_closes_its_fences(text in hostile(), max in 40_usize..90) {
            let parts = split_at(&text, max);
            for part in &parts {
                prop_assert!(units(part) <= max, "{:?}", part);
            }
            for part in parts.iter().rev().skip(1) {
                let open = part.split_inclusive('\n').fold(None, |open: Option<Open>, line| Open::after(open.as_ref(), line, max));
                prop_assert!(open.is_none(), "{:?}", part);
            }
        }

        #[test]
        fn without_fences_nothing_is_added_or_lost(text in "([a-zé🎉 ]{0,30}\n?){0,20}", max in 4_usize..50) {
            prop_assert_eq!(split_at(&text, max).concat(), text);
        }

        #[test]
        fn a_quotation_reads_as_before(text in "[a-z@#/& 0-9\n]{0,40}") {
            prop_assert_eq!(visible(&inert(&text)), text);
        }
    }
}
