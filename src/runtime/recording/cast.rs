//! The lines of an asciicast file, version 2: <https://docs.asciinema.org/manual/asciicast/v2/>. Pure.
//!
//! Version 3 exists, but the players that distributions ship read version 2.

use std::time::Duration;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::held::{Event, What};

/// The first line.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Header {
    version: u8,
    pub(super) width: u16,
    pub(super) height: u16,
    /// Seconds since 1970.
    pub(super) timestamp: i64,
    pub(super) title: String,
}

impl Header {
    /// The header of a recording that begins at `at` with this size of the terminal.
    pub(super) fn new((width, height): (u16, u16), at: Timestamp, title: String) -> Self {
        Self { version: 2, width, height, timestamp: at.as_second(), title }
    }

    /// Its line.
    pub(super) fn line(&self) -> String {
        line(self)
    }
}

/// The line of an event.
pub(super) fn event(event: &Event) -> String {
    match &event.what {
        What::Output(text) => line(&(seconds(event.at), "o", text)),
        What::Size(columns, rows) => line(&(seconds(event.at), "r", format!("{columns}x{rows}"))),
    }
}

/// The line of a remark by which a player can be sent to this moment.
pub(super) fn marker(at: Duration, words: &str) -> String {
    line(&(seconds(at), "m", words))
}

/// How long the recording is whose last line this is; `None` if it is torn.
pub(super) fn length(last: &str) -> Option<Duration> {
    let (at, _, _) = serde_json::from_str::<(f64, String, String)>(last).ok()?;
    Duration::try_from_secs_f64(at).ok()
}

/// Milliseconds are as exact as anybody sees.
fn seconds(at: Duration) -> f64 {
    let thousandths = u32::try_from(at.as_millis()).unwrap_or(u32::MAX);
    f64::from(thousandths) / 1_000.0
}

fn line(value: &impl Serialize) -> String {
    let mut line = serde_json::to_string(value).expect("texts and numbers are always JSON");
    line.push('\n');
    line
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_have_the_form_that_players_read() {
        let at = Duration::from_micros(1_234_567);
        let output = Event { at, what: What::Output("a\u{1B}[31m\"ä\"\r\n".into()) };
        let size = Event { at, what: What::Size(90, 20) };
        let header = Header::new((160, 50), Timestamp::from_second(1_700_000_000).unwrap(), "hello-12".into());

        let lines = [header.line(), event(&output), event(&size), marker(at, "over")];

        assert_eq!(
            lines,
            [
                "{\"version\":2,\"width\":160,\"height\":50,\"timestamp\":1700000000,\"title\":\"hello-12\"}\n",
                "[1.234,\"o\",\"a\\u001b[31m\\\"ä\\\"\\r\\n\"]\n",
                "[1.234,\"r\",\"90x20\"]\n",
                "[1.234,\"m\",\"over\"]\n",
            ]
        );
        assert_eq!((length(lines[1].trim_end()), length("[1.2,\"o\",\"a")), (Some(Duration::from_millis(1234)), None));
    }
}
