//! The scripted agent without a terminal, by JSON lines: what Claude Code 2.1.328 was seen to read and write, and in which order.

use std::io;

use serde_json::{Value, json};

use super::{Agent, MARKER, reading, wire::Wire, work::Workplace};

impl Agent {
    /// Answers messages until the input ends.
    pub(super) fn converse_by_stream_json(&self, wire: &mut Wire<'_>) -> io::Result<i32> {
        while let Some(message) = self.hear(wire)? {
            match message["type"].as_str() {
                Some("control_request") => {
                    let response = json!({
                        "subtype": "success", "request_id": message["request_id"], "response": { "commands": [] },
                    });
                    wire.write(&json!({ "type": "control_response", "response": response }))?;
                }
                Some("user") => self.turn_by_stream_json(&message, wire)?,
                Some(_) | None => {}
            }
        }
        Ok(0)
    }

    fn turn_by_stream_json(&self, message: &Value, wire: &mut Wire<'_>) -> io::Result<()> {
        // A turn of its own, begun before it read the message, for something that had run beside it.
        wire.write(&json!({ "type": "result", "subtype": "success", "is_error": false }))?;
        wire.write(&json!({ "type": "system", "subtype": "init", "model": "scripted" }))?;
        let mut replay = message.clone();
        replay["isReplay"] = json!(true);
        wire.write(&replay)?;
        let words = message["message"]["content"].as_str().unwrap_or_default();
        for marker in MARKER.find_iter(words) {
            wire.say_by_stream_json(&format!("received {}", marker.as_str()))?;
        }
        if self.may_use_its_tools(wire)? {
            let mut said = Vec::new();
            Workplace::new(&self.args, &self.runtime).carry_out(&reading::read(words), &mut said)?;
            wire.say_by_stream_json(&String::from_utf8_lossy(&said))?;
        }
        let used = json!({ "scripted": { "inputTokens": 10, "outputTokens": 2 } });
        wire.write(&json!({
            "type": "result", "subtype": "success", "is_error": false, "total_cost_usd": 0.01, "modelUsage": used,
        }))
    }

    /// Asks for two things at once, as agents do that use several tools.
    fn may_use_its_tools(&self, wire: &mut Wire<'_>) -> io::Result<bool> {
        if wire.permitted {
            return Ok(true);
        }
        let asked = [wire.ask_by_stream_json()?, wire.ask_by_stream_json()?];
        let (mut allowed, mut answered) = (0, 0);
        while answered < asked.len() {
            let Some(message) = self.hear(wire)? else { return Ok(false) };
            let response = &message["response"];
            if asked.iter().any(|id| response["request_id"] == id.as_str()) {
                answered += 1;
                allowed += usize::from(response["response"]["behavior"] == "allow");
            }
        }
        Ok(allowed == asked.len())
    }
}

impl Wire<'_> {
    /// Asks for a permission; the id of the question.
    fn ask_by_stream_json(&mut self) -> io::Result<String> {
        let id = self.new_question();
        let input = json!({ "command": "edit, commit and push" });
        let request = json!({ "subtype": "can_use_tool", "tool_name": "Bash", "input": input });
        self.write(&json!({ "type": "control_request", "request_id": id, "request": request }))?;
        Ok(id)
    }

    fn say_by_stream_json(&mut self, text: &str) -> io::Result<()> {
        let message = json!({ "role": "assistant", "content": [{ "type": "text", "text": text }] });
        self.write(&json!({ "type": "assistant", "message": message, "parent_tool_use_id": null }))
    }
}
