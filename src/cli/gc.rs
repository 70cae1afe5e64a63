//! `antiphon gc`: removes the workspaces of tasks that have ended, and keeps what they alone hold; or only what was built there.

use std::collections::BTreeMap;

use super::{
    caller::{Caller, request_id, wait_for},
    error::Error,
    output,
};
use crate::{
    model::{InvalidId, TaskId},
    view::{self, TaskView},
    workspace::{self, Git, Output, Workspaces},
};

const EXAMPLES: &str = "\
Examples:
  antiphon gc --dry-run                                   what would be removed, and what it holds
  antiphon gc                                             all workspaces of ended tasks
  antiphon gc hello-12                                    this one
  antiphon gc --build-output                              what git ignores in them, and nothing else
What a workspace holds and nothing else does (changes, new files, commits that were not pushed) is kept under a ref of
the repository: `antiphon undo` brings it back. What git ignores is not kept.";

#[derive(Debug, clap::Args)]
#[command(after_help = EXAMPLES)]
#[expect(clippy::struct_excessive_bools, reason = "each is a flag of the command line")]
pub(super) struct Arguments {
    /// Tasks by name; default: all that have ended
    #[arg(value_name = "TASK")]
    tasks: Vec<TaskId>,
    /// Only removes the directories that git ignores; the workspaces stay
    #[arg(long)]
    build_output: bool,
    /// Changes nothing and says what would be done
    #[arg(long, short = 'n')]
    dry_run: bool,
    /// Prints the tasks as JSON
    #[arg(long)]
    pub(super) json: bool,
}

pub(super) fn run(arguments: &Arguments, caller: &Caller) -> Result<(), Error> {
    let client = caller.client()?;
    let (ended, held) = wait_for(async {
        let ended = left(client.overview().await?.tasks, &arguments.tasks)?;
        let held = if arguments.build_output { built(&ended, caller).await? } else { BTreeMap::new() };
        if !arguments.dry_run {
            for task in &ended {
                let wish = view::Subject { request: request_id()?, subject: task.task.clone() };
                if arguments.build_output {
                    client.prune(&wish).await?
                } else {
                    client.clean(&wish).await?
                };
            }
        }
        Ok((ended, held))
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
        let line = match held.get(&task.task) {
            Some(output) if output.dirs.is_empty() => format!("{path} holds no build output"),
            Some(output) => format!("{} in {path} {done}, {} MB", output.dirs.join(" "), output.bytes / 1_000_000),
            None => {
                let why = task.trouble.as_deref().map(|why| format!(" ({why})")).unwrap_or_default();
                format!("{path} {done}{why}")
            }
        };
        output::line(&format!("{}: {line}", task.task))?;
    }
    Ok(())
}

/// What was built in the workspaces of these tasks.
async fn built(tasks: &[TaskView], caller: &Caller) -> Result<BTreeMap<String, Output>, Error> {
    let workspaces = Workspaces::new(Git::new("git", caller.environment.variables()), &caller.state_dir()?);
    let mut held = BTreeMap::new();
    for task in tasks {
        let unknown = |error: workspace::Error| Error::failed(format!("cannot look at {}", task.task)).because(&error);
        let name: TaskId = task.task.parse().map_err(|error: InvalidId| Error::invalid(error.to_string()))?;
        let output = match workspaces.find(&name).map_err(unknown)? {
            Some(workspace) => workspaces.output(&workspace).await.map_err(unknown)?,
            None => Output::default(),
        };
        held.insert(task.task.clone(), output);
    }
    Ok(held)
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
