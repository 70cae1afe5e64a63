//! Keeps this machine from going to sleep by itself while an agent works.
//!
//! What does it is a program of the system that holds a lock as long as it runs, and reads from us: it ends with us, however
//! we end. A lid that is closed still means sleep. A machine that knows no such lock, as servers and containers do not,
//! goes on without.

use std::{ffi::OsString, sync::Arc, time::Duration};

use tokio::{
    process::{ChildStdin, ChildStdout},
    sync::watch,
};
use tokio_util::sync::CancellationToken;
use tracing::{debug, warn};

use crate::{
    config::Config,
    journal::{Journal as _, SqliteJournal},
    machine::{
        State,
        session::{self, Activity, Life},
    },
    model::MachineKind,
    process::{self, Command, Running},
};

/// How long an agent may have begun or ended before that is noticed.
const LOOK_EVERY: Duration = Duration::from_secs(10);

/// Whether somebody works here who should not be interrupted by sleep. Whoever waits for a person or a check does not.
fn works(session: &session::State) -> bool {
    match session.life {
        Life::Launching => true,
        Life::Running { activity, .. } => {
            matches!(activity, Activity::Starting | Activity::Working) || session.sending.is_some()
        }
        Life::Exited { .. } | Life::Stopping | Life::Ended => false,
    }
}

/// The program that holds the lock and reads its standard input to the end.
fn lock_program() -> Vec<OsString> {
    let argv: &[&str] = if cfg!(target_os = "macos") {
        &["caffeinate", "-i", "cat"]
    } else if cfg!(windows) {
        // ES_CONTINUOUS and ES_SYSTEM_REQUIRED, for as long as the thread that said so lives.
        let script = "$it = Add-Type -PassThru -Name Awake -Namespace Antiphon -MemberDefinition \
                      '[DllImport(\"kernel32.dll\")] public static extern uint SetThreadExecutionState(uint flags);'; \
                      [void]$it::SetThreadExecutionState([uint32]2147483649); [void][Console]::In.ReadToEnd()";
        &["powershell.exe", "-NoProfile", "-NonInteractive", "-Command", script]
    } else {
        &["systemd-inhibit", "--what=idle:sleep", "--who=Antiphon", "--why=An agent works", "--mode=block", "cat"]
    };
    argv.iter().map(OsString::from).collect()
}

/// Looks who works, and holds the lock meanwhile.
pub(super) struct Awake {
    pub(super) journal: Arc<SqliteJournal>,
    pub(super) config: watch::Receiver<Arc<Config>>,
    /// The user's `PATH`.
    pub(super) path: String,
}

impl Awake {
    /// Works until told to stop.
    pub(super) async fn run(self, stop: CancellationToken) {
        let mut lock = Lock::new(lock_program(), self.path.clone());
        loop {
            lock.hold(self.is_wanted().await);
            tokio::select! {
                () = stop.cancelled() => break,
                () = lock.lost() => {}
                () = tokio::time::sleep(LOOK_EVERY) => {}
            }
        }
    }

    async fn is_wanted(&self) -> bool {
        if !self.config.borrow().keep_awake {
            return false;
        }
        let sessions = match self.journal.machines(Some(MachineKind::Session)).await {
            Ok(sessions) => sessions,
            Err(error) => {
                warn!(error = &error as &dyn std::error::Error, "Could not read which agents work");
                return false;
            }
        };
        sessions.iter().any(|(_, stored)| match serde_json::from_str(&stored.state) {
            Ok(Some(State::Session(session))) => works(&session),
            _ => false,
        })
    }
}

/// A lock that may be held, if this machine has such a thing.
struct Lock {
    program: Vec<OsString>,
    path: String,
    held: Option<(Running, ChildStdin, ChildStdout)>,
    /// Whether it turned out that there is no such thing.
    missing: bool,
}

impl Lock {
    const fn new(program: Vec<OsString>, path: String) -> Self {
        Self { program, path, held: None, missing: false }
    }

    /// Holds it, or lets it go.
    fn hold(&mut self, wanted: bool) {
        if !wanted || self.missing {
            if self.held.take().is_some() {
                debug!("No agent works: this machine may sleep");
            }
            return;
        }
        if self.held.is_some() {
            return;
        }
        match self.take() {
            Ok(held) => {
                debug!("An agent works: this machine does not go to sleep");
                self.held = Some(held);
            }
            Err(error) => self.miss(&error),
        }
    }

    fn take(&self) -> Result<(Running, ChildStdin, ChildStdout), process::Error> {
        let (program, args) = self.program.split_first().expect("every platform names a program");
        Command::new(program).args(args).env("PATH", &self.path).start()
    }

    /// Returns when whoever held it has ended; never, while nobody does.
    async fn lost(&mut self) {
        let Some((running, _, _)) = &mut self.held else { return std::future::pending().await };
        match running.ended().await {
            Ok(ended) => self.miss(&ended),
            Err(error) => self.miss(&error),
        }
    }

    /// Said once: a machine that has no such lock will have none later.
    fn miss(&mut self, why: &dyn std::fmt::Debug) {
        debug!(?why, "This machine cannot be kept awake while agents work");
        self.held = None;
        self.missing = true;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        event::Hook,
        machine::testing::{Desk, ci, rules},
    };

    #[test]
    fn an_agent_that_starts_or_works_keeps_the_machine_awake_and_one_that_waits_does_not() {
        assert!(works(Desk::launching(rules()).state()), "it starts");
        let mut desk = Desk::idle(rules());
        assert!(!works(desk.state()), "it waits");
        desk.wants(ci());
        assert!(works(desk.state()), "a prompt is on its way");
        desk.delivered();
        assert!(works(desk.state()), "it has the prompt");

        let mut desk = Desk::idle(rules());
        desk.works_on(ci());
        assert!(works(desk.state()), "it works");
        desk.hook(Hook::NeedsInput);
        assert!(!works(desk.state()), "it waits for a person");
        desk.dies();
        assert!(!works(desk.state()), "it is gone");
    }

    #[cfg(unix)]
    mod locked {
        use tokio::io::AsyncReadExt as _;

        use super::*;

        fn lock(script: &str) -> Lock {
            let program = ["/bin/sh", "-c", script].iter().map(OsString::from).collect();
            Lock::new(program, "/usr/bin:/bin".to_owned())
        }

        #[tokio::test]
        async fn the_lock_is_held_once_until_it_is_not_wanted() {
            let dir = tempfile::tempdir().unwrap();
            let pipe = dir.path().join("pipe");
            assert!(Command::new("/usr/bin/mkfifo").arg(&pipe).run().await.unwrap().success());
            let (_reader, _stdin, mut held) = Command::new("/bin/cat").arg(&pipe).start().unwrap();
            let mut lock = lock(&format!("exec >'{}'; echo held; exec cat", pipe.display()));
            lock.hold(true);
            let mut said = [0; 5];
            held.read_exact(&mut said).await.unwrap();
            lock.hold(true);

            lock.hold(false);

            let mut rest = Vec::new();
            tokio::time::timeout(Duration::from_secs(30), held.read_to_end(&mut rest)).await.unwrap().unwrap();
            assert_eq!((&said, rest.as_slice()), (b"held\n", &b""[..]));
        }

        #[tokio::test]
        async fn a_machine_without_such_a_lock_is_asked_once() {
            let mut refused = lock("exit 1");
            refused.hold(true);
            refused.lost().await;
            refused.hold(true);
            let mut absent = Lock::new(vec!["no-such-program".into()], "/nonexistent".to_owned());
            absent.hold(true);

            assert!(refused.held.is_none() && refused.missing && absent.held.is_none() && absent.missing);
        }

        /// However the daemon ends: its end of the pipe is closed then.
        #[tokio::test]
        async fn the_lock_ends_with_whoever_held_it() {
            let mut lock = lock("exec cat");
            lock.hold(true);
            let (mut running, stdin, stdout) = lock.held.take().unwrap();

            drop((stdin, stdout));

            assert_eq!(running.ended().await.unwrap(), process::Ending::Code(0));
        }
    }
}
