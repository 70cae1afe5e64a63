//! `POST clean`, `POST prune` and `POST restore`: the workspace of a task that has ended.

use axum::extract::State;

use super::{
    grant::{Answer, Request, granted},
    refusal::{Refusal, Wish},
};
use crate::{
    event,
    http::{Shared, states},
    machine::task,
    model::TaskId,
    view::Subject,
};

/// Wants a workspace gone, and what it holds kept elsewhere.
pub(super) async fn clean(surroundings: Shared, wish: Wish<Subject>) -> Answer {
    let what = "its workspace is being removed, and what that alone holds is kept for `antiphon undo`";
    order(surroundings, wish, event::Task::CleanWanted, has_workspace, what).await
}

/// Wants the build output in a workspace gone.
pub(super) async fn prune(surroundings: Shared, wish: Wish<Subject>) -> Answer {
    let what = "the directories in its workspace that git ignores are being removed";
    order(surroundings, wish, event::Task::PruneWanted, has_workspace, what).await
}

fn has_workspace(task: &task::State) -> Result<(), Refusal> {
    match task.workspace {
        Some(_) => Ok(()),
        None => Err(Refusal::conflict(format!("{} has no workspace any more", task.task))),
    }
}

/// Wants a workspace back as it was.
pub(super) async fn restore(surroundings: Shared, wish: Wish<Subject>) -> Answer {
    let was_rescued = |task: &task::State| match (&task.workspace, &task.rescue) {
        (Some(path), _) => Err(Refusal::conflict(format!("the workspace of {} is there: {path}", task.task))),
        (None, None) => Err(Refusal::not_found(format!("nothing was kept of the workspace of {}", task.task))
            .hint("`antiphon undo` lists what can be brought back")),
        (None, Some(_)) => Ok(()),
    };
    let what = "its workspace is being brought back as it was";
    order(surroundings, wish, event::Task::RestoreWanted, was_rescued, what).await
}

async fn order(
    State(surroundings): Shared,
    Wish(wish): Wish<Subject>,
    event: event::Task,
    check: fn(&task::State) -> Result<(), Refusal>,
    what: &str,
) -> Answer {
    let request = Request::new(&wish.request)?;
    let journal = &*surroundings.journal;
    let name: TaskId = wish
        .subject
        .parse()
        .map_err(|_| Refusal::malformed("that is no task").hint("name a task as `antiphon status --all` shows it"))?;
    let Some(task) = states::task(journal, &name).await? else {
        return Err(
            Refusal::not_found(format!("there is no task named {name}")).hint("`antiphon status --all` shows them all")
        );
    };
    let event = event.into();
    // The same wish again meets what it led to.
    if !request.was_granted(journal, &task.key(), &event).await? {
        if !task.is_over() {
            let hint = format!("`antiphon stop {name}` ends it");
            return Err(Refusal::conflict(format!("{name} has not ended")).hint(hint));
        }
        check(&task)?;
        request.grant(journal, task.key(), event).await?;
    }
    Ok(granted(Some(name.clone()), format!("{name}: {what}")))
}
