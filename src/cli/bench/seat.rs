//! One agent and its session: how it is ordered to misbehave, and what it says itself that it took.

use std::{
    fs::File,
    io::{Read as _, Seek as _, SeekFrom},
    path::PathBuf,
    time::Duration,
};

use anyhow::Context as _;

use super::arguments::Home;
use crate::{
    model::SessionId,
    simulator::faulty::{Arguments, Entry, Misdeed, Note, Order},
};

/// How long an agent may take to obey. One that is being started again takes longest.
const OBEDIENCE: Duration = Duration::from_secs(60);
/// How often its diary is looked at.
const LOOK: Duration = Duration::from_millis(15);

/// An agent.
#[derive(Debug)]
pub(super) struct Seat {
    session: SessionId,
    home: Home,
    dir: PathBuf,
    orders: u64,
    read: u64,
    entries: Vec<Entry>,
}

impl Seat {
    /// The agent of a session, with its own directory.
    pub(super) const fn new(session: SessionId, home: Home, dir: PathBuf) -> Self {
        Self { session, home, dir, orders: 0, read: 0, entries: Vec::new() }
    }

    /// Its session.
    pub(super) const fn session(&self) -> &SessionId {
        &self.session
    }

    /// Where its terminal lives.
    pub(super) const fn home(&self) -> Home {
        self.home
    }

    /// Its diary, as far as it has been written.
    pub(super) fn diary(&mut self) -> anyhow::Result<&[Entry]> {
        self.catch_up().with_context(|| format!("the diary of {} cannot be read", self.session))?;
        Ok(&self.entries)
    }

    /// The process that wrote last.
    pub(super) fn pid(&mut self) -> anyhow::Result<u32> {
        let last = self.diary()?.last().map(|entry| entry.pid);
        last.with_context(|| "the agent has written nothing".to_owned())
    }

    /// Orders it to misbehave, and waits until it has heard. False: it did not in time.
    pub(super) async fn order(&mut self, misdeed: Misdeed) -> anyhow::Result<bool> {
        self.orders += 1;
        let number = self.orders;
        Order { number, misdeed }.give(&Arguments::orders(&self.dir)).context("an order cannot be given")?;
        let heard = async {
            while !self.diary()?.iter().any(|entry| entry.note == Note::Obeys(number)) {
                tokio::time::sleep(LOOK).await;
            }
            Ok(true)
        };
        tokio::time::timeout(OBEDIENCE, heard).await.unwrap_or(Ok(false))
    }

    fn catch_up(&mut self) -> anyhow::Result<()> {
        let Ok(mut file) = File::open(Arguments::diary(&self.dir)) else { return Ok(()) };
        file.seek(SeekFrom::Start(self.read))?;
        let mut text = String::new();
        file.read_to_string(&mut text)?;
        // The last line may still be being written.
        let whole = text.rfind('\n').map_or(0, |end| end + 1);
        for line in text[..whole].lines() {
            self.entries.push(serde_json::from_str(line)?);
        }
        self.read += u64::try_from(whole)?;
        Ok(())
    }
}
