//! The inbox of a launch: how a prompt reaches an agent without a keystroke.
//!
//! ```text
//! the daemon: place ─▶ <session dir>/inbox/placed/ID ─┬─▶ the agent's hook or plugin takes it ─▶ inbox/taken/ID
//!                                                     └─▶ the daemon takes it back ───────────▶ inbox/withdrawn/ID
//! ```
//!
//! Taking and taking back are the same rename of the same file (on Windows, what is as good), so exactly one of them
//! succeeds, whoever dies when: what was taken back was never read, and may be sent on another way.
//!
//! Two files say that somebody is there to take: `open` as long as it lies there (a plugin in the agent's process), and
//! `waits` once (a hook at the end of a turn, which the agent waits for). A program of the user's own may do the same: the
//! inbox stands in the variable `ANTIPHON_INBOX` of every launch.

use std::{
    io,
    path::{Path, PathBuf},
    time::Duration,
};

use crate::{clock::Stopwatch, model::PromptId};

/// How long a hook waits for more at the end of a turn, if nobody tells it to go on. The daemon does within milliseconds.
pub const HOOK_PATIENCE: Duration = Duration::from_secs(3);
/// How often a waiting hook looks.
const TICK: Duration = Duration::from_millis(5);

/// How long somebody else may be at a prompt that is to be moved.
#[cfg(windows)]
const CLAIM_PATIENCE: Duration = Duration::from_millis(500);

/// The inbox of one launch.
#[derive(Debug, Clone)]
pub struct Inbox(PathBuf);

/// Where a prompt is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Place {
    /// Nobody has taken it yet.
    Placed,
    /// The agent's side has it.
    Taken,
    /// It was taken back, or was never here.
    Nowhere,
}

impl Inbox {
    /// The inbox in the private directory of a launch.
    #[must_use]
    pub fn of(session_dir: &Path) -> Self {
        Self::at(session_dir.join("inbox"))
    }

    /// The inbox in this directory.
    #[must_use]
    pub const fn at(dir: PathBuf) -> Self {
        Self(dir)
    }

    /// Its directory.
    #[must_use]
    pub fn dir(&self) -> &Path {
        &self.0
    }

    /// Makes it, readable by the user alone. It may exist.
    ///
    /// # Errors
    ///
    /// When a directory cannot be made.
    pub fn create(&self) -> io::Result<()> {
        let mut builder = std::fs::DirBuilder::new();
        builder.recursive(true);
        #[cfg(unix)]
        std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
        [PLACED, TAKEN, WITHDRAWN].iter().try_for_each(|name| builder.create(self.0.join(name)))
    }

    /// Whether somebody says that he takes what is placed here.
    #[must_use]
    pub fn is_attended(&self) -> bool {
        self.0.join(OPEN).exists() || self.0.join(WAITS).exists()
    }

    /// Lets a hook go that waits for more. A plugin stays.
    ///
    /// # Errors
    ///
    /// When the file that says so cannot be removed.
    pub fn dismiss(&self) -> io::Result<()> {
        match std::fs::remove_file(self.0.join(WAITS)) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
            Ok(()) | Err(_) => Ok(()),
        }
    }

    /// Places a prompt: it is there whole, or not at all. One that was here before is not placed again.
    ///
    /// # Errors
    ///
    /// When it cannot be written. Then nobody can take it.
    pub fn place(&self, prompt: &PromptId, text: &str) -> io::Result<()> {
        if [PLACED, TAKEN, WITHDRAWN].iter().any(|name| self.file(name, prompt).exists()) {
            return Ok(());
        }
        let beside = self.0.join(format!("{prompt}.new"));
        std::fs::write(&beside, text)?;
        std::fs::rename(&beside, self.file(PLACED, prompt))
    }

    /// Where a prompt is.
    #[must_use]
    pub fn place_of(&self, prompt: &PromptId) -> Place {
        // In the order in which it moves.
        if self.file(PLACED, prompt).exists() {
            Place::Placed
        } else if self.file(TAKEN, prompt).exists() {
            Place::Taken
        } else {
            Place::Nowhere
        }
    }

    /// Takes a prompt back, unless somebody has taken it: then it stays [`Place::Taken`].
    ///
    /// # Errors
    ///
    /// When nobody can tell.
    pub fn withdraw(&self, prompt: &PromptId) -> io::Result<Place> {
        match claim(&self.file(PLACED, prompt), &self.file(WITHDRAWN, prompt)) {
            Ok(()) => Ok(Place::Nowhere),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(self.place_of(prompt)),
            Err(error) => Err(error),
        }
    }

    /// The agent's side: says that from now on prompts are taken.
    ///
    /// # Errors
    ///
    /// When that cannot be written.
    pub fn open(&self) -> io::Result<()> {
        std::fs::write(self.0.join(OPEN), "")
    }

    /// The agent's side: says that a hook waits for more.
    ///
    /// # Errors
    ///
    /// When that cannot be written.
    pub fn attend(&self) -> io::Result<()> {
        std::fs::write(self.0.join(WAITS), "")
    }

    /// The agent's side: waits for a prompt and takes it. None when there is nothing more, or the time is up.
    #[must_use]
    pub fn wait(&self, patience: Duration) -> Option<String> {
        let watch = Stopwatch::start();
        let taken = loop {
            let dismissed = !self.0.join(WAITS).exists() || watch.elapsed() >= patience;
            // Once more after the last look at the clock: what was placed meanwhile is not left lying.
            if let Some(text) = self.take() {
                break Some(text);
            }
            if dismissed {
                break None;
            }
            std::thread::sleep(TICK);
        };
        // One that stays behind is ended by the next, and costs a prompt some time.
        drop(self.dismiss());
        taken
    }

    /// The agent's side: takes one prompt, if there is one.
    #[must_use]
    pub fn take(&self) -> Option<String> {
        let names = std::fs::read_dir(self.0.join(PLACED)).ok()?.flatten().map(|entry| entry.file_name());
        names.into_iter().find_map(|name| {
            let taken = self.0.join(TAKEN).join(&name);
            claim(&self.0.join(PLACED).join(&name), &taken).ok()?;
            std::fs::read_to_string(taken).ok()
        })
    }

    fn file(&self, place: &str, prompt: &PromptId) -> PathBuf {
        self.0.join(place).join(prompt.as_str())
    }
}

/// Moves a file that others want to move, too: exactly one of them succeeds.
#[cfg(unix)]
fn claim(from: &Path, to: &Path) -> io::Result<()> {
    std::fs::rename(from, to)
}

/// Moves a file that others want to move, too: exactly one of them succeeds.
///
/// A rename would follow a file that somebody else is just renaming, and both would succeed. Nobody can begin to rename
/// what another has open for himself alone, nor can that be opened while somebody renames it.
#[cfg(windows)]
fn claim(from: &Path, to: &Path) -> io::Result<()> {
    use std::os::windows::fs::OpenOptionsExt as _;
    // GENERIC_READ and DELETE; FILE_FLAG_DELETE_ON_CLOSE, which also holds if this process dies.
    let (access, flags) = (0x8001_0000, 0x0400_0000);
    let mut alone = std::fs::OpenOptions::new();
    alone.read(true).access_mode(access).share_mode(0).custom_flags(flags);
    let watch = Stopwatch::start();
    let mut file = loop {
        match alone.open(from) {
            // ERROR_ACCESS_DENIED and ERROR_SHARING_VIOLATION: somebody is at it, and done with it in a moment.
            Err(error) if matches!(error.raw_os_error(), Some(5 | 32)) && watch.elapsed() < CLAIM_PATIENCE => {
                std::thread::sleep(TICK);
            }
            opened => break opened?,
        }
    };
    let mut text = Vec::new();
    io::Read::read_to_end(&mut file, &mut text)?;
    std::fs::write(to, text)
}

const PLACED: &str = "placed";
const TAKEN: &str = "taken";
const WITHDRAWN: &str = "withdrawn";
const OPEN: &str = "open";
const WAITS: &str = "waits";

#[cfg(test)]
mod tests {
    use std::sync::{
        Barrier,
        atomic::{AtomicUsize, Ordering},
    };

    use tempfile::TempDir;

    use super::*;

    fn inbox() -> (TempDir, Inbox) {
        let home = tempfile::tempdir().unwrap();
        let inbox = Inbox::of(home.path());
        inbox.create().unwrap();
        (home, inbox)
    }

    fn prompt(seed: u8) -> PromptId {
        PromptId::derive([seed; 16], 0)
    }

    #[test]
    fn what_was_placed_is_taken_once() {
        let (_home, inbox) = inbox();
        inbox.place(&prompt(1), "hello\n").unwrap();
        assert_eq!(inbox.place_of(&prompt(1)), Place::Placed);

        assert_eq!(inbox.wait(Duration::ZERO).as_deref(), Some("hello\n"));
        assert_eq!(inbox.wait(Duration::ZERO), None);

        assert_eq!((inbox.place_of(&prompt(1)), inbox.withdraw(&prompt(1)).unwrap()), (Place::Taken, Place::Taken));
        inbox.place(&prompt(1), "again").unwrap();
        assert_eq!(inbox.wait(Duration::ZERO), None, "a prompt is placed once");
    }

    #[test]
    fn what_was_taken_back_is_taken_by_nobody() {
        let (_home, inbox) = inbox();
        inbox.place(&prompt(1), "hello").unwrap();

        assert_eq!(inbox.withdraw(&prompt(1)).unwrap(), Place::Nowhere);

        assert_eq!((inbox.wait(Duration::ZERO), inbox.place_of(&prompt(1))), (None, Place::Nowhere));
        assert_eq!(inbox.withdraw(&prompt(2)).unwrap(), Place::Nowhere, "one that was never here");
    }

    // Invariant 4, for this channel.
    #[test]
    fn of_those_who_take_and_those_who_take_back_exactly_one_succeeds() {
        for round in 0..50_u8 {
            let (_home, inbox) = inbox();
            inbox.place(&prompt(round), "hello").unwrap();
            let (together, took) = (Barrier::new(4), AtomicUsize::new(0));
            let withdrawn = std::thread::scope(|scope| {
                for _ in 0..3 {
                    scope.spawn(|| {
                        together.wait();
                        took.fetch_add(usize::from(inbox.wait(Duration::ZERO).is_some()), Ordering::Relaxed);
                    });
                }
                together.wait();
                inbox.withdraw(&prompt(round)).unwrap() == Place::Nowhere
            });

            assert_eq!(took.load(Ordering::Relaxed), usize::from(!withdrawn), "round {round}");
        }
    }

    #[test]
    fn a_hook_that_is_dismissed_goes_on_at_once() {
        let (_home, inbox) = inbox();
        inbox.attend().unwrap();
        assert!(inbox.is_attended());
        std::thread::scope(|scope| {
            let waiting = scope.spawn(|| inbox.wait(Duration::from_secs(600)));
            inbox.dismiss().unwrap();
            assert_eq!(waiting.join().unwrap(), None);
        });
        assert!(!inbox.is_attended());
        inbox.dismiss().unwrap();
    }

    #[test]
    fn a_plugin_is_not_dismissed() {
        let (_home, inbox) = inbox();
        std::fs::write(inbox.dir().join(OPEN), "").unwrap();

        inbox.dismiss().unwrap();

        assert!(inbox.is_attended());
    }

    #[test]
    fn a_hook_whose_time_is_up_takes_what_was_placed_in_the_last_moment() {
        let (_home, inbox) = inbox();
        inbox.attend().unwrap();
        inbox.place(&prompt(1), "late").unwrap();

        assert_eq!(inbox.wait(Duration::ZERO).as_deref(), Some("late"));
        assert!(!inbox.is_attended());
    }

    #[test]
    fn without_an_inbox_nothing_is_taken() {
        let home = tempfile::tempdir().unwrap();
        let inbox = Inbox::of(home.path());

        assert!(inbox.attend().is_err() && inbox.place(&prompt(1), "x").is_err() && !inbox.is_attended());
        assert_eq!(inbox.wait(Duration::from_secs(600)), None);
    }
}
