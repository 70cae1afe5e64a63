//! Everything that the bench needs: the sandbox with two repositories, the daemon, the agents, and the way to send.

use std::{path::PathBuf, time::Duration};

use anyhow::Context as _;
use jiff::Timestamp;
use tokio::sync::{Mutex, watch};

use super::{
    arguments::{Delivery, Home, Way},
    board::{Board, End},
    daemon::Daemon,
    person::People,
    seat::Seat,
};
use crate::{
    background::Tasks,
    cli::{
        caller::request_id,
        sandbox::{Plan, Sandbox, quoted},
    },
    client::{self, Client},
    clock::Clock,
    config::Environment,
    model::{RepoName, SessionId, TextHash},
    simulator::story,
    view,
};

/// How long a turn of an agent takes.
const TURN_MS: u64 = 120;
/// How long a daemon may be away before sending to it fails.
const AWAY: Duration = Duration::from_secs(90);
/// The pause before it is tried again.
const AGAIN: Duration = Duration::from_millis(100);
/// How long an agent may take to come up, with its workspace.
pub(super) const COME_UP: Duration = Duration::from_secs(180);

/// The house.
pub(super) struct House {
    pub(super) sandbox: Sandbox,
    pub(super) people: People,
    pub(super) board: watch::Receiver<Board>,
    pub(super) clock: Clock,
    pub(super) daemon: Mutex<Option<Daemon>>,
}

/// What became of a wish to send.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Door {
    /// It was let in.
    Open,
    /// It was refused.
    Closed,
}

impl House {
    /// Makes everything but the daemon.
    pub(super) async fn build(
        delivery: &Delivery,
        user: &Environment,
        (tasks, clock): (&Tasks, &Clock),
        board: watch::Receiver<Board>,
    ) -> anyhow::Result<Self> {
        let plan = Plan { name: "bench", keep: delivery.keep.as_deref(), lends_all: false };
        let sandbox = Sandbox::open(&plan, user, (tasks, clock)).await?;
        let (dir, state, environment) = (sandbox.dir(), sandbox.state_dir(), sandbox.environment_of_daemon());
        let people = People::new(dir.join("people"), sandbox.program(), state, environment);
        let house = Self { people, board, clock: clock.clone(), daemon: Mutex::new(None), sandbox };
        if let Err(error) = house.furnish(delivery).await {
            drop(house.sandbox.remove());
            return Err(error);
        }
        Ok(house)
    }

    async fn furnish(&self, delivery: &Delivery) -> anyhow::Result<()> {
        let sandbox = &self.sandbox;
        for dir in [self.canaries(), self.agents(), sandbox.dir().join("people"), self.strangers()] {
            std::fs::create_dir_all(dir)?;
        }
        for home in delivery.runtime.each() {
            sandbox.clone_repository(repository(*home), &story::files()).await?;
        }
        // Nobody is asked where they stand, and whoever is killed is started again, however often.
        for rule in ["agent-stuck", "agent-looping", "no-change"] {
            std::fs::write(sandbox.reaction(rule), format!("name: {rule}\nsettle: 10h\n"))?;
        }
        let exited = "name: agent-exited\n\
                      do: [{ restart: {} }]\n\
                      retry: { attempts: 100, total: 1000, backoff: { initial: 1s, factor: 1, max: 1s, jitter: 0 } }\n\
                      escalate: { after: { attempts: 100, time: 10h } }\n";
        std::fs::write(sandbox.reaction("agent-exited"), exited)?;
        std::fs::write(sandbox.config(), self.settings(delivery))?;
        if delivery.channel == Way::Queue {
            self.describe_queue()?;
        }
        sandbox.connect_webhook();
        Ok(())
    }

    /// What the agents' program can do beside that of other operators.
    fn describe_queue(&self) -> anyhow::Result<()> {
        let dir = self.sandbox.dir().join("agents");
        std::fs::create_dir_all(&dir)?;
        let (agents, own) = (quoted(&self.agents()), "faulty-agent, --dir");
        let adapter = format!(
            "programs: [faulty]\nreceipt: hook\nlaunch:\n  queue:\n    probe: [{own}, {agents}, --help]\n    \
             send: [{own}, {agents}, '--put={{{{prompt}}}}']\n"
        );
        Ok(std::fs::write(dir.join("faulty.yaml"), adapter)?)
    }

    fn settings(&self, delivery: &Delivery) -> String {
        let repositories: String = delivery.runtime.each().iter().map(|home| self.repository_settings(*home)).collect();
        let program = quoted(self.sandbox.program());
        let inbox = match delivery.channel {
            Way::Terminal => "",
            Way::Inbox => "--inbox, ",
            Way::Queue => "--queue, ",
        };
        format!(
            "# Written by `antiphon bench`.\n\
             {head}\
             repositories:\n{repositories}\
             agents:\n\
             \x20 faulty:\n\
             \x20   command: [{program}, faulty-agent, --dir, {agents}, --turn-ms, '{TURN_MS}', {inbox}--, {program}, hook]\n\
             \x20   receipt: hook\n\
             \x20   ready: '\\? for shortcuts'\n\
             \x20   draft: '(?m)^> (.+)$'\n\
             \x20   dialogs: ['Do you want to proceed', 'hit your usage limit']\n\
             limits: {{ sessions: {sessions} }}\n\
             time_scale: {scale}\n",
            head = self.sandbox.settings_head(),
            agents = quoted(&self.agents()),
            sessions = delivery.sessions * 2,
            scale = delivery.time_scale,
        )
    }

    fn repository_settings(&self, home: Home) -> String {
        let (name, runtime) = (repository(home), home.name());
        let clone = quoted(&self.sandbox.clone_dir(name));
        format!("  - {{ name: {name}, path: {clone}, agent: faulty, runtime: {runtime}, report: false }}\n")
    }

    /// Where messages that were run would leave files.
    pub(super) fn canaries(&self) -> PathBuf {
        self.sandbox.dir().join("canaries")
    }

    /// Where a stranger's terminals write what they get.
    pub(super) fn strangers(&self) -> PathBuf {
        self.sandbox.dir().join("strangers")
    }

    fn agents(&self) -> PathBuf {
        self.sandbox.dir().join("seats")
    }

    /// Starts the daemon with these further arguments and variables, after killing the one that runs.
    pub(super) async fn start_daemon(&self, args: &[&str], env: &[(&str, String)]) -> anyhow::Result<()> {
        let mut daemon = self.daemon.lock().await;
        if let Some(running) = daemon.as_mut() {
            running.kill().await?;
        }
        *daemon = Some(Daemon::start(&self.sandbox, args, env).await?);
        Ok(())
    }

    /// A second daemon over the same state has to end at once.
    pub(super) async fn refuses_a_second_daemon(&self) -> anyhow::Result<()> {
        let second = self.sandbox.daemon().deadline(COME_UP).run().await?;
        anyhow::ensure!(!second.success(), "a second daemon runs over the same state");
        Ok(())
    }

    /// Puts so many agents into a runtime, and waits until they wait for messages.
    pub(super) async fn seat(&self, home: Home, many: u32) -> anyhow::Result<Vec<Seat>> {
        let mut seats = Vec::new();
        for number in 0..many {
            let text = Some(format!("Seat {number}: wait for messages"));
            let repo: RepoName = repository(home).parse()?;
            let wish = view::Spawn { request: request()?, repo: Some(repo), issue: None, text, agent: None };
            let client = self.client()?;
            let granted = tokio::time::timeout(AWAY, async {
                loop {
                    match client.spawn(&wish).await {
                        Ok(granted) => return granted,
                        // The repository may not be known yet.
                        Err(_) => tokio::time::sleep(AGAIN).await,
                    }
                }
            });
            let task = granted.await.context("an agent cannot be started")?.task.context("a task has no name")?;
            let session: SessionId = task.to_string().parse()?;
            let dir = self.agents().join(session.as_str());
            seats.push(Seat::new(session, home, dir));
        }
        for seat in &seats {
            let came_up = self.board.clone();
            let waits = |board: &Board| {
                board.is_ready(seat.session())
                    && board.prompts.values().any(|it| it.session == *seat.session() && it.end.is_some())
            };
            let up = tokio::time::timeout(COME_UP, wait_for(came_up, waits)).await;
            up.with_context(|| format!("{} does not come up", seat.session()))?;
        }
        Ok(seats)
    }

    fn client(&self) -> anyhow::Result<Client> {
        Ok(Client::connect(&self.sandbox.state_dir())?)
    }

    /// Sends a message as a person would, again and again under the same request until a daemon answers.
    pub(super) async fn send(&self, session: &SessionId, words: &str, request: &str) -> anyhow::Result<Door> {
        let wish = view::Send { request: request.to_owned(), session: session.clone(), text: words.to_owned() };
        let sending = async {
            loop {
                let client = Client::connect(&self.sandbox.state_dir());
                match async { client?.send(&wish).await }.await {
                    Ok(_) => return Door::Open,
                    Err(client::Error::Refused(_)) => return Door::Closed,
                    Err(_) => tokio::time::sleep(AGAIN).await,
                }
            }
        };
        tokio::time::timeout(AWAY, sending).await.context("nobody takes a message")
    }

    /// Waits until a message came to an end; none if it does not in time.
    pub(super) async fn end_of(&self, message: &TextHash, time: Duration) -> Option<End> {
        let ended = wait_for(self.board.clone(), |board| board.end_of(message).is_some());
        let ended = tokio::time::timeout(time, ended).await;
        ended.ok().and_then(|()| self.board.borrow().end_of(message))
    }

    /// The time.
    pub(super) fn now(&self) -> Timestamp {
        self.clock.now()
    }
}

/// A new id for a wish.
pub(super) fn request() -> anyhow::Result<String> {
    request_id().map_err(|error| anyhow::anyhow!(error.message))
}

/// Waits until the board says so. A board that nobody keeps any more says nothing.
pub(super) async fn wait_for(mut board: watch::Receiver<Board>, mut wanted: impl FnMut(&Board) -> bool) {
    if board.wait_for(|board| wanted(board)).await.is_err() {
        std::future::pending::<()>().await;
    }
}

/// The repository whose agents live there.
pub(super) const fn repository(home: Home) -> &'static str {
    match home {
        Home::Pty => "bench/pty",
        Home::Tmux => "bench/tmux",
    }
}
