//! From a wish to one event in one inbox, once.

use axum::{Json, http::StatusCode};
use sha2::{Digest as _, Sha256};

use super::refusal::Refusal;
use crate::{
    event::{Backlog, Event},
    journal::{Journal, Novelty, Post},
    model::{MachineKey, TaskId},
    view::Granted,
};

/// How far back a granted wish is looked for. A client repeats itself within seconds.
const LOOKED_BACK: usize = 200;

/// What a wish is answered with.
pub(super) type Answer = Result<Grant, Refusal>;

/// It is durable, and carried out later.
pub(super) type Grant = (StatusCode, Json<Granted>);

/// A client's id of a wish, checked.
#[derive(Debug, Clone)]
pub(super) struct Request(String);

impl Request {
    /// The id, if it can be one.
    pub(super) fn new(id: &str) -> Result<Self, Refusal> {
        let valid = (1..=128).contains(&id.len()) && id.bytes().all(|byte| byte.is_ascii_graphic());
        if valid {
            Ok(Self(id.to_owned()))
        } else {
            Err(Refusal::malformed("`request` is not an id of 1 to 128 visible ASCII characters")
                .hint("choose a new id for every wish, for example random digits, and keep it when you repeat one"))
        }
    }

    /// A number that is the same for the same id.
    pub(super) fn number(&self) -> u64 {
        let mut bytes = [0; 8];
        bytes.copy_from_slice(&Sha256::digest(self.0.as_bytes())[..8]);
        u64::from_le_bytes(bytes)
    }

    fn cause(&self) -> String {
        format!("request/{}", self.0)
    }

    /// Whether this wish reached `to` before. Then it is not checked again: what it led to may stand in its own way.
    pub(super) async fn was_granted(
        &self,
        journal: &dyn Journal,
        to: &MachineKey,
        event: &Event,
    ) -> Result<bool, Refusal> {
        let cause = self.cause();
        // The inbox first: what is stepped in between stands in the log by then.
        let waiting = journal.waiting(LOOKED_BACK).await?.into_iter().filter(|row| row.to == *to);
        let mut known: Vec<_> = waiting.map(|row| (row.cause, row.event)).collect();
        let logged = journal.history(to.clone(), LOOKED_BACK).await?;
        known.extend(logged.into_iter().map(|entry| (entry.cause, entry.event)));
        match known.iter().find(|(earlier, _)| *earlier == cause) {
            None => Ok(false),
            Some((_, earlier)) if is_same(earlier, event) => Ok(true),
            Some(_) => Err(used()),
        }
    }

    /// Puts the event into the inbox, unless this wish did that before.
    pub(super) async fn grant(&self, journal: &dyn Journal, to: MachineKey, event: Event) -> Result<(), Refusal> {
        let post = Post { cause: self.cause(), to: to.clone(), event: event.clone() };
        match journal.post(vec![post]).await?.first() {
            Some(Novelty::New) => Ok(()),
            Some(Novelty::Known) | None if self.was_granted(journal, &to, &event).await? => Ok(()),
            Some(Novelty::Known) | None => Err(used()),
        }
    }
}

/// The answer to a wish that is in its inbox.
pub(super) fn granted(task: Option<TaskId>, what: impl Into<String>) -> Grant {
    (StatusCode::ACCEPTED, Json(Granted { task, what: what.into() }))
}

/// What is known of an issue may have changed between two tries of one wish; the task is the same.
fn is_same(earlier: &Event, event: &Event) -> bool {
    match (earlier, event) {
        (
            Event::Backlog(Backlog::SpawnWanted { task: earlier, .. }),
            Event::Backlog(Backlog::SpawnWanted { task, .. }),
        )
        | (Event::Backlog(Backlog::TaskEnded { task: earlier, .. }), Event::Backlog(Backlog::TaskEnded { task, .. })) => {
            earlier == task
        }
        (earlier, event) => earlier == event,
    }
}

fn used() -> Refusal {
    Refusal::conflict("this request id was used for another wish").hint("choose a new id for every wish")
}
