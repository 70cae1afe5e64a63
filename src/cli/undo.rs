//! `antiphon undo`: brings back what the workspaces of ended tasks held when they were removed.

use jiff::Timestamp;

use super::{
    age::age,
    caller::{Caller, request_id, wait_for},
    error::Error,
    granted, output,
};
use crate::{
    model::{Rescue, TaskId},
    view,
};

const EXAMPLES: &str = "\
Examples:
  antiphon undo                                           what can be brought back
  antiphon undo hello-12                                  the workspace of this task, as it was";

#[derive(Debug, clap::Args)]
#[command(after_help = EXAMPLES)]
pub(super) struct Arguments {
    /// A task by name; without one, all that can be brought back are listed
    #[arg(value_name = "TASK")]
    task: Option<TaskId>,
    /// Prints the answer as JSON
    #[arg(long)]
    pub(super) json: bool,
}

pub(super) fn run(arguments: Arguments, caller: &Caller) -> Result<(), Error> {
    let Some(task) = arguments.task else { return list(arguments.json, caller) };
    let wish = view::Subject { request: request_id()?, subject: task.to_string() };
    granted::ask(caller, arguments.json, async |client| client.restore(&wish).await)
}

fn list(json: bool, caller: &Caller) -> Result<(), Error> {
    let client = caller.client()?;
    let overview = wait_for(async { Ok(client.overview().await?) })?;
    let gone = overview.tasks.into_iter().filter(|task| task.workspace.is_none());
    let mut rescues: Vec<Rescue> = gone.filter_map(|task| task.rescue).collect();
    rescues.sort_by_key(|rescue| std::cmp::Reverse(rescue.at));
    if json {
        return output::json(&rescues);
    }
    if rescues.is_empty() && !caller.is_quiet() {
        return output::line("nothing was removed that could be brought back");
    }
    rescues.iter().try_for_each(|rescue| output::line(&row(rescue, overview.at)))
}

fn row(rescue: &Rescue, now: Timestamp) -> String {
    format!("{:<24} {:>4} ago  {}", rescue.task.as_str(), age(rescue.at, now), rescue.commit.short())
}
