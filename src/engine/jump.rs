//! Tells machines that the clock has jumped, so that none takes the time in between for silence or patience.

use jiff::{SignedDuration, Timestamp};

use crate::{
    event::{self, Event},
    journal::{self, Journal, Post, Stored},
    machine::{State, session::Life},
};

/// Puts the news into the inbox of every machine that waits for something; how many those are.
pub(super) async fn tell(journal: &dyn Journal, jump: SignedDuration, at: Timestamp) -> Result<usize, journal::Error> {
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
