//! The conversation itself: one prompt at a time, in the order in which they come.

use std::{collections::VecDeque, io, time::Duration};

use tokio::sync::mpsc;

use super::{
    Arguments, Error, acp,
    record::Record,
    screen::Screen,
    stream_json,
    wire::{Heard, Order, Question, Wire},
};
use crate::{
    agent::{inbox::Inbox, spool::Slot},
    config::Protocol,
    process::{Command, Ending},
};

/// How often the inbox is looked into. One look reads a directory.
const TICK: Duration = Duration::from_millis(50);
/// How much may wait to be shown; then the agent waits.
const HEARD_MAX: usize = 256;
/// How many lines of a person may wait for the end of a turn; further ones wait in the terminal.
const LINES_MAX: usize = 16;
/// How long an agent may take to end after its last word.
const GOODBYE: Duration = Duration::from_secs(5);
/// What the agent says on its standard error, in the private directory of the launch.
const LOG: &str = "headless.log";

/// Speaks with an agent until it ends, or nobody speaks to it any more. Its exit code.
///
/// # Errors
///
/// When it cannot be started, or does not speak the protocol.
pub async fn run(arguments: Arguments) -> Result<i32, Error> {
    let protocol = arguments.protocol;
    let dir = arguments.slot.as_ref().and_then(|slot| slot.dir.parent()).map(std::path::Path::to_owned);
    let mut command = Command::new(&arguments.command[0]).args(&arguments.command[1..]).dir(&arguments.dir);
    if let Some(dir) = &dir {
        command = command.log(dir.join(LOG));
    }
    let (mut running, stdin, stdout) = command.envs(&arguments.env).start().map_err(Error::NotStarted)?;
    let (heard, hearing) = mpsc::channel(HEARD_MAX);
    // One prompt at a time, and what a person types.
    let (ordering, orders) = mpsc::unbounded_channel();
    let slot = arguments.slot.clone();
    let wire = Wire { arguments, stdin, stdout, heard, orders };
    let speaking = async {
        match protocol {
            Protocol::Acp => acp::speak(wire).await,
            Protocol::StreamJson => stream_json::speak(wire).await,
        }
    };
    // Whoever is not awaited any more lets go of the agent's streams.
    let spoke = tokio::select! {
        spoke = speaking => spoke,
        spoke = converse(slot, hearing, ordering) => spoke.map_err(|error| error.to_string()),
        ended = running.ended() => return Ok(code(&ended)),
    };
    let ended = tokio::time::timeout(GOODBYE, running.ended()).await;
    match (spoke, ended) {
        (_, Ok(ended)) => Ok(code(&ended)),
        (Ok(()), Err(_)) => Ok(0),
        (Err(why), Err(_)) => Err(Error::Protocol { protocol, why }),
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

/// A prompt that the agent works on.
struct Turn {
    words: String,
    taken: bool,
}

struct Conversation {
    orders: mpsc::UnboundedSender<Order>,
    inbox: Option<Inbox>,
    record: Record,
    screen: Screen<io::Stdout>,
    waiting: VecDeque<String>,
    /// The first is shown.
    questions: VecDeque<Question>,
    turn: Option<Turn>,
}

/// Until the person's terminal is closed, or the agent says nothing any more.
async fn converse(
    slot: Option<Slot>,
    mut hearing: mpsc::Receiver<Heard>,
    orders: mpsc::UnboundedSender<Order>,
) -> io::Result<()> {
    let mut conversation = loop {
        match hearing.recv().await {
            Some(Heard::Begun { who, conversation, note }) => {
                let record = Record::new(slot.clone(), &conversation);
                let mut begun = Conversation::begin(slot.as_ref(), record, orders)?;
                begun.screen.note(&who);
                note.iter().for_each(|note| begun.screen.note(note));
                break begun;
            }
            Some(_) => {}
            // Why is known to whoever speaks with it.
            None => return std::future::pending().await,
        }
    };
    let mut lines = lines()?;
    let mut ticks = tokio::time::interval(TICK);
    loop {
        tokio::select! {
            biased;
            heard = hearing.recv() => match heard {
                Some(heard) => conversation.hear(heard),
                None => return std::future::pending().await,
            },
            line = lines.recv(), if conversation.listens() => match line {
                Some(line) => conversation.typed(line),
                None => return Ok(()),
            },
            _ = ticks.tick() => conversation.look_into_inbox(),
        }
        conversation.say_next();
    }
}

impl Conversation {
    fn begin(slot: Option<&Slot>, record: Record, orders: mpsc::UnboundedSender<Order>) -> io::Result<Self> {
        let inbox = slot.and_then(|slot| slot.dir.parent()).map(Inbox::of);
        record.begun();
        if let Some(inbox) = &inbox {
            inbox.open()?;
        }
        let (waiting, questions, screen) = (VecDeque::new(), VecDeque::new(), Screen::new(io::stdout()));
        Ok(Self { orders, inbox, record, screen, waiting, questions, turn: None })
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
        self.order(Order::Prompt(words.clone()));
        self.turn = Some(Turn { words, taken: false });
    }

    // Nobody listens any more when the agent has ended.
    fn order(&self, order: Order) {
        drop(self.orders.send(order));
    }

    fn hear(&mut self, heard: Heard) {
        match heard {
            Heard::Begun { .. } => {}
            Heard::Taken => self.take(),
            Heard::Says(voice, words) => self.screen.say(voice, &words),
            Heard::Does(mark, what) => self.screen.line(mark, &what),
            Heard::Used(used) => self.record.used(&used),
            Heard::Asks(question) => {
                self.questions.push_back(question);
                // An agent may ask for several things at once.
                if self.questions.len() == 1 {
                    self.ask();
                }
            }
            Heard::TurnEnded(ended) => self.end_turn(ended),
        }
    }

    /// Asks a person the first question.
    fn ask(&mut self) {
        let Some(question) = self.questions.front() else { return };
        self.screen.ask(&question.what, &question.options);
        self.record.asks(&question.what);
    }

    /// The agent has the prompt.
    fn take(&mut self) {
        if let Some(turn) = self.turn.as_mut().filter(|turn| !turn.taken) {
            turn.taken = true;
            self.record.taken(&turn.words);
        }
    }

    fn end_turn(&mut self, ended: Result<(), String>) {
        // An error may mean that it never got there.
        if ended.is_ok() {
            self.take();
        }
        self.turn = None;
        self.questions.clear();
        self.screen.end_line();
        match ended {
            Ok(()) => self.record.ended(),
            Err(why) => {
                self.screen.note(&format!("! {why}"));
                self.record.failed(&why);
            }
        }
    }

    /// A person's line: an answer, `/cancel`, or words for the agent.
    fn typed(&mut self, line: String) {
        if let Some(question) = self.questions.pop_front() {
            match line.trim().parse::<usize>().ok().and_then(|number| number.checked_sub(1)) {
                Some(chosen) if chosen < question.options.len() => {
                    // An agent that no longer asks does not mind.
                    question.answer.send(chosen).unwrap_or_default();
                    if self.questions.is_empty() { self.record.answered() } else { self.ask() }
                }
                Some(_) | None => {
                    self.screen.note("There is no such answer.");
                    self.questions.push_front(question);
                }
            }
        } else if line.trim() == "/cancel" {
            self.order(Order::Cancel);
        } else if !line.trim().is_empty() {
            self.waiting.push_back(line);
        }
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
