//! Variations of sample contexts: other values at the same places, so that a condition can be seen both true and false.
//!
//! They are pseudo-random from a fixed seed: the same rule always loads or never does.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Map, Value};

/// How long a list can become.
const ITEMS_MAX: i64 = 64;

/// Fields that hold one of a few words; they only take words that were seen in a sample.
const CLOSED: [&str; 7] = ["class", "state", "mergeable", "merge", "incident", "runtime", "now"];

/// An endless row of variations.
pub(super) struct Variations<'s> {
    samples: &'s [Value],
    texts: &'s [String],
    numbers: &'s [i64],
    seen: BTreeMap<String, BTreeSet<String>>,
    drafts: BTreeSet<bool>,
    random: u64,
}

impl<'s> Variations<'s> {
    /// Variations of `samples` that take on the constants of a condition.
    pub(super) fn new(samples: &'s [Value], texts: &'s [String], numbers: &'s [i64]) -> Self {
        let mut variations =
            Self { samples, texts, numbers, seen: BTreeMap::new(), drafts: BTreeSet::new(), random: 1 };
        for sample in samples {
            variations.note("", sample);
        }
        variations
    }

    /// At most `count` of them.
    pub(super) fn take(mut self, count: u64) -> impl Iterator<Item = Value> + use<'s> {
        (0..count).filter_map(move |_| {
            let index = self.below(self.samples.len());
            let sample = self.samples.get(index)?;
            Some(self.vary("", sample))
        })
    }

    fn note(&mut self, key: &str, value: &Value) {
        match value {
            Value::String(word) if CLOSED.contains(&key) => {
                self.seen.entry(key.to_owned()).or_default().insert(word.clone());
            }
            Value::Bool(it) => {
                self.drafts.insert(*it);
            }
            Value::Array(items) => items.iter().for_each(|item| self.note(key, item)),
            Value::Object(object) => object.iter().for_each(|(key, value)| self.note(key, value)),
            Value::Null | Value::Number(_) | Value::String(_) => {}
        }
    }

    fn vary(&mut self, key: &str, value: &Value) -> Value {
        match value {
            Value::Null => Value::Null,
            Value::Bool(_) => {
                let index = self.below(self.drafts.len());
                self.drafts.iter().nth(index).map_or(Value::Null, |it| Value::Bool(*it))
            }
            Value::Number(number) => self.number(number.as_i64().unwrap_or_default()),
            Value::String(text) => self.text(key, text),
            Value::Array(items) => self.list(key, items),
            Value::Object(object) => {
                let mut varied = Map::new();
                for (key, value) in object {
                    varied.insert(key.clone(), self.vary(key, value));
                }
                Value::Object(varied)
            }
        }
    }

    fn number(&mut self, original: i64) -> Value {
        let choice = self.below(self.numbers.len() + 1);
        let around = i64::try_from(self.below(3)).unwrap_or_default() - 1;
        let number = self.numbers.get(choice).map_or(original, |literal| literal.saturating_add(around));
        Value::from(number.max(0))
    }

    fn text(&mut self, key: &str, original: &str) -> Value {
        if CLOSED.contains(&key) {
            let words: Vec<String> = self.seen.get(key).into_iter().flatten().cloned().collect();
            let index = self.below(words.len());
            return words.get(index).map_or(Value::Null, |word| Value::from(word.as_str()));
        }
        let choice = self.below(self.texts.len() + 1);
        Value::from(self.texts.get(choice).map_or(original, String::as_str))
    }

    /// A list that is never empty in life stays filled: some samples hold an empty one where that can happen.
    fn list(&mut self, key: &str, items: &[Value]) -> Value {
        let choice = self.below(self.numbers.len() + 2);
        let len = match self.numbers.get(choice) {
            Some(literal) => usize::try_from((literal + 1).clamp(1, ITEMS_MAX)).unwrap_or(1),
            None if choice == self.numbers.len() => 1,
            None => items.len(),
        };
        let Some(first) = items.first() else { return Value::Array(Vec::new()) };
        Value::Array((0..len).map(|index| self.vary(key, items.get(index).unwrap_or(first))).collect())
    }

    /// A number below `limit` (0 if that is 0), by the `SplitMix64` sequence.
    fn below(&mut self, limit: usize) -> usize {
        self.random = self.random.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.random;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^= mixed >> 31;
        usize::try_from(mixed >> 33).unwrap_or_default().checked_rem(limit).unwrap_or_default()
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn variations_take_on_constants_but_keep_closed_sets() {
        let samples = [json!({ "job": "a", "class": "code", "n": 5 }), json!({ "job": "b", "class": "flaky", "n": 5 })];
        let texts = ["lint".to_owned()];

        let varied: Vec<Value> = Variations::new(&samples, &texts, &[7]).take(200).collect();

        let all = |key: &str| -> BTreeSet<String> { varied.iter().map(|it| it[key].to_string()).collect() };
        assert_eq!(all("job"), BTreeSet::from(["\"a\"", "\"b\"", "\"lint\""].map(str::to_owned)));
        assert_eq!(all("class"), BTreeSet::from(["\"code\"", "\"flaky\""].map(str::to_owned)));
        assert_eq!(all("n"), BTreeSet::from(["5", "6", "7", "8"].map(str::to_owned)));
    }

    #[test]
    fn the_same_samples_always_give_the_same_variations() {
        let samples = [json!({ "list": [{ "a": "x" }] })];
        let row = || Variations::new(&samples, &[], &[3]).take(20).collect::<Vec<_>>();

        assert_eq!(row(), row());
        assert!(row().iter().any(|it| it["list"].as_array().is_some_and(|list| list.len() == 4)));
    }
}
