//! Carries out one action of a rule.

use jiff::SignedDuration;
use tracing::info;

use super::{Claim, Executor, Outcome, Repository, look::chain, quoting::ForComment};
use crate::{
    boundary,
    effect::Act,
    event::{self, ActionOutcome, Event},
    github::{self, Comment},
    journal::Post,
    machine::{Now, State, context, still_wanted_act},
    model::{MachineKey, PrNumber, RepoId},
    notify::{Note, Urgency},
    reaction::{self, Action, Context, Priority, Template},
    text,
};

/// How often an action is tried that may go well the next time, before the rest of the list is given up.
const TRIES_MAX: u32 = 8;
/// How long an action waits for a GitHub that is down or limits us: longer than any outage is known to have lasted.
const WAIT_MAX: SignedDuration = SignedDuration::from_hours(24);

/// What one try led to.
pub(super) enum Tried {
    Ended(ActionOutcome),
    /// GitHub is down or busy; there is an end to that.
    Again(String),
    /// Nothing was sent or nothing came of it: GitHub cannot be asked now, or something there has to end first.
    Wait(String),
}

impl Executor {
    pub(super) async fn act(&self, act: Act, claim: &Claim) -> Outcome {
        let tried = match self.state(&act.of).await {
            Some(state) => self.try_act(&act, &state, claim).await,
            None => Tried::Ended(ActionOutcome::Dropped),
        };
        let outcome = match tried {
            Tried::Again(why) if claim.tried < TRIES_MAX => return self.again(claim, why),
            Tried::Wait(why) if self.clock.now() < claim.since + WAIT_MAX => return self.later(claim, why),
            Tried::Again(why) | Tried::Wait(why) => ActionOutcome::Failed(why),
            Tried::Ended(outcome) => outcome,
        };
        Outcome::Done(reported(&act, outcome))
    }

    async fn try_act(&self, act: &Act, state: &State, claim: &Claim) -> Tried {
        let repo = match state {
            State::Pull(state) => state.repo,
            State::Session(state) => state.repo,
            State::Task(state) => state.repo,
            State::Backlog(state) => state.repo,
            State::Fleet(_) => match self.first_repository() {
                Some(repo) => repo,
                None => return Tried::Ended(ActionOutcome::Dropped),
            },
        };
        let wanted = still_wanted_act(state, act);
        // Something that was begun is finished: its first half is in the world already.
        if !wanted && claim.progress.is_none() {
            return Tried::Ended(ActionOutcome::Dropped);
        }
        let Some(rules) = self.rules_of(repo) else {
            return Tried::Ended(ActionOutcome::Failed("its repository has no rules".to_owned()));
        };
        let Some(step) = rules.action(&act.rule, act.list, act.step) else {
            return Tried::Ended(ActionOutcome::Failed(format!("the rule {} has no such action now", act.rule)));
        };
        let texts = match self.texts(crate::machine::texts_of(state)).await {
            Ok(texts) => texts,
            Err(why) => return Tried::Again(why),
        };
        let now = Now { rules: &rules, at: self.clock.now(), entropy: [0; 16], texts: &texts };
        let context = match state {
            State::Session(state) => context::of_session(state, act.incident, &now),
            State::Pull(state) => match &act.thread {
                Some(thread) => context::of_thread(state, act.incident, thread, &now),
                None => context::of_pull(state, act.incident, &now),
            },
            State::Task(state) => context::of_task_incident(state, act.incident, &now),
            State::Backlog(state) => context::of_backlog(state, &now),
            State::Fleet(state) => context::of_fleet(state, &now),
        };
        match step.applies(&context) {
            Ok(true) => {}
            Ok(false) => return Tried::Ended(ActionOutcome::Dropped),
            Err(broken) => return Tried::Ended(ActionOutcome::Failed(broken.to_string())),
        }
        self.carry_out_action(&step.action, (act, state, repo), &context, claim).await
    }

    async fn carry_out_action(
        &self,
        action: &Action,
        about: (&Act, &State, RepoId),
        context: &Context,
        claim: &Claim,
    ) -> Tried {
        let (act, state, repo) = about;
        let number = self.subject(state).await;
        let Some(repository) = self.repository(repo) else {
            return Tried::Ended(ActionOutcome::Failed("the repository is not in the settings".to_owned()));
        };
        match (action, number) {
            (Action::Notify { priority, text }, _) => {
                self.notify(*priority, text.as_ref(), (act, context), claim).await
            }
            (Action::Comment(template), Some(number)) => {
                self.comment(template, (&repository, number), context, claim).await
            }
            (Action::Reply(template), Some(number)) => {
                self.reply(template, (&repository, number), (act, state, context), claim).await
            }
            (Action::Resolve, _) => self.resolve(&repository, act, context).await,
            (Action::Label(label), Some(number)) => {
                boundary::cross("executor: label not added");
                tried(self.github.add_label(&repository.name, number.0, label).await)
            }
            (Action::Merge | Action::UpdateBranch, Some(number)) => match (&act.head, state) {
                (Some(head), State::Pull(state)) if *action == Action::Merge => {
                    self.merge((&repository, number), state, head, claim).await
                }
                (Some(head), State::Pull(_)) => self.update_branch(&repository, number, head).await,
                _ => Tried::Ended(ActionOutcome::Dropped),
            },
            (Action::Rerun, _) => self.rerun(&repository, state, act).await,
            // The machine whose incident it is does it itself when it hears that this was carried out.
            (Action::Restart { .. } | Action::Handoff(_), _) => Tried::Ended(ActionOutcome::Done),
            (Action::Comment(_) | Action::Reply(_) | Action::Label(_) | Action::Merge | Action::UpdateBranch, None) => {
                Tried::Ended(ActionOutcome::Failed("there is no pull request yet".to_owned()))
            }
            (Action::OpenPull, Some(_)) => Tried::Ended(ActionOutcome::Done),
            (Action::OpenPull, None) => self.open_pull_for(state).await,
            (Action::Spawn(_) | Action::Prompt(_), _) => {
                Tried::Ended(ActionOutcome::Failed(format!("{} has no meaning here", action.name())))
            }
        }
    }

    /// Opens the pull request of an agent's task with what it has pushed.
    async fn open_pull_for(&self, state: &State) -> Tried {
        let State::Session(session) = state else { return Tried::Ended(ActionOutcome::Dropped) };
        let to = MachineKey::Task(session.task.clone());
        let Some(State::Task(task)) = self.state(&to).await else { return Tried::Ended(ActionOutcome::Dropped) };
        let Some(repository) = self.repository(task.repo) else { return Tried::Ended(ActionOutcome::Dropped) };
        match self.try_open_pull(&task.task, &repository, &task.branch, &task.work).await {
            Ok(Some(number)) => {
                let event = event::Task::PullOpened { number }.into();
                let cause = format!("act/{}/pull/{number}", session.key());
                match self.journal.post(vec![Post { cause, to, event }]).await {
                    Ok(_) => Tried::Ended(ActionOutcome::Done),
                    Err(error) => Tried::Again(chain(&error)),
                }
            }
            Ok(None) => Tried::Ended(ActionOutcome::Failed("nothing was pushed".to_owned())),
            Err(error) => failed(&error),
        }
    }

    /// The pull request that a machine is about.
    async fn subject(&self, state: &State) -> Option<PrNumber> {
        match state {
            State::Pull(state) => Some(state.number),
            State::Session(state) => {
                let task = self.state(&MachineKey::Task(state.task.clone())).await;
                if let Some(State::Task(task)) = task { task.pull } else { None }
            }
            State::Task(state) => state.pull,
            State::Backlog(_) | State::Fleet(_) => None,
        }
    }

    async fn comment(
        &self,
        template: &Template,
        subject: (&Repository, PrNumber),
        context: &Context,
        claim: &Claim,
    ) -> Tried {
        let (repository, number) = subject;
        let body = match reaction::compose(template, context, &ForComment::new(self.known_secrets())) {
            Ok(body) => self.without_secrets(&body),
            Err(broken) => return Tried::Ended(ActionOutcome::Failed(broken.to_string())),
        };
        // Whoever claims this after us looks first whether the comment is there.
        let maybe_done = claim.progress.is_some() || claim.postponed > 0;
        if let Err(tried) = self.begins_to_write(claim).await {
            return tried;
        }
        boundary::cross("executor: comment not written");
        let comment = Comment { number: number.0, body, marker: claim.operation(), maybe_done };
        let written = self.github.comment(&repository.name, &comment).await;
        boundary::cross("executor: comment written, not recorded");
        tried(written)
    }

    /// Notes that something is about to be written, which nobody could tell afterwards.
    pub(super) async fn begins_to_write(&self, claim: &Claim) -> Result<(), Tried> {
        match claim.note(&*self.journal, "writing".to_owned(), None).await {
            Ok(true) => Ok(()),
            Ok(false) => Err(Tried::Ended(ActionOutcome::Dropped)),
            Err(error) => Err(Tried::Again(chain(&error))),
        }
    }

    pub(super) fn without_secrets(&self, words: &str) -> String {
        let secrets = self.known_secrets();
        let secrets: Vec<&str> = secrets.iter().map(String::as_str).collect();
        text::redact(words, &secrets).0
    }

    /// Runs the failed jobs of every run again that the machine has named for this head.
    async fn rerun(&self, repository: &Repository, state: &State, act: &Act) -> Tried {
        let State::Pull(state) = state else { return Tried::Ended(ActionOutcome::Dropped) };
        let runs = act.head.as_ref().map(|head| state.reruns(head)).unwrap_or_default();
        if runs.is_empty() {
            return Tried::Ended(ActionOutcome::Dropped);
        }
        for (run, attempt) in runs {
            boundary::cross("executor: run not started again");
            let rerun = self.github.rerun_failed_jobs(&repository.name, run, attempt).await;
            boundary::cross("executor: run started again, not recorded");
            match rerun {
                Ok(github::Rerun::Started) => info!(run.id = run.0, "Started the failed jobs of run {run} again"),
                Ok(github::Rerun::StillRunning) => return Tried::Wait(format!("run {run} has not ended yet")),
                Err(error) => return failed(&error),
            }
        }
        Tried::Ended(ActionOutcome::Done)
    }

    /// Tells people, at most once: the open escalation is the truth, a notification only points at it.
    async fn notify(
        &self,
        priority: Priority,
        template: Option<&Template>,
        about: (&Act, &Context),
        claim: &Claim,
    ) -> Tried {
        if claim.progress.is_some() {
            return Tried::Ended(ActionOutcome::Done);
        }
        let (act, context) = about;
        let words = match template.map(|it| reaction::compose(it, context, &ForComment::new(self.known_secrets()))) {
            None => context.summary.clone(),
            Some(Ok(words)) => words,
            Some(Err(broken)) => return Tried::Ended(ActionOutcome::Failed(broken.to_string())),
        };
        match claim.note(&*self.journal, "notifying".to_owned(), None).await {
            Ok(true) => {}
            Ok(false) => return Tried::Ended(ActionOutcome::Dropped),
            Err(error) => return Tried::Again(chain(&error)),
        }
        let note = Note {
            urgency: urgency(priority),
            subject: context.pr.as_ref().map_or_else(|| act.of.to_string(), |pr| pr.url.clone()),
            text: self.without_secrets(&words),
        };
        boundary::cross("executor: notification not sent");
        let failures = self.notifiers.send(&note).await;
        if failures.is_empty() {
            Tried::Ended(ActionOutcome::Done)
        } else {
            // The others were told; the one that failed is named where people look.
            Tried::Ended(ActionOutcome::Failed(failures.join("; ")))
        }
    }
}

fn reported(act: &Act, outcome: ActionOutcome) -> Option<Event> {
    let Act { incident, serial, revision, list, step, .. } = *act;
    match act.of {
        MachineKey::Pull { .. } => Some(event::Pull::Acted { incident, serial, revision, list, step, outcome }.into()),
        MachineKey::Session(_) => Some(event::Session::Acted { serial, revision, list, step, outcome }.into()),
        MachineKey::Task(_) => Some(event::Task::Acted { serial, revision, list, step, outcome }.into()),
        MachineKey::Backlog(_) | MachineKey::Fleet => None,
    }
}

pub(super) fn tried(result: Result<(), github::Error>) -> Tried {
    match result {
        Ok(()) => Tried::Ended(ActionOutcome::Done),
        Err(error) => failed(&error),
    }
}

pub(super) fn failed(error: &github::Error) -> Tried {
    match error {
        github::Error::RateLimited { .. } | github::Error::Unavailable(_) => Tried::Wait(chain(error)),
        github::Error::AmbiguousWrite(_) => Tried::Again(chain(error)),
        github::Error::HeadMoved => Tried::Ended(ActionOutcome::Dropped),
        github::Error::Unauthorized
        | github::Error::Forbidden { .. }
        | github::Error::NotFound
        | github::Error::Unprocessable { .. }
        | github::Error::Other(_) => Tried::Ended(ActionOutcome::Failed(chain(error))),
    }
}

const fn urgency(priority: Priority) -> Urgency {
    match priority {
        Priority::Low => Urgency::Low,
        Priority::Normal => Urgency::Normal,
        Priority::High => Urgency::High,
        Priority::Urgent => Urgency::Urgent,
    }
}
