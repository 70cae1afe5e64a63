//! The settings: parsed once into plain types, unknown keys refused, every mistake shown at its place.
//!
//! This is the only reader of the environment ([`Environment`]). Nothing here talks to GitHub or starts anything.

mod environment;
mod load;
mod locate;
mod settings;
mod size;

use std::{io, path::PathBuf};

use crate::yaml::Diagnostic;

pub use environment::Environment;
pub use load::{BUILT_IN_AGENTS, load, load_unconnected, parse};
pub use locate::{FILE_NAME, Search, locate, state_dir};
pub use settings::{
    Agent, App, Config, GitHub, Issues, Limits, Notifier, Permissions, Reactions, Repository, Retention, Runtime,
    Webhook, Workspace,
};
pub use size::{InvalidSize, Size};

/// Why there are no settings.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// No settings file.
    #[error("no settings found at {}", shown(tried))]
    NotFound {
        /// Where it was looked for.
        tried: Vec<PathBuf>,
    },
    /// The file cannot be read.
    #[error("cannot read {}", path.display())]
    Unreadable {
        /// Which file.
        path: PathBuf,
        /// Why not.
        #[source]
        source: io::Error,
    },
    /// The file holds mistakes.
    #[error("{}", all(.0))]
    Invalid(Vec<Diagnostic>),
    /// No variable tells where the user's directories are.
    #[error("cannot tell where the user's directories are: HOME is not set")]
    NoHome,
}

/// The JSON schema of the settings file, for editors.
#[must_use]
pub fn schema() -> serde_json::Value {
    crate::yaml::schema::<Config>()
}

fn shown(paths: &[PathBuf]) -> String {
    let shown: Vec<String> = paths.iter().map(|path| path.display().to_string()).collect();
    shown.join(" or ")
}

fn all(mistakes: &[Diagnostic]) -> String {
    let shown: Vec<String> = mistakes.iter().map(ToString::to_string).collect();
    shown.join("\n\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_example_is_valid() {
        let environment = Environment::new(
            "/",
            [("HOME", "/home/me"), ("USERPROFILE", r"C:\Users\me"), ("ANTIPHON_WEBHOOK_SECRET", "s")],
        );

        let parsed = parse("config/antiphon.yaml", include_str!("../../config/antiphon.yaml"), &environment);
        assert!(parsed.is_ok(), "{}", all(&parsed.unwrap_err()));
    }

    const SCHEMA_FILE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/config/antiphon.schema.json");

    fn generated() -> String {
        serde_json::to_string_pretty(&schema()).unwrap() + "\n"
    }

    #[test]
    fn the_schema_in_the_repository_is_the_generated_one() {
        let stored = std::fs::read_to_string(SCHEMA_FILE).unwrap_or_default();

        assert!(stored == generated(), "write it anew: cargo test --lib schema_is_written -- --ignored");
    }

    #[test]
    #[ignore = "writes config/antiphon.schema.json, which the test above compares: cargo test --lib schema_is_written -- --ignored"]
    fn the_settings_schema_is_written() {
        std::fs::write(SCHEMA_FILE, generated()).unwrap();
    }

    #[test]
    fn the_example_names_every_key_of_the_schema() {
        let example = include_str!("../../config/antiphon.yaml");
        let schema = schema();
        let defined = schema["$defs"].as_object().unwrap().values();
        let keys: Vec<&String> = std::iter::once(&schema)
            .chain(defined)
            .filter_map(|it| it["properties"].as_object())
            .flat_map(serde_json::Map::keys)
            .collect();

        let missing: Vec<_> = keys.into_iter().filter(|key| !example.contains(&format!("{key}:"))).collect();
        assert!(missing.is_empty(), "config/antiphon.yaml says nothing about {missing:?}");
    }
}
