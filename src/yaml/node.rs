//! A YAML text as a tree in which every value knows its place. It never knows what the values mean.

use std::{fmt, ops::Range, sync::Arc};

use serde::{
    Deserialize,
    de::{self, MapAccess, SeqAccess, Visitor},
};
use serde_saphyr::{DuplicateKeyPolicy, Location, MergeKeyPolicy, Options, Spanned, budget::BudgetBreach};

use super::{Diagnostic, File};

/// How deep lists and mappings may nest. The parser recurses: 60 levels fill the stack of a thread in a debug build.
const DEPTH_MAX: usize = 20;
/// How many values one file may hold, aliases counted each time.
const NODES_MAX: usize = 50_000;

/// A value and where it stands.
#[derive(Debug, Clone, PartialEq)]
pub struct Node {
    /// The file that it comes from.
    pub file: Arc<File>,
    /// Its bytes in the file.
    pub span: Range<usize>,
    /// What it is.
    pub value: Value,
}

/// What a value is.
#[derive(Debug, Clone, PartialEq)]
pub enum Value {
    /// `null`, `~` or nothing.
    Null,
    /// `true` or `false`; no other word.
    Bool(bool),
    /// A whole number.
    Integer(i64),
    /// A number with a fraction.
    Float(f64),
    /// Text, quoted or not.
    Text(String),
    /// A list.
    List(Vec<Node>),
    /// A mapping, in the order of the file. No key appears twice.
    Map(Vec<Entry>),
}

/// One key of a mapping.
#[derive(Debug, Clone, PartialEq)]
pub struct Entry {
    /// The key.
    pub key: String,
    /// The file and the bytes of the key.
    pub place: (Arc<File>, Range<usize>),
    /// What it holds.
    pub node: Node,
}

impl Node {
    /// Reads one YAML document.
    ///
    /// # Errors
    ///
    /// When it is not YAML, holds a key twice, nests too deep, or holds nothing.
    pub fn parse(name: &str, text: &str) -> Result<Self, Diagnostic> {
        let file = Arc::new(File { name: name.to_owned(), text: text.to_owned() });
        match serde_saphyr::from_str_with_options::<Spanned<Raw>>(text, options()) {
            Ok(Spanned { value: Raw::Null, .. }) => Err(empty(&file)),
            Ok(raw) => Ok(Self::from_raw(&file, raw)),
            Err(error) => Err(diagnose(&file, &error)),
        }
    }

    /// The entries of a mapping; none for every other value.
    #[must_use]
    pub fn entries(&self) -> &[Entry] {
        match &self.value {
            Value::Map(entries) => entries,
            Value::Null | Value::Bool(_) | Value::Integer(_) | Value::Float(_) | Value::Text(_) | Value::List(_) => &[],
        }
    }

    /// The items of a list; none for every other value.
    #[must_use]
    pub fn items(&self) -> &[Self] {
        match &self.value {
            Value::List(items) => items,
            Value::Null | Value::Bool(_) | Value::Integer(_) | Value::Float(_) | Value::Text(_) | Value::Map(_) => &[],
        }
    }

    /// The text of a text; `None` for every other value.
    #[must_use]
    pub fn text(&self) -> Option<&str> {
        match &self.value {
            Value::Text(text) => Some(text),
            Value::Null | Value::Bool(_) | Value::Integer(_) | Value::Float(_) | Value::List(_) | Value::Map(_) => None,
        }
    }

    /// The entry of a mapping under `key`.
    #[must_use]
    pub fn entry(&self, key: &str) -> Option<&Entry> {
        self.entries().iter().find(|entry| entry.key == key)
    }

    /// What stands under `path`, whose parts are keys, or positions in lists counted from 0.
    #[must_use]
    pub fn get(&self, path: &[&str]) -> Option<&Self> {
        let Some((first, rest)) = path.split_first() else { return Some(self) };
        let next = match &self.value {
            Value::List(items) => items.get(first.parse::<usize>().ok()?)?,
            Value::Null | Value::Bool(_) | Value::Integer(_) | Value::Float(_) | Value::Text(_) | Value::Map(_) => {
                &self.entry(first)?.node
            }
        };
        next.get(rest)
    }

    /// A mistake at this value.
    #[must_use]
    pub fn complain(&self, message: impl Into<String>) -> Diagnostic {
        Diagnostic::new(&self.file, self.span.clone(), message)
    }

    /// A mistake at `path`, or at the nearest value above it that is there.
    #[must_use]
    pub fn complain_at(&self, path: &[&str], message: impl Into<String>) -> Diagnostic {
        let nearest = (0..=path.len()).rev().find_map(|depth| self.get(&path[..depth]));
        nearest.unwrap_or(self).complain(message).at(dotted(path))
    }

    /// A mistake inside this text: `line` and `column` count from 1 in the text's own words, `len` is in bytes.
    ///
    /// Where quoting or folding makes the place in the file uncertain, the text's start is marked.
    #[must_use]
    pub fn complain_inside(
        &self,
        (line, column): (usize, usize),
        len: usize,
        message: impl Into<String>,
    ) -> Diagnostic {
        let start = self.place_inside(line.max(1), column.max(1));
        let span = start.map_or_else(|| self.span.clone(), |start| start..start + len.max(1));
        Diagnostic::new(&self.file, span, message)
    }

    /// Finds the line of the value in the lines of the source; both hold the same words unless escapes or folds differ.
    fn place_inside(&self, line: usize, column: usize) -> Option<usize> {
        let wanted = self.text()?.lines().nth(line - 1)?;
        let prefix: usize = wanted.chars().take(column - 1).map(char::len_utf8).sum();
        let source = &self.file.text[self.span.start..];
        let block = source.starts_with(['|', '>']);
        let mut offset = self.span.start;
        for (index, written) in source.split_inclusive('\n').enumerate() {
            if index == line - 1 + usize::from(block) {
                let at = written.find(wanted)?;
                return Some(offset + at + prefix);
            }
            offset += written.len();
        }
        None
    }

    fn from_raw(file: &Arc<File>, raw: Spanned<Raw>) -> Self {
        let value = match raw.value {
            Raw::Null => Value::Null,
            Raw::Bool(it) => Value::Bool(it),
            Raw::Integer(it) => Value::Integer(it),
            Raw::Float(it) => Value::Float(it),
            Raw::Text(it) => Value::Text(it),
            Raw::List(items) => Value::List(items.into_iter().map(|item| Self::from_raw(file, item)).collect()),
            Raw::Map(entries) => Value::Map(entries.into_iter().map(|(key, raw)| entry(file, key, raw)).collect()),
        };
        Self { file: Arc::clone(file), span: bytes(&file.text, raw.referenced), value }
    }
}

/// A path as people write it: `repositories[1].path`.
fn dotted(path: &[&str]) -> String {
    let index = |part: &str| part.bytes().all(|byte| byte.is_ascii_digit());
    let part = |part: &&str| if index(part) { format!("[{part}]") } else { format!(".{part}") };
    let text: String = path.iter().map(part).collect();
    text.trim_start_matches('.').to_owned()
}

fn entry(file: &Arc<File>, key: Spanned<String>, raw: Spanned<Raw>) -> Entry {
    let place = (Arc::clone(file), bytes(&file.text, key.referenced));
    Entry { key: key.value, place, node: Node::from_raw(file, raw) }
}

fn options() -> Options {
    let mut options = Options::default();
    options.strict_booleans = true;
    options.duplicate_keys = DuplicateKeyPolicy::Error;
    options.merge_keys = MergeKeyPolicy::Error;
    options.with_snippet = false;
    if let Some(budget) = &mut options.budget {
        budget.max_depth = DEPTH_MAX;
        budget.flow_nesting_limit = DEPTH_MAX;
        budget.max_nodes = NODES_MAX;
        budget.max_documents = 1;
    }
    options
}

fn empty(file: &Arc<File>) -> Diagnostic {
    Diagnostic::new(file, 0..0, "the file holds nothing")
}

fn diagnose(file: &Arc<File>, error: &serde_saphyr::Error) -> Diagnostic {
    let error = error.without_snippet();
    let Some(location) = error.location() else {
        return Diagnostic::new(file, 0..0, error.to_string());
    };
    let span = bytes(&file.text, location);
    if let serde_saphyr::Error::DuplicateMappingKey { key, .. } = error {
        let key = key.as_deref().unwrap_or("a key");
        return Diagnostic::new(file, span, format!("key `{key}` appears twice")).hint("keep one of the two");
    }
    let message = message(error);
    // The parser names the value before a tab; people need the tab itself.
    if message.contains("tab")
        && let Some(tab) = tab_in_indentation(&file.text, span.start)
    {
        let hint = "indent with spaces; YAML does not allow tabs there";
        return Diagnostic::new(file, tab..tab + 1, "a tab indents this line").hint(hint);
    }
    if let serde_saphyr::Error::MergeKeyNotAllowed { .. } = error {
        return Diagnostic::new(file, span, "merge keys are not supported").hint("write the values out");
    }
    if let serde_saphyr::Error::Budget { breach, .. } = error {
        return too_much(file, span, breach);
    }
    match message.as_str() {
        "recursion limit exceeded" => too_deep(file, span),
        "expected string scalar" => Diagnostic::new(file, span, "a key must be text")
            .hint("put quotes around a text that begins with `{` or `[`"),
        _ => Diagnostic::new(file, span, message),
    }
}

fn too_much(file: &Arc<File>, span: Range<usize>, breach: &BudgetBreach) -> Diagnostic {
    if let BudgetBreach::Documents { .. } = breach {
        return Diagnostic::new(file, span, "a second document begins here").hint("write one document per file");
    }
    if let BudgetBreach::Depth { .. } = breach {
        return too_deep(file, span);
    }
    Diagnostic::new(file, span, format!("the file holds more than {NODES_MAX} values"))
}

fn too_deep(file: &Arc<File>, span: Range<usize>) -> Diagnostic {
    Diagnostic::new(file, span, format!("lists and mappings nest deeper than {DEPTH_MAX} levels"))
        .hint("no setting needs that; look for a stray bracket or dash")
}

/// The parser's own words without the place, which the diagnostic shows in its own way.
fn message(error: &serde_saphyr::Error) -> String {
    let text = error.to_string();
    let first = text.lines().next().unwrap_or_default();
    let bare = first.find(" at line ").map_or(first, |at| &first[..at]);
    let bare = match bare.split_once(": ") {
        Some((place, rest)) if place.starts_with("line ") || place.starts_with("error: line ") => rest,
        Some(_) | None => bare,
    };
    bare.trim_start_matches("error: ").to_owned()
}

fn tab_in_indentation(text: &str, from: usize) -> Option<usize> {
    let line_start = text[..from].rfind('\n').map_or(0, |at| at + 1);
    let mut offset = line_start;
    for line in text[line_start..].split_inclusive('\n') {
        let indentation = line.len() - line.trim_start_matches([' ', '\t']).len();
        if let Some(tab) = line[..indentation].find('\t') {
            return Some(offset + tab);
        }
        offset += line.len();
    }
    None
}

fn bytes(text: &str, location: Location) -> Range<usize> {
    let span = location.span();
    let clip = |at: u64| usize::try_from(at).unwrap_or(text.len()).min(text.len());
    if let (Some(start), Some(len)) = (span.byte_offset(), span.byte_len()) {
        return clip(start)..clip(start + len);
    }
    let line = usize::try_from(location.line()).unwrap_or(1).max(1);
    let column = usize::try_from(location.column()).unwrap_or(1).max(1);
    let line_start: usize = text.split_inclusive('\n').take(line - 1).map(str::len).sum();
    let prefix: usize = text[line_start..].chars().take(column - 1).map(char::len_utf8).sum();
    line_start + prefix..line_start + prefix
}

/// A value as the parser hands it over, before it knows its file.
enum Raw {
    Null,
    Bool(bool),
    Integer(i64),
    Float(f64),
    Text(String),
    List(Vec<Spanned<Self>>),
    Map(Vec<(Spanned<String>, Spanned<Self>)>),
}

impl<'de> Deserialize<'de> for Raw {
    fn deserialize<D: de::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(RawVisitor)
    }
}

struct RawVisitor;

impl<'de> Visitor<'de> for RawVisitor {
    type Value = Raw;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a value")
    }

    fn visit_unit<E>(self) -> Result<Raw, E> {
        Ok(Raw::Null)
    }

    fn visit_none<E>(self) -> Result<Raw, E> {
        Ok(Raw::Null)
    }

    fn visit_bool<E>(self, it: bool) -> Result<Raw, E> {
        Ok(Raw::Bool(it))
    }

    fn visit_i64<E>(self, it: i64) -> Result<Raw, E> {
        Ok(Raw::Integer(it))
    }

    fn visit_u64<E: de::Error>(self, it: u64) -> Result<Raw, E> {
        i64::try_from(it).map(Raw::Integer).map_err(|_| E::custom("the number is too large"))
    }

    fn visit_f64<E>(self, it: f64) -> Result<Raw, E> {
        Ok(Raw::Float(it))
    }

    fn visit_str<E>(self, it: &str) -> Result<Raw, E> {
        Ok(Raw::Text(it.to_owned()))
    }

    fn visit_string<E>(self, it: String) -> Result<Raw, E> {
        Ok(Raw::Text(it))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut access: A) -> Result<Raw, A::Error> {
        let mut items = Vec::new();
        while let Some(item) = access.next_element()? {
            items.push(item);
        }
        Ok(Raw::List(items))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut access: A) -> Result<Raw, A::Error> {
        let mut entries = Vec::new();
        while let Some(entry) = access.next_entry()? {
            entries.push(entry);
        }
        Ok(Raw::Map(entries))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn broken(text: &str) -> String {
        Node::parse("a.yaml", text).unwrap_err().to_string()
    }

    fn marked(node: &Node) -> &str {
        &node.file.text[node.span.clone()]
    }

    #[test]
    fn every_value_knows_its_place() {
        let node = Node::parse("a.yaml", "a: 1\nb:\n  - x\n  - c: 'two'\n    d: [1.5, true]\n").unwrap();

        let places: Vec<_> = [&["a"][..], &["b", "0"], &["b", "1", "c"], &["b", "1", "d", "0"], &["b", "1", "d", "1"]]
            .into_iter()
            .map(|path| marked(node.get(path).unwrap()))
            .collect();
        assert_eq!(places, ["1", "x", "'two'", "1.5", "true"]);
        let (file, span) = &node.get(&["b", "1"]).unwrap().entry("d").unwrap().place;
        assert_eq!(&file.text[span.clone()], "d");
    }

    #[test]
    fn words_that_yaml_once_read_as_truth_are_text() {
        let node = Node::parse("a.yaml", "[yes, No, on, true]").unwrap();

        let values: Vec<_> = node.items().iter().map(|item| item.value.clone()).collect();
        let text = |it: &str| Value::Text(it.to_owned());
        assert_eq!(values, [text("yes"), text("No"), text("on"), Value::Bool(true)]);
    }

    #[test]
    fn a_mistake_at_a_missing_key_is_shown_at_its_mapping() {
        let node = Node::parse("a.yaml", "a:\n  - b: { c: 1 }\n").unwrap();

        let shown = node.complain_at(&["a", "0", "b", "d"], "m");
        assert_eq!((shown.line, shown.column, shown.path.as_str()), (2, 8, "a[0].b.d"));
    }

    #[test]
    fn a_place_inside_a_block_text_is_found() {
        let node = Node::parse("a.yaml", "x: |\n  one\n    two three\n").unwrap();

        let shown = node.get(&["x"]).unwrap().complain_inside((2, 7), 5, "here");
        assert_eq!((shown.line, shown.column), (3, 9));
    }

    #[test]
    fn a_place_inside_a_quoted_text_is_found() {
        let node = Node::parse("a.yaml", "x: \"!pr.typo\"\n").unwrap();

        let shown = node.get(&["x"]).unwrap().complain_inside((1, 5), 4, "here");
        assert_eq!((shown.line, shown.column), (1, 9));
    }

    #[test]
    fn a_key_that_appears_twice_is_refused() {
        insta::assert_snapshot!(broken("a: 1\nb: 2\na: 3\n"), @r#"
        error: key `a` appears twice
         --> a.yaml:3:1
          |
        3 | a: 3
          | ^
          |
          = hint: keep one of the two
        "#);
    }

    #[test]
    fn a_tab_is_pointed_at() {
        insta::assert_snapshot!(broken("a:\n  b: 1\n\tc: 2\n"), @r#"
        error: a tab indents this line
         --> a.yaml:3:1
          |
        3 |     c: 2
          | ^^^^
          |
          = hint: indent with spaces; YAML does not allow tabs there
        "#);
    }

    #[test]
    fn an_unclosed_bracket_is_pointed_at() {
        insta::assert_snapshot!(broken("a: [1, 2\nb: 3\n"), @r#"
        error: illegal placement of ':' indicator
         --> a.yaml:2:2
          |
        2 | b: 3
          |  ^
        "#);
    }

    #[test]
    fn an_empty_file_is_refused() {
        insta::assert_snapshot!(broken(""), @r#"
        error: the file holds nothing
         --> a.yaml:1:1
          |
        1 |
          | ^
        "#);
        insta::assert_snapshot!(broken("# only a comment\n"), @r#"
        error: the file holds nothing
         --> a.yaml:1:1
          |
        1 | # only a comment
          | ^
        "#);
    }

    #[test]
    fn a_second_document_is_refused() {
        insta::assert_snapshot!(broken("a: 1\n---\nb: 2\n"), @r#"
        error: a second document begins here
         --> a.yaml:2:1
          |
        2 | ---
          | ^^^
          |
          = hint: write one document per file
        "#);
    }

    #[test]
    fn nesting_without_end_is_refused() {
        insta::assert_snapshot!(broken(&"[".repeat(5_000)).lines().next().unwrap(), @"error: lists and mappings nest deeper than 20 levels");
        let block: String = (0..5_000).map(|depth| format!("{}a:\n", " ".repeat(depth))).collect();
        insta::assert_snapshot!(broken(&block).lines().next().unwrap(), @"error: lists and mappings nest deeper than 20 levels");
    }

    #[test]
    fn merge_keys_are_refused() {
        insta::assert_snapshot!(broken("a: &x { b: 1 }\nc:\n  <<: *x\n"), @r#"
        error: merge keys are not supported
         --> a.yaml:3:3
          |
        3 |   <<: *x
          |   ^^
          |
          = hint: write the values out
        "#);
    }
}
