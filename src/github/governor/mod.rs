//! The one place that decides whether a request may be sent now; one for each credential.
//!
//! ```text
//! wish ─▶ Schedule (pure): limits, outage, places, queue ─▶ go · wait · refused until
//!            ▲                                                 │
//!            └────────────── what GitHub answered ◀────────────┘
//! ```
//!
//! GitHub's rules for integrators: at most 100 requests at once (we keep 40), writes one after the other with a pause
//! between them, and silence for as long as it asks for. A request that may not be sent for long is refused with the
//! time at which it may, so that the caller waits in its own durable way; nothing sleeps through a limit.

mod gate;
mod limits;
mod outage;
mod registry;
mod schedule;

use jiff::{SignedDuration, Timestamp};

pub(super) use gate::Governor;
pub use limits::{Allowance, Why};
pub(super) use registry::Governors;
pub(super) use schedule::Wish;

/// Whether a request changes something.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    Read,
    Write,
}

/// Which of GitHub's two budgets a request is paid from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Budget {
    Rest,
    Graphql,
}

/// On whose behalf a request is made, the most urgent first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Class {
    /// Somebody waits for it.
    Person,
    /// It changes something on GitHub.
    Write,
    /// Something happened.
    Event,
    /// It is done now and then.
    Sweep,
}

/// How polite to be.
#[derive(Debug, Clone, Copy)]
pub(super) struct Manners {
    /// The least time between the beginnings of two writes.
    pub(super) write_gap: SignedDuration,
    /// How far apart those come back who were sent away until the same moment.
    pub(super) spread: SignedDuration,
}

/// How things stand between one credential and GitHub.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Standing {
    /// The account whose installation it is; `None` for a credential that is good everywhere.
    pub account: Option<String>,
    /// What is left of the REST budget, as far as GitHub said.
    pub rest: Option<Allowance>,
    /// What is left of the GraphQL budget, as far as GitHub said.
    pub graphql: Option<Allowance>,
    /// Until when requests are held back, and why.
    pub limited: Option<(Timestamp, Why)>,
}

impl Budget {
    /// GitHub's name for it, in `x-ratelimit-resource`.
    pub(super) const fn resource(self) -> &'static str {
        match self {
            Self::Rest => "core",
            Self::Graphql => "graphql",
        }
    }

    const fn why(self) -> Why {
        match self {
            Self::Rest => Why::Rest,
            Self::Graphql => Why::Graphql,
        }
    }
}

impl Class {
    /// Below so many percent of the hourly budget it is held back, so that the more urgent ones can go on. The same
    /// budget pays for what its owner does by hand.
    const fn floor_percent(self) -> u64 {
        match self {
            Self::Person => 0,
            Self::Write => 5,
            Self::Event => 20,
            Self::Sweep => 50,
        }
    }

    /// How much later somebody may come and still go first.
    const fn patience(self) -> SignedDuration {
        match self {
            Self::Person => SignedDuration::ZERO,
            Self::Write => SignedDuration::from_secs(2),
            Self::Event => SignedDuration::from_secs(5),
            Self::Sweep => SignedDuration::from_secs(30),
        }
    }

    const fn name(self) -> &'static str {
        match self {
            Self::Person => "person",
            Self::Write => "write",
            Self::Event => "event",
            Self::Sweep => "sweep",
        }
    }
}

impl Why {
    /// What is the matter, as part of a sentence.
    #[must_use]
    pub const fn in_words(self) -> &'static str {
        match self {
            Self::Rest => "the hourly budget of its REST API is used up",
            Self::Graphql => "the hourly budget of its GraphQL API is used up",
            Self::Asked => "it asked for a pause",
            Self::Down => "it cannot be reached or answers with errors",
            Self::NotInstalled => "the App is not installed there, or its installation is suspended",
        }
    }
}
