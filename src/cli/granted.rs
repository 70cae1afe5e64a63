//! Shows what the daemon granted.

use super::{caller::Caller, error::Error, output};
use crate::view::Granted;

/// Shows the answer to a wish: in words, as JSON, or for the quiet the task's name alone.
pub(super) fn show(granted: &Granted, json: bool, caller: &Caller) -> Result<(), Error> {
    match (&granted.task, json, caller.is_quiet()) {
        (_, true, _) => output::json(granted),
        (Some(task), false, true) => output::line(task.as_str()),
        (None, false, true) => Ok(()),
        (Some(_) | None, false, false) => output::line(&granted.what),
    }
}
