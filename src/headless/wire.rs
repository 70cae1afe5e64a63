//! What a conversation consists of, whatever the agent speaks.

use tokio::{
    process::{ChildStdin, ChildStdout},
    sync::{mpsc, oneshot},
};

use super::Arguments;

/// What the agent does.
#[derive(Debug)]
pub(super) enum Heard {
    /// It can take prompts. What came before concerns nobody.
    Begun {
        /// How it introduces itself.
        who: String,
        /// Its own id of the conversation.
        conversation: String,
        /// What people should know, if anything.
        note: Option<String>,
    },
    /// It has the prompt.
    Taken,
    /// A piece of what it says.
    Says(Voice, String),
    /// It does something, in one line, with a sign before it.
    Does(&'static str, String),
    /// What the conversation has used so far.
    Used(Used),
    /// It wants to know whether it may do something.
    Asks(Question),
    /// It waits again; or why the turn did not end well.
    TurnEnded(Result<(), String>),
}

/// Who speaks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Voice {
    Agent,
    Thought,
}

/// What a conversation has used so far, as far as the agent says so.
#[derive(Debug, Clone, Default, PartialEq)]
pub(super) struct Used {
    /// Tokens in its context, and how many fit in.
    pub(super) context: Option<(u64, u64)>,
    /// US dollars.
    pub(super) cost: Option<f64>,
    /// Tokens sent that were not cached, sent from the cache, written to it, and received.
    pub(super) tokens: Option<[u64; 4]>,
    /// Its model.
    pub(super) model: Option<String>,
}

/// A question that a person has to answer.
#[derive(Debug)]
pub(super) struct Question {
    /// What it wants to do.
    pub(super) what: String,
    /// The answers that there are.
    pub(super) options: Vec<String>,
    /// Takes the place of the answer in the list.
    pub(super) answer: oneshot::Sender<usize>,
}

/// What the agent is told.
#[derive(Debug)]
pub(super) enum Order {
    /// A prompt.
    Prompt(String),
    /// The turn is to end.
    Cancel,
}

/// The agent's streams, and the conversation's ends.
pub(super) struct Wire {
    pub(super) arguments: Arguments,
    pub(super) stdin: ChildStdin,
    pub(super) stdout: ChildStdout,
    pub(super) heard: mpsc::Sender<Heard>,
    pub(super) orders: mpsc::UnboundedReceiver<Order>,
}
