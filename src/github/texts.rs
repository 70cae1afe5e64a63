//! Texts from outside, kept beside the facts that refer to them.
//!
//! A fact holds the hash, length and trust of a text; the words travel separately to the text store. Nothing here reads
//! the words.

use std::collections::BTreeMap;

use crate::model::{Outside, TextHash, Tier};

/// Facts, and the texts that they refer to by hash.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fetched<T> {
    /// The facts.
    pub value: T,
    /// Every text of theirs, each once, sorted by hash.
    pub texts: Vec<String>,
}

/// Collects the texts of one value.
#[derive(Debug, Default)]
pub(super) struct Texts(BTreeMap<TextHash, String>);

impl Texts {
    /// Keeps `text` and returns the reference to it.
    pub(super) fn keep(&mut self, text: &str, tier: Tier) -> Outside {
        let hash = TextHash::of(text);
        self.0.entry(hash.clone()).or_insert_with(|| text.to_owned());
        Outside { hash, bytes: u32::try_from(text.len()).unwrap_or(u32::MAX), tier }
    }

    /// `value` with all texts that were kept for it.
    pub(super) fn beside<T>(self, value: T) -> Fetched<T> {
        Fetched { value, texts: self.0.into_values().collect() }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_text_is_kept_once_and_found_by_its_hash() {
        let mut texts = Texts::default();
        let stranger = texts.keep("same", Tier::Stranger);
        let maintainer = texts.keep("same", Tier::Maintainer);

        assert_eq!(stranger, Outside { hash: TextHash::of("same"), bytes: 4, tier: Tier::Stranger });
        assert_eq!(maintainer.tier, Tier::Maintainer);
        assert_eq!(texts.beside(1), Fetched { value: 1, texts: vec!["same".to_owned()] });
    }
}
