//! What a terminal shows, as text and with its looks. Plain data; it is read off a [`vt100::Screen`].

use serde::{Deserialize, Serialize};

/// A terminal's contents at one moment.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Screen {
    /// Its width.
    pub columns: u16,
    /// Its height.
    pub rows: u16,
    /// Scrollback first, then the rows of the screen; never fewer than `rows` lines of a living terminal.
    pub lines: Vec<Line>,
    /// Where the cursor is.
    pub cursor: Cursor,
    /// The title that the application set.
    pub title: String,
    /// Whether the application asked for pasted text to be marked; `None` if the terminal does not tell.
    pub bracketed_paste: Option<bool>,
}

/// Where the cursor is, counted from 0 at the top left of the screen.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Cursor {
    /// Its row.
    pub row: u16,
    /// Its column.
    pub column: u16,
    /// Whether it is shown.
    pub visible: bool,
}

/// One row: pieces of text that look the same, without blanks at the end that look like nothing.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Line(pub Vec<Run>);

/// A piece of text in one style.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Run {
    /// The characters.
    pub text: String,
    /// Their look.
    pub style: Style,
}

/// How text looks.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Style {
    /// The color of the characters.
    #[serde(default, skip_serializing_if = "Color::is_default")]
    pub foreground: Color,
    /// The color behind them.
    #[serde(default, skip_serializing_if = "Color::is_default")]
    pub background: Color,
    /// What else is special, each at most once, in the order of [`Attribute`].
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub attributes: Vec<Attribute>,
}

/// A color of a terminal.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Color {
    /// What the terminal uses when nothing is said.
    #[default]
    Default,
    /// One of the 256 of the palette.
    Indexed(u8),
    /// Red, green, blue.
    Rgb(u8, u8, u8),
}

/// A special look.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Attribute {
    /// Heavier or brighter.
    Bold,
    /// Fainter: agents show suggestions so, which nobody has typed.
    Dim,
    /// Slanted.
    Italic,
    /// With a line below.
    Underline,
    /// Foreground and background exchanged.
    Inverse,
}

impl Color {
    const fn is_default(&self) -> bool {
        matches!(self, Self::Default)
    }

    const fn of(color: vt100::Color) -> Self {
        match color {
            vt100::Color::Default => Self::Default,
            vt100::Color::Idx(index) => Self::Indexed(index),
            vt100::Color::Rgb(red, green, blue) => Self::Rgb(red, green, blue),
        }
    }
}

impl Style {
    fn of(cell: &vt100::Cell) -> Self {
        let attributes = [
            (cell.bold(), Attribute::Bold),
            (cell.dim(), Attribute::Dim),
            (cell.italic(), Attribute::Italic),
            (cell.underline(), Attribute::Underline),
            (cell.inverse(), Attribute::Inverse),
        ];
        Self {
            foreground: Color::of(cell.fgcolor()),
            background: Color::of(cell.bgcolor()),
            attributes: attributes.into_iter().filter(|(on, _)| *on).map(|(_, attribute)| attribute).collect(),
        }
    }
}

impl Line {
    /// Its characters without blanks at the end.
    #[must_use]
    pub fn text(&self) -> String {
        let text: String = self.0.iter().map(|run| run.text.as_str()).collect();
        text.trim_end().to_owned()
    }

    fn push(&mut self, text: &str, style: Style) {
        match self.0.last_mut() {
            Some(last) if last.style == style => last.text.push_str(text),
            _ => self.0.push(Run { text: text.to_owned(), style }),
        }
    }

    fn trim_end(&mut self) {
        while let Some(last) = self.0.last_mut().filter(|last| last.style == Style::default()) {
            last.text.truncate(last.text.trim_end().len());
            if !last.text.is_empty() {
                return;
            }
            self.0.pop();
        }
    }
}

impl Screen {
    /// Reads the screen and up to `scrollback` lines above it. Leaves the view of `screen` at the bottom.
    #[must_use]
    pub fn read(screen: &mut vt100::Screen, scrollback: usize) -> Self {
        let (rows, columns) = screen.size();
        let (rows, columns) = (rows.get(), columns.get());
        let above = scrollback.min(screen.scrollback_len());
        let mut lines = Vec::with_capacity(above + usize::from(rows));
        // The view is moved up a screen at a time; the last view overlaps the screen itself.
        let mut left = above;
        while left > 0 {
            screen.set_scrollback(left);
            let shown = left.min(usize::from(rows));
            lines.extend((0..rows).take(shown).map(|row| line(screen, row, columns)));
            left -= shown;
        }
        screen.set_scrollback(0);
        lines.extend((0..rows).map(|row| line(screen, row, columns)));
        let (row, column) = screen.cursor_position();
        Self {
            columns,
            rows,
            lines,
            cursor: Cursor { row, column, visible: !screen.hide_cursor() },
            title: String::new(),
            bracketed_paste: Some(screen.bracketed_paste()),
        }
    }

    /// The rows of the screen itself, without scrollback.
    pub fn visible(&self) -> impl Iterator<Item = &Line> {
        self.lines.iter().skip(self.lines.len().saturating_sub(usize::from(self.rows)))
    }

    /// Everything as plain text: one line per row, no blanks at the ends, no empty lines at the bottom.
    #[must_use]
    pub fn text(&self) -> String {
        joined(self.lines.iter().map(Line::text))
    }

    /// What is on the screen itself as plain text.
    #[must_use]
    pub fn visible_text(&self) -> String {
        joined(self.visible().map(Line::text))
    }

    /// The same with dim characters blanked out: what is dim was suggested, not typed.
    #[must_use]
    pub fn typed_text(&self) -> String {
        joined(self.visible().map(|line| {
            let shown = line.0.iter().map(|run| match run.style.attributes.contains(&Attribute::Dim) {
                true => " ".repeat(run.text.chars().count()),
                false => run.text.clone(),
            });
            shown.collect::<String>().trim_end().to_owned()
        }))
    }
}

fn joined(lines: impl Iterator<Item = String>) -> String {
    let text = lines.collect::<Vec<_>>().join("\n");
    text.trim_end_matches('\n').to_owned()
}

fn line(screen: &vt100::Screen, row: u16, columns: u16) -> Line {
    let mut line = Line::default();
    let cells = (0..columns).filter_map(|column| screen.cell(row, column));
    for cell in cells.filter(|cell| !cell.is_wide_continuation()) {
        let text = if cell.has_contents() { cell.contents() } else { " " };
        line.push(text, Style::of(cell));
    }
    line.trim_end();
    line
}

#[cfg(test)]
mod tests {
    use std::num::NonZeroU16;

    use super::*;

    fn screen(output: &str, scrollback: usize) -> Screen {
        let size = |n| NonZeroU16::new(n).unwrap();
        let mut parser = vt100::Parser::new(size(3), size(20), 100);
        parser.process(output.as_bytes());
        Screen::read(parser.screen_mut(), scrollback)
    }

    #[test]
    fn text_is_what_a_person_sees() {
        let screen = screen("one\r\n\x1b[1mtwo\x1b[m 🦀  \r\n", 0);

        assert_eq!(screen.text(), "one\ntwo 🦀");
        assert_eq!(screen.cursor, Cursor { row: 2, column: 0, visible: true });
        assert_eq!(screen.lines.len(), 3);
    }

    #[test]
    fn scrollback_stands_above_the_screen_and_may_be_longer_than_it() {
        let output = (1..=9).map(|n| n.to_string()).collect::<Vec<_>>().join("\r\n");

        assert_eq!(screen(&output, 0).text(), "7\n8\n9");
        assert_eq!(screen(&output, 2).text(), "5\n6\n7\n8\n9");
        assert_eq!(screen(&output, 5).text(), "2\n3\n4\n5\n6\n7\n8\n9");
        assert_eq!(screen(&output, 1_000).text(), "1\n2\n3\n4\n5\n6\n7\n8\n9");
        assert_eq!(screen(&output, 1_000).visible_text(), "7\n8\n9");
    }

    #[test]
    fn looks_are_runs_of_equal_style() {
        let screen = screen("a\x1b[1;31mbc\x1b[48;2;1;2;3m d\x1b[m\x1b[38;5;200;7me", 0);
        let style = |foreground, background, attributes| Style { foreground, background, attributes };
        let run = |text: &str, style| Run { text: text.to_owned(), style };

        assert_eq!(
            screen.lines[0],
            Line(vec![
                run("a", Style::default()),
                run("bc", style(Color::Indexed(1), Color::Default, vec![Attribute::Bold])),
                run(" d", style(Color::Indexed(1), Color::Rgb(1, 2, 3), vec![Attribute::Bold])),
                run("e", style(Color::Indexed(200), Color::Default, vec![Attribute::Inverse])),
            ])
        );
    }

    #[test]
    fn a_dim_suggestion_is_not_typed_text() {
        let screen = screen("> ab\x1b[2mcd\x1b[m|", 0);

        assert_eq!((screen.visible_text(), screen.typed_text()), ("> abcd|".into(), "> ab  |".into()));
    }

    #[test]
    fn bracketed_paste_is_seen_as_the_application_sets_it() {
        assert_eq!(screen("", 0).bracketed_paste, Some(false));
        assert_eq!(screen("\x1b[?2004h", 0).bracketed_paste, Some(true));
        assert_eq!(screen("\x1b[?2004h\x1b[?2004l", 0).bracketed_paste, Some(false));
    }

    #[test]
    fn a_screen_survives_its_json() {
        let screen = screen("a\x1b[1;31mbc", 0);

        assert_eq!(serde_json::from_str::<Screen>(&serde_json::to_string(&screen).unwrap()).unwrap(), screen);
    }
}
