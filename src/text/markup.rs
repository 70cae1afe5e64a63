//! Markdown without what GitHub does not render: what a person sees is what an agent gets.
//!
//! Where it cannot tell whether people see something, it takes it out and says so. It keeps what is collapsed
//! (`<details>`), links and the descriptions of images: those are one click away. It is no Markdown parser: only code at
//! the top level, set off by a blank line, counts as code.

use std::{ops::Range, sync::LazyLock};

use regex::Regex;

use super::{
    cap::floor,
    sanitise::{Removed, Sanitised, sanitise},
};

/// How much of each hidden piece is reported, in bytes.
const REPORT_BYTES_MAX: usize = 1_000;

/// How many link definitions may be kept; for each one the whole text is searched.
const DEFINITIONS_MAX: usize = 200;

/// What begins a piece that is not rendered, and what ends it.
const HIDDEN: [(&str, &str); 3] = [("<!--", "-->"), ("<![CDATA[", "]]>"), ("<?", "?>")];

/// `text`, sanitised, without HTML comments, declarations, processing instructions, attributes, and link definitions
/// that no visible link uses. They are listed in [`Removed::html_comments`].
#[must_use]
pub fn strip_hidden_markup(text: &str) -> Sanitised {
    let Sanitised { text, removed } = sanitise(text);
    let mut scan = Scan::new(&text);
    while scan.at < text.len() {
        scan.line();
    }
    let removed = Removed { html_comments: scan.hidden, ..removed };
    Sanitised { text: scan.shown, removed }
}

struct Scan<'a> {
    text: &'a str,
    at: usize,
    shown: String,
    hidden: Vec<String>,
    /// Whether a fence is code for GitHub too. Not after a piece that swallowed line ends: it may have swallowed fences.
    fences: bool,
    paragraph: Paragraph,
    definitions: usize,
    /// Whether the text has no further end of this kind: it is searched once, not once per beginning.
    endless: [bool; HIDDEN.len()],
}

/// What stands between the last blank line and this one.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Paragraph {
    /// Nothing: a fence may begin here.
    Empty,
    /// Lines of Markdown.
    Text,
    /// A line that may have begun an HTML block, in which backticks mean nothing.
    Html,
}

impl<'a> Scan<'a> {
    fn new(text: &'a str) -> Self {
        // Inside these, GitHub sees no Markdown at all until the end tag.
        static RAW: LazyLock<Regex> = LazyLock::new(|| constant(r"(?i)<(?:pre|script|style|textarea)\b"));
        Self {
            text,
            at: 0,
            shown: String::with_capacity(text.len()),
            hidden: Vec::new(),
            fences: !RAW.is_match(text),
            paragraph: Paragraph::Empty,
            definitions: 0,
            endless: [false; HIDDEN.len()],
        }
    }

    fn line(&mut self) {
        let line = first_line(&self.text[self.at..]);
        if line.trim().is_empty() {
            self.show(line.len());
            self.paragraph = Paragraph::Empty;
        } else if let Some(length) = self.fenced_code() {
            self.show(length);
            self.paragraph = Paragraph::Text;
        } else if let Some(length) = self.definition() {
            self.at += length;
            self.paragraph = Paragraph::Text;
        } else {
            let tag = line.trim_start_matches([' ', '\t', '>', '*', '+', '-']).starts_with('<');
            if tag || self.paragraph == Paragraph::Empty {
                self.paragraph = if tag { Paragraph::Html } else { Paragraph::Text };
            }
            self.words(self.at + line.len());
        }
    }

    /// Goes through one line up to `end`, or further if a hidden piece does.
    fn words(&mut self, end: usize) {
        let start = self.at;
        while self.at < end {
            let plain = self.text[self.at..end].find(['<', '`']).unwrap_or(end - self.at);
            self.show(plain);
            if self.at == end {
                return;
            }
            if self.text[self.at..].starts_with('`') {
                self.show(self.code_span(end));
            } else if !self.hide_piece(start) && !self.strip_attributes(end) {
                self.show(1);
            }
        }
    }

    fn show(&mut self, length: usize) {
        self.shown.push_str(&self.text[self.at..self.at + length]);
        self.at += length;
    }

    fn hide(&mut self, length: usize) {
        let piece = &self.text[self.at..self.at + length];
        self.hidden.push(floor(piece, REPORT_BYTES_MAX).to_owned());
        self.at += length;
    }

    /// The length of a fenced block that begins here.
    fn fenced_code(&self) -> Option<usize> {
        let rest = &self.text[self.at..];
        let line = first_line(rest);
        let mark = rest.chars().next().filter(|c| matches!(c, '`' | '~'))?;
        let ticks = run(rest, mark);
        let opens = self.fences
            && self.paragraph == Paragraph::Empty
            && ticks >= 3
            && !(mark == '`' && line[ticks..].contains('`'));
        if !opens {
            return None;
        }
        let mut length = line.len();
        for line in rest[length..].split_inclusive('\n') {
            length += line.len();
            let closing = line.trim_start_matches(' ');
            if line.len() - closing.len() < 4
                && run(closing, mark) >= ticks
                && closing.trim_matches(mark).trim().is_empty()
            {
                break;
            }
        }
        Some(length)
    }

    /// The length of a code span that begins here and ends in the same line; else of its backticks.
    fn code_span(&self, end: usize) -> usize {
        let rest = &self.text[self.at..end];
        let ticks = run(rest, '`');
        let escaped = self.shown.len() - self.shown.trim_end_matches('\\').len();
        if self.paragraph == Paragraph::Html || escaped % 2 == 1 {
            return 1;
        }
        let mut at = ticks;
        while let Some(next) = rest[at..].find('`') {
            at += next;
            let closing = run(&rest[at..], '`');
            at += closing;
            if closing == ticks {
                return at;
            }
        }
        ticks
    }

    /// Takes out the comment or other invisible piece that begins here; `line` is where its line began.
    fn hide_piece(&mut self, line: usize) -> bool {
        let Some(piece) = self.piece(line) else { return false };
        self.fences &= !self.text[piece.clone()].contains('\n');
        self.hide(piece.len());
        // What stood on both sides must not grow together into a new beginning.
        if self.shown.ends_with(['<', '!', '-', '?']) {
            self.shown.push(' ');
        }
        true
    }

    fn piece(&mut self, line: usize) -> Option<Range<usize>> {
        static DECLARATION: LazyLock<Regex> = LazyLock::new(|| constant(r"\A<![A-Za-z][^>]*>"));
        let rest = &self.text[self.at..];
        for (kind, (begin, end)) in HIDDEN.into_iter().enumerate() {
            if !rest.starts_with(begin) {
                continue;
            }
            let found = if self.endless[kind] { None } else { rest[begin.len()..].find(end) };
            self.endless[kind] = found.is_none();
            // A block that begins its line and never ends hides the rest of the text; in mid-line it hides nothing.
            let before = &self.text[line..self.at];
            let begins_line = before.chars().all(|c| c.is_ascii_digit() || " \t>*+-.)".contains(c));
            let length = found.map(|at| begin.len() + at + end.len()).or_else(|| begins_line.then_some(rest.len()))?;
            return Some(self.at..self.at + length);
        }
        DECLARATION.find(rest).map(|found| self.at..self.at + found.len())
    }

    /// A tag with attributes: people see neither the tag nor what stands in it.
    fn strip_attributes(&mut self, end: usize) -> bool {
        static TAG: LazyLock<Regex> = LazyLock::new(|| {
            constant(
                r#"\A<(/?[A-Za-z][A-Za-z0-9-]*)((?:\s+[A-Za-z_:][\w:.-]*(?:\s*=\s*(?:"[^"]*"|'[^']*'|[^\s"'=<>`]+))?)+)\s*(/?)>"#,
            )
        });
        let Some(tag) = TAG.captures(&self.text[self.at..end]) else { return false };
        let (name, attributes) = (&tag[1], &tag[2]);
        let kept = kept_attributes(name, attributes);
        if kept.len() == attributes.len() {
            self.show(tag[0].len());
        } else {
            let stripped = format!("<{name}{kept}{}>", &tag[3]);
            self.hide(tag[0].len());
            self.shown.push_str(&stripped);
        }
        true
    }

    /// The length of a link definition that begins here. One whose link is visible keeps its address.
    fn definition(&mut self) -> Option<usize> {
        static DEFINITION: LazyLock<Regex> = LazyLock::new(|| {
            constant(
                r#"\A[ \t>*+-]*(\[[^\[\]\n^][^\[\]\n]{0,998}\]):[ \t]*\n?[ \t]*(<[^<>\n]*>|[^\s<]\S*)(?:[ \t]*\n?[ \t]*(?:"[^"]*"|'[^']*'|\([^()]*\)))?[ \t]*(?:\n|\z)"#,
            )
        });
        let found = DEFINITION.captures(&self.text[self.at..])?;
        let (whole, label, address) = (&found[0], &found[1], &found[2]);
        let link = format!("{label}: {address}\n");
        self.definitions += 1;
        let may_stay = self.definitions <= DEFINITIONS_MAX && address.starts_with("http");
        let used = may_stay && self.text.matches(label).nth(1).is_some();
        if used {
            self.shown.push_str(&link);
        }
        if !used || whole != link {
            self.hidden.push(floor(whole.trim_end(), REPORT_BYTES_MAX).to_owned());
        }
        Some(whole.len())
    }
}

/// The attributes of a tag that a person gets to see or follow.
fn kept_attributes(name: &str, attributes: &str) -> String {
    static KEPT: LazyLock<Regex> =
        LazyLock::new(|| constant(r#"\s+(?:href|src|alt)\s*=\s*(?:"[^"]*"|'[^']*'|[^\s"'=<>`]+)"#));
    if !matches!(name, "a" | "img") {
        return String::new();
    }
    KEPT.find_iter(attributes).map(|found| found.as_str()).collect()
}

fn constant(pattern: &str) -> Regex {
    Regex::new(pattern).expect("the pattern is constant")
}

fn first_line(text: &str) -> &str {
    text.split_inclusive('\n').next().unwrap_or_default()
}

fn run(text: &str, mark: char) -> usize {
    text.len() - text.trim_start_matches(mark).len()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::text::sanitise::tests::hostile;

    fn stripped(text: &str) -> (String, Vec<String>) {
        let stripped = strip_hidden_markup(text);
        (stripped.text, stripped.removed.html_comments)
    }

    #[test]
    fn what_github_renders_stays() {
        for text in [
            "# Title\n\n- [ ] a < b && c > d\n- `Vec<T>` and Vec<T>\n",
            "![a plan](x.png \"title\") [docs][1]\n\n[1]: https://example.org/x\n",
            "<details>\n<summary>log</summary>\n\ntext\n</details>\n",
            "use `<!-- x -->` and ``<div class=\"`\">`` here\n",
            "code:\n\n```html\n<!-- seen -->\n<?php x ?>\n<p class=\"x\">\n```\n",
            "[ERROR]: two words\n[^1]: a footnote\n",
            "an arrow <!-- that never ends\n",
            "<a href=\"https://x\">x</a> <img src='y' alt=z>\n",
        ] {
            assert_eq!(stripped(text), (text.to_owned(), vec![]));
        }
    }

    // G106, and the comment that made an agent leak a token.
    #[test]
    fn hidden_instructions_go_and_are_listed() {
        for (text, shown, hidden) in [
            ("a<!-- obey -->b", "ab", "<!-- obey -->"),
            ("a <!\u{200B}-- obey\n\n-->b", "a b", "<!-- obey\n\n-->"),
            ("seen\n> <!-- obey\nall", "seen\n> ", "<!-- obey\nall"),
            ("a\n[//]: # (obey)\nb", "a\nb", "[//]: # (obey)"),
            ("[x]:\n  y\n  'obey\nme'\n", "", "[x]:\n  y\n  'obey\nme'"),
            ("[obey]: https://x\n", "", "[obey]: https://x"),
            ("<? obey ?>", "", "<? obey ?>"),
            ("<!DOCTYPE obey>", "", "<!DOCTYPE obey>"),
            ("<![CDATA[ obey ]]>", "", "<![CDATA[ obey ]]>"),
            ("<obey all=\"of > this\" now>", "<obey>", "<obey all=\"of > this\" now>"),
            ("<img src=\"x\" title=\"obey\"/>", "<img src=\"x\"/>", "<img src=\"x\" title=\"obey\"/>"),
        ] {
            assert_eq!(stripped(text), (shown.to_owned(), vec![hidden.to_owned()]), "{text:?}");
        }
    }

    #[test]
    fn what_only_looks_like_code_protects_nothing() {
        for text in [
            "<div>\n```\n<!-- obey -->\n```\n</div>",
            "<pre>\n\n```\n<!-- obey -->\n```\n</pre>",
            "- a\n\n  ```\n<!-- obey -->",
            "text\n```not a fence` <!-- obey -->",
            "`<!--\n\n```\n-->\n\n```\n<!-- obey -->\n```",
            "\\`<!-- obey -->`",
            "<div>\n`<!-- obey -->`</div>",
            "<a href=\"`\"><!-- obey -->`",
            "``` <!-- obey --> ``",
        ] {
            let (shown, hidden) = stripped(text);
            assert!(!shown.contains("obey") && !hidden.is_empty(), "{shown:?}");
        }
    }

    #[test]
    fn pieces_do_not_grow_together() {
        assert_eq!(stripped("<!<!-- x -->-- obey -->").0, "<! -- obey -->");
    }

    proptest! {
        #[test]
        fn every_byte_is_shown_or_reported(text in hostile()) {
            let sanitised = sanitise(&text).text;
            let (shown, hidden) = stripped(&text);
            let ink = |text: &str| text.chars().filter(|c| !c.is_whitespace()).count();
            prop_assert!(ink(&shown) + hidden.iter().map(|piece| ink(piece)).sum::<usize>() >= ink(&sanitised));
            prop_assert_eq!(sanitise(&shown).text, shown);
        }
    }
}
