//! The agent's hands and eyes: terminal, orders, hook and diary.

use std::{
    collections::BTreeMap,
    ffi::OsString,
    io::{self, Write as _},
    sync::mpsc::{self, RecvTimeoutError},
    time::Duration,
};

use serde_json::Value;

use super::{
    Arguments, Mailbox,
    diary::{Diary, Note},
    mind::{Deed, Mind},
    misdeed::{Misdeed, Order},
    picture,
};
use crate::{
    clock::{Clock, Stopwatch},
    process::{self, Force},
    simulator::agent::hooks::Hooks,
};

/// How often it looks for orders and at the time.
const TICK: Duration = Duration::from_millis(25);
/// How many bytes it reads at once, usually and in small pieces; and the pause between those.
const GULP: usize = 16 << 10;
const PIECE: usize = 96;
const PIECE_PAUSE: Duration = Duration::from_millis(2);
/// How long its start takes, usually.
const START: Duration = Duration::from_millis(150);

/// How a life ends.
pub(super) enum End {
    /// With this exit code.
    Exit(i32),
    /// As a shell.
    Shell,
}

/// The agent's hands and eyes.
pub(super) struct Body {
    arguments: Arguments,
    mind: Mind,
    diary: Diary,
    clock: Clock,
    watch: Stopwatch,
    runtime: tokio::runtime::Runtime,
    obeyed: u64,
    sessions: u32,
    turns: usize,
    shown: String,
    deaf_until: Option<Duration>,
    attends: bool,
}

impl Body {
    /// An agent that comes up.
    pub(super) fn new(arguments: Arguments) -> io::Result<Self> {
        std::fs::create_dir_all(&arguments.dir)?;
        let diary = Diary::new(Arguments::diary(&arguments.dir));
        let order = Order::read(&Arguments::orders(&arguments.dir));
        let start = match order.map(|order| order.misdeed) {
            Some(Misdeed::StartSlowly { ms }) => Duration::from_millis(ms),
            Some(_) | None => START,
        };
        Ok(Self {
            mind: Mind::new(start, arguments.turn),
            diary,
            clock: Clock::system(),
            watch: Stopwatch::start(),
            runtime: tokio::runtime::Builder::new_current_thread().enable_all().build()?,
            // What an earlier life was ordered to do is over.
            obeyed: order.map_or(0, |order| order.number),
            sessions: 0,
            turns: 0,
            shown: String::new(),
            deaf_until: None,
            attends: false,
            arguments,
        })
    }

    /// The variables that its children get.
    pub(super) const fn environment(&self) -> &BTreeMap<OsString, OsString> {
        &self.arguments.env
    }

    /// Lives until its terminal closes or it is ordered to end.
    pub(super) fn live(&mut self) -> io::Result<End> {
        let (ask, asked) = mpsc::sync_channel::<usize>(1);
        let (give, given) = mpsc::sync_channel::<Vec<u8>>(1);
        // It reads only when it is asked to, so that an agent that does not read really leaves its bytes lying.
        std::thread::Builder::new().name("terminal".to_owned()).spawn(move || read(&asked, &give))?;
        self.note(Note::Started)?;
        // Whatever it was ordered before it came up, it is as if it had obeyed.
        self.note(Note::Obeys(self.obeyed))?;
        let mut reading = false;
        loop {
            if let Some(end) = self.look_around()? {
                return Ok(end);
            }
            if !reading && self.deaf_until.is_none() {
                reading = ask.send(if self.mind.reads_in_pieces() { PIECE } else { GULP }).is_ok();
            }
            match given.recv_timeout(TICK) {
                Ok(bytes) if bytes.is_empty() => return Ok(End::Exit(0)),
                Ok(bytes) => {
                    reading = false;
                    if let Some(end) = self.hear(&bytes)? {
                        return Ok(end);
                    }
                }
                Err(RecvTimeoutError::Timeout) => {}
                Err(RecvTimeoutError::Disconnected) => return Ok(End::Exit(0)),
            }
        }
    }

    /// Orders and the time.
    fn look_around(&mut self) -> io::Result<Option<End>> {
        let now = self.watch.elapsed();
        self.deaf_until.take_if(|until| now >= *until);
        let order = Order::read(&Arguments::orders(&self.arguments.dir));
        if let Some(order) = order.filter(|order| order.number > self.obeyed) {
            self.obeyed = order.number;
            let deeds = self.mind.obey(order.misdeed, now);
            self.draw()?;
            self.note(Note::Obeys(order.number))?;
            if let Some(end) = self.carry_out(deeds)? {
                return Ok(Some(end));
            }
        }
        let mut deeds = self.mind.tick(now);
        self.turns += 1;
        if let Some(message) = self.message()? {
            deeds.extend(self.mind.receive(message, now));
        }
        let end = self.carry_out(deeds)?;
        self.draw()?;
        Ok(end)
    }

    /// What lies in the mailbox: one file, moved to where it belongs to nobody else.
    fn message(&mut self) -> io::Result<Option<String>> {
        let Some(mailbox) = self.arguments.mailbox.as_ref().filter(|_| self.mind.is_up() && self.deaf_until.is_none())
        else {
            return Ok(None);
        };
        match mailbox {
            Mailbox::Inbox(dir) if !self.attends => {
                std::fs::write(dir.join("open"), "")?;
                self.attends = true;
            }
            Mailbox::Queue(_) if self.mind.busy().is_some() => return Ok(None),
            Mailbox::Inbox(_) | Mailbox::Queue(_) => {}
        }
        for file in std::fs::read_dir(mailbox.dir().join("placed"))? {
            let file = file?;
            let taken = mailbox.dir().join("taken").join(file.file_name());
            // Somebody else was quicker.
            if std::fs::rename(file.path(), &taken).is_ok() {
                return std::fs::read_to_string(taken).map(Some);
            }
        }
        Ok(None)
    }

    fn hear(&mut self, bytes: &[u8]) -> io::Result<Option<End>> {
        for byte in bytes {
            let deeds = self.mind.press(*byte, self.watch.elapsed());
            if !deeds.is_empty() {
                self.draw()?;
            }
            if let Some(end) = self.carry_out(deeds)? {
                return Ok(Some(end));
            }
        }
        if self.mind.reads_in_pieces() {
            self.shown.clear();
            std::thread::sleep(PIECE_PAUSE);
        }
        self.draw()?;
        Ok(None)
    }

    fn carry_out(&mut self, deeds: Vec<Deed>) -> io::Result<Option<End>> {
        for deed in deeds {
            match deed {
                Deed::Note(note) => self.note(note)?,
                Deed::Tell(event) => self.tell(event),
                Deed::ChangeSession => self.sessions += 1,
                Deed::StopReading(time) => self.deaf_until = Some(self.watch.elapsed() + time),
                Deed::End => return Ok(Some(End::Exit(0))),
                Deed::Die => process::force(std::process::id(), Force::Kill)?,
                Deed::BecomeShell => return Ok(Some(End::Shell)),
            }
        }
        Ok(None)
    }

    fn tell(&self, event: Value) {
        let Arguments { hook, workspace, env, .. } = &self.arguments;
        let session = format!("session-{}-{}", std::process::id(), self.sessions);
        let told = Hooks { argv: hook, dir: workspace, env }.tell(event, &session);
        // An agent goes on without its hook.
        drop(self.runtime.block_on(told));
    }

    fn note(&self, note: Note) -> io::Result<()> {
        self.diary.write(self.clock.now(), note)
    }

    /// Draws what has changed.
    fn draw(&mut self) -> io::Result<()> {
        let picture = picture::draw(&self.mind, self.turns / 8);
        if picture == self.shown {
            return Ok(());
        }
        let mut out = io::stdout().lock();
        out.write_all(picture.as_bytes())?;
        out.flush()?;
        self.shown = picture;
        Ok(())
    }
}

/// Reads as much as it is asked for, whenever it is asked; nothing at the end.
fn read(asked: &mpsc::Receiver<usize>, give: &mpsc::SyncSender<Vec<u8>>) {
    while let Ok(most) = asked.recv() {
        let mut chunk = vec![0; most];
        let read = terminal_read(&mut chunk).unwrap_or(0);
        chunk.truncate(read);
        if give.send(chunk).is_err() || read == 0 {
            return;
        }
    }
}

/// Past the buffer of the standard library, which would take more than was asked for.
#[cfg(unix)]
fn terminal_read(chunk: &mut [u8]) -> io::Result<usize> {
    Ok(rustix::io::retry_on_intr(|| rustix::io::read(rustix::stdio::stdin(), &mut *chunk))?)
}

#[cfg(not(unix))]
fn terminal_read(chunk: &mut [u8]) -> io::Result<usize> {
    io::Read::read(&mut io::stdin().lock(), chunk)
}
