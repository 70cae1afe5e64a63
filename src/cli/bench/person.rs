//! People at terminals of their own, who attach to sessions as anybody would: by `antiphon attach`.

use std::{
    cell::Cell,
    path::{Path, PathBuf},
    time::Duration,
};

use anyhow::Context as _;
use tokio::sync::mpsc;

use crate::{
    app,
    background::Tasks,
    config::Environment,
    model::{Generation, SessionId},
    places::Places,
    runtime::{
        Address, Launch, Runtime as _, Settle,
        attach::{Connection, Input},
        pty::PtyRuntime,
    },
};

/// As wide and high as agents' terminals are, so that nobody changes their size.
const SIZE: (u16, u16) = (160, 50);
/// How long a person may take to leave.
const LEAVE: Duration = Duration::from_secs(2);

/// Where people come from.
pub(super) struct People {
    runtime: PtyRuntime,
    dir: PathBuf,
    program: PathBuf,
    state_dir: PathBuf,
    environment: Environment,
    came: Cell<u32>,
}

/// A person who is attached to a session.
pub(super) struct Person {
    address: Address,
    keys: mpsc::Sender<Input>,
    watching: Tasks,
}

impl People {
    /// People who know this program and the daemon with this state directory.
    pub(super) fn new(dir: PathBuf, program: &Path, state_dir: PathBuf, environment: Environment) -> Self {
        let runtime = app::pty(vec![program.into()], &dir, Settle::NONE);
        Self { runtime, dir, program: program.to_owned(), state_dir, environment, came: Cell::new(0) }
    }

    /// Somebody attaches to a session.
    pub(super) async fn attach(&self, session: &SessionId) -> anyhow::Result<Person> {
        self.came.set(self.came.get() + 1);
        let address = Address { session: format!("person-{}", self.came.get()).parse()?, generation: Generation(1) };
        let session_dir = self.dir.join(address.session.as_str());
        Places::make_private(&session_dir).context("a person has no place")?;
        let (program, state) = (self.program.display().to_string(), self.state_dir.display().to_string());
        let mut env = self.environment.variables().clone();
        env.insert("TERM".to_owned(), "xterm-256color".to_owned());
        let launch = Launch {
            address: address.clone(),
            argv: vec![program, "attach".to_owned(), session.to_string(), "--state-dir".to_owned(), state],
            env,
            dir: self.dir.clone(),
            columns: SIZE.0,
            rows: SIZE.1,
            session_dir,
            recording: None,
        };
        self.runtime.start(&launch).await.context("a person cannot come")?;
        let connection = Connection::open(&self.runtime, &address, SIZE, false).await?;
        let (keys, typed) = mpsc::channel(16);
        let watching = Tasks::new();
        watching.spawn("person", |_| async move {
            // What is shown is for nobody.
            drop(connection.relay(typed, tokio::io::sink()).await);
        });
        Ok(Person { address, keys, watching })
    }

    /// A person leaves.
    pub(super) async fn leave(&self, person: Person) -> anyhow::Result<()> {
        drop(person.keys);
        person.watching.shut_down(LEAVE).await;
        self.runtime.stop(&person.address, LEAVE).await.context("a person does not leave")
    }

    /// Everybody leaves.
    pub(super) async fn all_leave(&self) -> anyhow::Result<()> {
        for address in self.runtime.list().await? {
            self.runtime.stop(&address, LEAVE).await.context("somebody does not leave")?;
        }
        Ok(())
    }
}

impl Person {
    /// Types.
    pub(super) async fn types(&self, keys: &str) {
        drop(self.keys.send(Input::Keys(keys.as_bytes().to_vec())).await);
    }
}
