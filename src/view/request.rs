//! What reviewers ask for, as people see it: each thread and review, and what became of it.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::{
    machine::{
        pull::{Entry, Standing, State},
        reviews_of,
    },
    model::{IncidentKind, Review, Thread},
    text,
};

/// A review thread, or a review that asks for changes.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RequestView {
    /// GitHub's id of it.
    pub id: String,
    /// Who asked last.
    pub by: String,
    /// `src/greet.rs:12`; none for a review.
    pub place: Option<String>,
    /// Whether the place has changed since.
    pub outdated: bool,
    /// Where it stands.
    pub standing: Standing,
    /// When it came to stand there, as far as that is known.
    pub since: Option<Timestamp>,
    /// The first seven digits of the commit that answered it; for a resolved one that nothing answered, of the newest then.
    pub commit: Option<String>,
    /// Who resolved it, if GitHub says so.
    pub resolved_by: Option<String>,
}

impl RequestView {
    /// All of a pull request: threads in which somebody who is heard spoke, and reviews that stand.
    pub(super) fn all(state: &State) -> Vec<Self> {
        let Some(snapshot) = state.snapshot.as_ref().filter(|_| state.managed.is_some()) else { return Vec::new() };
        let kinds = [IncidentKind::ChangesRequested, IncidentKind::BotReview];
        let reviews = kinds.into_iter().flat_map(|kind| reviews_of::standing(snapshot, kind));
        let reviews = reviews.map(|review| Self::of_review(state, review));
        let threads = snapshot.threads.iter().filter_map(|thread| Self::of_thread(state, thread));
        reviews.chain(threads).collect()
    }

    fn of_review(state: &State, review: &Review) -> Self {
        let by = review.author.login.to_string();
        let standing = state.ledger.standing_of_review(review);
        Self { by, ..Self::new(review.id.to_string(), standing, state.ledger.of_review(review)) }
    }

    fn of_thread(state: &State, thread: &Thread) -> Option<Self> {
        let (_, comment) = reviews_of::asked_in(thread)?;
        let line = thread.line.or(thread.original_line).map(|line| format!(":{line}")).unwrap_or_default();
        Some(Self {
            by: comment.author.login.to_string(),
            place: Some(format!("{}{line}", text::sanitise(&thread.path).text)),
            outdated: thread.outdated,
            ..Self::new(thread.id.to_string(), state.ledger.standing(thread), state.ledger.of_thread(thread))
        })
    }

    fn new(id: String, standing: Standing, entry: Option<&Entry>) -> Self {
        let (answer, resolved) = (entry.and_then(|it| it.answer.as_ref()), entry.and_then(|it| it.resolved.as_ref()));
        let (since, commit) = match standing {
            Standing::Open => (None, None),
            Standing::HandedOver => (entry.and_then(|entry| entry.handed_at), None),
            Standing::Answered => (answer.map(|answer| answer.at), answer.and_then(|answer| answer.commit.as_ref())),
            Standing::Resolved => (resolved.map(|it| it.at), resolved.map(|it| &it.commit)),
        };
        let resolved_by = resolved.and_then(|resolved| resolved.by.as_ref()).map(ToString::to_string);
        let commit = commit.map(|commit| commit.short().to_owned());
        Self { id, by: String::new(), place: None, outdated: false, standing, since, commit, resolved_by }
    }

    /// What it is and where it stands, in a few words.
    #[must_use]
    pub fn in_words(&self) -> String {
        let what = match &self.place {
            Some(place) => format!("@{} on {place}{}", self.by, if self.outdated { " (outdated)" } else { "" }),
            None => format!("review of @{}", self.by),
        };
        let by = |commit: Option<&String>| commit.map(|commit| format!(" by {commit}")).unwrap_or_default();
        let standing = match self.standing {
            Standing::Open => "open".to_owned(),
            Standing::HandedOver => "handed over".to_owned(),
            Standing::Answered if self.commit.is_none() => "answered in words".to_owned(),
            Standing::Answered => format!("answered{}", by(self.commit.as_ref())),
            Standing::Resolved => {
                let who = self.resolved_by.as_ref().map(|who| format!(" by @{who}")).unwrap_or_default();
                let at = self.commit.as_ref().map(|commit| format!(" at {commit}")).unwrap_or_default();
                format!("resolved{who}{at}")
            }
        };
        format!("{what}: {standing}")
    }
}
