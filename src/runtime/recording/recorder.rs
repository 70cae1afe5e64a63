//! Writes one recording.

use std::{
    fs::File,
    io::{self, Write as _},
    path::Path,
    time::Duration,
};

use super::{
    Recording, cast,
    held::{Held, Until},
    shelf::file_of,
};
use crate::{
    clock::{Clock, Stopwatch},
    runtime::os,
};

/// How often [`Recorder::settle`] wants to be called: no more than that is lost by a kill.
pub(crate) const TICK: Duration = Duration::from_millis(250);

/// So much output is let go without waiting for the next tick.
const BATCH_BYTES: usize = 8 << 10;
/// What the last remark may take.
const REMARK_BYTES: u64 = 100;
/// Where a recording goes on no longer.
const FULL: &str = "the recording is full";

/// A recording that is being written.
pub(crate) struct Recorder {
    file: File,
    held: Held,
    began: Stopwatch,
    bytes_left: u64,
    /// Whether output came since the last tick.
    flows: bool,
}

impl Recorder {
    /// Begins the recording of the launch in `session_dir`, whose terminal has `size` columns and rows.
    pub(crate) fn begin(
        session_dir: &Path,
        recording: &Recording,
        title: &str,
        size: (u16, u16),
        clock: &Clock,
    ) -> io::Result<Self> {
        let file = os::private_file().create_new(true).append(true).open(file_of(session_dir))?;
        let held = Held::new(&recording.secrets);
        let bytes_left = recording.bytes_max.saturating_sub(REMARK_BYTES);
        let mut recorder = Self { file, held, began: Stopwatch::start(), bytes_left, flows: false };
        recorder.write(&cast::Header::new(size, clock.now(), title.to_owned()).line())?;
        Ok(recorder)
    }

    /// Takes output.
    ///
    /// # Errors
    ///
    /// When nothing more can be recorded: the file cannot be written, or is full.
    pub(crate) fn output(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.held.push(self.began.elapsed(), bytes);
        self.flows = true;
        if self.held.len() < BATCH_BYTES { Ok(()) } else { self.release(Until::Line) }
    }

    /// Takes a new size of the terminal.
    pub(crate) fn resize(&mut self, columns: u16, rows: u16) {
        self.held.resize(self.began.elapsed(), columns, rows);
    }

    /// Writes what may be written.
    ///
    /// # Errors
    ///
    /// As [`Recorder::output`].
    pub(crate) fn settle(&mut self) -> io::Result<()> {
        let flows = std::mem::take(&mut self.flows);
        self.release(if flows { Until::Line } else { Until::Quiet })
    }

    /// Writes the rest.
    ///
    /// # Errors
    ///
    /// As [`Recorder::output`].
    pub(crate) fn end(mut self) -> io::Result<()> {
        self.release(Until::End)
    }

    fn release(&mut self, until: Until) -> io::Result<()> {
        let mut lines = String::new();
        for event in self.held.release(until) {
            let line = cast::event(&event);
            if (lines.len() + line.len()) as u64 > self.bytes_left {
                lines.push_str(&cast::marker(event.at, FULL));
                self.file.write_all(lines.as_bytes())?;
                return Err(io::Error::other(FULL));
            }
            lines.push_str(&line);
        }
        self.write(&lines)
    }

    /// Writes whole lines in one stroke, so that a kill tears none.
    fn write(&mut self, lines: &str) -> io::Result<()> {
        self.bytes_left = self.bytes_left.saturating_sub(lines.len() as u64);
        if lines.is_empty() { Ok(()) } else { self.file.write_all(lines.as_bytes()) }
    }
}
