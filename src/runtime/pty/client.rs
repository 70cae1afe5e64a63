//! Speaks to the holder of one launch, and reads its files when it is gone.

use std::{io, time::Duration};

use anyhow::anyhow;
use tracing::debug;

use super::{
    place::Place,
    protocol::{self, Answer, Frame, Request, VERSION, Wire},
    record, socket,
};
use crate::{
    boundary::cross,
    model::{PromptId, Submission},
    runtime::{Address, Error, Probe, Screen, Why, files, os},
};

/// How long a holder may take to greet: it is local and never busy.
const GREETING: Duration = Duration::from_secs(5);

/// What a holder had to say, or that it was not there.
pub(crate) enum Heard {
    /// It answered.
    Answer(Answer),
    /// There is no holder; nothing was asked.
    Nobody,
    /// The connection was lost after the request was sent: whether it is carried out is not known.
    Lost,
}

/// Asks the holder of a launch one thing.
pub(crate) async fn ask(
    place: &Place,
    address: &Address,
    request: &Request,
    deadline: Duration,
) -> Result<Heard, Error> {
    let Some(mut wire) = greet(place, address).await? else { return Ok(Heard::Nobody) };
    cross("pty.ask");
    let conversation = async {
        protocol::say(&mut wire, request).await?;
        protocol::hear::<Answer>(&mut wire).await
    };
    let heard = tokio::time::timeout(deadline, conversation).await;
    cross("pty.asked");
    if let Ok(Ok(Some(Frame::Said(answer)))) = heard {
        return Ok(Heard::Answer(answer));
    }
    debug!(session.launch = %address, reason = ?heard, "Lost the holder in the middle of a question");
    Ok(Heard::Lost)
}

/// Connects to the holder and agrees on the version; `None` if there is nobody.
pub(crate) async fn greet(place: &Place, address: &Address) -> Result<Option<Wire>, Error> {
    cross("pty.connect");
    let Ok(stream) = socket::connect(place).await else { return Ok(None) };
    let mut wire = protocol::wire(stream);
    let hello = Request::Hello { version: VERSION, address: address.clone() };
    let greeting = async {
        protocol::say(&mut wire, &hello).await?;
        protocol::hear::<Answer>(&mut wire).await
    };
    let answer = tokio::time::timeout(GREETING, greeting).await;
    match answer {
        Ok(Ok(Some(Frame::Said(Answer::Hello { .. })))) => Ok(Some(wire)),
        Ok(Ok(Some(Frame::Said(Answer::Refused { version })))) => Err(too_old(version)),
        Ok(Ok(Some(Frame::Said(Answer::Stale)))) => Err(Error::NotReceptive(Why::StaleLaunch)),
        Ok(Ok(Some(Frame::Said(answer)))) => Err(unexpected(answer)),
        Ok(Ok(Some(Frame::Terminal(_)))) => Err(Error::Other(anyhow!("the holder does not greet"))),
        // It went away while we were knocking.
        Ok(Ok(None) | Err(_)) => Ok(None),
        Err(_) => Err(Error::Other(anyhow!("the holder does not answer"))),
    }
}

/// The error that an answer to something else amounts to.
pub(crate) fn unexpected(answer: Answer) -> Error {
    match answer {
        Answer::NotReceptive(why) => Error::NotReceptive(why),
        Answer::Stale => Error::NotReceptive(Why::StaleLaunch),
        Answer::Gone => Error::Gone,
        Answer::Refused { version } => too_old(version),
        Answer::Failed { why } => Error::Other(anyhow!(why)),
        Answer::Hello { .. }
        | Answer::Typed(_)
        | Answer::Probe(_)
        | Answer::Screen(_)
        | Answer::Echoed(_)
        | Answer::Done
        | Answer::Ended(_) => Error::Other(anyhow!("the holder answered something else")),
    }
}

/// What the files say of a prompt. The last word only once nobody holds the launch.
pub(crate) fn recorded(place: &Place, prompt: &PromptId) -> Result<Submission, Error> {
    if !place.dir().is_dir() {
        return Err(Error::Gone);
    }
    let known = record::read(&place.record()).map_err(reading)?;
    Ok(known.get(prompt).copied().unwrap_or(Submission::Untouched))
}

/// What the files show of the screen.
pub(crate) fn last_screen(place: &Place, scrollback: usize) -> Result<Screen, Error> {
    let mut screen: Screen = files::read_json(&place.last_screen()).map_err(reading)?.ok_or(Error::Gone)?;
    let shown = scrollback.saturating_add(usize::from(screen.rows));
    let surplus = screen.lines.len().saturating_sub(shown);
    screen.lines.drain(..surplus);
    Ok(screen)
}

/// What the files say of the process.
pub(crate) async fn probe(place: &Place) -> Probe {
    match read_exit(place) {
        Err(error) => unknown(format!("cannot read how it ended: {error}")),
        Ok(Some(ended)) => ended,
        Ok(None) if place.failed().exists() => Probe::Gone,
        Ok(None) => match place.is_held() {
            Err(error) => unknown(format!("cannot look for the holder: {error}")),
            Ok(true) => unknown("the holder does not answer".to_owned()),
            Ok(false) if place.started().exists() => orphans(place).await,
            Ok(false) if place.order().exists() => unknown("it is being started".to_owned()),
            Ok(false) => Probe::Gone,
        },
    }
}

/// How the process ended, if its holder wrote that down.
pub(crate) fn read_exit(place: &Place) -> io::Result<Option<Probe>> {
    files::read_json(&place.exit())
}

/// The holder died: whatever still runs has lost its terminal.
async fn orphans(place: &Place) -> Probe {
    if os::any(place.dir()).await {
        unknown("the holder died, but processes of the launch still run".to_owned())
    } else {
        Probe::Gone
    }
}

const fn unknown(why: String) -> Probe {
    Probe::Unknown { why }
}

fn too_old(version: u32) -> Error {
    Error::TooOld { what: "the holder's protocol", found: version.to_string(), wanted: "1" }
}

fn reading(error: io::Error) -> Error {
    Error::other(error, "cannot read the launch's files")
}
