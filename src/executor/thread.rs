//! What is said and done in a review thread that the agent has answered.

use super::{
    Claim, Executor, Repository,
    act::{Tried, tried},
    quoting::ForComment,
};
use crate::{
    boundary,
    effect::Act,
    event::ActionOutcome,
    github::ThreadReply,
    machine::State,
    model::PrNumber,
    reaction::{self, Context, Template},
};

impl Executor {
    /// Replies in the thread of an action. A template that says nothing about this thread writes nothing.
    pub(super) async fn reply(
        &self,
        template: &Template,
        subject: (&Repository, PrNumber),
        about: (&Act, &State, &Context),
        claim: &Claim,
    ) -> Tried {
        let (repository, number) = subject;
        let (act, state, context) = about;
        let Some(first) = first_comment(act, state) else { return Tried::Ended(ActionOutcome::Dropped) };
        let body = match reaction::compose(template, context, &ForComment::new(self.known_secrets())) {
            Ok(body) => self.without_secrets(body.trim()),
            Err(broken) => return Tried::Ended(ActionOutcome::Failed(broken.to_string())),
        };
        if body.is_empty() {
            return Tried::Ended(ActionOutcome::Dropped);
        }
        // Whoever claims this after us looks first whether the reply is there.
        let maybe_done = claim.progress.is_some() || claim.postponed > 0;
        if let Err(tried) = self.begins_to_write(claim).await {
            return tried;
        }
        boundary::cross("executor: reply not written");
        let reply = ThreadReply { number: number.0, first, body, marker: claim.operation(), maybe_done };
        let written = self.github.reply_in_thread(&repository.name, &reply).await;
        boundary::cross("executor: reply written, not recorded");
        tried(written)
    }

    /// Resolves the thread of an action, if a commit has answered it: with words alone nobody but the reviewer is done.
    pub(super) async fn resolve(&self, repository: &Repository, act: &Act, context: &Context) -> Tried {
        let answered = context.threads.iter().any(|thread| thread.commit.is_some());
        let Some(thread) = act.thread.as_ref().filter(|_| answered) else {
            return Tried::Ended(ActionOutcome::Dropped);
        };
        boundary::cross("executor: thread not resolved");
        tried(self.github.resolve_thread(&repository.name, thread).await)
    }
}

fn first_comment(act: &Act, state: &State) -> Option<u64> {
    let (Some(thread), State::Pull(state)) = (&act.thread, state) else { return None };
    let threads = &state.snapshot.as_ref()?.threads;
    threads.iter().find(|it| it.id == *thread)?.first
}
