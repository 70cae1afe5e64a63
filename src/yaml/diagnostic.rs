//! A mistake in a file, shown with its source line, a caret and a hint. It never decides what a mistake is.

use std::{fmt, ops::Range, sync::Arc};

use annotate_snippets::{AnnotationKind, Level, Renderer, Snippet};

/// A text that people wrote, and the name under which messages show it.
#[derive(Debug, PartialEq, Eq)]
pub struct File {
    /// The name in messages, usually a path.
    pub name: String,
    /// What stands in it.
    pub text: String,
}

/// One mistake: where, what, and how to mend it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Diagnostic {
    /// The line, counted from 1.
    pub line: usize,
    /// The column in characters, counted from 1.
    pub column: usize,
    /// What is wrong: a lower-case fragment.
    pub message: String,
    /// What to do about it.
    pub hint: Option<String>,
    /// The keys that lead to the place, for example `repositories[1].path`; empty for the whole file.
    pub path: String,
    source: Arc<File>,
    span: Range<usize>,
}

impl Diagnostic {
    /// A mistake at the bytes `span` of `file`. Only the part on the first line is marked.
    #[must_use]
    pub fn new(file: &Arc<File>, span: Range<usize>, message: impl Into<String>) -> Self {
        let span = on_one_line(&file.text, span);
        let (line, column) = position(&file.text, span.start);
        Self { line, column, message: message.into(), hint: None, path: String::new(), source: Arc::clone(file), span }
    }

    /// The file's name.
    #[must_use]
    pub fn file(&self) -> &str {
        &self.source.name
    }

    /// The same mistake with a hint.
    #[must_use]
    pub fn hint(mut self, hint: impl Into<String>) -> Self {
        self.hint = Some(hint.into());
        self
    }

    /// The same mistake with the keys that lead to it.
    #[must_use]
    pub fn at(mut self, path: impl Into<String>) -> Self {
        self.path = path.into();
        self
    }

    /// The message with its source line, caret and hint; with ANSI colours if `color`.
    #[must_use]
    pub fn render(&self, color: bool) -> String {
        let renderer = if color { Renderer::styled() } else { Renderer::plain() };
        let snippet = Snippet::source(self.source.text.as_str())
            .path(self.file())
            .annotation(AnnotationKind::Primary.span(self.span.clone()));
        let mut report = Level::ERROR.primary_title(self.message.as_str()).element(snippet);
        if let Some(hint) = &self.hint {
            report = report.element(Level::HELP.with_name("hint").message(hint.as_str()));
        }
        renderer.render(&[report])
    }
}

impl fmt::Display for Diagnostic {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.render(false))
    }
}

impl std::error::Error for Diagnostic {}

/// The first line of `span`, at least one byte long where the text allows it, on character boundaries.
fn on_one_line(text: &str, span: Range<usize>) -> Range<usize> {
    let start = text.floor_char_boundary(span.start.min(text.len()));
    let end = text.ceil_char_boundary(span.end.clamp(start, text.len()));
    let line_end = text[start..].find(['\n', '\r']).map_or(text.len(), |at| start + at);
    let end = end.min(line_end);
    if end > start {
        return start..end;
    }
    let first = text[start..line_end].chars().next().map_or(0, char::len_utf8);
    start..start + first
}

fn position(text: &str, offset: usize) -> (usize, usize) {
    let before = &text[..offset];
    let line_start = before.rfind('\n').map_or(0, |at| at + 1);
    (before.matches('\n').count() + 1, before[line_start..].chars().count() + 1)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn file(text: &str) -> Arc<File> {
        Arc::new(File { name: "a.yaml".to_owned(), text: text.to_owned() })
    }

    #[test]
    fn a_diagnostic_shows_file_line_column_caret_and_hint() {
        let shown = Diagnostic::new(&file("a: 1\nbb: zwölf\n"), 9..15, "expected a whole number").hint("write 12");

        insta::assert_snapshot!(shown, @r#"
        error: expected a whole number
         --> a.yaml:2:5
          |
        2 | bb: zwölf
          |     ^^^^^
          |
          = hint: write 12
        "#);
    }

    #[test]
    fn columns_count_characters() {
        let shown = Diagnostic::new(&file("öä: x"), 6..7, "m");

        assert_eq!((shown.line, shown.column), (1, 5));
    }

    #[test]
    fn a_place_outside_the_text_is_its_end() {
        let shown = Diagnostic::new(&file("é"), 1..900, "m");

        assert_eq!((shown.line, shown.column), (1, 1));
        assert!(!Diagnostic::new(&file(""), 3..3, "m").render(false).is_empty());
    }

    #[test]
    fn only_a_coloured_rendering_holds_escape_sequences() {
        let shown = Diagnostic::new(&file("a: 1"), 0..1, "m");

        assert!(shown.render(true).contains('\x1b'));
        assert!(!shown.render(false).contains('\x1b'));
    }
}
