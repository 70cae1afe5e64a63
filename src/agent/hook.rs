//! What agents report through their hooks.
//!
//! The fields are Claude Code's; Codex and Qwen Code use the same names in their hooks, Gemini CLI two others, and Codex other
//! fields in what it passes to `notify`. A program without hooks of its own may write the same. Unknown fields are ignored,
//! unknown events are named. All texts come from outside.

use jiff::Timestamp;
use serde_json::Value;

/// One report of an agent.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HookEvent {
    /// When the hook ran.
    pub at: Timestamp,
    /// What happened.
    pub kind: HookKind,
    /// The agent's own id of its session, if it said one.
    pub agent_session: Option<String>,
    /// The agent's transcript file, if it said one.
    pub transcript: Option<String>,
}

/// What happened.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum HookKind {
    /// The agent began, resumed or cleared a conversation.
    SessionStarted {
        /// Its id of the conversation.
        agent_session: String,
    },
    /// The agent took a prompt in.
    PromptSubmitted {
        /// The prompt, as the agent has it.
        text: String,
    },
    /// The agent ended a turn. Turns are not one to one with prompts.
    TurnEnded {
        /// The agent's last words.
        message: Option<String>,
        /// Whether work of it still runs in the background.
        background: bool,
    },
    /// Whoever reported the end of the turn waits whether there is more to do.
    Waits,
    /// A turn ended by an error.
    TurnFailed {
        /// The error, as the agent names it.
        error: String,
    },
    /// The agent waits for a person.
    NeedsInput {
        /// What it says.
        message: String,
    },
    /// A person has answered it.
    Answered,
    /// The conversation ended; the process may go on with another one.
    SessionEnded {
        /// Why, as the agent names it.
        reason: String,
    },
    /// Something else.
    Unknown {
        /// Its name.
        name: String,
    },
}

/// Notifications of Claude Code that ask nothing of anybody.
const IDLE_NOTIFICATIONS: [&str; 3] = ["idle_prompt", "auth_success", "elicitation_complete"];
/// Notification of Claude Code that a person has answered a question.
const ANSWERED: &str = "elicitation_response";

/// The field that our hook command adds to a report if it waits for an answer.
pub(super) const WAITS: &str = "antiphon_waits";

/// Reads what an agent gave to its hook. One report of Codex tells several things.
pub(super) fn read(at: Timestamp, report: &Value) -> Vec<HookEvent> {
    let agent_session = text(report, "session_id").or_else(|| text(report, "thread-id"));
    let transcript = text(report, "transcript_path");
    let kinds = match text(report, "type").as_deref() {
        Some("agent-turn-complete") => codex_turn(report),
        _ => vec![kind(report)],
    };
    let waits = report.get(WAITS).is_some_and(|waits| waits == true).then_some(HookKind::Waits);
    let event = |kind| HookEvent { at, kind, agent_session: agent_session.clone(), transcript: transcript.clone() };
    kinds.into_iter().chain(waits).map(event).collect()
}

fn kind(report: &Value) -> HookKind {
    let name = text(report, "hook_event_name").unwrap_or_default();
    let or_empty = |key| text(report, key).unwrap_or_default();
    match name.as_str() {
        "SessionStart" => HookKind::SessionStarted { agent_session: or_empty("session_id") },
        "UserPromptSubmit" | "BeforeAgent" => HookKind::PromptSubmitted { text: or_empty("prompt") },
        "Stop" | "AfterAgent" => HookKind::TurnEnded {
            message: text(report, "last_assistant_message").or_else(|| text(report, "prompt_response")),
            background: report.get("background_tasks").and_then(Value::as_array).is_some_and(|tasks| !tasks.is_empty()),
        },
        "StopFailure" => HookKind::TurnFailed { error: failure(report) },
        "Notification" => notification(report),
        "SessionEnd" => HookKind::SessionEnded { reason: or_empty("reason") },
        _ => HookKind::Unknown { name },
    }
}

/// Claude Code names the kind of error and puts the words of the model's service into the last message.
fn failure(report: &Value) -> String {
    let parts: Vec<_> = ["error", "last_assistant_message"]
        .iter()
        .filter_map(|&key| text(report, key))
        .filter(|part| !part.is_empty())
        .collect();
    parts.join(": ")
}

fn notification(report: &Value) -> HookKind {
    let message = text(report, "message").unwrap_or_default();
    let kind = text(report, "notification_type").unwrap_or_default();
    if kind == ANSWERED {
        return HookKind::Answered;
    }
    // Versions that do not name the kind say this when a prompt is awaited, which is no question.
    let idle = kind.is_empty() && message.contains("waiting for your input");
    if idle || IDLE_NOTIFICATIONS.contains(&kind.as_str()) {
        return HookKind::Unknown { name: format!("Notification {kind}").trim_end().to_owned() };
    }
    HookKind::NeedsInput { message }
}

/// Codex tells the prompts of a turn when it is over.
fn codex_turn(report: &Value) -> Vec<HookKind> {
    let prompts = report.get("input-messages").and_then(Value::as_array).into_iter().flatten();
    let prompts: Vec<_> = prompts.filter_map(Value::as_str).collect();
    // Beside the first turn it lets the model name the session; the end of that says nothing about the session.
    if let [naming] = prompts[..]
        && naming.contains("\n\nUser prompt:\n")
    {
        return vec![HookKind::Unknown { name: "agent-turn-complete of a title".to_owned() }];
    }
    // Codex has no other way to tell its id, by which it can be resumed.
    let started = text(report, "thread-id").map(|agent_session| HookKind::SessionStarted { agent_session });
    let submitted = |text: &str| HookKind::PromptSubmitted { text: text.to_owned() };
    let mut kinds: Vec<_> = started.into_iter().chain(prompts.into_iter().map(submitted)).collect();
    kinds.push(HookKind::TurnEnded { message: text(report, "last-assistant-message"), background: false });
    kinds
}

fn text(report: &Value, key: &str) -> Option<String> {
    report.get(key).and_then(Value::as_str).map(str::to_owned)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn kinds(report: &Value) -> Vec<HookKind> {
        read(Timestamp::UNIX_EPOCH, report).into_iter().map(|event| event.kind).collect()
    }

    /// Each as Claude Code 2.1.328 wrote it, shortened; the answer to a question as it is documented.
    #[test]
    fn what_claude_code_reports_is_read() {
        let ended = |background| HookKind::TurnEnded { message: Some("done".into()), background };
        for (report, expected) in [
            (
                json!({"session_id": "s", "hook_event_name": "SessionStart", "source": "startup", "model": "m"}),
                HookKind::SessionStarted { agent_session: "s".into() },
            ),
            (
                json!({"hook_event_name": "UserPromptSubmit", "prompt": "[antiphon:abcdefghij] a\nb"}),
                HookKind::PromptSubmitted { text: "[antiphon:abcdefghij] a\nb".into() },
            ),
            (
                json!({"hook_event_name": "Stop", "last_assistant_message": "done", "background_tasks": []}),
                ended(false),
            ),
            (
                json!({"hook_event_name": "Stop", "last_assistant_message": "done", "background_tasks": [{"id": 1}]}),
                ended(true),
            ),
            (
                json!({"hook_event_name": "StopFailure", "error": "unknown", "last_assistant_message": "API Error: 400"}),
                HookKind::TurnFailed { error: "unknown: API Error: 400".into() },
            ),
            (
                json!({"hook_event_name": "Notification", "message": "Claude needs your permission", "notification_type": "permission_prompt"}),
                HookKind::NeedsInput { message: "Claude needs your permission".into() },
            ),
            (
                json!({"hook_event_name": "Notification", "message": "Claude is waiting for your input", "notification_type": "idle_prompt"}),
                HookKind::Unknown { name: "Notification idle_prompt".into() },
            ),
            (
                json!({"hook_event_name": "Notification", "notification_type": "elicitation_response"}),
                HookKind::Answered,
            ),
            (
                json!({"hook_event_name": "Notification", "message": "Claude is waiting for your input"}),
                HookKind::Unknown { name: "Notification".into() },
            ),
            (
                json!({"hook_event_name": "SessionEnd", "reason": "prompt_input_exit"}),
                HookKind::SessionEnded { reason: "prompt_input_exit".into() },
            ),
            (json!({"hook_event_name": "PreCompact"}), HookKind::Unknown { name: "PreCompact".into() }),
            (json!({"prompt": 7}), HookKind::Unknown { name: String::new() }),
            (json!([]), HookKind::Unknown { name: String::new() }),
        ] {
            assert_eq!(kinds(&report), [expected], "{report}");
        }
    }

    /// As the documentation of Gemini CLI 0.61 has it.
    #[test]
    fn what_gemini_reports_is_read() {
        let took = json!({"hook_event_name": "BeforeAgent", "prompt": "[antiphon:abcdefghij] a"});
        assert_eq!(kinds(&took), [HookKind::PromptSubmitted { text: "[antiphon:abcdefghij] a".into() }]);
        let ended = json!({"hook_event_name": "AfterAgent", "prompt": "a", "prompt_response": "done"});
        assert_eq!(kinds(&ended), [HookKind::TurnEnded { message: Some("done".into()), background: false }]);
    }

    #[test]
    fn one_report_of_codex_tells_the_prompts_and_the_end_of_a_turn() {
        let report = json!({
            "type": "agent-turn-complete", "thread-id": "t", "turn-id": "1", "cwd": "/w",
            "input-messages": ["[antiphon:abcdefghij] a"], "last-assistant-message": "done"
        });

        assert_eq!(
            kinds(&report),
            [
                HookKind::SessionStarted { agent_session: "t".into() },
                HookKind::PromptSubmitted { text: "[antiphon:abcdefghij] a".into() },
                HookKind::TurnEnded { message: Some("done".into()), background: false },
            ]
        );
        assert_eq!(read(Timestamp::UNIX_EPOCH, &report)[0].agent_session.as_deref(), Some("t"));
    }

    /// As Codex 0.169 wrote it, shortened.
    #[test]
    fn the_naming_of_a_session_is_no_turn_of_it() {
        let report = json!({
            "type": "agent-turn-complete", "thread-id": "other",
            "input-messages": ["Generate a title.\n\nUser prompt:\n[antiphon:abcdefghij] a"],
        });

        assert_eq!(kinds(&report), [HookKind::Unknown { name: "agent-turn-complete of a title".into() }]);
    }
}
