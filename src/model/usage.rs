//! What an agent used.

use serde::{Deserialize, Serialize};

/// What an agent used, as its own records report it. `None`: they do not say it, and nobody guesses.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Usage {
    /// Tokens of prompts that were not cached.
    pub input: Option<u64>,
    /// Tokens of prompts that were read from a cache.
    pub cached: Option<u64>,
    /// Tokens of prompts that were written to a cache.
    pub cache_written: Option<u64>,
    /// Tokens of answers.
    pub output: Option<u64>,
    /// Millionths of a dollar.
    pub cost: Option<u64>,
    /// The newest model.
    pub model: Option<String>,
    /// Tokens of the newest prompt: so much of the model's context is filled.
    pub context_used: Option<u64>,
    /// Tokens that the model's context holds.
    pub context_max: Option<u64>,
}

impl Usage {
    /// Whether nothing is reported.
    #[must_use]
    pub fn is_unknown(&self) -> bool {
        *self == Self::default()
    }

    /// Both together; model and context are those of `later`.
    #[must_use]
    pub fn plus(&self, later: &Self) -> Self {
        let sum = |a: Option<u64>, b: Option<u64>| match (a, b) {
            (None, None) => None,
            (a, b) => Some(a.unwrap_or(0).saturating_add(b.unwrap_or(0))),
        };
        self.with(later, sum)
    }

    /// What came on top of `earlier`, an earlier reading of the same conversation.
    #[must_use]
    pub fn since(&self, earlier: &Self) -> Self {
        earlier.with(self, |before, now| now.map(|now| now.saturating_sub(before.unwrap_or(0))))
    }

    fn with(&self, later: &Self, of: impl Fn(Option<u64>, Option<u64>) -> Option<u64>) -> Self {
        Self {
            input: of(self.input, later.input),
            cached: of(self.cached, later.cached),
            cache_written: of(self.cache_written, later.cache_written),
            output: of(self.output, later.output),
            cost: of(self.cost, later.cost),
            model: later.model.clone().or_else(|| self.model.clone()),
            context_used: later.context_used.or(self.context_used),
            context_max: later.context_max.or(self.context_max),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_unknown_stays_unknown() {
        let one = Usage { input: Some(10), cost: Some(5), ..Usage::default() };
        let two = Usage { input: Some(1), output: Some(7), model: Some("m".into()), ..Usage::default() };

        let both = one.plus(&two);

        assert_eq!(
            both,
            Usage { input: Some(11), output: Some(7), cost: Some(5), model: Some("m".into()), ..Usage::default() }
        );
        assert_eq!(both.since(&one).input, Some(1));
        assert_eq!(both.since(&one).output, Some(7));
        assert_eq!(both.since(&one).cached, None);
        assert!(Usage::default().plus(&Usage::default()).is_unknown());
    }
}
