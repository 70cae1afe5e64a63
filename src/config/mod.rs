//! The settings: parsed once into plain types, unknown keys refused, every mistake shown at its place.
//!
//! This is the only reader of the environment ([`Environment`]). Nothing here talks to GitHub or starts anything.

mod adapter;
mod environment;
mod load;
mod locate;
mod ports;
mod settings;
mod setup;
mod size;
mod workspace;

use std::{io, path::PathBuf};

use crate::yaml::Diagnostic;

pub use adapter::{
    Adapter, BrokenTemplate, CommandCalls, CommandResults, CommandRule, Facts, Pattern, PromptLine, Protocol, Screen,
    Template, Transcript, UsageLine, shipped as shipped_adapters,
};
pub use environment::Environment;
pub use load::{load, load_unconnected, parse};
pub use locate::{FILE_NAME, Search, locate, state_dir};
pub use ports::{InvalidPorts, Ports};
pub use settings::{
    Adapters, Agent, App, Config, GitHub, Issues, Limits, Notifier, Permissions, Reactions, Recordings, Repository,
    Retention, Runtime, Webhook,
};
pub use setup::Setup;
pub use size::{InvalidSize, Size};
pub use workspace::{Hooks, HydrateBy, Kind, Sandbox, Workspace};

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

/// The JSON schema of an adapter's file, for editors.
#[must_use]
pub fn adapter_schema() -> serde_json::Value {
    crate::yaml::schema::<Adapter>()
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

    /// Each schema with its file in the repository.
    fn generated() -> [(&'static str, String); 2] {
        [("antiphon", schema()), ("agent", adapter_schema())]
            .map(|(name, schema)| (name, serde_json::to_string_pretty(&schema).unwrap() + "\n"))
    }

    fn file(name: &str) -> String {
        format!("{}/config/{name}.schema.json", env!("CARGO_MANIFEST_DIR"))
    }

    #[test]
    fn the_schemas_in_the_repository_are_the_generated_ones() {
        for (name, schema) in generated() {
            let stored = std::fs::read_to_string(file(name)).unwrap_or_default();
            assert!(stored == schema, "write it anew: cargo test --lib schemas_are_written -- --ignored");
        }
    }

    #[test]
    #[ignore = "writes config/*.schema.json, which the test above compares: cargo test --lib schemas_are_written -- --ignored"]
    fn the_settings_schemas_are_written() {
        for (name, schema) in generated() {
            std::fs::write(file(name), schema).unwrap();
        }
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
