//! The daemon's stream of events, read line by line.

use std::time::Duration;

use bytes::Bytes;
use futures_util::{StreamExt as _, stream::BoxStream};
use reqwest::Response;

use super::{Error, overview_of};
use crate::view::{EntryView, Overview};

/// More than an overview of a thousand tasks. Whoever sends more in one event is no daemon of ours.
const EVENT_BYTES_MAX: usize = 16 << 20;
/// A daemon that has nothing to say says so every 15 s.
const SILENCE_MAX: Duration = Duration::from_secs(60);

/// Something that the daemon said.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Event {
    /// How things are now.
    Overview(Box<Overview>),
    /// A new entry of the log.
    Entry(EntryView),
}

/// What the daemon says, until it ends or goes away.
pub struct Events {
    bytes: BoxStream<'static, Result<Bytes, reqwest::Error>>,
    unread: Vec<u8>,
    /// How many of the unread bytes are known to hold no end of a line.
    scanned: usize,
    /// The name and the data of the event that is being read.
    name: String,
    data: String,
}

impl Events {
    pub(super) fn of(response: Response) -> Self {
        let bytes = response.bytes_stream().boxed();
        Self { bytes, unread: Vec::new(), scanned: 0, name: String::new(), data: String::new() }
    }

    /// The next event; `None` when the daemon ended the stream. It may be dropped and called again.
    ///
    /// # Errors
    ///
    /// When the connection broke, or an event is not understood.
    pub async fn next(&mut self) -> Result<Option<Event>, Error> {
        loop {
            while let Some(line) = self.line() {
                if let Some(event) = self.take(&line)? {
                    return Ok(Some(event));
                }
            }
            let silent = |_| Error::Other(anyhow::anyhow!("the daemon has gone silent"));
            match tokio::time::timeout(SILENCE_MAX, self.bytes.next()).await.map_err(silent)? {
                Some(Ok(bytes)) => self.unread.extend_from_slice(&bytes),
                Some(Err(error)) => return Err(Error::Other(error.without_url().into())),
                None => return Ok(None),
            }
            if self.unread.len() + self.data.len() > EVENT_BYTES_MAX {
                return Err(Error::Other(anyhow::anyhow!("an event of more than {EVENT_BYTES_MAX} bytes")));
            }
        }
    }

    fn line(&mut self) -> Option<String> {
        let Some(end) = self.unread[self.scanned..].iter().position(|byte| *byte == b'\n') else {
            self.scanned = self.unread.len();
            return None;
        };
        let rest = self.unread.split_off(self.scanned + end + 1);
        self.scanned = 0;
        let line = std::mem::replace(&mut self.unread, rest);
        Some(String::from_utf8_lossy(&line).trim_end_matches(['\r', '\n']).to_owned())
    }

    /// Takes a line; an empty one ends an event. Comments keep the connection alive and say nothing.
    fn take(&mut self, line: &str) -> Result<Option<Event>, Error> {
        if line.is_empty() {
            let (name, data) = (std::mem::take(&mut self.name), std::mem::take(&mut self.data));
            return event(&name, &data);
        }
        let (field, value) = line.split_once(':').unwrap_or((line, ""));
        let value = value.strip_prefix(' ').unwrap_or(value);
        match field {
            "event" => value.clone_into(&mut self.name),
            "data" if self.data.is_empty() => value.clone_into(&mut self.data),
            "data" => self.data = format!("{}\n{value}", self.data),
            _ => {}
        }
        Ok(None)
    }
}

impl std::fmt::Debug for Events {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Events").field("unread", &self.unread.len()).finish_non_exhaustive()
    }
}

/// An event of an unknown name says nothing to this version.
fn event(name: &str, data: &str) -> Result<Option<Event>, Error> {
    let other = |error: serde_json::Error| Error::Other(error.into());
    Ok(match name {
        "overview" => {
            let overview = overview_of(serde_json::from_str(data).map_err(other)?)?;
            Some(Event::Overview(Box::new(overview)))
        }
        "entry" => Some(Event::Entry(serde_json::from_str(data).map_err(other)?)),
        _ => None,
    })
}
