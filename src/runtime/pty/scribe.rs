//! Who records a terminal: one more viewer, for whom nothing waits.

use std::{io, sync::Arc};

use tokio::sync::broadcast::{
    self,
    error::{RecvError, TryRecvError},
};
use tokio_util::sync::CancellationToken;
use tracing::warn;

use super::terminal::{Shown, Terminal};
use crate::{
    clock::Clock,
    runtime::{
        Launch,
        recording::{Recorder, TICK},
    },
};

/// Begins the recording of a launch, if there shall be one. Without it the launch goes on all the same.
pub(crate) fn begin(launch: &Launch, clock: &Clock) -> Option<Recorder> {
    let recording = launch.recording.as_ref()?;
    let (title, size) = (launch.address.session.as_str(), (launch.columns, launch.rows));
    let begun = Recorder::begin(&launch.session_dir, recording, title, size, clock);
    begun.inspect_err(|error| warn!(%error, "Cannot record the launch")).ok()
}

/// Records what a terminal shows until told to stop, or until nothing more can be recorded.
pub(crate) async fn record(
    recorder: Recorder,
    terminal: Arc<Terminal>,
    shown: broadcast::Receiver<Shown>,
    stop: CancellationToken,
) {
    if let Err(error) = follow(recorder, &terminal, shown, &stop).await {
        warn!(%error, "The recording has ended");
    }
}

async fn follow(
    mut recorder: Recorder,
    terminal: &Terminal,
    mut shown: broadcast::Receiver<Shown>,
    stop: &CancellationToken,
) -> io::Result<()> {
    let mut tick = tokio::time::interval(TICK);
    loop {
        tokio::select! {
            biased;
            () = stop.cancelled() => break,
            _ = tick.tick() => recorder.settle()?,
            next = shown.recv() => match next {
                Ok(Shown::Output(bytes)) => recorder.output(&bytes)?,
                Ok(Shown::Size(columns, rows)) => recorder.resize(columns, rows),
                Err(RecvError::Lagged(_)) => {
                    // Too much at once: it goes on with the present picture.
                    let (picture, newer) = terminal.view();
                    shown = newer;
                    recorder.output(&picture)?;
                }
                Err(RecvError::Closed) => break,
            },
        }
    }
    loop {
        match shown.try_recv() {
            Ok(Shown::Output(bytes)) => recorder.output(&bytes)?,
            Ok(Shown::Size(columns, rows)) => recorder.resize(columns, rows),
            Err(TryRecvError::Lagged(_)) => {}
            Err(TryRecvError::Empty | TryRecvError::Closed) => return recorder.end(),
        }
    }
}
