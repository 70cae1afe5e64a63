//! Sessions as panes: starts, shows, ends them, and hands what is to be typed to a [`Typist`].

use std::{ffi::OsString, path::PathBuf, time::Duration};

use anyhow::anyhow;
use futures_util::future::BoxFuture;
use tokio::sync::oneshot;

use super::{
    control::{Control, Server, Socket},
    mark::Mark,
    pane::{self, LAUNCH, Pane, target},
    quote::{command, literal, shell, timeless},
    typist::Typist,
};
use crate::{
    background::Tasks,
    clock::Clock,
    model::{PromptId, Submission},
    runtime::{
        Address, Error, Gate, Launch, Message, Probe, Runtime, Screen, Settle, echo,
        index::Index,
        launching, os, recording,
        turns::{Turn, Turns},
    },
};

/// How many lines above the screen tmux keeps.
const HISTORY_LINES: usize = 2_000;

/// How often tmux is reminded to collect a process that ended.
const REMINDERS: u32 = 5;

/// Sessions in tmux.
#[derive(Debug)]
pub struct TmuxRuntime {
    server: Server,
    control: Control,
    /// Begins the command line of whoever records a pane; nothing is recorded without.
    recorder: Vec<OsString>,
    index: Index,
    settle: Settle,
    clock: Clock,
    turns: Turns,
    tasks: Tasks,
}

impl TmuxRuntime {
    /// A runtime on the server of `socket`, which nothing else uses. `program` is tmux; in the private directory `index`
    /// it notes where each launch's own directory is.
    ///
    /// Must be called within an async runtime. Nothing is started before the first question.
    #[must_use]
    pub fn new(program: PathBuf, socket: Socket, index: PathBuf, settle: Settle, clock: Clock) -> Self {
        let tasks = Tasks::new();
        let server = Server { program, socket };
        let control = Control::new(server.clone(), &tasks);
        let (recorder, index) = (Vec::new(), Index::new(index));
        Self { server, control, recorder, index, settle, clock, turns: Turns::new(), tasks }
    }

    /// The same, where `recorder… record SESSION_DIR TERMINAL` records what a launch shows.
    #[must_use]
    pub fn recorded_by(self, recorder: Vec<OsString>) -> Self {
        Self { recorder, ..self }
    }

    /// The command line that shows a launch on the caller's terminal; to be run with inherited streams.
    #[must_use]
    pub fn attach_argv(&self, address: &Address, read_only: bool) -> Vec<OsString> {
        let mut argv: Vec<OsString> = match self.server.socket {
            Socket::Path(_) => Vec::new(),
            // Our own connection looks where tmux looks by default.
            Socket::Name(_) => vec!["/usr/bin/env".into(), "-u".into(), "TMUX_TMPDIR".into()],
        };
        argv.push(self.server.program.clone().into_os_string());
        argv.extend(self.server.socket.arguments());
        argv.extend(["attach-session".into(), "-t".into(), target(address).into()]);
        if read_only {
            argv.push("-r".into());
        }
        argv
    }

    /// Finishes what is being typed and closes the connection; launches live on. At most `grace` long.
    pub async fn shut_down(&self, grace: Duration) {
        self.tasks.shut_down(grace).await;
    }

    async fn start_launch(&self, launch: &Launch) -> Result<(), Error> {
        launching::check(launch)?;
        if launch.argv[0].contains('=') {
            // `env` would take it for a variable.
            return Err(Error::Other(anyhow!("a program with = in its name cannot be started in tmux")));
        }
        self.index.note(launch)?;
        let _turn = self.turns.take(&launch.address).await;
        match Pane::find(&self.control, &launch.address).await {
            Ok(_) => return Ok(()),
            Err(Error::Gone) => {}
            Err(error) => return Err(error),
        }
        let mark = command(["set-option", "-p", "-t", &target(&launch.address), LAUNCH, &launch.address.to_string()]);
        let mut commands = vec![new_session(launch)?, mark];
        commands.extend(self.record(launch)?);
        match self.control.ask(commands).await {
            Ok(_) => Ok(()),
            // Another daemon may have been faster, or the answer was lost: what is there counts.
            Err(error) => {
                recording::withdraw(launch);
                Pane::find(&self.control, &launch.address).await.map(drop).map_err(|_| error)
            }
        }
    }

    /// The command by which tmux itself passes on what a pane shows, so that a recording outlives this process.
    fn record(&self, launch: &Launch) -> Result<Option<String>, Error> {
        if self.recorder.is_empty() {
            return Ok(None);
        }
        let ordered = recording::order(launch).map_err(|error| Error::other(error, "cannot order the recording"))?;
        if !ordered {
            return Ok(None);
        }
        let told = [OsString::from("record"), launch.session_dir.clone().into()];
        let line = shell(self.recorder.iter().chain(&told))
            .ok_or_else(|| Error::Other(anyhow!("the launch's directory is not UTF-8")))?;
        let line = format!("exec {} \"#{{pane_tty}}\"", timeless(&literal(&line)));
        Ok(Some(command(["pipe-pane", "-O", "-t", &target(&launch.address), &line])))
    }

    fn typist(&self, address: &Address) -> Result<Typist, Error> {
        Ok(Typist {
            control: self.control.clone(),
            address: address.clone(),
            session_dir: self.index.find(address)?.ok_or(Error::Gone)?,
            settle: self.settle,
            clock: self.clock.clone(),
        })
    }

    async fn submit_message(&self, address: &Address, message: &Message, gate: &Gate) -> Result<Submission, Error> {
        let typist = self.typist(address)?;
        let turn = self.turns.take(address).await;
        let (message, gate) = (message.clone(), gate.clone());
        let (answer, answered) = oneshot::channel();
        // A task of its own: the caller may go away between the text and its Enter.
        self.tasks.spawn("tmux-typist", |_| async move {
            let typed = typist.submit(&message, &gate).await;
            drop::<Turn>(turn);
            drop(answer.send(typed));
        });
        answered.await.map_err(|_| Error::Other(anyhow!("the typing was aborted")))?
    }

    async fn known(&self, address: &Address, prompt: &PromptId) -> Result<Submission, Error> {
        Ok(self.mark(address, prompt).await?.submission())
    }

    /// The mark of a prompt, once nobody types.
    async fn mark(&self, address: &Address, prompt: &PromptId) -> Result<Mark, Error> {
        let typist = self.typist(address)?;
        let _turn = self.turns.take(address).await;
        let pane = Pane::find(&self.control, address).await?;
        typist.mark(&pane, prompt).await
    }

    async fn echo_of(&self, address: &Address, prompt: &PromptId) -> Result<Option<String>, Error> {
        let Mark::Submitted { silent: Some(before) } = self.mark(address, prompt).await? else { return Ok(None) };
        let now = self.typist(address)?.find_lines(prompt).await?;
        // What stood there before Enter is the composer; once the history is full, lines move, and only more of them
        // prove anything.
        let moved = now.iter().find(|(line, _)| !before.contains(line));
        let proves = now.len() > before.len() || before.iter().all(|line| *line < HISTORY_LINES);
        let line = moved.filter(|_| proves).and_then(|(_, line)| echo::quote(line, prompt.as_str()));
        Ok(line)
    }

    async fn probe_launch(&self, address: &Address) -> Probe {
        match Pane::find(&self.control, address).await {
            Ok(pane) if pane.is_unclear() => self.clear_up(address, pane).await,
            Ok(pane) => pane.probe(),
            Err(Error::Gone) => match self.index.find(address) {
                Ok(Some(dir)) if os::any(&dir).await => {
                    Probe::Unknown { why: "the pane is gone, but processes of the launch still run".to_owned() }
                }
                Ok(_) => Probe::Gone,
                Err(error) => Probe::Unknown { why: error.to_string() },
            },
            Err(error) => Probe::Unknown { why: format!("{error:#}") },
        }
    }

    /// Finds out about a process whose terminal is closed.
    ///
    /// tmux 3.3a sometimes misses the end of a short-lived process, which then stays uncollected until the next signal.
    async fn clear_up(&self, address: &Address, mut pane: Pane) -> Probe {
        for _ in 0..REMINDERS {
            let runs = match pane.pid {
                Some(pid) => os::runs(pid).await,
                None => false,
            };
            if runs {
                return Probe::Unknown { why: "its terminal is closed, but the process still runs".to_owned() };
            }
            if let Some(server) = pane.server {
                os::remind_of_children(server);
            }
            tokio::time::sleep(Duration::from_millis(10)).await;
            match Pane::find(&self.control, address).await {
                Ok(now) if now.is_unclear() => pane = now,
                Ok(now) => return now.probe(),
                Err(error) => return Probe::Unknown { why: error.to_string() },
            }
        }
        pane.probe()
    }

    async fn show(&self, address: &Address, scrollback: usize) -> Result<Screen, Error> {
        let pane = Pane::find(&self.control, address).await?;
        let above = scrollback.min(pane.history);
        let title = command(["list-panes", "-s", "-t", &target(address), "-f", &only(&pane.id), "-F", "#{pane_title}"]);
        let replies = self.control.ask(vec![title, pane::capture(&pane.id, above)]).await?;
        Ok(pane.screen(&replies[1].text, replies[0].text()))
    }

    async fn stop_launch(&self, address: &Address, grace: Duration) -> Result<(), Error> {
        let pane = match Pane::find(&self.control, address).await {
            Ok(pane) => Some(pane),
            Err(Error::Gone) => None,
            Err(error) => return Err(error),
        };
        if let Some(dir) = self.index.find(address)? {
            let leader = pane.as_ref().and_then(Pane::leader);
            let left = |left| Error::Other(anyhow!("processes {left:?} are still there"));
            os::end(leader, &dir, grace).await.map_err(left)?;
        }
        if pane.is_some() {
            let kill = command(["kill-session", "-t", &format!("={address}")]);
            match self.control.ask(vec![kill]).await {
                Ok(_) | Err(Error::Gone) => {}
                Err(error) => return Err(error),
            }
        }
        Ok(())
    }

    async fn all(&self) -> Result<Vec<Address>, Error> {
        let launched = self.index.all()?;
        // Asking would start a server where nothing ever needed one.
        if launched.is_empty() {
            return Ok(Vec::new());
        }
        let list = command(["list-panes", "-a", "-F", &format!("#{{{LAUNCH}}}")]);
        let listed = self.control.ask(vec![list]).await?[0].text();
        let mut all: Vec<Address> = listed.lines().filter_map(|line| line.parse().ok()).collect();
        for (address, dir) in launched {
            // A process may outlive its pane.
            if !all.contains(&address) && os::any(&dir).await {
                all.push(address);
            }
        }
        all.sort();
        all.dedup();
        Ok(all)
    }
}

/// The command that starts a launch.
fn new_session(launch: &Launch) -> Result<String, Error> {
    let dir = launch.dir.to_str().ok_or_else(|| Error::Other(anyhow!("the working directory is not UTF-8")))?;
    let (name, dir) = (launch.address.to_string(), literal(dir));
    let (columns, rows) = (launch.columns.to_string(), launch.rows.to_string());
    let env = launch.environment();
    let variables: Vec<String> = env.iter().map(|(name, value)| format!("{name}={value}")).collect();
    let mut arguments = vec!["new-session", "-d", "-s", &name, "-x", &columns, "-y", &rows, "-c", &dir];
    for variable in &variables {
        arguments.extend(["-e", variable.as_str()]);
    }
    // What tmux adds to tell programs that they run in it changes how agents behave; and always more than one argument,
    // because a single one would go through a shell.
    arguments.extend(["--", "/usr/bin/env", "-u", "TMUX", "-u", "TMUX_PANE"]);
    for name in ["TERM_PROGRAM", "TERM_PROGRAM_VERSION", "PATH"] {
        if !env.contains_key(name) {
            arguments.extend(["-u", name]);
        }
    }
    arguments.extend(launch.argv.iter().map(String::as_str));
    Ok(command(arguments))
}

/// The filter that lets one pane pass.
fn only(pane: &str) -> String {
    format!("#{{==:#{{pane_id}},{pane}}}")
}

impl Runtime for TmuxRuntime {
    fn start<'a>(&'a self, launch: &'a Launch) -> BoxFuture<'a, Result<(), Error>> {
        Box::pin(self.start_launch(launch))
    }

    fn submit<'a>(
        &'a self,
        address: &'a Address,
        message: &'a Message,
        gate: &'a Gate,
    ) -> BoxFuture<'a, Result<Submission, Error>> {
        Box::pin(self.submit_message(address, message, gate))
    }

    fn submission<'a>(
        &'a self,
        address: &'a Address,
        prompt: &'a PromptId,
    ) -> BoxFuture<'a, Result<Submission, Error>> {
        Box::pin(self.known(address, prompt))
    }

    fn probe<'a>(&'a self, address: &'a Address) -> BoxFuture<'a, Probe> {
        Box::pin(self.probe_launch(address))
    }

    fn screen<'a>(&'a self, address: &'a Address, scrollback: usize) -> BoxFuture<'a, Result<Screen, Error>> {
        Box::pin(self.show(address, scrollback))
    }

    fn echoed<'a>(
        &'a self,
        address: &'a Address,
        prompt: &'a PromptId,
    ) -> BoxFuture<'a, Result<Option<String>, Error>> {
        Box::pin(self.echo_of(address, prompt))
    }

    fn stop<'a>(&'a self, address: &'a Address, grace: Duration) -> BoxFuture<'a, Result<(), Error>> {
        Box::pin(self.stop_launch(address, grace))
    }

    fn list(&self) -> BoxFuture<'_, Result<Vec<Address>, Error>> {
        Box::pin(self.all())
    }
}
