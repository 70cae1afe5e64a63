//! Tells machines that the clock has jumped, so that none takes the time in between for silence or patience.

use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use tracing::{error, info};

use super::Engine;
use crate::{
    clock::Stopwatch,
    event::{self, Event},
    journal::{self, Journal, Post, Stored},
    machine::{State, session::Life},
};

/// After the clock has jumped no deadline fires for so long: what was seen before is old, and looks are on their way.
pub(super) const AFTER_JUMP: Duration = Duration::from_secs(60);

impl Engine {
    /// The clock has jumped by `jump`: whoever waits for something hears of it before anything fires.
    pub(super) async fn take_jump(&mut self, jump: SignedDuration) {
        self.jumped = Some(Stopwatch::start());
        match tell(&*self.journal, jump, self.clock.now()).await {
            Ok(told) => info!(jump.secs = jump.as_secs(), machines = told, "The clock has jumped by {jump:#}"),
            Err(error) => {
                error!(error = &error as &dyn std::error::Error, "Could not tell anybody that the clock has jumped");
            }
        }
    }

    /// For how long no deadline fires.
    pub(super) fn rests(&self) -> Duration {
        self.jumped.map_or(Duration::ZERO, |jumped| AFTER_JUMP.saturating_sub(jumped.elapsed()))
    }
}

/// Puts the news into the inbox of every machine that waits for something; how many those are.
async fn tell(journal: &dyn Journal, jump: SignedDuration, at: Timestamp) -> Result<usize, journal::Error> {
    let seconds = jump.as_secs();
    let mut posts = Vec::new();
    for (machine, stored) in journal.machines(None).await? {
        if let Some(event) = news(&stored, seconds) {
            posts.push(Post { cause: format!("clock/{}/{machine}", at.as_nanosecond()), to: machine, event });
        }
    }
    let told = posts.len();
    if told > 0 {
        journal.post(posts).await?;
    }
    Ok(told)
}

/// What a machine in this state should hear. Deadlines of the others are answered by looks, which are taken anew.
fn news(stored: &Stored, seconds: i64) -> Option<Event> {
    match serde_json::from_str::<Option<State>>(&stored.state) {
        Ok(Some(State::Session(session))) if !matches!(session.life, Life::Ended) => {
            Some(event::Session::ClockJumped { seconds }.into())
        }
        Ok(Some(State::Pull(pull))) if !pull.incidents.is_empty() => Some(event::Pull::ClockJumped { seconds }.into()),
        _ => None,
    }
}
