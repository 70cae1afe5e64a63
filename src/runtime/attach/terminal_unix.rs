//! This process's own terminal on Unix: raw mode that is always undone, keys, and changes of size.

use std::{io, io::Read as _};

use rustix::{
    stdio::stdin,
    termios::{OptionalActions, Termios, tcgetattr, tcgetwinsize, tcsetattr},
};
use tokio::{
    signal::unix::{SignalKind, signal},
    sync::mpsc,
};

use super::Input;
use crate::background::Tasks;

/// Pieces of input that may wait.
const INPUT_MAX: usize = 64;

/// The terminal in raw mode; dropping it restores what was before.
pub(crate) struct Raw(Termios);

impl Raw {
    /// Switches the terminal to raw mode.
    pub(crate) fn enter() -> io::Result<Self> {
        let before = tcgetattr(stdin())?;
        let mut raw = before.clone();
        raw.make_raw();
        tcsetattr(stdin(), OptionalActions::Now, &raw)?;
        Ok(Self(before))
    }
}

impl Drop for Raw {
    fn drop(&mut self) {
        use std::io::Write as _;
        let _ = tcsetattr(stdin(), OptionalActions::Now, &self.0);
        // What the program switched on would stay on: paste marks, mouse, hidden cursor, other screen, colors.
        let reset = "\x1b[?2004l\x1b[?1000;1002;1003;1006;1049l\x1b[?25h\x1b[0m\r\n";
        let mut out = io::stdout();
        drop(out.write_all(reset.as_bytes()).and_then(|()| out.flush()));
    }
}

/// Columns and rows.
pub(crate) fn size() -> io::Result<(u16, u16)> {
    let size = tcgetwinsize(stdin())?;
    Ok((size.ws_col, size.ws_row))
}

/// What the person does from now on.
pub(crate) fn input(tasks: &Tasks) -> io::Result<mpsc::Receiver<Input>> {
    let (to, input) = mpsc::channel(INPUT_MAX);
    let mut resized = signal(SignalKind::window_change())?;
    let sizes = to.clone();
    // A thread of our own: a runtime would wait at its end for the next key.
    std::thread::Builder::new().name("keys".to_owned()).spawn(move || {
        let mut chunk = [0; 4096];
        while let Ok(read @ 1..) = io::stdin().read(&mut chunk) {
            if to.blocking_send(Input::Keys(chunk[..read].to_vec())).is_err() {
                return;
            }
        }
    })?;
    tasks.spawn("window-size", |stop| async move {
        while stop.run_until_cancelled(resized.recv()).await.flatten().is_some() {
            let Ok((columns, rows)) = size() else { return };
            if sizes.send(Input::Size(columns, rows)).await.is_err() {
                return;
            }
        }
    });
    Ok(input)
}
