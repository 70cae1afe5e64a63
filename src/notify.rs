//! How people are told: each channel on its own, with a deadline, so that one that hangs keeps nobody from the others.

use std::{collections::BTreeMap, time::Duration};

use futures_util::future::join_all;
use serde::Serialize;
use tracing::{error, info, warn};

use crate::{config::Notifier, process::Command};

/// What people are told.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Note {
    /// How loud.
    pub urgency: Urgency,
    /// What it is about: an address or a name.
    pub subject: String,
    /// What is said. It may quote text from outside, sanitised.
    pub text: String,
}

/// How loud a note is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Urgency {
    /// For whoever looks.
    Low,
    /// The usual.
    Normal,
    /// Somebody should look soon.
    High,
    /// Somebody must look now.
    Urgent,
}

/// How long a channel may take.
const DEADLINE: Duration = Duration::from_secs(20);

/// The configured channels.
#[derive(Debug, Clone)]
pub struct Notifiers {
    channels: Vec<Notifier>,
    environment: BTreeMap<String, String>,
}

impl Notifiers {
    /// These channels; commands get this environment.
    #[must_use]
    pub const fn new(channels: Vec<Notifier>, environment: BTreeMap<String, String>) -> Self {
        Self { channels, environment }
    }

    /// Tells all channels; returns what failed, by channel.
    pub async fn send(&self, note: &Note) -> Vec<String> {
        let sent = join_all(self.channels.iter().map(|channel| self.send_by(channel, note))).await;
        let failures: Vec<_> = sent.into_iter().flatten().collect();
        for failure in &failures {
            warn!(failure, "Could not notify: {failure}");
        }
        failures
    }

    async fn send_by(&self, channel: &Notifier, note: &Note) -> Option<String> {
        match channel {
            Notifier::Log => {
                log(note);
                None
            }
            Notifier::Command(argv) => self.run(argv, note).await.err(),
        }
    }

    /// Runs a command with the note as JSON on its standard input; no word of it stands in the arguments.
    async fn run(&self, argv: &[String], note: &Note) -> Result<(), String> {
        let Some((program, args)) = argv.split_first() else { return Err("an empty command".to_owned()) };
        let json = serde_json::to_vec(note).map_err(|error| error.to_string())?;
        let command = Command::new(program).args(args).envs(&self.environment).stdin(json).deadline(DEADLINE);
        let output = command.run().await.map_err(|error| error.to_string())?;
        if output.success() { Ok(()) } else { Err(format!("{program} ended with {:?}", output.code)) }
    }
}

fn log(note: &Note) {
    let subject = &note.subject;
    match note.urgency {
        Urgency::Low | Urgency::Normal => info!(subject, "{subject}: {}", note.text),
        Urgency::High => warn!(subject, "{subject}: {}", note.text),
        Urgency::Urgent => error!(subject, "{subject}: {}", note.text),
    }
}

#[cfg(all(test, unix))]
mod tests {
    use super::*;

    fn note() -> Note {
        Note { urgency: Urgency::Urgent, subject: "o/r#1".to_owned(), text: "look; `rm`".to_owned() }
    }

    fn sh(script: &str) -> Notifier {
        Notifier::Command(["/bin/sh", "-c", script].map(str::to_owned).to_vec())
    }

    // S79
    #[tokio::test]
    async fn a_channel_that_fails_keeps_nobody_from_the_others() {
        let dir = tempfile::tempdir().unwrap();
        let told = dir.path().join("told");
        let second = sh(&format!("cat > {}", told.display()));
        let path = BTreeMap::from([("PATH".to_owned(), "/usr/bin:/bin".to_owned())]);

        let failures = Notifiers::new(vec![sh("exit 3"), second], path).send(&note()).await;

        assert_eq!(failures, ["/bin/sh ended with Some(3)"]);
        let told = std::fs::read_to_string(told).unwrap();
        assert_eq!(told, r#"{"urgency":"urgent","subject":"o/r#1","text":"look; `rm`"}"#);
    }
}
