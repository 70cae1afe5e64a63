//! What a rule can speak about: the facts of one incident, typed and documented.
//!
//! Text that came from outside is always a [`Quoted`]: templates reach it through `quote` alone.

use jiff::Timestamp;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::model::{FailureClass, IncidentKind, Merge, Mergeability, Missing, ReviewState, Tier};

/// The facts of one incident at one moment.
#[derive(Debug, Clone, PartialEq, Serialize, JsonSchema)]
pub struct Context {
    /// Which incident.
    pub incident: IncidentKind,
    /// The repository.
    pub repo: Repo,
    /// The pull request. Absent while a task has none.
    pub pr: Option<Pr>,
    /// The issue behind the task. Absent for adopted pull requests and free texts.
    pub issue: Option<Issue>,
    /// What failed on the current head.
    pub failures: Vec<Failure>,
    /// Checks that count and give no verdict by themselves.
    pub missing: Vec<MissingCheck>,
    /// Open review threads that were not handed over yet.
    pub threads: Vec<Thread>,
    /// Standing reviews that were not handed over yet.
    pub reviews: Vec<Review>,
    /// The agent that owns the task. Absent before one was started.
    pub session: Option<Session>,
    /// The number of this attempt, counted from 1.
    pub attempt: u32,
    /// How many attempts there are.
    pub attempts_max: u32,
    /// How many attempts were made so far.
    pub attempts: u32,
    /// What is known of the incident, in Antiphon's own words.
    pub summary: String,
    /// How many texts are withheld because their authors are not trusted enough.
    pub withheld: u32,
    /// The time, UTC.
    #[schemars(with = "String")]
    pub now: Timestamp,
}

/// The repository.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
pub struct Repo {
    /// `owner/name`.
    pub name: String,
    /// Where people look at it.
    pub url: String,
    /// Whether and how the settings let pull requests be merged here.
    pub merge: Merge,
}

/// The pull request.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
pub struct Pr {
    /// Its number.
    pub number: u64,
    /// Where people look at it.
    pub url: String,
    /// Its title.
    pub title: Quoted,
    /// Whether it is a draft.
    pub draft: bool,
    /// The newest commit.
    pub head: String,
    /// The branch.
    pub branch: Quoted,
    /// The branch that it goes into.
    pub base: Quoted,
    /// The account that opened it.
    pub author: String,
    /// Its labels.
    pub labels: Vec<Quoted>,
    /// Whether GitHub could merge it.
    pub mergeable: Mergeability,
}

/// The issue behind a task.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
pub struct Issue {
    /// Its number.
    pub number: u64,
    /// Where people look at it.
    pub url: String,
    /// Its title.
    pub title: Quoted,
    /// Its text.
    pub body: Quoted,
    /// Its labels.
    pub labels: Vec<Quoted>,
}

/// One failed check.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
pub struct Failure {
    /// The job or check.
    pub job: Quoted,
    /// The first failed step; empty if it is not known.
    pub step: Quoted,
    /// What kind of failure it is.
    pub class: FailureClass,
    /// Whether an agent can mend it: what the runner, the account or a missing permission is to blame for, it cannot.
    pub mendable: bool,
    /// The part of the log around the first error; empty if there is none.
    pub log: Quoted,
    /// Where people look at it; empty if nowhere. An app chose this address.
    pub url: Quoted,
    /// The errors that were read out of the log.
    pub findings: Vec<Finding>,
}

/// One error with its place.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
pub struct Finding {
    /// The file, as the log names it; empty if it names none.
    pub file: Quoted,
    /// The line, counted from 1.
    pub line: Option<u32>,
    /// The message.
    pub message: Quoted,
}

/// A check that gives no verdict by itself.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
pub struct MissingCheck {
    /// The check; empty if none reports at all.
    pub job: Quoted,
    /// Why not.
    pub why: Missing,
    /// Where people look at it; empty if nowhere. An app chose this address.
    pub url: Quoted,
}

/// A thread of review comments.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
pub struct Thread {
    /// GitHub's id.
    pub id: String,
    /// The file.
    pub path: Quoted,
    /// The line, counted from 1. Absent once the place has changed.
    pub line: Option<u32>,
    /// Whether the place has changed since.
    pub outdated: bool,
    /// The line in the commit that was commented.
    pub original_line: Option<u32>,
    /// The commit that answered it, for `reply` and `resolve`. Absent if none has.
    pub commit: Option<String>,
    /// What was said, oldest first.
    pub comments: Vec<Comment>,
}

/// One review comment.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
pub struct Comment {
    /// The account.
    pub author: String,
    /// The words.
    pub body: Quoted,
}

/// One review.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
pub struct Review {
    /// The account.
    pub author: String,
    /// The words beside the verdict; may be empty.
    pub body: Quoted,
    /// The verdict.
    pub state: ReviewState,
}

/// The agent that owns a task.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
pub struct Session {
    /// The session's name.
    pub name: String,
    /// The agent's name in the settings.
    pub agent: String,
    /// Where it lives, `tmux` or `pty`.
    pub runtime: String,
}

/// A text from outside. A template reaches it only through `quote`; a condition sees its words.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Quoted {
    /// The words.
    pub text: String,
    /// Where they come from, in Antiphon's own words, for example `comment of @octocat`.
    pub origin: String,
    /// How far their author is trusted.
    pub tier: Tier,
}

impl Quoted {
    /// A text with its origin and its author's tier.
    #[must_use]
    pub fn new(text: impl Into<String>, origin: impl Into<String>, tier: Tier) -> Self {
        Self { text: text.into(), origin: origin.into(), tier }
    }

    /// Whether a rule that asks for `trust` may show this text. The output of programs is data and always shown.
    #[must_use]
    pub fn allowed(&self, trust: Tier) -> bool {
        self.tier == Tier::Machine || self.tier >= trust
    }
}

impl Context {
    /// The same facts without the reviews and comments whose authors are trusted less than `trust`; they are counted.
    #[must_use]
    pub fn withhold(&self, trust: Tier) -> Self {
        let mut kept = self.clone();
        for thread in &mut kept.threads {
            thread.comments.retain(|comment| comment.body.allowed(trust));
        }
        kept.threads.retain(|thread| !thread.comments.is_empty());
        kept.reviews.retain(|review| review.body.allowed(trust));
        let gone = said(self) - said(&kept);
        kept.withheld = self.withheld.saturating_add(u32::try_from(gone).unwrap_or(u32::MAX));
        kept
    }

    /// The facts as conditions see them: texts from outside are plain strings.
    pub(super) fn for_conditions(&self) -> Value {
        let mut texts = Vec::new();
        let lifted = self.for_templates(&mut texts);
        with_words(lifted, &texts)
    }

    /// The facts as templates see them: a text from outside is `{"outside": N}`, its words are the N-th of `texts`.
    ///
    /// So the words are not even in the data that a template is rendered with.
    pub(super) fn for_templates(&self, texts: &mut Vec<Quoted>) -> Value {
        let facts = serde_json::to_value(self).expect("facts are plain data with text keys");
        lift(facts, texts)
    }
}

/// The key under which the number of a text from outside stands.
pub(super) const OUTSIDE: &str = "outside";

/// The number of a text from outside, if `value` stands for one.
pub(super) fn outside(value: &Value) -> Option<usize> {
    usize::try_from(value.get(OUTSIDE)?.as_u64()?).ok()
}

fn said(context: &Context) -> usize {
    let comments: usize = context.threads.iter().map(|thread| thread.comments.len()).sum();
    comments + context.reviews.len()
}

fn lift(value: Value, texts: &mut Vec<Quoted>) -> Value {
    match value {
        Value::Object(object) => {
            if let Ok(quoted) = Quoted::deserialize(&Value::Object(object.clone())) {
                texts.push(quoted);
                return serde_json::json!({ OUTSIDE: texts.len() - 1 });
            }
            object.into_iter().map(|(key, value)| (key, lift(value, texts))).collect()
        }
        Value::Array(items) => items.into_iter().map(|item| lift(item, texts)).collect(),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => value,
    }
}

fn with_words(value: Value, texts: &[Quoted]) -> Value {
    if let Some(quoted) = outside(&value).and_then(|number| texts.get(number)) {
        return Value::String(quoted.text.clone());
    }
    match value {
        Value::Object(object) => object.into_iter().map(|(key, value)| (key, with_words(value, texts))).collect(),
        Value::Array(items) => items.into_iter().map(|item| with_words(item, texts)).collect(),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => value,
    }
}

#[cfg(test)]
mod tests {
    use super::{super::samples::samples, *};

    #[test]
    fn data_for_templates_holds_no_word_from_outside() {
        for kind in IncidentKind::ALL {
            for sample in samples(kind) {
                let mut texts = Vec::new();
                let shown = sample.for_templates(&mut texts).to_string();
                let leaked: Vec<_> = texts.iter().filter(|it| it.text.len() > 8 && shown.contains(&it.text)).collect();
                assert_eq!(leaked, Vec::<&Quoted>::new(), "{}", kind.as_str());
                // A rule that breaks, and a task that came from no issue, have nothing from outside.
                assert_eq!(texts.is_empty(), sample.pr.is_none() && sample.issue.is_none());
            }
        }
    }

    #[test]
    fn what_strangers_say_is_withheld_and_counted_while_logs_stay() {
        let mut context = samples(IncidentKind::ChangesRequested).remove(0);
        context.withheld = 1;
        context.threads = vec![Thread {
            id: "T".to_owned(),
            path: Quoted::new("a.rs", "path", Tier::Machine),
            line: None,
            outdated: true,
            original_line: Some(3),
            commit: None,
            comments: vec![
                Comment { author: "a".to_owned(), body: Quoted::new("bad", "c", Tier::Stranger) },
                Comment { author: "b".to_owned(), body: Quoted::new("good", "c", Tier::Collaborator) },
            ],
        }];
        context.reviews = vec![Review {
            author: "a".to_owned(),
            body: Quoted::new("bad", "r", Tier::Stranger),
            state: ReviewState::ChangesRequested,
        }];

        let kept = context.withhold(Tier::Collaborator);

        let bodies: Vec<_> = kept.threads[0].comments.iter().map(|it| it.body.text.as_str()).collect();
        assert_eq!((bodies, kept.reviews.len(), kept.withheld), (vec!["good"], 0, 3));
        assert!(kept.threads[0].path.allowed(Tier::Maintainer));
    }
}
