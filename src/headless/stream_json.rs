//! Claude Code without its terminal: `claude -p --input-format stream-json --output-format stream-json`, one JSON object a line.
//!
//! What is sent and read here is what Claude Code 2.1.328 took and gave, the control requests as its own SDK sends them
//! (<https://code.claude.com/docs/en/headless>, <https://code.claude.com/docs/en/agent-sdk/overview>). With
//! `--replay-user-messages` it repeats a prompt once it has it. What is not known is passed over.

use std::{collections::BTreeMap, io};

use futures_util::{StreamExt as _, future::BoxFuture, stream::FuturesUnordered};
use serde_json::{Value, json};
use tokio::{
    io::AsyncWriteExt as _,
    process::ChildStdin,
    sync::{mpsc, oneshot},
};
use tokio_util::{
    bytes::BytesMut,
    codec::{Decoder, FramedRead, LinesCodec},
};

use super::wire::{Heard, Order, Question, Used, Voice, Wire};

/// The longest line that is read: a file that a tool has read stands in one. Longer ones are passed over.
const LINE_BYTES_MAX: usize = 16 << 20;
/// Our own request that begins the conversation.
const HELLO: &str = "antiphon-hello";
/// The answers that a person can give.
const OPTIONS: [&str; 2] = ["Allow it once", "Do not allow it"];

/// A question of the agent, and which answer a person gave to it.
type Answered = (Value, Option<usize>);

/// The conversation as far as the stream has told it.
struct Stream {
    stdin: ChildStdin,
    heard: mpsc::Sender<Heard>,
    asked: FuturesUnordered<BoxFuture<'static, Answered>>,
    /// Its id, until the agent has said that it can begin.
    conversation: Option<String>,
    /// Whether the newest prompt has arrived. Turns that the agent begins by itself, for what ran beside it, end as well.
    taken: bool,
    /// Whether a person has ended the turn.
    cancelled: bool,
}

/// Speaks with the agent until nobody tells it anything any more, or it says nothing any more. What went wrong.
pub(super) async fn speak(wire: Wire) -> Result<(), String> {
    let Wire { arguments, stdin, stdout, heard, mut orders } = wire;
    let conversation = Some(arguments.conversation.unwrap_or_default());
    let asked = FuturesUnordered::new();
    let mut stream = Stream { stdin, heard, asked, conversation, taken: false, cancelled: false };
    let hello = json!({ "type": "control_request", "request_id": HELLO, "request": { "subtype": "initialize" } });
    stream.write(&hello).await?;
    let mut lines = FramedRead::new(stdout, Lines::new(LINE_BYTES_MAX));
    loop {
        tokio::select! {
            line = lines.next() => match line {
                Some(Ok(line)) => stream.hear(&line).await?,
                Some(Err(_)) | None => return Err("it says nothing any more".to_owned()),
            },
            Some((request, chosen)) = stream.asked.next() => stream.answer(&request, chosen).await?,
            order = orders.recv() => match order {
                Some(order) => stream.order(order).await?,
                None => return Ok(()),
            },
        }
    }
}

/// Lines of text that are no longer than may be; others are passed over.
struct Lines(LinesCodec);

impl Lines {
    fn new(bytes_max: usize) -> Self {
        Self(LinesCodec::new_with_max_length(bytes_max))
    }
}

// An error would end the stream, with what it has read already.
impl Decoder for Lines {
    type Item = String;
    type Error = io::Error;

    fn decode(&mut self, read: &mut BytesMut) -> io::Result<Option<String>> {
        loop {
            if let Ok(line) = self.0.decode(read) {
                return Ok(line);
            }
        }
    }

    fn decode_eof(&mut self, read: &mut BytesMut) -> io::Result<Option<String>> {
        loop {
            if let Ok(line) = self.0.decode_eof(read) {
                return Ok(line);
            }
        }
    }
}

impl Stream {
    async fn write(&mut self, message: &Value) -> Result<(), String> {
        let written = self.stdin.write_all(format!("{message}\n").as_bytes()).await;
        written.map_err(|error| format!("it takes nothing any more: {error}"))
    }

    // Nobody listens at the end.
    async fn tell(&self, heard: Heard) {
        self.heard.send(heard).await.unwrap_or_default();
    }

    async fn order(&mut self, order: Order) -> Result<(), String> {
        let message = match order {
            Order::Prompt(words) => {
                self.cancelled = false;
                // Its own commands are not repeated.
                self.taken = words.starts_with('/');
                json!({ "type": "user", "message": { "role": "user", "content": words }, "parent_tool_use_id": null })
            }
            Order::Cancel => {
                self.cancelled = true;
                let request = json!({ "subtype": "interrupt" });
                json!({ "type": "control_request", "request_id": "antiphon-interrupt", "request": request })
            }
        };
        self.write(&message).await
    }

    async fn hear(&mut self, line: &str) -> Result<(), String> {
        let Ok(message) = serde_json::from_str::<Value>(line) else { return Ok(()) };
        match message["type"].as_str() {
            Some("control_response") => self.begin(&message["response"]).await,
            Some("control_request") => self.ask(message).await,
            Some("user") => {
                if message["isReplay"] == true {
                    self.taken = true;
                    self.tell(Heard::Taken).await;
                }
                Ok(())
            }
            // What helpers of the agent say is for the agent.
            Some("assistant") if message["parent_tool_use_id"].is_null() => {
                for heard in parts(&message["message"]["content"]) {
                    self.tell(heard).await;
                }
                Ok(())
            }
            Some("result") => {
                let used = used(&message);
                if used != Used::default() {
                    self.tell(Heard::Used(used)).await;
                }
                let ended = if self.cancelled { Ok(()) } else { outcome(&message) };
                if self.taken || ended.is_err() {
                    self.tell(Heard::TurnEnded(ended)).await;
                }
                Ok(())
            }
            Some(_) | None => Ok(()),
        }
    }

    async fn begin(&mut self, response: &Value) -> Result<(), String> {
        if response["request_id"] != HELLO {
            return Ok(());
        }
        if response["subtype"] != "success" {
            return Err(response["error"].as_str().unwrap_or("it refused to begin").to_owned());
        }
        let Some(conversation) = self.conversation.take() else { return Ok(()) };
        let who = "Claude Code, by stream-json".to_owned();
        self.tell(Heard::Begun { who, conversation, note: None }).await;
        Ok(())
    }

    /// The agent wants something of us: to know whether it may use a tool, or what we never offered.
    async fn ask(&mut self, message: Value) -> Result<(), String> {
        let (id, request) = (&message["request_id"], &message["request"]);
        if request["subtype"] != "can_use_tool" {
            let response = json!({ "subtype": "error", "request_id": id, "error": "this client cannot do that" });
            return self.write(&json!({ "type": "control_response", "response": response })).await;
        }
        let (answer, answered) = oneshot::channel();
        let what = tool(request["tool_name"].as_str().unwrap_or("a tool"), &request["input"]);
        let options = OPTIONS.map(str::to_owned).to_vec();
        self.tell(Heard::Asks(Question { what, options, answer })).await;
        // The agent goes on speaking while a person thinks.
        self.asked.push(Box::pin(async move { (message, answered.await.ok()) }));
        Ok(())
    }

    async fn answer(&mut self, asked: &Value, chosen: Option<usize>) -> Result<(), String> {
        let decision = match chosen {
            Some(0) => json!({ "behavior": "allow", "updatedInput": asked["request"]["input"] }),
            Some(_) => json!({ "behavior": "deny", "message": "A person did not allow it." }),
            // The turn has ended: nobody waits for it.
            None => return Ok(()),
        };
        let response = json!({ "subtype": "success", "request_id": asked["request_id"], "response": decision });
        self.write(&json!({ "type": "control_response", "response": response })).await
    }
}

/// What an answer consists of.
fn parts(content: &Value) -> Vec<Heard> {
    let part = |part: &Value| match part["type"].as_str() {
        Some("text") => Some(Heard::Says(Voice::Agent, format!("{}\n", part["text"].as_str()?))),
        Some("thinking") => Some(Heard::Says(Voice::Thought, format!("{}\n", part["thinking"].as_str()?))),
        Some("tool_use") => Some(Heard::Does("⚙ ", tool(part["name"].as_str()?, &part["input"]))),
        Some(_) | None => None,
    };
    content.as_array().into_iter().flatten().filter_map(part).collect()
}

/// A tool and what it is used on, in one line.
fn tool(name: &str, input: &Value) -> String {
    let known = ["command", "file_path", "path", "pattern", "url", "query", "description"];
    let what = known.iter().find_map(|key| input[key].as_str()).unwrap_or_default();
    format!("{name} {}", what.lines().next().unwrap_or_default()).trim_end().to_owned()
}

fn outcome(result: &Value) -> Result<(), String> {
    if result["subtype"] == "success" && result["is_error"] != true {
        return Ok(());
    }
    let said = result["result"].as_str().or_else(|| result["errors"][0].as_str());
    Err(said.or_else(|| result["subtype"].as_str()).unwrap_or("the turn ended with an error").to_owned())
}

/// The numbers of the whole conversation so far.
fn used(result: &Value) -> Used {
    let models: BTreeMap<String, Value> = serde_json::from_value(result["modelUsage"].clone()).unwrap_or_default();
    let sum = |key: &str| models.values().filter_map(|used| used[key].as_u64()).sum();
    let keys = ["inputTokens", "cacheReadInputTokens", "cacheCreationInputTokens", "outputTokens"];
    // With several models nobody can say which one it is.
    let only = models.iter().next().filter(|_| models.len() == 1);
    Used {
        context: None,
        cost: result["total_cost_usd"].as_f64(),
        tokens: (!models.is_empty()).then(|| keys.map(sum)),
        model: only.map(|(name, _)| name.clone()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_turn_that_failed_says_why() {
        let failed = json!({ "type": "result", "subtype": "success", "is_error": true, "result": "API Error: 400" });
        let broken = json!({ "type": "result", "subtype": "error_during_execution", "is_error": true });

        assert_eq!(outcome(&failed), Err("API Error: 400".to_owned()));
        assert_eq!(outcome(&broken), Err("error_during_execution".to_owned()));
        assert_eq!(outcome(&json!({ "subtype": "success", "is_error": false, "result": "done" })), Ok(()));
    }

    #[test]
    fn what_is_used_is_that_of_the_conversation_over_all_its_models() {
        let model = |input: u64| json!({ "inputTokens": input, "outputTokens": 2, "cacheReadInputTokens": 3 });
        let two = json!({ "total_cost_usd": 0.5, "modelUsage": { "small": model(10), "large": model(30) } });
        let one = json!({ "modelUsage": { "large": model(30) } });

        assert_eq!(used(&two), Used { cost: Some(0.5), tokens: Some([40, 6, 0, 4]), ..Used::default() });
        assert_eq!(used(&one).model.as_deref(), Some("large"));
        assert_eq!(used(&json!({})), Used::default());
    }

    #[tokio::test]
    async fn a_line_that_is_too_long_or_no_text_is_passed_over() {
        let said = [b"one\n".as_slice(), &[b'x'; 100], b"\ntwo\n\xff\xfe\nthree\n\xff"].concat();
        let lines = FramedRead::new(said.as_slice(), Lines::new(50));

        let heard: Vec<_> = lines.map(Result::unwrap).collect().await;

        assert_eq!(heard, ["one", "two", "three"]);
    }

    #[test]
    fn a_tool_is_named_with_what_it_is_used_on() {
        assert_eq!(
            tool("Bash", &json!({ "command": "cargo test\nrm -rf x", "description": "tests" })),
            "Bash cargo test"
        );
        assert_eq!(tool("Mystery", &json!({ "x": 1 })), "Mystery");
    }
}
