//! `POST retry` and `POST stop`: a task by its name, or a pull request as `owner/name#12`.

use axum::extract::State;

use super::{
    grant::{Answer, Request, granted},
    refusal::{Refusal, Wish},
};
use crate::{
    event::{self, Event, Work},
    http::{Shared, Surroundings, states},
    journal::Journal,
    machine::{self, backlog, pull, session, task},
    model::{MachineKey, MachineKind, PrNumber, RepoId, RepoName, TaskId},
    view::Subject,
};

/// What a wish is about, as the journal knows it.
enum Found {
    Pull(Box<pull::State>),
    Task(Box<task::State>),
    /// A task that waits for a slot.
    Waiting(RepoId, TaskId, Box<backlog::Wanted>),
}

/// An inbox, what is put into it, and what that leads to.
struct Order {
    to: MachineKey,
    event: Event,
    what: String,
}

/// Wants something tried again.
pub(super) async fn retry(State(surroundings): Shared, Wish(wish): Wish<Subject>) -> Answer {
    let request = Request::new(&wish.request)?;
    let journal = &*surroundings.journal;
    match find(&surroundings, &wish.subject).await? {
        Found::Pull(pull) => {
            let order = again_pull(pull.repo, pull.number);
            let Some(managed) = &pull.managed else { return Err(unmanaged(pull.number)) };
            carry_out(journal, &request, order, Some(managed.task.clone())).await
        }
        Found::Task(task) => retry_task(journal, &request, &task).await,
        Found::Waiting(_, task, _) => {
            Err(Refusal::conflict(format!("{task} waits for a slot"))
                .hint("raise `limits.sessions`, or stop another task"))
        }
    }
}

/// Wants something ended.
pub(super) async fn stop(State(surroundings): Shared, Wish(wish): Wish<Subject>) -> Answer {
    let request = Request::new(&wish.request)?;
    let journal = &*surroundings.journal;
    if let Some(task) = was_given_up(journal, &request, &wish.subject).await? {
        return Ok(granted(Some(task.clone()), waits_no_longer(&task)));
    }
    match find(&surroundings, &wish.subject).await? {
        Found::Task(task) => stop_task(journal, &request, &task).await,
        Found::Waiting(repo, task, wanted) => {
            let order = give_up(repo, &task, &wanted);
            carry_out(journal, &request, order, Some(task)).await
        }
        Found::Pull(pull) => {
            let Some(managed) = &pull.managed else { return Err(unmanaged(pull.number)) };
            match states::task(journal, &managed.task).await? {
                Some(task) => stop_task(journal, &request, &task).await,
                None => Err(Refusal::not_found(format!("there is no task named {}", managed.task))),
            }
        }
    }
}

/// What stands still is set going: the workspace, the agent, or the answer to what is wrong with the pull request.
async fn retry_task(journal: &dyn Journal, request: &Request, task: &task::State) -> Answer {
    let name = &task.task;
    let session = task.session();
    let workspace =
        Order { to: task.key(), event: event::Task::RetryWanted.into(), what: format!("{name} is tried again") };
    let agent = Order {
        to: MachineKey::Session(session.clone()),
        event: event::Session::RestartWanted.into(),
        what: format!("the agent of {name} is started anew"),
    };
    let pull = task.pull.map(|number| again_pull(task.repo, number));
    // The same wish may meet another state than it met at first.
    for order in [&workspace, &agent].into_iter().chain(&pull) {
        if request.was_granted(journal, &order.to, &order.event).await? {
            return Ok(granted(Some(name.clone()), &*order.what));
        }
    }
    let state = states::session(journal, &session).await?;
    let exited = state.is_some_and(|state| matches!(state.life, session::Life::Exited { .. }));
    let order = match (task.phase, pull) {
        (task::Phase::Done | task::Phase::Abandoned | task::Phase::Closing(_), _) => {
            return Err(Refusal::conflict(format!("{name} is over")).hint("`antiphon spawn ISSUE` begins anew"));
        }
        (task::Phase::Working | task::Phase::InReview, _) if exited => agent,
        (task::Phase::InReview, Some(pull)) => pull,
        (
            task::Phase::Preparing
            | task::Phase::SettingUp
            | task::Phase::Working
            | task::Phase::Failed
            | task::Phase::InReview,
            _,
        ) => workspace,
    };
    carry_out(journal, request, order, Some(name.clone())).await
}

async fn stop_task(journal: &dyn Journal, request: &Request, task: &task::State) -> Answer {
    let name = task.task.clone();
    let order = Order {
        to: task.key(),
        event: event::Task::StopWanted.into(),
        what: format!("{name} is ended; its workspace is kept if it holds work that exists nowhere else"),
    };
    let again = request.was_granted(journal, &order.to, &order.event).await?;
    if !again && (task.is_over() || matches!(task.phase, task::Phase::Closing(_))) {
        return Err(Refusal::conflict(format!("{name} is over")));
    }
    carry_out(journal, request, order, Some(name)).await
}

fn again_pull(repo: RepoId, number: PrNumber) -> Order {
    Order {
        to: MachineKey::Pull { repo, number },
        event: event::Pull::RetryWanted.into(),
        what: format!("what is open on #{number} is tried again from the start"),
    }
}

fn give_up(repo: RepoId, task: &TaskId, wanted: &backlog::Wanted) -> Order {
    let issue = match &wanted.work {
        Work::Issue(issue) => Some(issue.number),
        Work::Text { .. } | Work::Adopted { .. } => None,
    };
    Order {
        to: MachineKey::Backlog(repo),
        event: event::Backlog::TaskEnded { task: task.clone(), issue }.into(),
        what: waits_no_longer(task),
    }
}

fn waits_no_longer(task: &TaskId) -> String {
    format!("{task} no longer waits for a slot")
}

/// The task that this very wish took out of the queue; nothing else remembers it.
async fn was_given_up(journal: &dyn Journal, request: &Request, subject: &str) -> Result<Option<TaskId>, Refusal> {
    let Ok(task) = subject.parse::<TaskId>() else { return Ok(None) };
    let event: Event = event::Backlog::TaskEnded { task: task.clone(), issue: None }.into();
    for (key, _) in journal.machines(Some(MachineKind::Backlog)).await? {
        if request.was_granted(journal, &key, &event).await? {
            return Ok(Some(task));
        }
    }
    Ok(None)
}

async fn carry_out(journal: &dyn Journal, request: &Request, order: Order, task: Option<TaskId>) -> Answer {
    request.grant(journal, order.to, order.event).await?;
    Ok(granted(task, order.what))
}

async fn find(surroundings: &Surroundings, subject: &str) -> Result<Found, Refusal> {
    match subject.split_once('#') {
        Some((repo, number)) => find_pull(surroundings, repo, number).await,
        None => find_task(&*surroundings.journal, subject).await,
    }
}

async fn find_pull(surroundings: &Surroundings, repo: &str, number: &str) -> Result<Found, Refusal> {
    let malformed = || Refusal::malformed("a pull request is named as owner/name#12");
    let name: RepoName = repo.parse().map_err(|_| malformed())?;
    let number: PrNumber = number.parse().map_err(|_| malformed())?;
    let known = surroundings.repositories.borrow().named(&name).map(|repository| repository.id);
    let Some(repo) = known else { return Err(Refusal::not_found(format!("{name} is not in the settings"))) };
    match states::one(&*surroundings.journal, &MachineKey::Pull { repo, number }).await? {
        Some(machine::State::Pull(pull)) => Ok(Found::Pull(pull)),
        Some(_) | None => Err(Refusal::not_found(format!("nothing is known of {name}#{number}"))
            .hint(format!("`antiphon adopt {number}` has an agent carry it on"))),
    }
}

async fn find_task(journal: &dyn Journal, subject: &str) -> Result<Found, Refusal> {
    let task: TaskId = subject.parse().map_err(|_| {
        Refusal::malformed("that is neither a task nor a pull request")
            .hint("name a task as `antiphon status` shows it, or a pull request as owner/name#12")
    })?;
    // One that waits may bear the name of an earlier one that is over.
    for (key, stored) in journal.machines(Some(MachineKind::Backlog)).await? {
        let MachineKey::Backlog(repo) = key else { continue };
        let state = serde_json::from_str::<Option<machine::State>>(&stored.state).ok().flatten();
        if let Some(machine::State::Backlog(backlog)) = state
            && let Some(wanted) = backlog.waiting.get(&task)
        {
            return Ok(Found::Waiting(repo, task, Box::new(wanted.clone())));
        }
    }
    match states::task(journal, &task).await? {
        Some(state) => Ok(Found::Task(Box::new(state))),
        None => {
            Err(Refusal::not_found(format!("there is no task named {task}")).hint("`antiphon status` shows them all"))
        }
    }
}

fn unmanaged(number: PrNumber) -> Refusal {
    Refusal::conflict(format!("nobody works on #{number}"))
        .hint(format!("`antiphon adopt {number}` has an agent carry it on"))
}
