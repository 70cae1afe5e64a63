//! Speaks to a running daemon, over the HTTP API that the page uses, too.
//!
//! It finds the daemon by two files in the state directory: where it listens, and the token that admits. It decides
//! nothing and repeats nothing: a wish carries an id of the caller, who may send it again.

mod error;
mod events;
mod line;
#[cfg(test)]
mod tests;
mod wishes;

use std::path::Path;

use serde::Deserialize;

pub use error::Error;
pub use events::{Event, Events};

use self::line::Line;
use crate::{
    model::{MachineKey, SessionId, TaskId},
    runtime::Screen,
    view::{EntryView, Finding, Link, Overview, SCHEMA, TaskLog, Terminal},
};

/// A connection to a daemon. Cloning shares it.
#[derive(Debug, Clone)]
pub struct Client(Line);

impl Client {
    /// The daemon of this state directory. Whether it answers is seen at the first call.
    ///
    /// # Errors
    ///
    /// [`Error::NotRunning`] if no daemon ever ran there.
    pub fn connect(state_dir: &Path) -> Result<Self, Error> {
        Line::to(state_dir).map(Self)
    }

    /// Where the daemon listens, for example `127.0.0.1:7117`.
    #[must_use]
    pub fn address(&self) -> &str {
        self.0.address()
    }

    /// Everything at a glance.
    ///
    /// # Errors
    ///
    /// [`Error::TooNew`] if the daemon is of a later version that says it differently.
    pub async fn overview(&self) -> Result<Overview, Error> {
        let value: serde_json::Value = self.0.get("overview", &[]).await?;
        overview_of(value)
    }

    /// The newest `max` entries of one machine, oldest first.
    ///
    /// # Errors
    ///
    /// When the daemon cannot be reached or refuses.
    pub async fn history(&self, machine: &MachineKey, max: usize) -> Result<Vec<EntryView>, Error> {
        self.0.get("history", &[("machine", machine.to_string()), ("max", max.to_string())]).await
    }

    /// What a session's terminal shows, with up to `scrollback` lines above it.
    ///
    /// # Errors
    ///
    /// [`Error::Refused`] if there is no such session or nothing left of it.
    pub async fn screen(&self, session: &SessionId, scrollback: usize) -> Result<Screen, Error> {
        self.0.get(&format!("sessions/{session}/screen"), &[("scrollback", scrollback.to_string())]).await
    }

    /// Where a session's terminal is.
    ///
    /// # Errors
    ///
    /// [`Error::Refused`] if there is no such session.
    pub async fn terminal(&self, session: &SessionId) -> Result<Terminal, Error> {
        self.0.get(&format!("sessions/{session}/terminal"), &[]).await
    }

    /// What happened to a task, and what its setup wrote.
    ///
    /// # Errors
    ///
    /// [`Error::Refused`] if there is no such task.
    pub async fn task_log(&self, task: &TaskId) -> Result<TaskLog, Error> {
        self.0.get(&format!("tasks/{task}/log"), &[]).await
    }

    /// What the daemon noticed about itself, the most urgent first.
    ///
    /// # Errors
    ///
    /// When the daemon cannot be reached.
    pub async fn doctor(&self) -> Result<Vec<Finding>, Error> {
        self.0.get("doctor", &[]).await
    }

    /// How many of GitHub's pings the daemon has answered since its start, each signed with a secret of its settings.
    ///
    /// # Errors
    ///
    /// When the daemon cannot be reached.
    pub async fn pings(&self) -> Result<u64, Error> {
        // The door answers 200 to nothing else.
        const COUNTER: &str = "antiphon_deliveries_total{status=\"200\"} ";
        let metrics = self.0.metrics().await?;
        let count = metrics.lines().find_map(|line| line.strip_prefix(COUNTER));
        Ok(count.and_then(|count| count.trim().parse().ok()).unwrap_or(0))
    }

    /// An address that logs a browser in, once.
    ///
    /// # Errors
    ///
    /// When the daemon cannot be reached or has no random numbers.
    pub async fn link(&self) -> Result<String, Error> {
        let link: Link = self.0.post("link", &()).await?;
        Ok(format!("http://{}{}", self.address(), link.path))
    }

    /// What happens from now on, beginning with how things are.
    ///
    /// # Errors
    ///
    /// When the daemon cannot be reached or has too many listeners.
    pub async fn events(&self) -> Result<Events, Error> {
        self.0.open("events").await.map(Events::of)
    }
}

/// An overview of a shape that is known. Its schema is read first: a later one need not look like this one at all.
fn overview_of(value: serde_json::Value) -> Result<Overview, Error> {
    #[derive(Deserialize)]
    struct Shape {
        schema: u32,
    }
    let other = |error: serde_json::Error| Error::Other(error.into());
    let Shape { schema: found } = Shape::deserialize(&value).map_err(other)?;
    if found > SCHEMA {
        return Err(Error::TooNew { found, known: SCHEMA });
    }
    serde_json::from_value(value).map_err(other)
}
