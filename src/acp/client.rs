//! The conversation itself: one prompt at a time, in the order in which they come.

use std::{collections::VecDeque, io, time::Duration};

use agent_client_protocol::{
    Agent, ByteStreams, Client,
    schema::ProtocolVersion,
    v1::{
        ConnectionTo,
        schema::{
            CancelNotification, ContentBlock, InitializeRequest, LoadSessionRequest, NewSessionRequest, PromptRequest,
            PromptResponse, RequestPermissionOutcome, RequestPermissionRequest, RequestPermissionResponse,
            SelectedPermissionOutcome, SessionId, SessionNotification, SessionUpdate, StopReason, TextContent,
        },
    },
};
use futures_util::future::BoxFuture;
use tokio::sync::{mpsc, oneshot};
use tokio_util::compat::{TokioAsyncReadCompatExt as _, TokioAsyncWriteCompatExt as _};

use super::{Arguments, Error, consent, record::Record, screen::Screen};
use crate::{
    agent::inbox::Inbox,
    process::{Command, Ending},
};

/// How often the inbox is looked into. One look reads a directory.
const TICK: Duration = Duration::from_millis(50);
/// How many updates may wait to be shown; then the agent waits.
const UPDATES_MAX: usize = 256;
/// How many lines of a person may wait for the end of a turn; further ones wait in the terminal.
const LINES_MAX: usize = 16;
/// How long an agent may take to end after its last word.
const GOODBYE: Duration = Duration::from_secs(5);
/// What the agent says on its standard error, in the private directory of the launch.
const LOG: &str = "acp.log";

/// What the agent does.
enum Said {
    Update(Box<SessionUpdate>),
    Asks(Box<RequestPermissionRequest>, oneshot::Sender<RequestPermissionOutcome>),
}

type Protocol<T> = Result<T, agent_client_protocol::Error>;

/// Speaks with an agent until it ends, or nobody speaks to it any more. Its exit code.
///
/// # Errors
///
/// When it cannot be started, or does not speak the protocol.
pub async fn run(arguments: Arguments) -> Result<i32, Error> {
    let dir = arguments.slot.as_ref().and_then(|slot| slot.dir.parent()).map(std::path::Path::to_owned);
    let mut command = Command::new(&arguments.command[0]).args(&arguments.command[1..]).dir(&arguments.dir);
    if let Some(dir) = &dir {
        command = command.log(dir.join(LOG));
    }
    let (mut running, stdin, stdout) = command.envs(&arguments.env).start().map_err(Error::NotStarted)?;
    let (said, saying) = mpsc::channel(UPDATES_MAX);
    let (updates, questions) = (said.clone(), said);
    let conversing = Client
        .v1()
        .name("antiphon")
        .on_receive_notification(
            async move |told: SessionNotification, _| {
                // Nobody listens at the end.
                updates.send(Said::Update(Box::new(told.update))).await.unwrap_or_default();
                Ok(())
            },
            agent_client_protocol::on_receive_notification!(),
        )
        .on_receive_request(
            async move |asked: RequestPermissionRequest, responder, connection: ConnectionTo<Agent>| {
                let (answer, answered) = oneshot::channel();
                questions.send(Said::Asks(Box::new(asked), answer)).await.unwrap_or_default();
                // The agent goes on speaking while a person thinks.
                connection.spawn(async move {
                    let outcome = answered.await.unwrap_or(RequestPermissionOutcome::Cancelled);
                    responder.respond(RequestPermissionResponse::new(outcome))
                })
            },
            agent_client_protocol::on_receive_request!(),
        )
        .connect_with(ByteStreams::new(stdin.compat_write(), stdout.compat()), async move |connection| {
            Conversation::begin(arguments, connection, saying).await?.go_on().await
        });
    let spoke = tokio::select! {
        spoke = Box::pin(conversing) => spoke,
        ended = running.ended() => return Ok(code(&ended)),
    };
    let ended = tokio::time::timeout(GOODBYE, running.ended()).await;
    match (spoke, ended) {
        (_, Ok(ended)) => Ok(code(&ended)),
        (Ok(()), Err(_)) => Ok(0),
        (Err(error), Err(_)) => Err(Error::Protocol(error)),
    }
}

fn code(ended: &io::Result<Ending>) -> i32 {
    // As shells say it.
    match ended {
        Ok(Ending::Code(code)) => *code,
        Ok(Ending::Signal(signal)) => 128 + signal,
        Err(_) => 1,
    }
}

/// A question that a person has to answer.
struct Question {
    asked: RequestPermissionRequest,
    answer: oneshot::Sender<RequestPermissionOutcome>,
}

/// A prompt that the agent works on.
struct Turn {
    words: String,
    taken: bool,
    end: BoxFuture<'static, Protocol<PromptResponse>>,
}

struct Conversation {
    arguments: Arguments,
    connection: ConnectionTo<Agent>,
    session: SessionId,
    saying: mpsc::Receiver<Said>,
    inbox: Option<Inbox>,
    record: Record,
    screen: Screen<io::Stdout>,
    waiting: VecDeque<String>,
    /// The first is shown.
    questions: VecDeque<Question>,
    turn: Option<Turn>,
}

impl Conversation {
    async fn begin(
        arguments: Arguments,
        connection: ConnectionTo<Agent>,
        mut saying: mpsc::Receiver<Said>,
    ) -> Protocol<Self> {
        let mut screen = Screen::new(io::stdout());
        let about = connection.send_request(InitializeRequest::new(ProtocolVersion::V1)).block_task().await?;
        if about.protocol_version != ProtocolVersion::V1 {
            let spoken = format!("it speaks {:?} of the protocol", about.protocol_version);
            return Err(agent_client_protocol::Error::internal_error().data(spoken));
        }
        let who =
            about.agent_info.map_or_else(|| "An agent".to_owned(), |info| format!("{} {}", info.name, info.version));
        screen.note(&format!("{who}, by the Agent Client Protocol"));
        if arguments.resume.is_some() && !about.agent_capabilities.load_session {
            screen.note("It cannot go on with a conversation: a new one begins.");
        }
        let resume = arguments.resume.clone().filter(|_| about.agent_capabilities.load_session);
        let session = match resume {
            Some(id) => {
                let id = SessionId::new(id);
                let load = connection.send_request(LoadSessionRequest::new(id.clone(), &arguments.dir));
                let mut loading = Box::pin(load.block_task());
                // It tells everything that was said before.
                loop {
                    tokio::select! {
                        loaded = &mut loading => break loaded.map(drop)?,
                        said = saying.recv() => drop(said),
                    }
                }
                id
            }
            None => connection.send_request(NewSessionRequest::new(&arguments.dir)).block_task().await?.session_id,
        };
        let record = Record::new(arguments.slot.clone(), &session.0);
        let inbox = arguments.slot.as_ref().and_then(|slot| slot.dir.parent()).map(Inbox::of);
        record.begun();
        if let Some(inbox) = &inbox {
            inbox.open().map_err(agent_client_protocol::Error::into_internal_error)?;
        }
        let (waiting, questions, turn) = (VecDeque::new(), VecDeque::new(), None);
        Ok(Self { arguments, connection, session, saying, inbox, record, screen, waiting, questions, turn })
    }

    /// Until the person's terminal is closed.
    async fn go_on(mut self) -> Protocol<()> {
        let mut lines = lines().map_err(agent_client_protocol::Error::into_internal_error)?;
        let mut ticks = tokio::time::interval(TICK);
        loop {
            tokio::select! {
                // What was said before the end of a turn belongs to it.
                biased;
                Some(said) = self.saying.recv() => self.hear(said),
                ended = end_of(&mut self.turn) => self.end_turn(ended),
                line = lines.recv(), if self.listens() => match line {
                    Some(line) => self.typed(line)?,
                    None => return Ok(()),
                },
                _ = ticks.tick() => self.look_into_inbox(),
            }
            self.say_next();
        }
    }

    /// A person's answer is heard however many words of his wait.
    fn listens(&self) -> bool {
        self.waiting.len() < LINES_MAX || !self.questions.is_empty()
    }

    /// What cannot be said at once stays where the daemon can take it back.
    fn look_into_inbox(&mut self) {
        if self.turn.is_none() && self.waiting.is_empty() {
            self.waiting.extend(self.inbox.as_ref().and_then(Inbox::take));
        }
    }

    fn say_next(&mut self) {
        if self.turn.is_some() {
            return;
        }
        let Some(words) = self.waiting.pop_front() else { return };
        self.screen.prompt(&words);
        let blocks = vec![ContentBlock::Text(TextContent::new(words.clone()))];
        let request = self.connection.send_request(PromptRequest::new(self.session.clone(), blocks));
        self.turn = Some(Turn { words, taken: false, end: Box::pin(request.block_task()) });
    }

    fn hear(&mut self, said: Said) {
        match said {
            Said::Update(update) => {
                if is_an_answer(&update) {
                    self.take();
                }
                if let SessionUpdate::UsageUpdate(usage) = &*update {
                    let cost = usage.cost.as_ref().filter(|cost| cost.currency == "USD").map(|cost| cost.amount);
                    self.record.used((usage.used, usage.size), cost);
                }
                self.screen.update(&update);
            }
            Said::Asks(asked, answer) => {
                self.take();
                self.decide(Question { asked: *asked, answer });
            }
        }
    }

    fn decide(&mut self, question: Question) {
        let Question { asked, .. } = &question;
        let fields = &asked.tool_call.fields;
        let chosen =
            consent::without_asking(self.arguments.permissions, fields.kind.unwrap_or_default(), &asked.options);
        if let Some(chosen) = chosen {
            question.choose(chosen);
            return;
        }
        self.questions.push_back(question);
        // An agent may ask for several things at once.
        if self.questions.len() == 1 {
            self.ask();
        }
    }

    /// Asks a person the first question.
    fn ask(&mut self) {
        let Some(Question { asked, .. }) = self.questions.front() else { return };
        let what = asked.tool_call.fields.title.as_deref().unwrap_or("something");
        self.screen.ask(what, &asked.options);
        self.record.asks(what);
    }

    /// The agent has the prompt: it answers to it.
    fn take(&mut self) {
        if let Some(turn) = self.turn.as_mut().filter(|turn| !turn.taken) {
            turn.taken = true;
            self.record.taken(&turn.words);
        }
    }

    fn end_turn(&mut self, ended: Protocol<PromptResponse>) {
        // An error may mean that it never got there.
        if ended.is_ok() {
            self.take();
        }
        self.turn = None;
        self.questions.clear();
        self.screen.end_line();
        match ended.map(|ended| ended.stop_reason) {
            Ok(StopReason::EndTurn | StopReason::Cancelled) => self.record.ended(),
            Ok(reason) => {
                let why = format!("{reason:?}");
                self.screen.note(&format!("! the turn ended: {why}"));
                self.record.failed(&why);
            }
            Err(error) => {
                self.screen.note(&format!("! {error}"));
                self.record.failed(&error.to_string());
            }
        }
    }

    /// A person's line: an answer, `/cancel`, or words for the agent.
    fn typed(&mut self, line: String) -> Protocol<()> {
        if let Some(question) = self.questions.pop_front() {
            match line.trim().parse::<usize>().ok().and_then(|number| number.checked_sub(1)) {
                Some(chosen) if chosen < question.asked.options.len() => {
                    question.choose(chosen);
                    self.ask();
                }
                Some(_) | None => {
                    self.screen.note("There is no such answer.");
                    self.questions.push_front(question);
                }
            }
        } else if line.trim() == "/cancel" {
            self.connection.send_notification(CancelNotification::new(self.session.clone()))?;
        } else if !line.trim().is_empty() {
            self.waiting.push_back(line);
        }
        Ok(())
    }
}

impl Question {
    fn choose(self, option: usize) {
        let outcome = match self.asked.options.get(option) {
            Some(option) => {
                RequestPermissionOutcome::Selected(SelectedPermissionOutcome::new(option.option_id.clone()))
            }
            None => RequestPermissionOutcome::Cancelled,
        };
        // An agent that no longer asks does not mind.
        self.answer.send(outcome).unwrap_or_default();
    }
}

/// Whether an update is about the turn; others come at any time.
const fn is_an_answer(update: &SessionUpdate) -> bool {
    matches!(
        update,
        SessionUpdate::AgentMessageChunk(_)
            | SessionUpdate::AgentThoughtChunk(_)
            | SessionUpdate::ToolCall(_)
            | SessionUpdate::ToolCallUpdate(_)
            | SessionUpdate::Plan(_)
    )
}

async fn end_of(turn: &mut Option<Turn>) -> Protocol<PromptResponse> {
    match turn {
        Some(turn) => (&mut turn.end).await,
        None => std::future::pending().await,
    }
}

/// The lines of a person, until the terminal is closed.
fn lines() -> io::Result<mpsc::Receiver<String>> {
    let (line, lines) = mpsc::channel(16);
    let read =
        move || io::stdin().lines().map_while(Result::ok).try_for_each(|it| line.blocking_send(it).map_err(drop));
    // It may hang in the middle of a line; the end of the process takes it along.
    std::thread::Builder::new().name("lines".to_owned()).spawn(read)?;
    Ok(lines)
}
