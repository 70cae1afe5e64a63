//! The faults: what each is called, what happens in it, and where it can happen. Plain data.

use super::arguments::Home;

/// What goes wrong with a prompt.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Fault {
    /// Nothing.
    Nothing,
    /// (1)
    LostEnter,
    /// (2)
    DoubledEnter,
    /// (3)
    Redraw,
    /// (4)
    PersonTypes,
    /// (5)
    Suggestion,
    /// (6)
    Dialog,
    /// (6)
    DialogAtPaste,
    /// (7)
    Shell,
    /// (8)
    CopyMode,
    /// (9)
    SlowStart,
    /// (10)
    LimitMenu,
    /// (11)
    BusyHolder,
    /// (12)
    HolderKilled,
    /// (13)
    WrongSocket,
    /// (14)
    DaemonKilled,
    /// (15)
    TwoClients,
    /// (16)
    Escapes,
    /// (17)
    Large,
    /// (18)
    Letters,
    /// (19)
    Compaction,
    /// (20)
    NewSession,
    /// Beyond the list.
    NotReading,
    /// Beyond the list.
    AgentKilled,
    /// Beyond the list.
    BothKilled,
    /// Beyond the list.
    ReceiptLost,
}

/// Whom a fault befalls.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Reach {
    /// One session; others may suffer something else at the same time.
    One,
    /// All sessions of a runtime, or all of the daemon: they go through it together.
    All,
}

impl Fault {
    /// Every fault, in the order of the table.
    pub(super) const ALL: [Self; 26] = [
        Self::Nothing,
        Self::LostEnter,
        Self::DoubledEnter,
        Self::Redraw,
        Self::PersonTypes,
        Self::Suggestion,
        Self::Dialog,
        Self::DialogAtPaste,
        Self::Shell,
        Self::CopyMode,
        Self::SlowStart,
        Self::LimitMenu,
        Self::BusyHolder,
        Self::HolderKilled,
        Self::WrongSocket,
        Self::DaemonKilled,
        Self::TwoClients,
        Self::Escapes,
        Self::Large,
        Self::Letters,
        Self::Compaction,
        Self::NewSession,
        Self::NotReading,
        Self::AgentKilled,
        Self::BothKilled,
        Self::ReceiptLost,
    ];

    /// Its name on the command line, and what happens.
    pub(super) const fn words(self) -> (&'static str, &'static str) {
        match self {
            Self::Nothing => ("nothing", "nothing goes wrong"),
            Self::LostEnter => ("lost-enter", "the agent loses the Enter"),
            Self::DoubledEnter => ("doubled-enter", "Enter shows its effect late; a second one would submit again"),
            Self::Redraw => ("redraw", "the text is read in pieces, with a redraw after each"),
            Self::PersonTypes => ("person-types", "an attached person types a draft, and takes it back"),
            Self::Suggestion => ("suggestion", "the composer shows a suggestion, dim or not"),
            Self::Dialog => ("dialog", "a permission dialog is open; Enter would approve"),
            Self::DialogAtPaste => ("dialog-at-paste", "a permission dialog opens between text and Enter"),
            Self::Shell => ("shell", "the agent crashed, and a shell has its terminal"),
            Self::CopyMode => ("copy-mode", "a person scrolls in tmux"),
            Self::SlowStart => ("slow-start", "the agent starts again, and takes seconds to"),
            Self::LimitMenu => ("limit-menu", "the menu of a usage limit is open; Enter would buy"),
            Self::BusyHolder => ("busy-holder", "the tmux server or the holder stands still for seconds"),
            Self::HolderKilled => ("holder-killed", "the tmux server or the holder is killed in the middle"),
            Self::WrongSocket => ("wrong-socket", "another tmux server has sessions of the same names"),
            Self::DaemonKilled => ("daemon-killed", "the daemon is killed in the middle, and started again"),
            Self::TwoClients => ("two-clients", "two clients send the same message; a second daemon is started"),
            Self::Escapes => ("escapes", "escape sequences and commands in the message"),
            Self::Large => ("large", "a message of 30 kB, of 100 kB, or of 200 kB"),
            Self::Letters => ("letters", "letters beyond the BMP, combining marks, right-to-left"),
            Self::Compaction => ("compaction", "the agent compacts its memory"),
            Self::NewSession => ("new-session", "the agent begins a session with a new id"),
            Self::NotReading => ("not-reading", "the agent does not read its terminal for seconds"),
            Self::AgentKilled => ("agent-killed", "the agent is killed in the middle"),
            Self::BothKilled => ("both-killed", "the daemon and what holds the terminals are killed in the middle"),
            Self::ReceiptLost => ("receipt-lost", "the agent does not run its hook"),
        }
    }

    /// Its number among the twenty faults that are known to happen; none for what was added.
    pub(super) const fn number(self) -> Option<u8> {
        Some(match self {
            Self::Nothing | Self::NotReading | Self::AgentKilled | Self::BothKilled | Self::ReceiptLost => return None,
            Self::LostEnter => 1,
            Self::DoubledEnter => 2,
            Self::Redraw => 3,
            Self::PersonTypes => 4,
            Self::Suggestion => 5,
            Self::Dialog | Self::DialogAtPaste => 6,
            Self::Shell => 7,
            Self::CopyMode => 8,
            Self::SlowStart => 9,
            Self::LimitMenu => 10,
            Self::BusyHolder => 11,
            Self::HolderKilled => 12,
            Self::WrongSocket => 13,
            Self::DaemonKilled => 14,
            Self::TwoClients => 15,
            Self::Escapes => 16,
            Self::Large => 17,
            Self::Letters => 18,
            Self::Compaction => 19,
            Self::NewSession => 20,
        })
    }

    /// Whether it can happen there: a terminal of ours has neither a copy mode nor a socket that others share.
    pub(super) const fn is_possible(self, home: Home) -> bool {
        match self {
            Self::CopyMode | Self::WrongSocket => matches!(home, Home::Tmux),
            Self::Nothing
            | Self::LostEnter
            | Self::DoubledEnter
            | Self::Redraw
            | Self::PersonTypes
            | Self::Suggestion
            | Self::Dialog
            | Self::DialogAtPaste
            | Self::Shell
            | Self::SlowStart
            | Self::LimitMenu
            | Self::BusyHolder
            | Self::HolderKilled
            | Self::DaemonKilled
            | Self::TwoClients
            | Self::Escapes
            | Self::Large
            | Self::Letters
            | Self::Compaction
            | Self::NewSession
            | Self::NotReading
            | Self::AgentKilled
            | Self::BothKilled
            | Self::ReceiptLost => true,
        }
    }

    /// Whom it befalls there.
    pub(super) const fn reach(self, home: Home) -> Reach {
        let of_the_server = matches!(self, Self::BusyHolder | Self::HolderKilled) && matches!(home, Home::Tmux);
        if of_the_server || matches!(self, Self::DaemonKilled | Self::BothKilled | Self::WrongSocket) {
            Reach::All
        } else {
            Reach::One
        }
    }
}

impl std::str::FromStr for Fault {
    type Err = String;

    fn from_str(name: &str) -> Result<Self, String> {
        let found = Self::ALL.into_iter().find(|fault| fault.words().0 == name);
        found.ok_or_else(|| {
            let all: Vec<&str> = Self::ALL.iter().map(|fault| fault.words().0).collect();
            format!("there is no such fault; there are {}", all.join(", "))
        })
    }
}
