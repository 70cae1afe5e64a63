//! Says on a commit what Antiphon is doing. Nothing depends on it: what cannot be said is left unsaid.

use tracing::warn;

use super::{Claim, Executor, Outcome, look::chain};
use crate::{
    boundary,
    github::Report,
    machine::State,
    model::{MachineKey, PrNumber, RepoId, Sha},
};

/// How often an unavailable GitHub is asked again. Later the line says nothing new any more.
const TRIES_MAX: u32 = 6;

impl Executor {
    pub(super) async fn report_on(
        &self,
        (repo, number): (RepoId, PrNumber),
        head: Sha,
        line: String,
        claim: &Claim,
    ) -> Outcome {
        let state = self.state(&MachineKey::Pull { repo, number }).await;
        let (Some(State::Pull(state)), Some(repository)) = (state, self.repository(repo)) else {
            return Outcome::Done(None);
        };
        // Another line, or another head, is ordered already.
        if !state.reports(&head, &line) {
            return Outcome::Done(None);
        }
        let page = state.managed.as_ref().map(|managed| format!("/sessions/{}", managed.session));
        let url = format!("{}{}", self.launching.url.trim_end_matches('/'), page.unwrap_or_default());
        boundary::cross("executor: not reported on a commit");
        let report = Report { number, head, line, url };
        match self.github.for_sweep().report(&repository.name, &report).await {
            Ok(()) => {}
            Err(error) if error.is_transient() && claim.postponed < TRIES_MAX => {
                return self.later(claim, chain(&error));
            }
            Err(error) => warn!(%error, pr.number = number.0, "Cannot say on a commit of #{number} what is done"),
        }
        Outcome::Done(None)
    }
}
