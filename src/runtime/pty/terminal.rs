//! The pseudo-terminal of one launch and the program in it.
//!
//! Three threads, because pseudo-terminals block on every platform: one reads and keeps the screen, one writes, one waits
//! for the end. What is typed goes through one queue, so that one piece is never torn by another.

use std::{
    collections::BTreeMap,
    io::{Read, Write},
    mem::ManuallyDrop,
    num::NonZeroU16,
    path::PathBuf,
    sync::{
        Arc, Mutex, MutexGuard,
        atomic::{AtomicUsize, Ordering},
    },
    thread,
    time::Duration,
};

use anyhow::Context as _;
use portable_pty::{CommandBuilder, MasterPty, PtySize};
use tokio::sync::{broadcast, mpsc, oneshot, watch};
use tokio_util::bytes::Bytes;

use super::answers::Answers;
use crate::{
    model::PromptId,
    runtime::{Launch, Probe, Screen, echo::Echo, os},
};

/// How many lines above the screen are kept.
const SCROLLBACK_LINES: usize = 2_000;
/// Chunks of output that a viewer may lag behind before it gets a fresh picture instead.
const VIEWER_CHUNKS_MAX: usize = 256;
/// Pieces of input that may wait.
const KEYS_QUEUE_MAX: usize = 64;
/// How long a piece of input may wait for the application to make room.
const KEYS_DEADLINE: Duration = Duration::from_secs(10);

/// A terminal with a program in it.
pub(crate) struct Terminal {
    state: Mutex<State>,
    shown: broadcast::Sender<Shown>,
    revision: watch::Sender<u64>,
    keys: mpsc::Sender<Keys>,
    unwritten: Arc<AtomicUsize>,
    ended: watch::Receiver<Option<Probe>>,
    drained: watch::Receiver<bool>,
    pid: Option<u32>,
    tty: Option<PathBuf>,
}

struct State {
    parser: vt100::Parser<Answers>,
    echo: Echo,
    master: Box<dyn MasterPty + Send>,
    /// Who looks from a terminal of their own, and how large that is, if it says so.
    people: BTreeMap<u64, Option<(u16, u16)>>,
}

/// What happens to a terminal, for whoever looks at it.
#[derive(Debug, Clone)]
pub(crate) enum Shown {
    /// It got this output.
    Output(Bytes),
    /// It has so many columns and rows from now on.
    Size(u16, u16),
}

struct Keys {
    bytes: Vec<u8>,
    written: Option<oneshot::Sender<()>>,
}

impl Terminal {
    /// Starts the program of a launch in a new terminal; and all that it will show, from the first byte on.
    pub(crate) fn start(launch: &Launch) -> anyhow::Result<(Arc<Self>, broadcast::Receiver<Shown>)> {
        let pair = portable_pty::native_pty_system()
            .openpty(pty_size(launch.columns, launch.rows))
            .context("cannot open a pseudo-terminal")?;
        let mut child = pair.slave.spawn_command(command(launch)).context("cannot start the program")?;
        drop(pair.slave);
        let pid = child.process_id();
        let reader = pair.master.try_clone_reader().context("cannot read the pseudo-terminal")?;
        let writer = pair.master.take_writer().context("cannot write to the pseudo-terminal")?;
        let (keys, typed) = mpsc::channel(KEYS_QUEUE_MAX);
        let (ended_to, ended) = watch::channel(None);
        let (drained_to, drained) = watch::channel(false);
        let (shown_to, shown) = broadcast::channel(VIEWER_CHUNKS_MAX);
        let unwritten = Arc::new(AtomicUsize::new(0));
        let terminal = Arc::new(Self {
            tty: os::tty(&*pair.master),
            state: Mutex::new(State {
                parser: vt100::Parser::new_with_callbacks(
                    at_least_one(launch.rows),
                    at_least_one(launch.columns),
                    SCROLLBACK_LINES,
                    Answers::default(),
                ),
                echo: Echo::default(),
                master: pair.master,
                people: BTreeMap::new(),
            }),
            shown: shown_to,
            revision: watch::channel(0).0,
            keys,
            unwritten: unwritten.clone(),
            ended,
            drained,
            pid,
        });
        let reading = terminal.clone();
        spawn("terminal-reader", move || {
            reading.read_all(reader);
            drained_to.send_replace(true);
        })?;
        spawn("terminal-writer", move || write_all(writer, typed, &unwritten))?;
        spawn("terminal-waiter", move || {
            let ended = child.wait().map_or(Probe::Exited { code: None, signal: None }, |status| exited(&status));
            ended_to.send_replace(Some(ended));
        })?;
        Ok((terminal, shown))
    }

    /// The process that was started.
    pub(crate) const fn pid(&self) -> Option<u32> {
        self.pid
    }

    /// How the process ended; `None` while it runs.
    pub(crate) fn ended(&self) -> Option<Probe> {
        self.ended.borrow().clone()
    }

    /// Waits for the end of the process.
    pub(crate) async fn wait(&self) -> Probe {
        let mut ended = self.ended.clone();
        let seen = ended.wait_for(Option::is_some).await.ok().and_then(|ended| ended.clone());
        seen.unwrap_or(Probe::Exited { code: None, signal: None })
    }

    /// Waits until all output was read; that may be never, when a descendant keeps the terminal open.
    pub(crate) async fn wait_drained(&self) {
        let mut drained = self.drained.clone();
        drop(drained.wait_for(|drained| *drained).await);
    }

    /// What is on the screen.
    pub(crate) fn screen(&self, scrollback: usize) -> Screen {
        let mut state = self.lock();
        let title = state.parser.callbacks().title().to_owned();
        Screen { title, ..Screen::read(state.parser.screen_mut(), scrollback) }
    }

    /// What is shown from now on, and first the bytes that draw the present screen.
    pub(crate) fn view(&self) -> (Vec<u8>, broadcast::Receiver<Shown>) {
        // Under one lock, so that no output falls between the picture and what follows it.
        let state = self.lock();
        (state.parser.screen().state_formatted().into_bytes(), self.shown.subscribe())
    }

    /// Types bytes and waits until the terminal took all of them. False: it did not in time, or not at all; then a part
    /// of them may still arrive.
    pub(crate) async fn type_all(&self, bytes: Vec<u8>) -> bool {
        let (written, done) = oneshot::channel();
        if !self.queue(Keys { bytes, written: Some(written) }) {
            return false;
        }
        matches!(tokio::time::timeout(KEYS_DEADLINE, done).await, Ok(Ok(())))
    }

    /// Whether something typed earlier was not taken by the terminal yet.
    pub(crate) fn is_stuffed(&self) -> bool {
        self.unwritten.load(Ordering::SeqCst) > 0
    }

    /// How many typed bytes the application has not read; `None` if it cannot be told.
    pub(crate) fn unread(&self) -> Option<u64> {
        os::unread(self.tty.as_deref()?)
    }

    /// Whether the terminal itself echoes what is typed; `None` if it cannot be told.
    pub(crate) fn echoes(&self) -> Option<bool> {
        os::echoes(self.tty.as_deref()?)
    }

    /// The name of the process that would read what is typed.
    pub(crate) fn foreground(&self) -> Option<String> {
        os::reader_name(&*self.lock().master)
    }

    /// Changes with every output.
    pub(crate) fn revision(&self) -> u64 {
        *self.revision.borrow()
    }

    /// Looks for an id in all output from now on.
    pub(crate) fn watch_for(&self, prompt: &PromptId) {
        self.lock().echo.watch(prompt.clone());
    }

    /// The line in which a watched id was written.
    pub(crate) fn quote(&self, prompt: &PromptId) -> Option<String> {
        self.lock().echo.quote(prompt)
    }

    /// Admits a person, whose own terminal answers the application's questions; until the guard is dropped we do not.
    pub(crate) fn admit_person(self: &Arc<Self>) -> Person {
        let mut state = self.lock();
        let number = state.people.last_key_value().map_or(0, |(last, _)| last + 1);
        state.people.insert(number, None);
        Person { terminal: self.clone(), number }
    }

    /// Makes the terminal as large as everybody who looks can see whole.
    fn fit(&self, state: &mut State) -> anyhow::Result<()> {
        let sizes = || state.people.values().flatten();
        let least = (sizes().map(|(columns, _)| *columns).min(), sizes().map(|(_, rows)| *rows).min());
        let (Some(columns), Some(rows)) = least else { return Ok(()) };
        if state.parser.screen().size() == (at_least_one(rows), at_least_one(columns)) {
            return Ok(());
        }
        state.parser.set_size(at_least_one(rows), at_least_one(columns));
        drop(self.shown.send(Shown::Size(columns, rows)));
        state.master.resize(pty_size(columns, rows))
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().expect("no holder of this lock panics")
    }

    fn queue(&self, keys: Keys) -> bool {
        self.unwritten.fetch_add(1, Ordering::SeqCst);
        let queued = self.keys.try_send(keys).is_ok();
        if !queued {
            self.unwritten.fetch_sub(1, Ordering::SeqCst);
        }
        queued
    }

    fn read_all(&self, mut from: Box<dyn Read + Send>) {
        let mut chunk = vec![0; 16 << 10];
        loop {
            match from.read(&mut chunk) {
                Ok(0) => return,
                Ok(read) => self.take(&chunk[..read]),
                Err(error) if error.kind() == std::io::ErrorKind::Interrupted => {}
                Err(_) => return,
            }
        }
    }

    fn take(&self, bytes: &[u8]) {
        let mut state = self.lock();
        state.parser.process(bytes);
        state.echo.feed(bytes);
        let answers = state.parser.callbacks_mut().take();
        let alone = state.people.is_empty();
        // Nobody may be watching.
        drop(self.shown.send(Shown::Output(Bytes::copy_from_slice(bytes))));
        drop(state);
        self.revision.send_modify(|revision| *revision += 1);
        if !answers.is_empty() && alone {
            // An application that asks and does not read loses its answer, as at a real terminal.
            self.queue(Keys { bytes: answers, written: None });
        }
    }
}

/// A person at a terminal of their own. See [`Terminal::admit_person`].
pub(crate) struct Person {
    terminal: Arc<Terminal>,
    number: u64,
}

impl Person {
    /// Says how large the person's own terminal is.
    pub(crate) fn resize(&self, columns: u16, rows: u16) -> anyhow::Result<()> {
        let mut state = self.terminal.lock();
        state.people.insert(self.number, Some((columns, rows)).filter(|_| columns > 0 && rows > 0));
        self.terminal.fit(&mut state)
    }
}

impl Drop for Person {
    fn drop(&mut self) {
        let mut state = self.terminal.lock();
        state.people.remove(&self.number);
        // Whoever goes on looking has at least the size that they had.
        drop(self.terminal.fit(&mut state));
    }
}

fn command(launch: &Launch) -> CommandBuilder {
    let mut command = CommandBuilder::from_argv(launch.argv.iter().map(Into::into).collect());
    command.cwd(&launch.dir);
    command.env_clear();
    for (name, value) in launch.environment() {
        command.env(name, value);
    }
    command
}

fn write_all(to: Box<dyn Write + Send>, mut typed: mpsc::Receiver<Keys>, unwritten: &AtomicUsize) {
    // Never dropped: dropping it would type a newline and an end of file into whatever still runs.
    let mut to = ManuallyDrop::new(to);
    while let Some(keys) = typed.blocking_recv() {
        let written = to.write_all(&keys.bytes).and_then(|()| to.flush());
        unwritten.fetch_sub(1, Ordering::SeqCst);
        if let (Ok(()), Some(done)) = (written, keys.written) {
            let _ = done.send(());
        }
    }
}

fn spawn(name: &str, work: impl FnOnce() + Send + 'static) -> anyhow::Result<()> {
    // Nobody joins it: it ends with the terminal, and a descendant that keeps that open must not hold up our end.
    let started = thread::Builder::new().name(name.to_owned()).spawn(work);
    started.map(drop).context("cannot start a thread")
}

fn exited(status: &portable_pty::ExitStatus) -> Probe {
    match status.signal() {
        Some(signal) => Probe::Exited { code: None, signal: Some(signal.to_owned()) },
        None => Probe::Exited { code: Some(status.exit_code().cast_signed()), signal: None },
    }
}

const fn pty_size(columns: u16, rows: u16) -> PtySize {
    PtySize { rows: at_least_one(rows).get(), cols: at_least_one(columns).get(), pixel_width: 0, pixel_height: 0 }
}

const fn at_least_one(size: u16) -> NonZeroU16 {
    match NonZeroU16::new(size) {
        Some(size) => size,
        None => NonZeroU16::MIN,
    }
}
