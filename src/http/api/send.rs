//! `POST send`: a person's words to an agent.

use axum::extract::State;

use super::{
    grant::{Answer, Request, granted},
    refusal::{Refusal, Wish},
    spawn::check_words,
};
use crate::{
    event,
    http::{Shared, states},
    machine::session::Life,
    model::{Attempt, Cause, PromptRef, TextHash},
    view::Send,
};

/// Takes the wish.
pub(super) async fn send(State(surroundings): Shared, Wish(wish): Wish<Send>) -> Answer {
    let request = Request::new(&wish.request)?;
    check_words(&wish.text)?;
    let journal = &*surroundings.journal;
    let Some(session) = states::session(journal, &wish.session).await? else {
        return Err(Refusal::not_found(format!("there is no session named {}", wish.session))
            .hint("`antiphon status` shows them all"));
    };
    let reference = PromptRef {
        from: session.key(),
        cause: Cause::Person(TextHash::of(&wish.text)),
        revision: request.number(),
        attempt: Attempt(1),
    };
    let event: event::Event = event::Session::PromptWanted { reference }.into();
    if !request.was_granted(journal, &session.key(), &event).await? {
        if matches!(session.life, Life::Stopping | Life::Ended) || session.ending_since.is_some() {
            return Err(Refusal::conflict(format!("{} has ended, or is about to", wish.session)));
        }
        journal.keep_texts(vec![wish.text]).await?;
        request.grant(journal, session.key(), event).await?;
    }
    Ok(granted(Some(session.task), format!("{} hears it as soon as it can take a prompt", wish.session)))
}
