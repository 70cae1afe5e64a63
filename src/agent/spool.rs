//! The hook spool: how a report of an agent reaches the daemon, whether or not the daemon runs.
//!
//! ```text
//! agent ─▶ `antiphon hook` ─▶ record: one line, synced ─▶ <session dir>/spool/events.jsonl ─▶ drain ─▶ HookEvent
//!                          └▶ ring the doorbell
//! ```
//!
//! Each launch has a spool of its own, in a directory of mode 0700. A line carries a code made with the launch token
//! over its content, so that a reader knows that the writer held the token; the token itself is not written.
//!
//! A writer begins each line on a fresh one, because a writer before it may have been killed in the middle of its own.

use std::{
    collections::BTreeMap,
    fs::{File, OpenOptions},
    io::{self, Read, Seek as _, SeekFrom, Write as _},
    path::{Path, PathBuf},
    sync::mpsc,
    time::Duration,
};

use hmac::{Hmac, KeyInit as _, Mac as _};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::{Value, value::RawValue};

use super::{
    doorbell,
    hook::{self, HookEvent},
};
use crate::model::LaunchToken;

/// The most bytes of a report that is kept whole.
pub const EVENT_BYTES_MAX: usize = 1 << 20;
/// The most bytes of a report that is read at all.
const INPUT_BYTES_MAX: u64 = 16 << 20;
/// The most bytes of a spool.
pub const SPOOL_BYTES_MAX: u64 = 64 << 20;
/// The most bytes that one call of [`drain`] reads.
const DRAIN_BYTES_MAX: usize = 8 << 20;
/// How much of each text is kept of a report that is too long.
const CUT_CHARS: usize = 16 << 10;
/// How long a report may take to be recorded. It takes a few milliseconds; what was cut off would be lost, so a machine
/// under load and a slow disk are waited for. Agents must not give a hook up sooner.
pub(super) const PATIENCE: Duration = Duration::from_secs(10);
/// How long an agent is kept waiting for the doorbell, which may be lost.
const RING_PATIENCE: Duration = Duration::from_millis(60);

/// Why a report could not be recorded.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The input is not a JSON object.
    #[error("the report is not a JSON object")]
    NotJson,
    /// The spool holds all it may hold.
    #[error("the spool is full")]
    Full,
    /// The spool cannot be written: its launch is gone, or the disk is full.
    #[error("the spool cannot be written")]
    Io(#[source] io::Error),
}

/// What a launch was given to reach its spool.
#[derive(Debug, Clone)]
pub struct Slot {
    /// The spool's directory.
    pub dir: PathBuf,
    /// The secret of the launch.
    pub token: LaunchToken,
    /// Where the daemon listens for a ring, if anywhere.
    pub socket: Option<PathBuf>,
}

/// What was read from a spool.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Drained {
    /// The reports, in the order in which they were recorded.
    pub events: Vec<HookEvent>,
    /// Where the next read begins.
    pub next: u64,
    /// Lines that were written without this launch's token. They are dropped.
    pub foreign: u32,
    /// Lines that could not be read.
    pub unreadable: u32,
    /// Whether there is more to be read now.
    pub more: bool,
}

/// One line of a spool.
#[derive(Serialize, Deserialize)]
struct Line<'a> {
    code: String,
    at: Timestamp,
    #[serde(borrow)]
    report: &'a RawValue,
}

impl Slot {
    /// The slot of the launch that this environment was made for; `None` in any other.
    #[must_use]
    pub fn of(env: &BTreeMap<String, String>) -> Option<Self> {
        let filled = |name: &str| env.get(name).filter(|value| !value.is_empty());
        let token = filled(env_name::TOKEN)?.as_str();
        Some(Self {
            dir: filled(env_name::SPOOL)?.into(),
            token: serde_json::from_value(Value::from(token)).ok()?,
            socket: filled(env_name::SOCKET).map(PathBuf::from),
        })
    }
}

/// The variables by which a launch is told its slot.
pub(super) mod env_name {
    /// The spool's directory.
    pub(in crate::agent) const SPOOL: &str = "ANTIPHON_SPOOL";
    /// Where prompts are placed for whoever takes them.
    pub(in crate::agent) const INBOX: &str = "ANTIPHON_INBOX";
    /// The secret of the launch.
    pub(in crate::agent) const TOKEN: &str = "ANTIPHON_LAUNCH_TOKEN";
    /// Where the daemon listens for a ring.
    pub(in crate::agent) const SOCKET: &str = "ANTIPHON_SOCKET";
}

/// The spool's directory in a launch's private directory.
#[must_use]
pub fn dir(session_dir: &Path) -> PathBuf {
    session_dir.join("spool")
}

/// Makes the spool of a launch, readable by the user alone. It may exist.
///
/// # Errors
///
/// When the directory cannot be made.
pub fn create(session_dir: &Path) -> io::Result<PathBuf> {
    let dir = dir(session_dir);
    let mut builder = std::fs::DirBuilder::new();
    builder.recursive(true);
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
    builder.create(&dir)?;
    Ok(dir)
}

/// The whole work of the hook command: reads the report, records it, rings, and says whether somebody heard that.
///
/// `waits` is recorded with it: whoever reports will wait whether there is more to do.
///
/// It comes back in bounded time whatever happens, and an error is for logs and tests only: the command ends with
/// success in any case, for a failed hook would disturb the agent's work.
///
/// # Errors
///
/// When nothing was recorded, or not in time; what was begun then may still come to its end.
pub fn report(slot: Slot, input: impl Read + Send + 'static, waits: bool, now: Timestamp) -> Result<bool, Error> {
    report_within(PATIENCE, slot, input, waits, now)
}

fn report_within(
    patience: Duration,
    slot: Slot,
    input: impl Read + Send + 'static,
    waits: bool,
    now: Timestamp,
) -> Result<bool, Error> {
    let (recorded, outcome) = mpsc::channel();
    let (rang, rung) = mpsc::channel();
    let work = move || {
        let mut report = Vec::new();
        let read = input.take(INPUT_BYTES_MAX).read_to_end(&mut report).map_err(Error::Io);
        // Nobody waits any more when the time is up.
        drop(recorded.send(read.and_then(|_| record(&slot.dir, &slot.token, &report, waits, now))));
        // Rung even if nothing was recorded: the daemon then finds nothing, which costs nothing.
        rang.send(slot.socket.as_deref().is_some_and(doorbell::ring)).unwrap_or_default();
    };
    // The thread may hang on a pipe that nobody closes; the end of the process takes it along.
    std::thread::Builder::new().name("hook".to_owned()).spawn(work).map_err(Error::Io)?;
    outcome.recv_timeout(patience).unwrap_or_else(|_| Err(Error::Io(io::ErrorKind::TimedOut.into())))?;
    Ok(rung.recv_timeout(RING_PATIENCE).unwrap_or(false))
}

/// Appends one report to a spool and syncs it, with a mark if whoever reports waits for an answer.
///
/// # Errors
///
/// When it is not JSON, or the spool is full, missing or cannot be written.
pub fn record(dir: &Path, token: &LaunchToken, report: &[u8], waits: bool, now: Timestamp) -> Result<(), Error> {
    let parsed: Value = serde_json::from_slice(report).map_err(|_| Error::NotJson)?;
    let mut parsed = if report.len() > EVENT_BYTES_MAX { cut(parsed) } else { parsed };
    let Value::Object(fields) = &mut parsed else { return Err(Error::NotJson) };
    fields.remove(hook::WAITS);
    if waits {
        fields.insert(hook::WAITS.to_owned(), Value::Bool(true));
    }
    // Written anew, it stands on one line.
    let report = serde_json::value::to_raw_value(&parsed).map_err(|_| Error::NotJson)?;
    let line = Line { code: code(token, now, &report), at: now, report: &report };
    let line = serde_json::to_string(&line).map_err(|_| Error::NotJson)?;
    append(&dir.join(FILE), &format!("\n{line}\n"))
}

/// Reads the reports behind byte `after`. A line that is not at its end yet is left for the next read.
///
/// # Errors
///
/// When the spool exists and cannot be read. One that does not exist is empty.
pub fn drain(dir: &Path, token: &LaunchToken, after: u64) -> io::Result<Drained> {
    let mut drained = Drained { next: after, ..Drained::default() };
    let mut file = match File::open(dir.join(FILE)) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(drained),
        opened => opened?,
    };
    file.seek(SeekFrom::Start(after))?;
    let mut bytes = Vec::new();
    file.take(DRAIN_BYTES_MAX as u64).read_to_end(&mut bytes)?;
    drained.more = bytes.len() == DRAIN_BYTES_MAX;
    let whole = match bytes.iter().rposition(|&byte| byte == b'\n') {
        Some(last) => &bytes[..=last],
        // No line of ours is so long: it is passed over.
        None if drained.more => {
            drained.unreadable += 1;
            &bytes[..]
        }
        None => return Ok(drained),
    };
    drained.next += whole.len() as u64;
    if whole.ends_with(b"\n") {
        let lines = whole.split(|&byte| byte == b'\n').filter(|line| !line.is_empty());
        lines.for_each(|line| drained.take_in(line, token));
    }
    Ok(drained)
}

/// The file in the spool's directory.
const FILE: &str = "events.jsonl";

impl Drained {
    fn take_in(&mut self, line: &[u8], token: &LaunchToken) {
        let Ok(line) = serde_json::from_slice::<Line<'_>>(line) else {
            self.unreadable += 1;
            return;
        };
        if !is_own(&line, token) {
            self.foreign += 1;
            return;
        }
        match serde_json::from_str(line.report.get()) {
            Ok(report) => self.events.extend(hook::read(line.at, &report)),
            Err(_) => self.unreadable += 1,
        }
    }
}

fn append(path: &Path, text: &str) -> Result<(), Error> {
    let mut options = OpenOptions::new();
    options.create(true).append(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    let mut file = options.open(path).map_err(Error::Io)?;
    let length = file.metadata().map_err(Error::Io)?.len();
    if length.saturating_add(text.len() as u64) > SPOOL_BYTES_MAX {
        return Err(Error::Full);
    }
    // One write: hooks of one agent can run at the same time.
    file.write_all(text.as_bytes()).and_then(|()| file.sync_data()).map_err(Error::Io)
}

/// Keeps the shape of a report that is too long: the beginnings of its own texts, and none of what is nested.
fn cut(report: Value) -> Value {
    let Value::Object(fields) = report else { return report };
    let short = fields.into_iter().filter_map(|(key, value)| match value {
        Value::String(text) => Some((key, Value::String(text.chars().take(CUT_CHARS).collect()))),
        Value::Null | Value::Bool(_) | Value::Number(_) => Some((key, value)),
        Value::Array(_) | Value::Object(_) => None,
    });
    Value::Object(short.take(64).collect())
}

fn mac(token: &LaunchToken, at: Timestamp, report: &RawValue) -> Hmac<sha2::Sha256> {
    let mut mac = Hmac::new_from_slice(token.expose().as_bytes()).expect("HMAC takes keys of any length");
    mac.update(at.to_string().as_bytes());
    mac.update(b"\n");
    mac.update(report.get().as_bytes());
    mac
}

fn code(token: &LaunchToken, at: Timestamp, report: &RawValue) -> String {
    hex::encode(mac(token, at, report).finalize().into_bytes())
}

fn is_own(line: &Line<'_>, token: &LaunchToken) -> bool {
    // Compared in constant time.
    hex::decode(&line.code).is_ok_and(|code| mac(token, line.at, line.report).verify_slice(&code).is_ok())
}

#[cfg(test)]
mod tests {
    use tempfile::TempDir;

    use super::*;
    use crate::agent::HookKind;

    const NOW: Timestamp = Timestamp::UNIX_EPOCH;

    struct Spool {
        home: TempDir,
        token: LaunchToken,
    }

    impl Spool {
        fn new() -> Self {
            let home = tempfile::tempdir().unwrap();
            create(home.path()).unwrap();
            Self { home, token: LaunchToken::new([7; 16]) }
        }

        fn dir(&self) -> PathBuf {
            dir(self.home.path())
        }

        fn record(&self, report: &str) -> Result<(), Error> {
            record(&self.dir(), &self.token, report.as_bytes(), false, NOW)
        }

        fn drain(&self, after: u64) -> Drained {
            drain(&self.dir(), &self.token, after).unwrap()
        }

        fn append(&self, bytes: &[u8]) {
            OpenOptions::new().create(true).append(true).open(self.dir().join(FILE)).unwrap().write_all(bytes).unwrap();
        }

        fn length(&self) -> u64 {
            self.dir().join(FILE).metadata().unwrap().len()
        }
    }

    fn prompt(text: &str) -> String {
        serde_json::json!({"hook_event_name": "UserPromptSubmit", "session_id": "s", "prompt": text}).to_string()
    }

    fn prompts(drained: &Drained) -> Vec<&str> {
        drained
            .events
            .iter()
            .map(|event| if let HookKind::PromptSubmitted { text } = &event.kind { text.as_str() } else { "?" })
            .collect()
    }

    #[test]
    fn what_was_recorded_is_read_once_and_in_order() {
        let spool = Spool::new();
        spool.record(&prompt("one\ntwo")).unwrap();
        spool.record(&prompt("three")).unwrap();

        let first = spool.drain(0);
        spool.record(&prompt("four")).unwrap();
        let second = spool.drain(first.next);

        assert_eq!((prompts(&first), first.next, first.more), (vec!["one\ntwo", "three"], first.next, false));
        assert_eq!((prompts(&second), second.next), (vec!["four"], spool.length()));
        assert_eq!(first.events[0].agent_session.as_deref(), Some("s"));
    }

    /// S59: what holds no token of this launch says nothing about it.
    #[test]
    fn a_line_of_another_launch_is_counted_and_dropped() {
        let spool = Spool::new();
        let other = LaunchToken::new([8; 16]);
        record(&spool.dir(), &other, prompt("forged").as_bytes(), false, NOW).unwrap();
        spool.append(b"\n{\"code\":\"00\",\"at\":\"1970-01-01T00:00:00Z\",\"report\":{\"prompt\":\"x\"}}\n");
        spool.record(&prompt("own")).unwrap();

        let drained = spool.drain(0);

        assert_eq!((prompts(&drained), drained.foreign, drained.unreadable), (vec!["own"], 2, 0));
    }

    #[test]
    fn a_changed_line_is_not_the_launchs_own_any_more() {
        let spool = Spool::new();
        spool.record(&prompt("own")).unwrap();
        let text = std::fs::read_to_string(spool.dir().join(FILE)).unwrap().replace("own", "not");
        std::fs::write(spool.dir().join(FILE), text).unwrap();

        assert_eq!(spool.drain(0).foreign, 1);
    }

    #[test]
    fn the_token_is_not_written() {
        let spool = Spool::new();
        spool.record(&prompt("x")).unwrap();

        assert!(!std::fs::read_to_string(spool.dir().join(FILE)).unwrap().contains(spool.token.expose()));
    }

    #[test]
    fn a_torn_line_is_left_until_it_is_whole() {
        let spool = Spool::new();
        spool.record(&prompt("one")).unwrap();
        spool.record(&prompt("two")).unwrap();
        let whole = std::fs::read(spool.dir().join(FILE)).unwrap();
        std::fs::write(spool.dir().join(FILE), &whole[..whole.len() - 5]).unwrap();

        let first = spool.drain(0);
        spool.append(&whole[whole.len() - 5..]);
        let second = spool.drain(first.next);

        assert_eq!((prompts(&first), prompts(&second)), (vec!["one"], vec!["two"]));
    }

    /// A hook that was killed while it wrote does not take the next one along.
    #[test]
    fn a_line_behind_a_torn_one_is_read() {
        let spool = Spool::new();
        spool.append(b"\n{\"code\":\"ab");
        spool.record(&prompt("next")).unwrap();

        let drained = spool.drain(0);

        assert_eq!((prompts(&drained), drained.unreadable), (vec!["next"], 1));
    }

    #[test]
    fn hooks_at_the_same_time_do_not_mix() {
        let spool = Spool::new();
        std::thread::scope(|scope| {
            for n in 0..16 {
                let spool = &spool;
                scope.spawn(move || spool.record(&prompt(&format!("{n}{}", "x".repeat(10_000)))).unwrap());
            }
        });

        let drained = spool.drain(0);

        assert_eq!((drained.events.len(), drained.foreign, drained.unreadable), (16, 0, 0));
    }

    #[test]
    fn a_report_that_is_too_long_keeps_its_beginning() {
        let spool = Spool::new();
        spool.record(&prompt(&format!("[antiphon:abcdefghij] {}", "x".repeat(2 << 20)))).unwrap();

        let drained = spool.drain(0);

        assert_eq!(prompts(&drained)[0].len(), CUT_CHARS);
        assert!(spool.length() < EVENT_BYTES_MAX as u64);
    }

    #[test]
    fn a_full_spool_takes_nothing_more() {
        let spool = Spool::new();
        let file = File::create(spool.dir().join(FILE)).unwrap();
        file.set_len(SPOOL_BYTES_MAX - 10).unwrap();

        assert!(matches!(spool.record(&prompt("x")), Err(Error::Full)));
        assert_eq!(spool.length(), SPOOL_BYTES_MAX - 10);
    }

    #[test]
    fn who_waits_for_an_answer_is_known_and_nobody_can_claim_it_for_us() {
        let spool = Spool::new();
        let stop = br#"{"hook_event_name":"Stop","antiphon_waits":true}"#;
        record(&spool.dir(), &spool.token, stop, false, NOW).unwrap();
        record(&spool.dir(), &spool.token, stop, true, NOW).unwrap();

        let kinds: Vec<_> = spool.drain(0).events.into_iter().map(|event| event.kind).collect();

        let ended = HookKind::TurnEnded { message: None, background: false };
        assert_eq!(kinds, [ended.clone(), ended, HookKind::Waits]);
    }

    #[test]
    fn a_large_spool_is_read_in_pieces() {
        let spool = Spool::new();
        for _ in 0..10 {
            spool.record(&prompt(&"x".repeat(1_000_000))).unwrap();
        }

        let first = spool.drain(0);
        let second = spool.drain(first.next);

        assert_eq!((first.events.len(), first.more, second.events.len(), second.more), (8, true, 2, false));
    }

    #[test]
    fn garbage_is_passed_over() {
        let spool = Spool::new();
        spool.append(&vec![b'x'; DRAIN_BYTES_MAX + 10]);
        spool.record(&prompt("own")).unwrap();

        let first = spool.drain(0);
        let second = spool.drain(first.next);

        assert_eq!((first.unreadable, first.more), (1, true));
        assert_eq!((prompts(&second), second.unreadable), (vec!["own"], 1));
    }

    #[test]
    fn what_is_no_report_is_refused() {
        let spool = Spool::new();
        for report in ["", "x", "[1]", "\"text\"", "{\"a\":", "{} {}"] {
            assert!(matches!(spool.record(report), Err(Error::NotJson)), "{report:?} was recorded");
        }
        assert_eq!(spool.drain(0), Drained::default());
    }

    #[test]
    fn a_spool_that_is_gone_is_empty_and_is_not_made_anew() {
        let spool = Spool::new();
        std::fs::remove_dir(spool.dir()).unwrap();

        assert!(matches!(spool.record(&prompt("x")), Err(Error::Io(_))));
        assert_eq!((spool.drain(5), spool.dir().exists()), (Drained { next: 5, ..Drained::default() }, false));
    }

    #[test]
    fn a_process_outside_of_a_launch_has_no_slot() {
        let full = [("ANTIPHON_SPOOL", "/s/spool"), ("ANTIPHON_LAUNCH_TOKEN", "07"), ("ANTIPHON_SOCKET", "")];
        let of = |without: &str| {
            let env = full.iter().filter(|(name, _)| *name != without);
            Slot::of(&env.map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect())
        };

        let slot = of("").unwrap();
        assert_eq!((slot.dir, slot.token.expose(), slot.socket), (PathBuf::from("/s/spool"), "07", None));
        assert!(of("ANTIPHON_SPOOL").is_none() && of("ANTIPHON_LAUNCH_TOKEN").is_none());
    }

    #[cfg(unix)]
    #[test]
    fn a_spool_is_private() {
        use std::os::unix::fs::PermissionsExt as _;
        let spool = Spool::new();
        spool.record(&prompt("x")).unwrap();

        let mode = |path: &Path| path.metadata().unwrap().permissions().mode() & 0o777;
        assert_eq!((mode(&spool.dir()), mode(&spool.dir().join(FILE))), (0o700, 0o600));
    }

    /// A pipe that nobody closes.
    struct Silence(mpsc::Receiver<()>);

    impl Read for Silence {
        fn read(&mut self, _: &mut [u8]) -> io::Result<usize> {
            assert!(self.0.recv().is_err(), "nothing is ever sent");
            Ok(0)
        }
    }

    #[test]
    fn an_agent_that_does_not_close_the_pipe_does_not_wait_for_us() {
        let spool = Spool::new();
        let (open, silence) = mpsc::channel();
        let slot = Slot { dir: spool.dir(), token: spool.token, socket: None };

        let outcome = report_within(Duration::ZERO, slot, Silence(silence), false, NOW);

        assert!(matches!(&outcome, Err(Error::Io(error)) if error.kind() == io::ErrorKind::TimedOut), "{outcome:?}");
        drop(open);
    }

    /// An input that comes late, as everything does on a machine under load.
    struct Late<R>(R);

    impl<R: Read> Read for Late<R> {
        fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
            let (_open, silence) = mpsc::channel::<()>();
            assert!(silence.recv_timeout(Duration::from_millis(80)).is_err(), "nothing is ever sent");
            self.0.read(buffer)
        }
    }

    #[test]
    fn a_report_is_waited_for_on_a_slow_machine() {
        let spool = Spool::new();
        let slot = Slot { dir: spool.dir(), token: spool.token.clone(), socket: None };

        report(slot, Late(io::Cursor::new(prompt("slow"))), false, NOW).unwrap();

        assert_eq!(prompts(&spool.drain(0)), ["slow"]);
    }

    #[tokio::test]
    async fn a_report_is_recorded_and_rung() {
        let spool = Spool::new();
        let socket = crate::places::Places::new(spool.home.path()).poke();
        let bell = doorbell::Doorbell::bind(&socket).unwrap();
        let slot = Slot { dir: spool.dir(), token: spool.token.clone(), socket: Some(socket) };

        let rung = report(slot, io::Cursor::new(prompt("hello")), false, NOW).unwrap();

        bell.rung().await;
        assert!(rung);
        assert_eq!(prompts(&spool.drain(0)), ["hello"]);
    }

    #[test]
    fn a_daemon_that_is_gone_does_not_matter() {
        let spool = Spool::new();
        let slot =
            Slot { dir: spool.dir(), token: spool.token.clone(), socket: Some(spool.home.path().join("nobody")) };

        assert!(!report(slot, io::Cursor::new(prompt("hello")), false, NOW).unwrap(), "nobody has heard it");

        assert_eq!(prompts(&spool.drain(0)), ["hello"]);
    }
}
