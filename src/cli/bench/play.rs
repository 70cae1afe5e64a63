//! One message to one agent under one fault: what is done before, while and after it is sent.

use std::time::Duration;

use anyhow::Context as _;
use jiff::Timestamp;

use super::{
    arguments::Home,
    board::End,
    fault::Fault,
    house::{Door, House, request, wait_for},
    seat::Seat,
    tmux::Tmux,
    words,
};
use crate::{
    machine::session::Activity,
    model::{Generation, TextHash},
    places::Places,
    process::{self, Force},
    simulator::{
        Chance,
        faulty::{Misdeed, Moment},
    },
};

/// How long an agent may need to wait for a message again, and after which pause it is helped.
const READY: Duration = Duration::from_secs(240);
const HELP: Duration = Duration::from_secs(4);

/// After how long somebody looks in on an agent that has a message and does nothing, and how often. What has no end then
/// has none.
const LOOK_IN: Duration = Duration::from_secs(25);
const LOOKS: u32 = 6;

/// A message that was sent.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Sent {
    /// Its mark.
    pub(super) mark: String,
    /// What went wrong.
    pub(super) fault: Fault,
    /// Where.
    pub(super) home: Home,
    /// To whom.
    pub(super) session: String,
    /// Its words, by their hash.
    pub(super) words: TextHash,
    /// When.
    pub(super) at: Timestamp,
    /// Whether it was let in.
    pub(super) door: Door,
}

/// What is to be sent.
pub(super) struct Message {
    number: usize,
    fault: Fault,
    words: String,
    request: String,
}

impl Message {
    /// The message of this number.
    pub(super) fn new(house: &House, number: usize, fault: Fault, chance: &mut Chance) -> anyhow::Result<Self> {
        let mark = words::mark(number);
        let words = words::words(&mark, fault, &house.canaries().join(words::canary(&mark)), chance);
        Ok(Self { number, fault, words, request: request()? })
    }
}

/// Sends a message under its fault and sees it through to its end.
pub(super) async fn play(
    house: &House,
    seat: &mut Seat,
    message: Message,
    chance: &mut Chance,
) -> anyhow::Result<Sent> {
    ready(house, seat).await?;
    if let Some(misdeed) = misdeed(message.fault, chance) {
        anyhow::ensure!(seat.order(misdeed).await?, "{} does not obey", seat.session());
    }
    let at = house.now();
    let door = around(house, seat, &message, chance).await?;
    let words = TextHash::of(&message.words);
    let end = if door == Door::Open { end_of(house, seat, &words).await? } else { None };
    if door == Door::Open && !matches!(end, Some(End::Acknowledged(_))) {
        help(house, seat).await?;
    }
    let mark = words::mark(message.number);
    let session = seat.session().to_string();
    Ok(Sent { mark, fault: message.fault, home: seat.home(), session, words, at, door })
}

/// Waits for the end of a message. An agent that hangs meanwhile is helped.
async fn end_of(house: &House, seat: &mut Seat, words: &TextHash) -> anyhow::Result<Option<End>> {
    for _ in 0..LOOKS {
        if let Some(end) = house.end_of(words, LOOK_IN).await {
            return Ok(Some(end));
        }
        help(house, seat).await?;
    }
    Ok(None)
}

/// Waits until the agent waits. One that nobody answers is helped, as a person would.
pub(super) async fn ready(house: &House, seat: &mut Seat) -> anyhow::Result<()> {
    let session = seat.session().clone();
    let waiting = async {
        loop {
            let waits = wait_for(house.board.clone(), |board| board.is_ready(&session));
            if tokio::time::timeout(HELP, waits).await.is_ok() {
                return Ok(());
            }
            help(house, seat).await?;
        }
    };
    let waited: Result<anyhow::Result<()>, _> = tokio::time::timeout(READY, waiting).await;
    let seen = house.board.borrow().sessions.get(&session).copied();
    waited.with_context(|| format!("{session} takes no message any more: {seen:?}"))?
}

/// Brings an agent to itself that hangs in a turn which nobody began.
async fn help(house: &House, seat: &mut Seat) -> anyhow::Result<()> {
    let seen = house.board.borrow().sessions.get(seat.session()).copied();
    let hangs = seen.and_then(|seen| seen.activity).is_some_and(|it| it != Activity::Starting);
    if hangs {
        // One that is being started again hears it later, or never.
        let _heard = seat.order(Misdeed::Recover).await?;
    }
    Ok(())
}

/// What the agent is ordered to do.
fn misdeed(fault: Fault, chance: &mut Chance) -> Option<Misdeed> {
    let mut ms = |from: u64, to: u64| from + chance.draw() % (to - from);
    Some(match fault {
        Fault::LostEnter => Misdeed::LoseEnter,
        Fault::DoubledEnter => Misdeed::DelayEnter { ms: ms(800, 2_500) },
        Fault::Redraw => Misdeed::ReadInPieces,
        Fault::Suggestion => Misdeed::Suggest { ms: ms(1_000, 4_000), dim: ms(0, 2) == 0 },
        Fault::Dialog => Misdeed::Ask { ms: ms(500, 3_500) },
        Fault::DialogAtPaste => Misdeed::AskAtPaste { ms: ms(1_500, 3_500) },
        Fault::Shell => Misdeed::BecomeShell,
        Fault::SlowStart => Misdeed::StartSlowly { ms: ms(2_000, 6_000) },
        Fault::LimitMenu => Misdeed::ShowLimit { ms: ms(500, 3_500) },
        Fault::Compaction => Misdeed::Compact { ms: ms(500, 4_000) },
        Fault::NewSession => Misdeed::ChangeSession,
        Fault::NotReading => Misdeed::StopReading { ms: ms(1_000, 7_000) },
        Fault::AgentKilled => {
            let moments = [Moment::Paste, Moment::Enter, Moment::Taking];
            Misdeed::Die(chance.pick(&moments).copied().unwrap_or(Moment::Paste))
        }
        Fault::ReceiptLost => Misdeed::LoseReceipt,
        Fault::Nothing
        | Fault::PersonTypes
        | Fault::CopyMode
        | Fault::BusyHolder
        | Fault::HolderKilled
        | Fault::WrongSocket
        | Fault::DaemonKilled
        | Fault::BothKilled
        | Fault::TwoClients
        | Fault::Escapes
        | Fault::Large
        | Fault::Letters => return None,
    })
}

/// Sends the message, and does what others do meanwhile.
async fn around(house: &House, seat: &mut Seat, message: &Message, chance: &mut Chance) -> anyhow::Result<Door> {
    let session = seat.session().clone();
    let send = house.send(&session, &message.words, &message.request);
    let is_pty = seat.home() == Home::Pty;
    match message.fault {
        Fault::PersonTypes => person_types(house, seat, message, chance).await,
        Fault::CopyMode => copy_mode(house, seat, message, chance).await,
        Fault::Shell => {
            let door = send.await?;
            pause(chance, 800, 2_500).await;
            // Somebody ends the shell; the agent is then started again.
            end(seat.pid()?);
            Ok(door)
        }
        Fault::TwoClients => {
            let (one, other) = tokio::join!(send, house.send(&session, &message.words, &message.request));
            if chance.percent(10) {
                house.refuses_a_second_daemon().await?;
            }
            other.and(one)
        }
        Fault::BusyHolder if is_pty => {
            let holder = holder(house, seat)?;
            let stands_still = async {
                pause(chance, 0, 150).await;
                stand_still(holder, chance).await
            };
            let (door, stood) = tokio::join!(send, stands_still);
            stood.and(door)
        }
        Fault::HolderKilled if is_pty => {
            let holder = holder(house, seat)?;
            let door = send.await?;
            pause(chance, 0, 250).await;
            end(holder);
            Ok(door)
        }
        Fault::Nothing
        | Fault::LostEnter
        | Fault::DoubledEnter
        | Fault::Redraw
        | Fault::Suggestion
        | Fault::Dialog
        | Fault::DialogAtPaste
        | Fault::SlowStart
        | Fault::LimitMenu
        | Fault::BusyHolder
        | Fault::HolderKilled
        | Fault::WrongSocket
        | Fault::DaemonKilled
        | Fault::BothKilled
        | Fault::Escapes
        | Fault::Large
        | Fault::Letters
        | Fault::Compaction
        | Fault::NewSession
        | Fault::NotReading
        | Fault::AgentKilled
        | Fault::ReceiptLost => send.await,
    }
}

/// Somebody attaches, types half a sentence while the message is sent, thinks better of it, and leaves.
async fn person_types(house: &House, seat: &Seat, message: &Message, chance: &mut Chance) -> anyhow::Result<Door> {
    const DRAFT: [&str; 6] = ["ca", "n y", "ou", " ple", "a", "se"];
    let person = house.people.attach(seat.session()).await?;
    pause(chance, 200, 500).await;
    let mut typing = chance.fork();
    let types = async {
        for keys in DRAFT {
            person.types(keys).await;
            pause(&mut typing, 50, 500).await;
        }
        if typing.percent(30) {
            // Long enough that only the draft itself tells of them.
            pause(&mut typing, 4_000, 7_000).await;
        }
        person.types("\u{15}").await;
    };
    let sends = async {
        // Sometimes before the first key.
        pause(chance, 0, 1_500).await;
        house.send(seat.session(), &message.words, &message.request).await
    };
    let (door, ()) = tokio::join!(sends, types);
    pause(chance, 0, 1_500).await;
    house.people.leave(person).await?;
    door
}

/// Somebody scrolls back in tmux.
async fn copy_mode(house: &House, seat: &Seat, message: &Message, chance: &mut Chance) -> anyhow::Result<Door> {
    let tmux = Tmux::of(&house.sandbox.state_dir(), house.sandbox.environment_of_daemon());
    let pane = format!("={}-{}:", seat.session(), generation(house, seat)?);
    tmux.run(["copy-mode", "-t", &pane]).await?;
    let door = house.send(seat.session(), &message.words, &message.request).await?;
    pause(chance, 300, 3_000).await;
    tmux.run(["send-keys", "-t", &pane, "-X", "cancel"]).await?;
    Ok(door)
}

/// A process that stands still until this is dropped, whoever drops it.
struct StandsStill(u32);

impl Drop for StandsStill {
    fn drop(&mut self) {
        // One that ended meanwhile goes nowhere.
        drop(process::force(self.0, Force::Resume));
    }
}

/// Ends a process, unless it has ended by itself, which the daemon has yet to notice.
pub(super) fn end(pid: u32) {
    drop(process::force(pid, Force::Kill));
}

/// Lets a process stand still for a while.
pub(super) async fn stand_still(pid: u32, chance: &mut Chance) -> anyhow::Result<()> {
    // One that has just ended, which the daemon has yet to notice, stands still for good.
    let _still = process::force(pid, Force::Pause).ok().map(|()| StandsStill(pid));
    // Once in a while longer than anybody waits for an answer.
    let (from, to) = if chance.percent(15) { (11_000, 12_000) } else { (200, 4_000) };
    pause(chance, from, to).await;
    Ok(())
}

/// The process that holds the agent's terminal.
pub(super) fn holder(house: &House, seat: &Seat) -> anyhow::Result<u32> {
    let places = Places::new(house.sandbox.state_dir());
    let launch = places.launch(seat.session(), Generation(generation(house, seat)?));
    let text = std::fs::read_to_string(launch.join("started")).context("no holder says who it is")?;
    Ok(text.trim().parse()?)
}

/// The launch that runs.
pub(super) fn generation(house: &House, seat: &Seat) -> anyhow::Result<u32> {
    let board = house.board.borrow();
    let seen = board.sessions.get(seat.session()).context("the session is unknown")?;
    Ok(seen.generation.0)
}

/// A pause of so many milliseconds.
pub(super) async fn pause(chance: &mut Chance, from: u64, to: u64) {
    let ms = from + chance.draw() % (to - from).max(1);
    tokio::time::sleep(Duration::from_millis(ms)).await;
}
