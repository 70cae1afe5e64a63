//! The scripted agent without a terminal: it speaks the Agent Client Protocol on its standard streams, one JSON object a line.
//!
//! Written from the protocol's description alone, <https://agentclientprotocol.com>, so that a client that misreads it is found
//! out.

use std::io;

use serde_json::{Value, json};

use super::{Agent, MARKER, reading, wire::Wire, work::Workplace};

/// What it says of itself.
const SESSION: &str = "scripted-1";

impl Agent {
    /// Answers requests until the input ends.
    pub(super) fn converse_by_acp(&self, wire: &mut Wire<'_>) -> io::Result<i32> {
        while let Some(message) = self.hear(wire)? {
            let (Some(method), Some(id)) = (message["method"].as_str(), message.get("id")) else { continue };
            let answer = match method {
                "initialize" => json!({
                    "protocolVersion": 1,
                    "agentCapabilities": { "loadSession": false },
                    "agentInfo": { "name": "scripted", "version": "1" },
                }),
                "session/new" => json!({ "sessionId": SESSION }),
                "session/prompt" => self.turn_by_acp(&message["params"]["prompt"], wire)?,
                _ => {
                    let error = json!({ "code": -32601, "message": "unknown method" });
                    wire.write(&json!({ "jsonrpc": "2.0", "id": id, "error": error }))?;
                    continue;
                }
            };
            wire.write(&json!({ "jsonrpc": "2.0", "id": id, "result": answer }))?;
        }
        Ok(0)
    }

    fn turn_by_acp(&self, prompt: &Value, wire: &mut Wire<'_>) -> io::Result<Value> {
        let blocks = prompt.as_array().map(Vec::as_slice).unwrap_or_default();
        let message: String = blocks.iter().filter_map(|block| block["text"].as_str()).collect();
        for marker in MARKER.find_iter(&message) {
            wire.say_by_acp(&format!("received {}\n", marker.as_str()))?;
        }
        if self.may_work(wire)? {
            let mut said = Vec::new();
            Workplace::new(&self.args, &self.runtime).carry_out(&reading::read(&message), &mut said)?;
            wire.say_by_acp(&String::from_utf8_lossy(&said))?;
        }
        Ok(json!({ "stopReason": "end_turn" }))
    }

    /// Asks for two things at once, as agents do that use several tools.
    fn may_work(&self, wire: &mut Wire<'_>) -> io::Result<bool> {
        let asked = [wire.ask_by_acp()?, wire.ask_by_acp()?];
        let mut allowed = 0;
        let mut answered = 0;
        while answered < asked.len() {
            let Some(message) = self.hear(wire)? else { return Ok(false) };
            if asked.iter().any(|id| message["id"] == id.as_str()) {
                answered += 1;
                allowed += usize::from(message["result"]["outcome"]["optionId"] == "yes");
            }
        }
        Ok(allowed == asked.len())
    }
}

impl Wire<'_> {
    /// Asks for a permission; the id of the question.
    fn ask_by_acp(&mut self) -> io::Result<String> {
        let id = self.new_question();
        let option = |id: &str, kind: &str| json!({ "optionId": id, "name": id, "kind": kind });
        let params = json!({
            "sessionId": SESSION,
            "toolCall": { "toolCallId": "1", "title": "edit, commit and push", "kind": "execute" },
            "options": [option("no", "reject_once"), option("yes", "allow_once")],
        });
        let method = "session/request_permission";
        self.write(&json!({ "jsonrpc": "2.0", "id": id, "method": method, "params": params }))?;
        Ok(id)
    }

    fn say_by_acp(&mut self, text: &str) -> io::Result<()> {
        let update = json!({ "sessionUpdate": "agent_message_chunk", "content": { "type": "text", "text": text } });
        let params = json!({ "sessionId": SESSION, "update": update });
        self.write(&json!({ "jsonrpc": "2.0", "method": "session/update", "params": params }))
    }
}
