//! Reads a [`Node`] into a type, so that every mistake is found at its own place. It never guesses a type.

use std::{fmt, ops::Range, sync::Arc};

use serde::de::{
    self, DeserializeOwned, DeserializeSeed, EnumAccess, Expected, IntoDeserializer as _, MapAccess, SeqAccess,
    Unexpected, VariantAccess, Visitor, value::StrDeserializer,
};

use super::{Diagnostic, Entry, File, Node, Value, nearest};

/// Reads `node` into `T`.
///
/// # Errors
///
/// The first value that `T` does not take.
pub fn read<T: DeserializeOwned>(node: &Node) -> Result<T, Diagnostic> {
    T::deserialize(Reader(node)).map_err(|mistake| mistake.diagnose(node))
}

/// A mistake on its way up: the innermost place wins, each level adds its key to the path.
#[derive(Debug)]
struct Mistake {
    message: String,
    hint: Option<String>,
    place: Option<(Arc<File>, Range<usize>)>,
    path: Vec<String>,
}

impl Mistake {
    fn new(message: String) -> Self {
        Self { message, hint: None, place: None, path: Vec::new() }
    }

    fn with_hint(mut self, hint: Option<String>) -> Self {
        self.hint = hint;
        self
    }

    fn at(mut self, node: &Node) -> Self {
        self.place.get_or_insert_with(|| (Arc::clone(&node.file), node.span.clone()));
        self
    }

    fn under(mut self, part: String) -> Self {
        self.path.push(part);
        self
    }

    fn diagnose(self, root: &Node) -> Diagnostic {
        let (file, span) = self.place.unwrap_or_else(|| (Arc::clone(&root.file), root.span.clone()));
        let path: String = self.path.iter().rev().map(String::as_str).collect();
        let shown = Diagnostic::new(&file, span, self.message).at(path.trim_start_matches('.'));
        match self.hint {
            Some(hint) => shown.hint(hint),
            None => shown,
        }
    }
}

impl fmt::Display for Mistake {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

impl std::error::Error for Mistake {}

impl de::Error for Mistake {
    fn custom<T: fmt::Display>(message: T) -> Self {
        Self::new(message.to_string())
    }

    fn invalid_type(found: Unexpected<'_>, expected: &dyn Expected) -> Self {
        let wanted = wanted(expected);
        let hint = form(&wanted).map(ToOwned::to_owned);
        Self::new(format!("expected {wanted}, found {}", seen(&found))).with_hint(hint)
    }

    fn invalid_value(found: Unexpected<'_>, expected: &dyn Expected) -> Self {
        Self::new(format!("expected {}, found {}", wanted(expected), seen(&found)))
    }

    fn unknown_variant(variant: &str, expected: &'static [&'static str]) -> Self {
        Self::new(format!("unknown value `{variant}`")).with_hint(one_of(variant, expected))
    }

    fn unknown_field(field: &str, expected: &'static [&'static str]) -> Self {
        Self::new(format!("unknown key `{field}`")).with_hint(one_of(field, expected))
    }

    fn missing_field(field: &'static str) -> Self {
        Self::new(format!("key `{field}` is missing"))
    }
}

fn one_of(found: &str, expected: &'static [&'static str]) -> Option<String> {
    match nearest(found, expected) {
        Some(name) => Some(format!("did you mean `{name}`?")),
        None if expected.is_empty() => None,
        None => Some(format!("it is one of `{}`", expected.join("`, `"))),
    }
}

/// What was wanted, in the words of somebody who writes YAML.
fn wanted(expected: &dyn Expected) -> String {
    let text = expected.to_string();
    match text.as_str() {
        "u8" | "u16" | "u32" | "u64" | "usize" => "a whole number, 0 or more".to_owned(),
        "i8" | "i16" | "i32" | "i64" => "a whole number".to_owned(),
        "f32" | "f64" => "a number".to_owned(),
        "a boolean" => "true or false".to_owned(),
        "a string" => "text".to_owned(),
        "a sequence" => "a list".to_owned(),
        "a map" => "a mapping".to_owned(),
        other if other.starts_with("struct ") => "a mapping".to_owned(),
        other if other.starts_with("enum ") || other == "variant identifier" => "a word".to_owned(),
        _ => text,
    }
}

/// How that is written.
fn form(wanted: &str) -> Option<&'static str> {
    match wanted {
        "a whole number, 0 or more" | "a whole number" | "a number" => {
            Some("write it in digits and without quotes: `3`")
        }
        "true or false" => Some("write `true` or `false`, without quotes"),
        "text" => Some("write it on one line; with quotes around it, anything is text"),
        "a list" => Some("write `[a, b]`, or each item on a line of its own after `- `"),
        "a mapping" => Some("write `key: value`, each on a line of its own and further to the right"),
        _ => None,
    }
}

fn seen(found: &Unexpected<'_>) -> String {
    match found {
        Unexpected::Bool(it) => format!("`{it}`"),
        Unexpected::Unsigned(it) => format!("the number {it}"),
        Unexpected::Signed(it) => format!("the number {it}"),
        Unexpected::Float(it) => format!("the number {it}"),
        Unexpected::Str(it) => format!("the text {it:?}"),
        Unexpected::Seq => "a list".to_owned(),
        Unexpected::Map => "a mapping".to_owned(),
        Unexpected::Unit | Unexpected::Option => "nothing".to_owned(),
        Unexpected::Char(_)
        | Unexpected::Bytes(_)
        | Unexpected::NewtypeStruct
        | Unexpected::Enum
        | Unexpected::UnitVariant
        | Unexpected::NewtypeVariant
        | Unexpected::TupleVariant
        | Unexpected::StructVariant
        | Unexpected::Other(_) => found.to_string(),
    }
}

struct Reader<'n>(&'n Node);

impl<'n> Reader<'n> {
    fn visit<'de, V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Mistake> {
        let node = self.0;
        let visited = match &node.value {
            Value::Null => visitor.visit_unit(),
            Value::Bool(it) => visitor.visit_bool(*it),
            Value::Integer(it) => match u64::try_from(*it) {
                Ok(it) => visitor.visit_u64(it),
                Err(_) => visitor.visit_i64(*it),
            },
            Value::Float(it) => visitor.visit_f64(*it),
            Value::Text(it) => visitor.visit_str(it),
            Value::List(items) => visitor.visit_seq(Items { items, next: 0 }),
            Value::Map(entries) => visitor.visit_map(Entries { entries, next: 0 }),
        };
        visited.map_err(|mistake| mistake.at(node))
    }
}

impl<'de> de::Deserializer<'de> for Reader<'_> {
    type Error = Mistake;

    fn deserialize_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Mistake> {
        self.visit(visitor)
    }

    fn deserialize_option<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Mistake> {
        match self.0.value {
            Value::Null => Err(Mistake::new("expected a value, found nothing".to_owned())
                .with_hint(Some("leave the key out to get its default".to_owned()))
                .at(self.0)),
            Value::Bool(_) | Value::Integer(_) | Value::Float(_) | Value::Text(_) | Value::List(_) | Value::Map(_) => {
                visitor.visit_some(self)
            }
        }
    }

    fn deserialize_newtype_struct<V: Visitor<'de>>(self, _: &'static str, visitor: V) -> Result<V::Value, Mistake> {
        let node = self.0;
        visitor.visit_newtype_struct(self).map_err(|mistake| mistake.at(node))
    }

    fn deserialize_enum<V: Visitor<'de>>(
        self,
        _: &'static str,
        _: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Mistake> {
        let node = self.0;
        let variant = match &node.value {
            Value::Text(name) => Variant { name, place: node, content: None },
            Value::Map(entries) => match entries.as_slice() {
                [only] => Variant { name: &only.key, place: node, content: Some(&only.node) },
                [] | [_, _, ..] => return Err(Mistake::new("expected exactly one key here".to_owned()).at(node)),
            },
            Value::Null | Value::Bool(_) | Value::Integer(_) | Value::Float(_) | Value::List(_) => {
                return self.visit(visitor);
            }
        };
        visitor.visit_enum(variant).map_err(|mistake| mistake.at(node))
    }

    serde::forward_to_deserialize_any! {
        bool i8 i16 i32 i64 i128 u8 u16 u32 u64 u128 f32 f64 char str string bytes byte_buf
        unit unit_struct seq tuple tuple_struct map struct identifier ignored_any
    }
}

struct Items<'n> {
    items: &'n [Node],
    next: usize,
}

impl<'de> SeqAccess<'de> for Items<'_> {
    type Error = Mistake;

    fn next_element_seed<T: DeserializeSeed<'de>>(&mut self, seed: T) -> Result<Option<T::Value>, Mistake> {
        let Some(item) = self.items.get(self.next) else { return Ok(None) };
        let index = self.next;
        self.next += 1;
        seed.deserialize(Reader(item)).map(Some).map_err(|mistake| mistake.at(item).under(format!("[{index}]")))
    }
}

struct Entries<'n> {
    entries: &'n [Entry],
    next: usize,
}

impl<'de> MapAccess<'de> for Entries<'_> {
    type Error = Mistake;

    fn next_key_seed<K: DeserializeSeed<'de>>(&mut self, seed: K) -> Result<Option<K::Value>, Mistake> {
        let Some(entry) = self.entries.get(self.next) else { return Ok(None) };
        let key: StrDeserializer<'_, Mistake> = entry.key.as_str().into_deserializer();
        seed.deserialize(key).map(Some).map_err(|mut mistake| {
            mistake.place.get_or_insert_with(|| entry.place.clone());
            mistake.under(format!(".{}", entry.key))
        })
    }

    fn next_value_seed<V: DeserializeSeed<'de>>(&mut self, seed: V) -> Result<V::Value, Mistake> {
        let entry = &self.entries[self.next];
        self.next += 1;
        let part = format!(".{}", entry.key);
        seed.deserialize(Reader(&entry.node)).map_err(|mistake| mistake.at(&entry.node).under(part))
    }
}

struct Variant<'n> {
    name: &'n str,
    place: &'n Node,
    content: Option<&'n Node>,
}

impl<'n, 'de> EnumAccess<'de> for Variant<'n> {
    type Error = Mistake;
    type Variant = Content<'n>;

    fn variant_seed<V: DeserializeSeed<'de>>(self, seed: V) -> Result<(V::Value, Content<'n>), Mistake> {
        let name: StrDeserializer<'_, Mistake> = self.name.into_deserializer();
        let value = seed.deserialize(name).map_err(|mistake| mistake.at(self.place))?;
        Ok((value, Content { name: self.name, node: self.content }))
    }
}

struct Content<'n> {
    name: &'n str,
    node: Option<&'n Node>,
}

impl Content<'_> {
    fn read<T>(&self, read: impl FnOnce(Reader<'_>) -> Result<T, Mistake>) -> Result<T, Mistake> {
        let Some(node) = self.node else {
            return Err(Mistake::new(format!("`{}` needs a value after it", self.name)));
        };
        read(Reader(node)).map_err(|mistake| mistake.at(node).under(format!(".{}", self.name)))
    }
}

impl<'de> VariantAccess<'de> for Content<'_> {
    type Error = Mistake;

    fn unit_variant(self) -> Result<(), Mistake> {
        match self.node {
            None => Ok(()),
            Some(node) => Err(Mistake::new(format!("`{}` takes no value", self.name)).at(node)),
        }
    }

    fn newtype_variant_seed<T: DeserializeSeed<'de>>(self, seed: T) -> Result<T::Value, Mistake> {
        self.read(|reader| seed.deserialize(reader))
    }

    fn tuple_variant<V: Visitor<'de>>(self, _: usize, visitor: V) -> Result<V::Value, Mistake> {
        self.read(|reader| reader.visit(visitor))
    }

    fn struct_variant<V: Visitor<'de>>(self, _: &'static [&'static str], visitor: V) -> Result<V::Value, Mistake> {
        self.read(|reader| reader.visit(visitor))
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use serde::Deserialize;

    use super::*;

    #[derive(Debug, PartialEq, Deserialize)]
    #[serde(deny_unknown_fields, rename_all = "kebab-case")]
    struct Sample {
        name: String,
        #[serde(default)]
        steps: Vec<Step>,
        limit: Option<u32>,
        #[serde(default)]
        by_name: BTreeMap<String, bool>,
    }

    #[derive(Debug, PartialEq, Deserialize)]
    #[serde(rename_all = "kebab-case")]
    enum Step {
        Stop,
        Wait(u32),
        Send { text: String, timeout: u32 },
    }

    fn sample(text: &str) -> Result<Sample, Diagnostic> {
        crate::yaml::from_str("s.yaml", text)
    }

    fn broken(text: &str) -> String {
        let mistake = sample(text).unwrap_err();
        format!("at {:?}\n{mistake}", mistake.path)
    }

    #[test]
    fn values_of_all_kinds_are_read() {
        let text = "name: n\nlimit: 3\nby-name: { a: true }\nsteps:\n  - stop\n  - wait: 5\n  - send: { text: t, timeout: 1 }\n";

        let expected = Sample {
            name: "n".to_owned(),
            steps: vec![Step::Stop, Step::Wait(5), Step::Send { text: "t".to_owned(), timeout: 1 }],
            limit: Some(3),
            by_name: BTreeMap::from([("a".to_owned(), true)]),
        };
        assert_eq!(sample(text).unwrap(), expected);
    }

    #[test]
    fn a_wrong_type_deep_in_a_list_is_pointed_at() {
        insta::assert_snapshot!(
            broken("name: n\nsteps:\n  - stop\n  - send:\n      text: t\n      timeout: three\n"), @r#"
        at "steps[1].send.timeout"
        error: expected a whole number, 0 or more, found the text "three"
         --> s.yaml:6:16
          |
        6 |       timeout: three
          |                ^^^^^
          |
          = hint: write it in digits and without quotes: `3`
        "#);
    }

    #[test]
    fn an_unknown_key_is_pointed_at() {
        insta::assert_snapshot!(broken("name: n\nlimt: 3\n"), @r#"
        at "limt"
        error: unknown key `limt`
         --> s.yaml:2:1
          |
        2 | limt: 3
          | ^^^^
          |
          = hint: did you mean `limit`?
        "#);
    }

    #[test]
    fn an_unknown_word_is_pointed_at() {
        insta::assert_snapshot!(broken("name: n\nsteps: [stop, quit]\n"), @r#"
        at "steps[1]"
        error: unknown value `quit`
         --> s.yaml:2:15
          |
        2 | steps: [stop, quit]
          |               ^^^^
          |
          = hint: it is one of `stop`, `wait`, `send`
        "#);
    }

    #[test]
    fn a_missing_key_is_reported_at_its_mapping() {
        insta::assert_snapshot!(broken("steps:\n  - send: { text: t }\nname: n\n"), @r#"
        at "steps[0].send"
        error: key `timeout` is missing
         --> s.yaml:2:11
          |
        2 |   - send: { text: t }
          |           ^
        "#);
    }

    #[test]
    fn nothing_where_a_value_belongs_is_pointed_at() {
        insta::assert_snapshot!(broken("name: n\nlimit:\n"), @r#"
        at "limit"
        error: expected a value, found nothing
         --> s.yaml:2:6
          |
        2 | limit:
          |      ^
          |
          = hint: leave the key out to get its default
        "#);
    }

    #[test]
    fn an_unquoted_template_is_pointed_at() {
        insta::assert_snapshot!(broken("name: {{ x }}\n"), @r#"
        at ""
        error: a key must be text
         --> s.yaml:1:8
          |
        1 | name: {{ x }}
          |        ^
          |
          = hint: put quotes around a text that begins with `{` or `[`
        "#);
    }

    #[test]
    fn a_word_without_its_value_is_pointed_at() {
        insta::assert_snapshot!(broken("name: n\nsteps:\n  - wait\n"), @r#"
        at "steps[0]"
        error: `wait` needs a value after it
         --> s.yaml:3:5
          |
        3 |   - wait
          |     ^^^^
        "#);
    }

    #[test]
    fn a_yes_is_not_a_boolean() {
        insta::assert_snapshot!(broken("name: n\nby-name:\n  a: yes\n"), @r#"
        at "by-name.a"
        error: expected true or false, found the text "yes"
         --> s.yaml:3:6
          |
        3 |   a: yes
          |      ^^^
          |
          = hint: write `true` or `false`, without quotes
        "#);
    }
}
