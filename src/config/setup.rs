//! What makes a worktree ready: lines of the operator's, or what its lock files ask for.

use std::{borrow::Cow, fmt};

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{
    Deserialize, Deserializer,
    de::{Error, SeqAccess, Visitor},
};

/// What runs in a new worktree before an agent works there.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Setup {
    /// What installs exactly what the lock files at its top say. Installing runs code of the repository.
    Auto,
    /// These shell lines, in order, until one fails.
    Lines(Vec<String>),
}

impl Default for Setup {
    /// Nothing of a repository runs because nobody said anything.
    fn default() -> Self {
        Self::Lines(Vec::new())
    }
}

impl Setup {
    /// The operator's lines.
    #[must_use]
    pub fn lines(&self) -> &[String] {
        match self {
            Self::Auto => &[],
            Self::Lines(lines) => lines,
        }
    }
}

impl<'de> Deserialize<'de> for Setup {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(SetupVisitor)
    }
}

struct SetupVisitor;

impl<'de> Visitor<'de> for SetupVisitor {
    type Value = Setup;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("`auto` or a list of shell lines")
    }

    fn visit_str<E: Error>(self, word: &str) -> Result<Setup, E> {
        match word {
            "auto" => Ok(Setup::Auto),
            _ => Err(E::invalid_value(serde::de::Unexpected::Str(word), &self)),
        }
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Setup, A::Error> {
        let mut lines = Vec::new();
        while let Some(line) = items.next_element()? {
            lines.push(line);
        }
        Ok(Setup::Lines(lines))
    }
}

impl JsonSchema for Setup {
    fn schema_name() -> Cow<'static, str> {
        "Setup".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({ "anyOf": [{ "const": "auto" }, { "type": "array", "items": { "type": "string" } }] })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Result<Setup, serde_json::Error> {
        serde_json::from_str(text)
    }

    #[test]
    fn a_word_or_lines() {
        assert_eq!(read(r#""auto""#).unwrap(), Setup::Auto);
        assert_eq!(read(r#"["npm ci"]"#).unwrap(), Setup::Lines(vec!["npm ci".to_owned()]));
        assert_eq!(read("[]").unwrap(), Setup::default());
        let refused = read(r#""npm ci""#).unwrap_err().to_string();
        assert!(refused.contains("expected `auto` or a list of shell lines"), "{refused}");
    }
}
