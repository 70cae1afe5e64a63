//! The command that is told of prompts and turns, as agents' hooks are: one JSON object on its standard input.

use std::{collections::BTreeMap, ffi::OsString, path::Path, time::Duration};

use serde_json::{Value, json};

use crate::process::Command;

/// How long a hook may take.
const DEADLINE: Duration = Duration::from_secs(10);

/// Whom to tell.
#[derive(Debug, Clone, Copy)]
pub(in crate::simulator) struct Hooks<'a> {
    /// The command; empty for none.
    pub(in crate::simulator) argv: &'a [OsString],
    /// Where it runs.
    pub(in crate::simulator) dir: &'a Path,
    /// Its environment.
    pub(in crate::simulator) env: &'a BTreeMap<OsString, OsString>,
}

impl Hooks<'_> {
    /// Tells an event of a session. The error says in words how the command ended.
    pub(in crate::simulator) async fn tell(self, mut event: Value, session_id: &str) -> Result<(), String> {
        let Some((program, args)) = self.argv.split_first() else { return Ok(()) };
        event["session_id"] = json!(session_id);
        event["cwd"] = json!(self.dir.display().to_string());
        let told = Command::new(program).args(args).dir(self.dir).envs(self.env).stdin(event.to_string());
        match told.deadline(DEADLINE).run().await {
            Ok(ended) if ended.success() => Ok(()),
            Ok(ended) => Err(format!("ended with {:?}", ended.code)),
            Err(error) => Err(format!("failed: {error}")),
        }
    }
}
