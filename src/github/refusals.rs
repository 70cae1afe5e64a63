//! What GitHub does not let our credential do: a missing permission is no limit, and asking again does not help.

use std::{
    collections::BTreeMap,
    sync::{Mutex, MutexGuard},
};

use http::StatusCode;
use tokio::sync::watch;
use tracing::warn;

use super::{
    Error,
    wire::{Answer, Call},
};

/// Something that our credential may not do.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Refused {
    /// What was tried, for example `POST /repos/octo/hello/issues/{number}/comments`.
    pub what: String,
    /// The permission that it takes, if GitHub said so, for example `issues=write`.
    pub needs: Option<String>,
    /// GitHub's words.
    pub words: String,
}

/// What was refused and has not gone well since, by what was tried.
pub type Refusals = BTreeMap<String, Refused>;

/// Remembers refusals, so that each is told of once.
#[derive(Debug)]
pub(super) struct Permissions {
    refused: Mutex<Refusals>,
    told: watch::Sender<Refusals>,
}

impl Default for Permissions {
    fn default() -> Self {
        Self { refused: Mutex::default(), told: watch::Sender::new(Refusals::new()) }
    }
}

impl Permissions {
    /// What is refused now, and every change of it.
    pub(super) fn subscribe(&self) -> watch::Receiver<Refusals> {
        self.told.subscribe()
    }

    /// Learns from an answer that is not a limit.
    pub(super) fn learn(&self, call: &Call, answer: &Answer) {
        if answer.status == StatusCode::FORBIDDEN {
            self.refuse(call, answer);
        } else if answer.status.is_success() {
            self.allow(&capability(call));
        }
    }

    /// Learns from the outcome of a mutation, whose refusal comes in a 200.
    pub(super) fn learn_mutation(&self, name: &str, error: Option<&Error>) {
        let what = format!("GraphQL {name}");
        match error {
            None => self.allow(&what),
            Some(Error::Forbidden { what: words }) => self.note(Refused { what, needs: None, words: words.clone() }),
            Some(_) => {}
        }
    }

    /// The permissions may be others now.
    pub(super) fn forget(&self) {
        self.refused().clear();
        self.told.send_if_modified(|told| !std::mem::take(told).is_empty());
    }

    fn refuse(&self, call: &Call, answer: &Answer) {
        let words = answer.message();
        // Other refusals are about the subject: a locked conversation, an archived repository.
        if !words.to_lowercase().contains("resource not accessible by") {
            return;
        }
        let needs = answer.headers.get("x-accepted-github-permissions").and_then(|needs| needs.to_str().ok());
        self.note(Refused { what: capability(call), needs: needs.map(ToOwned::to_owned), words });
    }

    fn note(&self, refused: Refused) {
        let mut known = self.refused();
        if known.contains_key(&refused.what) {
            return;
        }
        warn!(http.what = refused.what, permission = refused.needs, "GitHub does not allow {}", refused.what);
        known.insert(refused.what.clone(), refused);
        self.told.send_replace(known.clone());
    }

    fn allow(&self, what: &str) {
        let mut known = self.refused();
        if known.remove(what).is_some() {
            self.told.send_replace(known.clone());
        }
    }

    fn refused(&self) -> MutexGuard<'_, Refusals> {
        self.refused.lock().expect("no holder of this lock panics")
    }
}

/// What a request tries, whatever it is about: numbers and commits are left open.
fn capability(call: &Call) -> String {
    let open = |part: &str| {
        if part.bytes().all(|byte| byte.is_ascii_digit()) {
            "{number}".to_owned()
        } else if part.len() == 40 && part.bytes().all(|byte| byte.is_ascii_hexdigit()) {
            "{sha}".to_owned()
        } else {
            part.to_owned()
        }
    };
    let parts: Vec<String> = call.url.path_segments().into_iter().flatten().map(open).collect();
    format!("{} /{}", call.method, parts.join("/"))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::github::{
        Comment,
        fake::{Fake, reply, repo},
    };

    fn comment(number: u64) -> Comment {
        Comment { number, body: "words".to_owned(), marker: "m".to_owned(), maybe_done: false }
    }

    // G119
    #[tokio::test]
    async fn a_missing_permission_is_told_of_once_and_forgotten_when_it_is_granted() {
        let fake = Fake::start(|seen| {
            if seen.line.contains("/issues/9/") {
                return reply(201, &json!({"id": 1}));
            }
            let mut refusal = reply(403, &json!({"message": "Resource not accessible by integration"}));
            refusal.headers_mut().insert("x-accepted-github-permissions", "issues=write".parse().unwrap());
            refusal
        })
        .await;
        let mut told = fake.client.refusals();
        let mut news = 0;

        for number in 1..=5 {
            let refused = fake.client.comment(&repo(), &comment(number)).await;
            assert!(matches!(refused, Err(Error::Forbidden { .. })), "{refused:?}");
            news += u32::from(told.has_changed().unwrap());
            told.mark_unchanged();
        }

        let what = "POST /repos/octo/hello/issues/{number}/comments".to_owned();
        let words = "Resource not accessible by integration".to_owned();
        let refused = Refused { what: what.clone(), needs: Some("issues=write".to_owned()), words };
        assert_eq!((news, told.borrow().clone()), (1, Refusals::from([(what, refused)])));
        assert!(fake.client.standings().iter().all(|standing| standing.limited.is_none()), "it is no limit");
        fake.client.comment(&repo(), &comment(9)).await.unwrap();
        assert_eq!(told.borrow_and_update().clone(), Refusals::new());
    }

    // G119
    #[tokio::test]
    async fn a_refusal_that_is_about_the_subject_is_no_missing_permission() {
        let fake = Fake::start(|_| reply(403, &json!({"message": "Unable to create comment: it is locked"}))).await;

        assert!(fake.client.comment(&repo(), &comment(1)).await.is_err());

        assert_eq!(fake.client.refusals().borrow().clone(), Refusals::new());
    }
}
