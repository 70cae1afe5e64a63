//! Asks holders: the side of the daemon. It types nothing itself and keeps nothing that a new daemon would miss.

use std::{collections::BTreeMap, ffi::OsString, path::PathBuf, time::Duration};

use anyhow::anyhow;
use futures_util::future::BoxFuture;

use super::{
    client::{self, Heard, ask, unexpected},
    place::{Order, Place},
    protocol::{self, Answer, Frame, Request, Wire},
    record,
};
use crate::{
    boundary::cross,
    model::{PromptId, Submission},
    runtime::{
        Address, Error, Gate, Launch, Message, Probe, Runtime, Screen, Settle, Why, files, index::Index, launching, os,
        turns::Turns,
    },
};

/// How long a holder may take to come up.
const START_DEADLINE: Duration = Duration::from_secs(15);
/// How long a holder may take to answer what it knows.
const ANSWER_DEADLINE: Duration = Duration::from_secs(5);
/// How long a holder may take to type, with others before it in the queue.
const TYPE_DEADLINE: Duration = Duration::from_secs(60);
/// How long processes may take to vanish beyond the grace they were given.
const STOP_DEADLINE: Duration = Duration::from_secs(15);
/// How long a holder may take to leave after it was told to stop.
const LEAVE_DEADLINE: Duration = Duration::from_secs(4);

/// How long it may take until a dead holder is seen to be dead.
const PASSING: Duration = Duration::from_secs(1);

/// Sessions in pseudo-terminals.
#[derive(Debug)]
pub struct PtyRuntime {
    holder: Vec<OsString>,
    index: Index,
    settle: Settle,
    turns: Turns,
}

impl PtyRuntime {
    /// A runtime that starts holders as `holder… hold SESSION_DIR`, and notes in the private directory `index` where each
    /// launch lives.
    #[must_use]
    pub const fn new(holder: Vec<OsString>, index: PathBuf) -> Self {
        Self::with_settle(holder, index, Settle::TYPICAL)
    }

    /// The same with another pause between a text and its Enter, for launches that are started from now on.
    #[must_use]
    pub const fn with_settle(holder: Vec<OsString>, index: PathBuf, settle: Settle) -> Self {
        Self { holder, index: Index::new(index), settle, turns: Turns::new() }
    }

    /// A connection over which the terminal of a launch is shown from now on.
    pub(crate) async fn view(&self, address: &Address, size: (u16, u16), read_only: bool) -> Result<Wire, Error> {
        let place = self.place(address)?;
        let mut wire = client::greet(&place, address).await?.ok_or(Error::Gone)?;
        let (columns, rows) = size;
        let lost = |error| Error::other(error, "cannot attach to the holder");
        protocol::say(&mut wire, &Request::Attach { read_only, columns, rows }).await.map_err(lost)?;
        match protocol::hear::<Answer>(&mut wire).await.map_err(lost)? {
            Some(Frame::Said(Answer::Done)) => Ok(wire),
            Some(Frame::Said(answer)) => Err(unexpected(answer)),
            Some(Frame::Terminal(_)) | None => Err(Error::Gone),
        }
    }

    /// Where a launch lives.
    fn place(&self, address: &Address) -> Result<Place, Error> {
        self.index.find(address)?.map(Place::new).ok_or(Error::Gone)
    }

    async fn start_launch(&self, launch: &Launch) -> Result<(), Error> {
        launching::check(launch)?;
        self.index.note(launch)?;
        let place = Place::new(launch.session_dir.clone());
        let up = tokio::time::timeout(START_DEADLINE, self.bring_up(launch, &place)).await;
        up.unwrap_or_else(|_| Err(Error::Other(anyhow!("the holder did not come up"))))
    }

    /// Starts a holder if there was none, and waits until there is one or was one.
    async fn bring_up(&self, launch: &Launch, place: &Place) -> Result<(), Error> {
        let files = |error| Error::other(error, "cannot use the launch's directory");
        let mut ordered = false;
        loop {
            if let Ok(why) = std::fs::read_to_string(place.failed()) {
                return Err(Error::Other(anyhow!(why)));
            }
            if client::greet(place, &launch.address).await?.is_some() || place.exit().exists() {
                return Ok(());
            }
            if !place.is_held().map_err(files)? {
                // In this order: a holder writes how its program ended before it leaves.
                if place.started().exists() && !place.exit().exists() && !place.failed().exists() {
                    return Err(Error::Gone);
                }
                if !ordered {
                    ordered = true;
                    self.order(launch, place)?;
                }
            }
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    }

    fn order(&self, launch: &Launch, place: &Place) -> Result<(), Error> {
        let order = Order { launch: launch.clone(), settle: self.settle };
        files::write_json(&place.order(), &order).map_err(|error| Error::other(error, "cannot order the launch"))?;
        let Some((program, args)) = self.holder.split_first() else {
            return Err(Error::Other(anyhow!("there is no program that holds launches")));
        };
        let mut args = args.to_vec();
        args.extend([OsString::from("hold"), place.dir().into()]);
        cross("pty.start");
        crate::process::detach(program.as_ref(), &args, place.dir(), &BTreeMap::new())
            .map_err(|error| Error::other(error, "cannot start the holder"))?;
        cross("pty.started");
        Ok(())
    }

    async fn submit_message(&self, address: &Address, message: &Message, gate: &Gate) -> Result<Submission, Error> {
        let place = self.place(address)?;
        let _turn = self.turns.take(address).await;
        match ask(&place, address, &Request::submit(message, gate), TYPE_DEADLINE).await? {
            Heard::Answer(Answer::Typed(known)) => Ok(known),
            Heard::Answer(Answer::Gone) => typed_before(&place, message.prompt(), Error::Gone),
            Heard::Answer(answer) => Err(unexpected(answer)),
            Heard::Nobody if outlasts(&place, PASSING).await => {
                typed_before(&place, message.prompt(), Error::NotReceptive(Why::NotReady))
            }
            Heard::Nobody => typed_before(&place, message.prompt(), Error::Gone),
            // The holder finishes what it began; ask what became of it, never again to do it.
            Heard::Lost => match self.known(&place, address, message.prompt()).await? {
                Submission::Untouched => Err(Error::Gone),
                known @ (Submission::Placed | Submission::Submitted | Submission::Indeterminate) => Ok(known),
            },
        }
    }

    async fn known(&self, place: &Place, address: &Address, prompt: &PromptId) -> Result<Submission, Error> {
        let request = Request::Submission { prompt: prompt.clone() };
        match ask(place, address, &request, ANSWER_DEADLINE).await? {
            Heard::Answer(Answer::Typed(known)) => Ok(known),
            // The holder is leaving: what it recorded is all there will be.
            Heard::Answer(Answer::Gone) | Heard::Nobody | Heard::Lost => {
                if outlasts(place, PASSING).await {
                    // Somebody may be typing; what is on disk is not the last word.
                    return Ok(Submission::Indeterminate);
                }
                client::recorded(place, prompt)
            }
            Heard::Answer(answer) => Err(unexpected(answer)),
        }
    }

    async fn stop_launch(&self, address: &Address, grace: Duration) -> Result<(), Error> {
        let Some(place) = self.index.find(address)?.map(Place::new) else { return Ok(()) };
        let grace_ms = u64::try_from(grace.as_millis()).unwrap_or(u64::MAX);
        let heard = ask(&place, address, &Request::Stop { grace_ms }, grace.saturating_add(STOP_DEADLINE)).await?;
        let grace_left = match heard {
            Heard::Answer(Answer::Done) => Duration::ZERO,
            Heard::Answer(answer) => return Err(unexpected(answer)),
            // Without its holder the processes are found by their environment.
            Heard::Nobody | Heard::Lost => grace,
        };
        // Look again, from outside: something may have left the session.
        os::end(None, place.dir(), grace_left)
            .await
            .map_err(|left| Error::Other(anyhow!("processes {left:?} are still there")))?;
        // Then its directory may be removed.
        if outlasts(&place, LEAVE_DEADLINE).await {
            return Err(Error::Other(anyhow!("the holder does not leave")));
        }
        Ok(())
    }
}

/// What was typed before, or the error if nothing was.
fn typed_before(place: &Place, prompt: &PromptId, error: Error) -> Result<Submission, Error> {
    let known = record::read(&place.record()).map_err(|error| Error::other(error, "cannot read what was typed"))?;
    known.get(prompt).copied().ok_or(error)
}

/// Whether the holder is still there after `patience`. A process that dies closes its connections before its locks.
async fn outlasts(place: &Place, patience: Duration) -> bool {
    let leaving = async {
        while place.is_held().unwrap_or(true) {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    };
    tokio::time::timeout(patience, leaving).await.is_err()
}

impl Runtime for PtyRuntime {
    fn start<'a>(&'a self, launch: &'a Launch) -> BoxFuture<'a, Result<(), Error>> {
        Box::pin(self.start_launch(launch))
    }

    fn submit<'a>(
        &'a self,
        address: &'a Address,
        message: &'a Message,
        gate: &'a Gate,
    ) -> BoxFuture<'a, Result<Submission, Error>> {
        Box::pin(self.submit_message(address, message, gate))
    }

    fn submission<'a>(
        &'a self,
        address: &'a Address,
        prompt: &'a PromptId,
    ) -> BoxFuture<'a, Result<Submission, Error>> {
        Box::pin(async move { self.known(&self.place(address)?, address, prompt).await })
    }

    fn probe<'a>(&'a self, address: &'a Address) -> BoxFuture<'a, Probe> {
        Box::pin(async move {
            let place = match self.index.find(address) {
                Ok(Some(dir)) => Place::new(dir),
                Ok(None) => return Probe::Gone,
                Err(error) => return Probe::Unknown { why: error.to_string() },
            };
            match ask(&place, address, &Request::Probe, ANSWER_DEADLINE).await {
                Ok(Heard::Answer(Answer::Probe(probe))) => probe,
                Ok(Heard::Answer(answer)) => Probe::Unknown { why: unexpected(answer).to_string() },
                Ok(Heard::Nobody | Heard::Lost) => client::probe(&place).await,
                Err(error) => Probe::Unknown { why: error.to_string() },
            }
        })
    }

    fn screen<'a>(&'a self, address: &'a Address, scrollback: usize) -> BoxFuture<'a, Result<Screen, Error>> {
        Box::pin(async move {
            let place = self.place(address)?;
            match ask(&place, address, &Request::Screen { scrollback }, ANSWER_DEADLINE).await? {
                Heard::Answer(Answer::Screen(screen)) => Ok(screen),
                Heard::Answer(answer) => Err(unexpected(answer)),
                Heard::Nobody | Heard::Lost => client::last_screen(&place, scrollback),
            }
        })
    }

    fn echoed<'a>(
        &'a self,
        address: &'a Address,
        prompt: &'a PromptId,
    ) -> BoxFuture<'a, Result<Option<String>, Error>> {
        Box::pin(async move {
            let place = self.place(address)?;
            let request = Request::Echoed { prompt: prompt.clone() };
            match ask(&place, address, &request, ANSWER_DEADLINE).await? {
                Heard::Answer(Answer::Echoed(line)) => Ok(line),
                Heard::Answer(answer) => Err(unexpected(answer)),
                Heard::Nobody | Heard::Lost => Ok(None),
            }
        })
    }

    fn stop<'a>(&'a self, address: &'a Address, grace: Duration) -> BoxFuture<'a, Result<(), Error>> {
        Box::pin(self.stop_launch(address, grace))
    }

    fn list(&self) -> BoxFuture<'_, Result<Vec<Address>, Error>> {
        Box::pin(async move {
            let mut held = Vec::new();
            for (address, dir) in self.index.all()? {
                let place = Place::new(dir);
                let ended = place.exit().exists() || !place.started().exists();
                if place.is_held().unwrap_or(true) || (!ended && os::any(place.dir()).await) {
                    held.push(address);
                }
            }
            Ok(held)
        })
    }
}
