//! What the tests of both runtimes share: launches of real programs, their holders, and waiting for what they show.

use std::{ffi::OsString, path::Path, time::Duration};

#[cfg(target_os = "linux")]
pub(crate) use super::testing_linux::*;
use super::{Address, Launch, Runtime};
use crate::{clock::Clock, model::Generation};

/// How long a test waits for something that must happen.
pub(super) const PATIENCE: Duration = Duration::from_secs(30);

/// The first launch of a session that runs `argv` in `root`.
pub(crate) fn launch(root: &Path, session: &str, argv: &[&str]) -> Launch {
    let address = address(session, 1);
    let session_dir = root.join("launches").join(address.to_string());
    let dir = root.join("work");
    std::fs::create_dir_all(&session_dir).unwrap();
    std::fs::create_dir_all(&dir).unwrap();
    Launch {
        address,
        argv: argv.iter().map(|&arg| arg.to_owned()).collect(),
        env: [("PATH", "/usr/bin:/bin"), ("TERM", "xterm-256color"), ("LC_ALL", "C.UTF-8")]
            .map(|(name, value)| (name.to_owned(), value.to_owned()))
            .into(),
        dir,
        columns: 100,
        rows: 30,
        session_dir,
        recording: None,
    }
}

pub(crate) fn address(session: &str, generation: u32) -> Address {
    Address { session: session.parse().unwrap(), generation: Generation(generation) }
}

/// Waits until `look` finds something.
pub(crate) async fn eventually<T>(what: &str, mut look: impl AsyncFnMut() -> Option<T>) -> T {
    let looking = async {
        loop {
            if let Some(found) = look().await {
                return found;
            }
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    };
    tokio::time::timeout(PATIENCE, looking).await.unwrap_or_else(|_| panic!("never seen: {what}"))
}

/// Waits until the screen shows `text`.
pub(crate) async fn shows(runtime: &dyn Runtime, address: &Address, text: &str) {
    eventually(&format!("{text:?} on the screen"), async || {
        let screen = runtime.screen(address, 100).await.ok()?;
        screen.text().contains(text).then_some(())
    })
    .await;
}

/// This test binary, told to run [`holder_process`] only.
pub(crate) fn holder() -> Vec<OsString> {
    let this = std::env::current_exe().unwrap();
    vec![this.into(), "--exact".into(), "runtime::testing::holder_process".into()]
}

/// Not a test: what the holders and recorders of the other tests run.
#[test]
fn holder_process() {
    let args: Vec<_> = std::env::args().collect();
    if let [.., record, session_dir, terminal] = &args[..]
        && record == "record"
    {
        let tokio = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        let (session_dir, terminal, output) = (session_dir.as_ref(), terminal.as_ref(), tokio::io::stdin());
        tokio.block_on(super::recording::record(session_dir, terminal, output, &Clock::system()));
    }
    let [.., hold, session_dir] = &args[..] else { return };
    if hold == "hold" {
        let die_at = std::fs::read_to_string(Path::new(session_dir).join("die_at"));
        if let Ok(crossing) = die_at {
            crate::boundary::die_at(crossing.parse().unwrap());
        }
        let tokio = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        tokio.block_on(super::pty::hold(Path::new(session_dir), Clock::system()));
    }
}
