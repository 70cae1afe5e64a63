//! What happened: facts in the past tense, one type per machine. This is the journal's versioned format.
//!
//! Adding a variant or an optional field keeps old journals readable; renaming or removing one does not, and needs a
//! new [`FORMAT`].

mod backlog;
mod fleet;
mod pull;
mod session;
mod task;

use serde::{Deserialize, Serialize};

use crate::model::MachineKind;

pub use backlog::{Backlog, Hearing, OpenPull, Parked};
pub use fleet::Fleet;
pub use pull::{ActionOutcome, List, LookFailure, Pull};
pub use session::{Agent, Anew, Hook, Refusal, Seen, Session, Turn};
pub use task::{Task, Work};

/// The version of the journal's event and state format.
pub const FORMAT: u32 = 1;

/// An event of any machine.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Event {
    /// To a pull request.
    Pull(Pull),
    /// To a piece of work.
    Task(Task),
    /// To an agent.
    Session(Session),
    /// To a repository's open issues.
    Backlog(Backlog),
    /// To this installation.
    Fleet(Fleet),
}

impl Event {
    /// Which machine can take it.
    #[must_use]
    pub const fn kind(&self) -> MachineKind {
        match self {
            Self::Pull(_) => MachineKind::Pull,
            Self::Task(_) => MachineKind::Task,
            Self::Session(_) => MachineKind::Session,
            Self::Backlog(_) => MachineKind::Backlog,
            Self::Fleet(_) => MachineKind::Fleet,
        }
    }

    /// The event's name as people see it, for example `checks triaged`.
    #[must_use]
    pub const fn name(&self) -> &'static str {
        match self {
            Self::Pull(event) => event.name(),
            Self::Task(event) => event.name(),
            Self::Session(event) => event.name(),
            Self::Backlog(event) => event.name(),
            Self::Fleet(event) => event.name(),
        }
    }
}

macro_rules! into_event {
    ($($name:ident),*) => {
        $(impl From<$name> for Event {
            fn from(event: $name) -> Self {
                Self::$name(event)
            }
        })*
    };
}

into_event!(Pull, Task, Session, Backlog, Fleet);
