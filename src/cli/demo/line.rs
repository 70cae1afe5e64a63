//! One line of the account: who did what, when, and why.

use jiff::Timestamp;
use serde_json::{Map, Value, json};

use crate::text;

/// Who did it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Who {
    /// A person on GitHub.
    Person(String),
    /// GitHub itself.
    GitHub,
    /// The daemon.
    Antiphon,
    /// The agent in its terminal.
    Agent,
    /// This command.
    Demo,
}

/// How it is meant.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Tone {
    /// As it stands.
    Plain,
    /// Good news.
    Good,
    /// Bad news.
    Bad,
    /// Good to know.
    Quiet,
}

/// One line of the account.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Line {
    /// When it happened.
    pub(super) at: Timestamp,
    /// Who did it.
    pub(super) who: Who,
    /// What kind of fact it is, for programs.
    pub(super) kind: &'static str,
    /// What was done.
    pub(super) what: String,
    /// Why, if that is not plain.
    pub(super) why: Option<String>,
    /// The words that it is about.
    pub(super) quote: Vec<String>,
    /// How it is meant.
    pub(super) tone: Tone,
    /// The facts, for programs.
    pub(super) facts: Map<String, Value>,
}

impl Who {
    /// The name that stands in front of the line.
    pub(super) fn name(&self) -> &str {
        match self {
            Self::Person(login) => login,
            Self::GitHub => "GitHub",
            Self::Antiphon => "Antiphon",
            Self::Agent => "agent",
            Self::Demo => "demo",
        }
    }
}

impl Line {
    /// A line without a reason or words. What stands in it may come from outside.
    pub(super) fn new(at: Timestamp, who: Who, kind: &'static str, what: impl AsRef<str>) -> Self {
        let what = shown(what.as_ref());
        Self { at, who, kind, what, why: None, quote: Vec::new(), tone: Tone::Plain, facts: Map::new() }
    }

    /// The same with a reason.
    pub(super) fn because(mut self, why: impl AsRef<str>) -> Self {
        self.why = Some(shown(why.as_ref()));
        self
    }

    /// The same with the words that it is about.
    pub(super) fn quoting<'q>(mut self, words: impl IntoIterator<Item = &'q str>) -> Self {
        self.quote.extend(words.into_iter().map(shown));
        self
    }

    /// The same in another tone.
    pub(super) const fn meant(mut self, tone: Tone) -> Self {
        self.tone = tone;
        self
    }

    /// The same with a fact for programs.
    pub(super) fn with(mut self, name: &str, fact: impl Into<Value>) -> Self {
        self.facts.insert(name.to_owned(), fact.into());
        self
    }

    /// As one JSON object. `ms` counts from the beginning of the demo.
    pub(super) fn as_json(&self, began: Timestamp) -> Value {
        let mut object = json!({
            "schema": 1,
            "kind": self.kind,
            "at": self.at.to_string(),
            "ms": self.at.duration_since(began).as_millis(),
            "who": self.who.name(),
            "what": self.what,
        });
        if let Some(why) = &self.why {
            object["why"] = json!(why);
        }
        if !self.quote.is_empty() {
            object["quote"] = json!(self.quote);
        }
        for (name, fact) in &self.facts {
            object[name] = fact.clone();
        }
        object
    }
}

/// Text from outside as it may reach a terminal, on one line.
fn shown(words: &str) -> String {
    text::sanitise(words).text.split_whitespace().collect::<Vec<_>>().join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_from_outside_cannot_steer_the_terminal() {
        let line = Line::new(Timestamp::UNIX_EPOCH, Who::GitHub, "x", "a\u{1b}[2Jb\r\nc").quoting(["\u{9b}31mred"]);

        assert!(!line.what.contains(['\u{1b}', '\r', '\n']), "{line:?}");
        assert!(!line.quote[0].contains('\u{9b}'), "{line:?}");
    }

    #[test]
    fn programs_read_the_same_facts() {
        let at = Timestamp::from_millisecond(1500).unwrap();
        let line = Line::new(at, Who::Person("ada".to_owned()), "issue-opened", "opens issue #1").with("issue", 1);

        assert_eq!(
            line.because("of a wish").as_json(Timestamp::from_millisecond(1000).unwrap()),
            json!({ "schema": 1, "kind": "issue-opened", "at": "1970-01-01T00:00:01.5Z", "ms": 500, "who": "ada",
                    "what": "opens issue #1", "why": "of a wish", "issue": 1 })
        );
    }
}
