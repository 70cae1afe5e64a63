//! The Agent Client Protocol, version 1: JSON-RPC, by the crate that is made for it.

use agent_client_protocol::{
    Agent, ByteStreams, Client, Error,
    schema::ProtocolVersion,
    v1::{
        ConnectionTo,
        schema::{
            CancelNotification, ContentBlock, ContentChunk, InitializeRequest, LoadSessionRequest, NewSessionRequest,
            PlanEntryStatus, PromptRequest, PromptResponse, RequestPermissionOutcome, RequestPermissionRequest,
            RequestPermissionResponse, SelectedPermissionOutcome, SessionId, SessionNotification, SessionUpdate,
            StopReason, TextContent, ToolCallStatus,
        },
    },
};
use tokio::sync::{mpsc, oneshot};
use tokio_util::compat::{TokioAsyncReadCompatExt as _, TokioAsyncWriteCompatExt as _};

use super::{
    Arguments, consent,
    wire::{Heard, Order, Question, Used, Voice, Wire},
};
use crate::config::Permissions;

/// Speaks with the agent until nobody tells it anything any more. What went wrong.
pub(super) async fn speak(wire: Wire) -> Result<(), String> {
    let Wire { arguments, stdin, stdout, heard, orders } = wire;
    let (updates, questions) = (heard.clone(), heard.clone());
    let permissions = arguments.permissions;
    let conversing = Client
        .v1()
        .name("antiphon")
        .on_receive_notification(
            async move |told: SessionNotification, _| {
                for heard in heard_in(&told.update) {
                    // Nobody listens at the end.
                    updates.send(heard).await.unwrap_or_default();
                }
                Ok(())
            },
            agent_client_protocol::on_receive_notification!(),
        )
        .on_receive_request(
            async move |asked: RequestPermissionRequest, responder, connection: ConnectionTo<Agent>| {
                questions.send(Heard::Taken).await.unwrap_or_default();
                let answered = decide(&asked, permissions, &questions).await;
                // The agent goes on speaking while a person thinks.
                connection.spawn(async move {
                    let option = answered.await.ok().and_then(|chosen| asked.options.get(chosen).cloned());
                    let outcome = option.map_or(RequestPermissionOutcome::Cancelled, |option| {
                        RequestPermissionOutcome::Selected(SelectedPermissionOutcome::new(option.option_id))
                    });
                    responder.respond(RequestPermissionResponse::new(outcome))
                })
            },
            agent_client_protocol::on_receive_request!(),
        )
        .connect_with(ByteStreams::new(stdin.compat_write(), stdout.compat()), async move |connection| {
            let conversation = begin(&arguments, &connection, &heard).await?;
            go_on(&connection, &conversation, (heard, orders)).await
        });
    Box::pin(conversing).await.map_err(|error| error.to_string())
}

async fn begin(
    arguments: &Arguments,
    connection: &ConnectionTo<Agent>,
    heard: &mpsc::Sender<Heard>,
) -> Result<SessionId, Error> {
    let about = connection.send_request(InitializeRequest::new(ProtocolVersion::V1)).block_task().await?;
    if about.protocol_version != ProtocolVersion::V1 {
        return Err(Error::internal_error().data(format!("it speaks version {:?}", about.protocol_version)));
    }
    let who = about.agent_info.map_or_else(|| "An agent".to_owned(), |info| format!("{} {}", info.name, info.version));
    let can_load = about.agent_capabilities.load_session;
    let cannot = arguments.conversation.is_some() && !can_load;
    let id = match arguments.conversation.clone().filter(|_| can_load) {
        Some(id) => {
            let id = SessionId::new(id);
            connection.send_request(LoadSessionRequest::new(id.clone(), &arguments.dir)).block_task().await?;
            id
        }
        None => connection.send_request(NewSessionRequest::new(&arguments.dir)).block_task().await?.session_id,
    };
    let note = cannot.then(|| "It cannot go on with a conversation: a new one begins.".to_owned());
    let begun = Heard::Begun { who, conversation: id.0.to_string(), note };
    heard.send(begun).await.unwrap_or_default();
    Ok(id)
}

async fn go_on(
    connection: &ConnectionTo<Agent>,
    conversation: &SessionId,
    ends: (mpsc::Sender<Heard>, mpsc::UnboundedReceiver<Order>),
) -> Result<(), Error> {
    let (heard, mut orders) = ends;
    while let Some(order) = orders.recv().await {
        match order {
            Order::Prompt(words) => {
                let blocks = vec![ContentBlock::Text(TextContent::new(words))];
                let answer = connection.send_request(PromptRequest::new(conversation.clone(), blocks)).block_task();
                let heard = heard.clone();
                connection.spawn(async move {
                    heard.send(Heard::TurnEnded(ended(answer.await))).await.unwrap_or_default();
                    Ok(())
                })?;
            }
            Order::Cancel => connection.send_notification(CancelNotification::new(conversation.clone()))?,
        }
    }
    Ok(())
}

fn ended(answer: Result<PromptResponse, Error>) -> Result<(), String> {
    match answer.map(|answer| answer.stop_reason) {
        Ok(StopReason::EndTurn | StopReason::Cancelled) => Ok(()),
        Ok(reason) => Err(format!("the turn ended: {reason:?}")),
        Err(error) => Err(error.to_string()),
    }
}

/// Where the answer comes from: from what the operator has allowed, or else from a person.
async fn decide(
    asked: &RequestPermissionRequest,
    permissions: Permissions,
    heard: &mpsc::Sender<Heard>,
) -> oneshot::Receiver<usize> {
    let (answer, answered) = oneshot::channel();
    let fields = &asked.tool_call.fields;
    if let Some(chosen) = consent::without_asking(permissions, fields.kind.unwrap_or_default(), &asked.options) {
        answer.send(chosen).unwrap_or_default();
    } else {
        let what = fields.title.clone().unwrap_or_else(|| "something".to_owned());
        let options = asked.options.iter().map(|option| option.name.clone()).collect();
        heard.send(Heard::Asks(Question { what, options, answer })).await.unwrap_or_default();
    }
    answered
}

/// What an update says, as far as it concerns anybody. The protocol grows: what is not known is passed over.
fn heard_in(update: &SessionUpdate) -> Vec<Heard> {
    if let SessionUpdate::AgentMessageChunk(chunk) = update {
        vec![Heard::Taken, Heard::Says(Voice::Agent, words(chunk))]
    } else if let SessionUpdate::AgentThoughtChunk(chunk) = update {
        vec![Heard::Taken, Heard::Says(Voice::Thought, words(chunk))]
    } else if let SessionUpdate::ToolCall(call) = update {
        vec![Heard::Taken, Heard::Does("⚙ ", call.title.clone())]
    } else if let SessionUpdate::ToolCallUpdate(update) = update {
        let failed = update.fields.status == Some(ToolCallStatus::Failed);
        let what = update.fields.title.as_deref().unwrap_or("a tool");
        let failed = failed.then(|| Heard::Does("⚙ ", format!("failed: {what}")));
        std::iter::once(Heard::Taken).chain(failed).collect()
    } else if let SessionUpdate::Plan(plan) = update {
        let mark = |done| if done { "☑ " } else { "☐ " };
        let entries = plan.entries.iter();
        let entries =
            entries.map(|entry| Heard::Does(mark(entry.status == PlanEntryStatus::Completed), entry.content.clone()));
        std::iter::once(Heard::Taken).chain(entries).collect()
    } else if let SessionUpdate::UsageUpdate(usage) = update {
        let cost = usage.cost.as_ref().filter(|cost| cost.currency == "USD").map(|cost| cost.amount);
        vec![Heard::Used(Used { context: Some((usage.used, usage.size)), cost, ..Used::default() })]
    } else {
        Vec::new()
    }
}

fn words(chunk: &ContentChunk) -> String {
    if let ContentBlock::Text(text) = &chunk.content {
        text.text.clone()
    } else {
        "[something that is no text]".to_owned()
    }
}
