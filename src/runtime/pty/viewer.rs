//! One person (or page) that looks at a terminal, and may type into it.

use std::{io, sync::Arc};

use futures_util::StreamExt as _;
use tokio::sync::broadcast::error::RecvError;

use super::{
    protocol::{self, Answer, Frame, Request, Wire},
    terminal::{Person, Shown, Terminal},
    typist::Desk,
};

/// What a viewer looks at.
pub(crate) struct Viewer<'a> {
    /// The terminal.
    pub(crate) terminal: &'a Arc<Terminal>,
    /// Where its keys go.
    pub(crate) desk: &'a Desk,
    /// Whether its keys and sizes are ignored.
    pub(crate) read_only: bool,
}

impl Viewer<'_> {
    /// Shows the terminal until the viewer goes away or the program ends.
    pub(crate) async fn attend(&self, wire: Wire, columns: u16, rows: u16) -> io::Result<()> {
        let (mut to, mut from) = wire.split();
        let person = (!self.read_only).then(|| self.terminal.admit_person());
        resize(person.as_ref(), columns, rows)?;
        protocol::say(&mut to, &Answer::Done).await?;
        let (picture, mut output) = self.terminal.view();
        protocol::send(&mut to, &picture).await?;
        loop {
            tokio::select! {
                biased;
                heard = protocol::hear::<Request>(&mut from) => match heard? {
                    Some(Frame::Terminal(keys)) if !self.read_only => self.desk.person(keys.to_vec()).await,
                    Some(Frame::Said(Request::Resize { columns, rows })) => {
                        resize(person.as_ref(), columns, rows)?;
                    }
                    Some(Frame::Terminal(_) | Frame::Said(_)) => {}
                    None => return Ok(()),
                },
                shown = output.recv() => match shown {
                    Ok(Shown::Output(bytes)) => protocol::send(&mut to, &bytes).await?,
                    Ok(Shown::Size(..)) => {}
                    Err(RecvError::Lagged(_)) => {
                        // Too slow for every step: it gets the present picture, and goes on from there.
                        let (picture, newer) = self.terminal.view();
                        output = newer;
                        protocol::send(&mut to, &picture).await?;
                    }
                    Err(RecvError::Closed) => return Ok(()),
                },
                ended = self.terminal.wait(), if output.is_empty() => {
                    return protocol::say(&mut to, &Answer::Ended(ended)).await;
                }
            }
        }
    }
}

/// Whoever may not type has no say in the size either.
fn resize(person: Option<&Person>, columns: u16, rows: u16) -> io::Result<()> {
    person.map_or(Ok(()), |person| person.resize(columns, rows)).map_err(io::Error::other)
}
