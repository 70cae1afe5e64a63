//! Agents' processes: start, sight, receipts, stop.

use std::{
    collections::BTreeMap,
    hash::{Hash as _, Hasher as _},
    sync::Arc,
    time::Duration,
};

use tracing::debug;

use super::{
    Executor, Outcome,
    agents::{Launchable, Place},
    look::chain,
};
use crate::{
    agent::{self, Committer, inbox::Inbox},
    boundary,
    config::Transcript,
    event::{self, Agent, Turn},
    machine::{State, session},
    model::{
        AgentName, Conversation, Evidence, Generation, LaunchToken, MachineKey, PromptId, Receipt, RepoId, TaskId,
        Trace,
    },
    places::Places,
    process::Command,
    runtime::{Address, Launch, Probe, Runtime, recording::Recording, strays},
};

/// The size of a terminal that nobody has attached to.
const COLUMNS: u16 = 160;
const ROWS: u16 = 50;
/// How long an agent may take to end by itself.
const STOP_GRACE: Duration = Duration::from_secs(5);
/// How much of a quote is kept as evidence.
const QUOTE_CHARS: usize = 200;

/// What a look at an agent's terminal shows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Sight {
    /// The process lives.
    Shows {
        /// A hash of the screen.
        screen: u64,
        /// Whether a dialog is open.
        dialog: bool,
    },
    /// The process ended.
    Exited {
        /// Its exit code, if it had one.
        code: Option<i32>,
    },
    /// There is no such process, and the runtime is certain.
    Gone,
}

impl Executor {
    pub(super) async fn launch(
        &self,
        address: &Address,
        repo: RepoId,
        what: (&Agent, &str),
        conversation: Conversation,
    ) -> Outcome {
        let (agent, workspace) = what;
        let generation = address.generation;
        let event = match self.try_launch(address, repo, (agent, workspace), conversation).await {
            Ok(agent_session) => event::Session::Launched { generation, agent_session },
            Err(why) => event::Session::LaunchFailed { generation, why },
        };
        Outcome::Done(Some(event.into()))
    }

    async fn try_launch(
        &self,
        address: &Address,
        repo: RepoId,
        what: (&Agent, &str),
        conversation: Conversation,
    ) -> Result<Option<String>, String> {
        let (agent, workspace) = what;
        let runtime =
            self.runtime(&agent.runtime).ok_or_else(|| format!("there is no runtime named {}", agent.runtime))?;
        let session_dir = self.places.launch(&address.session, address.generation);
        let prepare = |error: std::io::Error| format!("cannot prepare {}: {error}", session_dir.display());
        Places::make_private(&session_dir).map_err(prepare)?;
        agent::spool::create(&session_dir).map_err(prepare)?;
        Inbox::of(&session_dir).create().map_err(prepare)?;
        let token = self.launch_token(address).map_err(prepare)?;
        let committer = self.committer(&agent.name, workspace).await;
        let task: TaskId = address.session.as_str().parse().expect("session and task names have the same form");
        let prepared = self.workspaces.at_hand(&task).map_err(|error| chain(&error))?;
        let workspace_dir = workspace.into();
        let ask = Launchable { agent: &agent.name, repo, workspace: workspace_dir, prepared, conversation, committer };
        // Whether it belongs into a sandbox is said in the settings alone.
        let settings = self.repository(repo).and_then(|repository| self.configured(&repository));
        let settings = settings.ok_or_else(|| "the repository is not in the settings".to_owned())?;
        let mut start = self.start(address, ask, token);
        start.sandbox = self.sandbox(&start, settings.sandbox.as_ref());
        let plan = agent::plan(&start).map_err(|error| error.to_string())?;
        plan.write_files().map_err(prepare)?;
        boundary::cross("executor: launch prepared, not started");
        let recording = self.recording(&plan.env);
        let launch = Launch {
            address: address.clone(),
            argv: plan.argv,
            env: plan.env,
            dir: workspace.into(),
            columns: COLUMNS,
            rows: ROWS,
            session_dir,
            recording,
        };
        self.clear_up_before(runtime.as_ref(), address).await?;
        runtime.start(&launch).await.map_err(|error| chain(&error))?;
        boundary::cross("executor: launched, not recorded");
        Ok(plan.agent_session)
    }

    /// Ends what the launch before this one left behind: it would be in the way of the new one.
    async fn clear_up_before(&self, runtime: &dyn Runtime, address: &Address) -> Result<(), String> {
        let Some(generation) = address.generation.0.checked_sub(1).filter(|earlier| *earlier > 0) else {
            return Ok(());
        };
        let earlier = Address { session: address.session.clone(), generation: Generation(generation) };
        let grace = STOP_GRACE / self.scale();
        runtime.stop(&earlier, grace).await.map_err(|error| chain(&error))?;
        // It may have lived in another runtime.
        let left = strays::end(&self.places, &earlier, grace).await;
        left.map_err(|left| format!("processes {left:?} of {earlier} do not end"))
    }

    /// How a launch with this environment is recorded.
    fn recording(&self, env: &BTreeMap<String, String>) -> Option<Recording> {
        let settings = self.config.borrow().recordings.clone();
        let secrets = || self.known_secrets().into_iter().chain(agent::credentials(env)).collect();
        settings.enabled.then(|| Recording { bytes_max: settings.max.0, secrets: secrets() })
    }

    /// Who commits, if the user's git does not say: without a name git refuses to.
    async fn committer(&self, agent: &AgentName, workspace: &str) -> Option<Committer> {
        let ask = Command::new("git").args(["-C", workspace, "config", "--get", "user.email"]);
        let said = ask.envs(self.environment_without_secrets()).run().await.is_ok_and(|output| output.success());
        (!said)
            .then(|| Committer { name: format!("{agent} by Antiphon"), email: "noreply@antiphon.invalid".to_owned() })
    }

    /// The launch's secret; made once, so that a second try of the same launch finds it.
    fn launch_token(&self, address: &Address) -> std::io::Result<LaunchToken> {
        if let Some(token) = self.places.read_launch_token(&address.session, address.generation)? {
            return Ok(token);
        }
        let mut random = [0; 16];
        getrandom::fill(&mut random).map_err(std::io::Error::other)?;
        let token = LaunchToken::new(random);
        let path = self.places.launch_token(&address.session, address.generation);
        Places::write_private(&path, token.expose().as_bytes())?;
        Ok(token)
    }

    async fn runtime_of(&self, address: &Address) -> Option<(Arc<dyn Runtime>, Box<session::State>)> {
        match self.state(&MachineKey::Session(address.session.clone())).await {
            Some(State::Session(session)) => Some((self.runtime(&session.agent.runtime)?, session)),
            _ => None,
        }
    }

    /// Looks at an agent's terminal; none if nobody can tell, which is never a death.
    pub async fn sight(&self, session: &session::State) -> Option<Sight> {
        let address = Address { session: session.session.clone(), generation: session.generation };
        let runtime = self.runtime(&session.agent.runtime)?;
        match runtime.probe(&address).await {
            Probe::Exited { code, .. } => Some(Sight::Exited { code }),
            Probe::Gone => Some(Sight::Gone),
            Probe::Unknown { .. } => None,
            Probe::Alive { .. } => {
                let shown = runtime.screen(&address, 0).await.ok()?.visible_text();
                let mut hash = std::hash::DefaultHasher::new();
                shown.hash(&mut hash);
                let dialog = self.gate(&session.agent.name).dialogs.iter().any(|dialog| dialog.is_match(&shown));
                Some(Sight::Shows { screen: hash.finish(), dialog })
            }
        }
    }

    pub(super) async fn stop(&self, address: &Address) -> Outcome {
        let generation = address.generation;
        if let Some((runtime, _)) = self.runtime_of(address).await
            && let Err(error) = runtime.stop(address, STOP_GRACE / self.scale()).await
        {
            return Outcome::Later { after: Duration::from_secs(2) / self.scale(), why: chain(&error), tried: false };
        }
        Outcome::Done(Some(event::Session::Stopped { generation }.into()))
    }

    /// Reads what the agent's conversation used, and what its work left behind, as far as anybody can tell.
    pub(super) async fn meter(&self, address: &Address, transcript: Option<String>, turn: Turn) -> Outcome {
        let Some((_, session)) = self.runtime_of(address).await else { return Outcome::Done(None) };
        let (place, format) = self.transcript(address, &session, transcript);
        let read = move || {
            let (place, format) = (place?, format?);
            let path = place.path()?;
            Some((agent::used(&path, &format).ok(), agent::failing(&path, &format).ok().flatten()))
        };
        let (used, failing) = tokio::task::spawn_blocking(read).await.ok().flatten().unwrap_or_default();
        let files = match self.workspaces.find(&session.task) {
            Ok(Some(workspace)) => self.workspaces.files(&workspace).await.ok(),
            Ok(None) | Err(_) => None,
        };
        let (generation, usage) = (address.generation, used.unwrap_or_default());
        let event = event::Session::Used { generation, usage, turn, trace: Box::new(Trace { files, failing }) };
        Outcome::Done(Some(event.into()))
    }

    /// Reads on in the agent's record whether the turn is over that it works on; none where no record says so. `known` is
    /// what the last look brought.
    pub async fn turn(&self, session: &session::State, known: Option<agent::Turn>) -> Option<agent::Turn> {
        let prompt = session.awaited_turn()?;
        let mut turn = known.filter(|turn| turn.prompt() == prompt).unwrap_or_else(|| agent::Turn::of(prompt.clone()));
        let address = Address { session: session.session.clone(), generation: session.generation };
        let (place, format) = self.transcript(&address, session, session.transcript.clone());
        let format = format.filter(|format| !format.turn_ends.is_empty())?;
        let read = move || {
            if let Err(error) = turn.read_on(|| place?.path(), &format) {
                debug!(session.name = %address.session, %error, "Could not read an agent's record");
            }
            turn
        };
        tokio::task::spawn_blocking(read).await.ok()
    }

    /// Looks for the id of a prompt in what the agent's process wrote.
    pub(super) async fn seek_receipt(
        &self,
        address: &Address,
        prompt: &PromptId,
        transcript: Option<String>,
    ) -> Outcome {
        let Some((runtime, session)) = self.runtime_of(address).await else { return Outcome::Done(None) };
        let found = match session.agent.receipt {
            Receipt::Reads => runtime
                .echoed(address, prompt)
                .await
                .ok()
                .flatten()
                .and_then(|line| agent::evidence_in(&line, prompt))
                .map(|quote| (Receipt::Reads, quote)),
            // A hook may have been lost with its process; the transcript has the prompt as well.
            Receipt::Hook | Receipt::Transcript => {
                let (path, format) = self.transcript(address, &session, transcript);
                in_transcript(path, format, prompt).await.map(|quote| (Receipt::Transcript, quote))
            }
            Receipt::None => None,
        };
        let event = found.map(|(receipt, quote)| {
            let quote = quote.chars().take(QUOTE_CHARS).collect();
            let evidence = Evidence { prompt: prompt.clone(), receipt, quote, at: self.clock.now() };
            event::Session::Acknowledged { evidence }.into()
        });
        Outcome::Done(event)
    }
}

async fn in_transcript(place: Option<Place>, format: Option<Transcript>, prompt: &PromptId) -> Option<String> {
    let (place, format, prompt) = (place?, format?, prompt.clone());
    // Transcripts may be long; they are read off the async threads.
    let look = move || agent::transcript::find(&place.path()?, &format, &prompt, 0).ok()?.quote;
    tokio::task::spawn_blocking(look).await.ok().flatten()
}
