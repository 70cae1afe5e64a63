//! Answers comments that spoke to Antiphon: with a reaction, and at most one comment.

use tracing::warn;

use super::{Claim, Executor, Outcome, look::chain};
use crate::{
    boundary,
    effect::Answer,
    github::{self, Comment, Reaction},
    machine::State,
    model::{MachineKey, PrNumber, RepoId},
    text, view,
};

/// How often an unavailable GitHub is asked again. Later nobody waits for an answer any more.
const TRIES_MAX: u32 = 6;

impl Executor {
    pub(super) async fn answer(&self, pull: (RepoId, PrNumber), answer: Answer, claim: &Claim) -> Outcome {
        match self.try_answer(pull, &answer, claim).await {
            Ok(()) => {}
            Err(error) if error.is_transient() && claim.postponed < TRIES_MAX => {
                return self.later(claim, chain(&error));
            }
            // A locked conversation or a missing permission: what was asked for is done all the same.
            Err(error) => warn!(%error, pr.number = pull.1.0, "Cannot answer a comment on #{}", pull.1),
        }
        Outcome::Done(None)
    }

    async fn try_answer(
        &self,
        (repo, number): (RepoId, PrNumber),
        answer: &Answer,
        claim: &Claim,
    ) -> Result<(), github::Error> {
        let Some(repository) = self.repository(repo) else { return Ok(()) };
        boundary::cross("executor: reaction not given");
        self.github.react(&repository.name, answer.comment, reaction(answer)).await?;
        let mut words = answer.words.clone();
        if answer.status {
            words.extend(self.status(repo, number).await);
        }
        if words.is_empty() {
            return Ok(());
        }
        // Whoever claims this after us looks first whether the comment is there.
        let maybe_done = claim.progress.is_some() || claim.postponed > 0;
        if !claim.note(&*self.journal, "writing".to_owned(), None).await.map_err(|error| {
            github::Error::Unavailable(anyhow::Error::new(error).context("the journal cannot take a note"))
        })? {
            return Ok(());
        }
        let body = words.join("\n\n");
        let comment = Comment { number: number.0, body, marker: claim.operation(), maybe_done };
        let written = self.github.comment(&repository.name, &comment).await;
        boundary::cross("executor: answer written, not recorded");
        written
    }

    /// How a pull request and its agent stand, in a few lines.
    async fn status(&self, repo: RepoId, number: PrNumber) -> Option<String> {
        let State::Pull(pull) = self.state(&MachineKey::Pull { repo, number }).await? else { return None };
        let session = match &pull.managed {
            Some(managed) => self.state(&MachineKey::Session(managed.session.clone())).await,
            None => None,
        };
        let rules = self.rules.borrow().clone();
        let lines = view::status_lines(&pull, session.as_ref(), &rules, self.clock.now());
        Some(lines.iter().map(|line| text::inert(line)).collect::<Vec<_>>().join("\n"))
    }
}

const fn reaction(answer: &Answer) -> Reaction {
    match (answer.heard, answer.words.is_empty()) {
        (true, _) => Reaction::ThumbsUp,
        (false, true) => Reaction::ThumbsDown,
        (false, false) => Reaction::Confused,
    }
}
