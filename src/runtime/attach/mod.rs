//! A person's own terminal, connected to the terminal of a launch.
//!
//! `ctrl-\` detaches, and so does `ctrl-b d` (press `ctrl-b` twice to type one). Whatever happens, the person's terminal
//! is given back as it was. For sessions in tmux nothing of this is needed: run
//! [`crate::runtime::tmux::TmuxRuntime::attach_argv`] with inherited streams.

mod keys;
#[cfg(unix)]
mod terminal_unix;
#[cfg(windows)]
mod terminal_windows;

use std::{io, time::Duration};

use futures_util::StreamExt as _;
use tokio::{io::AsyncWriteExt as _, sync::mpsc};

use self::keys::{Keys, Typed};
#[cfg(unix)]
use self::terminal_unix as terminal;
#[cfg(windows)]
use self::terminal_windows as terminal;
use super::{
    Address, Error, Probe,
    pty::{
        PtyRuntime,
        protocol::{self, Answer, Frame, Request, Wire},
    },
};
use crate::background::Tasks;

/// A connection to the terminal of a launch.
pub struct Connection(Wire);

/// Why a connection ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Left {
    /// The person detached.
    Detached,
    /// The program ended.
    Ended(Probe),
    /// The holder went away.
    Lost,
}

/// What a person does at their terminal.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Input {
    /// Keys, as the terminal sends them.
    Keys(Vec<u8>),
    /// The new width and height.
    Size(u16, u16),
}

/// The size of this process's terminal: columns and rows.
///
/// # Errors
///
/// When standard input is not a terminal.
pub fn size() -> Result<(u16, u16), Error> {
    terminal::size().map_err(|error| Error::other(error, "standard input is not a terminal"))
}

impl Connection {
    /// Connects to the terminal of a launch; `read_only` ignores keys and size.
    ///
    /// # Errors
    ///
    /// [`Error::Gone`] when nobody holds the launch any more.
    pub async fn open(
        runtime: &PtyRuntime,
        address: &Address,
        size: (u16, u16),
        read_only: bool,
    ) -> Result<Self, Error> {
        runtime.view(address, size, read_only).await.map(Self)
    }

    /// Hands this process's terminal over until the person detaches or the program ends. The caller should end the
    /// process soon after: the thread that reads the keys waits for one more.
    ///
    /// # Errors
    ///
    /// When standard input is not a terminal, or this terminal fails.
    pub async fn take_over(self) -> Result<Left, Error> {
        let failed = |error| Error::other(error, "the terminal failed");
        let _raw = terminal::Raw::enter().map_err(failed)?;
        let tasks = Tasks::new();
        let input = terminal::input(&tasks).map_err(failed)?;
        let left = self.relay(input, tokio::io::stdout()).await.map_err(failed);
        tasks.shut_down(Duration::from_secs(1)).await;
        left
    }

    /// Connects `input` and `output` to the launch's terminal until the person detaches, the input ends or the program
    /// does.
    ///
    /// # Errors
    ///
    /// When `output` fails.
    pub async fn relay(
        self,
        mut input: mpsc::Receiver<Input>,
        mut output: impl tokio::io::AsyncWrite + Unpin + Send,
    ) -> io::Result<Left> {
        let (mut to, mut from) = self.0.split();
        let mut keys = Keys::default();
        loop {
            tokio::select! {
                biased;
                typed = input.recv() => {
                    let said = match typed {
                        None => return Ok(Left::Detached),
                        Some(Input::Size(columns, rows)) => {
                            protocol::say(&mut to, &Request::Resize { columns, rows }).await
                        }
                        Some(Input::Keys(bytes)) => match keys.take(&bytes) {
                            Typed::Detach => return Ok(Left::Detached),
                            Typed::Text(text) if text.is_empty() => Ok(()),
                            Typed::Text(text) => protocol::send(&mut to, &text).await,
                        },
                    };
                    if said.is_err() {
                        return Ok(Left::Lost);
                    }
                }
                shown = protocol::hear::<Answer>(&mut from) => match shown {
                    Ok(Some(Frame::Terminal(bytes))) => {
                        output.write_all(&bytes).await?;
                        output.flush().await?;
                    }
                    Ok(Some(Frame::Said(Answer::Ended(probe)))) => return Ok(Left::Ended(probe)),
                    Ok(Some(Frame::Said(_))) => {}
                    Ok(None) | Err(_) => return Ok(Left::Lost),
                },
            }
        }
    }
}
