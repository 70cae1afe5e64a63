//! Asks the daemon for something and shows what it granted.

use super::{
    caller::{Caller, wait_for},
    error::Error,
    output,
};
use crate::{
    client::{self, Client},
    view::Granted,
};

/// Asks, and shows the answer: in words, as JSON, or for the quiet the task's name alone.
pub(super) fn ask(
    caller: &Caller,
    json: bool,
    wish: impl AsyncFnOnce(&Client) -> Result<Granted, client::Error>,
) -> Result<(), Error> {
    let client = caller.client()?;
    let granted = wait_for(async { Ok(wish(&client).await?) })?;
    match (&granted.task, json, caller.is_quiet()) {
        (_, true, _) => output::json(&granted),
        (Some(task), false, true) => output::line(task.as_str()),
        (None, false, true) => Ok(()),
        (Some(_) | None, false, false) => output::line(&granted.what),
    }
}
