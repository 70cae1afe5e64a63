//! The reaction language: YAML becomes typed rules, conditions are decided, templates are rendered.
//!
//! Everything here is pure: no clock, no file, no socket, no environment, no random source. A rule is checked when it is
//! loaded, against complete sample contexts of its incidents, so that a mistake is seen by who wrote it and not at night.

mod build;
mod check;
mod compose;
mod condition;
mod context;
mod document;
mod layers;
mod retry;
mod rule;
mod rules;
mod samples;
mod shape;
mod shipped;
mod template;
mod variation;

pub use check::{Report, Summary, check};
pub use compose::{Quoting, compose};
pub use condition::{Condition, holds};
pub use context::{Comment, Context, Failure, Finding, Issue, MissingCheck, Pr, Quoted, Repo, Review, Session, Thread};
pub use layers::Source;
pub use retry::{Backoff, Retry};
pub use rule::{Action, Checks, Escalation, Layer, Mode, Origin, Priority, Rule, Step, Successor, Trust};
pub use rules::{Answer, Rules};
pub use samples::samples;
pub use shipped::shipped;
pub use template::Template;

/// Why a rule could not be carried out on the facts it met. It counts as not fired.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{message}")]
pub struct Broken {
    /// What went wrong.
    pub message: String,
}

/// The JSON schema of a rule file, for editors.
#[must_use]
pub fn schema() -> serde_json::Value {
    crate::yaml::schema::<document::Document>()
}

/// The JSON schema of [`Context`]: what rules can speak about.
#[must_use]
pub fn context_schema() -> serde_json::Value {
    crate::yaml::schema::<Context>()
}

#[cfg(test)]
mod tests {
    use super::*;

    const SCHEMA_FILE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/config/reaction.schema.json");

    fn generated() -> String {
        serde_json::to_string_pretty(&schema()).unwrap() + "\n"
    }

    #[test]
    fn the_schema_in_the_repository_is_the_generated_one() {
        let stored = std::fs::read_to_string(SCHEMA_FILE).unwrap_or_default();

        assert!(stored == generated(), "write it anew: cargo test --lib schema_is_written -- --ignored");
    }

    #[test]
    #[ignore = "writes config/reaction.schema.json, which the test above compares: cargo test --lib schema_is_written -- --ignored"]
    fn the_reaction_schema_is_written() {
        std::fs::write(SCHEMA_FILE, generated()).unwrap();
    }

    #[test]
    fn every_shipped_file_is_embedded_under_its_own_name() {
        let dir = concat!(env!("CARGO_MANIFEST_DIR"), "/reactions");
        let mut files: Vec<String> = std::fs::read_dir(dir)
            .unwrap()
            .map(|entry| format!("reactions/{}", entry.unwrap().file_name().into_string().unwrap()))
            .collect();
        files.sort();

        let embedded: Vec<String> = shipped().into_iter().map(|source| source.name).collect();
        assert_eq!(embedded, files);
        let rules = Rules::load(&shipped()).unwrap();
        let mut named: Vec<String> = rules.all().iter().map(|rule| format!("reactions/{}.yaml", rule.name)).collect();
        named.sort();
        assert_eq!(named, files);
    }

    #[test]
    fn every_field_of_the_context_is_documented() {
        let schema = context_schema();
        let defined = schema["$defs"].as_object().unwrap().values();
        for object in std::iter::once(&schema).chain(defined) {
            for (name, field) in object["properties"].as_object().into_iter().flatten() {
                assert!(field["description"].is_string() || field["$ref"].is_string(), "{name} has no description");
            }
        }
    }
}
