//! The process that holds one launch: it owns the terminal and outlives the daemon.
//!
//! It starts one program, once, and never another. When the program ends it writes down how and what the screen showed,
//! answers for a moment longer and ends too; from then on the files speak. If its directory is removed below it, it ends
//! its program: nobody could reach that any more. It trusts nobody but its own user, and it obeys one launch's name only.

use std::{io, path::Path, sync::Arc, time::Duration};

use interprocess::local_socket::traits::tokio::Listener as _;
use tokio_util::sync::CancellationToken;
use tracing::{debug, warn};

use super::{
    place::{Order, Place},
    protocol::{self, Answer, Frame, Request, VERSION, Wire},
    record::Record,
    scribe,
    socket::{self, Door},
    terminal::Terminal,
    typist::{Desk, Typist, Work},
    viewer,
};
use crate::{
    background::Tasks,
    clock::Clock,
    runtime::{Address, Message, Probe, files, os},
};

/// How long a holder stays after the end of its program, for whoever is just looking.
const LINGER: Duration = Duration::from_secs(2);
/// How long the last output may take to arrive.
const DRAIN: Duration = Duration::from_millis(200);
/// How long open conversations may take at the end.
const GRACE: Duration = Duration::from_secs(1);
/// How long another look at the lock may disturb us.
const LOCK_PATIENCE: Duration = Duration::from_secs(2);

/// How often a holder looks whether its directory is still there, and how often in a row it must be missing.
const ABANDONED_LOOK_EVERY: Duration = Duration::from_secs(10);
const ABANDONED_LOOKS: u32 = 3;
/// How long the program of an abandoned launch has to end by itself.
const ABANDONED_GRACE: Duration = Duration::from_secs(5);

/// Everything that the conversations of one holder share.
#[derive(Clone)]
struct Held {
    address: Address,
    place: Place,
    terminal: Arc<Terminal>,
    desk: Desk,
    leave: CancellationToken,
}

/// Holds the launch that is described in `session_dir` until its program has ended. Returns the exit code of the holder:
/// 0 when it did its work or when another holder does, 1 when the launch failed.
///
/// It must run in a process of its own that was detached from its parent.
pub async fn hold(session_dir: &Path, clock: Clock) -> i32 {
    let place = Place::new(session_dir.to_owned());
    // Kept to the end: as long as it is held, the files do not have the last word.
    let lock = match lock(&place).await {
        Ok(Some(lock)) => lock,
        Ok(None) => return 0,
        Err(error) => {
            warn!(%error, "Cannot lock the launch");
            return 1;
        }
    };
    let held = hold_place(&place, clock).await;
    if let Err(error) = &held {
        warn!(error = format!("{error:#}"), "Cannot hold the launch");
        // The one who ordered the launch reads it there; if even this fails it sees a holder that never came up.
        drop(files::write(&place.failed(), format!("{error:#}").as_bytes()));
    }
    drop(lock);
    i32::from(held.is_err())
}

async fn hold_place(place: &Place, clock: Clock) -> anyhow::Result<()> {
    let Some(order) = take_order(place)? else { return Ok(()) };
    let record = Record::open(&place.record())?;
    let recorder = scribe::begin(&order.launch, &clock);
    let (terminal, shown) = Terminal::start(&order.launch)?;
    let door = Door::open(place)?;
    let (desk, work) = Typist::desk();
    let held = Held {
        address: order.launch.address,
        place: place.clone(),
        terminal: terminal.clone(),
        desk,
        leave: CancellationToken::new(),
    };
    let tasks = Tasks::new();
    let typist = Typist::new(terminal.clone(), record, order.settle, clock);
    if let Some(recorder) = recorder {
        tasks.spawn("scribe", |stop| scribe::record(recorder, terminal.clone(), shown, stop));
    }
    tasks.spawn("typist", |stop| typist.run(work, stop));
    tasks.spawn("door", |stop| receive(door, held.clone(), tasks.clone(), stop));
    let ended = tokio::select! {
        ended = terminal.wait() => ended,
        () = abandoned(place.dir()) => {
            warn!(session.launch = %held.address, "The launch's directory is gone; ending its program");
            drop(held.stop(ABANDONED_GRACE).await);
            tasks.shut_down(GRACE).await;
            return Ok(());
        }
    };
    drop(tokio::time::timeout(DRAIN, terminal.wait_drained()).await);
    files::write_json(&place.last_screen(), &terminal.screen(usize::MAX))?;
    files::write_json(&place.exit(), &ended)?;
    drop(tokio::time::timeout(LINGER, held.leave.cancelled()).await);
    tasks.shut_down(GRACE).await;
    Ok(())
}

/// Returns once the launch's directory is gone for good: then nobody can reach the program any more, and nobody would
/// ever stop it. A directory that cannot be looked at is not gone.
async fn abandoned(dir: &Path) {
    let mut looks = tokio::time::interval(ABANDONED_LOOK_EVERY);
    let mut missed = 0;
    while missed < ABANDONED_LOOKS {
        looks.tick().await;
        let gone = std::fs::metadata(dir).is_err_and(|error| error.kind() == io::ErrorKind::NotFound);
        missed = if gone { missed + 1 } else { 0 };
    }
}

/// Takes the lock; `None` if another holder has it or had the order.
async fn lock(place: &Place) -> io::Result<Option<std::fs::File>> {
    let patient = async {
        loop {
            // Somebody who looks whether a holder lives takes the lock for a moment.
            match place.lock()? {
                Some(lock) => return Ok(Some(lock)),
                None if place.started().exists() => return Ok(None),
                None => tokio::time::sleep(Duration::from_millis(10)).await,
            }
        }
    };
    tokio::time::timeout(LOCK_PATIENCE, patient).await.unwrap_or(Ok(None))
}

/// Takes the order, so that nobody else ever does; `None` if it was taken before.
fn take_order(place: &Place) -> anyhow::Result<Option<Order>> {
    if place.started().exists() {
        return Ok(None);
    }
    let Some(order) = files::read_json(&place.order())? else { anyhow::bail!("there is no order") };
    files::write(&place.started(), std::process::id().to_string().as_bytes())?;
    std::fs::remove_file(place.order())?;
    Ok(Some(order))
}

async fn receive(door: Door, held: Held, tasks: Tasks, stop: CancellationToken) {
    loop {
        let stream = tokio::select! {
            biased;
            () = stop.cancelled() => return,
            stream = door.listener.accept() => stream,
        };
        match stream.and_then(socket::admit) {
            Ok(stream) => tasks.spawn("conversation", |stop| converse(protocol::wire(stream), held.clone(), stop)),
            Err(error) => {
                debug!(%error, "Turned a connection away");
                // Out of file descriptors, most likely: trying again at once would spin.
                tokio::time::sleep(Duration::from_millis(10)).await;
            }
        }
    }
}

async fn converse(mut wire: Wire, held: Held, stop: CancellationToken) {
    let talk = async {
        if !greet(&mut wire, &held.address).await? {
            return Ok(());
        }
        while let Some(Frame::Said(request)) = protocol::hear(&mut wire).await? {
            if let Request::Attach { read_only, columns, rows } = request {
                let viewer = viewer::Viewer { terminal: &held.terminal, desk: &held.desk, read_only };
                return viewer.attend(wire, columns, rows).await;
            }
            let stopping = matches!(request, Request::Stop { .. });
            let answer = held.answer(request).await;
            protocol::say(&mut wire, &answer).await?;
            if stopping {
                held.leave.cancel();
            }
        }
        Ok(())
    };
    let ended: Option<io::Result<()>> = stop.run_until_cancelled(talk).await;
    if let Some(Err(error)) = ended {
        debug!(%error, "A client went away in the middle of a conversation");
    }
}

/// Agrees on the version and the launch. False: the client was told why not.
async fn greet(wire: &mut Wire, ours: &Address) -> io::Result<bool> {
    let answer = match protocol::hear::<Request>(wire).await? {
        Some(Frame::Said(Request::Hello { version: VERSION, address })) if address == *ours => {
            Answer::Hello { version: VERSION }
        }
        Some(Frame::Said(Request::Hello { version: VERSION, .. })) => Answer::Stale,
        Some(_) => Answer::Refused { version: VERSION },
        None => return Ok(false),
    };
    protocol::say(wire, &answer).await?;
    Ok(matches!(answer, Answer::Hello { .. }))
}

impl Held {
    async fn answer(&self, request: Request) -> Answer {
        match request {
            Request::Submit { prompt, text, gate } => match Message::new(prompt, text) {
                Ok(message) => self.desk.ask(|answer| Work::Submit { message, gate, answer }).await,
                Err(error) => Answer::Failed { why: error.to_string() },
            },
            Request::Submission { prompt } => self.desk.ask(|answer| Work::Submission { prompt, answer }).await,
            Request::Probe => Answer::Probe(self.probe()),
            Request::Screen { scrollback } => Answer::Screen(self.terminal.screen(scrollback)),
            Request::Echoed { prompt } => Answer::Echoed(self.terminal.quote(&prompt)),
            Request::Stop { grace_ms } => self.stop(Duration::from_millis(grace_ms)).await,
            Request::Hello { .. } | Request::Attach { .. } | Request::Resize { .. } => {
                Answer::Failed { why: "not in this state of the conversation".to_owned() }
            }
        }
    }

    fn probe(&self) -> Probe {
        self.terminal.ended().unwrap_or(Probe::Alive { pid: self.terminal.pid() })
    }

    async fn stop(&self, grace: Duration) -> Answer {
        let reaped = self.terminal.ended().is_some();
        let leader = self.terminal.pid().map(|pid| os::Leader { pid, reaped });
        if let Err(left) = os::end(leader, self.place.dir(), grace).await {
            return Answer::Failed { why: format!("processes {left:?} are still there") };
        }
        // The group is gone; the thread that collects the leader tells how it ended.
        match tokio::time::timeout(GRACE, self.terminal.wait()).await {
            Ok(_) => Answer::Done,
            Err(_) => Answer::Failed { why: "the end of the program was not reported".to_owned() },
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn a_launch_is_abandoned_only_when_its_directory_stays_away() {
        let dir = tempfile::tempdir().unwrap();
        let launch = dir.path().join("launch");
        std::fs::create_dir(&launch).unwrap();
        let abandoned = abandoned(&launch);
        tokio::pin!(abandoned);
        assert!(tokio::time::timeout(Duration::from_secs(3_600), &mut abandoned).await.is_err());

        std::fs::remove_dir(&launch).unwrap();
        assert!(tokio::time::timeout(Duration::from_secs(15), &mut abandoned).await.is_err());
        std::fs::create_dir(&launch).unwrap();
        assert!(tokio::time::timeout(Duration::from_secs(3_600), &mut abandoned).await.is_err());

        std::fs::remove_dir(&launch).unwrap();
        assert!(tokio::time::timeout(Duration::from_secs(31), &mut abandoned).await.is_ok());
    }
}
