//! `antiphon gc`: removes the workspaces of tasks that have ended, and keeps what they alone hold.

use super::{
    caller::{Caller, request_id, wait_for},
    error::Error,
    output,
};
use crate::{
    client::Client,
    model::TaskId,
    view::{self, TaskView},
};

const EXAMPLES: &str = "\
Examples:
  antiphon gc --dry-run                                   what would be removed, and what it holds
  antiphon gc                                             all workspaces of ended tasks
  antiphon gc hello-12                                    this one
What a workspace holds and nothing else does (changes, new files, commits that were not pushed) is kept under a ref of
the repository: `antiphon undo` brings it back. What git ignores is not kept.";

#[derive(Debug, clap::Args)]
#[command(after_help = EXAMPLES)]
pub(super) struct Arguments {
    /// Tasks by name; default: all that have ended
    #[arg(value_name = "TASK")]
    tasks: Vec<TaskId>,
    /// Changes nothing and says what would be done
    #[arg(long, short = 'n')]
    dry_run: bool,
    /// Prints the tasks as JSON
    #[arg(long)]
    pub(super) json: bool,
}

pub(super) fn run(arguments: &Arguments, caller: &Caller) -> Result<(), Error> {
    let client = caller.client()?;
    let ended = wait_for(async {
        let ended = left(client.overview().await?.tasks, &arguments.tasks)?;
        if !arguments.dry_run {
            for task in &ended {
                clean(&client, task).await?;
            }
        }
        Ok(ended)
    })?;
    if arguments.json {
        return output::json(&ended);
    }
    if ended.is_empty() && !caller.is_quiet() {
        return output::line("no ended task has a workspace");
    }
    let done = if arguments.dry_run { "would be removed" } else { "is being removed" };
    for task in &ended {
        let path = task.workspace.as_deref().unwrap_or_default();
        let why = task.trouble.as_deref().map(|why| format!(" ({why})")).unwrap_or_default();
        output::line(&format!("{}: {path} {done}{why}", task.task))?;
    }
    Ok(())
}

async fn clean(client: &Client, task: &TaskView) -> Result<(), Error> {
    let wish = view::Subject { request: request_id()?, subject: task.task.clone() };
    client.clean(&wish).await?;
    Ok(())
}

/// The ended tasks that have a workspace: all, or those that were named.
fn left(tasks: Vec<TaskView>, named: &[TaskId]) -> Result<Vec<TaskView>, Error> {
    let left: Vec<_> = tasks.into_iter().filter(|task| task.phase.is_over() && task.workspace.is_some()).collect();
    if let Some(other) = named.iter().find(|name| !left.iter().any(|task| task.task == name.as_str())) {
        let message = format!("{other} is no ended task with a workspace");
        return Err(Error::invalid(message).hint("`antiphon gc --dry-run` lists them"));
    }
    let is_meant = |task: &TaskView| named.is_empty() || named.iter().any(|name| task.task == name.as_str());
    Ok(left.into_iter().filter(is_meant).collect())
}
