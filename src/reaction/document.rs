//! A rule as it stands in a file. Doc comments here become the descriptions in the JSON schema.
//!
//! Everything but the name may be left out, because a file may change only a few fields of a rule from elsewhere.

use std::{borrow::Cow, fmt};

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{
    Deserialize, Deserializer,
    de::{
        DeserializeOwned, SeqAccess, Visitor,
        value::{SeqAccessDeserializer, StrDeserializer},
    },
};

use crate::{
    model::{AgentName, IncidentKind, RuleName},
    yaml::Duration,
};

use super::{
    retry::Retry,
    rule::{Mode, Priority, Trust},
};

/// A reaction: on which incident, under which condition, do what, retry how, escalate when.
#[derive(Debug, Clone, PartialEq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct Document {
    /// The rule's identity: a file with the name of a shipped rule changes that rule, field by field.
    #[schemars(with = "String", regex(pattern = "^[a-z0-9][a-z0-9-]{0,63}$"))]
    pub(super) name: RuleName,
    /// What it is for, in one sentence.
    pub(super) description: Option<String>,
    /// The incident, or several.
    pub(super) on: Option<OneOrMany<IncidentKind>>,
    /// A CEL expression; the rule answers only if it holds.
    pub(super) r#if: Option<String>,
    /// Which checks count, for `checks-failed`: `required` (the default), `all`, or names, in which `*` stands for anything.
    #[schemars(with = "Option<ChecksWord>")]
    pub(super) checks: Option<OneOrMany<String>>,
    /// Quiet time before the prompt, so that causes that come together are one prompt. Default: `0s`.
    pub(super) settle: Option<Duration>,
    /// The least trust a quoted text needs; what is below is withheld and counted. Default: `collaborator`.
    pub(super) trust: Option<Trust>,
    /// What is done, in order; an action that fails for good stops the list.
    pub(super) r#do: Option<Vec<Step>>,
    /// How often. Defaults: 3 attempts, 6 in total, 30s doubling up to 15m.
    pub(super) retry: Option<Retry>,
    /// When people are called.
    pub(super) escalate: Option<Escalate>,
    /// Runs next to the rule that answers; such a rule may not prompt, restart, merge or retry. Default: `false`.
    pub(super) beside: Option<bool>,
    /// `live` (the default) or `shadow`: decides and records, but does nothing.
    pub(super) mode: Option<Mode>,
    /// In the operator's rules: the rule is asked before those of repositories, which may only tighten what is set in this
    /// file. Default: `false`.
    pub(super) lock: Option<bool>,
}

/// One action, and under which condition.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
#[schemars(extend("minProperties" = 1, "maxProperties" = 2))]
pub(super) struct Step {
    /// A CEL expression; the action is skipped unless it holds.
    pub(super) r#if: Option<String>,
    /// Starts a session for the issue, with its first prompt.
    pub(super) spawn: Option<Spawn>,
    /// Starts the agent of the session again: where it stopped, or with a new conversation.
    pub(super) restart: Option<Restart>,
    /// Lets another agent go on in the same workspace: one of your settings, or `fallback`, which is the one that the
    /// settings of the agent that runs name.
    #[schemars(with = "Option<String>")]
    pub(super) handoff: Option<AgentName>,
    /// Says something to the agent. A template.
    pub(super) prompt: Option<String>,
    /// Opens the pull request of the task.
    #[serde(rename = "open-pull")]
    pub(super) open_pull: Option<Nothing>,
    /// Runs failed and interrupted jobs again, once for each head and workflow run, and awaits their verdict.
    pub(super) rerun: Option<Jobs>,
    /// Comments on the pull request or issue. A template.
    pub(super) comment: Option<String>,
    /// Says something in each review thread that the agent has answered, once it has, for `changes-requested`. A template.
    pub(super) reply: Option<String>,
    /// Resolves each review thread that a commit has answered, once it has, for `changes-requested`.
    pub(super) resolve: Option<Nothing>,
    /// Adds a label to the pull request or issue.
    pub(super) label: Option<String>,
    /// Tells people.
    pub(super) notify: Option<Notify>,
    /// Merges the pull request, in the way that the settings of the repository say.
    pub(super) merge: Option<Nothing>,
    /// Has GitHub merge the base into the branch of the pull request, for `behind-base`.
    #[serde(rename = "update-branch")]
    pub(super) update_branch: Option<Nothing>,
}

/// The first prompt of a session.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct Spawn {
    /// What the agent is told. A template.
    pub(super) prompt: String,
}

/// How an agent is started again.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub(super) struct Restart {
    /// A new conversation, which begins with a note of how the work stands. Default: `false`, the old one goes on.
    pub(super) fresh: bool,
}

/// Which jobs of a workflow run.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub(super) enum Jobs {
    /// Those that failed, and those that depend on them.
    FailedJobs,
}

/// No settings: written `{}`.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct Nothing {}

/// A notification.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub(super) struct Notify {
    /// How loud. Default: `normal`.
    pub(super) priority: Priority,
    /// What is said. A template. Default: the summary of the incident.
    pub(super) text: Option<String>,
}

/// When people are called, and how.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub(super) struct Escalate {
    /// Whichever comes first. Default: when the attempts are used up.
    pub(super) after: After,
    /// What is done, once: `comment`, `label`, `notify`.
    pub(super) r#do: Option<Vec<Step>>,
}

/// Whichever comes first.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub(super) struct After {
    /// After so many attempts. Default: when they are used up, which always calls people.
    #[schemars(range(min = 1, max = 100))]
    pub(super) attempts: Option<u32>,
    /// So long after the incident began. Default: no such limit.
    pub(super) time: Option<Duration>,
}

/// One value, or a list of them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct OneOrMany<T>(pub(super) Vec<T>);

impl<'de, T: DeserializeOwned> Deserialize<'de> for OneOrMany<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(OneOrManyVisitor(std::marker::PhantomData))
    }
}

struct OneOrManyVisitor<T>(std::marker::PhantomData<T>);

impl<'de, T: DeserializeOwned> Visitor<'de> for OneOrManyVisitor<T> {
    type Value = OneOrMany<T>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a word or a list of words")
    }

    fn visit_str<E: serde::de::Error>(self, word: &str) -> Result<OneOrMany<T>, E> {
        T::deserialize(StrDeserializer::new(word)).map(|one| OneOrMany(vec![one]))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, items: A) -> Result<OneOrMany<T>, A::Error> {
        Vec::deserialize(SeqAccessDeserializer::new(items)).map(OneOrMany)
    }
}

impl<T: JsonSchema> JsonSchema for OneOrMany<T> {
    fn schema_name() -> Cow<'static, str> {
        format!("{}_or_list", T::schema_name()).into()
    }

    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        let one = generator.subschema_for::<T>();
        json_schema!({ "anyOf": [one, { "type": "array", "items": one, "minItems": 1, "uniqueItems": true }] })
    }
}

/// The schema of `checks`.
struct ChecksWord;

impl JsonSchema for ChecksWord {
    fn schema_name() -> Cow<'static, str> {
        "Checks".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({ "anyOf": [
            { "enum": ["required", "all"] },
            { "type": "array", "items": { "type": "string" }, "minItems": 1, "uniqueItems": true },
        ] })
    }
}
