//! The one wrapper of the YAML crate: a text becomes a tree with places, and the tree becomes a type.
//!
//! Booleans are `true` and `false` alone, a key appears once, `null` is not a value, nesting is bounded. Every mistake
//! is a [`Diagnostic`] with file, line, column, source line, caret and a hint. This module never reads a file.

mod diagnostic;
mod duration;
mod node;
mod read;
mod schema;

use serde::de::DeserializeOwned;

pub use diagnostic::{Diagnostic, File};
pub use duration::{Duration, InvalidDuration};
pub use node::{Entry, Node, Value};
pub use read::read;
pub use schema::schema;

/// Reads a YAML text into `T`; `name` is what messages call the text.
///
/// Who wants to check values against each other keeps the tree instead: [`Node::parse`], then [`read`].
///
/// # Errors
///
/// The first mistake.
pub fn from_str<T: DeserializeOwned>(name: &str, text: &str) -> Result<T, Diagnostic> {
    read(&Node::parse(name, text)?)
}

/// The name among `known` that somebody who wrote `found` most likely meant.
#[must_use]
pub fn nearest<'k>(found: &str, known: &[&'k str]) -> Option<&'k str> {
    let found = found.to_lowercase();
    known
        .iter()
        .map(|name| (strsim::damerau_levenshtein(&found, name), *name))
        .filter(|(distance, name)| *distance <= 1.max(name.chars().count() / 3))
        .min()
        .map(|(_, name)| name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_near_name_is_suggested_and_a_far_one_is_not() {
        let known = ["timeout", "prompt", "notify"];

        assert_eq!(nearest("timeuot", &known), Some("timeout"));
        assert_eq!(nearest("Prompt", &known), Some("prompt"));
        assert_eq!(nearest("schedule", &known), None);
    }
}
