//! Records what comes on standard input: what a terminal of tmux shows, which tmux itself passes on.
//!
//! The process lives as long as tmux holds the terminal, whatever becomes of the daemon.

use std::{
    io,
    path::{Path, PathBuf},
};

use serde::{Deserialize, Serialize};
use tokio::io::{AsyncRead, AsyncReadExt as _};
use tracing::warn;

use super::{Recorder, Recording, TICK};
use crate::{
    clock::Clock,
    runtime::{Launch, files, os},
};

/// What a recorder is told.
#[derive(Serialize, Deserialize)]
struct Order {
    recording: Recording,
    title: String,
    size: (u16, u16),
}

/// Orders the recording of a launch; false if there shall be none.
pub(crate) fn order(launch: &Launch) -> io::Result<bool> {
    let Some(recording) = launch.recording.clone() else { return Ok(false) };
    let size = (launch.columns, launch.rows);
    let order = Order { recording, title: launch.address.session.to_string(), size };
    files::write_json(&order_of(&launch.session_dir), &order)?;
    Ok(true)
}

/// Takes an order back that nobody took.
pub(crate) fn withdraw(launch: &Launch) {
    drop(std::fs::remove_file(order_of(&launch.session_dir)));
}

/// Records `output` as what the launch in `session_dir` shows, until it ends or the recording is full.
///
/// `terminal` is asked for its size. Returns the exit code: 0, or 1 when nothing more could be recorded.
pub async fn record(session_dir: &Path, terminal: &Path, output: impl AsyncRead + Unpin, clock: &Clock) -> i32 {
    let begun = take(session_dir).and_then(|order| {
        Recorder::begin(session_dir, &order.recording, &order.title, order.size, clock).map(|begun| (begun, order.size))
    });
    let recorded = match begun {
        Ok((recorder, size)) => follow(recorder, size, terminal, output).await,
        Err(error) => Err(error),
    };
    if let Err(error) = &recorded {
        warn!(%error, "The recording has ended");
    }
    i32::from(recorded.is_err())
}

/// Takes the order, which holds secrets and must not stay.
fn take(session_dir: &Path) -> io::Result<Order> {
    let path = order_of(session_dir);
    let order = files::read_json(&path)?.ok_or_else(|| io::Error::from(io::ErrorKind::NotFound))?;
    std::fs::remove_file(path)?;
    Ok(order)
}

async fn follow(
    mut recorder: Recorder,
    mut size: (u16, u16),
    terminal: &Path,
    mut output: impl AsyncRead + Unpin,
) -> io::Result<()> {
    let mut tick = tokio::time::interval(TICK);
    let mut chunk = vec![0; 16 << 10];
    loop {
        tokio::select! {
            read = output.read(&mut chunk) => match read? {
                0 => return recorder.end(),
                read => recorder.output(&chunk[..read])?,
            },
            _ = tick.tick() => {
                // tmux tells its recorders nothing of sizes.
                if let Some(now) = os::size(terminal).filter(|now| *now != size) {
                    size = now;
                    recorder.resize(now.0, now.1);
                }
                recorder.settle()?;
            }
        }
    }
}

fn order_of(session_dir: &Path) -> PathBuf {
    session_dir.join("recording.json")
}
