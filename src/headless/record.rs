//! What a launch is told: reports in its spool, as the hooks of other agents write them, and a record of its conversation.

use std::{io::Write as _, path::PathBuf};

use serde_json::{Value, json};

use super::wire::Used;
use crate::{
    agent::{
        doorbell,
        spool::{self, Slot},
    },
    clock::Clock,
};

/// The record's name in the private directory of the launch.
const RECORD: &str = "headless.jsonl";

/// Whom to tell.
pub(super) struct Record {
    slot: Option<Slot>,
    path: Option<PathBuf>,
    session: String,
    clock: Clock,
}

impl Record {
    /// The record of a conversation.
    pub(super) fn new(slot: Option<Slot>, session: &str) -> Self {
        let path = slot.as_ref().and_then(|slot| slot.dir.parent()).map(|dir| dir.join(RECORD));
        Self { slot, path, session: session.to_owned(), clock: Clock::system() }
    }

    /// The conversation can take prompts.
    pub(super) fn begun(&self) {
        self.report(json!({ "hook_event_name": "SessionStart" }));
    }

    /// The agent has answered to a prompt.
    pub(super) fn taken(&self, prompt: &str) {
        self.note(&json!({ "type": "prompt", "prompt": prompt }));
        self.report(json!({ "hook_event_name": "UserPromptSubmit", "prompt": prompt }));
    }

    /// A turn ended.
    pub(super) fn ended(&self) {
        self.report(json!({ "hook_event_name": "Stop" }));
    }

    /// A turn ended, and not well.
    pub(super) fn failed(&self, why: &str) {
        self.report(json!({ "hook_event_name": "StopFailure", "error": why }));
    }

    /// A person has to choose.
    pub(super) fn asks(&self, what: &str) {
        let message = format!("The agent needs your permission: {what}");
        self.report(
            json!({ "hook_event_name": "Notification", "notification_type": "permission_prompt", "message": message }),
        );
    }

    /// A person has chosen, and nothing else is asked.
    pub(super) fn answered(&self) {
        self.report(json!({ "hook_event_name": "Notification", "notification_type": "elicitation_response" }));
    }

    /// What the conversation has used so far.
    pub(super) fn used(&self, used: &Used) {
        let [input, cached, cache_written, output] = used.tokens.map_or([None; 4], |tokens| tokens.map(Some));
        let (context_used, context) = used.context.unzip();
        self.note(&json!({
            "type": "usage", "context_used": context_used, "context": context, "cost": used.cost, "model": used.model,
            "input": input, "cached": cached, "cache_written": cache_written, "output": output,
        }));
    }

    // What cannot be written is seen by a look later, as with hooks.
    fn report(&self, mut report: Value) {
        let Some(slot) = &self.slot else { return };
        report["session_id"] = json!(self.session);
        report["transcript_path"] = json!(self.path);
        drop(spool::record(&slot.dir, &slot.token, report.to_string().as_bytes(), false, self.clock.now()));
        slot.socket.as_deref().map(doorbell::ring);
    }

    fn note(&self, line: &Value) {
        let Some(path) = &self.path else { return };
        let file = std::fs::OpenOptions::new().create(true).append(true).open(path);
        drop(file.and_then(|mut file| file.write_all(format!("{line}\n").as_bytes())));
    }
}
