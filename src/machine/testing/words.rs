//! Events and effects in a few words, so that a list of them can be read.

use crate::{
    effect::{Effect, List},
    event::{self, ActionOutcome, Event, Seen},
    model::{Cause, Conversation, PromptRef},
};

/// Effects in words, in their order.
pub(crate) fn shown(effects: &[Effect]) -> Vec<String> {
    effects.iter().map(effect).collect()
}

fn effect(effect: &Effect) -> String {
    match effect {
        Effect::Tell { to, event } => format!("tell {to}: {}", said(event)),
        Effect::Look { look, .. } => format!("look {look}"),
        Effect::Triage { head, checks, .. } => {
            let names: Vec<_> = checks.iter().map(|check| check.name.as_str()).collect();
            format!("read failures of {} at {}", names.join(", "), letter(head.as_str()))
        }
        Effect::Launch { generation, conversation, .. } => match conversation {
            Conversation::Continued(own) => format!("launch {generation}, resuming {own}"),
            Conversation::Copied(copied) => format!("launch {generation}, with a copy of {copied}"),
            Conversation::New => format!("launch {generation}"),
        },
        Effect::Prompt { generation, references, .. } => {
            format!("prompt launch {generation}: {}", all(references))
        }
        Effect::Stop { generation, .. } => format!("stop {generation}"),
        Effect::Act(act) => {
            let list = match act.list {
                List::Do => "do",
                List::Escalate => "escalate",
            };
            let place = act.thread.as_ref().map(|thread| format!(" in {thread}")).unwrap_or_default();
            format!("act {} {list} {}{place}", act.rule, act.step)
        }
        Effect::Report { head, line, .. } => format!("report on {}: {line}", letter(head.as_str())),
        Effect::Answer { answer, .. } => {
            let mut said = vec![if answer.heard { "heard" } else { "refused" }.to_owned()];
            said.extend(answer.status.then(|| "status".to_owned()));
            let words = answer.words.iter().map(|words| format!(": {words}")).collect::<String>();
            format!("answer {}: {}{words}", answer.comment, said.join(", "))
        }
        Effect::OpenPull { .. } => "open pull request".to_owned(),
        Effect::LookRepository { .. }
        | Effect::Prepare { .. }
        | Effect::SetUp { .. }
        | Effect::RemoveWorkspace { .. }
        | Effect::RestoreWorkspace { .. }
        | Effect::PruneOutput { .. }
        | Effect::Dismiss { .. }
        | Effect::SeekReceipt { .. }
        | Effect::Meter { .. } => effect.name().to_owned(),
    }
}

/// An event in words.
pub(crate) fn said(event: &Event) -> String {
    let name = event.name();
    match event {
        Event::Pull(event) => match event {
            event::Pull::Observed { snapshot, .. } => format!("{name} {}", facts(snapshot)),
            event::Pull::PromptSubmitted { reference, covers } if covers.is_empty() => {
                format!("{name} ({})", one(reference))
            }
            event::Pull::PromptSubmitted { reference, covers } => {
                format!("{name} ({}) of {}", one(reference), covers.join(", "))
            }
            event::Pull::PromptWithdrawn { reference } => format!("{name} ({})", one(reference)),
            event::Pull::TurnEnded { references } => format!("{name} ({})", all(references)),
            event::Pull::Acted { outcome, .. } => format!("{name}: {}", came(outcome)),
            event::Pull::Hinted { .. }
            | event::Pull::HeadTold { .. }
            | event::Pull::BaseMoved
            | event::Pull::RulesChanged
            | event::Pull::Unchanged { .. }
            | event::Pull::LookFailed { .. }
            | event::Pull::Triaged { .. }
            | event::Pull::Managed { .. }
            | event::Pull::Released
            | event::Pull::RetryWanted
            | event::Pull::ClockJumped { .. }
            | event::Pull::DeadlinePassed => name.to_owned(),
        },
        Event::Session(event::Session::PromptWanted { reference }) => format!("{name} ({})", one(reference)),
        Event::Session(event::Session::Acted { outcome, .. }) => format!("{name}: {}", came(outcome)),
        Event::Session(event::Session::Probed { seen, .. }) => match seen {
            Seen::Alive { dialog: true, .. } => format!("{name}: a dialog"),
            Seen::Alive { .. } => format!("{name}: alive"),
            Seen::Exited { .. } => format!("{name}: exited"),
            Seen::Gone => format!("{name}: gone"),
        },
        Event::Session(_) | Event::Task(_) | Event::Backlog(_) | Event::Fleet(_) => name.to_owned(),
    }
}

fn facts(snapshot: &crate::model::Snapshot) -> String {
    let checks: Vec<_> = snapshot.checks.iter().map(|check| format!("{} {:?}", check.name, check.state)).collect();
    let reviews: Vec<_> = snapshot.reviews.iter().map(|it| format!("{} {:?}", it.author.login, it.state)).collect();
    let head = letter(snapshot.head.sha.as_str());
    format!("{:?} at {head} [{}] [{}]", snapshot.lifecycle, checks.join(", "), reviews.join(", "))
}

fn came(outcome: &ActionOutcome) -> String {
    match outcome {
        ActionOutcome::Done => "done".to_owned(),
        ActionOutcome::Dropped => "dropped".to_owned(),
        ActionOutcome::Failed(why) => format!("failed: {why}"),
    }
}

fn all(references: &[PromptRef]) -> String {
    references.iter().map(one).collect::<Vec<_>>().join(" + ")
}

fn one(reference: &PromptRef) -> String {
    match &reference.cause {
        Cause::Task => "the task".to_owned(),
        Cause::Person(_) => "a person's words".to_owned(),
        Cause::Comment { by, .. } => format!("a comment of @{by}"),
        Cause::Handover => "a handover".to_owned(),
        Cause::Incident { kind, .. } => format!("{} attempt {}", kind.as_str(), reference.attempt),
    }
}

fn letter(sha: &str) -> &str {
    sha.get(..1).unwrap_or_default()
}
